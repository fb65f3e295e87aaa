from __future__ import annotations

import math

import numpy as np
import pytest

from mmfeat.figures import raster

VIEW = (-1.0, -2.0, 3.0, 2.0)


def paint(xy: np.ndarray, view: raster.View, size: tuple[int, int], radius: int) -> np.ndarray:
    """Paint disc after disc, pixel by pixel."""
    width, height = size
    x0, y0, x1, y1 = view
    found = np.full((height, width), -1)
    for index, (x, y) in enumerate(xy.tolist()):
        if not (math.isfinite(x) and math.isfinite(y)):
            continue
        column = math.floor((x - x0) / (x1 - x0) * width)
        row = math.floor((y1 - y) / (y1 - y0) * height)
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1):
                inside = 0 <= row + dy < height and 0 <= column + dx < width
                if dx * dx + dy * dy <= radius * (radius + 1) and inside:
                    found[row + dy, column + dx] = index
    return found


@pytest.mark.parametrize("radius", [0, 1, 2, 5])
@pytest.mark.parametrize("size", [(40, 30), (7, 50), (1, 1)])
def test_points_are_painted_as_discs_the_last_in_front(radius: int, size: tuple[int, int]) -> None:
    xy = np.random.default_rng(radius).normal(size=(300, 2)).astype(np.float32) * 2
    found = raster.winners(xy, VIEW, size, radius)
    np.testing.assert_array_equal(found, paint(xy, VIEW, size, radius))


def test_pixels_take_the_colour_of_their_point_and_are_clear_elsewhere() -> None:
    rng = np.random.default_rng(5)
    xy = rng.normal(size=(80, 2))
    colours = rng.integers(0, 256, (80, 3)).astype(np.uint8)
    image = raster.rasterise(xy, colours, VIEW, (33, 44), 2)
    winner = paint(xy, VIEW, (33, 44), 2)
    assert image.shape == (44, 33, 4)
    np.testing.assert_array_equal(image[..., 3], np.where(winner >= 0, 255, 0))
    np.testing.assert_array_equal(image[winner >= 0, :3], colours[winner[winner >= 0]])
    assert not image[winner < 0].any()


def test_up_is_up() -> None:
    found = raster.winners(np.array([[-0.9, 1.9]]), VIEW, (10, 10), 0)
    assert found[0, 0] == 0
    assert (found >= 0).sum() == 1


def test_places_that_are_not_finite_are_not_drawn() -> None:
    xy = np.array([[np.nan, 0], [0, np.inf], [1e300, -1e300], [0, 0]])
    assert set(np.unique(raster.winners(xy, VIEW, (20, 20), 1))) == {-1, 3}


def test_no_points_give_an_empty_picture() -> None:
    none = np.zeros((0, 2))
    assert not raster.rasterise(none, np.zeros((0, 3), np.uint8), VIEW, (5, 4), 1).any()
    assert raster.pick(none, VIEW, (5, 4), (2, 2), 10) == -1


def test_picking_finds_the_nearest_point() -> None:
    xy = np.random.default_rng(7).normal(size=(200, 2))
    for point in ((3.0, 8.5), (20.0, 20.0), (39.0, 0.0)):
        distances = [math.dist(((x + 1) / 4 * 40, (2 - y) / 4 * 30), point) for x, y in xy.tolist()]
        nearest = int(np.argmin(distances))
        assert raster.pick(xy, VIEW, (40, 30), point, 50) == nearest
        assert raster.pick(xy, VIEW, (40, 30), point, distances[nearest] * 1.001) == nearest
        assert raster.pick(xy, VIEW, (40, 30), point, distances[nearest] * 0.999) == -1


def test_of_points_in_one_place_the_one_in_front_is_picked() -> None:
    xy = np.array([[0.0, 0.0], [0.0, 0.0], [np.nan, 0.0]])
    assert raster.pick(xy, VIEW, (40, 40), (10, 20), 3) == 1
