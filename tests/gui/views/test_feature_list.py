from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from mmfeat_gui.models.features import COLUMNS
from mmfeat_gui.state.history import Place
from mmfeat_gui.views.main_window import MainWindow

Settle = Callable[[MainWindow], None]


def _shown(window: MainWindow) -> list[int]:
    return [window.model.feature(row) for row in range(window.model.rowCount())]


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", text.casefold())


def test_filters_show_what_they_say_and_how_many(opened: MainWindow, truth: Any) -> None:
    opened.list.shared.setChecked(True)
    shared = truth.features["shared"].astype(bool)
    assert _shown(opened) == np.flatnonzero(shared).tolist()
    assert opened.list.count.text() == f"{shared.sum():,} of {truth.count:,} features"
    opened.list.shared.setChecked(False)
    opened.list.languages.setValue(4)
    expected = np.flatnonzero(truth.features["n_languages"] >= 4)
    assert _shown(opened) == expected.tolist()
    assert opened.list.languages.maximum() == len(truth.languages)


@pytest.mark.parametrize("language", ["ko", "ar", "ru", "en"])
def test_names_are_found_in_every_language(
    qtbot: QtBot, opened: MainWindow, truth: Any, language: str
) -> None:
    column = truth.languages.index(language)
    name = next(name for name in truth.names[:, column] if name)
    typed = unicodedata.normalize("NFD", name).upper()
    opened.list.search.setText(typed)
    wanted = _fold(unicodedata.normalize("NFC", typed))
    expected = [
        feature
        for feature in range(truth.count)
        if any(wanted in _fold(other) for other in truth.names[feature])
    ]
    assert expected and _shown(opened) == expected
    qtbot.keyClick(opened.list.search, Qt.Key.Key_Return)
    assert opened.history.current == Place("feature", expected[0])


def test_a_click_on_a_head_sorts(opened: MainWindow, truth: Any) -> None:
    view = opened.list.view
    scores = truth.features["modality_score"]
    for order, sign in ((Qt.SortOrder.AscendingOrder, 1), (Qt.SortOrder.DescendingOrder, -1)):
        view.sortByColumn(COLUMNS.index("modality_score"), order)
        shown = scores[_shown(opened)]
        known = np.isfinite(shown)
        assert (np.diff(sign * shown[known]) >= 0).all()
        assert not known[known.sum() :].any()


def test_sorting_and_filtering_keep_the_selected_feature_marked(opened: MainWindow) -> None:
    opened.open_feature(6)
    view = opened.list.view
    view.sortByColumn(COLUMNS.index("title"), Qt.SortOrder.DescendingOrder)
    (row,) = view.selectionModel().selectedRows()
    assert opened.model.feature(row.row()) == 6
    opened.list.search.setText("#5")
    assert view.selectionModel().selectedRows() == []
    opened.list.clear_filters()
    (row,) = view.selectionModel().selectedRows()
    assert opened.model.feature(row.row()) == 6
    assert opened.history.current == Place("feature", 6)


def test_cells_tell_the_scores(opened: MainWindow, truth: Any) -> None:
    def cell(feature: int, key: str) -> str:
        return opened.model.index(feature, COLUMNS.index(key)).data()

    for feature in range(0, truth.count, 17):
        assert cell(feature, "feature") == str(feature)
        assert cell(feature, "n_languages") == str(truth.features["n_languages"][feature])
        assert (cell(feature, "shared") == "✓") == bool(truth.features["shared"][feature])
        score = truth.features["modality_score"][feature]
        expected = "–" if np.isnan(score) else f"{score:.2f}"
        assert cell(feature, "modality_score") == expected


def test_rows_are_walked_by_keys(qtbot: QtBot, opened: MainWindow, settle: Settle) -> None:
    opened.open_feature(0)
    settle(opened)
    qtbot.keyClick(opened.list.view, Qt.Key.Key_Down)
    settle(opened)
    assert opened.history.current == Place("feature", 1)
    assert opened.feature_page.loaded is not None
    assert opened.feature_page.loaded.page.feature == 1


def test_getting_the_keyboard_opens_nothing(opened: MainWindow) -> None:
    opened.open_item(0)
    opened.list.search.setText("a")
    opened.list.view.setFocus()
    assert opened.history.current == Place("item", 0)


def test_every_column_has_a_name_and_a_formula(opened: MainWindow) -> None:
    for column in range(len(COLUMNS)):
        for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            if COLUMNS[column] != "title" or role == Qt.ItemDataRole.DisplayRole:
                assert opened.model.headerData(column, Qt.Orientation.Horizontal, role)
