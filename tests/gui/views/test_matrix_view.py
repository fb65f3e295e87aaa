from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent, QImage, QPalette
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from mmfeat.figures.palettes import sequential
from mmfeat_gui.views.matrix_view import CROSS, DOT, NO_MARK, Heading, Matrix, MatrixView

VALUES = np.array([[0.0, 0.5, 1.0, np.nan], [0.25, 0.75, 0.1, 0.9], [1.0, 0.0, 0.3, 0.6]])
TAGS = ("ar", "ko", "en", "zh-Hans")


def matrix(
    values: np.ndarray = VALUES, marks: np.ndarray | None = None, low: float = 0.0
) -> Matrix:
    rows, columns = values.shape
    return Matrix(
        rows=tuple(Heading(f"row {k}", "", f"#{k}") for k in range(rows)),
        columns=tuple(Heading(TAGS[k % 4], TAGS[k % 4]) for k in range(columns)),
        values=values,
        low=low,
        high=1.0,
        write=lambda row, column: f"{values[row, column]:.2f}",
        describe=lambda row, column: f"cell {row} <b>{column}</b>",
        marks=marks,
    )


@pytest.fixture
def view(qtbot: QtBot) -> MatrixView:
    shown = MatrixView()
    qtbot.addWidget(shown)
    shown.resize(520, 260)
    shown.show_matrix(matrix())
    with qtbot.waitExposed(shown):
        shown.show()
    return shown


def pixels(view: MatrixView) -> np.ndarray:
    image = view.viewport().grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


def corner(view: MatrixView, row: int, column: int) -> list[int]:
    """Return the colour near the lower left corner of a cell, away from number and mark."""
    place = view.cell_rect(row, column)
    found: list[int] = pixels(view)[place.bottom() - 4, place.left() + 4].tolist()
    return found


def test_cells_have_the_colour_of_their_value_and_missing_ones_none(view: MatrixView) -> None:
    view.clearFocus()
    view.go(2, 3)
    for row, column in [(0, 1), (0, 2), (1, 0), (2, 1)]:
        assert corner(view, row, column) == sequential(VALUES[row, column : column + 1])[0].tolist()
    base = view.palette().base().color()
    assert corner(view, 0, 3) == [base.red(), base.green(), base.blue()]


def test_numbers_are_written_so_that_they_can_be_read_on_every_colour(view: MatrixView) -> None:
    view.go(2, 3)
    for row, column in [(0, 0), (0, 2)]:  # the darkest and the lightest
        place = view.cell_rect(row, column)
        middle = pixels(view)[
            place.top() + 4 : place.bottom() - 4, place.left() + 4 : place.right()
        ]
        ground = np.array(corner(view, row, column))
        assert np.abs(middle - ground).sum(axis=2).max() > 300


@pytest.mark.parametrize(
    ("key", "at"),
    [
        (Qt.Key.Key_Right, (1, 2)),
        (Qt.Key.Key_Left, (1, 0)),
        (Qt.Key.Key_Up, (0, 1)),
        (Qt.Key.Key_Down, (2, 1)),
        (Qt.Key.Key_Home, (1, 0)),
        (Qt.Key.Key_End, (1, 3)),
        (Qt.Key.Key_PageDown, (2, 1)),
        (Qt.Key.Key_PageUp, (0, 1)),
    ],
)
def test_keys_walk_from_cell_to_cell_and_each_is_spoken(
    qtbot: QtBot, view: MatrixView, key: Qt.Key, at: tuple[int, int]
) -> None:
    view.go(1, 1)
    assert view.accessibleDescription() == "cell 1 <b>1</b>"
    moves: list[tuple[int, int]] = []
    view.moved.connect(lambda *cell: moves.append(cell))
    qtbot.keyClick(view, key)
    assert view.current == at and moves == [at]
    assert view.accessibleDescription() == f"cell {at[0]} <b>{at[1]}</b>"


def test_the_edge_stops_the_keys(qtbot: QtBot, view: MatrixView) -> None:
    view.go(0, 0)
    qtbot.keyClick(view, Qt.Key.Key_Left)
    qtbot.keyClick(view, Qt.Key.Key_Up)
    assert view.current == (0, 0)


def test_from_right_to_left_the_first_column_is_at_the_right(
    qtbot: QtBot, view: MatrixView
) -> None:
    view.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    assert view.cell_rect(0, 0).left() > view.cell_rect(0, 1).left()
    view.go(0, 0)
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert view.current == (0, 1)
    assert view.cell_at(view.cell_rect(2, 3).center()) == (2, 3)


def test_a_click_or_enter_chooses_a_cell_and_a_drag_none(qtbot: QtBot, view: MatrixView) -> None:
    chosen: list[tuple[int, int]] = []
    view.chosen.connect(lambda *cell: chosen.append(cell))
    left = Qt.MouseButton.LeftButton
    qtbot.mouseClick(view.viewport(), left, pos=view.cell_rect(1, 2).center())
    assert chosen == [(1, 2)] and view.current == (1, 2)
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Space):
        qtbot.keyClick(view, key)
    assert chosen == [(1, 2)] * 3
    qtbot.mousePress(view.viewport(), left, pos=view.cell_rect(0, 0).center())
    qtbot.mouseRelease(view.viewport(), left, pos=view.cell_rect(2, 2).center())
    qtbot.mouseClick(view.viewport(), left, pos=QPoint(1, 1))
    assert len(chosen) == 3


def test_every_cell_is_found_where_it_is_drawn(view: MatrixView) -> None:
    for row in range(3):
        for column in range(4):
            assert view.cell_at(view.cell_rect(row, column).center()) == (row, column)
    assert view.cell_at(QPoint(2, 2)) is None


def test_what_does_not_fit_is_scrolled_to(qtbot: QtBot, view: MatrixView) -> None:
    values = np.random.default_rng(0).random((400, 60))
    view.show_matrix(matrix(values))
    assert view.verticalScrollBar().maximum() > 0 and view.horizontalScrollBar().maximum() > 0
    view.go(399, 59)
    assert view.viewport().rect().contains(view.cell_rect(399, 59))
    assert view.cell_at(view.cell_rect(399, 59).center()) == (399, 59)
    view.go(0, 0)
    assert view.verticalScrollBar().value() == view.horizontalScrollBar().value() == 0
    before = view.current
    qtbot.keyClick(view, Qt.Key.Key_PageDown)
    assert view.current[0] > before[0] + 1 and view.current[1] == 0


def test_a_smaller_matrix_keeps_the_current_cell_inside(view: MatrixView) -> None:
    view.go(2, 3)
    view.show_matrix(matrix(VALUES[:1, :2]))
    assert view.current == (0, 1)
    view.show_matrix(None)
    assert view.accessibleDescription() == ""
    pixels(view)  # draws nothing
    view.show_matrix(matrix(np.zeros((0, 4))))
    pixels(view)


def test_marks_are_drawn_in_the_corner(view: MatrixView) -> None:
    view.go(2, 3)
    plain = pixels(view)
    marks = np.full(VALUES.shape, NO_MARK, np.int8)
    marks[0, 1], marks[1, 0] = DOT, CROSS
    view.show_matrix(matrix(marks=marks))
    changed = (pixels(view) != plain).any(axis=2)
    for row in range(3):
        for column in range(4):
            place = view.cell_rect(row, column)
            inside = changed[place.top() : place.bottom(), place.left() : place.right()]
            assert inside.any() == ((row, column) in ((0, 1), (1, 0)))


def test_the_tool_tip_is_the_cell_in_words_as_text(view: MatrixView) -> None:
    point = view.cell_rect(1, 2).center()
    where = view.viewport().mapToGlobal(point)
    QApplication.sendEvent(view.viewport(), QHelpEvent(QEvent.Type.ToolTip, point, where))
    assert "cell 1 &lt;b&gt;2&lt;/b&gt;" in QToolTip.text()
    QToolTip.hideText()


@pytest.mark.parametrize("dark", [False, True])
def test_the_current_cell_is_ringed_in_both_themes(
    view: MatrixView, dark: bool, qtbot: QtBot
) -> None:
    palette = QPalette()
    if dark:
        palette.setColor(QPalette.ColorRole.Base, Qt.GlobalColor.black)
        palette.setColor(QPalette.ColorRole.Text, Qt.GlobalColor.white)
    view.setPalette(palette)
    view.go(0, 0)
    without = pixels(view)
    view.go(1, 2)
    changed = (pixels(view) != without).any(axis=2)
    for cell in ((0, 0), (1, 2)):
        place = view.cell_rect(*cell)
        assert changed[place.top() : place.bottom(), place.left() : place.right()].any()


def test_names_of_rows_have_room_and_never_more_than_their_share(
    view: MatrixView, qtbot: QtBot
) -> None:
    long = Matrix(
        rows=(Heading("x" * 500), Heading("한국어", "ko", "ko"), Heading("العربية", "ar", "ar")),
        columns=matrix().columns,
        values=VALUES,
        low=0.0,
        high=1.0,
        write=lambda row, column: "",
        describe=lambda row, column: "",
    )
    view.show_matrix(long)
    assert view.cell_rect(0, 0).left() == int(view.viewport().width() * 0.35)
    view.show_matrix(matrix())
    assert view.cell_rect(0, 0).left() < int(view.viewport().width() * 0.35)


def test_columns_share_a_wider_view(view: MatrixView) -> None:
    before = view.cell_size().width()
    view.resize(300, 260)
    sizes: Callable[[], int] = view.cell_size().width
    assert sizes() < before
