"""Which features tell the positives of a probe from its negatives, and what hangs on them.

A probe is a set of texts, the n-th of every language naming the same thing, and perhaps of
pictures, some of which belong to a category and as many of which do not. Units are things, not
rows: a feature's activation on a thing is its mean over the languages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int
from scipy.special import expit, logit

from mmfeat.analysis.firing import MIN_FIRINGS
from mmfeat.analysis.retrieval import unit_rows
from mmfeat.analysis.statistics import NORMAL_95, benjamini_hochberg, lower_bound

EXACT = 200_000  # ways to label the units that are gone through one by one
PERMUTATIONS = 9_999  # drawn where there are more ways
BAR = 0.75  # AUROC from which a feature tells a category in a language
_CELLS = 1 << 22  # most sums held at a time
_LEVEL = 0.975  # of one end of an interval


def auroc(codes: sp.csr_array, positive: Bool[np.ndarray, "rows"]) -> Float[np.ndarray, "d_sae"]:
    """Return how probably each feature is higher on a positive row than on a negative one.

    Exact, from ranks; ties (most often two silent rows) count half. NaN without rows on either
    side.
    """
    rows, d_sae = codes.shape
    first, second = int(positive.sum()), int((~positive).sum())
    if not first or not second:
        return np.full(d_sae, np.nan)
    by_feature = sp.csc_array(codes)
    feature = np.repeat(np.arange(d_sae), np.diff(by_feature.indptr))
    order = np.lexsort((by_feature.data, feature))
    feature, values = feature[order], by_feature.data[order]
    own = positive[by_feature.indices[order]]
    silent = rows - np.bincount(feature, minlength=d_sae)
    # Within a feature ranks count from its first entry, above those of the silent rows.
    begins = np.searchsorted(feature, feature)
    new = np.ones(len(values), bool)
    new[1:] = (np.diff(feature) != 0) | (np.diff(values) != 0)
    start = np.flatnonzero(new)
    stop = np.append(start[1:], len(values))
    tie = np.cumsum(new) - 1
    rank = (start + stop + 1)[tie] / 2 - begins + silent[feature]
    sums = np.bincount(feature[own], rank[own], d_sae)
    sums += (first - np.bincount(feature[own], minlength=d_sae)) * (silent + 1) / 2
    return np.asarray((sums - first * (first + 1) / 2) / (first * second))


def auroc_interval(
    values: Float[np.ndarray, "groups units"], positive: Bool[np.ndarray, "units"]
) -> tuple[float, float]:
    """Return the ends of the 95 % interval of a feature's AUROC, the mean over groups.

    DeLong et al. (1988), on the logit scale (Qin and Hotilovac 2008), with units as what was
    drawn: a unit's share of the pairs it wins is its mean over the groups, so that translations
    of one thing are no further evidence. Where every pair is ordered alike that variance is 0;
    the interval is Clopper and Pearson's then, of the pairs that share no unit. NaN with fewer
    than two units on either side, or where nothing varies.

    Parameters
    ----------
    values : float [groups, units]
        Activations, the n-th of every group on the n-th unit.
    positive : bool [units]
        Which units belong to the category.
    """
    first, second = values[:, positive, None], values[:, None, ~positive]
    wins = ((first > second) + 0.5 * (first == second)).mean(axis=0)
    pairs = min(wins.shape)
    if pairs < 2:
        return float("nan"), float("nan")
    share = float(wins.mean())
    if share in (0.0, 1.0):
        bound = float(lower_bound(np.array(pairs), np.array(pairs), _LEVEL))
        return (bound, 1.0) if share else (0.0, 1 - bound)
    sides = (wins.mean(axis=1 - axis) for axis in (0, 1))
    variance = sum(float(own.var(ddof=1)) / len(own) for own in sides)
    if variance == 0:
        return float("nan"), float("nan")
    half = NORMAL_95 * np.sqrt(variance) / (share * (1 - share))
    low, high = expit(logit(share) + half * np.array([-1, 1]))
    return float(low), float(high)


def difference(
    codes: sp.csr_array, positive: Bool[np.ndarray, "rows"]
) -> Float[np.ndarray, "d_sae"]:
    """Return each feature's mean on positive rows minus that on negative ones.

    NaN without rows on either side.
    """
    first, second = int(positive.sum()), int((~positive).sum())
    if not first or not second:
        return np.full(codes.shape[1], np.nan)
    weight = np.where(positive, 1 / first, -1 / second)
    return np.asarray(codes.T @ weight)


def permutation_p(
    codes: sp.csr_array, positive: Bool[np.ndarray, "units"], seed: int = 0
) -> Float[np.ndarray, "d_sae"]:
    """Return the one-sided p of each feature's difference of means under relabelling of units.

    Over all ways to choose as many positives where there are at most 200,000 (8 and 8 units
    have 12,870), else over 9,999 drawn with the seed and the one at hand, so that p is never 0.
    NaN for a feature that fires on no unit, and without units on either side.
    """
    units, d_sae = codes.shape
    chosen = int(positive.sum())
    p = np.full(d_sae, np.nan)
    if not 0 < chosen < units:
        return p
    exact = comb(units, chosen) <= EXACT
    if exact:
        picks = np.array(list(combinations(range(units), chosen)))
        labels = np.zeros((len(picks), units))
        np.put_along_axis(labels, picks, 1.0, axis=1)
    else:
        rng = np.random.default_rng(seed)
        labels = rng.permuted(np.tile(positive.astype(float), (PERMUTATIONS, 1)), axis=1)
    active = np.unique(codes.indices[codes.data > 0])
    columns = sp.csc_array(codes)
    step = max(1, _CELLS // len(labels))
    for start in range(0, len(active), step):
        part = active[start : start + step]
        values = columns[:, part].toarray().astype(np.float64)
        observed = values[positive].sum(axis=0)
        # With a total that stays, the sum of the positives orders as the difference of means.
        as_large = labels @ values >= observed - 1e-9 * np.abs(values).sum(axis=0)
        p[part] = (as_large.sum(axis=0) + (not exact)) / (len(labels) + (not exact))
    return p


@dataclass(frozen=True)
class ProbeScores:
    """What each feature does on a probe; NaN where it cannot be had.

    Attributes
    ----------
    languages : tuple of str
        Those of the texts.
    auroc, difference : float64 [languages, d_sae]
        A language at a time.
    p, q : float64 [d_sae]
        Of the texts' difference of means, by permutation of things; q by Benjamini-Hochberg, over
        the features that fire on at least 5 things.
    image_auroc, image_difference, image_p, image_q : float64 [d_sae]
        The same on the pictures.
    score : float64 [d_sae]
        Mean AUROC, languages counting alike, and pictures as much as all languages.
    """

    languages: tuple[str, ...]
    auroc: Float[np.ndarray, "languages d_sae"]
    difference: Float[np.ndarray, "languages d_sae"]
    p: Float[np.ndarray, "d_sae"]
    q: Float[np.ndarray, "d_sae"]
    image_auroc: Float[np.ndarray, "d_sae"]
    image_difference: Float[np.ndarray, "d_sae"]
    image_p: Float[np.ndarray, "d_sae"]
    image_q: Float[np.ndarray, "d_sae"]
    score: Float[np.ndarray, "d_sae"]

    def best(self, top: int) -> Int[np.ndarray, "chosen"]:
        """Return the features of largest score above 0.5, descending.

        Ties go to the smaller p, then to the lower index.
        """
        order = np.lexsort((np.nan_to_num(self.p, nan=1.0), -self.score))[:top]
        return np.asarray(order[self.score[order] > 0.5])

    def gaps(self, feature: int, bar: float = BAR) -> tuple[str, ...]:
        """Return the languages below the bar where at least half of the others reach it."""
        reaches = self.auroc[:, feature] >= bar
        others = max(len(reaches) - 1, 1)
        return tuple(
            tag
            for tag, here in zip(self.languages, reaches, strict=True)
            if not here and len(reaches) > 1 and reaches.sum() >= others / 2
        )


def probe_scores(
    texts: Mapping[str, sp.csr_array],
    positive: Bool[np.ndarray, "units"],
    pictures: sp.csr_array | None,
    picture_positive: Bool[np.ndarray, "pictures"] | None,
    d_sae: int,
    seed: int = 0,
) -> ProbeScores:
    """Score every feature on a probe.

    Parameters
    ----------
    texts : mapping of str to CSR [units, d_sae]
        Codes of the texts of each language, the n-th of which names the n-th thing.
    positive : bool [units]
        Which things belong to the category.
    pictures, picture_positive
        Codes of pictures, and which of them belong; None where there are none.
    d_sae : int
        Number of features.
    seed : int
        Of permutations, where there are too many to go through.
    """
    nothing = np.full(d_sae, np.nan)
    p = q = on_images = image_difference = image_p = image_q = nothing
    each = np.array([auroc(codes, positive) for codes in texts.values()]).reshape(-1, d_sae)
    if texts:
        p, q = _tested(sp.csr_array(sum(texts.values()) / len(texts)), positive, seed)
    if pictures is not None and picture_positive is not None:
        on_images = auroc(pictures, picture_positive)
        image_difference = difference(pictures, picture_positive)
        image_p, image_q = _tested(pictures, picture_positive, seed)
    sides = (each.mean(axis=0) if texts else nothing, on_images)
    known = [side for side in sides if not np.isnan(side).any()]
    return ProbeScores(
        languages=tuple(texts),
        auroc=each,
        difference=np.array([difference(c, positive) for c in texts.values()]).reshape(-1, d_sae),
        p=p,
        q=q,
        image_auroc=on_images,
        image_difference=image_difference,
        image_p=image_p,
        image_q=image_q,
        score=np.mean(known, axis=0) if known else nothing,
    )


def _tested(
    codes: sp.csr_array, positive: Bool[np.ndarray, "units"], seed: int
) -> tuple[Float[np.ndarray, "d_sae"], Float[np.ndarray, "d_sae"]]:
    """Return p and q; which features are tested depends on no label."""
    p = permutation_p(codes, positive, seed)
    fires = np.bincount(codes.indices[codes.data > 0], minlength=codes.shape[1])
    return p, benjamini_hochberg(np.where(fires >= MIN_FIRINGS, p, np.nan))


def correlation(first: Float[np.ndarray, "d_sae"], second: Float[np.ndarray, "d_sae"]) -> float:
    """Return Pearson's r of two differences of means over the features that either has.

    NaN where fewer than three features have one, or one side does not vary.
    """
    some = (np.nan_to_num(first) != 0) | (np.nan_to_num(second) != 0)
    x, y = first[some], second[some]
    if some.sum() < 3 or np.isnan(x).any() or np.isnan(y).any() or not np.ptp(x) or not np.ptp(y):
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def between_languages(differences: Float[np.ndarray, "languages d_sae"]) -> float:
    """Return the mean of `correlation` over pairs of languages; NaN for fewer than two."""
    found = [correlation(x, y) for x, y in combinations(differences, 2)]
    known = [r for r in found if not np.isnan(r)]
    return float(np.mean(known)) if known else float("nan")


def ablation_drops(
    x: Float[np.ndarray, "rows d_in"],
    codes: sp.csr_array,
    directions: Float[np.ndarray, "d_sae d_in"],
    scale: Float[np.ndarray, "rows"],
    centroid: Float[np.ndarray, "d_in"],
) -> Float[np.ndarray, "d_sae"]:
    r"""Return how much each feature's ablation lowers the mean cosine of rows to a centroid.

    In closed form: the SAE's output without feature k, its error term kept, is
    :math:`x' = x - z_k d_k / s` with the decoder row :math:`d_k` and the scale :math:`s` that a
    row is standardised by. A row on which a feature is silent does not change.

    Parameters
    ----------
    x : float [rows, d_in]
        Raw rows in the joint space.
    codes : CSR [rows, d_sae]
        Their codes.
    directions : float [d_sae, d_in]
        Decoder rows.
    scale : float [rows]
        What rows are multiplied by when they are standardised.
    centroid : float [d_in]
        What they are compared with.
    """
    rows, target = x.astype(np.float64), unit_rows(centroid[None].astype(np.float64))[0]
    entry_row = np.repeat(np.arange(len(rows)), np.diff(codes.indptr))
    change = directions[codes.indices] * (codes.data / scale[entry_row])[:, None]
    before = unit_rows(rows) @ target
    after = unit_rows(rows[entry_row] - change) @ target
    drop = before[entry_row] - after
    return np.bincount(codes.indices, drop, codes.shape[1]) / max(len(rows), 1)


def same_frequency(
    rate: Float[np.ndarray, "d_sae"], feature: int, count: int
) -> Int[np.ndarray, "controls"]:
    """Return the other features whose firing rate is nearest in ratio, in order of nearness."""
    log = np.log(np.maximum(rate.astype(np.float64), 1e-12))
    others = np.flatnonzero((rate > 0) & (np.arange(len(rate)) != feature))
    order = np.lexsort((others, np.abs(log[others] - log[feature])))
    return np.asarray(others[order[:count]])


def share_below(drops: Float[np.ndarray, "d_sae"], feature: int, others: Sequence[int]) -> float:
    """Return the share of other features whose ablation lowers the cosine by less; NaN of none."""
    own = drops[np.asarray(others, np.int64)]
    return float((own < drops[feature]).mean()) if own.size else float("nan")
