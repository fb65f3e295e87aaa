"""Features that tell safety-relevant categories, with what speaks for and against each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import output, palettes, results, sheet, typeset
from mmfeat.figures.kind import Drawing, FigureKind, FigureSettings
from mmfeat.figures.pages import title_of
from mmfeat.figures.results import Category, Probed, ProbeReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TYPE = 0.75
_BLUE, _ORANGE = palettes.CATEGORIES[1] / 255, palettes.CATEGORIES[2] / 255
_AXIS = 0.3  # inches of the numbers under a panel


class SafetySettings(FigureSettings):
    """Options of the figure of a safety report."""

    result: Path = Field(description="What mmfeat probe ATLAS --json printed.")


@dataclass(frozen=True)
class _Row:
    """A category with its best feature."""

    category: Category
    best: Probed | None
    title: str


@dataclass(frozen=True)
class _Column:
    """What stands in a column of the figure.

    `draw` draws a row at its place in axes, or else `text` says it.
    """

    title: str
    share: float
    draw: Callable[[Axes, Category, Probed, int], None] | None = None
    text: Callable[[Probed], str] | None = None


def draw(path: Path, settings: SafetySettings) -> Drawing:
    """Draw a report of `mmfeat probe`: the best feature of each category.

    AUROC in every language and on pictures (hollow: a gap) over the intervals of the mean over
    languages and of pictures, p and q by relabelling of things, difference of means, agreement
    of pictures with captions and between languages, and the drop by ablation beside the mean of
    the controls'. The caution of the report is part of the figure.

    Raises
    ------
    MmfeatError
        If the result is none, or of another atlas.
    """
    from mmfeat.atlas.safety import CAUTION

    report = results.read(settings.result, ProbeReport, "mmfeat probe")
    if not report.categories:
        raise MmfeatError(f"{settings.result} has no category; probe with at least one list.")
    with Atlas(path) as atlas:
        if report.digest != atlas.digest:
            raise MmfeatError(
                f"{settings.result} is of another atlas than {path}; run mmfeat probe {path} "
                "--json."
            )
        rows = [_row(atlas, own) for own in report.categories]
        lines = [
            "Of each category the best feature of all, whose AUROC is too high by that choice; "
            f"q accounts for it, with a star where it is {report.settings.fdr:g} or less. p and q "
            "are by relabelling of things. Bars below AUROC are 95 % intervals, of the mean over "
            "languages and of pictures; lines of differences go from the least language to the "
            "most.",
            output.provenance_line(atlas),
        ]
        figure = _draw(rows, _columns(report), CAUTION, lines, settings.inches)
        return Drawing(
            figure,
            f"Safety-relevant features of {output.plain(atlas.name) or 'an SAE'}",
            {
                "categories": len(rows),
                "discoveries": sum(row.category.discoveries for row in rows),
                "gaps": sum(len(row.best.gaps) for row in rows if row.best),
            },
        )


def _row(atlas: Atlas, own: Category) -> _Row:
    if not own.features:
        return _Row(own, None, "no feature tells it")
    best = own.features[0]
    title = output.plain(title_of(atlas.names(best.feature), best.feature))
    plain = f"feature {best.feature}"
    return _Row(own, best, title if title == plain else f"{best.feature}: {title}")


def _draw(
    rows: Sequence[_Row],
    columns: Sequence[_Column],
    caution: str,
    lines: Sequence[str],
    width: float,
) -> Figure:
    blocks = [columns[:3], columns[3:]] if width < sheet.NARROW else [columns]
    step = 2.15 * typeset.line(_TYPE)
    caution_lines = typeset.fold(caution, width - 4 * sheet.MARGIN, 0.85)
    head = 0.03 + 2 * typeset.line(_TYPE)
    each = head + step * len(rows) + _AXIS
    top = typeset.line(_TYPE) * (2 if width < sheet.NARROW else 1) + 0.08
    box = 0.1 + typeset.line(0.85) * len(caution_lines)
    under = top + each * len(blocks)
    figure = sheet.sheet(width, under + box + 0.04 + sheet.foot_height(lines, width))
    _legend(figure)
    for at, own in enumerate(blocks):
        _block(figure, own, rows, top + at * each, head, step, brief=at > 0)
    _caution(figure, caution_lines, under, box)
    sheet.foot(figure, lines)
    return figure


def _block(
    figure: Figure,
    columns: Sequence[_Column],
    rows: Sequence[_Row],
    top: float,
    head: float,
    step: float,
    brief: bool,
) -> None:
    """Draw some columns beside the names of categories, in brief without features."""
    width = float(figure.get_size_inches()[0])
    wide = (0.25 if brief else 0.34 if width < sheet.NARROW else 0.22) * width
    for at, row in enumerate(rows):
        y = top + head + step * at
        name = typeset.clip(output.plain(row.category.category), wide, 0.9)
        if brief:
            sheet.write(figure, sheet.MARGIN, y + step / 2, name, 0.9, va="center")
            continue
        sheet.write(figure, sheet.MARGIN, y + step / 2, name, 0.9, va="bottom")
        title = typeset.clip(row.title, wide, _TYPE)
        sheet.write(figure, sheet.MARGIN, y + step / 2 + 0.01, title, _TYPE, color=sheet.GREY)
    left, gap = sheet.MARGIN + wide + 0.06, 0.1
    room = width - left - sheet.MARGIN - gap * (len(columns) - 1)
    total = sum(column.share for column in columns)
    for column in columns:
        across = room * column.share / total
        sheet.write(
            figure, left + across / 2, top + head - 0.05, column.title, _TYPE, ha="center",
            va="baseline", linespacing=1.15,
        )  # fmt: skip
        if column.draw is not None:
            axes = sheet.panel(figure, left, top + head, across, step * len(rows))
            axes.set_ylim(len(rows) - 0.5, -0.5)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
            axes.margins(x=0.08)
            axes.hlines(
                np.arange(len(rows)), 0, 1, color="0.92", linewidth=0.5, zorder=0,
                transform=axes.get_yaxis_transform(),
            )  # fmt: skip
            for at, row in enumerate(rows):
                if row.best is not None:
                    column.draw(axes, row.category, row.best, at)
            axes.locator_params(axis="x", nbins=max(2, int(across / 0.3)))
        else:
            assert column.text is not None
            for at, row in enumerate(rows):
                y = top + head + step * (at + 0.5)
                sheet.write(
                    figure, left + across / 2, y, column.text(row.best) if row.best else "–", _TYPE,
                    ha="center", va="center", linespacing=1.15,
                )  # fmt: skip
        left += across + gap


def _columns(report: ProbeReport) -> list[_Column]:
    bar, fdr = report.settings.bar, report.settings.fdr

    def auroc(axes: Axes, category: Category, best: Probed, at: int) -> None:
        axes.set_xlim(0, 1)
        for x, style in ((0.5, ":"), (bar, "--")):
            axes.axvline(x, color="0.6", linestyle=style, linewidth=0.6, zorder=0)
        known = {tag: value for tag, value in best.auroc.items() if value is not None}
        if known:
            _bar(axes, best.auroc_interval, float(np.mean(list(known.values()))), at + 0.24, _BLUE)
        _bar(axes, best.auroc_image_interval, best.auroc_image, at + 0.36, _ORANGE)
        for tag, value in known.items():
            _dot(axes, value, at, hollow=tag in best.gaps)
        _square(axes, best.auroc_image, at)
        if best.gaps:
            room = 0.42 * axes.get_window_extent().width / axes.figure.dpi
            text = typeset.clip(output.plain(f"gaps: {', '.join(best.gaps)}"), room, 0.72)
            axes.text(0.0, at - 0.08, text, fontsize=typeset.points(0.72), color=sheet.GREY)

    def difference(axes: Axes, category: Category, best: Probed, at: int) -> None:
        known = [value for value in best.difference.values() if value is not None]
        axes.axvline(0, color="0.6", linewidth=0.6, zorder=0)
        _spread(axes, known, at)
        if known:
            _dot(axes, float(np.mean(known)), at)
        _square(axes, best.difference_image, at)

    def agreement(axes: Axes, category: Category, best: Probed, at: int) -> None:
        axes.set_xlim(-0.2, 1)
        axes.axvline(0, color="0.6", linewidth=0.6, zorder=0)
        _dot(axes, category.agreement.languages, at)
        _square(axes, category.agreement.image_text, at)

    def causal(axes: Axes, category: Category, best: Probed, at: int) -> None:
        axes.axvline(0, color="0.6", linewidth=0.6, zorder=0)
        if best.causal is None:
            return
        if best.causal.controls_drop is not None:
            axes.plot(best.causal.controls_drop, at, "|", color="0.1", markersize=6)
        if best.causal.drop is not None:
            axes.plot(best.causal.drop, at, "D", color="0.1", markersize=3)

    def above(best: Probed) -> str:
        own = best.causal
        return "–" if own is None else f"{_part(own.above_controls)}\n{_part(own.above_active)}"

    return [
        _Column("AUROC", 1.75, draw=auroc),
        _Column("captions\np, q", 0.5, text=lambda best: _tests(best.p, best.q, fdr)),
        _Column("pictures\np, q", 0.5, text=lambda best: _tests(best.p_image, best.q_image, fdr)),
        _Column("difference\nof means", 0.9, draw=difference),
        _Column("agreement\nr", 0.9, draw=agreement),
        _Column("drop by ablation\n(| controls)", 0.95, draw=causal),
        _Column("above con-\ntrols, active", 0.62, text=above),
    ]


def _tests(p: float | None, q: float | None, fdr: float) -> str:
    if p is None and q is None:
        return "–"
    found = "*" if q is not None and q <= fdr else ""
    return f"{_short(p)}\n{_short(q)}{found}"


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.2g}"


def _part(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _spread(axes: Axes, values: Sequence[float], at: int) -> None:
    if values:
        axes.plot([min(values), max(values)], [at, at], "-", color=_BLUE, linewidth=0.8)


def _bar(
    axes: Axes, ends: tuple[float, float] | None, middle: float | None, at: float, colour: Any
) -> None:
    """Draw an interval under the marks, with what it is of."""
    if ends is not None and middle is not None:
        axes.plot(ends, [at, at], "-", color=colour, linewidth=0.9, solid_capstyle="butt")
        axes.plot(middle, at, "|", color=colour, markersize=3.2, markeredgewidth=1.1)


def _dot(axes: Axes, value: float | None, at: int, hollow: bool = False) -> None:
    """Draw what is of captions."""
    if value is not None:
        axes.plot(
            value, at, "o", markersize=3, color="white" if hollow else _BLUE,
            markeredgecolor=_BLUE, markeredgewidth=0.7, zorder=3,
        )  # fmt: skip


def _square(axes: Axes, value: float | None, at: int) -> None:
    """Draw what is of pictures."""
    if value is not None:
        axes.plot(value, at, "s", markersize=3.4, color=_ORANGE, markeredgecolor="0.1",
                  markeredgewidth=0.4, zorder=4)  # fmt: skip


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    width, height = figure.get_size_inches()
    styles = {
        "captions": {"color": _BLUE, "marker": "o"},
        "a language with a gap": {"color": "white", "markeredgecolor": _BLUE, "marker": "o"},
        "pictures": {"color": _ORANGE, "markeredgecolor": "0.1", "marker": "s"},
        "mean, 95 % interval": {"color": _BLUE, "marker": "|", "linewidth": 0.9},
    }
    marks = [
        Line2D([], [], linestyle="-" if "linewidth" in own else "", markersize=3.2,
               markeredgewidth=0.8, label=label, **own)
        for label, own in styles.items()
    ]  # fmt: skip
    columns = 2 if width < sheet.NARROW else 4
    figure.legend(
        handles=marks, loc="upper center", bbox_to_anchor=(0.5, 1 - 0.02 / height), ncols=columns,
        frameon=False, fontsize=typeset.points(_TYPE), columnspacing=1.2, handletextpad=0.5,
        borderpad=0.1, borderaxespad=0,
    )  # fmt: skip


def _caution(figure: Figure, lines: Sequence[str], under: float, box: float) -> None:
    """Write the caution in a frame, so that it is not cut off with what is around."""
    from matplotlib.patches import Rectangle

    wide, high = figure.get_size_inches()
    corner = sheet.MARGIN / wide, 1 - (under + box) / high
    size = 1 - 2 * sheet.MARGIN / wide, box / high
    figure.add_artist(
        Rectangle(corner, *size, fill=False, edgecolor="0.2", lw=0.7, transform=figure.transFigure)
    )
    for at, text in enumerate(lines):
        y = under + 0.05 + at * typeset.line(0.85)
        sheet.write(figure, 2 * sheet.MARGIN, y, text, 0.85)


KIND = FigureKind(
    "Draw the report of safety-relevant features, with its caution.",
    SafetySettings,
    draw,
)
