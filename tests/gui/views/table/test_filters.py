"""Filters of the table: those that are common, ranges, choices, names and captions."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from mmfeat_gui.state.history import Place
from mmfeat_gui.state.names import fold
from mmfeat_gui.state.notes import Note
from mmfeat_gui.state.query import Choice, Limit, Query
from mmfeat_gui.views.filter_rows import ChoiceRow, RangeRow
from mmfeat_gui.views.table_panel import TablePanel
from tests.gui.views.table.hand import (
    LEFT,
    features_of,
    query_of,
    type_text,
)

# Filters --------------------------------------------------------------------------------


def test_common_filters_show_what_they_say_and_how_many(panel: TablePanel, truth: Any) -> None:
    panel.bar.shared.click()
    shared = truth.features["shared"].astype(bool)
    assert features_of(panel) == np.flatnonzero(shared).tolist()
    assert panel.bar.count.text() == f"{shared.sum():,} of {truth.count:,} features"
    panel.bar.shared.click()
    panel.bar.languages.setValue(4)
    expected = np.flatnonzero(truth.features["n_languages"] >= 4)
    assert features_of(panel) == expected.tolist()
    assert panel.bar.languages.maximum() == len(truth.languages)
    assert panel.bar.rows == {}
    panel.bar.clear.click()
    assert len(features_of(panel)) == truth.count and not panel.bar.clear.isVisible()


@pytest.mark.parametrize("language", ["ko", "ar", "ru", "en"])
def test_names_are_found_in_every_language(
    qtbot: QtBot, panel: TablePanel, truth: Any, language: str
) -> None:
    column = truth.languages.index(language)
    name = next(name for name in truth.names[:, column] if name)
    typed = unicodedata.normalize("NFD", name).upper()
    panel.bar.search.setText(typed)  # test keys cannot type every letter
    qtbot.keyClick(panel.bar.search, Qt.Key.Key_Return)
    expected = [
        feature
        for feature in range(truth.count)
        if any(fold(typed) in fold(other) for other in truth.names[feature])
    ]
    assert expected and features_of(panel) == expected
    assert panel.context.store.state.place == Place("feature", expected[0])


def test_typing_is_one_step_to_undo(qtbot: QtBot, panel: TablePanel) -> None:
    for text in ("a", "ab", "abc"):
        type_text(qtbot, panel, text)
    assert panel.context.store.undo_label == "undo.filter"
    panel.context.store.undo()
    assert query_of(panel) == Query() and panel.bar.search.text() == ""
    panel.context.store.redo()
    assert panel.bar.search.text() == "abc"


def test_captions_are_searched_where_that_is_asked_for(
    qtbot: QtBot, panel: TablePanel, atlas_path: Path, settle: Callable[[], None], truth: Any
) -> None:
    import h5py

    type_text(qtbot, panel, "dog")
    by_name = features_of(panel)
    panel.bar.in_captions.click()
    assert features_of(panel) == by_name
    settle()
    with h5py.File(atlas_path) as file:
        top = file["examples/text.pooled/top"][()]
        caption = file["codes/text.pooled/rows/caption"][()]
    holds = np.append(
        np.array(["dog" in fold(text) for text in truth.caption_text])[caption], False
    )
    hit = np.flatnonzero(holds[top].any(axis=(1, 2)))
    assert features_of(panel) == sorted({*by_name, *hit.tolist()})
    assert len(features_of(panel)) > len(by_name)
    panel.bar.in_captions.click()
    assert features_of(panel) == by_name


def test_a_search_in_captions_that_was_replaced_is_forgotten(
    qtbot: QtBot, panel: TablePanel, settle: Callable[[], None]
) -> None:
    panel.bar.in_captions.click()
    type_text(qtbot, panel, "e")
    type_text(qtbot, panel, "no caption holds this")
    settle()
    assert features_of(panel) == []


def test_a_range_is_added_dragged_typed_and_taken_away(
    qtbot: QtBot, panel: TablePanel, truth: Any
) -> None:
    panel.bar.add_filter("modality_score")
    row = panel.bar.rows["modality_score"]
    assert isinstance(row, RangeRow) and row.histogram.hasFocus()
    plot = row.histogram.plot()
    start, end = (QPoint(round(plot.left() + x * plot.width()), 20) for x in (0.3, 0.7))
    qtbot.mousePress(row.histogram, LEFT, pos=start)
    qtbot.mouseMove(row.histogram, end)
    qtbot.mouseRelease(row.histogram, LEFT, pos=end)
    limit = query_of(panel).limit("modality_score")
    assert limit is not None
    score = truth.features["modality_score"]
    expected = np.flatnonzero((score >= limit.low) & (score <= limit.high))
    assert 0 < len(expected) < truth.count and features_of(panel) == expected.tolist()
    assert row.fields[0].text() == f"{limit.low:g}"
    row.fields[0].setFocus()
    row.fields[0].clear()
    qtbot.keyClicks(row.fields[0], "0.5")
    qtbot.keyClick(row.fields[0], Qt.Key.Key_Return)
    changed = query_of(panel).limit("modality_score")
    assert changed is not None and (changed.low, changed.high) == (0.5, limit.high)
    qtbot.mouseClick(row.close_button, LEFT)
    assert query_of(panel) == Query() and panel.bar.rows == {}


def test_categories_are_ticked(qtbot: QtBot, panel: TablePanel, atlas_path: Path) -> None:
    import h5py

    with h5py.File(atlas_path) as file:
        reach = file["by_language/reach"][()]
    panel.bar.add_filter("reach")
    row = panel.bar.rows["reach"]
    assert isinstance(row, ChoiceRow)
    for value in (1, 4):
        row.boxes[value].click()
    assert features_of(panel) == np.flatnonzero(np.isin(reach, (1, 4))).tolist()
    row.boxes[1].click()
    row.boxes[4].click()
    assert query_of(panel) == Query() and "reach" in panel.bar.rows


def test_every_column_of_numbers_can_be_filtered_by(panel: TablePanel, truth: Any) -> None:
    menu = panel.bar.add.menu()
    menu.aboutToShow.emit()
    deeper = {own.title(): own for own in menu.findChildren(QMenu)}
    offered = {action.text() for action in menu.actions()}
    assert {"Modality", "Img energy", "Reach", "Pictures only", "Shared"} <= offered
    assert [action.text() for action in deeper["p"].actions()] == truth.languages
    deeper["p"].actions()[0].trigger()
    assert list(panel.bar.rows) == [f"p[{truth.languages[0]}]"]


def test_filters_that_were_set_elsewhere_have_rows(panel: TablePanel) -> None:
    query = Query().limited(Limit("firing_rate[en]", 0.01)).chosen(Choice("testable", (0,)))
    panel.context.store.change("undo.filter", query=query)
    assert set(panel.bar.rows) == {"firing_rate[en]", "testable"}
    row = panel.bar.rows["firing_rate[en]"]
    assert isinstance(row, RangeRow) and row.histogram.low == 0.01
    panel.context.store.undo()
    assert panel.bar.rows == {}


def test_stars_and_tags_filter_and_are_shown(panel: TablePanel) -> None:
    notes = panel.context.notes
    notes.put({3: Note(tags=("animal",)), 5: Note(starred=True), 7: Note(tags=("x", "animal"))})
    menu = panel.bar.tags.menu()
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()] == ["animal", "x"]
    menu.actions()[0].trigger()
    assert features_of(panel) == [3, 7] and panel.bar.tags.text() == "Tags: animal"
    keys = [column.key for column in panel.model.columns]
    assert panel.model.index(1, keys.index("tags")).data() == "x, animal"
    notes.put({4: Note(tags=("animal",))})
    assert features_of(panel) == [3, 4, 7]
    panel.bar.clear.click()
    panel.bar.starred.click()
    assert features_of(panel) == [5]
