from __future__ import annotations

import math

import numpy as np
import pytest

from mmfeat.figures import raster
from mmfeat.figures.grid import Grid, View
from mmfeat.figures.raster import Layer

VIEW = (-1.0, -2.0, 3.0, 2.0)
SIZES = [(64, 32), (16, 128), (1, 1)]  # on which eighths of the map are exact


def dyadic(count: int, seed: int) -> np.ndarray:
    """Return places that single precision takes to exact places between the edges of pixels."""
    rng = np.random.default_rng(seed)
    return ((rng.integers(-900, 1500, (count, 2)) * 2 + 1) / 512).astype(np.float32)


def paint(
    layers: list[tuple[np.ndarray, np.ndarray, int]], view: View, size: tuple[int, int]
) -> np.ndarray:
    """Paint disc after disc, pixel by pixel; layers are places, numbers and radius."""
    width, height = size
    x0, y0, x1, y1 = view
    found = np.full((height, width), -1)
    for xy, numbers, radius in layers:
        for index, (x, y) in zip(numbers.tolist(), xy.tolist(), strict=True):
            column = math.floor((x - x0) / (x1 - x0) * width)
            row = math.floor((y1 - y) / (y1 - y0) * height)
            for dy in range(-radius, radius + 1):
                for dx in range(-radius, radius + 1):
                    inside = 0 <= row + dy < height and 0 <= column + dx < width
                    if dx * dx + dy * dy <= radius * (radius + 1) and inside:
                        found[row + dy, column + dx] = max(found[row + dy, column + dx], index)
    return found


def brute(layers: list[Layer]) -> list[tuple[np.ndarray, np.ndarray, int]]:
    found, first = [], 0
    for layer in layers:
        xy = np.stack([layer.points.x, layer.points.y], 1)
        found.append((xy, first + np.arange(len(xy)), layer.radius))
        first += len(xy)
    return found


@pytest.mark.parametrize("count", [3, 300, 4000])  # stamped one by one, and dilated
@pytest.mark.parametrize("radius", [0, 1, 2, 5])
@pytest.mark.parametrize("size", SIZES)
def test_points_are_painted_as_discs_the_last_in_front(
    count: int, radius: int, size: tuple[int, int]
) -> None:
    layers = [Layer(Grid(dyadic(count, radius)), radius)]
    winner, level = raster.draw(layers, VIEW, size)
    np.testing.assert_array_equal(winner, paint(brute(layers), VIEW, size))
    assert level is None


def test_layers_lie_in_their_order_whatever_their_dots() -> None:
    layers = [
        Layer(Grid(dyadic(count, seed)), radius)
        for seed, (count, radius) in enumerate([(200, 3), (90, 1), (300, 3), (40, 0), (2, 6)])
    ]
    winner, _ = raster.draw(layers, VIEW, (64, 32))
    np.testing.assert_array_equal(winner, paint(brute(layers), VIEW, (64, 32)))


def test_a_part_of_the_map_is_drawn_as_it_is_in_the_whole() -> None:
    layers = [Layer(Grid(dyadic(3000, 9)), 1)]
    for view in ((0.0, 0.0, 0.5, 0.25), (-0.25, -1.0, 0.25, 1.0), (40.0, 40.0, 44.0, 44.0)):
        winner, _ = raster.draw(layers, view, (64, 32))
        np.testing.assert_array_equal(winner, paint(brute(layers), view, (64, 32)))


def test_magnified_ten_thousand_times_points_stand_where_they_are() -> None:
    xy = np.random.default_rng(3).normal(size=(20_000, 2)).astype(np.float32)
    grid = Grid(xy)
    x, y = map(float, xy[5])
    view = (x - 1e-4, y - 1e-4, x + 1.5e-4, y + 1.5e-4)
    winner, _ = raster.draw([Layer(grid, 0)], view, (1000, 1000))
    at = raster.to_pixels(np.stack([grid.x, grid.y], 1), view, (1000, 1000))
    seen = np.flatnonzero(((at >= 0) & (at < 1000)).all(1))
    assert len(seen)
    for number in seen.tolist():
        column, row = np.floor(at[number]).astype(int)
        near = winner[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        assert number in near


def test_pixels_are_brighter_the_more_points_they_hold() -> None:
    xy = np.repeat([[-0.9, 1.9], [0.1, 0.1], [2.9, -1.9]], [1, 3, 40], axis=0)
    winner, level = raster.draw([Layer(Grid(xy), 0)], VIEW, (4, 4), crowd=20)
    assert level is not None
    assert level[winner < 0].tolist() == [0] * 13
    share = {1: 0.3, 3: 0.3 + 0.7 * math.log(3) / math.log(20), 40: 1.0}
    expected = [round(15 * share[count]) for count in (1, 3, 40)]
    assert [level[0, 0], level[1, 1], level[3, 3]] == expected
    # A dot is as bright as the brightest pixel it covers.
    _, wide = raster.draw([Layer(Grid(xy), 1)], VIEW, (4, 4), crowd=20)
    assert wide is not None and wide[2, 2] == 15 and wide[0, 1] == expected[1]


def test_pixels_take_the_colour_of_their_point_at_its_brightness() -> None:
    rng = np.random.default_rng(5)
    grid = Grid(dyadic(80, 5))
    codes = np.append(rng.integers(0, 3, 80), 3).astype(np.uint16)
    table = rng.integers(0, 1 << 24, (raster.LEVELS, 4)).astype(np.uint32)
    for crowd in (1.0, 4.0):
        winner, level = raster.draw([Layer(grid, 2)], VIEW, (33, 44), crowd)
        found = raster.paint(winner, level, codes, table)
        assert found.shape == (44, 33)
        for (row, column), number in np.ndenumerate(winner):
            at = raster.LEVELS - 1 if level is None else level[row, column]
            assert found[row, column] == table[at, codes[number]]


def test_however_crowded_a_map_is_it_is_drawn() -> None:
    winner, level = raster.draw([Layer(Grid(np.zeros((9, 2))), 0)], VIEW, (4, 4), crowd=1e66)
    assert level is not None and (winner >= 0).sum() == 1
    assert 0 < level.max() < raster.LEVELS - 1


def test_a_line_runs_around_the_points_in_front() -> None:
    behind, front = Grid(np.array([[0.0, 0.0], [2.0, 0.0]])), Grid(np.array([[0.0, 1.0]]))
    winner, _ = raster.draw([Layer(behind, 3), Layer(front, 2)], VIEW, (40, 40))
    found = raster.outlined(winner, 2, 2, 77)
    inside = winner >= 2
    rows, columns = np.nonzero(inside)
    for (row, column), number in np.ndenumerate(found):
        near = ((rows - row) ** 2 + (columns - column) ** 2 <= 6).any()
        expected = 77 if near and not inside[row, column] else winner[row, column]
        assert number == expected


def test_up_is_up() -> None:
    found, _ = raster.draw([Layer(Grid(np.array([[-0.9, 1.9]])), 0)], VIEW, (10, 10))
    assert found[0, 0] == 0
    assert (found >= 0).sum() == 1


def test_no_points_give_an_empty_picture() -> None:
    none = Grid(np.full((2, 2), np.nan))
    winner, _ = raster.draw([Layer(none, 1)], VIEW, (5, 4))
    assert winner.shape == (4, 5) and (winner == -1).all()
    assert (raster.draw([], VIEW, (5, 4))[0] == -1).all()
    assert raster.pick(none, VIEW, (5, 4), (2, 2), 10) == -1


def test_picking_finds_the_nearest_point() -> None:
    xy = np.random.default_rng(7).normal(size=(2000, 2)).astype(np.float32)
    grid = Grid(xy)
    places = [((x + 1) / 4 * 40, (2 - y) / 4 * 30) for x, y in xy.tolist()]
    for point in ((3.0, 8.5), (20.0, 20.0), (39.0, 0.0), (-4.0, 33.0)):
        distances = [math.dist(place, point) for place in places]
        nearest = int(np.argmin(distances))
        for reach, expected in ((50, nearest), (1.001, nearest), (0.999, -1)):
            far = reach if reach == 50 else distances[nearest] * reach
            assert raster.pick(grid, VIEW, (40, 30), point, far) == expected


def test_of_points_in_one_place_the_last_is_picked() -> None:
    xy = np.array([[0.0, 0.0], [0.5, 0.5], [0.0, 0.0], [np.nan, 0.0]])
    assert raster.pick(Grid(xy), VIEW, (40, 40), (10, 20), 3) == 2
