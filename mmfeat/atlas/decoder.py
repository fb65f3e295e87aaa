"""The directions that an SAE writes, as an atlas holds them."""

from __future__ import annotations

import hashlib

import numpy as np
from jaxtyping import Float32

from mmfeat.atlas.checked import FLOAT, CheckedFile

_MARKED = 16  # rows that a mark is made of


class Decoder:
    """Reads ``/sae/decoder`` of an atlas.

    Attributes
    ----------
    width : int
        d_in; twice that where pictures and captions have decoders of their own.

    Raises
    ------
    MmfeatError
        If it is missing or damaged.
    """

    def __init__(self, data: CheckedFile, features: int, languages: tuple[str, ...]) -> None:
        self._data = data
        self._shape = features, int(data.dataset("sae/decoder", FLOAT, (features, None)).shape[1])
        self.width = self._shape[1]

    def mark(self) -> str:
        """Return what tells an SAE from others: SHA-256 over the shape and rows spread evenly.

        Unlike the digest of the file it stays as it is when a map or names are added.
        """
        step = max(1, self._shape[0] // _MARKED)
        chosen = np.arange(0, self._shape[0], step)[:_MARKED]
        own = self._data.pick("sae/decoder", chosen).astype("<f4")
        return hashlib.sha256(f"{self._shape}".encode() + own.tobytes()).hexdigest()

    def rows(self) -> Float32[np.ndarray, "features width"]:
        """Return all rows: of unit norm, those of pictures before those of captions."""
        return self._data.whole("sae/decoder", FLOAT, self._shape).astype(np.float32, copy=False)
