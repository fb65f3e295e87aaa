"""Pictures in figures: enlarged to the pixels that are printed, with heat maps and their key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, UInt8

from mmfeat.figures import heatmap, sheet, typeset

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mmfeat.atlas.reader import Atlas

_ACROSS = 0.6  # inches of the bar of a key
_OFF = 0.04  # inches between its bar and its numbers
_TYPE = 0.72


def enlarge(picture: UInt8[np.ndarray, "h w 3"], side: int) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Return a picture resampled so that its longer side has so many pixels."""
    from PIL import Image

    height, width = picture.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def heated(
    thumbnail: bytes,
    patches: Float32[np.ndarray, "rows columns"] | None,
    largest: float,
    side: int,
) -> UInt8[np.ndarray, "h w 3"]:
    """Return a picture of so many pixels, under its heat map where it has one.

    Raises
    ------
    MmfeatError
        If the bytes are no picture.
    """
    picture = enlarge(heatmap.decode_png(thumbnail), side)
    return picture if patches is None else heatmap.overlay(picture, patches, largest)


def place(
    figure: Figure, x: float, y: float, picture: UInt8[np.ndarray, "h w 3"], dpi: int
) -> Axes:
    """Draw a picture pixel for pixel, its top left corner so many inches from the left and top.

    It stands on whole pixels, so that none is resampled in a figure of `dpi`.
    """
    height, width = picture.shape[:2]
    wide, high = figure.get_size_inches() * dpi
    left, below = round(x * dpi), round(high - y * dpi) - height
    axes = figure.add_axes((left / wide, below / high, width / wide, height / high))
    axes.set_axis_off()
    axes.imshow(picture, interpolation="none", aspect="auto")
    return axes


def missing(figure: Figure, x: float, y: float, side: float, text: str = "–") -> None:
    """Draw a frame for a picture that there is not."""
    axes = sheet.panel(figure, x, y, side, side)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color="0.8")
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=sheet.GREY)


def key(
    figure: Figure,
    right: float,
    y: float,
    text: str,
    largest: float,
    colours: UInt8[np.ndarray, "n 3"] | None = None,
) -> None:
    """Draw what colours stand for, from 0 to the largest activation, on a line that ends here.

    Without `colours`, they are those of heat maps.
    """
    step, most = typeset.line(_TYPE), f"{largest:.3g}"
    left = right - typeset.wide(most, _TYPE) - _OFF - _ACROSS
    axes = sheet.panel(figure, left, y + 0.2 * step, _ACROSS, 0.6 * step)
    axes.set_axis_off()
    shown = heatmap.colours() if colours is None else colours
    axes.imshow(shown[None], aspect="auto", interpolation="none")
    zero = left - _OFF - typeset.wide("0", _TYPE)
    for at, own in ((right, most), (left - _OFF, "0"), (zero - 2 * _OFF, text)):
        sheet.write(figure, at, y, own, _TYPE, ha="right", color=sheet.GREY)


def key_width(text: str, largest: float) -> float:
    """Return the inches that `key` takes."""
    words = sum(typeset.wide(own, _TYPE) for own in (text, "0", f"{largest:.3g}"))
    return words + _ACROSS + 4 * _OFF


def strongest(atlas: Atlas, feature: int) -> bytes | None:
    """Return the picture on which a feature fires most; None where there is none."""
    examples = atlas.image_examples(feature)[:1]
    return atlas.thumbnail(examples[0].item) if examples else None
