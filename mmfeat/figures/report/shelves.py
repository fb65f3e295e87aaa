"""What the pages of a report share: pictures and captions, each kept once."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from mmfeat.atlas.reader import Atlas
from mmfeat.corpus.pictures import decode
from mmfeat.figures.pages import CaptionExample

PICTURE_BYTES = 13 << 20  # of all pictures together, encoded; base64 adds a third
SIDES = (96, 72, 56, 40)  # pixels of the longer side, the first at which they fit
QUALITY = 78
_CHUNK = 64  # pictures that are parsed together when a page needs one


def base64_of(data: bytes | UInt8[np.ndarray, " n"]) -> str:
    """Return bytes as text."""
    return base64.b64encode(bytes(data)).decode("ascii")


def quantised(values: Float[np.ndarray, " n"], largest: float) -> UInt8[np.ndarray, " n"]:
    """Return values of [0, largest] in steps of 1 / 255 of it; what is not finite is 0."""
    if not (np.isfinite(largest) and largest > 0):
        return np.zeros(len(values), np.uint8)
    share = np.nan_to_num(np.asarray(values, np.float64) / largest, posinf=0.0, neginf=0.0)
    return (np.clip(share, 0, 1) * 255).round().astype(np.uint8)


class PictureShelf:
    """Pictures of items, numbered in the order in which they are asked for."""

    def __init__(self) -> None:
        self._place: dict[int, int] = {}

    def place(self, item: int) -> int:
        """Return the number of an item's picture."""
        return self._place.setdefault(item, len(self._place))

    def chunks(self, atlas: Atlas, language: str) -> list[dict[str, Any]]:
        """Return pictures in groups that are parsed together.

        Each has ``pictures`` (WebP in base64, empty where the atlas holds none), ``names`` of
        the items, their ``captions`` in a language, and ``test``, whether they are of test
        concepts.

        Raises
        ------
        MmfeatError
            If a picture cannot be decoded.
        """
        items = list(self._place)
        pictures = _fitting([_thumbnail(atlas, item) for item in items])
        known = atlas.items()
        found = []
        for start in range(0, len(items), _CHUNK):
            part = items[start : start + _CHUNK]
            found.append(
                {
                    "pictures": [base64_of(data) for data in pictures[start : start + _CHUNK]],
                    "names": [known.item_id[item] for item in part],
                    "captions": [_caption(atlas, item, language) for item in part],
                    "test": [int(known.split[item] == "test") for item in part],
                }
            )
        return found


def _thumbnail(atlas: Atlas, item: int) -> UInt8[np.ndarray, "h w 3"] | None:
    from PIL import Image

    data = atlas.thumbnail(item)
    if data is None:
        return None
    picture = decode(data, f"{atlas.path}: the picture of {atlas.items().item_id[item]!r}")
    picture.thumbnail((SIDES[0], SIDES[0]), Image.Resampling.LANCZOS)
    return np.asarray(picture, np.uint8)


def _fitting(pictures: Sequence[UInt8[np.ndarray, "h w 3"] | None]) -> list[bytes]:
    """Encode pictures so large that all together take at most `PICTURE_BYTES`."""
    found: list[bytes] = []
    for side in SIDES:
        found = [b"" if pixels is None else _webp(pixels, side) for pixels in pictures]
        if sum(map(len, found)) <= PICTURE_BYTES:
            break
    return found


def _webp(pixels: UInt8[np.ndarray, "h w 3"], side: int) -> bytes:
    from PIL import Image

    picture = Image.fromarray(pixels)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=QUALITY, method=4)
    return buffer.getvalue()


def _caption(atlas: Atlas, item: int, language: str) -> str:
    own = (one.text for one in atlas.captions_of(item) if one.language == language)
    return next(own, "")


class CaptionShelf:
    """Captions of a language, numbered in the order in which they are asked for."""

    def __init__(self) -> None:
        self._place: dict[int, int] = {}
        self._texts: list[str] = []
        self._spans: list[list[int]] = []
        self._test: list[int] = []

    def place(self, example: CaptionExample) -> int:
        """Return the number of a caption."""
        if example.caption not in self._place:
            self._place[example.caption] = len(self._place)
            self._texts.append(example.text)
            self._spans.append([at for token in example.tokens for at in (token.start, token.end)])
            self._test.append(int(example.split == "test"))
        return self._place[example.caption]

    def table(self) -> dict[str, Any]:
        """Return ``texts``, ``spans`` (start and end of each token in code points) and ``test``."""
        return {"texts": self._texts, "spans": self._spans, "test": self._test}
