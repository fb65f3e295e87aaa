"""The canvas alone, with real events; what it answers is compared with all points one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from mmfeat.figures.grid import Grid
from mmfeat_gui.state.map_labels import cluster_names
from mmfeat_gui.state.viewport import Viewport
from mmfeat_gui.views.map_canvas import MapCanvas
from mmfeat_gui.views.map_pictures import Pictures
from tests.gui.views.canvas.hand import (
    ALT,
    CONTROL,
    COUNT,
    LEFT,
    MIDDLE,
    NONE,
    PLAIN,
    SHIFT,
    TABLE,
    drag,
    mouse,
    pixels,
    places,
    wheel,
)


def inside(x: float, y: float, polygon: list[QPointF]) -> bool:
    crossed = False
    for at in range(len(polygon)):
        (x0, y0), (x1, y1) = polygon[at - 1].toTuple(), polygon[at].toTuple()
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            crossed = not crossed
    return crossed


def star(middle: QPointF, radius: float, corners: int = 40) -> list[QPointF]:
    turns = np.linspace(0, 2 * math.pi, corners, endpoint=False)
    reach = radius * (0.7 + 0.3 * np.cos(5 * turns))
    return [
        middle + QPointF(float(r * np.cos(t)), float(r * np.sin(t)))
        for r, t in zip(reach, turns, strict=True)
    ]


# What lies where ------------------------------------------------------------------------


@pytest.mark.parametrize("notches", [0, 6, 20])
def test_the_point_under_the_cursor_is_the_nearest_of_all(
    canvas: MapCanvas, xy: np.ndarray, notches: int
) -> None:
    wheel(canvas, QPointF(300, 200), notches)
    rng, at = np.random.default_rng(notches), places(canvas, xy)
    hits = 0
    for point in rng.uniform([0, 0], [640, 480], (300, 2)):
        distance = np.hypot(*(at - point).T)
        nearest = int(np.nanargmin(distance))
        expected = nearest if distance[nearest] <= 9 else -1
        assert canvas.point_at(QPointF(*point.tolist())) == expected
        hits += expected >= 0
    assert 0 < hits < 300 or notches == 20


def test_hovering_tells_the_point_and_where_the_cursor_is(
    qtbot: QtBot, canvas: MapCanvas, xy: np.ndarray
) -> None:
    at = QPointF(*places(canvas, xy)[42].tolist())
    with qtbot.waitSignal(canvas.hovered) as told:
        mouse(canvas, QEvent.Type.MouseMove, at, NONE)
    index, where = told.args
    assert index == canvas.point_at(at) >= 0 and where == at.toPoint()
    assert canvas.cursor().shape() == Qt.CursorShape.PointingHandCursor
    with qtbot.waitSignal(canvas.hovered) as told:
        QApplication.sendEvent(canvas, QEvent(QEvent.Type.Leave))
    assert told.args[0] == -1


def test_a_click_opens_the_point_and_a_click_beside_nothing(
    qtbot: QtBot, canvas: MapCanvas, xy: np.ndarray
) -> None:
    at = places(canvas, xy)
    lonely = int(np.nanargmax(xy[:, 0]))
    with qtbot.waitSignal(canvas.activated) as told:
        qtbot.mouseClick(canvas, LEFT, pos=QPointF(*at[lonely].tolist()).toPoint())
    assert told.args == [lonely]
    with qtbot.assertNotEmitted(canvas.activated):
        qtbot.mouseClick(canvas, LEFT, pos=QPoint(1, 1))


def test_hidden_points_are_grey_and_cannot_be_meant(canvas: MapCanvas, xy: np.ndarray) -> None:
    canvas.clearFocus()
    lonely = int(np.nanargmax(xy[:, 0]))
    at = QPointF(*places(canvas, xy)[lonely].tolist())
    before = pixels(canvas)[int(at.y()), int(at.x())]
    assert np.abs(before - TABLE[lonely % 2]).max() <= 2
    canvas.show_matches(np.arange(COUNT) != lonely)
    assert canvas.point_at(at) != lonely
    assert np.ptp(pixels(canvas)[int(at.y()), int(at.x())]) <= 6
    everything = [QPointF(0, 0), QPointF(640, 0), QPointF(640, 480), QPointF(0, 480)]
    assert lonely not in canvas.within(everything)


# Selecting ------------------------------------------------------------------------------


@pytest.mark.parametrize(("keys", "mode"), [(PLAIN, "replace"), (SHIFT, "add"), (ALT, "subtract")])
def test_a_lasso_selects_what_lies_inside_it(
    qtbot: QtBot, canvas: MapCanvas, xy: np.ndarray, keys: Qt.KeyboardModifier, mode: str
) -> None:
    qtbot.keyClick(canvas, Qt.Key.Key_L)
    line = star(QPointF(320, 240), 150)
    with qtbot.waitSignal(canvas.selection_made) as told:
        drag(canvas, line, keys)
    found, how = told.args
    expected = [k for k, (x, y) in enumerate(places(canvas, xy).tolist()) if inside(x, y, line)]
    assert how == mode
    assert 100 < len(expected) < COUNT
    assert found.tolist() == expected


@pytest.mark.parametrize("keep", [1, 3])
def test_a_box_selects_what_lies_between_its_corners(
    qtbot: QtBot, canvas: MapCanvas, xy: np.ndarray, keep: int
) -> None:
    canvas.show_matches(np.arange(COUNT) % keep == 0)
    qtbot.keyClick(canvas, Qt.Key.Key_B)
    wheel(canvas, QPointF(320, 240), 3)
    with qtbot.waitSignal(canvas.selection_made) as told:
        drag(canvas, [QPointF(500, 400), QPointF(450, 200), QPointF(100.5, 60.25)])
    at = places(canvas, xy)
    between = (at >= [100.5, 60.25]).all(1) & (at <= [500, 400]).all(1)
    assert (
        told.args[0].tolist() == np.flatnonzero(between & (np.arange(COUNT) % keep == 0)).tolist()
    )


def test_a_click_with_shift_or_alt_selects_one_point(
    qtbot: QtBot, canvas: MapCanvas, xy: np.ndarray
) -> None:
    lonely = int(np.nanargmax(xy[:, 0]))
    at = QPointF(*places(canvas, xy)[lonely].tolist()).toPoint()
    for keys, mode in ((SHIFT, "add"), (ALT, "subtract")):
        with (
            qtbot.waitSignal(canvas.selection_made) as told,
            qtbot.assertNotEmitted(canvas.activated),
        ):
            qtbot.mouseClick(canvas, LEFT, keys, pos=at)
        assert told.args[0].tolist() == [lonely] and told.args[1] == mode


def test_escape_gives_a_lasso_up(qtbot: QtBot, canvas: MapCanvas) -> None:
    qtbot.keyClick(canvas, Qt.Key.Key_L)
    line = star(QPointF(320, 240), 100)
    with qtbot.assertNotEmitted(canvas.selection_made):
        mouse(canvas, QEvent.Type.MouseButtonPress, line[0])
        for at in line[1:20]:
            mouse(canvas, QEvent.Type.MouseMove, at)
        drawn = pixels(canvas)
        qtbot.keyClick(canvas, Qt.Key.Key_Escape)
        mouse(canvas, QEvent.Type.MouseButtonRelease, line[20])
    assert (pixels(canvas) != drawn).any()


def test_everything_in_sight_is_selected_by_keyboard(
    qtbot: QtBot, canvas: MapCanvas, xy: np.ndarray
) -> None:
    wheel(canvas, QPointF(320, 240), 8)
    with qtbot.waitSignal(canvas.selection_made) as told:
        qtbot.keyClick(canvas, Qt.Key.Key_A, CONTROL)
    at = places(canvas, xy)
    seen = ((at >= 0) & (at <= [640, 480])).all(1)
    assert told.args[0].tolist() == np.flatnonzero(seen).tolist()
    assert 0 < seen.sum() < COUNT


def test_brushed_points_are_outlined_and_the_others_pale(canvas: MapCanvas, xy: np.ndarray) -> None:
    canvas.clearFocus()
    lonely, other = int(np.nanargmax(xy[:, 0])), int(np.nanargmin(xy[:, 0]))
    canvas.show_selection(np.arange(COUNT) == lonely)
    shown, at = pixels(canvas), places(canvas, xy)
    centre = shown[int(at[lonely, 1]), int(at[lonely, 0])]
    assert np.abs(centre - TABLE[lonely % 2]).max() <= 2
    base = canvas.palette().base().color()
    pale = shown[int(at[other, 1]), int(at[other, 0])]
    ground = np.array([base.red(), base.green(), base.blue()])
    assert np.abs(pale - ground).sum() < np.abs(TABLE[other % 2].astype(int) - ground).sum() / 2
    text = canvas.palette().text().color()
    ink = np.abs(shown - [text.red(), text.green(), text.blue()]).max(axis=2) < 60
    rows, columns = np.nonzero(ink)
    distance = np.hypot(columns + 0.5 - at[lonely, 0], rows + 0.5 - at[lonely, 1])
    assert len(rows) > 8
    assert canvas.radius() - 1.5 < distance.min() and distance.max() < canvas.radius() + 4


# Moving ---------------------------------------------------------------------------------


@pytest.mark.parametrize("button", [LEFT, MIDDLE])
def test_dragging_moves_the_map_with_the_hand(
    qtbot: QtBot, canvas: MapCanvas, button: Qt.MouseButton
) -> None:
    if button == MIDDLE:
        canvas.set_tool("lasso")
    start = canvas.position_of(0)
    assert start is not None
    with qtbot.assertNotEmitted(canvas.activated), qtbot.assertNotEmitted(canvas.selection_made):
        drag(canvas, [start, start + QPointF(15, 10), start + QPointF(40, 25)], button=button)
    end = canvas.position_of(0)
    assert end is not None
    assert (end - start).toTuple() == pytest.approx((40, 25))


def test_the_wheel_zooms_to_the_cursor(canvas: MapCanvas) -> None:
    under, other = canvas.position_of(0), canvas.position_of(1)
    assert under is not None and other is not None
    wheel(canvas, under, 3)
    still, moved = canvas.position_of(0), canvas.position_of(1)
    assert still is not None and moved is not None
    assert (still - under).manhattanLength() < 1e-6
    factor = (moved - under).manhattanLength() / (other - under).manhattanLength()
    assert factor == pytest.approx(1.25**3)


def test_keys_pan_zoom_and_show_all(qtbot: QtBot, canvas: MapCanvas) -> None:
    before = canvas.view
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    unit = (before.x1 - before.x0) / canvas.width()
    assert canvas.view.x0 == pytest.approx(before.x0 + 40 * unit)
    qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    assert canvas.view.x1 - canvas.view.x0 == pytest.approx((before.x1 - before.x0) / 1.25)
    assert not canvas.shows_everything
    qtbot.keyClick(canvas, Qt.Key.Key_Home)
    assert canvas.view == before and canvas.shows_everything


def test_a_moved_map_says_so_once_it_rests(qtbot: QtBot, canvas: MapCanvas) -> None:
    with qtbot.waitSignal(canvas.viewport_changed, timeout=5000) as told:
        wheel(canvas, QPointF(100, 100), 2)
        wheel(canvas, QPointF(100, 100), 2)
    assert told.args == [canvas.view]
    with qtbot.waitSignal(canvas.viewport_changed, timeout=5000) as told:
        canvas.fit()
    assert told.args == [None]


def test_a_part_can_be_shown_on_a_canvas_of_any_shape(canvas: MapCanvas) -> None:
    part = Viewport(-1.0, -1.0, 1.0, 1.0)
    canvas.show_viewport(part)
    view = canvas.view
    assert view.x0 <= -1 and view.x1 >= 1 and view.y0 == pytest.approx(-1)
    assert (view.x1 - view.x0) / 640 == pytest.approx((view.y1 - view.y0) / 480)
    canvas.show_viewport(None)
    assert canvas.shows_everything


def test_a_part_that_was_asked_for_fits_whatever_size_the_canvas_gets(
    canvas: MapCanvas,
) -> None:
    canvas.resize(200, 100)
    canvas.show_viewport(Viewport(-1.0, -1.0, 1.0, 1.0))
    canvas.resize(500, 400)
    assert (canvas.view.y0, canvas.view.y1) == pytest.approx((-1, 1))
    canvas.pan(10, 0)
    unit = (canvas.view.x1 - canvas.view.x0) / 500
    canvas.resize(300, 200)  # once it was moved, its magnification counts
    assert (canvas.view.x1 - canvas.view.x0) / 300 == pytest.approx(unit)


def test_resizing_keeps_the_middle(qtbot: QtBot, canvas: MapCanvas) -> None:
    wheel(canvas, QPointF(100, 100), 4)
    view = canvas.view
    canvas.resize(300, 400)
    after = canvas.view
    assert (after.x0 + after.x1, after.y0 + after.y1) == pytest.approx(
        (view.x0 + view.x1, view.y0 + view.y1)
    )
    assert (after.x1 - after.x0) / 300 == pytest.approx((view.x1 - view.x0) / 640)


def test_frames_of_a_moving_map_show_the_same_points_as_at_rest(
    qtbot: QtBot, canvas: MapCanvas
) -> None:
    canvas.clearFocus()
    base = canvas.palette().base().color()
    ground = np.array([base.red(), base.green(), base.blue()])
    canvas.pan(30, -20)
    moving = np.abs(pixels(canvas) - ground).sum(axis=2) > 90
    qtbot.waitSignal(canvas.viewport_changed, timeout=5000).wait()
    resting = np.abs(pixels(canvas) - ground).sum(axis=2) > 90
    assert resting.sum() > 1000
    assert (moving != resting).sum() < 0.25 * resting.sum()


def test_points_come_by_keyboard_one_after_the_other(
    qtbot: QtBot, canvas: MapCanvas, xy: np.ndarray
) -> None:
    at, told = places(canvas, xy), []
    canvas.hovered.connect(lambda index, _: told.append(index))
    qtbot.keyClick(canvas, Qt.Key.Key_Right, CONTROL)
    middle = int(np.nanargmin(np.hypot(*(at - [320, 240]).T)))
    assert told == [middle]
    qtbot.keyClick(canvas, Qt.Key.Key_Right, CONTROL)
    way = at - at[middle]
    ahead = (way[:, 0] > 0) & (way[:, 0] >= np.abs(way[:, 1]))
    cost = np.where(ahead, way[:, 0] + 2 * np.abs(way[:, 1]), np.inf)
    assert told[1] == int(np.argmin(cost))
    with qtbot.waitSignal(canvas.activated) as opened:
        qtbot.keyClick(canvas, Qt.Key.Key_Return)
    assert opened.args == [told[1]]


HUGE = 3e38  # a finite number of single precision; that of two has no difference
HOSTILE = {
    "all too far": [[HUGE, HUGE], [-HUGE, -HUGE], [HUGE, -HUGE]],
    "some too far": [[HUGE, 0.0], [0.0, -HUGE], [0.0, 0.0], [1.0, 1.0], [0.5, 0.2], [0.4, 0.1]],
    "just near enough": [[9.9e29, 9.9e29], [-9.9e29, -9.9e29], [0.0, 0.0], [1.0, 1.0]],
    "one far place": [[9e29, -9e29]] * 5,
    "next to nothing": [[1e-44, 1e-44], [0.0, 0.0], [2e-44, 1e-44], [1e-45, 0.0]],
    "one dimension": [[0.0, 9e29], [0.0, -9e29], [0.0, 0.0], [0.0, 1e-40]],
    "nothing known": [[np.nan, 0.0], [np.inf, 1.0], [0.0, -np.inf]],
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", HOSTILE)
def test_places_past_all_measure_neither_stop_a_map_nor_make_it_warn(
    canvas: MapCanvas, name: str
) -> None:
    xy = np.tile(np.array(HOSTILE[name], np.float32), (50, 1))
    count, grid = len(xy), Grid(xy)
    canvas.show_points(grid)
    canvas.show_colours((np.arange(count) % 2).astype(np.uint16), TABLE)
    canvas.show_sizes(np.linspace(0, 1, count))
    canvas.show_selection(np.arange(count) % 3 == 0)
    canvas.show_labels(cluster_names(grid, ["one", "two"] * (count // 2)))
    canvas.show_pictures(Pictures(canvas))
    drawn = set(grid.index.tolist())
    far = (np.abs(xy) > 1e30).any(axis=1) | ~np.isfinite(xy).all(axis=1)
    assert drawn == set(np.flatnonzero(~far).tolist())

    def look() -> None:
        pixels(canvas)
        for at in (QPointF(320, 240), QPointF(0, 0), QPointF(600, 20)):
            assert canvas.point_at(at) in drawn | {-1}
        ring = [QPointF(-50, -50), QPointF(700, -50), QPointF(320, 600)]
        assert drawn.issuperset(canvas.within(ring).tolist())
        assert drawn.issuperset(canvas.between(ring[0], ring[1] + QPointF(0, 300)).tolist())
        canvas.point_beside(min(drawn, default=-1), 1, 0)

    look()
    assert set(canvas.between(QPointF(-9, -9), QPointF(700, 500)).tolist()) == drawn
    for factor, steps in ((1.25, 50), (0.8, 80)):
        for step in range(steps):
            canvas.zoom(factor, QPointF(100 + step, 200))
            if step % 10 == 0:
                look()
    canvas.pan(300, -5000)
    look()
    canvas.resize(300, 500)
    canvas.fit()
    look()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "bounds",
    [
        (math.nan, 0.0, 1.0, 1.0),
        (-math.inf, -math.inf, math.inf, math.inf),
        (-1e300, -1e300, 1e300, 1e300),
        (0.0, 0.0, 0.0, 0.0),
        (1.0, 1.0, -1.0, -1.0),
        (0.0, 0.0, 1e-320, 1e-320),
    ],
)
def test_a_view_of_a_broken_session_shows_everything(
    canvas: MapCanvas, bounds: tuple[float, float, float, float]
) -> None:
    canvas.zoom(3)
    canvas.show_viewport(Viewport(*bounds))
    assert canvas.shows_everything and canvas.part is None
    pixels(canvas)
    canvas.resize(500, 300)
    pixels(canvas)
    assert canvas.shows_everything
