"""A picture with one feature's heat map over it, as a figure and as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from pydantic import Field

from mmfeat.atlas.lookup import find_item
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import heatmap, output
from mmfeat.figures.kind import Drawing, FigureKind, FigureSettings
from mmfeat.figures.pages import title_of

SIZE = 384  # pixels of the picture's longer side
_DPI = 100
_LINE = 14  # pixels a line of the caption


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
        picture = heatmap.overlay(_enlarge(heatmap.decode_png(thumbnail)), patches, strongest)
        name = title_of(names, feature)
        label = (
            f"feature {feature}" if name == f"feature {feature}" else f"feature {feature}: {name}"
        )
        lines = [
            f"{output.plain(label)} · item {output.plain(item_id)}",
            f"activation {patches.max():.3g} of {strongest:.3g}",
            output.plain(atlas.attribution),
            output.provenance_line(atlas),
        ]

    def array(out: Path) -> None:
        with out.open("wb") as handle:
            np.save(handle, patches)

    return Drawing(
        _draw(picture, [line for line in lines if line]),
        output.plain(label),
        {
            "feature": feature,
            "item": item_id,
            "rows": patches.shape[0],
            "columns": patches.shape[1],
            "maximum": float(patches.max()),
        },
        {".npy": array},
    )


def _top(atlas: Atlas, feature: int) -> int:
    examples = atlas.image_examples(feature)
    if not examples:
        raise MmfeatError(
            f"Feature {feature} of {atlas.path} fires for no picture; name one with --item."
        )
    return examples[0].item


def _enlarge(picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    from PIL import Image

    height, width = picture.shape[:2]
    scale = SIZE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def _draw(picture: UInt8[np.ndarray, "h w 3"], lines: list[str]) -> Any:
    from matplotlib.figure import Figure

    height, width = picture.shape[:2]
    foot = _LINE * len(lines) + 6
    total, wide = height + foot, max(width, SIZE)
    figure = Figure(figsize=(wide / _DPI, total / _DPI), dpi=_DPI)
    # Pixel for pixel, not resampled.
    figure.figimage(picture, (wide - width) // 2, foot)
    for index, line in enumerate(lines):
        size = output.fit(line, wide / _DPI, 7.0 if index < 2 else 5.5)
        y = (foot - 4 - _LINE * index) / total
        figure.text(0.02, y, line, fontsize=size, va="top", color="0" if index < 2 else "0.35")
    return figure


KIND = FigureKind("Draw where in a picture a feature fires.", HeatmapSettings, draw)
