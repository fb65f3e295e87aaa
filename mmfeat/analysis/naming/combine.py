"""One name a feature and language from the proposals of three methods.

Each proposal is tried on train rows: how well does the cosine to its embedding tell rows on
which the feature fires from others (`name_evaluation.auroc`)? That is the same number for all
methods, whatever their own scores are. The combined score of a proposal is

    (2 * AUROC - 1) * (3 + agreement) / 4,   agreement = mean over the methods of 1 / rank

with 1 / rank = 0 for a method that did not propose it: 1 is a name that predicts without fault
and that every method puts first. A proposal whose AUROC is below `FLOOR` is no name.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

if TYPE_CHECKING:
    from mmfeat.analysis.naming.vocabulary import Candidates


METHODS = ("nearest", "dissect", "ngrams")
KEPT = 3  # names of a feature in a language
FLOOR = 0.7  # AUROC on train rows below which a proposal is no name


@dataclass(frozen=True)
class Proposals:
    """What the methods propose for each feature in one language, each text once.

    Attributes
    ----------
    text : list of str
        The vocabulary, then n-grams that are no entry of it.
    term : int [n-grams of text]
        Which n-gram each of the latter is.
    name : int32 [features, m]
        Index into `text`; padded with -1.
    score : float32 [features, m, methods]
        What each method gave; NaN where it did not propose the text.
    rank : int32 [features, m, methods]
        Its place in the method's list, from 1; 0 where it is not in it.
    """

    text: list[str]
    term: Int[np.ndarray, "terms"]
    name: Int[np.ndarray, "features m"]
    score: Float[np.ndarray, "features m methods"]
    rank: Int[np.ndarray, "features m methods"]


def proposals(
    entries: Sequence[str],
    terms: Sequence[str],
    nearest: Candidates,
    dissect: Candidates,
    ngrams: Candidates,
) -> Proposals:
    """Put the candidates of the methods together.

    An n-gram that is a whole entry, letter case aside, is that entry.
    """
    term = np.unique(ngrams.index[ngrams.index >= 0]).astype(np.int64)
    folded = {_folded(text): index for index, text in reversed(list(enumerate(entries)))}
    place = np.full(len(terms) + 1, -1, np.int32)  # the last is for the padding
    text, kept = list(entries), []
    for index in term.tolist():
        own = folded.get(terms[index])
        if own is None:
            own = len(text)
            text.append(terms[index])
            kept.append(index)
        place[index] = own
    from mmfeat.analysis.naming.vocabulary import Candidates  # it loads torch

    lists = (nearest, dissect, Candidates(place[ngrams.index], ngrams.score))
    n = [one.index.shape[1] for one in lists]
    name = np.concatenate([one.index for one in lists], axis=1)
    score = np.full((*name.shape, len(METHODS)), np.nan, np.float32)
    rank = np.zeros((*name.shape, len(METHODS)), np.int32)
    for method, (one, stop) in enumerate(zip(lists, np.cumsum(n), strict=True)):
        own_part = slice(stop - one.index.shape[1], stop)
        score[:, own_part, method] = one.score
        rank[:, own_part, method] = np.where(one.index >= 0, np.arange(one.index.shape[1]) + 1, 0)
    for later in range(1, name.shape[1]):
        for earlier in range(later):
            same = np.flatnonzero((name[:, later] == name[:, earlier]) & (name[:, later] >= 0))
            score[same, earlier] = np.fmax(score[same, earlier], score[same, later])
            rank[same, earlier] = np.maximum(rank[same, earlier], rank[same, later])
            name[same, later] = -1
    score[name < 0], rank[name < 0] = np.nan, 0
    return Proposals(text, np.array(kept, np.int64), name, score, rank)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text.casefold())


@dataclass(frozen=True)
class Names:
    """The best proposals of each feature in one language, best first.

    Attributes
    ----------
    name : int32 [features, n]
        Index into the texts; -1 where there is no good name, or no further one.
    score : float32 [features, n]
        Combined score, 0 to 1; padded with NaN.
    auroc : float32 [features, n]
        What the proposal predicts on train rows.
    methods : float32 [features, n, methods]
        The score of each method that proposed it.
    """

    name: Int[np.ndarray, "features n"]
    score: Float[np.ndarray, "features n"]
    auroc: Float[np.ndarray, "features n"]
    methods: Float[np.ndarray, "features n methods"]


def combined(
    auroc: Float[np.ndarray, "features m"], rank: Int[np.ndarray, "features m methods"]
) -> Float[np.ndarray, "features m"]:
    """Return the combined score of each proposal; NaN where it is no name."""
    agreement = (np.where(rank > 0, 1.0, 0.0) / np.maximum(rank, 1)).mean(axis=2)
    score = (2 * auroc - 1) * (3 + agreement) / 4
    return np.where(auroc >= FLOOR, score, np.nan).astype(np.float32)


def choose(found: Proposals, auroc: Float[np.ndarray, "features m"], n: int) -> Names:
    """Return the n proposals of largest combined score of each feature.

    Parameters
    ----------
    found : Proposals
        Of one language.
    auroc : float [features, m]
        What each predicts on train rows; NaN where that cannot be said.
    n : int
        How many to keep.
    """
    score = combined(auroc, found.rank)
    order = np.argsort(np.where(np.isnan(score), np.inf, -score), axis=1, kind="stable")[:, :n]
    score = np.take_along_axis(score, order, 1)
    good = ~np.isnan(score)
    return Names(
        np.where(good, np.take_along_axis(found.name, order, 1), -1),
        score,
        np.where(good, np.take_along_axis(auroc, order, 1), np.nan).astype(np.float32),
        np.where(
            good[:, :, None], np.take_along_axis(found.score, order[:, :, None], 1), np.nan
        ).astype(np.float32),
    )
