"""How far a feature fires on the same concepts in two languages, for every pair of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Float32, Int

from mmfeat.analysis.agreement import in_two_languages
from mmfeat.analysis.sharing import language_pairs
from mmfeat.corpus.languages import script_of_tag

ALPHA = 0.05
MIN_EFFECT = 0.1


@dataclass(frozen=True)
class Consistency:
    """What is known of each feature in each pair of languages.

    Attributes
    ----------
    pairs
        Indices of the languages, the smaller first.
    jaccard
        Units on which it fires in both languages / in either; NaN where in neither.
    p, lower
        As in `LanguagePairs`: the exact p, and the lower 95 % bound of min(P(b | a), P(a | b)).
    """

    pairs: list[tuple[int, int]]
    jaccard: Float32[np.ndarray, "d_sae pairs"]
    p: Float[np.ndarray, "d_sae pairs"]
    lower: Float32[np.ndarray, "d_sae pairs"]


@dataclass(frozen=True)
class ConsistencySummary:
    """`Consistency` of each feature over the pairs of languages.

    Attributes
    ----------
    jaccard
        Mean over the pairs in which it fires in either language.
    n_pairs
        Those pairs.
    n_consistent
        Pairs with p <= 0.05 and a lower bound >= 0.1.
    within_script, between_scripts
        Mean Jaccard over pairs of languages in one script, and in two.
    """

    jaccard: Float[np.ndarray, "d_sae"]
    n_pairs: Int[np.ndarray, "d_sae"]
    n_consistent: Int[np.ndarray, "d_sae"]
    within_script: Float[np.ndarray, "d_sae"]
    between_scripts: Float[np.ndarray, "d_sae"]


def consistency(
    text: Sequence[sp.csc_array],
    has_text: Bool[np.ndarray, "units languages"],
    same_text: Bool[np.ndarray, "languages languages units"] | None,
) -> Consistency:
    """Compare the firings of every feature in every two languages.

    Parameters
    ----------
    text
        A language: 1 where a feature fires on a caption of a unit [units, d_sae].
    has_text
        The unit has a caption in the language.
    same_text
        The unit has the same string in both languages: it is left out for that pair, for there
        a feature agrees with itself without meaning the same in both. None leaves out nothing.
    """
    units, languages = has_text.shape
    if same_text is None:
        same_text = np.zeros((languages, languages, units), bool)
    tested = language_pairs(text, has_text, same_text)
    jaccard = np.full((text[0].shape[1], len(tested.pairs)), np.nan, np.float32)
    for index, (a, b) in enumerate(tested.pairs):
        both, either = in_two_languages(text, has_text, same_text, a, b)
        jaccard[:, index] = both / np.where(either > 0, either, np.nan)
    return Consistency(tested.pairs, jaccard, tested.p.T, tested.lower.T.astype(np.float32))


def summarise(found: Consistency, languages: Sequence[str]) -> ConsistencySummary:
    """Summarise over pairs, and by script of the languages, which are tags."""
    script = [script_of_tag(tag) for tag in languages]
    same = np.array([script[a] == script[b] for a, b in found.pairs], bool)
    consistent = (found.p <= ALPHA) & (found.lower >= MIN_EFFECT)
    return ConsistencySummary(
        jaccard=known_mean(found.jaccard),
        n_pairs=np.isfinite(found.jaccard).sum(1),
        n_consistent=consistent.sum(1),
        within_script=known_mean(found.jaccard[:, same]),
        between_scripts=known_mean(found.jaccard[:, ~same]),
    )


def known_mean(
    values: Float[np.ndarray, "rows columns"], axis: int = 1
) -> Float[np.ndarray, "kept"]:
    """Return the mean of what is not NaN along an axis; NaN where nothing is left."""
    known = np.isfinite(values).sum(axis)
    total = np.nansum(values, axis, np.float64)
    return np.asarray(total / np.where(known > 0, known, np.nan))
