"""How alike pictures and languages are: over a whole SAE, or feature by feature."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field

from mmfeat.analysis.cofiring import Estimate
from mmfeat.analysis.languages import Level, tree
from mmfeat.atlas.language_table import PICTURES, LanguageTable
from mmfeat.atlas.reader import Atlas
from mmfeat.corpus.languages import script_of_tag
from mmfeat.errors import MmfeatError
from mmfeat.figures import output, palettes, sheet, typeset
from mmfeat.figures.kind import Drawing, FigureKind, FigureSettings
from mmfeat.figures.pages import title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 64  # features below each other
_WRITTEN = 0.175  # inches a side from which cells hold a number
_TREE, _AXIS = 0.42, 0.45  # inches of the dendrogram, and of what stands under an axis
_BAR = 0.5  # inches of the colour bar and the key below features
_TYPE = 0.75
_BLUE = palettes.CATEGORIES[1] / 255


class LanguagesSettings(FigureSettings):
    """Options of the matrix of languages."""

    feature: tuple[int, ...] = Field(
        (), description="Index of a feature; repeat for several. [the whole SAE]"
    )


def draw(path: Path, settings: LanguagesSettings) -> Drawing:
    """Draw pictures and languages, the most alike beside each other.

    Without features: the mean Jaccard of firing on the same test items, of every two columns,
    over all features, and beside it that of pictures with each language and its 95 % interval.
    With features: how often each fires in each column, relative to where it fires most, and in
    which languages it is shared with pictures.

    Raises
    ------
    MmfeatError
        If the atlas has no languages, or no such feature.
    """
    with Atlas(path) as atlas:
        if not atlas.languages:
            raise MmfeatError(f"{path} has no captions in any language; there is nothing to draw.")
        table = atlas.part(LanguageTable)
        matrix = table.similarity().matrix
        branches = tree(matrix)
        name = output.plain(atlas.name) or "an SAE"
        if settings.feature:
            features = list(dict.fromkeys(settings.feature))
            if len(features) > MOST:
                raise MmfeatError(f"{len(features)} features do not fit; give up to {MOST}.")
            figure, order = _of_features(atlas, table, features, branches, settings.inches)
            title = f"Languages of features of {name}"
        else:
            figure, order = _of_all(atlas, table, matrix, branches, settings.inches)
            title = f"Languages of {name}"
        return Drawing(figure, title, {"order": [table.columns[at] for at in order]})


# The whole SAE ------------------------------------------------------------------------


def _of_all(
    atlas: Atlas,
    table: LanguageTable,
    matrix: Float[np.ndarray, "columns columns"],
    branches: Float[np.ndarray, "merges 4"],
    width: float,
) -> tuple[Figure, list[int]]:
    lines = [output.provenance_line(atlas)]
    labels, narrow = _labels(table.columns), width < sheet.NARROW
    branch = 0.3 if narrow else _TREE
    left, bar = sheet.MARGIN + branch + _widest(labels), 0.55
    beside = 0.0 if narrow else 1.6  # the panel of pictures stands below where it is narrow
    side = width - left - bar - beside - 2 * sheet.MARGIN
    top, under = 0.08, 0.06 + _widest([tag for tag, _ in labels])
    below = 0.95 + under if narrow else max(under, _AXIS)
    figure = sheet.sheet(width, top + side + below + sheet.foot_height(lines, width))
    order = _dendrogram(sheet.panel(figure, sheet.MARGIN, top, branch, side), branches, "left")
    axes = sheet.panel(figure, left, top, side, side)
    shown = matrix[np.ix_(order, order)]
    np.fill_diagonal(shown, np.nan)
    known = shown[np.isfinite(shown)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    drawn = _cells(axes, shown, low, max(high, low + 1e-6), side / len(shown))
    step = sheet.every(len(order), side)
    _row_labels(figure, [labels[i] for i in order], left, top, side, step)
    bars = sheet.panel(figure, left + side + 0.06, top, 0.07, side)
    figure.colorbar(drawn, cax=bars, label="mean Jaccard").outline.set_visible(False)
    sheet.plain(bars)
    if narrow:
        pictures = sheet.panel(figure, left, top + side + 0.05, side, 0.85)
        axes.set_xticks([])
    else:
        pictures = sheet.panel(figure, width - beside + 0.1, top, beside - 0.2, side)
    _with_pictures(pictures, table.means()["jaccard"][0], order, upright=narrow)
    _column_labels(pictures if narrow else axes, [labels[i][0] for i in order], step)
    sheet.foot(figure, lines)
    return figure, order


def _with_pictures(axes: Axes, own: Estimate, order: Sequence[int], upright: bool) -> None:
    """Draw the mean Jaccard of pictures with each language along the axis of the matrix."""
    for at, column in enumerate(order):
        if not column or not np.isfinite(own.value[column - 1]):
            continue
        value, low, high = (float(end[column - 1]) for end in (own.value, own.low, own.high))
        reach = [[value - low], [high - value]]
        style: dict[str, Any] = {"markersize": 2.8, "linewidth": 1}
        if upright:
            axes.errorbar(at, value, yerr=reach, fmt="o", color=_BLUE, **style)
        else:
            axes.errorbar(value, at, xerr=reach, fmt="o", color=_BLUE, **style)
    axes.set_axisbelow(True)
    if upright:
        axes.set(xlim=(-0.5, len(order) - 0.5), ylabel="Jaccard with\npictures")
        axes.grid(axis="y", color="0.92", linewidth=0.5)
        axes.locator_params(axis="y", nbins=4)
    else:
        axes.set(ylim=(len(order) - 0.5, -0.5), yticks=[])
        axes.set_xlabel("mean Jaccard with pictures,\n95 % interval")
        axes.grid(axis="x", color="0.92", linewidth=0.5)
        axes.locator_params(axis="x", nbins=4)


# Features -----------------------------------------------------------------------------


def _of_features(
    atlas: Atlas,
    table: LanguageTable,
    features: Sequence[int],
    branches: Float[np.ndarray, "merges 4"],
    width: float,
) -> tuple[Figure, list[int]]:
    rows = [table.row(feature) for feature in features]
    shared = atlas.by_language()["shared"].astype(bool)
    labels, narrow = _labels(table.columns), width < sheet.NARROW
    names, beside = (0.34 if narrow else 0.32) * width, 0.42
    left = sheet.MARGIN + names + 0.06
    side = width - left - beside - sheet.MARGIN
    cell = 1.15 * typeset.line(_TYPE) * (2 if narrow else 1.4)
    top, high = 0.06 + _TREE, cell * len(rows)
    lines = [output.provenance_line(atlas)]
    under = max(0.08 + _widest([tag for tag, _ in labels]), _BAR)
    figure = sheet.sheet(width, top + high + under + sheet.foot_height(lines, width))
    order = _dendrogram(sheet.panel(figure, left, 0.03, side, _TREE), branches, "top")
    axes = sheet.panel(figure, left, top, side, high)
    rates = np.array([row.rate for row in rows])[:, order]
    most = np.nanmax(rates, axis=1)
    relative = rates / np.where(most > 0, most, np.nan)[:, None]
    drawn = _cells(axes, relative, 0.0, 1.0, 0.0)
    marks = np.array([[bool(c) and bool(shared[f, c - 1]) for c in order] for f in features])
    never = np.array([row.level for row in rows])[:, order] == Level.NEVER
    key = [
        _mark(axes, marks, "o", 2.2, "white", "shared with pictures"),
        *([_mark(axes, never, "x", 2.5, "0.5", "never fires")] if never.any() else []),
    ]
    _column_labels(axes, [labels[at][0] for at in order], sheet.every(len(order), side))
    _feature_labels(figure, atlas, features, most, (left, top, cell, names), 2 if narrow else 1)
    bars = sheet.panel(figure, 3 * sheet.MARGIN, top + high + 0.06, 0.78 * names, 0.06)
    figure.colorbar(drawn, cax=bars, orientation="horizontal").outline.set_visible(False)
    sheet.plain(bars)
    bars.set_xlabel("rate, of the row's largest", fontsize=typeset.points(_TYPE), labelpad=1)
    bars.legend(
        handles=key, loc="upper left", bbox_to_anchor=(-0.06, -4.2), frameon=False, borderpad=0,
        fontsize=typeset.points(_TYPE), handletextpad=0.2, ncols=2, columnspacing=0.8,
        borderaxespad=0,
    )  # fmt: skip
    sheet.foot(figure, lines)
    return figure, order


def _mark(
    axes: Axes, where: Bool[np.ndarray, "rows columns"], mark: str, size: float, colour: str,
    label: str,
) -> Any:  # fmt: skip
    y, x = np.nonzero(where)
    (drawn,) = axes.plot(
        x, y, mark, markersize=size, color=colour, markeredgecolor="0.1", markeredgewidth=0.5,
        label=label,
    )  # fmt: skip
    return drawn


def _feature_labels(
    figure: Figure,
    atlas: Atlas,
    features: Sequence[int],
    most: Float[np.ndarray, "rows"],
    place: tuple[float, float, float, float],
    lines: int,
) -> None:
    left, top, cell, wide = place
    right = float(figure.get_size_inches()[0]) - sheet.MARGIN
    style = {"ha": "right", "va": "center", "linespacing": 1.15}
    sheet.write(figure, right, top - 0.03, "largest\nrate", _TYPE, color=sheet.GREY,
                **{**style, "va": "bottom"})  # fmt: skip
    for index, (feature, rate) in enumerate(zip(features, most.tolist(), strict=True)):
        y = top + cell * (index + 0.5)
        title = output.plain(title_of(atlas.names(feature), feature))
        label = title if title == f"feature {feature}" else f"{feature}: {title}"
        shown = typeset.fold(label, wide, _TYPE, lines)
        sheet.write(figure, left - 0.06, y, "\n".join(shown), _TYPE, **style)
        sheet.write(figure, right, y, f"{rate:.1%}", _TYPE, color=sheet.GREY, **style)


# Parts --------------------------------------------------------------------------------


def _labels(columns: Sequence[str]) -> list[tuple[str, str]]:
    """Return what columns are called, and in which script."""
    return [("pictures", "") if c == PICTURES else (c, script_of_tag(c)) for c in columns]


def _widest(labels: Sequence[Any]) -> float:
    texts = [one if isinstance(one, str) else " ".join(one).strip() for one in labels]
    return 0.06 + max(typeset.wide(text, sheet.SMALL) for text in texts)


def _row_labels(
    figure: Figure, labels: Sequence[tuple[str, str]], left: float, top: float, side: float,
    step: int,
) -> None:  # fmt: skip
    script = max(typeset.wide(own, _TYPE) for _, own in labels)
    for at in range(0, len(labels), step):
        tag, own = labels[at]
        y = top + side * (at + 0.5) / len(labels)
        x = left - 0.04
        sheet.write(figure, x, y, own, _TYPE, ha="right", va="center", color=sheet.GREY)
        x -= script + 0.05 if own else 0.0
        sheet.write(figure, x, y, tag, sheet.SMALL, ha="right", va="center")


def _column_labels(axes: Axes, labels: Sequence[str], step: int) -> None:
    at = range(0, len(labels), step)
    axes.set_xticks(at, labels[::step], rotation=90)


def _dendrogram(axes: Axes, branches: Float[np.ndarray, "merges 4"], root: str) -> list[int]:
    """Draw the tree beside a matrix, its root at the ``left`` or ``top``; return the leaves."""
    from scipy.cluster.hierarchy import dendrogram

    found = dendrogram(branches, no_plot=True)
    n = len(branches) + 1
    for along, away in zip(found["icoord"], found["dcoord"], strict=True):
        place = (np.array(along) - 5) / 10
        x, y = (away, place) if root == "left" else (place, away)
        axes.plot(x, y, "-", color="0.3", linewidth=0.7, solid_joinstyle="miter")
    least, most = 0.97 * float(branches[0, 2]), 1.03 * float(branches[:, 2].max())
    # Distances begin where the first two join: the stretch below says nothing.
    if root == "left":
        axes.set(xlim=(most, min(least, 0.99 * most)), ylim=(n - 0.5, -0.5))
    else:
        axes.set(ylim=(min(least, 0.99 * most), most), xlim=(-0.5, n - 0.5))
    axes.set_axis_off()
    return [int(leaf) for leaf in found["leaves"]]


def _cells(
    axes: Axes, matrix: Float[np.ndarray, "rows columns"], low: float, high: float, side: float
) -> Any:
    """Draw a matrix in colours, with its numbers where cells are large enough."""
    drawn = axes.imshow(
        matrix, sheet.colours(), vmin=low, vmax=high, aspect="auto", interpolation="nearest"
    )
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0, pad=3)
    if side >= _WRITTEN:
        for (y, x), value in np.ndenumerate(matrix):
            if np.isfinite(value):
                dark = (value - low) / (high - low) < 0.5
                axes.text(
                    x, y, f"{value:.2f}".removeprefix("0"), ha="center", va="center",
                    fontsize=typeset.points(0.72), color="white" if dark else "black",
                )  # fmt: skip
    return drawn


KIND = FigureKind(
    "Draw how alike languages and pictures are, for an SAE or for features.",
    LanguagesSettings,
    draw,
)
