"""Draws a map of points into pixels, fast enough for a million of them.

Each pixel shows the last point that covers it. The cost of a point's size does not depend on
the number of points: the map of winners is dilated, not each point painted.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int32, UInt8

View = tuple[float, float, float, float]


def to_pixels(
    xy: Float[np.ndarray, "n 2"], view: View, size: tuple[int, int]
) -> Float[np.ndarray, "n 2"]:
    """Return where points lie in a picture.

    Parameters
    ----------
    xy : array [n, 2]
    view : tuple of float
        Left, bottom, right and top of what is shown, x0 < x1 and y0 < y1.
    size : tuple of int
        Width and height in pixels.

    Returns
    -------
    array [n, 2]
        Column and row, from the top left corner; pixel i covers [i, i + 1).
    """
    x0, y0, x1, y1 = view
    width, height = size
    found = np.empty((2, len(xy)))  # one axis after the other, which is faster
    found[0] = xy[:, 0]
    found[1] = xy[:, 1]
    found[0] -= x0
    found[0] *= width / (x1 - x0)
    found[1] -= y1
    found[1] *= height / (y0 - y1)
    return found.T


def winners(
    xy: Float[np.ndarray, "n 2"], view: View, size: tuple[int, int], radius: int
) -> Int32[np.ndarray, "h w"]:
    """Return the index of the last point that covers each pixel, -1 where none does.

    A point covers the pixels at offsets dx² + dy² <= radius (radius + 1) of its own.
    Points that are not finite lie nowhere.
    """
    width, height = size
    wide, high = width + 2 * radius, height + 2 * radius
    x, y = to_pixels(xy, view, size).T
    x += radius
    y += radius
    index = np.flatnonzero((x >= 0) & (x < wide) & (y >= 0) & (y < high)).astype(np.int32)
    column, row = x[index].astype(np.int32), y[index].astype(np.int32)
    base = np.full((high, wide), -1, np.int32)
    base[row, column] = index  # of repeated places NumPy keeps the last
    found = np.full((height, width), -1, np.int32)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if dx * dx + dy * dy <= radius * (radius + 1):
                shifted = base[radius + dy : radius + dy + height, radius + dx :][:, :width]
                np.maximum(found, shifted, out=found)
    return found


def rasterise(
    xy: Float[np.ndarray, "n 2"],
    colours: UInt8[np.ndarray, "n 3"],
    view: View,
    size: tuple[int, int],
    radius: int,
) -> UInt8[np.ndarray, "h w 4"]:
    """Draw points as discs; RGBA, transparent where there is none.

    Later points cover earlier ones, so the order of `xy` says what is in front.
    """
    found = winners(xy, view, size, radius)
    table = np.zeros((len(colours) + 1, 4), np.uint8)
    table[:-1, :3] = colours
    table[:-1, 3] = 255
    # One number a pixel is quicker; -1 is the last row, which is transparent.
    packed: np.ndarray = table.view(np.uint32).ravel()[found]
    return packed.view(np.uint8).reshape(*found.shape, 4)


def pick(
    xy: Float[np.ndarray, "n 2"],
    view: View,
    size: tuple[int, int],
    point: tuple[float, float],
    radius: float,
) -> int:
    """Return the point nearest to a place in the picture, -1 where none is within `radius` pixels.

    Of points at the same distance it is the one in front, the last.
    """
    if not len(xy):
        return -1
    x, y = to_pixels(xy, view, size).T
    distance = (x - point[0]) ** 2 + (y - point[1]) ** 2
    distance[np.isnan(distance)] = np.inf
    nearest = len(distance) - 1 - int(np.argmin(distance[::-1]))
    return nearest if distance[nearest] <= radius * radius else -1
