"""A picture with one feature's heat map over it, as a figure and as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from mmfeat import provenance
from mmfeat.atlas.lookup import find_item
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import fonts, heatmap, output
from mmfeat.figures.pages import title_of

SIZE = 384  # pixels of the picture's longer side
_DPI = 100
_LINE = 14  # pixels a line of the caption


def export_heatmap(
    path: Path, out: Path, feature: int, item_id: str | None = None
) -> dict[str, Any]:
    """Write a picture with a feature's heat map, and the map itself beside it.

    Colours are relative to the feature's largest activation on any patch of the atlas, so
    that pictures can be compared.

    Parameters
    ----------
    path : Path
        The atlas.
    out : Path
        A PNG. The activations go to the same name with ``.npy``: float32 [rows, columns].
    feature : int
        Index of the feature.
    item_id : str, optional
        The picture's item; without it, the one with the feature's largest activation.

    Returns
    -------
    dict
        ``out``, ``array``, ``feature``, ``item``, ``rows``, ``columns``, ``maximum`` of the
        map, and ``missing_fonts``, scripts without a font.

    Raises
    ------
    MmfeatError
        If there is no such feature or item, the atlas holds no picture or no patches of it,
        or `out` cannot be written.
    """
    extension = output.check_out(out, ("png",))
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
        record = provenance.record(
            "mmfeat export heatmap", {"feature": feature, "item": item_id}, {"atlas": path}
        )
        with output.style():
            figure = _draw(picture, [line for line in lines if line])
            output.save(figure, out, extension, _DPI, output.plain(label), record)
    array = out.with_suffix(".npy")
    with output.writing(array) as temporary, temporary.open("wb") as handle:
        np.save(handle, patches)
    return {
        "out": str(out),
        "array": str(array),
        "feature": feature,
        "item": item_id,
        "rows": patches.shape[0],
        "columns": patches.shape[1],
        "maximum": float(patches.max()),
        "missing_fonts": fonts.missing(),
    }


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
