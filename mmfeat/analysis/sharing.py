"""When a feature is shared by pictures and languages: the one definition.

A *unit* is one representative of a test concept. A feature is tested in a language by
asking whether it fires on the picture and on a caption of the same unit more often than
under random pairing of pictures and captions; with n languages it is shared when that
holds in at least r = ceil(0.7 n) of them, with an effect that matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from mmfeat.analysis import statistics

# Most counts of features by groups held at a time in the stratified test.
_BLOCK_CELLS = 4_000_000


@dataclass(frozen=True)
class Sharing:
    """What is known of each feature's sharing (f features, l languages).

    Attributes
    ----------
    overlap, n_image, n_text
        Units on which the feature fires for picture and caption, picture, caption,
        among the units that have both.
    n_units
        Those units.
    p
        Exact one-sided p of the overlap.
    lower
        Lower 95 % bound of min(P(T | I), P(I | T)).
    shared_in_language
        p <= alpha and lower >= min_effect.
    testable
        At least min_units units fire for pictures and min_units for captions, in at
        least r languages.
    pc_p, q
        Partial-conjunction p over languages, and after Benjamini-Hochberg over the
        testable features; NaN where untestable.
    effect
        The r-th largest `lower` over languages.
    shared
        testable, q <= alpha and effect >= min_effect.
    r
        Languages in which a shared feature must be found.
    """

    overlap: Int[np.ndarray, "f l"]
    n_image: Int[np.ndarray, "f l"]
    n_text: Int[np.ndarray, "f l"]
    n_units: Int[np.ndarray, " l"]
    p: Float[np.ndarray, "f l"]
    lower: Float[np.ndarray, "f l"]
    shared_in_language: Bool[np.ndarray, "f l"]
    testable: Bool[np.ndarray, " f"]
    pc_p: Float[np.ndarray, " f"]
    q: Float[np.ndarray, " f"]
    effect: Float[np.ndarray, " f"]
    shared: Bool[np.ndarray, " f"]
    r: int


@dataclass(frozen=True)
class LanguagePairs:
    """The test between languages, for every pair of them.

    Attributes
    ----------
    pairs
        Indices of the languages, the smaller first.
    p, lower
        As in `Sharing`, for captions against captions.
    """

    pairs: list[tuple[int, int]]
    p: Float[np.ndarray, "pairs f"]
    lower: Float[np.ndarray, "pairs f"]


def units(
    item_id: Sequence[str],
    concept: Sequence[str],
    split: Sequence[str],
    picture: Sequence[str],
    seed: int,
) -> Int[np.ndarray, " units"]:
    """Return the items that represent the test concepts.

    Each concept has one representative, drawn by hashing the seed and the item's name, so
    that neither the order of the items nor the other items matter; of representatives
    with identical pictures one is kept, drawn alike. Units are then exchangeable when
    pictures and captions are shuffled.

    Parameters
    ----------
    item_id, concept, split, picture
        A text an item, as in `/items` of a corpus; an empty `picture` equals no other.
    seed
        Which representatives are drawn.

    Returns
    -------
    Int[np.ndarray, " units"]
        Indices of items, ascending.
    """
    drawn = {
        item: blake2b(f"{seed}:{item_id[item]}".encode()).digest()
        for item, part in enumerate(split)
        if part == "test"
    }
    representative: dict[str, int] = {}
    for item in sorted(drawn, key=drawn.__getitem__):
        representative.setdefault(concept[item], item)
    by_picture: dict[tuple[str, int], int] = {}
    for item in representative.values():
        # An item without a picture stands for itself.
        key = (picture[item], -1) if picture[item] else ("", item)
        by_picture.setdefault(key, item)
    return np.array(sorted(by_picture.values()), dtype=np.int64)


def sharing(
    image: sparse.sparray,
    text: Sequence[sparse.sparray],
    has_text: Bool[np.ndarray, "units languages"],
    has_image: Bool[np.ndarray, " units"],
    groups: Int[np.ndarray, " units"] | None = None,
    *,
    alpha: float = 0.05,
    min_effect: float = 0.1,
    min_units: int = 5,
) -> Sharing:
    """Test for every feature whether pictures and languages share it.

    In a language, over the units with a picture and a caption: the overlap of 'fires on
    the picture' and 'fires on a caption' is hypergeometric under random pairing, which
    gives an exact p. Languages are put together by the partial-conjunction p (Benjamini
    and Heller 2008), features by Benjamini-Hochberg over the testable ones. The effect
    is bounded too, for with a million units everything is significant: the bound of
    min(P(T | I), P(I | T)) is the smaller of the two Clopper-Pearson bounds, which holds
    at 95 % whichever of the two is the minimum.

    A language in which no unit has both a picture and a caption is not one of the n.

    Parameters
    ----------
    image
        [units, features], positive where a feature fires on the unit's picture.
    text
        The same for each language: it fires on at least one caption of the unit.
    has_text
        The unit has a caption in the language.
    has_image
        The unit has a picture.
    groups
        Given, units are paired at random only within a group, so that 'person' does not
        pass for a concept; the bounds of the effect stay as they are.
    alpha
        Level of q, and of p in one language.
    min_effect
        Least lower bound of the effect.
    min_units
        Least firing units a side for a feature to be testable in a language; a feature
        is testable when it is so in r languages.

    Returns
    -------
    Sharing
        Counts, p, bounds and the decision.

    Raises
    ------
    ValueError
        If there is no language, or shapes do not fit.
    """
    shape = (*image.shape[:1], len(text))
    if not text or has_text.shape != shape or has_image.shape != shape[:1]:
        raise ValueError(
            f"{len(text)} languages and {image.shape[0]} units do not fit"
            f" has_text {has_text.shape} and has_image {has_image.shape}"
        )
    on_picture = _firing(image)
    on_caption = [_firing(matrix) for matrix in text]
    universe = has_text & has_image[:, None]
    n_units = universe.sum(axis=0)
    counts = [_counts(on_picture, b, universe[:, i]) for i, b in enumerate(on_caption)]
    overlap, n_image, n_text = (np.stack(count, axis=1) for count in zip(*counts, strict=True))
    lower = _effect_bound(overlap, n_image, n_text)
    if groups is None:
        p = statistics.hypergeometric_p(overlap, n_units, n_image, n_text)
    else:
        columns = [
            _stratified(on_picture, b, universe[:, i], groups, overlap[:, i])
            for i, b in enumerate(on_caption)
        ]
        p = np.stack(columns, axis=1)

    covered = n_units > 0 if n_units.any() else np.ones_like(n_units, dtype=bool)
    r = -(-7 * int(covered.sum()) // 10)
    enough = (n_image >= min_units) & (n_text >= min_units)
    testable = enough.sum(axis=1) >= r
    pc_p = np.where(testable, statistics.partial_conjunction(p[:, covered], r), np.nan)
    q = statistics.benjamini_hochberg(pc_p)
    effect = np.sort(lower, axis=1)[:, -r]
    return Sharing(
        overlap=overlap,
        n_image=n_image,
        n_text=n_text,
        n_units=n_units,
        p=p,
        lower=lower,
        shared_in_language=(p <= alpha) & (lower >= min_effect),
        testable=testable,
        pc_p=pc_p,
        q=q,
        effect=effect,
        # A comparison with NaN is false: what is untestable is not shared.
        shared=(q <= alpha) & (effect >= min_effect),
        r=r,
    )


def between_languages(
    a: sparse.sparray,
    b: sparse.sparray,
    has_a: Bool[np.ndarray, " units"],
    has_b: Bool[np.ndarray, " units"],
    same_text: Bool[np.ndarray, " units"],
) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, " f"]]:
    """Test for every feature whether it fires on captions of the same units in two languages.

    Parameters
    ----------
    a, b
        [units, features], positive where a feature fires on a caption in the language.
    has_a, has_b
        The unit has a caption in the language.
    same_text
        The unit has the same string in both languages: it is left out, for a feature
        agrees with itself there without being shared.

    Returns
    -------
    p, lower
        The exact one-sided p, and the lower 95 % bound of min(P(b | a), P(a | b)).
    """
    universe = has_a & has_b & ~same_text
    counts = np.array([_counts(_firing(a), _firing(b), universe)])
    p, lower = _tested(counts, np.array([universe.sum()]))
    return p[0], lower[0]


def language_pairs(
    text: Sequence[sparse.sparray],
    has_text: Bool[np.ndarray, "units languages"],
    same_text: Bool[np.ndarray, "languages languages units"],
) -> LanguagePairs:
    """Apply `between_languages` to every pair of languages.

    Parameters
    ----------
    text
        [units, features] a language, positive where a feature fires on a caption.
    has_text
        The unit has a caption in the language.
    same_text
        The unit has the same string in both languages: it is left out for that pair.
    """
    pairs = list(combinations(range(len(text)), 2))
    firing = [_firing(matrix) for matrix in text]
    universe = [has_text[:, a] & has_text[:, b] & ~same_text[a, b] for a, b in pairs]
    counts = [
        _counts(firing[a], firing[b], own) for (a, b), own in zip(pairs, universe, strict=True)
    ]
    # At once, as pairs of languages have many tables in common.
    p, lower = _tested(
        np.array(counts, np.int64).reshape(len(pairs), 3, text[0].shape[1]),
        np.array([own.sum() for own in universe], np.int64),
    )
    return LanguagePairs(pairs, p, lower)


def _tested(
    counts: Int[np.ndarray, "tests 3 f"], population: Int[np.ndarray, " tests"]
) -> tuple[Float[np.ndarray, "tests f"], Float[np.ndarray, "tests f"]]:
    """Return the exact p and the bound of the effect of counts as `_counts` has them."""
    overlap, first, second = counts.transpose(1, 0, 2)
    p = statistics.hypergeometric_p(overlap, population[:, None], first, second)
    return p, _effect_bound(overlap, first, second)


def _firing(matrix: sparse.sparray) -> sparse.csc_array:
    """Return 1 where an activation is positive, as integers that sum without overflow."""
    firing = sparse.csc_array(matrix)
    return sparse.csc_array(
        ((firing.data > 0).astype(np.int64), firing.indices, firing.indptr), firing.shape
    )


def _counts(
    a: sparse.csc_array, b: sparse.csc_array, universe: Bool[np.ndarray, " units"]
) -> tuple[Int[np.ndarray, " f"], Int[np.ndarray, " f"], Int[np.ndarray, " f"]]:
    """Return for each feature the units of the universe where both, a and b fire."""
    inside = universe.astype(np.int64)
    return inside @ a.multiply(b).tocsc(), inside @ a, inside @ b


def _effect_bound(
    overlap: Int[np.ndarray, "*shape"],
    first: Int[np.ndarray, "*shape"],
    second: Int[np.ndarray, "*shape"],
) -> Float[np.ndarray, "*shape"]:
    # Both proportions have the same numerator, and the bound falls with the denominator.
    return statistics.lower_bound(overlap, np.maximum(first, second))


def _stratified(
    image: sparse.csc_array,
    text: sparse.csc_array,
    universe: Bool[np.ndarray, " units"],
    groups: Int[np.ndarray, " units"],
    overlap: Int[np.ndarray, " f"],
) -> Float[np.ndarray, " f"]:
    """Return p when pictures and captions are paired at random within groups only."""
    inside = np.flatnonzero(universe)
    population: Int[np.ndarray, " strata"]
    _, stratum, population = np.unique(groups[inside], return_inverse=True, return_counts=True)
    member = sparse.csr_array(
        (np.ones(inside.size, dtype=np.int64), (stratum, inside)),
        (population.size, universe.size),
    )
    p = np.ones(overlap.size)
    found = np.flatnonzero(overlap)
    blocks = 1 + found.size * population.size // _BLOCK_CELLS
    for block in np.array_split(found, blocks):
        p[block] = statistics.stratified_p(
            overlap[block],
            population,
            (member @ image[:, block]).toarray().T,
            (member @ text[:, block]).toarray().T,
        )
    return p
