"""The canvas alone, with real events; what it answers is compared with all points one by one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from mmfeat.figures.grid import Grid
from mmfeat_gui.state.map_labels import cluster_names
from mmfeat_gui.state.viewport import Viewport
from mmfeat_gui.views.map_canvas import MapCanvas
from mmfeat_gui.views.map_pictures import SIDE, Pictures
from mmfeat_gui.views.map_tools import MapTools

LEFT, MIDDLE, NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.NoButton
PLAIN, SHIFT, ALT, CONTROL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ControlModifier,
)
COUNT = 3000
TABLE = np.array([[0x10, 0x60, 0xC0], [0xD0, 0x70, 0x10]], np.uint8)


@pytest.fixture(scope="module")
def xy() -> np.ndarray:
    rng = np.random.default_rng(11)
    middles = rng.normal(size=(12, 2)) * 4
    found = middles[rng.integers(0, 12, COUNT)] + rng.normal(size=(COUNT, 2)) * 0.5
    found[17] = np.nan
    return found.astype(np.float32)


@pytest.fixture
def canvas(qtbot: QtBot, xy: np.ndarray) -> Iterator[MapCanvas]:
    shown = MapCanvas(nothing="nothing here")
    qtbot.addWidget(shown)
    shown.resize(640, 480)
    shown.show_points(Grid(xy))
    shown.show_colours((np.arange(COUNT) % 2).astype(np.uint16), TABLE)
    with qtbot.waitExposed(shown):
        shown.show()
    yield shown


def places(canvas: MapCanvas, xy: np.ndarray) -> np.ndarray:
    """Return the pixel of every point, by the definition of a viewport."""
    view = canvas.view
    return np.stack(
        [
            (xy[:, 0].astype(float) - view.x0) / (view.x1 - view.x0) * canvas.width(),
            (view.y1 - xy[:, 1].astype(float)) / (view.y1 - view.y0) * canvas.height(),
        ],
        axis=1,
    )


def pixels(canvas: MapCanvas) -> np.ndarray:
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


def mouse(
    canvas: MapCanvas,
    kind: QEvent.Type,
    at: QPointF,
    button: Qt.MouseButton = LEFT,
    keys: Qt.KeyboardModifier = PLAIN,
) -> None:
    moved = kind == QEvent.Type.MouseMove
    held = NONE if kind == QEvent.Type.MouseButtonRelease else button
    event = QMouseEvent(kind, at, canvas.mapToGlobal(at), NONE if moved else button, held, keys)
    QApplication.sendEvent(canvas, event)


def drag(
    canvas: MapCanvas,
    line: list[QPointF],
    keys: Qt.KeyboardModifier = PLAIN,
    button: Qt.MouseButton = LEFT,
) -> None:
    mouse(canvas, QEvent.Type.MouseButtonPress, line[0], button, keys)
    for at in line[1:]:
        mouse(canvas, QEvent.Type.MouseMove, at, button, keys)
    mouse(canvas, QEvent.Type.MouseButtonRelease, line[-1], button, keys)


def wheel(canvas: MapCanvas, at: QPointF, notches: int) -> None:
    turn = QWheelEvent(
        at,
        canvas.mapToGlobal(at),
        QPoint(),
        QPoint(0, 120 * notches),
        NONE,
        PLAIN,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, turn)


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


# What lies over the points --------------------------------------------------------------


def test_the_selected_point_is_ringed(canvas: MapCanvas) -> None:
    canvas.clearFocus()
    plain = pixels(canvas)
    canvas.select(1)
    centre = canvas.position_of(1)
    assert centre is not None
    rows, columns = np.nonzero((pixels(canvas) != plain).any(axis=2))
    distance = np.hypot(columns + 0.5 - centre.x(), rows + 0.5 - centre.y())
    assert len(rows) > 10 and distance.max() < canvas.radius() + 8
    canvas.select(17)  # which has no place
    np.testing.assert_array_equal(pixels(canvas), plain)


def test_larger_dots_stand_for_larger_values(canvas: MapCanvas, xy: np.ndarray) -> None:
    canvas.clearFocus()
    first, last = int(np.nanargmax(xy[:, 0])), int(np.nanargmin(xy[:, 0]))
    base = canvas.palette().base().color()
    ground = np.array([base.red(), base.green(), base.blue()])

    def area(point: int) -> int:
        x, y = places(canvas, xy)[point]
        shown = np.abs(pixels(canvas) - ground).sum(axis=2) > 90
        return int(shown[int(y) - 9 : int(y) + 10, int(x) - 9 : int(x) + 10].sum())

    before = area(first), area(last)
    sizes = np.zeros(COUNT)
    sizes[first] = 1
    canvas.show_sizes(sizes)
    assert area(first) > 2 * before[0]
    assert area(last) < before[1]
    canvas.show_sizes(None)
    assert (area(first), area(last)) == before


def test_names_of_clusters_are_written_and_can_be_left_out(
    canvas: MapCanvas, xy: np.ndarray
) -> None:
    canvas.clearFocus()
    plain = pixels(canvas)
    names = [f"이름 {at % 3}" for at in range(COUNT)]
    canvas.show_labels(cluster_names(Grid(xy), names, ["ko"] * COUNT))
    assert (pixels(canvas) != plain).any()
    canvas.show_labels(None)
    np.testing.assert_array_equal(pixels(canvas), plain)


def test_pictures_come_when_the_map_is_near_and_are_asked_for_once(
    qtbot: QtBot, canvas: MapCanvas, xy: np.ndarray
) -> None:
    canvas.clearFocus()
    pictures, asked = Pictures(), []
    pictures.wanted.connect(asked.append)
    canvas.show_pictures(pictures)
    pixels(canvas)
    assert asked == []  # from afar there is no room
    point = int(np.nanargmax(xy[:, 0]))
    middle = canvas.position_of(point)
    assert middle is not None
    wheel(canvas, middle, 14)
    qtbot.waitSignal(canvas.viewport_changed, timeout=5000).wait()
    pixels(canvas)
    assert len(asked) == 1 and point in asked[0]
    at = places(canvas, xy)
    for one in asked[0]:
        assert ((at[one] >= 0) & (at[one] <= [640, 480])).all()
        apart = np.abs(at[list(asked[0])] - at[one]).max(axis=1)
        assert (np.sort(apart)[1:] > SIDE).all()
    red = QImage(96, 64, QImage.Format.Format_RGB32)
    red.fill(Qt.GlobalColor.red)
    first = asked[0][: len(asked[0]) // 2]
    pictures.put({one: red for one in first})
    pixels(canvas)
    assert len(asked) == 1  # the others are on their way
    pictures.put({one: red for one in asked[0]})
    x, y = at[point]
    shown = pixels(canvas)
    assert shown[int(y), int(x)].tolist() == [255, 0, 0]
    pixels(canvas)
    assert len(asked) == 1  # they are known now
    canvas.show_pictures(None)
    assert shown[int(y), int(x)].tolist() != pixels(canvas)[int(y), int(x)].tolist()


def test_pictures_not_used_for_long_are_forgotten() -> None:
    pictures = Pictures()
    image = QImage(4, 4, QImage.Format.Format_RGB32)
    pictures.put({at: image for at in range(2000)})
    assert pictures.of(0) is not None
    pictures.put({2000: image})
    assert pictures.of(0) is not None and pictures.of(1) is None
    pictures.put({5: None})
    assert pictures.of(5) is None
    pictures.clear()
    assert pictures.of(0) is None


# Without points, and tools --------------------------------------------------------------


def test_a_map_without_points_says_why_and_answers_nothing(qtbot: QtBot, canvas: MapCanvas) -> None:
    canvas.show_points(None)
    base = canvas.palette().base().color()
    assert (pixels(canvas) != [base.red(), base.green(), base.blue()]).any()  # the sentence
    assert canvas.point_at(QPointF(50, 50)) == -1 and canvas.position_of(0) is None
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Plus, Qt.Key.Key_Home, Qt.Key.Key_L):
        qtbot.keyClick(canvas, key)
    wheel(canvas, QPointF(50, 50), 2)
    drag(canvas, [QPointF(9, 9), QPointF(90, 90), QPointF(200, 20)])
    assert canvas.within([QPointF(0, 0), QPointF(9, 0), QPointF(9, 9)]).tolist() == []


@pytest.mark.parametrize("count", [0, 1])
def test_maps_of_no_point_or_one_are_drawn(canvas: MapCanvas, count: int) -> None:
    canvas.show_points(Grid(np.zeros((count, 2))))
    pixels(canvas)
    assert canvas.point_at(QPointF(320, 240)) == count - 1


def test_tools_follow_buttons_and_keys(qtbot: QtBot, canvas: MapCanvas) -> None:
    tools = MapTools(canvas)
    qtbot.addWidget(tools)
    assert tools.tools["pan"].isChecked() and canvas.tool == "pan"
    tools.tools["box"].trigger()
    assert canvas.tool == "box" and canvas.cursor().shape() == Qt.CursorShape.CrossCursor
    qtbot.keyClick(canvas, Qt.Key.Key_L)
    assert tools.tools["lasso"].isChecked() and not tools.tools["box"].isChecked()
    with qtbot.waitSignal(tools.inverted):
        tools.invert.trigger()
    with qtbot.waitSignal(tools.cleared):
        tools.clear_selection.trigger()
    wheel(canvas, QPointF(50, 50), 2)
    tools.fit.trigger()
    assert canvas.shows_everything
