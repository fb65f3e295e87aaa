r"""Completeness: which concepts have a feature (after Templeton et al. 2024).

A concept is a label of rows: a value of an item attribute, or the items of one concept.
On the choosing rows the feature with the greatest

.. math:: F_1 = \frac{2\,|fires \cap label|}{|fires| + |label|}

is taken; on the scoring rows, which had no part in the choice, the label *has a feature* if
the F1 of that one feature is at least `BAR` and more rows have both than random pairing
gives (exact hypergeometric p, Benjamini-Hochberg over labels at `RATE`). Then

.. math:: P(\text{has a feature}) = \sigma(a + b \ln(f \cdot \text{alive})),

f the share of rows with the label, fitted with Firth's penalty (1993), which stays finite
where frequency separates the labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int

from mmfeat.analysis.statistics import NORMAL_95, benjamini_hochberg, hypergeometric_p

if TYPE_CHECKING:
    from mmfeat.analysis.codes import Codes

BAR = 0.5
RATE = 0.05
MIN_POSITIVES = 3  # rows with the label, to choose and to score alike
MIN_LABELS = 10  # for a curve
# Most multiplications of one sparse product.
_CELLS = 1 << 25


@dataclass(frozen=True)
class Labels:
    """Values of item attributes as binary labels.

    Attributes
    ----------
    attribute, value : tuple of str [labels]
        What each label is.
    member : integers 0 and 1 [items, labels]
        Which items have it.
    """

    attribute: tuple[str, ...]
    value: tuple[str, ...]
    member: sp.csr_array


def labels_of(columns: Mapping[str, Sequence[str]], items: int, least: int) -> Labels:
    """Return the values that at least `least` of the items have, and not all of them.

    An empty value means not known, and is no label.
    """
    names: list[str] = []
    values: list[str] = []
    row, label = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for name, column in columns.items():
        found, own = np.unique(np.asarray(column, dtype=object).astype(str), return_inverse=True)
        count = np.bincount(own, minlength=len(found))
        kept = (count >= least) & (count < items) & (found != "")
        number = np.where(kept, np.cumsum(kept) - 1 + len(names), -1)
        row.append(np.flatnonzero(kept[own]))
        label.append(number[own][kept[own]])
        names += [name] * int(kept.sum())
        values += found[kept].tolist()
    rows, columns_ = np.concatenate(row), np.concatenate(label)
    member = sp.csr_array((np.ones(len(rows), np.int32), (rows, columns_)), (items, len(names)))
    return Labels(tuple(names), tuple(values), member)


def contingency(codes: Codes, member: sp.csr_array) -> Iterator[tuple[slice, sp.csr_array]]:
    """Iterate over blocks of labels: rows that have a label and fire a feature [labels, d_sae].

    Features ascend within a label; those that never meet it are left out.
    """
    ones = np.ones(len(codes.indices), np.int32)
    fires = sp.csr_array((ones, codes.indices, codes.indptr), (codes.n, codes.d_sae))
    by_label = sp.csr_array(member.T, dtype=np.int32)
    work = np.cumsum(np.diff(by_label.indptr)) * max(1.0, len(ones) / max(1, codes.n))
    cuts = np.flatnonzero(np.diff(work // _CELLS)) + 1
    edges = [0, *cuts.tolist(), by_label.shape[0]]
    for first, last in pairwise(edges):
        both = sp.csr_array(by_label[first:last] @ fires)
        both.sort_indices()
        yield slice(first, last), both


def fires_on(
    codes: Codes, row: Int[np.ndarray, "pairs"], feature: Int[np.ndarray, "pairs"]
) -> Bool[np.ndarray, "pairs"]:
    """Return whether each feature fires on the row beside it."""
    # Rows ascend, and features within a row: so do the keys.
    key = codes.row.astype(np.int64) * codes.d_sae + codes.indices
    wanted = row.astype(np.int64) * codes.d_sae + feature
    if not len(key):
        return np.zeros(len(wanted), bool)
    at = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    return np.asarray(key[at] == wanted)


def best_entry(
    indptr: Int[np.ndarray, "rows+1"], value: Float[np.ndarray, "nnz"]
) -> Int[np.ndarray, "rows"]:
    """Return where each row of a CSR array has its greatest value, the first of equals, or -1."""
    found = np.full(len(indptr) - 1, -1, np.int64)
    some = np.flatnonzero(np.diff(indptr) > 0)
    if len(some):
        best = np.maximum.reduceat(value, indptr[some])
        row = np.repeat(np.arange(len(some)), np.diff(indptr)[some])
        place = np.flatnonzero(value == best[row])
        _, first = np.unique(row[place], return_index=True)
        found[some] = place[first]
    return found


@dataclass(frozen=True)
class Found:
    """The feature of each label, and how it does on rows that did not choose it.

    Attributes
    ----------
    feature : int32 [labels]
        Greatest F1 on the choosing rows; -1 where the label is not tested.
    f1, precision, recall, p, q : float64 [labels]
        On the scoring rows; NaN where the label is not tested.
    tested, has : bool [labels]
        It has `MIN_POSITIVES` choosing and as many scoring rows; it has a feature.
    frequency : float64 [labels]
        Share of choosing and scoring rows that have the label.
    """

    feature: Int[np.ndarray, "labels"]
    f1: Float[np.ndarray, "labels"]
    precision: Float[np.ndarray, "labels"]
    recall: Float[np.ndarray, "labels"]
    p: Float[np.ndarray, "labels"]
    q: Float[np.ndarray, "labels"]
    tested: Bool[np.ndarray, "labels"]
    has: Bool[np.ndarray, "labels"]
    frequency: Float[np.ndarray, "labels"]


def find_features(
    codes: Codes,
    member: sp.csr_array,
    choose: Int[np.ndarray, "chosen"],
    score: Int[np.ndarray, "scored"],
) -> Found:
    """Choose a feature for each label on some rows and score it on others.

    Parameters
    ----------
    codes : Codes
        Of one stream.
    member : integers 0 and 1 [rows, labels]
        Which of its rows have which label.
    choose, score : int arrays
        Rows of either kind; none is both.
    """
    own, theirs = codes.select(choose), codes.select(score)
    chosen, scored = sp.csr_array(member[choose]), sp.csr_array(member[score])
    labels = member.shape[1]
    in_choice = np.bincount(chosen.indices, minlength=labels)
    positives = np.bincount(scored.indices, minlength=labels)
    fires = np.bincount(own.indices, minlength=codes.d_sae)
    feature = np.full(labels, -1, np.int32)
    for part, both in contingency(own, chosen):
        label = np.repeat(np.arange(part.start, part.stop), np.diff(both.indptr))
        place = best_entry(both.indptr, 2 * both.data / (in_choice[label] + fires[both.indices]))
        if both.nnz:
            feature[part] = np.where(place >= 0, both.indices[place], -1)
    tested = (in_choice >= MIN_POSITIVES) & (positives >= MIN_POSITIVES)
    feature[~tested] = -1

    pairs = scored.tocoo()
    inside = feature[pairs.col] >= 0
    hit = fires_on(theirs, pairs.row[inside], feature[pairs.col[inside]])
    both_ = np.bincount(pairs.col[inside][hit], minlength=labels)
    predicted = np.bincount(theirs.indices, minlength=codes.d_sae)[feature]
    predicted[feature < 0] = 0
    p = np.full(labels, np.nan)
    p[tested] = hypergeometric_p(
        both_[tested], np.array(theirs.n), predicted[tested], positives[tested]
    )
    q = benjamini_hochberg(p)

    def ratio(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
        # A feature that is silent on the scoring rows found nothing: it is tested and fails.
        return np.where(tested, upper / np.maximum(lower, 1), np.nan)

    f1 = ratio(2 * both_, predicted + positives)
    return Found(
        feature=feature,
        f1=f1,
        precision=ratio(both_, predicted),
        recall=ratio(both_, positives),
        p=p,
        q=q,
        tested=tested,
        has=tested & (np.nan_to_num(f1) >= BAR) & (np.nan_to_num(q, nan=1.0) <= RATE),
        frequency=(in_choice + positives) / max(1, own.n + theirs.n),
    )


@dataclass(frozen=True)
class Curve:
    """The sigmoid; NaN where it cannot be had. Intervals are 95 %, over labels.

    Attributes
    ----------
    labels, found : int
        Labels tested, and those that have a feature.
    intercept, slope : float
        Of ln(frequency x alive).
    slope_low, slope_high : float
        Wald's interval.
    half : float
        Frequency x alive at which half of the concepts have a feature.
    half_low, half_high : float
        Fieller's interval (1954); NaN where the slope may be 0, for then it has no ends.
    """

    labels: int
    found: int
    intercept: float
    slope: float
    slope_low: float
    slope_high: float
    half: float
    half_low: float
    half_high: float


def completeness(
    frequency: Float[np.ndarray, "labels"], alive: int, has: Bool[np.ndarray, "labels"]
) -> Curve:
    """Fit P(a concept has a feature) as a sigmoid of ln(frequency x alive features).

    NaN with fewer than `MIN_LABELS` labels, where all or none have a feature, or where all
    are equally frequent.
    """
    n, found = len(has), int(has.sum())
    x = np.log(np.maximum(frequency * alive, 1e-300))
    if n < MIN_LABELS or found in (0, n) or np.ptp(x) < 1e-12:
        return Curve(n, found, *[float("nan")] * 7)
    centre, spread = float(x.mean()), float(x.std())
    beta, covariance = _firth((x - centre) / spread, has)
    # Back from the standardised abscissa.
    back = np.array([[1, -centre / spread], [0, 1 / spread]])
    a, b = back @ beta
    (v_aa, v_ab), (_, v_bb) = back @ covariance @ back.T
    reach = NORMAL_95 * np.sqrt(v_bb)
    low = high = np.nan
    if abs(b) > reach:
        # (a + b x)^2 <= z^2 Var(a + b x)
        z = NORMAL_95**2
        terms = [b * b - z * v_bb, 2 * (a * b - z * v_ab), a * a - z * v_aa]
        low, high = np.sort(np.roots(terms).real)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        half, half_low, half_high = np.exp([-a / b, low, high])
    return Curve(
        n,
        found,
        float(a),
        float(b),
        float(b - reach),
        float(b + reach),
        float(half),
        float(half_low),
        float(half_high),
    )


def _firth(
    x: Float[np.ndarray, "labels"], y: Bool[np.ndarray, "labels"]
) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2 2"]]:
    """Return the penalised fit of a logistic line and its covariance."""
    design = np.stack([np.ones_like(x), x], 1)
    beta = np.zeros(2)
    covariance = np.eye(2)
    for _ in range(200):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -500, 500)))
        weight = np.maximum(p * (1 - p), 1e-12)
        covariance = np.linalg.inv((design * weight[:, None]).T @ design)
        leverage = weight * np.einsum("ni,ij,nj->n", design, covariance, design)
        step = covariance @ (design.T @ (y - p + leverage * (0.5 - p)))
        # Longer steps may overshoot where the labels are nearly separated.
        beta = beta + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-10:
            break
    return beta, covariance
