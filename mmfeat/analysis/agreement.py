"""How far a feature fires on the same units' captions in two languages."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int


def in_two_languages(
    text: Sequence[sp.csc_array],
    has_text: Bool[np.ndarray, "units languages"],
    same_text: Bool[np.ndarray, "languages languages units"],
    a: int,
    b: int,
) -> tuple[Int[np.ndarray, "d_sae"], Int[np.ndarray, "d_sae"]]:
    """Return on how many units each feature fires in both languages, and in either.

    Parameters are those of `language_jaccard`, and the two languages.
    """
    inside = (has_text[:, a] & has_text[:, b] & ~same_text[a, b]).astype(np.int64)
    both = inside @ text[a].multiply(text[b]).tocsc()
    return both, inside @ text[a] + inside @ text[b] - both


def language_jaccard(
    text: Sequence[sp.csc_array],
    has_text: Bool[np.ndarray, "units languages"],
    same_text: Bool[np.ndarray, "languages languages units"],
) -> tuple[Float[np.ndarray, "d_sae"], Int[np.ndarray, "d_sae"]]:
    """Return the sum of each feature's Jaccard over pairs of languages, and the pairs it has.

    In a pair, over the units with a caption in both: units on which it fires in
    both languages / units on which it fires in either. A pair in which it fires
    in neither does not count.

    Parameters
    ----------
    text
        A language: 1 where a feature fires on a caption of a unit [units, d_sae].
    has_text
        The unit has a caption in the language.
    same_text
        The unit has the same string in both languages: it is left out for that pair,
        for there a feature agrees with itself without meaning the same in both.
    """
    total = np.zeros(text[0].shape[1])
    pairs = np.zeros(text[0].shape[1], np.int64)
    for a, b in combinations(range(len(text)), 2):
        both, either = in_two_languages(text, has_text, same_text, a, b)
        total += both / np.maximum(either, 1)
        pairs += either > 0
    return total, pairs
