r"""Purity of an item attribute by activation band: specificity without a language model.

Templeton et al. 2024 let a model judge examples from every band of activation, and not the
top alone. Here the bands of `examples.BANDS`, which divide (0, greatest activation] evenly,
are judged by an attribute of the items. On the choosing rows a feature's *value* is the
commonest in its highest band that has rows; on the scoring rows, for each band,

.. math:: \text{share} = P(\text{value} \mid \text{band}), \qquad
          \text{purity} = 1 - H(\text{attribute} \mid \text{band}) / H(\text{attribute}),

against the `base` P(value) over all scoring rows. `monotone` is Kendall's tau-a between share
and band: 1 where every stronger band is purer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from mmfeat.analysis.completeness import best_entry
from mmfeat.analysis.examples import BANDS
from mmfeat.analysis.positions import blocks, entries

if TYPE_CHECKING:
    from mmfeat.analysis.codes import Codes

MIN_ROWS = 5  # scoring rows of a band for it to count


@dataclass(frozen=True)
class Purity:
    """How pure each band of each feature is, the highest band first.

    Attributes
    ----------
    value : int32 [d_sae]
        The feature's value; -1 where it has no choosing rows.
    base : float32 [d_sae]
        Share of all scoring rows that have it.
    rows : int32 [d_sae, bands]
        Scoring rows of the band.
    share, purity : float32 [d_sae, bands]
        NaN with fewer than `MIN_ROWS` rows.
    monotone : float32 [d_sae]
        NaN with fewer than two bands that count.
    """

    value: Int[np.ndarray, "d_sae"]
    base: Float[np.ndarray, "d_sae"]
    rows: Int[np.ndarray, "d_sae bands"]
    share: Float[np.ndarray, "d_sae bands"]
    purity: Float[np.ndarray, "d_sae bands"]
    monotone: Float[np.ndarray, "d_sae"]


def purity(
    codes: Codes,
    value: Int[np.ndarray, "rows"],
    choose: Int[np.ndarray, "chosen"],
    score: Int[np.ndarray, "scored"],
) -> Purity:
    """Judge every feature's bands by the values of an attribute.

    Parameters
    ----------
    codes : Codes
        Of one stream.
    value : int [rows]
        The attribute's value; -1 for a row that has none, which is left out.
    choose, score : int arrays
        Rows on which the value of a feature is chosen, and rows it is judged on.
    """
    choose, score = choose[value[choose] >= 0], score[value[score] >= 0]
    own, theirs = codes.select(choose), codes.select(score)
    d, values = codes.d_sae, int(value.max(initial=-1)) + 1
    all_ = np.bincount(value[score], minlength=values)
    top = np.zeros(d, np.float32)
    for rows_ in (own, theirs):
        np.maximum.at(top, rows_.indices, rows_.data.astype(np.float32))
    chosen = np.full(d, -1, np.int32)
    base = np.full(d, np.nan, np.float32)
    rows = np.zeros((d, BANDS), np.int32)
    share, pure = (np.full((d, BANDS), np.nan, np.float32) for _ in range(2))
    some_values = all_[all_ > 0]
    whole = float(_entropy(np.zeros(len(some_values), np.int64), some_values, 1)[0])
    own_data, their_data = own.feature_data, theirs.feature_data
    for part in blocks(own, theirs, width=BANDS):
        features = part.stop - part.start
        mine = _commonest(_counts(own, own_data, value[choose], top, values, part), features)
        counts = _counts(theirs, their_data, value[score], top, values, part)
        cell = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        total = np.bincount(cell, counts.data, counts.shape[0])
        same = counts.indices == np.repeat(mine, BANDS)[cell]
        hits = np.bincount(cell[same], counts.data[same], counts.shape[0])
        enough = total >= MIN_ROWS
        known = enough & (np.repeat(mine, BANDS) >= 0)
        entropy = _entropy(cell, counts.data, counts.shape[0])
        shape = (features, BANDS)
        chosen[part] = mine
        rows[part] = total.reshape(shape)
        share[part] = np.where(known, hits / np.maximum(total, 1), np.nan).reshape(shape)
        if whole > 0:
            pure[part] = np.where(enough, 1 - entropy / whole, np.nan).reshape(shape)
    some = chosen >= 0
    if len(score):
        base[some] = all_[chosen[some]] / len(score)
    return Purity(chosen, base, rows, share, pure, _monotone(share))


def _counts(
    codes: Codes,
    data: Float[np.ndarray, "nnz"],
    value: Int[np.ndarray, "rows"],
    top: Float[np.ndarray, "d_sae"],
    values: int,
    features: slice,
) -> sp.csr_array:
    """Count rows by feature and band, and value [features * bands, values]."""
    feature, row, z = entries(codes, data, features)
    band = np.minimum(((1 - z / top[features][feature]) * BANDS).astype(np.int64), BANDS - 1)
    shape = ((features.stop - features.start) * BANDS, values)
    cell = feature * BANDS + band
    counts = sp.coo_array((np.ones(len(cell), np.int64), (cell, value[row])), shape).tocsr()
    counts.sort_indices()
    return counts


def _commonest(counts: sp.csr_array, features: int) -> Int[np.ndarray, "features"]:
    """Return the commonest value of each feature's highest band with rows, the lower of equals."""
    place = best_entry(counts.indptr, counts.data).reshape(features, BANDS)
    band = (place >= 0).argmax(1)
    at = place[np.arange(features), band]
    found = np.full(features, -1, np.int32)
    found[at >= 0] = counts.indices[at[at >= 0]]
    return found


def _entropy(
    cell: Int[np.ndarray, "nnz"], count: Int[np.ndarray, "nnz"], cells: int
) -> Float[np.ndarray, "cells"]:
    """Return the entropy of the counts of each cell, in nats."""
    p = count / np.bincount(cell, count, cells)[cell]
    return np.asarray(np.bincount(cell, -p * np.log(p), cells))


def _monotone(share: Float[np.ndarray, "d_sae bands"]) -> Float[np.ndarray, "d_sae"]:
    total, pairs = np.zeros(len(share)), np.zeros(len(share))
    for stronger in range(BANDS):
        for weaker in range(stronger + 1, BANDS):
            sign = np.sign(share[:, stronger] - share[:, weaker])
            pairs += ~np.isnan(sign)
            total += np.nan_to_num(sign)
    return np.where(pairs > 0, total / np.maximum(pairs, 1), np.nan).astype(np.float32)
