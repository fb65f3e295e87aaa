"""Names from what a feature fires on: soft-WPMI of CLIP-Dissect.

Oikarinen and Weng, 'CLIP-Dissect: Automatic Description of Neuron Representations in Deep
Vision Networks', ICLR 2023. For a feature k with the strongest rows B_k of a fixed set of
probes, and vocabulary entries t_m,

    p(t_m | x_i) = softmax over m of (TEMPERATURE * cosine(t_m, x_i))
    log p(t_m | B_k) = sum over i of log(1 + p(x_i in B_k) * (p(t_m | x_i) - 1))
    score(k, m) = log p(t_m | B_k) - log p(t_m),   p(t_m) = mean over k of p(t_m | B_k)

The last term takes away what is likely for every feature.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mmfeat.analysis.naming.vocabulary import Candidates, best

TEMPERATURE = 10.0
# p(x_i in B_k) falls from the first to the last of the strongest rows as in the paper, here in
# steps: within a step the sum over rows is linear, so it is one product of matrices.
MEMBERSHIP = (0.998, 0.989, 0.979, 0.97)
_FLOOR = 1e-7  # keeps the logarithm finite
_CELLS = 1 << 24  # scores held at a time
_ROWS = 1024  # features whose scores are summed at a time


def strongest(
    feature: Int[np.ndarray, "nnz"],
    row: Int[np.ndarray, "nnz"],
    activation: Float[np.ndarray, "nnz"],
    features: int,
    n: int,
) -> Int[np.ndarray, "features n"]:
    """Return the rows of largest activation of each feature, padded with -1; ties: lower row."""
    order = np.lexsort((row, -activation.astype(np.float32), feature))
    feature, row = feature[order], row[order]
    start = np.searchsorted(feature, np.arange(features))
    rank = np.arange(len(feature)) - start[feature]
    found = np.full((features, n), -1, np.int32)
    kept = rank < n
    found[feature[kept], rank[kept]] = row[kept]
    return found


def soft_wpmi(
    entries: Float[np.ndarray, "entries d"],
    probes: Float[np.ndarray, "probes d"],
    top: Int[np.ndarray, "features rows"],
    n: int,
    cells: int = _CELLS,
) -> Candidates:
    """Return the entries of largest soft-WPMI of each feature.

    Exact, a block of entries at a time.

    Parameters
    ----------
    entries : float32 [entries, d]
        Rows of the vocabulary of one language, to norm 1.
    probes : float32 [probes, d]
        Rows of pictures and captions, to norm 1.
    top : int [features, rows]
        The probes on which each feature fires most strongly, strongest first, padded with -1.
        A feature without any has no candidates.
    n : int
        How many to return.
    cells : int
        Most scores held at a time.
    """
    features = len(top)
    known = top.max(axis=1, initial=-1) >= 0
    if not known.any() or not len(entries):
        return Candidates(
            np.full((features, n), -1, np.int32), np.full((features, n), np.nan, np.float32)
        )
    bags = _bags(top[known], len(probes))
    words, items = torch.from_numpy(entries), torch.from_numpy(probes)
    total = _normaliser(words, items, cells)
    step = max(1, min(cells // int(known.sum()), cells // (len(MEMBERSHIP) * len(probes))))
    parts, offset = [], 0
    for block in torch.split(words, step):
        part = best(_scores(block, items, total, bags), n)
        part.index[part.index >= 0] += offset
        parts.append(part)
        offset += len(block)
    merged = _best_of(parts, n)
    index = np.full((features, n), -1, np.int32)
    score = np.full((features, n), np.nan, np.float32)
    index[known], score[known] = merged.index, merged.score
    return Candidates(index, score)


def _bags(
    top: Int[np.ndarray, "features rows"], probes: int
) -> tuple[Int[Tensor, "known"], Int[Tensor, "features"]]:
    """Return the places of each feature's rows among the terms of all steps of membership.

    And where those of a feature begin.
    """
    step = np.arange(top.shape[1])
    for at, ranks in enumerate(np.array_split(step, len(MEMBERSHIP))):
        step[ranks] = at
    known = top >= 0
    count = known.sum(1)
    place = (step * probes + top)[known].astype(np.int64)
    return torch.from_numpy(place), torch.from_numpy(np.cumsum(count) - count)


def _normaliser(
    words: Float[Tensor, "entries d"], items: Float[Tensor, "probes d"], cells: int
) -> Float[Tensor, "probes"]:
    """Return the logarithm of the softmax's denominator of each probe."""
    step = max(1, cells // len(words))
    return torch.cat(
        [(part @ words.T).mul_(TEMPERATURE).logsumexp(dim=1) for part in torch.split(items, step)]
    )


def _scores(
    words: Float[Tensor, "block d"],
    items: Float[Tensor, "probes d"],
    total: Float[Tensor, "probes"],
    bags: tuple[Int[Tensor, "known"], Int[Tensor, "features"]],
) -> Float[Tensor, "features block"]:
    given = (items @ words.T).mul_(TEMPERATURE).sub_(total[:, None]).exp_()
    terms = torch.empty(len(MEMBERSHIP), *given.shape)
    for membership, own in zip(MEMBERSHIP, terms, strict=True):
        torch.add(torch.tensor(1 - membership + _FLOOR), given, alpha=membership, out=own).log_()
    score = torch.nn.functional.embedding_bag(bags[0], terms.flatten(0, 1), bags[1], mode="sum")
    # Of parts that stay in the cache.
    likely = torch.stack([part.logsumexp(dim=0) for part in torch.split(score, _ROWS)])
    return score.sub_(likely.logsumexp(dim=0) - np.log(len(score)))


def _best_of(parts: list[Candidates], n: int) -> Candidates:
    """Return the best of candidates that were found in blocks of entries."""
    index = np.concatenate([part.index for part in parts], axis=1)
    score = np.concatenate([part.score for part in parts], axis=1)
    found = best(torch.from_numpy(np.nan_to_num(score, nan=-np.inf)), n)
    return Candidates(
        np.where(found.index >= 0, np.take_along_axis(index, found.index, 1), -1), found.score
    )
