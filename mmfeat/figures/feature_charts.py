"""Charts of one feature: how strongly it fires, and where by language."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Float32

from mmfeat.figures import palettes, sheet, typeset
from mmfeat.figures.blocks import HEADING, Block

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mmfeat.atlas.language_table import LanguageRow

_IMAGE, _TEXT = palettes.CATEGORIES[2] / 255, palettes.CATEGORIES[1] / 255
_LEFT, _UNDER = 0.4, 0.3  # inches of an axis's numbers and name
_BINS = 20
_SMALL = 0.72


def histogram(
    x: float,
    width: float,
    height: float,
    image: Float32[np.ndarray, "n"],
    text: Float32[np.ndarray, "m"],
) -> Block:
    """Return a histogram of the activations above 0 on pictures and captions."""

    def draw(figure: Figure, y: float) -> None:
        sheet.write(figure, x, y, "Activation where it fires", HEADING, weight="bold")
        top = y + typeset.line(HEADING) + typeset.line(_SMALL) + 0.02
        high = height - (top - y) - _UNDER
        axes = sheet.panel(figure, x + _LEFT, top, width - _LEFT - 0.02, high)
        largest = max(image.max(initial=0), text.max(initial=0)) or 1.0
        edges = np.linspace(0, float(largest), _BINS + 1)
        left = x + _LEFT
        for name, values, colour, hatch in (
            ("pictures", image, _IMAGE, ""),
            ("captions", text, _TEXT, "/////"),
        ):
            share = np.histogram(values, edges)[0] / max(len(values), 1)
            style = {"facecolor": colour, "alpha": 0.75} if not hatch else {"facecolor": "none"}
            axes.stairs(share, edges, fill=True, lw=0.6, hatch=hatch, edgecolor=colour, **style)
            left += _entry(
                figure, left, top - typeset.line(_SMALL), name, len(values), colour, hatch
            )
        axes.set(xlim=(0, edges[-1]), ylim=(0, None))
        _names(axes, "activation", "share of rows")

    return Block(height, draw)


def _entry(
    figure: Figure, x: float, y: float, name: str, count: int, colour: np.ndarray, hatch: str
) -> float:
    """Write an entry of the key, and return the inches it takes."""
    from matplotlib.patches import Rectangle

    wide, high = figure.get_size_inches()
    step = typeset.line(_SMALL)
    corner = x / wide, 1 - (y + 0.8 * step) / high
    style = {"facecolor": "none", "hatch": hatch} if hatch else {"facecolor": colour, "alpha": 0.75}
    box = Rectangle(
        corner, 0.14 / wide, 0.6 * step / high, edgecolor=colour, lw=0.6,
        transform=figure.transFigure, **style,
    )  # fmt: skip
    figure.add_artist(box)
    text = f"{count:,} {name}"
    sheet.write(figure, x + 0.18, y, text, _SMALL)
    return 0.18 + typeset.wide(text, _SMALL) + 0.12


def by_language(
    x: float, width: float, height: float, row: LanguageRow, shared: Bool[np.ndarray, "languages"]
) -> Block:
    """Return how often it fires by column, and its Jaccard with pictures by language.

    Intervals are the 95 % bootstrap of the atlas; filled marks are languages in which pictures
    and captions share the feature.
    """

    def draw(figure: Figure, y: float) -> None:
        sheet.write(figure, x, y, "Pictures and languages", HEADING, weight="bold")
        said = "95 % intervals; filled where shared"
        sheet.write(figure, x + width, y, said, _SMALL, ha="right", color=sheet.GREY)
        top = y + typeset.line(HEADING) + 0.02
        panel = (height - (top - y) - _UNDER - 0.14) / 2
        inner = width - _LEFT - 0.02
        at = np.arange(len(row.columns))
        rates, jaccard = (
            sheet.panel(figure, x + _LEFT, place, inner, panel)
            for place in (top, top + panel + 0.14)
        )
        colours = [_IMAGE, *[_TEXT] * len(row.columns[1:])]
        bars = rates.bar(at, 100 * np.nan_to_num(row.rate), 0.7, color=colours)
        bars[0].set(hatch="....", edgecolor="1", lw=0)
        _names(rates, "", "fires on, %")
        estimate = row.measures["jaccard"]
        _intervals(jaccard, at[1:], estimate.value, estimate.low, estimate.high, shared)
        jaccard.set(ylim=(0, 1))
        _names(jaccard, "", "Jaccard with\npictures")
        every = sheet.every(len(at), inner)
        labels = ["pict.", *row.columns[1:]]
        for axes in (rates, jaccard):
            axes.set_xlim(-0.6, len(at) - 0.4)
            axes.set_xticks(at[::every], [] if axes is rates else labels[::every])
            axes.tick_params(axis="x", length=0 if axes is rates else 2)
        sizes = [typeset.wide(label, sheet.SMALL) for label in labels[::every]]
        room = inner / len(at) * every - 0.03
        if any((one + other) / 2 > room for one, other in pairwise(sizes)):
            jaccard.tick_params(axis="x", rotation=90)

    return Block(height, draw)


def _intervals(
    axes: Axes,
    at: Float[np.ndarray, "n"],
    value: Float[np.ndarray, "n"],
    low: Float[np.ndarray, "n"],
    high: Float[np.ndarray, "n"],
    filled: Bool[np.ndarray, "n"],
) -> None:
    axes.vlines(at, low, high, color=_TEXT, lw=0.8)
    for own, face in ((filled, _TEXT), (~filled, "1")):
        axes.plot(
            at[own], value[own], "o", ms=3, markerfacecolor=face, markeredgecolor=_TEXT, mew=0.7
        )


def _names(axes: Axes, across: str, upwards: str) -> None:
    axes.set_xlabel(across, fontsize=typeset.points(_SMALL), labelpad=1)
    axes.set_ylabel(upwards, fontsize=typeset.points(_SMALL), labelpad=2)
    axes.locator_params(axis="y", nbins=3)
