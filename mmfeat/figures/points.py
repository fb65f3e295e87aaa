"""Points of a map in a figure: where they stand, their marks and sizes, and the key to these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from mmfeat.figures import palettes, sheet, typeset
from mmfeat.figures.palettes import Colouring

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RASTER_ABOVE = 20_000  # points past which vector files grow slow to open
MARKS = ("o", "s", "^", "D", "v", "P")
_MARGIN = 0.03  # of what is shown, left free around the points
_SMALL = 0.85
_BAR = 0.07  # inches of a colour bar
_GAP = 0.14  # inches between entries of a key


@dataclass(frozen=True)
class Frame:
    """A part of a map in a figure: its box in inches from the left and the top, what it shows."""

    x: float
    y: float
    width: float
    height: float
    low: Float[np.ndarray, "2"]
    high: Float[np.ndarray, "2"]

    def at(self, xy: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        """Return where points stand, in inches from the left and the top of the figure."""
        share = (np.asarray(xy, np.float64) - self.low) / (self.high - self.low)
        return np.stack(
            [self.x + share[:, 0] * self.width, self.y + (1 - share[:, 1]) * self.height], 1
        )

    def holds(self, xy: Float[np.ndarray, "n 2"]) -> Bool[np.ndarray, "n"]:
        """Return which points are in what it shows."""
        return np.asarray(((xy >= self.low) & (xy <= self.high)).all(1))


def frame(x: float, y: float, width: float, height: float, xy: Float[np.ndarray, "n 2"]) -> Frame:
    """Return a frame that shows all points, one unit as long across as upwards."""
    low, high = np.asarray(xy, np.float64).min(0), np.asarray(xy, np.float64).max(0)
    centre, span = (low + high) / 2, np.maximum(high - low, 1e-9) * (1 + 2 * _MARGIN)
    box = np.array([width, height])
    half = box * (span / box).max() / 2
    return Frame(x, y, width, height, centre - half, centre + half)


@dataclass(frozen=True)
class Points:
    """Points of a map, the last in front.

    Attributes
    ----------
    xy : float [n, 2]
    colour : uint8 [n, 3]
    area : float [n]
        In square points.
    mark : int [n]
        Index in `MARKS`.
    """

    xy: Float[np.ndarray, "n 2"]
    colour: UInt8[np.ndarray, "n 3"]
    area: Float[np.ndarray, "n"]
    mark: Int[np.ndarray, "n"]


def usual_area(count: int, width: float) -> float:
    """Return the square points of a mark where so many stand in a map of so many inches."""
    return float(np.clip(370 * width**2 / count, 0.3, 2.7 * width))


def draw(figure: Figure, own: Frame, points: Points, grow: float = 1.0) -> Axes:
    """Draw the points that a frame shows; more than `RASTER_ABOVE` become pixels."""
    axes = sheet.panel(figure, own.x, own.y, own.width, own.height)
    axes.set_axis_off()
    axes.set(xlim=(own.low[0], own.high[0]), ylim=(own.low[1], own.high[1]))
    shown = own.holds(points.xy)
    for mark in np.unique(points.mark[shown]).tolist():
        chosen = shown & (points.mark == mark)
        axes.scatter(
            points.xy[chosen, 0],
            points.xy[chosen, 1],
            c=points.colour[chosen] / 255,
            s=points.area[chosen] * grow,
            marker=MARKS[mark],
            linewidths=0,
            rasterized=len(points.xy) > RASTER_ABOVE,
        )
    return axes


@dataclass(frozen=True)
class Entry:
    """A mark of a key, and what it stands for."""

    text: str
    mark: int = 0
    colour: Any = "0.4"
    area: float = 12.0

    @property
    def size(self) -> float:
        """Points across."""
        return float(np.sqrt(self.area))


def rows(entries: Sequence[Entry], width: float) -> list[list[Entry]]:
    """Return the lines of a key that is so many inches wide."""
    found: list[list[Entry]] = []
    left = width + 1
    for entry in entries:
        own = _across(entry)
        if left + own > width:
            found.append([])
            left = 0.0
        found[-1].append(entry)
        left += own
    return found


def _across(entry: Entry) -> float:
    return entry.size / 72 + 0.05 + typeset.wide(entry.text, _SMALL) + _GAP


def key_line(entries: Sequence[Entry]) -> float:
    """Return the inches of one line of a key."""
    return max(typeset.line(_SMALL), *(entry.size / 72 + 0.02 for entry in entries))


def key(figure: Figure, y: float, width: float, lines: Sequence[Sequence[Entry]]) -> None:
    """Write lines of a key in the middle of the figure's width, the first so far from its top."""
    from matplotlib.lines import Line2D

    wide, high = figure.get_size_inches()
    for entries in lines:
        step = key_line(entries)
        x = (width - sum(map(_across, entries)) + _GAP) / 2
        for entry in entries:
            place = [(x + entry.size / 144) / wide], [1 - (y + step / 2) / high]
            figure.add_artist(
                Line2D(
                    *place, linestyle="", marker=MARKS[entry.mark], markersize=entry.size,
                    markeredgewidth=0, color=entry.colour, transform=figure.transFigure,
                )
            )  # fmt: skip
            left = x + entry.size / 72 + 0.05
            middle = y + step / 2
            sheet.write(figure, left, middle, entry.text, _SMALL, va="center_baseline")
            x += _across(entry)
        y += step


def bar_height() -> float:
    """Return the inches that `bar` takes from top to bottom."""
    return typeset.line(1.0) + _BAR + typeset.line(_SMALL) + 0.05


def bar(
    figure: Figure,
    y: float,
    width: float,
    chosen: Colouring,
    n_languages: int,
    beyond: tuple[bool, bool] = (False, False),
) -> None:
    """Draw the colours of numbers under what they are of; `beyond` says where values go on."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, LogNorm, Normalize
    from matplotlib.ticker import FuncFormatter, LogLocator

    low, high = palettes.bounds(chosen, n_languages)
    table = palettes.DIVERGING if chosen.kind == "diverging" else palettes.SEQUENTIAL
    under = y + typeset.line(1.0)
    axes = sheet.panel(figure, 0.2 * width, under, 0.6 * width, _BAR)
    norm = LogNorm(low, high) if chosen.kind == "log" else Normalize(low, high)
    drawn = figure.colorbar(
        ScalarMappable(norm, ListedColormap(table / 255)),
        cax=axes,
        orientation="horizontal",
        extend=("neither", "max", "min", "both")[beyond[1] + 2 * beyond[0]],
    )
    drawn.outline.set_visible(False)
    if chosen.kind == "log":
        drawn.locator = LogLocator(numticks=6)
    elif chosen.key.startswith("n_"):
        drawn.set_ticks(np.unique(np.linspace(low, high, 4).round()).tolist())
    drawn.formatter = FuncFormatter(lambda value, position: f"{value:.3g}")
    drawn.minorticks_off()
    axes.tick_params(labelsize=typeset.points(_SMALL), length=2, width=0.5, pad=1)
    sheet.write(figure, width / 2, y, chosen.label, 1.0, ha="center")
