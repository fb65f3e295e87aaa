"""Rows of the table: opened, brushed, copied, written."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from mmfeat_gui.state.history import Place
from mmfeat_gui.state.query import Order
from mmfeat_gui.state.selection import NOTHING, Selection
from mmfeat_gui.views.table_panel import TablePanel
from tests.gui.views.table.hand import (
    CTRL,
    SHIFT,
    cell,
    click,
    features_of,
    query_of,
)

# Pages and brushes ----------------------------------------------------------------------


def test_a_click_opens_a_feature_and_brushes_nothing(qtbot: QtBot, panel: TablePanel) -> None:
    click(qtbot, panel, 4)
    assert panel.context.store.state.place == Place("feature", 4)
    assert panel.context.store.state.features == NOTHING
    assert panel.model.current == 4


def test_rows_are_walked_by_keys(qtbot: QtBot, panel: TablePanel) -> None:
    click(qtbot, panel, 4)
    qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    assert panel.context.store.state.place == Place("feature", 5)
    qtbot.keyClick(panel.view, Qt.Key.Key_Up)
    qtbot.keyClick(panel.view, Qt.Key.Key_Up)
    assert panel.context.store.state.place == Place("feature", 3)


def test_getting_the_keyboard_opens_nothing(panel: TablePanel) -> None:
    panel.context.store.change("undo.place", place=Place("item", 0))
    panel.view.clearFocus()
    panel.view.setFocus()
    assert panel.context.store.state.place == Place("item", 0)


def test_the_row_of_the_page_stays_in_view(panel: TablePanel, truth: Any) -> None:
    last = truth.count - 1
    panel.context.go(Place("feature", last))
    row = panel.model.row_of(last)
    assert panel.view.viewport().rect().contains(cell(panel, row))
    order = (Order("feature", True),)
    panel.context.store.change("undo.sort", query=replace(query_of(panel), order=order))
    assert panel.view.viewport().rect().contains(cell(panel, 0))
    assert panel.view.currentIndex().row() == 0


def test_rows_are_brushed_with_ctrl_and_shift(qtbot: QtBot, panel: TablePanel) -> None:
    def brushed() -> list[int]:
        return panel.context.store.state.features.indices.tolist()

    place = panel.context.store.state.place
    click(qtbot, panel, 2, CTRL)
    click(qtbot, panel, 6, CTRL)
    assert brushed() == [2, 6]
    click(qtbot, panel, 8, SHIFT)
    assert brushed() == [2, 6, 7, 8]
    click(qtbot, panel, 7, CTRL)
    assert brushed() == [2, 6, 8]
    click(qtbot, panel, 9, SHIFT)
    assert brushed() == [2, 6, 7, 8, 9]
    click(qtbot, panel, 7, CTRL)
    click(qtbot, panel, 9, CTRL)
    assert brushed() == [2, 6, 8]
    click(qtbot, panel, 7, CTRL)
    click(qtbot, panel, 7, CTRL)
    assert panel.context.store.state.place == place
    qtbot.keyClick(panel.view, Qt.Key.Key_Space)
    assert brushed() == [2, 6, 7, 8]
    qtbot.keyClick(panel.view, Qt.Key.Key_Down, SHIFT)
    qtbot.keyClick(panel.view, Qt.Key.Key_Down, SHIFT)
    assert brushed() == [2, 6, 7, 8, 9]
    panel.context.store.undo()
    assert brushed() == []


def test_all_rows_shown_are_brushed_at_once(qtbot: QtBot, panel: TablePanel, truth: Any) -> None:
    panel.bar.shared.click()
    qtbot.keyClick(panel.view, Qt.Key.Key_A, CTRL)
    shared = np.flatnonzero(truth.features["shared"])
    assert panel.context.store.state.features == Selection.of(shared)
    assert f"{len(shared):,} selected" in panel.bar.count.text()


def test_rows_brushed_elsewhere_are_marked_and_can_be_shown_alone(
    qtbot: QtBot, panel: TablePanel
) -> None:
    chosen = Selection.of([1, 5, 6, 40])
    panel.context.store.change("undo.brush", features=chosen)
    image = panel.view.grab().toImage()
    head = panel.view.horizontalHeader().height()

    def ground(row: int) -> str:
        place = cell(panel, row, 1)
        return image.pixelColor(place.x() - 20, place.y() + head - 8).name()

    assert ground(5) == ground(6) != ground(2)
    panel.bar.selected.click()
    assert features_of(panel) == [1, 5, 6, 40]
    panel.context.store.change("undo.brush", features=Selection.of([5]))
    assert features_of(panel) == [5]


def test_many_scattered_rows_are_no_ranges_of_qt(panel: TablePanel, truth: Any) -> None:
    panel.context.store.change("undo.brush", features=Selection.of(range(0, truth.count, 2)))
    assert panel.view.selectionModel().selection().count() == 0
    flags = QItemSelectionModel.SelectionFlag
    panel.view.selectionModel().select(panel.model.index(1, 0), flags.Toggle | flags.Rows)
    assert 1 in panel.context.store.state.features


# Copies and files -----------------------------------------------------------------------


def test_brushed_rows_are_copied_in_the_order_shown(
    qtbot: QtBot, panel: TablePanel, settle: Callable[[], None]
) -> None:
    order = (Order("feature", True),)
    panel.context.store.change("undo.sort", query=replace(query_of(panel), order=order))
    panel.context.store.change("undo.brush", features=Selection.of([2, 9, 4]))
    panel.view.setFocus()
    qtbot.keyClick(panel.view, Qt.Key.Key_C, CTRL)
    settle()
    head, *lines = QGuiApplication.clipboard().text().splitlines()
    assert head.split("\t")[:3] == ["feature", "title", "shared"]
    assert [line.split("\t")[0] for line in lines] == ["9", "4", "2"]


def test_without_a_brush_the_row_of_the_keyboard_is_copied(
    qtbot: QtBot, panel: TablePanel, settle: Callable[[], None]
) -> None:
    click(qtbot, panel, 3)
    qtbot.keyClick(panel.view, Qt.Key.Key_C, CTRL)
    settle()
    _, line = QGuiApplication.clipboard().text().splitlines()
    assert line.split("\t")[0] == "3"


def test_rows_are_written_to_a_file(
    panel: TablePanel, tmp_path: Path, settle: Callable[[], None], truth: Any
) -> None:
    said: list[str] = []
    panel.context.said.connect(said.append)
    panel.bar.shared.click()
    panel.output.write(tmp_path / "rows.csv", ("feature", "title", "shared"))
    settle()
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    shared = np.flatnonzero(truth.features["shared"])
    assert [int(row["feature"]) for row in rows] == shared.tolist()
    assert said == [f"{len(shared):,} rows written to {tmp_path / 'rows.csv'}."]


def test_a_file_is_asked_for(
    panel: TablePanel, tmp_path: Path, settle: Callable[[], None], truth: Any
) -> None:
    panel.choose_file()
    dialog = panel.findChild(QFileDialog)
    assert isinstance(dialog, QFileDialog)
    assert dialog.selectedFiles()[0].endswith("atlas-features.csv")
    dialog.fileSelected.emit(str(tmp_path / "all.csv"))
    dialog.close()
    settle()
    assert len((tmp_path / "all.csv").read_text("utf-8").splitlines()) == truth.count + 1
