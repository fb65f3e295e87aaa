"""Sections of a page: what each shows is what the file or the library says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import h5py
import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import (
    QMouseEvent,
)
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from mmfeat.figures.sections import EXPLANATIONS
from mmfeat_gui.resources.strings import tables
from mmfeat_gui.state.history import Place
from mmfeat_gui.views.feature_bodies import BridgeBody, ConsistencyBody, MeaningBody, NamesBody
from mmfeat_gui.views.feature_histograms import ActivationHistograms
from mmfeat_gui.views.feature_page import FeaturePageView
from mmfeat_gui.views.main_window import MainWindow
from tests.gui.views.page.hand import panel_of

Settle = Callable[[MainWindow], None]


# Sections ---------------------------------------------------------------------------


def test_a_section_is_read_when_it_is_unfolded(
    opened: MainWindow, page: FeaturePageView, settle: Settle
) -> None:
    fold = page.folds["names"]
    assert page.loaded is not None and "names" not in page.loaded.sections
    assert fold.body is None
    fold.button.click()
    settle(opened)
    assert isinstance(fold.body, NamesBody) and not fold.body.isHidden()
    assert "names" in page.loaded.sections
    fold.button.click()
    assert fold.body.isHidden()
    assert "folded" in fold.button.accessibleName()


def test_what_is_folded_is_remembered_and_undone(
    qtbot: QtBot, opened: MainWindow, page: FeaturePageView, settle: Settle
) -> None:
    store = opened.context.store
    page.folds["names"].button.click()
    page.folds["numbers"].button.click()
    settle(opened)
    wanted = ("activations", "consistency", "neighbours", "bridge", "names")
    assert store.state.unfolded == wanted
    assert opened.settings.unfolded == list(wanted)
    store.undo()
    settle(opened)
    assert not page.folds["names"].unfolded and page.folds["numbers"].unfolded
    store.redo()
    settle(opened)
    assert page.loaded is not None and "names" in page.loaded.sections
    assert opened.context.path is not None
    fresh = MainWindow(replace(opened.settings))  # as after another start
    qtbot.addWidget(fresh)
    fresh.show()
    fresh.open_atlas(opened.context.path)
    settle(fresh)
    folds = panel_of(fresh).feature_page.folds
    assert tuple(key for key, fold in folds.items() if fold.unfolded) == wanted
    assert isinstance(folds["names"].body, NamesBody) and folds["numbers"].body is None
    fresh.close()


def test_sections_that_a_session_names_wrongly_are_left_out(
    opened: MainWindow, page: FeaturePageView, settle: Settle
) -> None:
    opened.context.store.change("undo.unfolded", unfolded=("no such section", "names"))
    settle(opened)
    assert [key for key, fold in page.folds.items() if fold.unfolded] == ["names"]


def _histograms(page: FeaturePageView) -> ActivationHistograms:
    body = page.folds["activations"].body
    assert isinstance(body, ActivationHistograms) and body.shown is not None
    return body


def _within(path: Any, page: FeaturePageView, index: int, first: int, last: int) -> list[int]:
    """Return the items behind some bars of a histogram, by h5py alone."""
    assert page.loaded is not None
    shown = _histograms(page).shown
    assert shown is not None
    own, feature = shown.columns[index], page.loaded.page.feature
    edges = np.linspace(0, shown.highest, len(own.counts) + 1)
    with h5py.File(path) as file:
        group = file["codes/text.pooled" if own.language else "codes/image.pooled"]
        low, high = group["by_feature/indptr"][feature : feature + 2]
        rows, values = group["by_feature/rows"][low:high], group["by_feature/data"][low:high]
        bar = np.minimum(np.searchsorted(edges, values.astype(float), "right") - 1, len(edges) - 2)
        kept = (bar >= first) & (bar < last)
        if own.language:
            tag = file["languages"].asstr()[:].tolist().index(own.language)
            kept &= group["rows/language"][:][rows] == tag
        return sorted(set(group["rows/item"][:][rows[kept]].tolist()))


def test_dragging_over_bars_brushes_the_items_behind_them(
    qtbot: QtBot, opened: MainWindow, page: FeaturePageView, settle: Settle, atlas_path: Any
) -> None:
    body, store = _histograms(page), opened.context.store

    def drag(index: int, one: int, other: int, modifier: Qt.KeyboardModifier) -> None:
        plot, bars = body._plot(body.tile_rect(index)), len(body._columns()[index].counts)
        places = [
            QPoint(round(plot.left() + (bar + 0.5) / bars * plot.width()), round(plot.center().y()))
            for bar in (one, other)
        ]
        left = Qt.MouseButton.LeftButton
        qtbot.mousePress(body, left, modifier, places[0])
        at, nothing = QPointF(places[1]), Qt.MouseButton.NoButton
        kind = QEvent.Type.MouseMove
        moved = QMouseEvent(kind, at, body.mapToGlobal(at), nothing, left, modifier)
        QApplication.sendEvent(body, moved)
        body.grab()
        qtbot.mouseRelease(body, left, modifier, places[1])
        settle(opened)

    none = Qt.KeyboardModifier.NoModifier
    drag(0, 20, 6, none)
    pictures = _within(atlas_path, page, 0, 6, 21)
    assert store.state.items.indices.tolist() == pictures
    assert "From " in body.describe(0) and "From " not in body.describe(1)
    drag(2, 1, 23, Qt.KeyboardModifier.ShiftModifier)
    captions = _within(atlas_path, page, 2, 1, 24)
    assert store.state.items.indices.tolist() == sorted({*pictures, *captions})
    drag(2, 1, 23, Qt.KeyboardModifier.AltModifier)
    assert store.state.items.indices.tolist() == sorted({*pictures} - {*captions})
    assert len(captions) > 0 and len(pictures) > 0
    store.undo()
    assert store.state.items.indices.tolist() == sorted({*pictures, *captions})


def test_a_range_of_a_histogram_is_brushed_by_keyboard(
    qtbot: QtBot, opened: MainWindow, page: FeaturePageView, settle: Settle, atlas_path: Any
) -> None:
    body = _histograms(page)
    body.setFocus()
    qtbot.keyClick(body, Qt.Key.Key_Right)
    for _ in range(3):
        qtbot.keyClick(body, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    for _ in range(30):
        qtbot.keyClick(body, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    for _ in range(9):
        qtbot.keyClick(body, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert "From " in body.accessibleDescription()
    qtbot.keyClick(body, Qt.Key.Key_Return)
    settle(opened)
    found = opened.context.store.state.items.indices.tolist()
    assert found == _within(atlas_path, page, 1, 3, 13) and found


def test_histograms_count_the_activations_of_the_file(
    page: FeaturePageView, atlas_path: Any, truth: Any
) -> None:
    assert page.loaded is not None
    feature = page.loaded.page.feature
    body = page.folds["activations"].body
    assert isinstance(body, ActivationHistograms) and body.shown is not None
    with h5py.File(atlas_path) as file:
        group = file["codes/text.pooled"]
        low, high = group["by_feature/indptr"][feature : feature + 2]
        rows, values = group["by_feature/rows"][low:high], group["by_feature/data"][low:high]
        language = group["rows/language"][:]
    for own in body.shown.columns[1:]:
        tag = truth.languages.index(own.language)
        mine = values[language[rows] == tag].astype(np.float32)
        assert own.firing == len(mine) == own.counts.sum()
        assert own.rows == (language == tag).sum()
        edges = np.linspace(0, body.shown.highest, len(own.counts) + 1)
        np.testing.assert_array_equal(own.counts, np.histogram(mine, edges)[0])
    assert "median" in body.describe(0)


def test_the_matrix_tells_jaccard_p_bound_and_interval(
    page: FeaturePageView, atlas_path: Any, truth: Any
) -> None:
    assert page.loaded is not None
    feature = page.loaded.page.feature
    body = page.folds["consistency"].body
    assert isinstance(body, ConsistencyBody) and body.matrix.matrix is not None
    with h5py.File(atlas_path) as file:
        jaccard = float(file["by_language/jaccard_value"][feature, 0])
        low = float(file["by_language/jaccard_low"][feature, 0])
        pair = float(file["by_pair/jaccard"][feature, 0])
        bound = float(file["by_pair/lower"][feature, 0])
    matrix = body.matrix.matrix
    assert matrix.values[0, 1] == matrix.values[1, 0] == pytest.approx(jaccard)
    assert matrix.values[1, 2] == pytest.approx(pair)
    assert f"{jaccard:.3g}" in matrix.describe(0, 1) and f"{low:.3g}" in matrix.describe(0, 1)
    assert f"{bound:.3g}" in matrix.describe(1, 2)
    assert "exact p" in matrix.describe(1, 2)


def test_partners_of_the_bridge_open_their_pages(
    qtbot: QtBot, opened: MainWindow, page: FeaturePageView, atlas_path: Any
) -> None:
    assert page.loaded is not None
    feature = page.loaded.page.feature
    body = page.folds["bridge"].body
    assert isinstance(body, BridgeBody)
    with h5py.File(atlas_path) as file:
        index = file["bridge/image/index"][feature]
    flow = body.flows["image"]
    assert [tile.feature for tile in flow._tiles] == index[index >= 0].tolist()
    last = len(flow._tiles) - 1
    flow._current = last
    qtbot.keyClick(flow, Qt.Key.Key_Return)
    assert opened.context.store.state.place == Place("feature", int(index[index >= 0][-1]))


def test_names_stand_with_their_evidence(
    opened: MainWindow, page: FeaturePageView, settle: Settle, truth: Any
) -> None:
    page.folds["names"].button.click()
    settle(opened)
    assert page.loaded is not None
    feature = page.loaded.page.feature
    body = page.folds["names"].body
    assert isinstance(body, NamesBody)
    first = {row[0]: row for row in body.table.texts() if row[0]}
    assert list(first) == truth.languages
    for at, tag in enumerate(truth.languages):
        name = truth.names[feature, at]
        assert first[tag][1] == (name or "no good name")
        if name:
            assert first[tag][2] == f"{truth.name_scores[feature, at]:.3g}"


def test_specificity_shows_the_scores_of_the_file(
    opened: MainWindow, page: FeaturePageView, settle: Settle, atlas_path: Any
) -> None:
    page.folds["meaning"].button.click()
    settle(opened)
    assert page.loaded is not None
    feature = page.loaded.page.feature
    body = page.folds["meaning"].body
    assert isinstance(body, MeaningBody)
    with h5py.File(atlas_path) as file:
        score = float(file["concepts/monosemanticity/image"][feature])
    shown = {label: value for label, value, _ in body.numbers.numbers}
    assert shown["monosemanticity, pictures"] == (f"{score:.3g}" if np.isfinite(score) else "–")


def test_numbers_of_sections_say_what_the_library_says() -> None:
    english = tables()["en"]
    for key, (label, explanation) in EXPLANATIONS.items():
        assert english[f"number.{key}"] == label
        assert english[f"number.{key}_tip"] == explanation


def test_everything_that_takes_the_keyboard_has_a_name(
    opened: MainWindow, page: FeaturePageView, settle: Settle
) -> None:
    for fold in page.folds.values():
        fold.unfold(True)
    settle(opened)
    unnamed = [
        type(widget).__name__
        for widget in page.widget().findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not widget.isHidden()
        and not (widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text()))
        and type(widget).__name__ not in ("QLabel", "QHeaderView")
    ]
    assert unnamed == []
