from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from mmfeat.errors import MmfeatError
from mmfeat.figures import heatmap
from mmfeat.figures.palettes import heat


def bilinear(patches: np.ndarray, height: int, width: int) -> np.ndarray:
    """Interpolate pixel by pixel between the centres of the patches, in float64."""
    rows, columns = patches.shape
    found = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            v = min(max((y + 0.5) * rows / height - 0.5, 0.0), rows - 1.0)
            u = min(max((x + 0.5) * columns / width - 0.5, 0.0), columns - 1.0)
            top, left = int(v), int(u)
            below, right = min(top + 1, rows - 1), min(left + 1, columns - 1)
            dv, du = v - top, u - left
            found[y, x] = (
                (1 - dv) * (1 - du) * patches[top, left]
                + (1 - dv) * du * patches[top, right]
                + dv * (1 - du) * patches[below, left]
                + dv * du * patches[below, right]
            )
    return found


@pytest.mark.parametrize(
    ("shape", "size"), [((7, 7), (96, 96)), ((3, 5), (64, 31)), ((1, 1), (8, 9)), ((1, 4), (5, 3))]
)
def test_upsampling_is_bilinear(shape: tuple[int, int], size: tuple[int, int]) -> None:
    patches = np.random.default_rng(0).random(shape)
    found = heatmap.upsample(patches, *size)
    np.testing.assert_allclose(found, bilinear(patches, *size), atol=1e-12)


def test_overlay_mixes_picture_and_heat_by_activation() -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (40, 30, 3)).astype(np.uint8)
    patches = rng.random((4, 3)).astype(np.float32) * 3
    found = heatmap.overlay(picture, patches, 2.0)
    strength = np.clip(bilinear(patches.astype(np.float64), 40, 30) / 2, 0, 1)
    for y in range(0, 40, 7):
        for x in range(0, 30, 5):
            colour = heat(strength[y, x : x + 1])[0].astype(np.float64)
            share = heatmap.OPACITY * strength[y, x]
            expected = (1 - share) * picture[y, x] + share * colour
            # A palette entry may round the other way.
            np.testing.assert_allclose(found[y, x], expected, atol=3)
    assert found.dtype == np.uint8


def test_a_picture_where_nothing_fires_stays_as_it_is() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (9, 9, 3)).astype(np.uint8)
    np.testing.assert_array_equal(heatmap.overlay(picture, np.zeros((3, 3)), 1.0), picture)


@pytest.mark.parametrize("maximum", [0.0, -1.0, float("nan"), float("inf")])
def test_a_maximum_that_is_none_draws_nothing(maximum: float) -> None:
    picture = np.full((4, 4, 3), 7, np.uint8)
    found = heatmap.overlay(picture, np.ones((2, 2)), maximum)
    np.testing.assert_array_equal(found, picture)
    assert found is not picture


def test_activations_that_are_not_finite_count_as_none() -> None:
    picture = np.full((4, 4, 3), 7, np.uint8)
    found = heatmap.overlay(picture, np.array([[np.nan, np.inf]]), 1.0)
    np.testing.assert_array_equal(found, picture)


def test_the_strongest_patch_has_the_strongest_colour() -> None:
    white = np.full((20, 20, 3), 255, np.uint8)
    found = heatmap.overlay(white, np.array([[0.0, 0.0], [0.0, 5.0]]), 5.0)
    darkest = np.unravel_index(found.sum(axis=2).argmin(), (20, 20))
    assert darkest[0] >= 14
    assert darkest[1] >= 14


def test_a_png_is_decoded_to_its_pixels() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (5, 6, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    np.testing.assert_array_equal(heatmap.decode_png(buffer.getvalue()), pixels)


@pytest.mark.parametrize("data", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_bytes_that_are_no_picture_are_refused(data: bytes) -> None:
    with pytest.raises(MmfeatError):
        heatmap.decode_png(data)
