"""A feature's activation on the patches of a picture, drawn over it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float, UInt8

from mmfeat.corpus.pictures import decode
from mmfeat.figures.palettes import HEAT

OPACITY = 0.8


def decode_png(data: bytes) -> UInt8[np.ndarray, "h w 3"]:
    """Decode a thumbnail to RGB pixels.

    Raises
    ------
    MmfeatError
        If the bytes are not a picture, or one of too many pixels.
    """
    return np.asarray(decode(data), np.uint8)


@lru_cache(maxsize=64)
def _weights(pixels: int, cells: int) -> Float[np.ndarray, "pixels cells"]:
    """Return the weight of each cell's centre in the colour of each pixel's centre."""
    at = np.clip((np.arange(pixels) + 0.5) * cells / pixels - 0.5, 0, cells - 1)
    low = np.minimum(at.astype(np.intp), max(cells - 2, 0))
    high = np.minimum(low + 1, cells - 1)
    found = np.zeros((pixels, cells))
    np.add.at(found, (np.arange(pixels), low), 1 - (at - low))
    np.add.at(found, (np.arange(pixels), high), at - low)
    found.flags.writeable = False
    return found


def upsample(
    patches: Float[np.ndarray, "rows columns"], height: int, width: int
) -> Float[np.ndarray, "height width"]:
    """Interpolate a map bilinearly between the centres of its patches.

    Beyond the outermost centres the nearest value holds. What is not finite counts as 0.
    """
    patches = np.nan_to_num(np.asarray(patches, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    rows, columns = patches.shape
    found: np.ndarray = _weights(height, rows) @ patches @ _weights(width, columns).T
    return found


def overlay(
    picture: UInt8[np.ndarray, "h w 3"],
    patches: Float[np.ndarray, "rows columns"],
    maximum: float,
) -> UInt8[np.ndarray, "h w 3"]:
    """Lay a map of activations over a picture.

    Parameters
    ----------
    picture : array, uint8 [h, w, 3]
    patches : array [rows, columns]
        Activation of each patch.
    maximum : float
        The activation drawn in the strongest colour, at `OPACITY`; where the activation
        is 0 the picture stays as it is.
    """
    if not (np.isfinite(maximum) and maximum > 0):
        return picture.copy()
    height, width = picture.shape[:2]
    strength = np.clip(upsample(patches, height, width) / maximum, 0, 1)
    opacity = (OPACITY * strength[..., None]).astype(np.float32)
    colours = HEAT[(strength * 255).round().astype(np.intp)]
    mixed = picture + (colours - picture.astype(np.float32)) * opacity
    return mixed.round().astype(np.uint8)


def colours() -> UInt8[np.ndarray, "256 3"]:
    """Return what `overlay` makes of white, from no activation to the largest."""
    white, activation = np.full((1, 256, 3), 255, np.uint8), np.linspace(0, 1, 256)[None]
    found: np.ndarray = overlay(white, activation, 1.0)[0]
    return found
