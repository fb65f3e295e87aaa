"""Names from the decoder alone: the vocabulary entries nearest to a feature's decoder row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

MOST = 5000  # entries of a language
_CELLS = 1 << 24  # scores held at a time


@dataclass(frozen=True)
class Candidates:
    """What a method proposes for each feature in one language, best first.

    Attributes
    ----------
    index : int32 [features, n]
        Which entry; padded with -1.
    score : float32 [features, n]
        The method's own score; padded with NaN.
    """

    index: Int[np.ndarray, "features n"]
    score: Float[np.ndarray, "features n"]


def distinct(texts: Sequence[str], seed: int, most: int = MOST) -> Int[np.ndarray, "entries"]:
    """Return where each distinct text of a language stands first, ascending.

    Of more than `most`, that many are drawn; which ones depends on the seed and on the set
    of texts, not on their order.
    """
    first: dict[str, int] = {}
    for index, text in enumerate(texts):
        if text.strip():
            first.setdefault(text, index)
    if len(first) > most:
        names = sorted(first)
        drawn = np.random.default_rng(seed).permutation(len(names))[:most]
        return np.sort(np.array([first[names[i]] for i in drawn.tolist()], np.int64))
    return np.array(list(first.values()), np.int64)


def unit(rows: Float[np.ndarray, "rows d"]) -> Float[np.ndarray, "rows d"]:
    """Return rows scaled to norm 1 in float32; rows of zeros stay."""
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(norm, 1e-12), np.float32)


def best(scores: Float[Tensor, "features entries"], n: int) -> Candidates:
    """Return the n largest scores of each feature; equal ones in the order of the entries.

    Minus infinity is no score.
    """
    top, index = scores.topk(min(n, scores.shape[1]), dim=1)
    found, where = top.numpy(), index.numpy()
    order = np.lexsort((where, -found), axis=1)
    found, where = np.take_along_axis(found, order, 1), np.take_along_axis(where, order, 1)
    shape = len(found), n
    candidates = Candidates(np.full(shape, -1, np.int32), np.full(shape, np.nan, np.float32))
    known = np.isfinite(found)
    candidates.index[:, : found.shape[1]] = np.where(known, where, -1)
    candidates.score[:, : found.shape[1]] = np.where(known, found, np.nan)
    return candidates


def nearest(
    decoder: Float[np.ndarray, "features d"],
    entries: Float[np.ndarray, "entries d"],
    n: int,
    cells: int = _CELLS,
) -> Candidates:
    """Return the entries of largest cosine to each decoder row; the score is the cosine.

    Exact, a block of features at a time.

    Parameters
    ----------
    decoder : float [features, d]
        Decoder rows of captions.
    entries : float32 [entries, d]
        Standardised rows of the vocabulary as the SAE sees them, to norm 1.
    n : int
        How many to return.
    cells : int
        Most cosines held at a time.
    """
    rows, columns = torch.from_numpy(unit(decoder)), torch.from_numpy(entries)
    step = max(1, cells // max(1, len(entries)))
    parts = [best(part @ columns.T, n) for part in torch.split(rows, step)]
    return joined(parts)


def joined(parts: Sequence[Candidates]) -> Candidates:
    """Return the candidates of features that were treated in blocks."""
    return Candidates(
        np.concatenate([part.index for part in parts]),
        np.concatenate([part.score for part in parts]),
    )
