"""What lies over the points of a canvas, maps without points, and the tools."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from mmfeat.figures.grid import Grid
from mmfeat_gui.state.map_labels import cluster_names
from mmfeat_gui.views.map_canvas import MapCanvas
from mmfeat_gui.views.map_pictures import SIDE, Pictures
from mmfeat_gui.views.map_tools import MapTools
from tests.gui.views.canvas.hand import (
    COUNT,
    drag,
    pixels,
    places,
    wheel,
)

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
