"""What a hand does to the table, and what an eye sees."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from mmfeat_gui.state.query import Query
from mmfeat_gui.views.table_panel import TablePanel

LEFT = Qt.MouseButton.LeftButton
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def features_of(panel: TablePanel) -> list[int]:
    return [panel.model.feature(row) for row in range(panel.model.rowCount())]


def query_of(panel: TablePanel) -> Query:
    return panel.context.store.state.query


def type_text(qtbot: QtBot, panel: TablePanel, text: str) -> None:
    panel.bar.search.setText(text)
    qtbot.waitUntil(lambda: query_of(panel).text == text, timeout=5000)


def cell(panel: TablePanel, row: int, column: int = 0) -> QPoint:
    index = panel.model.index(row, column)
    return panel.view.visualRect(index).center()


def click(
    qtbot: QtBot,
    panel: TablePanel,
    row: int,
    keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    qtbot.mouseClick(panel.view.viewport(), LEFT, keys, cell(panel, row))
