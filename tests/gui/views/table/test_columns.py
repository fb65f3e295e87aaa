"""Which columns the table has, and in which order rows and columns stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from mmfeat_gui.state.names import fold
from mmfeat_gui.state.query import COLUMNS, Order
from mmfeat_gui.views.column_chooser import ColumnChooser
from mmfeat_gui.views.table_panel import TablePanel
from tests.gui.views.table.hand import (
    LEFT,
    SHIFT,
    click,
    features_of,
    query_of,
)

# Order and columns ----------------------------------------------------------------------


def _head(panel: TablePanel, key: str) -> QPoint:
    place = [column.key for column in panel.model.columns].index(key)
    heads = panel.view.horizontalHeader()
    return QPoint(heads.sectionViewportPosition(place) + 20, heads.height() // 2)


def test_a_click_on_a_head_sorts_and_with_shift_after_others(
    qtbot: QtBot, panel: TablePanel, truth: Any
) -> None:
    heads = panel.view.horizontalHeader().viewport()
    qtbot.mouseClick(heads, LEFT, pos=_head(panel, "n_languages"))
    n = truth.features["n_languages"].astype(int)
    assert features_of(panel) == sorted(range(truth.count), key=lambda k: (-n[k], k))
    qtbot.mouseClick(heads, LEFT, SHIFT, _head(panel, "modality_score"))
    assert query_of(panel).order == (Order("n_languages", True), Order("modality_score", True))
    score = np.nan_to_num(truth.features["modality_score"].astype(float), nan=-1)
    assert features_of(panel) == sorted(range(truth.count), key=lambda k: (-n[k], -score[k], k))
    qtbot.mouseClick(heads, LEFT, pos=_head(panel, "title"))
    titles = [fold(panel.context.summary.table.title(k)) for k in features_of(panel)]  # type: ignore[union-attr]
    named = [title for title in titles if not title.startswith("feature ")]
    assert named == sorted(named) and titles[: len(named)] == named


def test_columns_are_sorted_and_filtered_by_keys(qtbot: QtBot, panel: TablePanel) -> None:
    click(qtbot, panel, 0)
    for _ in range(3):
        qtbot.keyClick(panel.view, Qt.Key.Key_Right)
    panel.sort_current()
    panel.sort_current(also=True)
    assert query_of(panel).order == (Order("n_languages", False),)
    qtbot.keyClick(panel.view, Qt.Key.Key_Right)
    panel.sort_current(also=True)
    assert query_of(panel).order == (Order("n_languages", False), Order("modality_score", True))
    panel.filter_current()
    assert list(panel.bar.rows) == ["modality_score"]
    panel._show_menu(QPoint(0, 0))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    texts = [action.text() for action in menu.actions()]
    assert texts[:3] == ["Sort by Modality", "Then sort by Modality", "Filter by Modality"]
    menu.close()


def test_names_of_a_language_can_be_sorted_by(
    qtbot: QtBot, panel: TablePanel, settle: Callable[[], None], truth: Any
) -> None:
    columns = ("feature", "name[ar]")
    panel.context.store.change("undo.columns", query=replace(query_of(panel), columns=columns))
    qtbot.mouseClick(panel.view.horizontalHeader().viewport(), LEFT, pos=_head(panel, "name[ar]"))
    settle()
    qtbot.wait(500)
    names = truth.names[:, truth.languages.index("ar")]
    expected = sorted(range(truth.count), key=lambda k: (names[k] == "", fold(names[k]), k))
    assert features_of(panel) == expected


def test_columns_are_chosen_and_moved_by_keys(qtbot: QtBot, panel: TablePanel) -> None:
    panel.choose_columns()
    dialog = panel.findChild(ColumnChooser)
    assert isinstance(dialog, ColumnChooser) and dialog.columns() == COLUMNS
    dialog.search.setText("firing_rate[ko]")
    shown = [row for row in range(dialog.list.count()) if not dialog.list.item(row).isHidden()]
    assert len(shown) == 1
    dialog.list.setCurrentRow(shown[0])
    qtbot.keyClick(dialog.list, Qt.Key.Key_Space)
    dialog.search.clear()
    dialog.list.setCurrentRow(1)
    qtbot.keyClick(dialog.list, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    dialog.accept()
    columns = ("feature", "title", *COLUMNS[2:], "firing_rate[ko]")
    assert query_of(panel).columns == columns
    assert tuple(column.key for column in panel.model.columns) == columns
    panel.context.store.undo()
    assert tuple(column.key for column in panel.model.columns) == COLUMNS


def test_heads_are_dragged_to_other_places(qtbot: QtBot, panel: TablePanel) -> None:
    panel.view.horizontalHeader().moveSection(3, 0)
    assert query_of(panel).columns[:4] == ("n_languages", "title", "feature", "shared")
    heads = panel.view.horizontalHeader()
    assert [heads.visualIndex(place) for place in range(heads.count())] == list(range(len(COLUMNS)))


def test_columns_keep_their_widths(panel: TablePanel) -> None:
    panel.view.horizontalHeader().resizeSection(0, 222)
    columns = ("feature", "title")
    panel.context.store.change("undo.columns", query=replace(query_of(panel), columns=columns))
    assert panel.view.columnWidth(1) == 222
