from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfeat.figures.raster import to_pixels
from mmfeat_gui.state.viewport import Viewport

SIZE = (400, 300)
XY = np.array([[-2.0, 1.0], [6.0, 3.0], [np.nan, 0.0]])
coordinates = st.floats(-1e3, 1e3)


def test_everything_is_in_view_and_units_are_square() -> None:
    view = Viewport.around(XY, SIZE)
    assert view.x0 < -2 and view.x1 > 6 and view.y0 < 1 and view.y1 > 3
    assert (view.x1 - view.x0) / SIZE[0] == pytest.approx((view.y1 - view.y0) / SIZE[1])


def test_one_point_or_none_still_gives_a_view() -> None:
    for xy in (np.zeros((1, 2)), np.zeros((0, 2)), np.full((2, 2), np.nan)):
        view = Viewport.around(xy, SIZE)
        assert view.x1 > view.x0 and view.y1 > view.y0


@pytest.mark.parametrize("place", [1e12, 9e29, -9e29])
def test_a_view_of_one_far_point_can_be_magnified(place: float) -> None:
    view = whole = Viewport.around(np.full((3, 2), place), SIZE)
    for _ in range(60):
        view = view.zoomed(1.5, (200, 150), SIZE, whole)
        assert view.x1 > view.x0 and view.y1 > view.y0
        assert np.isfinite(view.to_data((10, 10), SIZE)).all()
    assert view.to_screen((place, place), SIZE) == pytest.approx((200, 150), abs=1)


def test_views_that_no_map_can_have_shown_do_not_fit() -> None:
    whole = Viewport.around(XY, SIZE)
    view = whole
    for _ in range(200):
        assert view.fits(whole)
        view = view.zoomed(1.2, (30, 40), SIZE, whole)
    assert view.resized(SIZE, (20, 2000)).fitted((1, 1)).fits(whole)
    assert whole.panned(50_000, -50_000, SIZE).fits(whole)
    nan, inf = float("nan"), float("inf")
    for bounds in (
        (nan, 0, 1, 1),
        (-inf, -inf, inf, inf),
        (1e300, 0, 1.1e300, 1),
        (0, 0, 0, 0),
        (1, 0, 0, 1),
        (0, 1, 1, 0),
        (0, 0, 1e-300, 1e-300),
    ):
        assert not Viewport(*bounds).fits(whole)


@given(coordinates, coordinates)
def test_pixels_are_those_of_the_raster(x: float, y: float) -> None:
    view = Viewport.around(XY, SIZE)
    expected = to_pixels(np.array([[x, y]]), view.bounds, SIZE)[0]
    assert view.to_screen((x, y), SIZE) == pytest.approx(tuple(expected))
    assert view.to_data(view.to_screen((x, y), SIZE), SIZE) == pytest.approx((x, y), abs=1e-6)


@given(st.floats(0, 400), st.floats(0, 300), st.floats(0.2, 5))
def test_zooming_keeps_what_is_under_the_cursor(x: float, y: float, factor: float) -> None:
    whole = Viewport.around(XY, SIZE)
    zoomed = whole.zoomed(factor, (x, y), SIZE, whole)
    assert zoomed.to_data((x, y), SIZE) == pytest.approx(whole.to_data((x, y), SIZE))
    if factor > 0.25:
        assert zoomed.x1 - zoomed.x0 == pytest.approx((whole.x1 - whole.x0) / factor)


def test_zooming_is_bounded() -> None:
    view = whole = Viewport.around(XY, SIZE)
    for _ in range(200):
        view = view.zoomed(2, (10, 10), SIZE, whole)
    assert view.x1 > view.x0
    assert (whole.x1 - whole.x0) / (view.x1 - view.x0) == pytest.approx(1e4, rel=1e-6)


def test_dragging_moves_the_map_with_the_hand() -> None:
    view = Viewport.around(XY, SIZE)
    before = view.to_screen((1.0, 2.0), SIZE)
    after = view.panned(30, -20, SIZE).to_screen((1.0, 2.0), SIZE)
    assert after == pytest.approx((before[0] + 30, before[1] - 20))


def test_another_size_keeps_centre_and_magnification() -> None:
    view = Viewport.around(XY, SIZE).panned(5, 5, SIZE)
    other = view.resized(SIZE, (800, 900))
    centre = view.to_data((200, 150), SIZE)
    assert other.to_screen(centre, (800, 900)) == pytest.approx((400, 450))
    assert (other.x1 - other.x0) / 800 == pytest.approx((view.x1 - view.x0) / 400)


def test_a_view_of_another_shape_is_shown_whole_with_square_units() -> None:
    view = Viewport(-1.0, 2.0, 3.0, 3.0)
    for size in ((400, 300), (300, 400), (1, 1)):
        found = view.fitted(size)
        assert found.x0 <= view.x0 and found.x1 >= view.x1
        assert found.y0 <= view.y0 and found.y1 >= view.y1
        unit = (found.x1 - found.x0) / size[0]
        assert unit == pytest.approx((found.y1 - found.y0) / size[1])
        assert unit == pytest.approx(max(4 / size[0], 1 / size[1]))
        assert (found.x0 + found.x1, found.y0 + found.y1) == pytest.approx((2, 5))
