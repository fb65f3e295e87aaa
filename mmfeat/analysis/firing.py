"""How often and how strongly features fire, a stream and a language at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

if TYPE_CHECKING:
    from mmfeat.analysis.codes import Codes

MIN_FIRINGS = 5  # captions a feature fires on in a language for it to count
_ENTRIES = 1 << 22  # codes summed at a time


@dataclass(frozen=True)
class Firing:
    """Firing of d_sae features in g groups of rows (languages, or one for pictures)."""

    count: Int[np.ndarray, "d_sae groups"]
    rate: Float[np.ndarray, "d_sae groups"]
    energy: Float[np.ndarray, "d_sae groups"]
    maximum: Float[np.ndarray, "d_sae groups"]


def firing(codes: Codes, group: Int[np.ndarray, "rows"], groups: int) -> Firing:
    """Count firings and take mean squared activations (energy E[z^2]) and maxima.

    Rates and energies are over all rows of a group, silent ones included; NaN
    for a group without rows.
    """
    size = codes.d_sae * groups
    count = np.zeros(size, np.int64)
    squares, maximum = np.zeros(size), np.zeros(size, np.float32)
    for start in range(0, len(codes.indices), _ENTRIES):
        part = slice(start, start + _ENTRIES)
        key = codes.indices[part].astype(np.int64) * groups + group[codes.row[part]]
        values = codes.data[part].astype(np.float32)
        count += np.bincount(key, minlength=size)
        squares += np.bincount(key, values.astype(np.float64) ** 2, size)
        np.maximum.at(maximum, key, values)
    rows = np.bincount(group, minlength=groups).astype(np.float64)
    rows[rows == 0] = np.nan
    shape = (codes.d_sae, groups)
    return Firing(
        count.reshape(shape),
        (count.reshape(shape) / rows).astype(np.float32),
        (squares.reshape(shape) / rows).astype(np.float32),
        maximum.reshape(shape),
    )


def modality_score(
    image: Float[np.ndarray, "d_sae"], text: Float[np.ndarray, "d_sae"]
) -> Float[np.ndarray, "d_sae"]:
    """Return mu = E_img / (E_img + E_txt), NaN for a silent feature.

    Descriptive only: it proves nothing about pairs.
    """
    total = image + text
    silent = total <= 0
    return np.asarray(np.where(silent, np.nan, image / np.where(silent, 1, total)))
