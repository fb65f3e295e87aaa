from __future__ import annotations

import numpy as np
import pytest

from mmfeat.figures.grid import SIDE, Grid


def cloud(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(count, 2)) * [3, 1] + [100, -7]).astype(np.float32)


def test_every_point_with_a_place_lies_in_the_grid_once() -> None:
    xy = cloud(5000)
    xy[[3, 77]] = np.nan
    xy[4321, 1] = np.inf
    grid = Grid(xy)
    assert grid.size == 5000 and len(grid) == 4997
    assert sorted(grid.index.tolist()) == sorted(set(range(5000)) - {3, 77, 4321})
    np.testing.assert_array_equal(np.stack([grid.x, grid.y], 1), xy[grid.index])


def test_cells_follow_each_other_in_rows_and_keep_the_order_of_their_points() -> None:
    grid = Grid(cloud(20_000, 1))
    assert grid.start[0] == 0 and grid.start[-1] == len(grid)
    assert len(grid.start) == SIDE * SIDE + 1
    for cell in np.flatnonzero(np.diff(grid.start))[::7].tolist():
        own = slice(grid.start[cell], grid.start[cell + 1])
        row, column = divmod(cell, SIDE)
        for values, at, axis in ((grid.x[own], column, 0), (grid.y[own], row, 1)):
            edge = grid.low[axis] + grid.step[axis] * np.array([at, at + 1])
            slack = 1e-3 * grid.step[axis]
            assert (values >= edge[0] - slack).all() and (values <= edge[1] + slack).all()
        assert (np.diff(grid.index[own]) > 0).all()


@pytest.mark.parametrize("seed", range(6))
def test_a_rectangle_finds_all_points_in_it(seed: int) -> None:
    xy = cloud(8000, seed)
    grid = Grid(xy)
    rng = np.random.default_rng(seed)
    for share in (2.0, 0.4, 0.01, 1e-5):
        middle = xy[rng.integers(len(xy))].astype(np.float64)
        half = np.array([9, 3]) * share
        (x0, y0), (x1, y1) = middle - half, middle + half
        inside = (xy[:, 0] >= x0) & (xy[:, 0] <= x1) & (xy[:, 1] >= y0) & (xy[:, 1] <= y1)
        runs = grid.seen((x0, y0, x1, y1))
        found = np.concatenate([grid.index[run] for run in runs])
        assert len(set(found.tolist())) == len(found)
        assert set(np.flatnonzero(inside).tolist()) <= set(found.tolist())
        rows = grid.index[grid.rows(y0, y1)]
        assert set(np.flatnonzero((xy[:, 1] >= y0) & (xy[:, 1] <= y1)).tolist()) <= set(rows)
    # Near by, most points are not touched.
    assert len(found) < len(xy) / 10


def test_a_rectangle_beside_all_points_is_allowed() -> None:
    grid = Grid(cloud(100))
    far = grid.seen((1e6, 1e6, 2e6, 2e6))
    assert sum(run.stop - run.start for run in far) <= len(grid)
    assert sum(run.stop - run.start for run in Grid(np.zeros((0, 2))).seen((0, 0, 1, 1))) == 0


def test_a_part_keeps_cells_and_numbers() -> None:
    xy = cloud(3000, 5)
    grid, keep = Grid(xy), np.arange(3000) % 3 == 0
    part = grid.part(keep)
    assert part.size == 3000
    assert sorted(part.index.tolist()) == np.flatnonzero(keep).tolist()
    np.testing.assert_array_equal(np.stack([part.x, part.y], 1), xy[part.index])
    for cell in range(0, SIDE * SIDE, 997):
        whole = grid.index[grid.start[cell] : grid.start[cell + 1]]
        own = part.index[part.start[cell] : part.start[cell + 1]]
        np.testing.assert_array_equal(own, whole[keep[whole]])
    assert grid.part(np.ones(3000, bool)) is grid
    assert len(grid.part(np.zeros(3000, bool))) == 0


def test_a_point_knows_its_place() -> None:
    xy = cloud(50)
    xy[7] = np.nan
    grid = Grid(xy)
    assert grid.place(12) == tuple(map(float, xy[12]))
    assert grid.place(7) is None and grid.place(99) is None


@pytest.mark.parametrize(
    "xy", [np.zeros((0, 2)), np.zeros((1, 2)), np.full((4, 2), 3.5), np.full((3, 2), np.nan)]
)
def test_maps_without_extent_are_grids_too(xy: np.ndarray) -> None:
    grid = Grid(xy)
    assert grid.size == len(xy)
    assert len(grid) == np.isfinite(xy).all(axis=1).sum()


def test_places_past_all_measure_lie_nowhere_and_tiny_maps_are_maps() -> None:
    xy = np.array([[1e300, 0.0], [-3e38, 1.0], [0.5, 1e31], [1e-44, 2e-44], [0.0, 0.0]])
    grid = Grid(xy)
    assert sorted(grid.index.tolist()) == [3, 4]
    assert np.isfinite(grid.step).all() and (grid.step > 0).all()
