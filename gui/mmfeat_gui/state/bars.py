"""How the values of a column are cut into the bars of a histogram, and where a value stands."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int16, Int64

from mmfeat.figures.palettes import colouring

BARS = 40
_WHOLE = 64  # integers that have a bar each
_CROWDED = 4  # of the even bars, those that may not hold half of the values


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars of one width, between edges that need not be even.

    Attributes
    ----------
    edges : array [bars + 1]
        Ascending.
    place : int16 array [f]
        The bar of each value, -1 for what is not finite.
    whole : bool
        Whether values are integers.
    """

    edges: Float64[np.ndarray, " bars1"]
    place: Int16[np.ndarray, " f"]
    whole: bool

    @staticmethod
    def of(values: np.ndarray) -> Bars:
        """Cut the values of a column: integers, even bars, or bars of even ratio.

        Positive values of more than two decades, most of them small, have bars of even ratio,
        below which one bar holds what is smaller, down to 0.

        Parameters
        ----------
        values : array [f]
            Numbers or flags; may be NaN.
        """
        known = np.isfinite(values)
        some = values[known]
        low, high = (float(some.min()), float(some.max())) if some.size else (0.0, 0.0)
        whole = values.dtype.kind in "biu"
        if whole and high - low < _WHOLE:
            edges = np.arange(low, high + 2) - 0.5
        elif not low < high:
            edges = np.array([low - 0.5, low + 0.5])
        else:
            edges = np.linspace(low, high, BARS + 1)
            scale = colouring("value", {"value": values})
            # Even bars would hold most of what is spread over decades in the first.
            if scale.kind == "log" and float(np.median(some)) < edges[_CROWDED]:
                edges = np.concatenate([[min(low, 0.0)], np.geomspace(scale.low, high, BARS)])
        place = np.searchsorted(edges, np.where(known, values, low), side="right") - 1
        place = np.clip(place, 0, len(edges) - 2)
        return Bars(edges, np.where(known, place, -1).astype(np.int16), whole)

    def __len__(self) -> int:
        return len(self.edges) - 1

    def counts(self, mask: Bool[np.ndarray, " f"] | None = None) -> Int64[np.ndarray, " bars"]:
        """Count the values of each bar, all or those of a mask."""
        place = self.place if mask is None else self.place[mask]
        found: np.ndarray = np.bincount(place.astype(np.intp) + 1, minlength=len(self) + 1)[1:]
        return found

    def position(self, value: float) -> float:
        """Return where a value stands, from 0 at the first edge to 1 at the last."""
        return float(np.interp(value, self.edges, np.linspace(0, 1, len(self.edges))))

    def value(self, position: float) -> float:
        """Return the value that stands at a position."""
        return float(np.interp(position, np.linspace(0, 1, len(self.edges)), self.edges))

    def between(self, one: float, other: float) -> tuple[float, float]:
        """Return the range of values between two positions, in few digits.

        It is infinite at an end, so that nothing is cut off there by rounding; of integers, whose
        bars stand around them, those whose middle is in the range.
        """
        low, high = min(one, other), max(one, other)
        least, most = self.value(low), self.value(high)
        if self.whole:
            least, most = math.ceil(least - 1e-9), math.floor(most + 1e-9)
            if least > most:  # between the middles of two bars: the nearer one
                least = most = round(self.value((low + high) / 2))
            low_end, high_end = least <= self.edges[0] + 0.5, most >= self.edges[-1] - 0.5
        else:
            least, most = self._rounded(least), self._rounded(most)
            low_end, high_end = low <= 0, high >= 1
        return -math.inf if low_end else float(least), math.inf if high_end else float(most)

    def _rounded(self, value: float) -> float:
        """Return a value in as many digits as tell places within its bar apart."""
        bar = int(np.clip(np.searchsorted(self.edges, value, side="right") - 1, 0, len(self) - 1))
        width = float(self.edges[bar + 1] - self.edges[bar])
        return round(value, -math.floor(math.log10(width / 10))) if width > 0 else value
