from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfeat.figures.grid import Grid
from mmfeat_gui.state.lasso import in_box, in_polygon

XY = np.random.default_rng(1).normal(size=(400, 2)).astype(np.float32)


def inside(x: float, y: float, polygon: list[tuple[float, float]]) -> bool:
    """Count the edges that a ray to the right crosses."""
    crossed = False
    for at in range(len(polygon)):
        (x0, y0), (x1, y1) = polygon[at - 1], polygon[at]
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            crossed = not crossed
    return crossed


def brute(xy: np.ndarray, polygon: list[tuple[float, float]]) -> list[int]:
    return [at for at, (x, y) in enumerate(xy.tolist()) if inside(x, y, polygon)]


coordinate = st.floats(-3, 3, width=32)


@given(st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=12))
def test_a_lasso_holds_what_counting_crossings_says(polygon: list[tuple[float, float]]) -> None:
    assert in_polygon(Grid(XY), polygon).tolist() == brute(XY, polygon)


def test_a_drawn_line_that_crosses_itself_is_exact_for_many_points() -> None:
    xy = np.random.default_rng(2).normal(size=(30_000, 2)).astype(np.float32)
    turns = np.linspace(0, 4 * math.pi, 300, endpoint=False)
    radius = 1 + 0.6 * np.sin(5 * turns / 2)
    polygon = list(
        zip((radius * np.cos(turns)).tolist(), (radius * np.sin(turns)).tolist(), strict=True)
    )
    found = in_polygon(Grid(xy), polygon)
    assert found.dtype == np.int64
    assert found.tolist() == brute(xy, polygon)


def test_points_on_corners_and_edges_are_of_one_side_only() -> None:
    """Two triangles that share an edge share no point, and leave none out."""
    side = np.arange(5, dtype=np.float32)
    xy = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    one, other = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0)], [(0.0, 0.0), (4.0, 4.0), (0.0, 4.0)]
    first, second = set(in_polygon(Grid(xy), one)), set(in_polygon(Grid(xy), other))
    square = set(in_polygon(Grid(xy), [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)]))
    assert not first & second
    assert first | second == square


@pytest.mark.parametrize("polygon", [[], [(0.0, 0.0)], [(0.0, 0.0), (1.0, 1.0)]])
def test_fewer_than_three_corners_hold_nothing(polygon: list[tuple[float, float]]) -> None:
    assert in_polygon(Grid(XY), polygon).tolist() == []


@given(coordinate, coordinate, coordinate, coordinate)
def test_a_box_holds_what_lies_between_its_edges(a: float, b: float, c: float, d: float) -> None:
    (x0, x1), (y0, y1) = sorted((a, b)), sorted((c, d))
    expected = [at for at, (x, y) in enumerate(XY.tolist()) if x0 <= x <= x1 and y0 <= y <= y1]
    assert in_box(Grid(XY), (x0, y0, x1, y1)).tolist() == expected


def test_what_is_left_out_of_the_grid_is_in_no_lasso() -> None:
    keep = np.arange(len(XY)) % 2 == 0
    everything = [(-9.0, -9.0), (9.0, -9.0), (9.0, 9.0), (-9.0, 9.0)]
    assert in_polygon(Grid(XY).part(keep), everything).tolist() == np.flatnonzero(keep).tolist()
