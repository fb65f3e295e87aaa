from __future__ import annotations

import csv
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QWidget
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.names import fold
from mmfeat_gui.state.notes import Note
from mmfeat_gui.state.query import COLUMNS, Choice, Limit, Order, Query
from mmfeat_gui.state.selection import NOTHING, Selection
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views.column_chooser import ColumnChooser
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.filter_rows import ChoiceRow, RangeRow
from mmfeat_gui.views.histograms_panel import HistogramsPanel
from mmfeat_gui.views.table_panel import TablePanel

LEFT = Qt.MouseButton.LeftButton
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    strings.use("en")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    found = Context(Settings())
    yield found
    found.close()


@pytest.fixture
def own_path(tmp_path: Path, atlas_path: Path) -> Path:
    """An atlas beside which notes may be written."""
    return Path(shutil.copy(atlas_path, tmp_path))


@pytest.fixture
def settle(qtbot: QtBot, context: Context) -> Callable[[], None]:
    """Wait until everything that was asked for has come and is shown."""

    def wait() -> None:
        qtbot.waitUntil(lambda: not (context.reader.busy or context.tasks.busy), timeout=30_000)
        qtbot.wait(1)

    return wait


@pytest.fixture
def panel(
    qtbot: QtBot, context: Context, own_path: Path, settle: Callable[[], None]
) -> Iterator[TablePanel]:
    """A table beside the histograms, with the small atlas."""
    window = QWidget()
    found = TablePanel(context, window)
    histograms = HistogramsPanel(context, window)
    found.setGeometry(0, 0, 700, 600)
    histograms.setGeometry(0, 600, 700, 300)
    window.resize(700, 900)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()

    def show(summary: Summary) -> None:
        context.show_atlas(summary, ViewState(place=Place("feature", summary.table.first())))

    context.reader.opened.connect(show)
    context.reader.open(own_path)
    settle()
    assert context.summary is not None and context.summary.table.named
    yield found  # while the window lives


@pytest.fixture
def histograms(panel: TablePanel) -> HistogramsPanel:
    found = panel.parentWidget().findChild(HistogramsPanel)
    assert isinstance(found, HistogramsPanel)
    return found


def _features(panel: TablePanel) -> list[int]:
    return [panel.model.feature(row) for row in range(panel.model.rowCount())]


def _query(panel: TablePanel) -> Query:
    return panel.context.store.state.query


def _type(qtbot: QtBot, panel: TablePanel, text: str) -> None:
    panel.bar.search.setText(text)
    qtbot.waitUntil(lambda: _query(panel).text == text, timeout=5000)


def _cell(panel: TablePanel, row: int, column: int = 0) -> QPoint:
    index = panel.model.index(row, column)
    return panel.view.visualRect(index).center()


def _click(
    qtbot: QtBot,
    panel: TablePanel,
    row: int,
    keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    qtbot.mouseClick(panel.view.viewport(), LEFT, keys, _cell(panel, row))


# Filters --------------------------------------------------------------------------------


def test_common_filters_show_what_they_say_and_how_many(panel: TablePanel, truth: Any) -> None:
    panel.bar.shared.click()
    shared = truth.features["shared"].astype(bool)
    assert _features(panel) == np.flatnonzero(shared).tolist()
    assert panel.bar.count.text() == f"{shared.sum():,} of {truth.count:,} features"
    panel.bar.shared.click()
    panel.bar.languages.setValue(4)
    expected = np.flatnonzero(truth.features["n_languages"] >= 4)
    assert _features(panel) == expected.tolist()
    assert panel.bar.languages.maximum() == len(truth.languages)
    assert panel.bar.rows == {}
    panel.bar.clear.click()
    assert len(_features(panel)) == truth.count and not panel.bar.clear.isVisible()


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
    assert expected and _features(panel) == expected
    assert panel.context.store.state.place == Place("feature", expected[0])


def test_typing_is_one_step_to_undo(qtbot: QtBot, panel: TablePanel) -> None:
    for text in ("a", "ab", "abc"):
        _type(qtbot, panel, text)
    assert panel.context.store.undo_label == "undo.filter"
    panel.context.store.undo()
    assert _query(panel) == Query() and panel.bar.search.text() == ""
    panel.context.store.redo()
    assert panel.bar.search.text() == "abc"


def test_captions_are_searched_where_that_is_asked_for(
    qtbot: QtBot, panel: TablePanel, atlas_path: Path, settle: Callable[[], None], truth: Any
) -> None:
    import h5py

    _type(qtbot, panel, "dog")
    by_name = _features(panel)
    panel.bar.in_captions.click()
    assert _features(panel) == by_name
    settle()
    with h5py.File(atlas_path) as file:
        top = file["examples/text.pooled/top"][()]
        caption = file["codes/text.pooled/rows/caption"][()]
    holds = np.append(
        np.array(["dog" in fold(text) for text in truth.caption_text])[caption], False
    )
    hit = np.flatnonzero(holds[top].any(axis=(1, 2)))
    assert _features(panel) == sorted({*by_name, *hit.tolist()})
    assert len(_features(panel)) > len(by_name)
    panel.bar.in_captions.click()
    assert _features(panel) == by_name


def test_a_search_in_captions_that_was_replaced_is_forgotten(
    qtbot: QtBot, panel: TablePanel, settle: Callable[[], None]
) -> None:
    panel.bar.in_captions.click()
    _type(qtbot, panel, "e")
    _type(qtbot, panel, "no caption holds this")
    settle()
    assert _features(panel) == []


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
    limit = _query(panel).limit("modality_score")
    assert limit is not None
    score = truth.features["modality_score"]
    expected = np.flatnonzero((score >= limit.low) & (score <= limit.high))
    assert 0 < len(expected) < truth.count and _features(panel) == expected.tolist()
    assert row.fields[0].text() == f"{limit.low:g}"
    row.fields[0].setFocus()
    row.fields[0].clear()
    qtbot.keyClicks(row.fields[0], "0.5")
    qtbot.keyClick(row.fields[0], Qt.Key.Key_Return)
    changed = _query(panel).limit("modality_score")
    assert changed is not None and (changed.low, changed.high) == (0.5, limit.high)
    qtbot.mouseClick(row.close_button, LEFT)
    assert _query(panel) == Query() and panel.bar.rows == {}


def test_categories_are_ticked(qtbot: QtBot, panel: TablePanel, atlas_path: Path) -> None:
    import h5py

    with h5py.File(atlas_path) as file:
        reach = file["by_language/reach"][()]
    panel.bar.add_filter("reach")
    row = panel.bar.rows["reach"]
    assert isinstance(row, ChoiceRow)
    for value in (1, 4):
        row.boxes[value].click()
    assert _features(panel) == np.flatnonzero(np.isin(reach, (1, 4))).tolist()
    row.boxes[1].click()
    row.boxes[4].click()
    assert _query(panel) == Query() and "reach" in panel.bar.rows


def test_every_column_of_numbers_can_be_filtered_by(panel: TablePanel, truth: Any) -> None:
    menu = panel.bar.add.menu()
    menu.aboutToShow.emit()
    deeper = {action.menu().title(): action.menu() for action in menu.actions() if action.menu()}
    offered = {action.text() for action in menu.actions() if not action.menu()}
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
    assert _features(panel) == [3, 7] and panel.bar.tags.text() == "Tags: animal"
    keys = [column.key for column in panel.model.columns]
    assert panel.model.index(1, keys.index("tags")).data() == "x, animal"
    notes.put({4: Note(tags=("animal",))})
    assert _features(panel) == [3, 4, 7]
    panel.bar.clear.click()
    panel.bar.starred.click()
    assert _features(panel) == [5]


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
    assert _features(panel) == sorted(range(truth.count), key=lambda k: (-n[k], k))
    qtbot.mouseClick(heads, LEFT, SHIFT, _head(panel, "modality_score"))
    assert _query(panel).order == (Order("n_languages", True), Order("modality_score", True))
    score = np.nan_to_num(truth.features["modality_score"].astype(float), nan=-1)
    assert _features(panel) == sorted(range(truth.count), key=lambda k: (-n[k], -score[k], k))
    qtbot.mouseClick(heads, LEFT, pos=_head(panel, "title"))
    titles = [fold(panel.context.summary.table.title(k)) for k in _features(panel)]  # type: ignore[union-attr]
    named = [title for title in titles if not title.startswith("feature ")]
    assert named == sorted(named) and titles[: len(named)] == named


def test_columns_are_sorted_and_filtered_by_keys(qtbot: QtBot, panel: TablePanel) -> None:
    _click(qtbot, panel, 0)
    for _ in range(3):
        qtbot.keyClick(panel.view, Qt.Key.Key_Right)
    panel.sort_current()
    panel.sort_current(also=True)
    assert _query(panel).order == (Order("n_languages", False),)
    qtbot.keyClick(panel.view, Qt.Key.Key_Right)
    panel.sort_current(also=True)
    assert _query(panel).order == (Order("n_languages", False), Order("modality_score", True))
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
    panel.context.store.change("undo.columns", query=replace(_query(panel), columns=columns))
    qtbot.mouseClick(panel.view.horizontalHeader().viewport(), LEFT, pos=_head(panel, "name[ar]"))
    settle()
    qtbot.wait(500)
    names = truth.names[:, truth.languages.index("ar")]
    expected = sorted(range(truth.count), key=lambda k: (names[k] == "", fold(names[k]), k))
    assert _features(panel) == expected


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
    assert _query(panel).columns == columns
    assert tuple(column.key for column in panel.model.columns) == columns
    panel.context.store.undo()
    assert tuple(column.key for column in panel.model.columns) == COLUMNS


def test_heads_are_dragged_to_other_places(qtbot: QtBot, panel: TablePanel) -> None:
    panel.view.horizontalHeader().moveSection(3, 0)
    assert _query(panel).columns[:4] == ("n_languages", "title", "feature", "shared")
    heads = panel.view.horizontalHeader()
    assert [heads.visualIndex(place) for place in range(heads.count())] == list(range(len(COLUMNS)))


def test_columns_keep_their_widths(panel: TablePanel) -> None:
    panel.view.horizontalHeader().resizeSection(0, 222)
    columns = ("feature", "title")
    panel.context.store.change("undo.columns", query=replace(_query(panel), columns=columns))
    assert panel.view.columnWidth(1) == 222


# Pages and brushes ----------------------------------------------------------------------


def test_a_click_opens_a_feature_and_brushes_nothing(qtbot: QtBot, panel: TablePanel) -> None:
    _click(qtbot, panel, 4)
    assert panel.context.store.state.place == Place("feature", 4)
    assert panel.context.store.state.features == NOTHING
    assert panel.model.current == 4


def test_rows_are_walked_by_keys(qtbot: QtBot, panel: TablePanel) -> None:
    _click(qtbot, panel, 4)
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
    assert panel.view.viewport().rect().contains(_cell(panel, row))
    order = (Order("feature", True),)
    panel.context.store.change("undo.sort", query=replace(_query(panel), order=order))
    assert panel.view.viewport().rect().contains(_cell(panel, 0))
    assert panel.view.currentIndex().row() == 0


def test_rows_are_brushed_with_ctrl_and_shift(qtbot: QtBot, panel: TablePanel) -> None:
    def brushed() -> list[int]:
        return panel.context.store.state.features.indices.tolist()

    place = panel.context.store.state.place
    _click(qtbot, panel, 2, CTRL)
    _click(qtbot, panel, 6, CTRL)
    assert brushed() == [2, 6]
    _click(qtbot, panel, 8, SHIFT)
    assert brushed() == [2, 6, 7, 8]
    _click(qtbot, panel, 7, CTRL)
    assert brushed() == [2, 6, 8]
    _click(qtbot, panel, 9, SHIFT)
    assert brushed() == [2, 6, 7, 8, 9]
    _click(qtbot, panel, 7, CTRL)
    _click(qtbot, panel, 9, CTRL)
    assert brushed() == [2, 6, 8]
    _click(qtbot, panel, 7, CTRL)
    _click(qtbot, panel, 7, CTRL)
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
        place = _cell(panel, row, 1)
        return image.pixelColor(place.x() - 20, place.y() + head - 8).name()

    assert ground(5) == ground(6) != ground(2)
    panel.bar.selected.click()
    assert _features(panel) == [1, 5, 6, 40]
    panel.context.store.change("undo.brush", features=Selection.of([5]))
    assert _features(panel) == [5]


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
    panel.context.store.change("undo.sort", query=replace(_query(panel), order=order))
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
    _click(qtbot, panel, 3)
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


# Histograms -----------------------------------------------------------------------------


def test_histograms_count_all_shown_and_brushed(
    panel: TablePanel, histograms: HistogramsPanel, truth: Any
) -> None:
    assert list(histograms.rows) == list(Query().histograms)
    panel.bar.shared.click()
    panel.context.store.change("undo.brush", features=Selection.of([0, 1, 2]))
    n = truth.features["n_languages"].astype(int)
    counts = histograms.rows["n_languages"].histogram._counts
    low, bins = n.min(), n.max() - n.min() + 1
    assert counts.every.tolist() == np.bincount(n - low, minlength=bins).tolist()
    shared = truth.features["shared"].astype(bool)
    assert counts.passing.tolist() == np.bincount(n[shared] - low, minlength=bins).tolist()
    assert counts.brushed.tolist() == np.bincount(n[:3] - low, minlength=bins).tolist()


def test_dragging_over_a_histogram_filters_the_table(
    qtbot: QtBot, panel: TablePanel, histograms: HistogramsPanel, truth: Any
) -> None:
    histogram = histograms.rows["firing_rate_image"].histogram
    plot = histogram.plot()
    start, end = (QPoint(round(plot.left() + x * plot.width()), 40) for x in (0.2, 0.6))
    qtbot.mousePress(histogram, LEFT, pos=start)
    qtbot.mouseMove(histogram, end)
    qtbot.mouseRelease(histogram, LEFT, pos=end)
    limit = _query(panel).limit("firing_rate_image")
    assert limit is not None and "firing_rate_image" in panel.bar.rows
    rate = truth.features["firing_rate_image"]
    expected = np.flatnonzero((rate >= limit.low) & (rate <= limit.high))
    assert _features(panel) == expected.tolist() and len(expected) < truth.count


def test_histograms_behind_another_panel_are_counted_when_they_come_to_the_front(
    panel: TablePanel, histograms: HistogramsPanel
) -> None:
    histograms.hide()
    panel.bar.shared.click()
    count = len(_features(panel))
    assert histograms.rows["shared_effect"].histogram._counts.passing.sum() != count
    histograms.show()
    rates = histograms.rows["firing_rate_image"].histogram._counts
    assert rates.passing.sum() == count < rates.every.sum()


def test_histograms_are_added_and_taken_away(
    qtbot: QtBot, panel: TablePanel, histograms: HistogramsPanel
) -> None:
    histograms.add.menu().aboutToShow.emit()
    texts = [action.text() for action in histograms.add.menu().actions()]
    assert "Effect" in texts and "Shared" not in texts
    histograms.show_histogram("energy_image")
    assert list(histograms.rows)[-1] == "energy_image"
    qtbot.mouseClick(histograms.rows["modality_score"].close_button, LEFT)
    assert "modality_score" not in histograms.rows
    panel.context.store.undo()
    assert next(iter(histograms.rows)) == "modality_score"


# Everything -----------------------------------------------------------------------------


def test_every_widget_that_takes_the_keyboard_has_a_name(
    panel: TablePanel, histograms: HistogramsPanel
) -> None:
    panel.bar.add_filter("modality_score")
    panel.bar.add_filter("reach")
    for widget in [*panel.findChildren(QWidget), *histograms.findChildren(QWidget)]:
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus and widget.isVisible():
            named = widget.accessibleName() or getattr(widget, "text", str)()
            inside = widget.parentWidget().accessibleName()  # the line of a box of numbers
            assert named or inside, widget


@pytest.mark.parametrize("damaged", ["by_language/entropy", "names/score"])
def test_what_cannot_be_read_is_said_and_the_rest_is_shown(
    qtbot: QtBot,
    panel: TablePanel,
    own_path: Path,
    settle: Callable[[], None],
    truth: Any,
    damaged: str,
) -> None:
    import h5py

    other = own_path.with_name("other.h5")
    shutil.copy(own_path, other)
    with h5py.File(other, "r+") as file:
        values = file[damaged][()]
        del file[damaged]
        # Chunks that cannot be unpacked: the shape is right, the content is not.
        kept = file.create_dataset(damaged, data=values, compression="gzip", chunks=values.shape)
        kept.id.write_direct_chunk((0,) * values.ndim, b"no such thing")
    said: list[str] = []
    panel.context.said.connect(said.append)
    panel.context.reader.open(other)
    settle()
    assert [damaged in sentence for sentence in said] == [True]
    assert _features(panel) == list(range(truth.count))
    panel.bar.shared.click()
    assert _features(panel) == np.flatnonzero(truth.features["shared"]).tolist()


def test_another_atlas_begins_anew(
    panel: TablePanel, own_path: Path, settle: Callable[[], None], truth: Any
) -> None:
    panel.bar.add_filter("modality_score")
    panel.bar.shared.click()
    panel.context.reader.open(own_path)
    settle()
    assert _query(panel) == Query() and panel.bar.rows == {}
    assert _features(panel) == list(range(truth.count)) and not panel.bar.shared.isChecked()
    assert panel.context.summary is not None
    titles = [panel.model.index(row, 0).data() for row in range(5)]
    assert titles == [panel.context.summary.table.title(feature) for feature in range(5)]


def test_a_session_shows_its_query_again(
    panel: TablePanel, own_path: Path, settle: Callable[[], None]
) -> None:
    query = Query(text="a", order=(Order("title", True),), columns=("title", "feature", "reach"))
    query = query.limited(Limit("modality_score", 0.2))
    panel.context.store.change("undo.filter", query=query)
    before = _features(panel)
    state = panel.context.store.state
    panel.context.reader.opened.disconnect()
    panel.context.reader.opened.connect(lambda summary: panel.context.show_atlas(summary, state))
    panel.context.reader.open(own_path)
    settle()
    assert _features(panel) == before and panel.bar.search.text() == "a"
    assert [column.key for column in panel.model.columns] == ["title", "feature", "reach"]
    assert list(panel.bar.rows) == ["modality_score"]
    QApplication.processEvents()
