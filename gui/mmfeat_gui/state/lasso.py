"""Which points of a map lie in a box or in a drawn line, exactly and fast for a million."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int64

from mmfeat.figures.grid import Grid, View

Corner = tuple[float, float]


def in_polygon(points: Grid, polygon: Sequence[Corner]) -> Int64[np.ndarray, " k"]:
    """Return the points inside a closed line, ascending.

    A point is inside if a ray from it to the right crosses the line an odd number of times.
    Each edge looks only at the rows of cells that it passes, so that the work grows with the
    number of points and of crossings, not with that of edges.

    Parameters
    ----------
    points : Grid
    polygon : sequence of (x, y)
        In the map's own units; the last corner is joined to the first.
    """
    inside = np.zeros(len(points), bool)
    if len(polygon) >= 3:
        for one, other in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
            _cross(points, inside, *sorted((one, other), key=lambda corner: corner[1]))
    return _found(points, inside)


def in_box(points: Grid, box: View) -> Int64[np.ndarray, " k"]:
    """Return the points in a rectangle (left, bottom, right, top) or on its edges, ascending."""
    x0, y0, x1, y1 = box
    inside = np.zeros(len(points), bool)
    for run in points.seen(box):
        x, y = points.x[run].astype(np.float64), points.y[run].astype(np.float64)
        inside[run] = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
    return _found(points, inside)


def _cross(points: Grid, inside: Bool[np.ndarray, " m"], below: Corner, above: Corner) -> None:
    """Turn over the points whose ray to the right crosses an edge."""
    if below[1] == above[1]:
        return
    run = points.rows(below[1], above[1])
    y = points.y[run].astype(np.float64)
    beside = (y >= below[1]) & (y < above[1])  # a corner belongs to one of its two edges
    y -= below[1]
    y *= (above[0] - below[0]) / (above[1] - below[1])
    y += below[0]
    beside &= points.x[run] < y
    inside[run] ^= beside


def _found(points: Grid, inside: Bool[np.ndarray, " m"]) -> Int64[np.ndarray, " k"]:
    chosen = np.zeros(points.size, bool)
    chosen[points.index[inside]] = True
    return np.flatnonzero(chosen).astype(np.int64)
