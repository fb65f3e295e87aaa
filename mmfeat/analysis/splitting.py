"""Feature splitting: how a feature of a small SAE becomes several of a larger one.

Bricken et al. 2023 and Templeton et al. 2024 see it as clusters of directions across sizes. A
feature of the larger SAE is a child of the feature of the smaller one whose direction is
nearest, if it is near enough and if the parent fires, too, on most rows the child fires on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from mmfeat.analysis.matching import Nearest

MIN_COSINE = 0.5
MIN_CONTAINED = 0.5
_BLOCK = 4096  # features whose firings are held at a time


@dataclass(frozen=True)
class Step:
    """From an SAE to the next larger one.

    Attributes
    ----------
    parent : int [f]
        The feature of the smaller SAE that each of the larger one comes from, or -1.
    cosine, contained : float [f]
        Cosine to the nearest direction of the smaller SAE, and the share of the feature's
        firings on which that one fires, too; NaN where it cannot be had.
    """

    parent: Int[np.ndarray, "f"]
    cosine: Float[np.ndarray, "f"]
    contained: Float[np.ndarray, "f"]

    def children(self, parents: int) -> Int[np.ndarray, "parents"]:
        """Return how many children each feature of the smaller SAE has."""
        return np.bincount(self.parent[self.parent >= 0], minlength=parents)


@dataclass(frozen=True)
class Node:
    """A feature of one size, and those of the next size that come from it.

    Attributes
    ----------
    level, feature : int
        Which SAE of the chain, the smallest first, and which of its features.
    cosine, contained : float
        As in `Step`, to its parent; NaN at a root.
    children : tuple of Node
        The nearest first.
    """

    level: int
    feature: int
    cosine: float
    contained: float
    children: tuple[Node, ...]


def containment(
    child: sp.sparray, parent: sp.sparray, of: Int[np.ndarray, "f"]
) -> Float[np.ndarray, "f"]:
    """Return P(parent fires | child fires) of each feature with the parent it is given.

    Parameters
    ----------
    child, parent : sparse [rows, f], [rows, g]
        Codes of the same rows.
    of : int [f]
        Features of `parent`, or -1.

    Returns
    -------
    float [f]
        NaN for a child without a parent, or that never fires.
    """
    young, old = _firing(child), _firing(parent)
    found = np.full(len(of), np.nan, np.float32)
    for start in range(0, len(of), _BLOCK):
        own = start + np.flatnonzero(of[start : start + _BLOCK] >= 0)
        if not len(own):
            continue
        mine = young[:, own]
        both, count = mine.multiply(old[:, of[own]]).sum(axis=0), mine.sum(axis=0)
        found[own] = np.where(count > 0, both / np.maximum(count, 1), np.nan)
    return found


def _firing(codes: sp.sparray) -> sp.csc_array:
    columns = sp.csc_array(codes)
    ones = (columns.data > 0).astype(np.int64)
    return sp.csc_array((ones, columns.indices, columns.indptr), columns.shape)


def step(
    nearest: Nearest,
    child: sp.sparray,
    parent: sp.sparray,
    *,
    min_cosine: float = MIN_COSINE,
    min_contained: float = MIN_CONTAINED,
) -> Step:
    """Give each feature of a larger SAE its parent in a smaller one.

    Parameters
    ----------
    nearest : Nearest
        By cosine, from the larger SAE to the smaller one.
    child, parent : sparse [rows, f], [rows, g]
        Codes of the same rows, of the larger and the smaller SAE.
    min_cosine, min_contained : float
        What makes a parent.
    """
    index, cosine = nearest.index[:, 0], nearest.value[:, 0]
    contained = containment(child, parent, index)
    kept = (cosine >= min_cosine) & (contained >= min_contained)
    return Step(np.where(kept, index, -1).astype(np.int32), cosine, contained)


def summary(step: Step, alive: int, parents: int) -> dict[str, float]:
    """Count how an SAE split into the next larger one.

    Parameters
    ----------
    step : Step
        From the one to the other.
    alive : int
        How many features of the larger SAE could have a parent.
    parents : int
        Features of the smaller SAE.

    Returns
    -------
    dict
        ``with_parent``, children; their share of ``alive`` (NaN without any); ``parents`` that
        have children and those ``split`` into two or more; ``mean_children`` of a parent (NaN
        without any) and ``most_children``.
    """
    children = step.children(parents)
    total, having = int(children.sum()), int((children > 0).sum())
    return {
        "with_parent": total,
        "share_with_parent": total / alive if alive else float("nan"),
        "parents": having,
        "split": int((children > 1).sum()),
        "mean_children": total / having if having else float("nan"),
        "most_children": int(children.max(initial=0)),
    }


def root(steps: Sequence[Step], level: int, feature: int) -> tuple[int, int]:
    """Return level and feature of the oldest ancestor of a feature, which may be itself."""
    while level > 0 and (parent := int(steps[level - 1].parent[feature])) >= 0:
        level, feature = level - 1, parent
    return level, feature


def tree(steps: Sequence[Step], level: int, feature: int) -> Node:
    """Return a feature with all its descendants in the larger SAEs of a chain.

    Parameters
    ----------
    steps : sequence of Step
        From each SAE of the chain to the next larger one.
    level, feature : int
        Where the tree begins; see `root`.
    """
    below: tuple[Node, ...] = ()
    if level < len(steps):
        own = np.flatnonzero(steps[level].parent == feature)
        order = np.lexsort((own, -steps[level].cosine[own]))
        below = tuple(tree(steps, level + 1, int(child)) for child in own[order])
    cosine = contained = float("nan")
    if level > 0 and steps[level - 1].parent[feature] >= 0:
        cosine = float(steps[level - 1].cosine[feature])
        contained = float(steps[level - 1].contained[feature])
    return Node(level, feature, cosine, contained, below)
