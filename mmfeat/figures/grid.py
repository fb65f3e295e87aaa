"""Points of a map sorted into cells, so that what looks at a part of it touches only that part."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float32, Int32, Int64

SIDE = 256  # cells along either axis; their number fits 16 bits, which sort fastest
_FARTHEST = 1e30  # past which single precision cannot tell how far two points are apart
_MOST = 0.6  # of the points of some rows of cells: more of them are not picked out, all are taken

View = tuple[float, float, float, float]


class Grid:
    """Points row by row of cells, from the bottom; places that are not to be drawn lie in none.

    Two arrays a map, one an axis, are what a picture, a lasso and the search for the nearest
    point read from end to end.

    Parameters
    ----------
    xy : array [n, 2]
        Places; kept, and answered for, in single precision. What is not finite lies nowhere.

    Attributes
    ----------
    size : int
        How many points there are, in no cell or in one.
    x, y : array [m]
        Places of the points that lie in a cell, cell by cell.
    index : array [m]
        Which points those are; ascending within a cell.
    start : array [SIDE * SIDE + 1]
        Where each cell's points begin; cells of a row follow each other.
    low, step : array [2]
        The lower left corner of the first cell, and the size of a cell.
    """

    size: int
    x: Float32[np.ndarray, " m"]
    y: Float32[np.ndarray, " m"]
    index: Int32[np.ndarray, " m"]
    start: Int64[np.ndarray, " cells"]
    low: Float[np.ndarray, "2"]
    step: Float[np.ndarray, "2"]

    def __init__(self, xy: Float[np.ndarray, "n 2"]) -> None:
        with np.errstate(over="ignore"):
            x, y = (np.ascontiguousarray(xy[:, axis], np.float32) for axis in (0, 1))
        # Also without what is not a number, of which no comparison is true.
        known = np.flatnonzero((abs(x) < _FARTHEST) & (abs(y) < _FARTHEST)).astype(np.int32)
        if len(known) < len(x):
            x, y = x[known], y[known]
        self.size = len(xy)
        self.low, self.step = np.zeros(2), np.ones(2)
        if len(known):
            low, high = ([float(f(x)), float(f(y))] for f in (np.min, np.max))
            self.low, extent = np.array(low), np.array(high) - np.array(low)
            self.step = np.where(extent > 0, extent / SIDE, 1.0)
        column, row = (
            np.clip((values - low) / step, 0, SIDE - 1).astype(np.uint16)
            for values, low, step in zip((x, y), self.low, self.step, strict=True)
        )
        cell = row * np.uint16(SIDE) + column
        order = np.argsort(cell, kind="stable")
        self.x, self.y, self.index = x[order], y[order], known[order]
        self.start = np.zeros(SIDE * SIDE + 1, np.int64)
        np.cumsum(np.bincount(cell, minlength=SIDE * SIDE), out=self.start[1:])

    def __len__(self) -> int:
        return len(self.x)

    def part(self, keep: Bool[np.ndarray, " n"]) -> Grid:
        """Return some of the points, in the same cells."""
        chosen = keep[self.index]
        at = np.flatnonzero(chosen)
        if len(at) == len(self):
            return self
        found = Grid.__new__(Grid)
        found.size, found.low, found.step = self.size, self.low, self.step
        found.x, found.y, found.index = self.x[at], self.y[at], self.index[at]
        found.start = np.searchsorted(at, self.start)
        return found

    def place(self, index: int) -> tuple[float, float] | None:
        """Return where a point is, or None if it lies in no cell."""
        at = np.flatnonzero(self.index == index)
        return (float(self.x[at[0]]), float(self.y[at[0]])) if len(at) else None

    def rows(self, low: float, high: float) -> slice:
        """Return the points of the rows of cells that hold all with `low` <= y <= `high`."""
        first, last = self._cells(1, low, high)
        return slice(int(self.start[first * SIDE]), int(self.start[(last + 1) * SIDE]))

    def seen(self, view: View) -> list[slice]:
        """Return where the points of a rectangle are, with some of those around it.

        Parameters
        ----------
        view : tuple of float
            Left, bottom, right and top.
        """
        x0, y0, x1, y1 = view
        left, right = self._cells(0, x0, x1)
        first, last = self._cells(1, y0, y1)
        cells = np.arange(first, last + 1) * SIDE
        begin, end = self.start[cells + left], self.start[cells + right + 1]
        whole = self.rows(y0, y1)
        if (end - begin).sum() >= _MOST * (whole.stop - whole.start):
            return [whole]
        used = end > begin
        runs = zip(begin[used].tolist(), end[used].tolist(), strict=True)
        return [slice(a, b) for a, b in runs] or [slice(0, 0)]

    def _cells(self, axis: int, low: float, high: float) -> tuple[int, int]:
        """Return the first and last cell of an interval, wider by one for what rounding moved."""
        ends = (np.array([low, high]) - self.low[axis]) / self.step[axis]
        first, last = np.clip(np.floor(ends), -1, SIDE).astype(int).tolist()
        return max(min(first - 1, SIDE - 1), 0), min(max(last + 1, 0), SIDE - 1)
