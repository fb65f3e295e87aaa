"""Figures laid out in inches: panels where they are put, and small lines at the foot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from mmfeat.analysis.statistics import lower_bound
from mmfeat.figures import palettes, typeset

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NARROW = 4.6  # inches below which panels stand below each other
MARGIN = 0.05  # inches left free at the edges
SMALL, FOOT = 0.85, 0.72  # sizes of type: of numbers at axes, of what stands at the foot
GREY = "0.35"
_LEVEL = 0.95


def sheet(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def panel(figure: Figure, x: float, y: float, width: float, height: float) -> Axes:
    """Return axes at so many inches from the left and from the top."""
    wide, high = figure.get_size_inches()
    axes = figure.add_axes((x / wide, 1 - (y + height) / high, width / wide, height / high))
    plain(axes)
    return axes


def plain(axes: Axes) -> None:
    """Give axes thin marks, small numbers, and a line at the left and bottom only."""
    axes.tick_params(which="both", labelsize=typeset.points(SMALL), length=2, width=0.5, pad=1.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_linewidth(0.5)


def write(figure: Figure, x: float, y: float, text: str, factor: float = 1.0, **style: Any) -> None:
    """Write a text whose top left corner is so many inches from the left and from the top."""
    wide, high = figure.get_size_inches()
    style = {"ha": "left", "va": "top", **style}
    figure.text(x / wide, 1 - y / high, text, fontsize=typeset.points(factor), **style)


def picture(
    figure: Figure, x: float, y: float, side: float, pixels: UInt8[np.ndarray, "h w 3"] | None
) -> None:
    """Draw a picture in a square whose top left corner is so many inches from left and top.

    None stands for a picture that is not there.
    """
    axes = panel(figure, x, y, side, side)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(pixels is None)
    axes.spines[:].set(color="0.75", linewidth=0.5)
    if pixels is None:
        axes.plot([0, 1], [0, 1], "-", color="0.75", linewidth=0.5)
    else:
        axes.imshow(pixels)


def foot_height(lines: Sequence[str], width: float) -> float:
    """Return the inches that lines at the foot of a figure take."""
    return MARGIN + typeset.line(FOOT) * len(_folded(lines, width))


def foot(figure: Figure, lines: Sequence[str]) -> None:
    """Write small lines at the foot: provenance, and whom pictures are by."""
    wide, high = figure.get_size_inches()
    folded = _folded(lines, float(wide))
    for at, text in enumerate(folded):
        y = high - MARGIN / 2 - typeset.line(FOOT) * (len(folded) - at)
        write(figure, MARGIN, y, text, FOOT, color=GREY)


def _folded(lines: Sequence[str], width: float) -> list[str]:
    return [part for own in lines for part in typeset.fold(own, width - 2 * MARGIN, FOOT)]


def logarithmic(
    axis: Any,
    text: Callable[[float], str] = "{:g}".format,
    subs: Sequence[float] | None = None,
    at: Sequence[float] | None = None,
) -> None:
    """Make an axis logarithmic, with plain numbers at multiples of powers of ten or at places.

    Without `subs`, the multiples are as many as what is drawn leaves room for.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    if subs is None:
        low, high = axis.get_view_interval()
        decades = float(np.log10(high / low))
        subs = (1, 2, 5) if decades < 1.5 else (1, 3) if decades < 2.5 else (1,)
    axis.set_major_locator(LogLocator(subs=subs) if at is None else FixedLocator(list(at)))
    if at is not None:
        axis.set_minor_locator(FixedLocator([]))
    axis.set_major_formatter(FuncFormatter(lambda value, position: text(value)))
    axis.set_minor_formatter(NullFormatter())


def every(labels: int, inches: float) -> int:
    """Return how many labels of an axis go for one that is written, so that none touch."""
    return max(1, int(np.ceil(labels * 1.1 * typeset.points(SMALL) / 72 / inches)))


def proportion(
    successes: Int[np.ndarray, "n"], trials: Int[np.ndarray, "n"]
) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "2 n"]]:
    """Return proportions, and how far their exact 95 % intervals reach below and above them."""
    level = (1 + _LEVEL) / 2
    share = np.asarray(successes) / np.maximum(trials, 1)
    low = lower_bound(successes, trials, level)
    high = 1 - lower_bound(np.asarray(trials) - successes, trials, level)
    return share, np.stack([share - low, high - share])


def colours(kind: str = "sequential") -> Any:
    """Return a table of colours for matrices; what is missing is grey."""
    from matplotlib.colors import ListedColormap

    table = {"sequential": palettes.SEQUENTIAL, "diverging": palettes.DIVERGING}[kind]
    return ListedColormap(table / 255).with_extremes(
        bad=tuple(float(part) for part in palettes.MISSING / 255)  # type: ignore[arg-type]
    )
