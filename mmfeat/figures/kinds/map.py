"""The map of features as a figure for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import output, palettes
from mmfeat.figures.kind import Drawing, FigureKind, FigureSettings
from mmfeat.figures.palettes import COLOURINGS, Colouring

RASTER_ABOVE = 20_000  # points past which vector files grow slow to open


class MapSettings(FigureSettings):
    """Options of the map."""

    colour: str = Field(
        "modality_score", description=f"What features are coloured by: {', '.join(COLOURINGS)}."
    )
    only_shared: bool = Field(False, description="Leave out features that are not shared.")

    @field_validator("colour")
    @classmethod
    def _known(cls, colour: str) -> str:
        palettes.colouring(colour)
        return colour


def draw(path: Path, settings: MapSettings) -> Drawing:
    """Draw the map of an atlas's features.

    In vector files text is text, and more than `RASTER_ABOVE` points are drawn as pixels.

    Raises
    ------
    MmfeatError
        If the atlas has no map, or no feature on it.
    """
    chosen = palettes.colouring(settings.colour)
    with Atlas(path) as atlas:
        xy = atlas.map()
        if xy is None:
            raise MmfeatError(f"{path} has no map yet; run mmfeat map {path} first.")
        features = atlas.features()
        kept = np.isfinite(xy).all(1)
        if settings.only_shared:
            kept &= np.asarray(features["shared"], bool)
        if not kept.any():
            what = "shared feature" if settings.only_shared else "feature"
            raise MmfeatError(f"{path} has no {what} on its map; there is nothing to draw.")
        values = palettes.values_of(chosen, features)[kept]
        return Drawing(
            _draw(atlas, xy[kept], values, chosen, settings.inches),
            f"Features of {output.plain(atlas.name) or 'an SAE'}",
            {"features": int(kept.sum()), "left_out": int((~kept).sum())},
        )


def _draw(
    atlas: Atlas,
    xy: np.ndarray,
    values: np.ndarray,
    chosen: Colouring,
    width: float,
) -> Any:
    from matplotlib.figure import Figure

    foot, head = 0.22, 0.42  # inches for provenance and for the key to the colours
    height = foot + head + 0.8 * width
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0.02, foot / height, 0.96, 0.8 * width / height))
    axes.set_axis_off()
    # Shared features last, so that they are not hidden by the many others.
    order = np.argsort(values, kind="stable") if chosen.kind == "category" else slice(None)
    xy, values = xy[order], values[order]
    colours = palettes.colour_values(chosen, values, len(atlas.languages))
    axes.scatter(
        xy[:, 0],
        xy[:, 1],
        c=colours / 255,
        s=float(np.clip(370 * width**2 / len(xy), 0.3, 2.7 * width)),
        linewidths=0,
        rasterized=len(xy) > RASTER_ABOVE,
    )
    axes.set_aspect("equal", adjustable="datalim")
    if chosen.kind == "category":
        _legend(figure, chosen, values, height)
    else:
        _colour_bar(figure, chosen, len(atlas.languages), width, height, head)
    line = output.provenance_line(atlas)
    figure.text(
        0.02, 0.06 / height, line, fontsize=output.fit(line, width, 5.0), color="0.35", va="bottom"
    )
    return figure


def _legend(figure: Any, chosen: Colouring, values: np.ndarray, height: float) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D(
            [],
            [],
            linestyle="",
            marker="o",
            markersize=4,
            color=palettes.CATEGORIES[index] / 255,
            label=f"{label} ({int((values == index).sum()):,})",
        )
        for index, label in enumerate(chosen.labels)
    ]
    figure.legend(
        handles=marks[::-1],
        loc="upper center",
        bbox_to_anchor=(0.5, 1 - 0.02 / height),
        ncols=len(marks),
        frameon=False,
        handletextpad=0.1,
        columnspacing=1.0,
    )


def _colour_bar(
    figure: Any, chosen: Colouring, n_languages: int, width: float, height: float, head: float
) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, LogNorm, Normalize
    from matplotlib.ticker import FuncFormatter

    low, high = palettes.bounds(chosen, n_languages)
    table = palettes.DIVERGING if chosen.kind == "diverging" else palettes.SEQUENTIAL
    axes = figure.add_axes((0.2, 1 - 0.2 / height, 0.6, 0.07 / height))
    norm = LogNorm(low, high) if chosen.kind == "log" else Normalize(low, high)
    bar = figure.colorbar(
        ScalarMappable(norm, ListedColormap(table / 255)), cax=axes, orientation="horizontal"
    )
    bar.outline.set_visible(False)
    bar.minorticks_off()
    bar.formatter = FuncFormatter(lambda value, position: f"{value:g}")
    axes.tick_params(labelsize=6, length=2, width=0.5, pad=1)
    axes.set_title(chosen.label, fontsize=7, pad=2)
    if chosen.key == "n_languages":
        bar.set_ticks(np.unique(np.linspace(low, high, 4).round()))


KIND = FigureKind("Draw the map of features.", MapSettings, draw)
