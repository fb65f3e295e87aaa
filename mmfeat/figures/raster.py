"""Draws a map of points into pixels, fast enough for a million of them at every frame.

Each pixel knows the last point that covers it. Where points are many, the cost of their size
does not depend on their number: the map of winners is dilated, not each point painted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int, Int32, UInt8, UInt16, UInt32

from mmfeat.figures.grid import Grid, View

LEVELS = 16  # of brightness
_FAINTEST = 0.3  # share of its colour that a point alone has where others lie many to a pixel
_MOST_CROWDED = 1024.0
_STAMPED = 0.08  # of the work of dilating, that painting each point may be


@dataclass(frozen=True)
class Layer:
    """Points of one size, in front of the layers before.

    Attributes
    ----------
    points : Grid
    radius : int
        In pixels; a point covers the pixels at offsets dx² + dy² <= radius (radius + 1).
    """

    points: Grid
    radius: int


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
    places = np.asarray(xy, np.float64)
    return np.stack(
        [(places[:, 0] - x0) * (width / (x1 - x0)), (places[:, 1] - y1) * (height / (y0 - y1))], 1
    )


def draw(
    layers: Sequence[Layer], view: View, size: tuple[int, int], crowd: float = 1.0
) -> tuple[Int32[np.ndarray, "h w"], UInt8[np.ndarray, "h w"] | None]:
    """Return which point each pixel shows, and how bright.

    Parameters
    ----------
    layers : sequence of Layer
        From the back to the front. Points are numbered through all of them, each layer's in
        the order of its grid.
    view : tuple of float
        Left, bottom, right and top.
    size : tuple of int
        Width and height in pixels.
    crowd : float
        How many points in a pixel make it as bright as can be; up to 1, one does.

    Returns
    -------
    winner : array [h, w]
        The number of the last point that covers a pixel, -1 where none does.
    level : array [h, w] or None
        Brightness from 0 to ``LEVELS - 1``, by the number of points; None where all is bright.
    """
    width, height = size
    crowd = min(crowd, _MOST_CROWDED)
    winner = np.full((height, width), -1, np.int32)
    level = np.zeros((height, width), np.uint8) if crowd > 1 else None
    firsts = np.cumsum([0, *(len(layer.points) for layer in layers)]).tolist()
    for radius in sorted({layer.radius for layer in layers}):
        own = [
            (*_seen(layer.points, view, size, radius), first)
            for layer, first in zip(layers, firsts, strict=False)
            if layer.radius == radius
        ]
        own = [seen for seen in own if len(seen[0])]
        if not own:
            continue
        count = sum(len(seen[0]) for seen in own)
        work = _STAMPED * width * height * (4 * radius + 1)
        if level is None and radius and count * len(_disc(radius)) <= work:
            found = _stamped(own, size, radius)
        else:
            found, counted = _scattered(own, size, radius, level is not None)
            if level is not None:
                assert counted is not None
                bright = _brightness(crowd)[np.minimum(counted, len(_brightness(crowd)) - 1)]
                np.maximum(level, _dilated(bright, size, radius), out=level)
            found = _dilated(found, size, radius)
        np.maximum(winner, found, out=winner)
    return winner, level


def outlined(
    winner: Int32[np.ndarray, "h w"], first: int, width: int, line: int
) -> Int32[np.ndarray, "h w"]:
    """Draw a line around the points from number `first` on, as if it were a point.

    Parameters
    ----------
    winner : array [h, w]
        As `draw` returns it.
    first : int
    width : int
        Of the line, in pixels.
    line : int
        The number that its pixels get.
    """
    inside = winner >= first
    wide = np.pad(inside.view(np.uint8), width + 1)
    around = _dilated(wide, (winner.shape[1], winner.shape[0]), width).view(bool)
    found: np.ndarray = np.where(around & ~inside, np.int32(line), winner)
    return found


def paint(
    winner: Int32[np.ndarray, "h w"],
    level: UInt8[np.ndarray, "h w"] | None,
    codes: UInt16[np.ndarray, " n"],
    table: UInt32[np.ndarray, "levels k"],
) -> UInt32[np.ndarray, "h w"]:
    """Colour pixels by the points that they show.

    Parameters
    ----------
    winner, level : array [h, w]
        As `draw` returns them.
    codes : array [n + 1]
        The column of the table for each point, and at the end for where there is none.
    table : array [levels, k]
        Colours in the form that the picture is to have.
    """
    # As `codes[winner]`, of which -1 is the last, and the like, but without a check of each.
    code = codes.take(winner, mode="wrap")
    if level is None:
        bright: np.ndarray = table[-1].take(code, mode="clip")
        return bright
    at = level.astype(np.int32)
    at *= table.shape[1]
    at += code
    return table.take(at, mode="clip")


def pick(
    points: Grid, view: View, size: tuple[int, int], point: tuple[float, float], radius: float
) -> int:
    """Return the point nearest to a place in the picture, -1 where none is within `radius` pixels.

    Of points at the same distance it is the last.
    """
    x0, y0, x1, y1 = view
    unit_x, unit_y = (x1 - x0) / size[0], (y1 - y0) / size[1]
    x, y = x0 + point[0] * unit_x, y1 - point[1] * unit_y
    dx, dy = radius * unit_x, radius * unit_y
    runs = points.seen((x - dx, y - dy, x + dx, y + dy))
    places = np.concatenate([np.empty((0, 2)), *(_places(points, run) for run in runs)])
    if not len(places):
        return -1
    distance = ((to_pixels(places, view, size) - point) ** 2).sum(axis=1)
    nearest = distance.min()
    if nearest > radius * radius:
        return -1
    index = np.concatenate([points.index[run] for run in runs])
    return int(index[distance == nearest].max())


def _places(points: Grid, run: slice) -> Float[np.ndarray, "m 2"]:
    return np.stack([points.x[run], points.y[run]], 1).astype(np.float64)


def _seen(
    points: Grid, view: View, size: tuple[int, int], margin: int
) -> tuple[Float32[np.ndarray, " m"], Float32[np.ndarray, " m"], list[slice]]:
    """Return columns and rows, whole numbers, of the points in a picture or near it."""
    x0, y0, x1, y1 = view
    dx, dy = margin * (x1 - x0) / size[0], margin * (y1 - y0) / size[1]
    runs = points.seen((x0 - dx, y0 - dy, x1 + dx, y1 + dy))
    axes = []
    for values, zero, scale in (
        (points.x, x0, size[0] / (x1 - x0)),
        (points.y, y1, size[1] / (y0 - y1)),
    ):
        own = np.concatenate([values[run] for run in runs]) if len(runs) != 1 else values[runs[0]]
        # The difference first: magnified ten thousand times, it still has all its digits.
        near = np.float32(zero)
        place = own - near
        place *= np.float32(scale)
        place += np.float32((float(near) - zero) * scale)
        axes.append(np.floor(place, out=place))
    return axes[0], axes[1], runs


_Seen = tuple[Float32[np.ndarray, " m"], Float32[np.ndarray, " m"], list[slice], int]


def _numbers(runs: list[slice], first: int) -> Int32[np.ndarray, " m"]:
    """Return the numbers of points in some runs of a layer."""
    parts = [np.arange(first + run.start, first + run.stop, dtype=np.int32) for run in runs]
    return np.concatenate(parts) if len(parts) != 1 else parts[0]


def _scattered(
    own: Sequence[_Seen], size: tuple[int, int], radius: int, count: bool
) -> tuple[Int32[np.ndarray, "high wide"], Int[np.ndarray, "high wide"] | None]:
    """Put each point into its pixel, of a picture with a border that holds what lies outside.

    The border is wider than a dot by one: from its outermost line nothing reaches the picture.
    """
    border = radius + 1
    wide, high = size[0] + 2 * border, size[1] + 2 * border
    found = np.full(high * wide, -1, np.int32)
    counted = np.zeros(high * wide, np.int64) if count else None
    for columns, rows, runs, first in own:
        for axis, length in ((columns, wide), (rows, high)):
            axis += np.float32(border)
            np.clip(axis, 0, length - 1, out=axis)
        # Whole numbers below 2**24, which single precision holds.
        exact = high * wide < 1 << 24
        at = (rows if exact else rows.astype(np.float64)) * wide
        at += columns
        cell = at.astype(np.intp)
        found[cell] = _numbers(runs, first)  # of repeated places NumPy keeps the last
        if counted is not None:
            counted += np.bincount(cell, minlength=high * wide)
    return found.reshape(high, wide), None if counted is None else counted.reshape(high, wide)


def _stamped(own: Sequence[_Seen], size: tuple[int, int], radius: int) -> Int32[np.ndarray, "h w"]:
    """Paint each point, one after the other, for there are few."""
    border = 2 * radius
    wide, high = size[0] + 2 * border, size[1] + 2 * border
    found = np.full(high * wide, -1, np.int32)
    dx, dy = _disc(radius).T
    for columns, rows, runs, first in own:
        inside = (columns >= -radius) & (columns < size[0] + radius)
        inside &= (rows >= -radius) & (rows < size[1] + radius)
        at = (rows[inside].astype(np.intp) + border) * wide + columns[inside].astype(np.intp)
        cells = (at + border)[:, None] + (dy * wide + dx)
        found[cells.ravel()] = np.repeat(_numbers(runs, first)[inside], len(dx))
    return found.reshape(high, wide)[border : border + size[1], border : border + size[0]]


def _disc(radius: int) -> Int[np.ndarray, "k 2"]:
    """Return the offsets (dx, dy) that a dot covers."""
    side = np.arange(-radius, radius + 1)
    dy, dx = np.meshgrid(side, side, indexing="ij")
    covered = dx * dx + dy * dy <= radius * (radius + 1)
    return np.stack([dx[covered], dy[covered]], 1)


def _dilated(base: np.ndarray, size: tuple[int, int], radius: int) -> np.ndarray:
    """Return the largest value within a disc around each pixel, without the border.

    A disc is a pile of lines: lines grow by a pixel at each end from the top of the disc to its
    middle, so that each takes two steps and not its length.
    """
    width, height = size
    border = radius + 1
    lines = base[:, border : border + width].copy()
    found, half = None, 0
    for dy in range(radius, -1, -1):
        reach = int(np.floor(np.sqrt(radius * (radius + 1) - dy * dy)))
        while half < reach:
            half += 1
            np.maximum(lines, base[:, border - half :][:, :width], out=lines)
            np.maximum(lines, base[:, border + half :][:, :width], out=lines)
        for shift in {dy, -dy}:
            shifted = lines[border + shift :][:height]
            if found is None:
                found = shifted.copy()
            else:
                np.maximum(found, shifted, out=found)
    assert found is not None
    return found


def _brightness(crowd: float) -> UInt8[np.ndarray, " counts"]:
    """Return the level of a pixel by its number of points, up to the largest one."""
    count = np.arange(int(np.ceil(crowd)) + 1)
    share = np.minimum(np.log(np.maximum(count, 1)) / np.log(crowd), 1)
    faintest = max(_FAINTEST, 1 / crowd)  # with the crowd, the difference grows from nothing
    levels = np.round((LEVELS - 1) * (faintest + (1 - faintest) * share))
    levels[0] = 0
    return np.asarray(levels, np.uint8)
