"""Names of the clusters of a map: a few from afar, more from near."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Int64

from mmfeat.figures.grid import SIDE, Grid, View

_COARSEST, _LEVELS = 16, 6  # cells along an axis at level 0; each level has twice as many
_FEWEST = 3  # points that make a cluster
_APART = 40  # pixels of a cell from which on its level is shown
_REPEATED = 260  # pixels within which a name is not said twice
_MOST = 40  # names shown at a time

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels


@dataclass(frozen=True, eq=False)
class Clusters:
    """Names of crowded places, coarse levels first, of a level the largest cluster first.

    Attributes
    ----------
    names : tuple of str
    languages : tuple of str
        What each name is in; empty where that is not known.
    xy : array [c, 2]
    level : array [c]
    count : array [c]
        Points of the cluster.
    extent : float
        The longer side of the map, in its own units.
    """

    names: tuple[str, ...]
    languages: tuple[str, ...]
    xy: Float[np.ndarray, "c 2"]
    level: Int[np.ndarray, " c"]
    count: Int[np.ndarray, " c"]
    extent: float

    def finest(self, unit: float) -> int:
        """Return the finest level that is shown where a pixel is so many of the map's units."""
        cells = self.extent / (_APART * unit * _COARSEST)
        return max(int(np.floor(np.log2(max(cells, 1.0)))), 0)


def cluster_names(
    points: Grid, names: Sequence[str], languages: Sequence[str] | None = None
) -> Clusters:
    """Find crowded places at every level and name each after most of its points.

    A place is a cell around which lie more points with a name than around any of the cells
    beside it. It bears the name that most of them have, of names equally frequent that of the
    first point, and stands in the middle of the points of that name.

    Parameters
    ----------
    points : Grid
    names : sequence of str, [n]
        Empty where a point has none.
    languages : sequence of str, [n], or None
        What each name is in.
    """
    number: dict[str, int] = {}
    ids = np.array([number.setdefault(name, len(number)) if name else -1 for name in names], int)
    named = np.flatnonzero(ids[points.index] >= 0)
    index = points.index[named]
    xy = np.stack([points.x[named], points.y[named]], 1).astype(np.float64)
    extent = float((points.step * SIDE).max())
    found = [_of_level(xy, ids[index], index, points.low, extent, n) for n in range(_LEVELS)]
    first, count, place, level = (np.concatenate(column) for column in zip(*found, strict=True))
    return Clusters(
        names=tuple(names[i] for i in first.tolist()),
        languages=tuple("" if languages is None else languages[i] for i in first.tolist()),
        xy=place,
        level=level,
        count=count,
        extent=extent,
    )


def placed(
    clusters: Clusters,
    view: View,
    size: tuple[int, int],
    measure: Callable[[int], tuple[float, float]],
    taken: Sequence[Box] = (),
) -> list[tuple[int, Box]]:
    """Return the names that are shown of a part of a map, and where: none over another.

    Parameters
    ----------
    clusters : Clusters
    view : tuple of float
        Left, bottom, right and top.
    size : tuple of int
        Width and height of the canvas in pixels.
    measure : callable (int) to (width, height)
        The size of a name in pixels, by its number.
    taken : sequence of Box
        Where something else stands.
    """
    x0, y0, x1, y1 = view
    unit = (x1 - x0) / size[0]
    xy = (clusters.xy - (x0, y1)) / (unit, (y0 - y1) / size[1])
    shown = (clusters.level <= clusters.finest(unit)) & (xy >= 0).all(1) & (xy <= size).all(1)
    found: list[tuple[int, Box]] = []
    for at, (x, y) in zip(np.flatnonzero(shown).tolist(), xy[shown].tolist(), strict=True):
        if len(found) == _MOST:
            break
        wide, high = measure(at)
        box = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
        inside = box[0] >= 0 and box[1] >= 0 and box[2] <= size[0] and box[3] <= size[1]
        free = inside and not any(_meet(box, own) for own in taken)
        if free and not any(
            _meet(box, own) or (clusters.names[other] == clusters.names[at] and _near(box, own))
            for other, own in found
        ):
            found.append((at, box))
    return found


def _of_level(
    xy: Float[np.ndarray, "m 2"],
    name: Int[np.ndarray, " m"],
    index: Int[np.ndarray, " m"],
    low: Float[np.ndarray, "2"],
    extent: float,
    level: int,
) -> tuple[np.ndarray, ...]:
    """Return first points, numbers of points, places and levels of the clusters of a level."""
    side = _COARSEST << level
    cell = np.clip((xy - low) * (side / extent), 0, side - 1).astype(np.int64) @ [1, side]
    own = _peaks(np.bincount(cell, minlength=side * side), side)[cell]
    size = np.bincount(own[own >= 0], minlength=side * side)
    inside = np.flatnonzero((own >= 0) & (size[own] >= _FEWEST))
    # Pairs of a cluster and a name: how many points they are, and which is the first.
    key = own[inside] * (name.max(initial=0) + 1) + name[inside]
    order = np.argsort(key, kind="stable")
    begin = np.flatnonzero(np.diff(key[order], prepend=-1))
    if not len(begin):
        none = np.zeros(0, np.int64)
        return none, none, np.zeros((0, 2)), none
    at = inside[order]
    count = np.diff([*begin, len(at)])
    first = np.minimum.reduceat(index[at], begin)
    middle = np.add.reduceat(xy[at], begin) / count[:, None]
    cluster = own[at[begin]]
    best = np.lexsort((first, -count, cluster))
    best = best[np.diff(cluster[best], prepend=-1) != 0]
    best = best[np.argsort(-size[cluster[best]], kind="stable")]
    return first[best], size[cluster[best]], middle[best], np.full(len(best), level)


def _peaks(counts: Int64[np.ndarray, " cells"], side: int) -> Int64[np.ndarray, " cells"]:
    """Return for each cell the crowded one among it and those beside it, -1 where none is."""
    total = _around(counts.reshape(side, side), 0, np.add)
    # Equal cells are told apart by their numbers, so that of neighbours only one is crowded.
    rank = total * counts.size + np.arange(counts.size).reshape(side, side)
    top = (rank == _around(rank, -1, np.maximum)) & (total > 0)
    best = _around(np.where(top, rank, -1), -1, np.maximum).ravel()
    found: np.ndarray = np.where(best >= 0, best % counts.size, -1)
    return found


def _around(values: Int64[np.ndarray, "s s"], edge: int, join: np.ufunc) -> np.ndarray:
    """Join each cell with the eight around it."""
    side = len(values)
    wide = np.pad(values, 1, constant_values=edge)
    found = values.copy()
    for dy in range(3):
        for dx in range(3):
            if (dy, dx) != (1, 1):
                join(found, wide[dy : dy + side, dx : dx + side], out=found)
    return found


def _near(one: Box, other: Box) -> bool:
    x, y = (one[k] + one[k + 2] - other[k] - other[k + 2] for k in (0, 1))
    return math.hypot(x, y) < 2 * _REPEATED


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
