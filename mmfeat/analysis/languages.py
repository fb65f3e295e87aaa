"""Features by {pictures} + languages: where they fire, and how alike the languages are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int, Int8

from mmfeat.analysis.consistency import known_mean
from mmfeat.analysis.firing import MIN_FIRINGS
from mmfeat.corpus.languages import script_of_tag

if TYPE_CHECKING:
    from mmfeat.analysis.codes import Codes

# Least rate for a feature to count as firing in a column, relative to its largest rate.
RELATIVE_RATE = 0.1
_ENTRIES = 1 << 22


class Level(IntEnum):
    """Whether a feature fires in a column: for pictures, or for captions in a language."""

    NO_ROWS = -1
    NEVER = 0
    HARDLY = 1
    FIRES = 2


class Reach(IntEnum):
    """In which languages a feature fires, pictures aside.

    One that fires in all languages with captions has `ALL`, however few they are.
    """

    NONE = 0
    ONE_LANGUAGE = 1
    ONE_SCRIPT = 2
    SEVERAL = 3
    ALL = 4


@dataclass(frozen=True)
class Similarity:
    """How alike pictures (row 0) and languages (from row 1) are, from 0 to 1.

    Attributes
    ----------
    matrix
        Symmetric; NaN where nothing can be compared.
    order
        Its rows, the most alike beside each other.
    """

    matrix: Float[np.ndarray, "columns columns"]
    order: Int[np.ndarray, "columns"]


def mean_activation(
    codes: Codes, group: Int[np.ndarray, "rows"], groups: int
) -> Float[np.ndarray, "d_sae groups"]:
    """Return E[z] in groups of rows, over all rows of a group; NaN for a group without rows."""
    size = codes.d_sae * groups
    total = np.zeros(size)
    for start in range(0, len(codes.indices), _ENTRIES):
        part = slice(start, start + _ENTRIES)
        key = codes.indices[part].astype(np.int64) * groups + group[codes.row[part]]
        total += np.bincount(key, codes.data[part].astype(np.float64), size)
    rows = np.bincount(group, minlength=groups).astype(np.float64)
    return np.asarray(total.reshape(codes.d_sae, groups) / np.where(rows > 0, rows, np.nan))


def language_entropy(
    rate: Float[np.ndarray, "d_sae languages"],
) -> tuple[Float[np.ndarray, "d_sae"], Float[np.ndarray, "d_sae"]]:
    """Return H = -sum p log p of L1-normalised firing rates in nats, and H / log n.

    n are the languages with captions. NaN for a feature that is silent in all, and H / log n
    where there is one language.
    """
    rate = np.asarray(rate, np.float64)[:, np.isfinite(rate).all(0)]
    total = rate.sum(1, keepdims=True)
    p = rate / np.where(total > 0, total, np.nan)
    entropy = -(p * np.log(np.where(p > 0, p, 1))).sum(1)
    entropy[~(total[:, 0] > 0)] = np.nan
    n = rate.shape[1]
    return entropy, np.asarray(entropy / np.log(n) if n > 1 else np.full(len(rate), np.nan))


def language_specificity(
    mean: Float[np.ndarray, "d_sae languages"],
) -> Float[np.ndarray, "d_sae languages"]:
    """Return nu_l = mean_l - mean over the other languages (Deng et al. 2025).

    From mean activations. NaN where a language has no captions, or is the only one that has.
    """
    others = np.isfinite(mean).sum(1, keepdims=True) - 1
    rest = np.nansum(mean, 1, keepdims=True) - mean
    return np.asarray(mean - rest / np.where(others > 0, others, np.nan))


def levels(
    count: Int[np.ndarray, "d_sae columns"], rate: Float[np.ndarray, "d_sae columns"]
) -> Int8[np.ndarray, "d_sae columns"]:
    """Return the `Level` of each feature in each column, from firings and firing rates.

    It fires in a column with at least `MIN_FIRINGS` firings there and a rate of at least
    `RELATIVE_RATE` of the largest rate of such columns; with fewer, but some, it hardly fires.
    A column whose rates are NaN has no rows.
    """
    known, enough = np.isfinite(rate), count >= MIN_FIRINGS
    largest = np.where(known & enough, rate, 0).max(1, initial=0, keepdims=True)
    found = np.where(count > 0, Level.HARDLY, Level.NEVER)
    found[enough & (rate >= RELATIVE_RATE * largest)] = Level.FIRES
    found[~known] = Level.NO_ROWS
    return found.astype(np.int8)


def reach(
    level: Int8[np.ndarray, "d_sae languages"], languages: Sequence[str]
) -> Int8[np.ndarray, "d_sae"]:
    """Return the `Reach` of each feature over languages, which are tags."""
    script = np.array([script_of_tag(tag) for tag in languages])
    fires = level == Level.FIRES
    n = fires.sum(1)
    scripts = np.zeros(len(level), np.int64)
    for own in np.unique(script):
        scripts += fires[:, script == own].any(1)
    found = np.full(len(level), Reach.SEVERAL)
    found[scripts == 1] = Reach.ONE_SCRIPT
    found[n == 1] = Reach.ONE_LANGUAGE
    found[n == (level != Level.NO_ROWS).sum(1)] = Reach.ALL
    found[n == 0] = Reach.NONE
    return found.astype(np.int8)


def classes(
    pictures: Int8[np.ndarray, "d_sae"], reach: Int8[np.ndarray, "d_sae"]
) -> dict[str, Bool[np.ndarray, "d_sae"]]:
    """Return the features of four kinds; 'not' means never or hardly.

    ``languages_not_pictures`` fire in all languages but not for pictures, ``pictures_only`` for
    pictures but in no language; ``one_script`` and ``one_language`` say in which languages,
    whether they fire for pictures or not.
    """
    silent = (pictures == Level.NEVER) | (pictures == Level.HARDLY)
    return {
        "languages_not_pictures": (reach == Reach.ALL) & silent,
        "pictures_only": (reach == Reach.NONE) & (pictures == Level.FIRES),
        "one_script": reach == Reach.ONE_SCRIPT,
        "one_language": reach == Reach.ONE_LANGUAGE,
    }


def weakest(rate: Float[np.ndarray, "d_sae languages"]) -> Int[np.ndarray, "d_sae"]:
    """Return the language in which each feature fires least often, -1 where none stands out.

    It stands out where it is alone, its rate is below half the median and that is not 0.
    """
    known = np.flatnonzero(np.isfinite(rate).all(0))
    found = np.full(len(rate), -1, np.int64)
    if len(known) > 1:
        own = rate[:, known]
        least = own.min(1)
        alone = (own == least[:, None]).sum(1) == 1
        clear = alone & (least < np.median(own, 1) / 2)
        found[clear] = known[own.argmin(1)[clear]]
    return found


def consistency_by_column(
    with_image: Float[np.ndarray, "d_sae languages"],
    jaccard: Float[np.ndarray, "d_sae pairs"],
    pairs: Sequence[tuple[int, int]],
) -> Float[np.ndarray, "d_sae columns"]:
    """Return the mean Jaccard of pictures, then of each language, with captions elsewhere.

    Of pictures with the captions of every language, of a language with the captions of every
    other one.
    """
    columns = [known_mean(with_image)]
    for language in range(with_image.shape[1]):
        own = [index for index, pair in enumerate(pairs) if language in pair]
        columns.append(known_mean(jaccard[:, own]))
    return np.stack(columns, 1)


def similarity(
    with_image: Float[np.ndarray, "languages"],
    between: Float[np.ndarray, "pairs"],
    pairs: Sequence[tuple[int, int]],
) -> Similarity:
    """Put mean Jaccards of pictures with languages, and of pairs of languages, into one matrix.

    Jaccard rather than the cosine of firing rates, for two languages can use a feature equally
    often without using it for the same concepts. The order is that of the leaves of an average
    linkage of 1 - similarity, arranged so that neighbours are alike (Bar-Joseph et al. 2001).
    """
    n = len(with_image) + 1
    matrix = np.eye(n)
    matrix[0, 1:] = matrix[1:, 0] = with_image
    for (a, b), value in zip(pairs, between.tolist(), strict=True):
        matrix[a + 1, b + 1] = matrix[b + 1, a + 1] = value
    if n < 3:
        return Similarity(matrix, np.arange(n))
    from scipy.cluster.hierarchy import leaves_list

    return Similarity(matrix, leaves_list(tree(matrix)).astype(np.int64))


def tree(matrix: Float[np.ndarray, "columns columns"]) -> Float[np.ndarray, "merges 4"]:
    """Return the linkage by which `similarity` orders its columns, as SciPy writes it.

    Parameters
    ----------
    matrix : array [columns, columns]
        Symmetric, at least two columns; what is NaN is not alike.
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    distance = 1 - np.clip(np.nan_to_num(matrix), 0, 1)
    np.fill_diagonal(distance, 0)
    found: np.ndarray = linkage(squareform(distance), "average", optimal_ordering=True)
    return found
