"""Examples of a feature: the strongest rows, and random ones from even activation bands.

Templeton et al. 2024 show the top 20 and random examples from evenly spaced
activation bands, so that a feature is not judged by its extremes alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mmfeat.analysis.codes import Codes
from mmfeat.progress import Advance

BANDS = 4


@dataclass(frozen=True)
class Examples:
    """Rows and activations, padded with -1 and 0; a group is a language, or all pictures."""

    top: Int[np.ndarray, "d_sae groups n"]
    top_activation: Float[np.ndarray, "d_sae groups n"]
    bands: Int[np.ndarray, "d_sae groups bands m"]
    bands_activation: Float[np.ndarray, "d_sae groups bands m"]


def examples(
    codes: Codes,
    group: Int[np.ndarray, "rows"],
    groups: int,
    *,
    top: int,
    per_band: int,
    seed: int,
    advance: Advance,
) -> Examples:
    """Choose examples of every feature in every group.

    Bands divide (0, the group's largest activation] evenly; the highest comes
    first. Ties go to the lower row. Rows of a band are drawn without
    replacement, seeded by feature and group.
    """
    shape = (codes.d_sae, groups)
    found = Examples(
        np.full((*shape, top), -1, np.int32),
        np.zeros((*shape, top), np.float32),
        np.full((*shape, BANDS, per_band), -1, np.int32),
        np.zeros((*shape, BANDS, per_band), np.float32),
    )
    indptr, rows, data = codes.feature_indptr, codes.feature_rows, codes.feature_data
    for feature in range(codes.d_sae):
        part = slice(indptr[feature], indptr[feature + 1])
        its_rows, its_data = rows[part], data[part].astype(np.float32)
        # Strongest first within a group, so that one pass serves every group.
        order = np.lexsort((its_rows, -its_data, group[its_rows]))
        its_rows, its_data = its_rows[order], its_data[order]
        bounds = np.searchsorted(group[its_rows], np.arange(groups + 1))
        for g in range(groups):
            r, a = its_rows[bounds[g] : bounds[g + 1]], its_data[bounds[g] : bounds[g + 1]]
            if len(r) == 0:
                continue
            n = min(top, len(r))
            found.top[feature, g, :n], found.top_activation[feature, g, :n] = r[:n], a[:n]
            band = np.minimum(((1 - a / a[0]) * BANDS).astype(np.int64), BANDS - 1)
            rng = np.random.default_rng([seed, feature, g])
            for b in range(BANDS):
                inside = np.flatnonzero(band == b)
                chosen = np.sort(rng.permutation(inside)[:per_band])
                found.bands[feature, g, b, : len(chosen)] = r[chosen]
                found.bands_activation[feature, g, b, : len(chosen)] = a[chosen]
        advance(1)
    return found
