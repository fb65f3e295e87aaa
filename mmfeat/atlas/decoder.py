"""The directions that an SAE writes, as an atlas holds them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from mmfeat.atlas.checked import FLOAT, CheckedFile


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

    def rows(self) -> Float32[np.ndarray, "features width"]:
        """Return all rows: of unit norm, those of pictures before those of captions."""
        return self._data.whole("sae/decoder", FLOAT, self._shape).astype(np.float32, copy=False)
