"""Awkward and broken pictures and texts, as corpora in the wild have them; all importers' tests."""

from __future__ import annotations

import io
import struct
import unicodedata
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

#: Usable texts by language tag, none of them as a corpus file should hold it: byte-order mark,
#: decomposed Hangul and accents, right to left, white space of many kinds, an emoji sequence.
CAPTIONS: dict[str, str] = {
    "en": "\ufeffa cat  on a\tmat",
    "ko": unicodedata.normalize("NFD", "매트 위의 고양이"),
    "fr": unicodedata.normalize("NFD", "un chat sur le canapé d'été"),
    "ar": "  قطة على السجادة\u200f، 3 قطط",
    "he": "חתול על \u2067mat\u2069",
    "ja": "マット\u3000の上の猫",
    "zh-Hans": "垫子上的猫\u00a0",
    "de": 'Katze, "auf" der | Matte; \U0001f469\u200d\U0001f692',
}


def clean(text: str) -> str:
    """Return the text that a corpus file must hold: NFC, single spaces, no byte-order mark."""
    return " ".join(unicodedata.normalize("NFC", text).replace("\ufeff", " ").split())


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """Build a tiny PNG whose header states a huge size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def pictures() -> dict[str, tuple[bytes, bool]]:
    """Return encoded pictures by file name, each with whether it is usable.

    All names end in ``.jpg``, as in corpora that call everything so; the content
    decides. No two are alike. The name ``missing.jpg`` is not among them.
    """
    y, x = np.mgrid[0:24, 0:32]
    pixels = np.stack([7 * x, 9 * y, 4 * (x + y)], -1).astype(np.uint8)
    photo = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    jpeg = encoded(photo, "JPEG", quality=90)
    return {
        "plain.jpg": (jpeg, True),
        "two words.jpg": (encoded(photo.rotate(180), "JPEG"), True),
        "고양이 사진.jpg": (encoded(photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)), True),
        "été (1), n#2 100%.jpg": (encoded(photo.resize((16, 12)), "WEBP", lossless=True), True),
        "grey.jpg": (encoded(photo.convert("L"), "JPEG"), True),
        "cmyk.jpg": (encoded(photo.convert("CMYK"), "JPEG"), True),
        "palette.jpg": (encoded(photo.quantize(16), "GIF"), True),
        "sixteen.jpg": (encoded(Image.fromarray((2000 * x).astype(np.uint16))), True),
        "rotated.jpg": (encoded(photo.resize((20, 14)), "JPEG", exif=exif), True),
        "animated.jpg": (
            encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
            True,
        ),
        "truncated.jpg": (jpeg[: len(jpeg) // 2], False),
        "zero.jpg": (b"", False),
        "page.jpg": (b"<html>404 Not Found</html>", False),
        "bomb.jpg": (bomb(), False),
    }


def write_pictures(folder: Path) -> dict[str, bool]:
    """Write `pictures` into a folder, made if need be; return name and whether it is usable."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (data, _) in pictures().items():
        (folder / name).write_bytes(data)
    return {name: usable for name, (_, usable) in pictures().items()}
