"""Pictures and texts that no atlas should hold."""

from __future__ import annotations

import struct
import zlib

import numpy as np

CONTROLS = "tab\tbell\x07null-like\x01 escape\x1b[31m line\nbreak\r\u2028separator"
OVERRIDES = "\u202egnp.tac\u202c \u2066isolate \u200f\u200e\u061c\u2069\u202d\u202e"
MARKUP = '<img src="file:///etc/passwd"><b>bold</b><a href="http://example.org">link</a>&amp;'
VERY_LONG = "very long " * 20_000
STACKED = "Z" + "\u0301\u0489" * 2_000 + "\U0001f468\u200d\U0001f469" * 50


def _png(width: int, height: int, data: bytes, extra: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    end = chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", data) + end


def _noughts(size: int) -> bytes:
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join([*parts, packer.compress(bytes(size % (1 << 20))), packer.flush()])


PICTURES = {
    "a picture of 60,000 by 60,000": _png(60_000, 60_000, zlib.compress(bytes(100))),
    "a picture that unpacks to a hundred megapixels": _png(10_000, 10_000, _noughts(100_010_000)),
    "a picture of no width": _png(0, 10, zlib.compress(bytes(10))),
    "a picture cut short": _png(96, 96, zlib.compress(bytes(96 * 97)))[:60],
    "noise for a picture": np.random.default_rng(0).bytes(5_000),
    "a text for a picture": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "an empty picture": b"",
    "five megabytes for a picture": bytes(5 << 20),
}
TEXTS: dict[str, str | bytes] = {
    "controls": CONTROLS,
    "overrides of direction": OVERRIDES,
    "markup": MARKUP,
    "very long texts": VERY_LONG,
    "a very long word": "a" * 50_000,
    "stacked marks": STACKED,
    "bytes that are no UTF-8": b"\xff\xfe\xfa \xed\xa0\x80",
    "a private plane": "\U000f0000\uffff\ufdd0\U0010ffff",
}
