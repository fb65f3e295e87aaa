"""Ranking of features by what they fire on, contrasted with what they should not fire on.

Templeton et al. (2024) find features by a set of prompts minus the prompts against them, and
for pictures the negatives are essential: what fires on one picture mostly fires on every
picture. A feature's contrast on the rows of one stream and language is

    (mean activation on the positives - mean activation on the negatives) / maximum,

its maximum being the largest activation it has in that stream. Languages count alike within
captions, and captions as much as pictures, however many rows each has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Mean:
    """What each feature does on average over some rows; rows where it is silent count as 0.

    Attributes
    ----------
    activation : float64 [d_sae]
        Mean activation.
    firing : float64 [d_sae]
        Share of the rows on which it fires.
    """

    activation: Float[np.ndarray, "d_sae"]
    firing: Float[np.ndarray, "d_sae"]


@dataclass(frozen=True)
class Sides:
    """Rows for and against, of one stream and language.

    Attributes
    ----------
    stream : str
        Which stream.
    positive, negative : Mean
        What features do on either side.
    maximum : float [d_sae]
        The largest activation of each feature in the stream.
    """

    stream: str
    positive: Mean
    negative: Mean
    maximum: Float[np.ndarray, "d_sae"]


def mean_of(codes: sp.csr_array) -> Mean:
    """Average the codes of some rows, at least one."""
    rows, d_sae = codes.shape
    return Mean(
        np.bincount(codes.indices, codes.data, d_sae) / rows,
        np.bincount(codes.indices, minlength=d_sae) / rows,
    )


def balanced(
    parts: Iterable[tuple[str, Float[np.ndarray, "d_sae"]]],
) -> Float[np.ndarray, "d_sae"]:
    """Average values by stream: first those of each stream (its languages), then the streams."""
    found: dict[str, list[np.ndarray]] = {}
    for stream, values in parts:
        found.setdefault(stream, []).append(values)
    return np.asarray(np.mean([np.mean(values, axis=0) for values in found.values()], axis=0))


def contrast(sides: Sequence[Sides]) -> Float[np.ndarray, "d_sae"]:
    """Return each feature's contrast, in [-1, 1] where no activation exceeds its maximum.

    A feature with a maximum of 0 in a stream never fires there, and has contrast 0.
    """

    def scaled(side: Sides) -> np.ndarray:
        difference = side.positive.activation - side.negative.activation
        fires = side.maximum > 0
        return np.asarray(difference / np.where(fires, side.maximum, np.inf))

    return balanced((side.stream, scaled(side)) for side in sides)


def strongest(score: Float[np.ndarray, "d_sae"], top: int) -> Int[np.ndarray, "chosen"]:
    """Return the features of largest score above 0, descending; ties go to the lower index."""
    some = np.flatnonzero(score > 0)
    if len(some) > top:
        # All that tie with the last are kept until they are ordered.
        least = np.partition(score[some], len(some) - top)[len(some) - top]
        some = some[score[some] >= least]
    order = np.lexsort((some, -score[some]))
    return np.asarray(some[order[:top]])


def cofiring(
    codes: sp.csr_array, count: Int[np.ndarray, "d_sae"], own: int
) -> Float[np.ndarray, "d_sae"]:
    """Return how much each feature fires together with one, as Jaccard's index.

    Parameters
    ----------
    codes : CSR [rows, d_sae]
        Rows on which the one fires: all, or a random sample of them.
    count : int [d_sae]
        Rows of the stream on which each feature fires.
    own : int
        Rows of the stream on which the one fires.

    Returns
    -------
    float64 [d_sae]
        Rows with both over rows with either; 0 where there are none of either.
    """
    rows, d_sae = codes.shape
    both = np.bincount(codes.indices, minlength=d_sae) * (own / max(rows, 1))
    either = count + own - both
    return np.asarray(both / np.where(either > 0, either, np.inf))
