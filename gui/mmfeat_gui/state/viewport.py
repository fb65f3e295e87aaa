"""The part of the map that is seen: panning and zooming in data coordinates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_MARGIN = 0.05
_SMALLEST, _LARGEST = 1e-4, 4.0  # of the width that shows everything
_DIGITS = 1e-9  # of a place; a narrower map would have none left to tell its points apart
_FARTHEST = 1e6  # widths of the view that shows everything, in which another one may lie


@dataclass(frozen=True)
class Viewport:
    """A rectangle of the map; `y0` is its bottom, drawn at the lower edge.

    Attributes
    ----------
    x0, y0, x1, y1 : float
        Data coordinates of the edges.
    """

    x0: float = 0.0
    y0: float = 0.0
    x1: float = 1.0
    y1: float = 1.0

    @staticmethod
    def around(xy: Float[np.ndarray, "n 2"], size: tuple[int, int]) -> Viewport:
        """Return the view that shows all finite points, square units on a canvas of `size`."""
        points = xy[np.isfinite(xy).all(axis=1)]
        if not len(points):
            points = np.zeros((1, 2))
        low, high = points.min(axis=0).astype(float), points.max(axis=0).astype(float)
        centre = (low + high) / 2
        width, height = max(size[0], 1), max(size[1], 1)
        least = np.maximum(np.abs(centre) * _DIGITS, 1e-6)
        extent = np.maximum(high - low, least) * (1 + 2 * _MARGIN)
        unit = max(extent[0] / width, extent[1] / height)
        dx, dy = float(unit) * width / 2, float(unit) * height / 2
        x, y = centre.tolist()
        return Viewport(x - dx, y - dy, x + dx, y + dy)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """The edges as (x0, y0, x1, y1)."""
        return self.x0, self.y0, self.x1, self.y1

    def to_data(self, point: tuple[float, float], size: tuple[int, int]) -> tuple[float, float]:
        """Return the data coordinates of a pixel (from the upper left corner)."""
        x = self.x0 + point[0] / max(size[0], 1) * (self.x1 - self.x0)
        y = self.y1 - point[1] / max(size[1], 1) * (self.y1 - self.y0)
        return x, y

    def to_screen(self, xy: tuple[float, float], size: tuple[int, int]) -> tuple[float, float]:
        """Return the pixel of data coordinates."""
        x = (xy[0] - self.x0) / (self.x1 - self.x0) * size[0]
        y = (self.y1 - xy[1]) / (self.y1 - self.y0) * size[1]
        return x, y

    def panned(self, dx: float, dy: float, size: tuple[int, int]) -> Viewport:
        """Return the view after the map was dragged by (dx, dy) pixels."""
        x = dx / max(size[0], 1) * (self.x1 - self.x0)
        y = -dy / max(size[1], 1) * (self.y1 - self.y0)
        return Viewport(self.x0 - x, self.y0 - y, self.x1 - x, self.y1 - y)

    def zoomed(
        self, factor: float, point: tuple[float, float], size: tuple[int, int], whole: Viewport
    ) -> Viewport:
        """Return the view magnified by `factor`, with the pixel `point` staying where it is.

        Parameters
        ----------
        factor : float
            Above 1 magnifies.
        point : tuple of float
            The pixel under the cursor.
        size : tuple of int
            Width and height of the canvas.
        whole : Viewport
            The view of everything, which bounds the magnification.
        """
        scale = (self.x1 - self.x0) / (whole.x1 - whole.x0)
        factor = scale / min(max(scale / factor, _SMALLEST), _LARGEST)
        x, y = self.to_data(point, size)
        return Viewport(
            x - (x - self.x0) / factor,
            y - (y - self.y0) / factor,
            x + (self.x1 - x) / factor,
            y + (self.y1 - y) / factor,
        )

    def fits(self, whole: Viewport) -> bool:
        """Return whether this can be a part of a map, or lie near it.

        Parameters
        ----------
        whole : Viewport
            The view of everything.
        """
        unit = whole.x1 - whole.x0
        near = all(
            abs(own - edge) <= _FARTHEST * unit
            for own, edge in zip(self.bounds, whole.bounds, strict=True)
        )
        # Canvases of other shapes show more, or less; what is not a number is never more.
        least = _SMALLEST / _FARTHEST * unit
        return near and self.x1 - self.x0 > least and self.y1 - self.y0 > least

    def resized(self, old: tuple[int, int], new: tuple[int, int]) -> Viewport:
        """Return the view on a canvas of another size: same centre, same magnification."""
        x, y = (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2
        unit = (self.x1 - self.x0) / max(old[0], 1)
        dx, dy = unit * max(new[0], 1) / 2, unit * max(new[1], 1) / 2
        return Viewport(x - dx, y - dy, x + dx, y + dy)

    def fitted(self, size: tuple[int, int]) -> Viewport:
        """Return the view with square units on a canvas, showing all that this one shows."""
        width, height = max(size[0], 1), max(size[1], 1)
        units = (self.x1 - self.x0) / width, (self.y1 - self.y0) / height
        unit = max(units)
        if math.isclose(*units):
            return self
        x, y = (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2
        dx, dy = unit * width / 2, unit * height / 2
        return Viewport(x - dx, y - dy, x + dx, y + dy)
