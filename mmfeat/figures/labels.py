"""Names beside points of a map, none over another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from mmfeat.figures import direction, typeset
from mmfeat.figures.points import Frame

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FACTOR = 0.8
_OFF = 0.045  # inches between a point and its name
_PAD = 0.015  # inches around a name

Box = tuple[float, float, float, float]  # left, top, right, bottom in inches


@dataclass(frozen=True)
class Label:
    """A name at a point: the text, and the box it fills."""

    point: tuple[float, float]
    text: str
    box: Box


def place(
    candidates: Iterable[tuple[np.ndarray, str]],
    frame: Frame,
    count: int,
    *,
    most: float,
    others: Float[np.ndarray, "n 2"],
    apart: float = 0.0,
    taken: Iterable[Box] = (),
) -> list[Label]:
    """Return names that fit, of the first candidates first, each where it hides fewest points.

    Parameters
    ----------
    candidates : iterable of (array [2], str)
        Point in the map's own units, and name, the most wanted first.
    frame : Frame
        The map.
    count : int
        Names at most.
    most : float
        Inches a name may be long; it is cut there.
    others : array [n, 2]
        All points, in the map's own units.
    apart : float
        Inches between two points that have names, at least.
    taken : iterable of box
        Where something else is written.
    """
    found: list[Label] = []
    boxes, dots = list(taken), frame.at(others)
    rings: list[Box] = []
    for xy, name in candidates:
        if len(found) == count:
            break
        ((x, y),) = frame.at(np.asarray(xy)[None]).tolist()
        if any(np.hypot(x - own.point[0], y - own.point[1]) < apart for own in found):
            continue
        dot = around((x, y))
        if any(_meet(dot, other) for other in boxes):
            continue
        text = typeset.clip(name, most, FACTOR)
        wide, high = typeset.wide(text, FACTOR) + 2 * _PAD, typeset.line(FACTOR)
        right, left, middle = x + _OFF, x - _OFF - wide, x - wide / 2
        tried = [
            (right, y - high / 2), (left, y - high / 2), (middle, y - _OFF - high),
            (middle, y + _OFF), (right, y - high), (right, y), (left, y - high), (left, y),
        ]  # fmt: skip
        free = [
            box
            for box in ((x0, y0, x0 + wide, y0 + high) for x0, y0 in tried)
            if _inside(box, frame) and not any(_meet(box, o) for o in boxes + rings)
        ]
        if free:
            found.append(Label((x, y), text, min(free, key=lambda box: _hidden(box, dots))))
            boxes.append(found[-1].box)
            rings.append(dot)
    return found


def around(point: Sequence[float], reach: float = 0.04) -> Box:
    """Return the box of so many inches to each side of a point."""
    return point[0] - reach, point[1] - reach, point[0] + reach, point[1] + reach


def _hidden(box: Box, dots: Float[np.ndarray, "n 2"]) -> int:
    """Return how many points a box would hide."""
    return int(((dots >= box[:2]) & (dots <= box[2:])).all(1).sum())


def _inside(box: Box, frame: Frame) -> bool:
    left, top, right, bottom = box
    across = frame.x <= left and right <= frame.x + frame.width
    return across and frame.y <= top and bottom <= frame.y + frame.height


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def draw(figure: Figure, labels: Iterable[Label]) -> None:
    """Ring each point and write its name on a pale ground."""
    for label in labels:
        ring(figure, label.point)
        write(figure, label)


def ring(figure: Figure, point: Sequence[float], size: float = 4.5) -> None:
    """Draw a ring around a point, in inches from the left and the top."""
    from matplotlib.lines import Line2D

    wide, high = figure.get_size_inches()
    place = [point[0] / wide], [1 - point[1] / high]
    figure.add_artist(
        Line2D(
            *place, marker="o", markersize=size, markerfacecolor="none", markeredgecolor="0",
            markeredgewidth=0.6, transform=figure.transFigure, zorder=7.5,
        )
    )  # fmt: skip


def write(figure: Figure, label: Label, weight: str = "normal") -> None:
    """Write a name in its box."""
    from matplotlib.patches import Rectangle

    wide, high = figure.get_size_inches()
    left, top, right, bottom = label.box
    corner, size = (left / wide, 1 - bottom / high), ((right - left) / wide, (bottom - top) / high)
    ground = Rectangle(
        corner, *size, color="1", alpha=0.7, lw=0, transform=figure.transFigure, zorder=7
    )
    figure.add_artist(ground)
    figure.text(
        (left + _PAD) / wide,
        1 - (top + 0.76 * (bottom - top)) / high,
        direction.printable(label.text),
        fontsize=typeset.points(FACTOR),
        weight=weight,
        va="baseline",
        zorder=8,
    )
