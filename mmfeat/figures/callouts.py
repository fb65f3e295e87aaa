"""What stands around a map: features with their pictures, and regions drawn larger."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from mmfeat.errors import MmfeatError
from mmfeat.figures import labels, pictures, sheet, typeset
from mmfeat.figures.points import Frame, Points, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TYPE = 0.72
_LINES = 2  # of a name
MOST_A_SIDE = 6
_NEAREST = 12  # points that an inset shows at least, its own aside
_LEAST = 0.015  # half the side of an inset's region, of the map's longer side
_GROW = 4.0  # times the area of a mark on the map
_NAMED = 8
_GAP = 0.12


@dataclass(frozen=True)
class Callout:
    """A feature shown beside the map."""

    feature: int
    name: str
    thumbnail: bytes | None


def column(width: float) -> float:
    """Return the inches of a column of callouts beside a map."""
    return 0.62 if width < sheet.NARROW else 0.95


def _side(width: float) -> float:
    """Return the inches of a callout's picture."""
    return 0.42 if width < sheet.NARROW else 0.62


def slot(width: float) -> float:
    """Return the inches that a callout takes in its column."""
    return _side(width) + (1 + _LINES) * typeset.line(_TYPE) + 0.07


def sides(count: int) -> tuple[int, int]:
    """Return how many callouts stand at the left and at the right.

    Raises
    ------
    MmfeatError
        If there are too many.
    """
    if count > 2 * MOST_A_SIDE:
        raise MmfeatError(
            f"{count} callouts do not fit around a map; give up to {2 * MOST_A_SIDE}."
        )
    return count // 2, count - count // 2


def callouts(
    figure: Figure,
    map_frame: Frame,
    shown: Sequence[Callout],
    xy: Float[np.ndarray, "n 2"],
    dpi: int,
) -> None:
    """Draw features beside the map, each tied to its point, no two ties crossing."""
    from scipy.optimize import linear_sum_assignment

    width = float(figure.get_size_inches()[0])
    side, high, wide = _side(width), slot(width), column(width)
    places = []  # of the column's left, the picture's top, and where the tie ends
    for count, left in zip(
        sides(len(shown)), (sheet.MARGIN, width - sheet.MARGIN - wide), strict=True
    ):
        free = (map_frame.height - count * high) / max(count, 1)
        for at in range(count):
            top = map_frame.y + free / 2 + at * (high + free)
            inner = left + (wide + side) / 2 if left < map_frame.x else left + (wide - side) / 2
            places.append((left, top, (inner, top + side / 2)))
    points = map_frame.at(xy)
    ends = np.array([end for *_, end in places])
    # The shortest ties in sum never cross: two that did would be shorter exchanged.
    cost = np.linalg.norm(points[:, None] - ends[None], axis=2)
    for own, at in zip(*linear_sum_assignment(cost), strict=True):
        left, top, end = places[at]
        _tie(figure, [tuple(points[own].tolist()), end])
        labels.ring(figure, (points[own, 0], points[own, 1]))
        _callout(figure, shown[own], left, top, dpi)


def _callout(figure: Figure, own: Callout, left: float, top: float, dpi: int) -> None:
    width = float(figure.get_size_inches()[0])
    side, wide = _side(width), column(width)
    x = left + (wide - side) / 2
    if own.thumbnail is None:
        pictures.missing(figure, x, top, side)
    else:
        picture = pictures.heated(own.thumbnail, None, 0.0, round(side * dpi))
        axes = pictures.place(figure, x, top, picture, dpi)
        axes.set_axis_on()
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color="0.5", linewidth=0.5)
    y = top + side + 0.02
    lines = typeset.fold(own.name, wide, _TYPE, most=_LINES)
    for text, colour in [*((line, "0") for line in lines), (str(own.feature), sheet.GREY)]:
        sheet.write(figure, left + wide / 2, y, text, _TYPE, ha="center", color=colour)
        y += typeset.line(_TYPE)


def _tie(figure: Figure, ends: Sequence[Sequence[float]], style: str = "-") -> None:
    from matplotlib.lines import Line2D

    wide, high = figure.get_size_inches()
    x, y = [one[0] / wide for one in ends], [1 - one[1] / high for one in ends]
    line = Line2D(x, y, color="0.25", lw=0.5, ls=style, transform=figure.transFigure, zorder=5)
    figure.add_artist(line)


def inset_side(width: float, count: int) -> float:
    """Return the inches of an inset's side below a map so wide, 0 where there is none.

    Raises
    ------
    MmfeatError
        If so many do not fit.
    """
    most = max(1, math.floor(width / 1.4))
    if count > most:
        raise MmfeatError(f"{count} insets do not fit below so narrow a map; give up to {most}.")
    return min(2.2, (width - (count - 1) * _GAP) / count) if count else 0.0


def insets(
    figure: Figure,
    map_frame: Frame,
    y: float,
    points: Points,
    chosen: Sequence[int],
    names: Sequence[str],
) -> None:
    """Draw regions around points larger, below the map, with the names that fit.

    Parameters
    ----------
    chosen : sequence of int
        Indices of the points in the middle.
    names : sequence of str
        Of all points, empty where there is none.
    """
    side = inset_side(map_frame.width, len(chosen))
    gap = (map_frame.width - len(chosen) * side) / max(len(chosen) - 1, 1)
    begin = map_frame.x + (gap / 2 if len(chosen) == 1 else 0.0)
    ordered = sorted(chosen, key=lambda index: (points.xy[index, 0], index))
    for at, index in enumerate(ordered):
        here = points.xy[index]
        distance = np.abs(points.xy - here).max(1)
        near = np.argsort(distance, kind="stable")
        reach = distance[near[min(_NEAREST, len(near) - 1)]] * 1.08
        half = max(float(reach), _LEAST * float((map_frame.high - map_frame.low).max()))
        half = min(half, float((map_frame.high - map_frame.low).min()) / 2)
        centre = np.clip(here, map_frame.low + half, map_frame.high - half)
        own = Frame(begin + at * (side + gap), y, side, side, centre - half, centre + half)
        _region(figure, map_frame, own)
        axes, inside = draw(figure, own, points, _GROW), own.holds(points.xy)
        axes.set_axis_on()
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color="0.25", linewidth=0.6)
        (point,) = own.at(here[None]).tolist()
        labels.ring(figure, point, float(np.sqrt(points.area[index] * _GROW)) + 3)
        taken = [labels.around(point, 0.06)]
        name = [(here, names[index] or str(index))]
        first = labels.place(name, own, 1, most=0.8 * side, others=points.xy)
        for label in first:
            labels.write(figure, label, "bold")
        shown = labels.place(
            [(points.xy[i], names[i]) for i in near[1:].tolist() if names[i] and inside[i]],
            own,
            _NAMED,
            most=0.6 * side,
            others=points.xy,
            taken=[*taken, *(label.box for label in first)],
        )
        for label in shown:
            labels.write(figure, label)


def _region(figure: Figure, map_frame: Frame, own: Frame) -> None:
    """Draw the frame of an inset on the map, and tie its lower corners to the inset."""
    corners = map_frame.at(np.array([own.low, own.high]))
    (left, bottom), (right, top) = corners.tolist()
    box = [(left, bottom), (left, top), (right, top), (right, bottom), (left, bottom)]
    _tie(figure, box)
    _tie(figure, [(left, bottom), (own.x, own.y)], ":")
    _tie(figure, [(right, bottom), (own.x + own.width, own.y)], ":")
