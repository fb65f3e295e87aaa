"""Which concepts have a feature, by how frequent they are, in pictures and each language."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from mmfeat.atlas.concepts import Concepts
from mmfeat.atlas.language_table import PICTURES
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import output, palettes, sheet, typeset
from mmfeat.figures.columns import chosen_languages
from mmfeat.figures.kind import Drawing, FigureKind, FigureSettings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PARTS = 8  # of the concepts by frequency, whose shares are drawn
_CURVE = 1.7  # inches
_BLUE, _ORANGE = palettes.CATEGORIES[1] / 255, palettes.CATEGORIES[2] / 255
_STYLES = ("-", "--", "-.", ":")


class CompletenessSettings(FigureSettings):
    """Options of the curves of completeness."""

    language: tuple[str, ...] = Field(
        (), description="Language whose curve is labelled; repeat for up to four."
    )


class _Curve(BaseModel):
    """A fit as the atlas stores it; see `analysis.completeness.Curve`."""

    labels: int = Field(ge=0)
    found: int = Field(ge=0)
    intercept: float | None
    slope: float | None
    slope_low: float | None
    slope_high: float | None
    half: float | None
    half_low: float | None
    half_high: float | None


def draw(path: Path, settings: CompletenessSettings) -> Drawing:
    """Draw the share of concepts with a feature against their frequency.

    The abscissa is the share of rows that have a concept times the features alive. Points are
    eighths of the concepts in pictures, with exact intervals; lines are the fits. Beside them,
    for pictures and each language: the share of concepts with a feature, the slope of the fit,
    and where half have one (Fieller's interval, drawn open where it has no end).

    Raises
    ------
    MmfeatError
        If the atlas has no concepts that could be tested, or no such language.
    """
    with Atlas(path) as atlas:
        concepts = atlas.part(Concepts)
        chosen = _chosen(atlas, settings.language)
        curves = _curves(path, concepts, (PICTURES, *atlas.languages))
        found = concepts.found()
        kept = found["tested"][:, 0].astype(bool)
        if not kept.any():
            raise MmfeatError(
                f"{path} has no concept with enough test items; extract a larger corpus."
            )
        alive = float(concepts.completeness["alive"])
        x, has = found["frequency"][kept, 0] * alive, found["has"][kept, 0].astype(bool)
        lines = [output.provenance_line(atlas)]
        return Drawing(
            _draw(curves, chosen, x, has, lines, settings.inches),
            f"Completeness of {output.plain(atlas.name) or 'an SAE'}",
            {"concepts": int(kept.sum()), "with_feature": int(has.sum())}
            | {tag: own.half for tag, own in curves.items()},
        )


def _chosen(atlas: Atlas, tags: Sequence[str]) -> list[str]:
    found = list(chosen_languages(atlas, tags)) if tags else []
    if len(found) > len(_STYLES):
        raise MmfeatError(f"{len(found)} languages are too many to tell apart; give up to four.")
    return found


def _curves(path: Path, concepts: Concepts, tags: Sequence[str]) -> dict[str, _Curve]:
    try:
        found = TypeAdapter(dict[str, _Curve]).validate_python(concepts.completeness["curves"])
        float(concepts.completeness["alive"])
        return {tag: found[tag] for tag in tags}
    except (ValidationError, KeyError, TypeError, ValueError):
        raise MmfeatError(
            f"{path} is damaged at /concepts/completeness: its curves are not understood; build "
            "the atlas again."
        ) from None


def _draw(
    curves: dict[str, _Curve],
    chosen: Sequence[str],
    x: Float[np.ndarray, "concepts"],
    has: Bool[np.ndarray, "concepts"],
    lines: Sequence[str],
    width: float,
) -> Figure:
    narrow = width < sheet.NARROW
    left, axis = 0.42, 0.42
    top = 0.12 + typeset.line(0.78) * -(-(3 + len(chosen)) // 2)
    tags = ["pictures" if tag == PICTURES else tag for tag in curves]
    label = max(typeset.wide(tag, sheet.SMALL) for tag in tags) + 0.08
    row = typeset.line(sheet.SMALL) * 1.05
    high = max(row * len(tags), 0 if narrow else _CURVE)
    wide = width - left - 2 * sheet.MARGIN if narrow else 0.45 * width - left
    begin = left if narrow else 0.45 * width + 0.15 + label
    begin = label + sheet.MARGIN if narrow else begin
    over = top + _CURVE + axis + 0.12 if narrow else top
    body = over + high + axis if narrow else top + high + axis
    figure = sheet.sheet(width, body + sheet.foot_height(lines, width))
    axes = sheet.panel(figure, left, top, wide, _CURVE if narrow else high)
    _curve_panel(axes, curves, chosen, x, has)
    gap = 0.12
    each = (width - begin - sheet.MARGIN * 2 - 2 * gap) / 3
    panels = [sheet.panel(figure, begin + at * (each + gap), over, each, high) for at in range(3)]
    _rows(panels, list(curves.values()), tags)
    sheet.foot(figure, lines)
    return figure


def _curve_panel(
    axes: Axes,
    curves: dict[str, _Curve],
    chosen: Sequence[str],
    x: Float[np.ndarray, "concepts"],
    has: Bool[np.ndarray, "concepts"],
) -> None:
    line = np.geomspace(x.min() / 1.5, 1.5 * x.max(), 200)
    for at, part in ((0.0, ~has), (1.0, has)):
        axes.plot(x[part], np.full(part.sum(), at), "|", color="0.6", markersize=4, alpha=0.7)
    thin = None
    for tag, own in curves.items():
        if tag == PICTURES or own.slope is None or own.intercept is None:
            continue
        y = _rise(own, line)
        if tag in chosen:
            style = _STYLES[chosen.index(tag)]
            axes.plot(line, y, style, color=_BLUE, linewidth=1.1, label=f"captions, {tag}")
        else:
            (thin,) = axes.plot(line, y, "-", color=_BLUE, linewidth=0.4, alpha=0.6)
    if thin is not None:
        thin.set_label("captions, each other language" if chosen else "captions, each language")
    own = curves[PICTURES]
    if own.slope is not None and own.intercept is not None:
        axes.plot(line, _rise(own, line), color=_ORANGE, linewidth=1.8, label="pictures, fit")
    order = np.argsort(x, kind="stable")
    parts = [part for part in np.array_split(order, _PARTS) if len(part)]
    share, reach = sheet.proportion(
        np.array([has[part].sum() for part in parts]), np.array([len(part) for part in parts])
    )
    axes.errorbar(
        [float(np.exp(np.log(x[part]).mean())) for part in parts], share, reach, fmt="o",
        color="0.1", markersize=3, markerfacecolor="white", markeredgewidth=0.7, linewidth=0.7,
        label="pictures, eighths", zorder=3,
    )  # fmt: skip
    sheet.logarithmic(axes.xaxis, subs=(1, 3))
    axes.set(xlim=(line[0], line[-1]), ylim=(-0.06, 1.06), ylabel="concepts with a feature, share")
    axes.set_xlabel("frequency of the concept × alive features")
    axes.legend(
        fontsize=typeset.points(0.78), frameon=False, loc="lower left", ncols=2, borderpad=0,
        bbox_to_anchor=(0.0, 1.02), borderaxespad=0, handlelength=1.6, labelspacing=0.3,
        columnspacing=1.0,
    )  # fmt: skip


def _rise(own: _Curve, x: Float[np.ndarray, "points"]) -> Float[np.ndarray, "points"]:
    assert own.slope is not None and own.intercept is not None
    return np.asarray(1 / (1 + np.exp(-np.clip(own.intercept + own.slope * np.log(x), -500, 500))))


def _rows(panels: Sequence[Axes], curves: Sequence[_Curve], tags: Sequence[str]) -> None:
    """Draw share, slope and half, a row a column of the atlas."""
    share, reach = sheet.proportion(
        np.array([own.found for own in curves]), np.array([own.labels for own in curves])
    )
    half = [own.half for own in curves if own.half is not None]
    ends = (min(half) / 10, max(half) * 10) if half else (0.1, 10.0)
    for at, own in enumerate(curves):
        style = {
            "fmt": "s" if at == 0 else "o", "color": _ORANGE if at == 0 else _BLUE,
            "markersize": 2.8, "linewidth": 0.8,
        }  # fmt: skip
        if own.labels:
            panels[0].errorbar(share[at], at, xerr=reach[:, [at]], **style)
        if own.slope is not None and own.slope_low is not None and own.slope_high is not None:
            panels[1].errorbar(
                own.slope, at, xerr=[[own.slope - own.slope_low], [own.slope_high - own.slope]],
                **style,
            )  # fmt: skip
        if own.half is not None:
            low = ends[0] if own.half_low is None else own.half_low
            high = ends[1] if own.half_high is None else own.half_high
            inside = [min(max(value, ends[0]), ends[1]) for value in (low, high)]
            panels[2].errorbar(
                own.half, at, xerr=[[own.half - inside[0]], [inside[1] - own.half]], **style
            )
            for end, beyond, mark in (
                (ends[0], low <= ends[0], "<"),
                (ends[1], high >= ends[1], ">"),
            ):
                if beyond:
                    panels[2].plot(
                        end, at, mark, color=style["color"], markersize=2.5, clip_on=False
                    )
    sheet.logarithmic(panels[2].xaxis, subs=(1,))
    panels[2].set_xlim(*ends)
    panels[0].set_xlim(0, None)
    panels[1].axvline(0, color="0.6", linewidth=0.6, zorder=0)
    for axes, text in zip(
        panels, ("share with\na feature", "slope\nof the fit", "half have\none at"), strict=True
    ):
        axes.set_xlabel(text)
        axes.set_ylim(len(tags) - 0.4, -0.6)
        step = sheet.every(len(tags), axes.get_window_extent().height / axes.figure.dpi)
        axes.set_yticks(range(0, len(tags), step), tags[::step] if axes is panels[0] else [])
        axes.grid(axis="y", color="0.92", linewidth=0.5)
        axes.set_axisbelow(True)


KIND = FigureKind(
    "Draw which concepts have a feature, by frequency, modality and language.",
    CompletenessSettings,
    draw,
)
