"""A picture with one feature's heat map over it, as a figure and as numbers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, UInt8
from pydantic import Field

from mmfeat.atlas.lookup import find_item
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import output, pictures, sheet, typeset
from mmfeat.figures.kind import Drawing, FigureKind, FigureSettings
from mmfeat.figures.pages import title_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_KEY = "activation"


class HeatmapSettings(FigureSettings):
    """Options of a heat map."""

    feature: int = Field(description="Index of the feature.")
    item: str | None = Field(
        None, description="Id of the item. [where the feature's largest activation is]"
    )


def draw(path: Path, settings: HeatmapSettings) -> Drawing:
    """Draw a picture with a feature's heat map; the map itself goes beside it as ``.npy``.

    Colours are relative to the feature's largest activation on any patch of the atlas, so
    that pictures can be compared. The array is float32 [rows, columns].

    Raises
    ------
    MmfeatError
        If there is no such feature or item, or the atlas holds no picture or no patches of it.
    """
    feature, item_id = settings.feature, settings.item
    with Atlas(path) as atlas:
        names = atlas.names(feature)
        item = _top(atlas, feature) if item_id is None else find_item(atlas, item_id)
        item_id = atlas.items().item_id[item]
        patches = atlas.patch_map(feature, item)
        if patches is None:
            raise MmfeatError(
                f"{path} has no patches of item {item_id!r}; extract the stream image.patch and "
                "build the atlas again."
            )
        thumbnail = atlas.thumbnail(item)
        if thumbnail is None:
            raise MmfeatError(
                f"{path} holds no picture of item {item_id!r}; build the atlas with thumbnails."
            )
        strongest = atlas.largest_code("image.patch", feature)
        side = round((settings.inches - 2 * sheet.MARGIN) * settings.dpi)
        picture = pictures.heated(thumbnail, patches, strongest, side)
        name = title_of(names, feature)
        number = f"feature {feature}"
        label = output.plain(number if name == number else f"{number}: {name}")
        lines = [f"item {output.plain(item_id)}", f"up to {patches.max():.3g} here"]
        foot = [output.plain(atlas.attribution), output.provenance_line(atlas)]

    return Drawing(
        _draw(settings, picture, label, lines, strongest, [line for line in foot if line]),
        label,
        {
            "feature": feature,
            "item": item_id,
            "rows": patches.shape[0],
            "columns": patches.shape[1],
            "maximum": float(patches.max()),
        },
        {".npy": lambda out: _write(out, patches)},
    )


def _top(atlas: Atlas, feature: int) -> int:
    examples = atlas.image_examples(feature)
    if not examples:
        raise MmfeatError(
            f"Feature {feature} of {atlas.path} fires for no picture; name one with --item."
        )
    return examples[0].item


def _write(out: Path, patches: Float32[np.ndarray, "rows columns"]) -> None:
    with out.open("wb") as handle:
        np.save(handle, patches)


def _draw(
    settings: HeatmapSettings,
    picture: UInt8[np.ndarray, "h w 3"],
    label: str,
    lines: list[str],
    strongest: float,
    foot: list[str],
) -> Figure:
    width, dpi = settings.inches, settings.dpi
    inner = width - 2 * sheet.MARGIN
    title = typeset.fold(label, inner, 1.0, most=2)
    under = sheet.MARGIN + picture.shape[0] / dpi + 0.06
    below = under + typeset.line() * len(title)
    height = below + typeset.line(0.85) * len(lines) + sheet.foot_height(foot, width) + 0.03
    # Whole pixels, or the picture would be resampled.
    figure = sheet.sheet(width, math.ceil(height * dpi) / dpi)
    pictures.place(figure, (width - picture.shape[1] / dpi) / 2, sheet.MARGIN, picture, dpi)
    for at, line in enumerate(title):
        sheet.write(figure, sheet.MARGIN, under + at * typeset.line(), line)
    key = pictures.key_width(_KEY, strongest)
    for at, line in enumerate(lines):
        free = inner - (key + 0.1 if at == len(lines) - 1 else 0.0)
        shown = typeset.clip(line, free, 0.85)
        y = below + at * typeset.line(0.85)
        sheet.write(figure, sheet.MARGIN, y, shown, 0.85, color=sheet.GREY)
    y = below + (len(lines) - 1) * typeset.line(0.85)
    pictures.key(figure, width - sheet.MARGIN, y, _KEY, strongest)
    sheet.foot(figure, foot)
    return figure


KIND = FigureKind("Draw where in a picture a feature fires.", HeatmapSettings, draw)
