"""Which features of two SAEs are the same: by their directions, or by the rows they fire on.

Directions can be compared where two SAEs read the same hook point of the same backbone; codes
of the same rows always can be, as Bricken et al. 2023 ("Towards Monosemanticity", universality)
do across models.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int

from mmfeat.analysis import stability
from mmfeat.analysis.retrieval import unit_rows

PARTNERS = 5  # nearest that are kept of each feature
LEVEL = 0.05  # of the nulls
_CELLS = 1 << 24  # similarities held at a time


class Similarity(Protocol):
    """Similarities of the features of two SAEs, a block of rows at a time."""

    @property
    def shape(self) -> tuple[int, int]:
        """How many features there are a side."""
        ...

    def chance(
        self, a: Int[np.ndarray, "n"], b: Int[np.ndarray, "n"], tries: int
    ) -> Float[np.ndarray, "n"]:
        """Return what at most a share `LEVEL` of pairs exceed that are the best of `tries`."""
        ...

    def block(self, start: int, stop: int) -> Float[np.ndarray, "rows g"]:
        """Return the similarities of some features of the first SAE to all of the second."""
        ...


class Cosines:
    """Cosines of decoder rows of equal width.

    Parameters
    ----------
    a, b : float [f, d], [g, d]
        Decoder rows, of any norm.
    """

    def __init__(self, a: Float[np.ndarray, "f d"], b: Float[np.ndarray, "g d"]) -> None:
        self._a = unit_rows(np.asarray(a, np.float32))
        self._b = unit_rows(np.asarray(b, np.float32))

    @property
    def shape(self) -> tuple[int, int]:
        """How many features there are a side."""
        return len(self._a), len(self._b)

    def chance(
        self, a: Int[np.ndarray, "n"], b: Int[np.ndarray, "n"], tries: int
    ) -> Float[np.ndarray, "n"]:
        """Return `random_cosine` for each pair."""
        return np.full(len(a), random_cosine(tries, self._b.shape[1]))

    def block(self, start: int, stop: int) -> Float[np.ndarray, "rows g"]:
        """Return the cosines of some rows to all of the other side."""
        return np.asarray(self._a[start:stop] @ self._b.T)


class Correlations:
    """Pearson correlations of codes on the same rows, silent rows included.

    In closed form from Z_a^T Z_b, means and sums of squares; a feature whose code does not
    change has correlation 0 with all.

    Parameters
    ----------
    a, b : sparse float [rows, f], [rows, g]
        Codes of the same rows in the same order.
    independent : int
        How many of the rows are independent (items, whose captions are not): for the null.
    """

    def __init__(self, a: sp.sparray, b: sp.sparray, independent: int) -> None:
        if a.shape[0] != b.shape[0]:
            raise ValueError(f"codes of {a.shape[0]} rows and of {b.shape[0]} rows")
        self._a, self._mean_a, self._scale_a, self._skewness_a = _moments(a)
        self._b, self._mean_b, self._scale_b, self._skewness_b = _moments(b)
        self._b, self._independent = self._b.tocsr(), independent

    @property
    def shape(self) -> tuple[int, int]:
        """How many features there are a side."""
        return self._a.shape[1], self._b.shape[1]

    def chance(
        self, a: Int[np.ndarray, "n"], b: Int[np.ndarray, "n"], tries: int
    ) -> Float[np.ndarray, "n"]:
        """Return `random_correlation` for each pair."""
        skewness = self._skewness_a[a] * self._skewness_b[b]
        return random_correlation(tries, self._independent, skewness)

    def block(self, start: int, stop: int) -> Float[np.ndarray, "rows g"]:
        """Return the correlations of some features to all of the other side."""
        rows = self._a.shape[0]
        product = (self._a[:, start:stop].T.tocsr() @ self._b).toarray() / rows
        product -= np.outer(self._mean_a[start:stop], self._mean_b)
        product *= self._scale_a[start:stop, None]
        product *= self._scale_b
        return np.asarray(product)


def _moments(codes: sp.sparray) -> tuple[sp.csc_array, np.ndarray, np.ndarray, np.ndarray]:
    """Return codes by feature in float64, means, 1 / standard deviation, and skewness."""
    columns = sp.csc_array(codes, dtype=np.float64)
    rows = max(columns.shape[0], 1)
    mean, square, cube = (columns.power(n).sum(axis=0) / rows for n in (1, 2, 3))
    variance = square - mean**2
    still = variance <= 1e-12 * square
    scale = np.where(still, 0, 1 / np.sqrt(np.where(still, 1, variance)))
    return columns, mean, scale, (cube - 3 * mean * square + 2 * mean**3) * scale**3


def random_cosine(directions: int, width: int) -> float:
    """Return the cosine to the nearest of so many directions that 5 % of random ones exceed.

    (1 + cos) / 2 of a random direction to a fixed one is Beta((d - 1) / 2, (d - 1) / 2);
    the largest is bounded by Bonferroni, however the directions lie.
    """
    from scipy.stats import beta

    if width < 2 or directions < 1:
        return 1.0
    half = (width - 1) / 2
    return float(2 * beta.isf(LEVEL / directions, half, half) - 1)


def random_correlation(
    features: int, independent: int, skewness: Float[np.ndarray, "n"]
) -> Float[np.ndarray, "n"]:
    """Return the correlation with the best of so many features that 5 % exceed by chance.

    With n rows permuted against each other a correlation has mean 0, variance 1 / (n - 1) and
    skewness sqrt(n - 1) / (n - 2) times the product of the two features' (Pitman 1937); with
    whole items permuted the variance is at most that with n items (Cauchy-Schwarz). The tail is
    that of the Pearson type III distribution with these moments (Mielke and Berry 2007), as
    codes are too skewed for a normal one; the largest is bounded by Bonferroni.

    Parameters
    ----------
    features : int
        How many the best was chosen from.
    independent : int
        Rows, or items where rows of an item are not independent.
    skewness : float [n]
        Products of the skewness of the two features of each pair.
    """
    from scipy.stats import pearson3

    if independent < 3 or features < 1:
        return np.ones(len(skewness))
    own = skewness * np.sqrt(independent - 1) / (independent - 2)
    tail = pearson3.isf(LEVEL / features, own) / np.sqrt(independent - 1)
    return np.asarray(np.minimum(tail, 1))


@dataclass(frozen=True)
class Nearest:
    """The nearest features of the other SAE, best first; padded with -1 and NaN.

    Attributes
    ----------
    index, value : [f, k]
        Features and similarities.
    chance : float [f]
        What the first of them has by chance at most, see `Similarity.chance`.
    """

    index: Int[np.ndarray, "f k"]
    value: Float[np.ndarray, "f k"]
    chance: Float[np.ndarray, "f"]

    def without_partner(self, bar: float) -> Bool[np.ndarray, "f"]:
        """Return which features are unique: none reaches the bar, or only as chance does."""
        return np.asarray(~(self.value[:, 0] >= np.maximum(bar, self.chance)))


@dataclass(frozen=True)
class Matching:
    """Features of two SAEs that belong together.

    Attributes
    ----------
    method : str
        ``hungarian``: one to one so that the sum is the greatest; ``mutual``: each is the
        other's nearest, where a side has more than `stability.MOST` features.
    a, b : int [pairs]
        Matched features, ascending in a.
    value : float [pairs]
        Their similarities.
    nearest_a, nearest_b : Nearest
        Partners in b of the features of a, and in a of those of b.
    """

    method: str
    a: Int[np.ndarray, "pairs"]
    b: Int[np.ndarray, "pairs"]
    value: Float[np.ndarray, "pairs"]
    nearest_a: Nearest
    nearest_b: Nearest

    @property
    def stability(self) -> float:
        """Mean similarity of matched features; NaN without any."""
        return float(self.value.mean()) if len(self.value) else float("nan")


def match(similarity: Similarity, partners: int = PARTNERS) -> Matching:
    """Match the features of two SAEs, one to one and to their nearest.

    Up to `stability.MOST` features a side the matching is the Hungarian one, which needs all
    similarities at once; else blocks of them are all that is ever held.
    """
    from scipy.optimize import linear_sum_assignment

    f, g = similarity.shape
    few = max(f, g) <= stability.MOST or min(f, g) == 0
    whole = np.empty((f, g), np.float32) if few else None
    partner, value = np.full((f, partners), -1, np.int32), np.full((f, partners), np.nan, "f4")
    source, back = np.full((g, partners), -1, np.int32), np.full((g, partners), np.nan, "f4")
    for start, stop in _blocks(f, g):
        block = similarity.block(start, stop).astype(np.float32)
        if whole is not None:
            whole[start:stop] = block
        every = np.broadcast_to(np.arange(g), block.shape)
        partner[start:stop], value[start:stop] = _best(block, every, partners)
        own = np.broadcast_to(np.arange(start, stop), block.T.shape)
        source[:], back[:] = _best(np.hstack([back, block.T]), np.hstack([source, own]), partners)
    if whole is not None:
        a, b = linear_sum_assignment(whole, maximize=True)
        found, method = whole[a, b], "hungarian"
    else:
        a = np.flatnonzero(source[partner[:, 0], 0] == np.arange(f))
        b, found, method = partner[a, 0], value[a, 0], "mutual"
    chance_a, chance_b = np.full(f, np.nan, np.float32), np.full(g, np.nan, np.float32)
    if min(f, g) > 0:
        chance_a[:] = similarity.chance(np.arange(f), partner[:, 0], g)
        chance_b[:] = similarity.chance(source[:, 0], np.arange(g), f)
    return Matching(
        method,
        a.astype(np.int32),
        b.astype(np.int32),
        found,
        Nearest(partner, value, chance_a),
        Nearest(source, back, chance_b),
    )


def _blocks(f: int, g: int) -> Iterator[tuple[int, int]]:
    step = max(1, _CELLS // max(g, 1))
    for start in range(0, f, step):
        yield start, min(start + step, f)


def _best(
    value: Float[np.ndarray, "rows n"], index: Int[np.ndarray, "rows n"], k: int
) -> tuple[Int[np.ndarray, "rows k"], Float[np.ndarray, "rows k"]]:
    """Return the k largest of each row, the largest first, padded with -1 and NaN."""
    value = np.where(np.isnan(value), -np.inf, value)
    m = min(k, value.shape[1])
    found = np.full((len(value), k), -1, np.int32)
    best = np.full((len(value), k), np.nan, np.float32)
    if m == 0:
        return found, best
    part = np.argpartition(-value, m - 1, axis=1)[:, :m]
    values, indices = np.take_along_axis(value, part, 1), np.take_along_axis(index, part, 1)
    order = np.lexsort((indices, -values), axis=1)
    values, indices = np.take_along_axis(values, order, 1), np.take_along_axis(indices, order, 1)
    known = values > -np.inf
    found[:, :m], best[:, :m] = np.where(known, indices, -1), np.where(known, values, np.nan)
    return found, best
