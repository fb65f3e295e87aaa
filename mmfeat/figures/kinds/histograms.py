"""How features are spread: over modalities, languages and firing rates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int

from mmfeat.atlas.language_table import PICTURES
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import output, palettes, sheet, typeset
from mmfeat.figures.kind import Drawing, FigureKind, FigureSettings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS = 40
_CATEGORY = palettes.COLOURINGS["shared"]
# Told apart without colours as well.
_HATCHES = ("......", "//////", "")
_HIGH = 1.25  # inches of a panel
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def draw(path: Path, settings: FigureSettings) -> Drawing:
    """Draw histograms of the modality score, of languages and of firing rates.

    Modality score and number of languages are of the features that fire at all, by whether
    they are testable and shared. Firing rates are of the features that fire in a column
    (pictures, or captions in a language): median, middle half, and from 5 to 95 %.

    Raises
    ------
    MmfeatError
        If no feature of the atlas fires.
    """
    with Atlas(path) as atlas:
        scores = atlas.features()
        rates = np.column_stack([scores["firing_rate_image"], atlas.by_language()["firing_rate"]])
        fires = np.nan_to_num(rates).max(1) > 0
        if not fires.any():
            raise MmfeatError(f"No feature of {path} fires; train its SAE anew.")
        kinds = palettes.values_of(_CATEGORY, scores).astype(np.int64)
        figure = _draw(atlas, scores, rates, fires, kinds, settings.inches)
        return Drawing(
            figure,
            f"How features of {output.plain(atlas.name) or 'an SAE'} are spread",
            {
                "features": int(fires.sum()),
                "silent": int((~fires).sum()),
                **{
                    label.replace(" ", "_"): int((kinds[fires] == at).sum())
                    for at, label in enumerate(_CATEGORY.labels)
                },
                "median_firing_rate": {
                    tag: float(np.median(own[own > 0])) if (own > 0).any() else None
                    for tag, own in zip((PICTURES, *atlas.languages), rates.T, strict=True)
                },
            },
        )


def _draw(
    atlas: Atlas,
    scores: dict[str, np.ndarray],
    rates: Float[np.ndarray, "features columns"],
    fires: Bool[np.ndarray, "features"],
    kinds: Int[np.ndarray, "features"],
    width: float,
) -> Figure:
    lines = [output.provenance_line(atlas)]
    tags = ("pictures", *atlas.languages)
    narrow = width < sheet.NARROW
    left, gap, bottom, top = 0.48, 0.52, 0.42, 0.22 if fires.all() else 0.36
    columns = 1 if narrow else 2
    wide = (width - left - sheet.MARGIN * 2 - gap * (columns - 1)) / columns
    rows = 4 // columns
    foot = sheet.foot_height(lines, width)
    figure = sheet.sheet(width, top + rows * (_HIGH + bottom + 0.1) + foot)
    panels = [
        sheet.panel(
            figure,
            left + (wide + gap) * (at % columns),
            top + (_HIGH + bottom + 0.1) * (at // columns),
            wide,
            _HIGH,
        )
        for at in range(4)
    ]
    own = kinds[fires]
    _stacked(panels[0], scores["modality_score"][fires], own, np.linspace(0, 1, BINS + 1))
    panels[0].set_xlabel("modality score (0 captions only, 1 pictures only)")
    count = scores["n_languages"][fires].astype(np.float64)
    _stacked(panels[1], count, own, np.arange(-0.5, len(atlas.languages) + 1.5))
    panels[1].set_xlabel("number of languages")
    _shared(panels[1], scores["n_shared_languages"][fires], len(atlas.languages))
    _outlines(panels[2], scores)
    _intervals(panels[3], rates, tags, wide)
    _legend(figure, own, width, int((~fires).sum()))
    sheet.foot(figure, lines)
    return figure


def _stacked(
    axes: Axes,
    values: Float[np.ndarray, "features"],
    kinds: Int[np.ndarray, "features"],
    edges: Float[np.ndarray, "bins+1"],
) -> None:
    base = np.zeros(len(edges) - 1)
    for at in (2, 1, 0):
        count = np.histogram(values[kinds == at], edges)[0]
        axes.bar(
            edges[:-1], count, np.diff(edges), bottom=base, align="edge", linewidth=0.3,
            facecolor=palettes.CATEGORIES[at] / 255, edgecolor="white", hatch=_HATCHES[at],
        )  # fmt: skip
        base += count
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylabel("features")


def _shared(axes: Axes, count: Int[np.ndarray, "features"], languages: int) -> None:
    from matplotlib.patches import Patch

    edges = np.arange(-0.5, languages + 1.5)
    line = axes.stairs(np.histogram(count, edges)[0], edges, color="0.1", linewidth=1)
    axes.set_ylim(0, 1.35 * axes.get_ylim()[1])
    bars = tuple(Patch(facecolor=palettes.CATEGORIES[at] / 255) for at in (2, 1, 0))
    _inside(axes, [bars, line], ["in which a feature fires", "in which it is shared"])


def _inside(axes: Axes, marks: Sequence[Any], texts: Sequence[str]) -> None:
    from matplotlib.legend_handler import HandlerTuple

    axes.legend(
        marks, texts, handler_map={tuple: HandlerTuple(None, 0)}, fontsize=typeset.points(0.8),
        frameon=False, loc="upper left", borderaxespad=0.1, labelspacing=0.3,
    )  # fmt: skip


def _outlines(axes: Axes, scores: dict[str, np.ndarray]) -> None:
    found = {label: scores[f"firing_rate_{of}"] for label, of in
             (("pictures", "image"), ("captions", "text"))}  # fmt: skip
    known = np.concatenate([own[own > 0] for own in found.values()])
    edges = np.geomspace(known.min(), known.max() * 1.001, BINS + 1)
    marks, texts = [], []
    for (label, own), colour, style in zip(
        found.items(), palettes.CATEGORIES[[2, 1]] / 255, ("-", "--"), strict=True
    ):
        count = np.histogram(own[own > 0], edges)[0]
        marks.append(axes.stairs(count, edges, color=colour, linestyle=style, linewidth=1))
        silent = int((~(own > 0)).sum())
        texts.append(f"on {label}" + (f" ({silent:,} features never)" if silent else ""))
    axes.set_xlim(edges[0], edges[-1])
    sheet.logarithmic(axes.xaxis)
    axes.set(xlabel="firing rate", ylabel="features", ylim=(0, 1.35 * axes.get_ylim()[1]))
    _inside(axes, marks, texts)


def _intervals(
    axes: Axes, rates: Float[np.ndarray, "features columns"], tags: Sequence[str], wide: float
) -> None:
    for at, own in enumerate(rates.T):
        known = own[own > 0]
        if not len(known):
            continue
        low, quarter, middle, most, high = np.quantile(known, _QUANTILES)
        colour = palettes.CATEGORIES[2 if at == 0 else 1] / 255
        axes.plot([at, at], [low, high], "-", color=colour, linewidth=0.7)
        axes.plot([at, at], [quarter, most], "-", color=colour, linewidth=3, solid_capstyle="butt")
        axes.plot(at, middle, "s" if at == 0 else "o", color="white", markeredgecolor="0.1",
                  markersize=3.2, markeredgewidth=0.6)  # fmt: skip
    sheet.logarithmic(axes.yaxis)
    axes.set(ylabel="firing rate", xlim=(-0.6, len(tags) - 0.4))
    step = sheet.every(len(tags), wide)
    axes.set_xticks(range(0, len(tags), step), tags[::step], rotation=90)


def _legend(
    figure: Figure,
    kinds: Int[np.ndarray, "features"],
    width: float,
    silent: int,
) -> None:
    from matplotlib.patches import Patch

    marks = [
        Patch(
            facecolor=palettes.CATEGORIES[at] / 255, edgecolor="white", linewidth=0.3,
            hatch=_HATCHES[at], label=f"{label} ({int((kinds == at).sum()):,})",
        )
        for at, label in reversed(list(enumerate(_CATEGORY.labels)))
    ]  # fmt: skip
    height = figure.get_size_inches()[1]
    figure.legend(
        handles=marks, loc="upper center", bbox_to_anchor=(0.5, 1 - 0.02 / height),
        ncols=3, frameon=False, fontsize=typeset.points(0.9), columnspacing=1.2, handletextpad=0.4,
        borderaxespad=0.0, borderpad=0.1,
    )  # fmt: skip
    if silent:
        sheet.write(
            figure, width / 2, 0.2, f"{silent:,} features that never fire are left out", 0.8,
            ha="center", color=sheet.GREY,
        )  # fmt: skip


KIND = FigureKind(
    "Draw how features are spread over modalities, languages and firing rates.",
    FigureSettings,
    draw,
)
