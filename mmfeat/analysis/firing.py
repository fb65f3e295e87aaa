"""How often and how strongly features fire, a stream and a language at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mmfeat.analysis.codes import Codes

MIN_FIRINGS = 5  # captions a feature fires on in a language for it to count


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
    key = codes.indices.astype(np.int64) * groups + group[codes.row]
    size = codes.d_sae * groups
    values = codes.data.astype(np.float64)
    count = np.bincount(key, minlength=size).reshape(codes.d_sae, groups)
    squares = np.bincount(key, values**2, size).reshape(codes.d_sae, groups)
    maximum = np.zeros(size, np.float32)
    np.maximum.at(maximum, key, codes.data.astype(np.float32))
    rows = np.bincount(group, minlength=groups).astype(np.float64)
    rows[rows == 0] = np.nan
    return Firing(
        count,
        (count / rows).astype(np.float32),
        (squares / rows).astype(np.float32),
        maximum.reshape(codes.d_sae, groups),
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
