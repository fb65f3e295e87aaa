"""What a steered picture or text retrieves, before and after, beside controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from mmfeat.atlas.galleries import PICTURES
from mmfeat.atlas.reader import Atlas
from mmfeat.corpus.languages import is_rtl
from mmfeat.errors import MmfeatError
from mmfeat.figures import output, palettes, results, sheet, typeset
from mmfeat.figures.direction import directed
from mmfeat.figures.heatmap import decode_png
from mmfeat.figures.kind import Drawing, FigureKind, FigureSettings
from mmfeat.figures.pages import title_of
from mmfeat.figures.results import Gallery, Retrieved, Steered

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHOWN = 4  # languages whose results are drawn, where none is named
_SIDE, _CELL = 0.4, 0.52  # inches of a picture, and of a result at least
_TYPE = 0.75
_BLUE, _ORANGE = palettes.CATEGORIES[1] / 255, palettes.CATEGORIES[2] / 255
_DONE = {"ablate": "set to 0", "clamp": "set to", "add": "raised by", "scale": "times",
         "swap": "swapped to"}  # fmt: skip


class SteeringSettings(FigureSettings):
    """Options of the figure of steering."""

    result: Path = Field(description="What mmfeat steer ATLAS --json printed.")
    language: tuple[str, ...] = Field(
        (), description="Language whose results are shown; repeat for several. [the first four]"
    )


def draw(path: Path, settings: SteeringSettings) -> Drawing:
    """Draw what `mmfeat steer` found.

    Above: what is retrieved before and after, the best first. Below, for every language of
    the result: how far the items on which the features fire move up the gallery, beside
    the same change of control features, and the rank of the query's own concept.

    Raises
    ------
    MmfeatError
        If the result is none, or not of this atlas, or has no such language.
    """
    found = results.read(settings.result, Steered, "mmfeat steer")
    with Atlas(path) as atlas:
        index = _items(atlas, settings, found)
        shown = list(dict.fromkeys(settings.language)) or list(found.results)[:_SHOWN]
        for tag in shown:
            if tag not in found.results:
                raise MmfeatError(
                    f"{settings.result} has no results in {tag!r}; choose from "
                    f"{', '.join(found.results)}."
                )
        figure = _draw(atlas, found, shown, index, settings.inches)
        return Drawing(
            figure,
            f"Steering of {output.plain(found.query)}",
            {
                "features": found.features,
                "shown": shown,
                "p": {tag: own.towards.p for tag, own in found.results.items()},
            },
        )


def _items(atlas: Atlas, settings: SteeringSettings, found: Steered) -> dict[str, int]:
    """Return items by id; whatever the result names must be in the atlas."""
    index = {item: at for at, item in enumerate(atlas.items().item_id)}
    named = {one.item_id for own in found.results.values() for one in (*own.before, *own.after)}
    known = {*atlas.languages, PICTURES}
    strange = [f"item {item!r}" for item in sorted(named - index.keys())]
    strange += [f"feature {at}" for at in found.features if at >= atlas.d_sae]
    strange += [f"language {tag!r}" for tag in found.results if tag not in known]
    if strange:
        raise MmfeatError(
            f"{settings.result} names {strange[0][:100]}, which {atlas.path} does not have; "
            "steer with this atlas."
        )
    return index


def _draw(
    atlas: Atlas, found: Steered, shown: Sequence[str], index: Mapping[str, int], width: float
) -> Figure:
    narrow = width < sheet.NARROW
    lines = [output.plain(atlas.attribution), output.provenance_line(atlas)]
    lines = [line for line in lines if line]
    label = 0.06 + max(typeset.wide(tag, 0.9) for tag in [*found.results, "before"])
    rows = _SIDE + 2 * typeset.line(0.72) + 0.06
    head = _SIDE + 0.12
    block = 2 * rows + typeset.line(0.9) + 0.04
    columns = 1 if narrow else min(2, len(shown))
    over = head + block * -(-len(shown) // columns) + 0.04
    row = 0.17
    under = over + 2.4 * typeset.line(_TYPE)
    bottom = under + row * len(found.results) + (0.5 if narrow else 0.42)
    figure = sheet.sheet(width, bottom + sheet.foot_height(lines, width))
    _heading(figure, atlas, found, index)
    half = (width - sheet.MARGIN) / columns
    across = half - label - sheet.MARGIN
    most = max(max(len(own.before), len(own.after), 1) for own in found.results.values())
    fit = max(1, min(most, int(across / _CELL)))
    for at, tag in enumerate(shown):
        x, y = sheet.MARGIN + half * (at % columns), head + block * (at // columns)
        sheet.write(figure, x, y, tag, 0.9)
        y += typeset.line(0.9)
        for when, own in (
            ("before", found.results[tag].before), ("after", found.results[tag].after)
        ):  # fmt: skip
            sheet.write(figure, x, y + _SIDE / 2, when, _TYPE, va="center", color=sheet.GREY)
            for place, one in enumerate(own[:fit]):
                where = x + label + across / fit * place, y, across / fit
                _result(figure, atlas, one, index[one.item_id], where, tag)
            y += rows
    _controls(figure, found.results, under, row, label)
    sheet.foot(figure, lines)
    return figure


def _heading(figure: Figure, atlas: Atlas, found: Steered, index: Mapping[str, int]) -> None:
    """Write what is steered and how, beside its picture if it is an item's."""
    width, x, query = float(figure.get_size_inches()[0]), sheet.MARGIN, found.query
    item = index.get(found.query) if PICTURES not in found.results else None
    if item is not None:
        sheet.picture(figure, x, 0.04, _SIDE, _pixels(atlas, item))
        x += _SIDE + 0.08
        captions = {one.language: one.text for one in reversed(atlas.captions_of(item))}
        query = f"{captions.get('en', next(iter(captions.values()), ''))} ({query})"
    own = [
        f"{title} ({feature})" if title != f"feature {feature}" else title
        for feature in found.features
        for title in [output.plain(title_of(atlas.names(feature), feature))]
    ]
    values = " ".join(f"{value:.3g}" for value in found.change.values[:3])
    before = " ".join(f"{value:.3g}" for value in found.activation[:3])
    done = f"{_DONE.get(found.change.kind, output.plain(found.change.kind))} {values}".strip()
    what = "picture" if PICTURES not in found.results else "text"
    texts = [
        (f"{what}: {output.plain(query)}", 1.0, "0"),
        (", ".join(own), 1.0, "0"),
        (f"{done}; activation before: {before}", 0.85, sheet.GREY),
    ]
    for at, (text, factor, colour) in enumerate(texts):
        shown = typeset.clip(text, width - x - sheet.MARGIN, factor)
        sheet.write(figure, x, 0.04 + at * typeset.line(1.0), shown, factor, color=colour)


def _pixels(atlas: Atlas, item: int) -> Any:
    thumbnail = atlas.thumbnail(item)
    return None if thumbnail is None else decode_png(thumbnail)


def _result(
    figure: Figure,
    atlas: Atlas,
    one: Retrieved,
    item: int,
    place: tuple[float, float, float],
    tag: str,
) -> None:
    """Draw a result: the picture, the text in its language, and the cosine."""
    x, y, across = place
    middle = x + across / 2
    sheet.picture(figure, middle - _SIDE / 2, y, _SIDE, _pixels(atlas, item))
    text = output.plain(one.text) or output.plain(one.item_id)
    rtl = tag != PICTURES and is_rtl(tag)
    shown = directed(typeset.clip(text, across - 0.05, 0.72), rtl)
    sheet.write(figure, middle, y + _SIDE + 0.02, shown, 0.72, ha="center")
    under = y + _SIDE + 0.02 + typeset.line(0.72)
    sheet.write(figure, middle, under, f"{one.cosine:.2f}", 0.72, ha="center", color=sheet.GREY)


def _controls(
    figure: Figure, galleries: Mapping[str, Gallery], top: float, row: float, label: float
) -> None:
    """Draw how far the items of the features move, beside the same change of controls."""
    width = float(figure.get_size_inches()[0])
    left = sheet.MARGIN + label
    ranked = any(own.own_before and own.own_after for own in galleries.values())
    beside = 0.4 + (0.7 if ranked else 0.0)
    axes = sheet.panel(
        figure, left, top, width - left - beside - 2 * sheet.MARGIN, row * len(galleries)
    )
    axes.set(ylim=(len(galleries) - 0.5, -0.5), yticks=[])
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color="0.6", linewidth=0.6, zorder=0)
    right = width - sheet.MARGIN
    heads = [("p", right - beside + 0.4)] + ([("own rank", right)] if ranked else [])
    for text, x in heads:
        sheet.write(figure, x, top - 0.02, text, _TYPE, ha="right", va="bottom", color=sheet.GREY)
    for at, (tag, own) in enumerate(galleries.items()):
        y = top + row * (at + 0.5)
        sheet.write(figure, left - 0.06, y, tag, sheet.SMALL, ha="right", va="center")
        p = "–" if own.towards.p is None else f"{own.towards.p:.2g}"
        sheet.write(figure, heads[0][1], y, p, _TYPE, ha="right", va="center")
        if own.own_before and own.own_after:
            ranks = f"{own.own_before.rank:,} → {own.own_after.rank:,}"
            sheet.write(figure, right, y, ranks, _TYPE, ha="right", va="center")
        _row(axes, own, at)
    axes.margins(x=0.05)
    narrow = width < sheet.NARROW
    axes.set_xlabel(
        "change of the share of the gallery that stands\nbehind what the features fire on"
        if narrow
        else "change of the share of the gallery that stands behind what the features fire on"
    )
    _legend(figure, left, top, max(len(own.towards.controls) for own in galleries.values()))


def _row(axes: Axes, own: Gallery, at: int) -> None:
    controls = np.array(own.towards.controls)
    if len(controls):
        low, high = np.quantile(controls, (0.025, 0.975))
        axes.plot([low, high], [at, at], "-", color="0.8", linewidth=4, solid_capstyle="butt")
        axes.plot(controls, np.full(len(controls), at), "|", color="0.55", markersize=3,
                  markeredgewidth=0.4)  # fmt: skip
    for value, mark, colour, size in (
        (own.towards.difference_of_means, "s", _ORANGE, 3.2),
        (own.towards.change, "D", _BLUE, 3.6),
    ):
        if value is not None:
            axes.plot(value, at, mark, color=colour, markersize=size, markeredgecolor="0.1",
                      markeredgewidth=0.4, zorder=4)  # fmt: skip


def _legend(figure: Figure, left: float, top: float, controls: int) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    width, height = figure.get_size_inches()
    marks: list[Any] = [
        Line2D([], [], linestyle="", marker=mark, color=colour, markersize=3.4,
               markeredgecolor="0.1", markeredgewidth=0.4, label=label)
        for mark, colour, label in (
            ("D", _BLUE, "the features"), ("s", _ORANGE, "difference of means"),
        )
    ]  # fmt: skip
    marks.append(Patch(color="0.8", label=f"{controls} controls, middle 95 %"))
    figure.legend(
        handles=marks, loc="lower left", ncols=3, frameon=False, fontsize=typeset.points(_TYPE),
        bbox_to_anchor=(left / width, 1 - (top - 1.2 * typeset.line(_TYPE)) / height), borderpad=0,
        borderaxespad=0, handletextpad=0.4, columnspacing=1.0, handlelength=1.2,
    )  # fmt: skip


KIND = FigureKind(
    "Draw what a steered picture or text retrieves, beside controls.", SteeringSettings, draw
)
