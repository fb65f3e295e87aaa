from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.selection import NOTHING, Selection
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.languages_panel import LanguagesPanel
from mmfeat_gui.views.matrix_view import CROSS, DOT, Matrix
from mmfeat_gui.workers import languages as requests

Wait = Callable[[], None]


@pytest.fixture
def context(qtbot: QtBot) -> Iterator[Context]:
    strings.use("en")
    made = Context(Settings())
    yield made
    made.close()


@pytest.fixture
def wait(qtbot: QtBot, context: Context) -> Wait:
    def until_idle() -> None:
        qtbot.waitUntil(lambda: not context.reader.busy, timeout=30_000)
        qtbot.wait(1)

    return until_idle


@pytest.fixture
def panel(qtbot: QtBot, context: Context, wait: Wait, atlas_path: Path) -> LanguagesPanel:
    shown = LanguagesPanel(context)
    qtbot.addWidget(shown)
    shown.resize(640, 560)
    with qtbot.waitExposed(shown):
        shown.show()
    context.reader.opened.connect(lambda summary: context.show_atlas(summary, ViewState()))
    context.reader.open(atlas_path)
    wait()
    return shown


class Languages:
    """The languages of an atlas, by h5py alone."""

    def __init__(self, path: Path) -> None:
        with h5py.File(path) as file:
            self.tags = file["languages"].asstr()[:].tolist()
            self.matrix = file["language_similarity/matrix"][:]
            self.order = file["language_similarity/order"][:].tolist()
            self.level = file["by_language/level"][:]
            self.rate = np.hstack(
                [
                    file["features/firing_rate_image"][:][:, None],
                    file["features/by_language/firing_rate"][:],
                ]
            )
            self.p = file["features/by_language/p"][:]
            self.effect = file["features/by_language/effect"][:]
            self.pair_jaccard = file["by_pair/jaccard"][:]
            self.pairs = (file["by_pair/languages"][:] + 1).tolist()


@pytest.fixture
def known(atlas_path: Path) -> Languages:
    return Languages(atlas_path)


def shown(panel: LanguagesPanel) -> Matrix:
    assert panel.view.matrix is not None
    return panel.view.matrix


def choose(box: QComboBox, key: str, wait: Wait) -> None:
    """Choose an entry, as a user does."""
    box.setCurrentIndex(box.findData(key))
    box.activated.emit(box.currentIndex())
    wait()


def show_features(panel: LanguagesPanel, wait: Wait) -> None:
    choose(panel.kind, "features", wait)


def test_the_matrix_of_all_features_is_that_of_the_atlas_in_its_order(
    panel: LanguagesPanel, known: Languages
) -> None:
    found = shown(panel)
    expected = known.matrix[np.ix_(known.order, known.order)]
    np.fill_diagonal(expected, np.nan)
    np.testing.assert_allclose(found.values, expected, atol=1e-6)
    for at, column in enumerate(known.order):
        detail = known.tags[column - 1] if column else ""
        assert found.rows[at].detail == detail
        assert found.columns[at].text == (detail or "pic.")
        assert found.rows[at].language == detail
    assert found.low == pytest.approx(np.nanmin(expected))
    assert found.high == pytest.approx(np.nanmax(expected))
    assert found.write(0, 1) == f"{expected[0, 1]:.2f}".removeprefix("0")


def test_a_cell_says_value_interval_and_what_chance_leaves(
    panel: LanguagesPanel, known: Languages
) -> None:
    at = 0
    a, b = known.pairs[at]
    row, column = known.order.index(a), known.order.index(b)
    panel.view.go(row, column)
    said = panel.sentence.text()
    assert said.endswith(panel.view.accessibleDescription())
    values = known.pair_jaccard[:, at]
    values = values[np.isfinite(values)]
    fires = int(((known.level[:, a] == 2) & (known.level[:, b] == 2)).sum())
    assert f"mean Jaccard {values.mean():.2f}, 95 % interval" in said
    assert f"over the {len(values)} features that fire in either" in said
    assert f"{fires} features fire in both" in said
    panel.view.go(row, row)
    own = int((known.level[:, a] == 2).sum())
    assert f"{own} features fire here" in panel.sentence.text()


def test_a_cell_of_two_languages_brushes_the_features_that_fire_in_both(
    qtbot: QtBot, panel: LanguagesPanel, known: Languages, context: Context, wait: Wait
) -> None:
    a, b = 0, 3
    panel.view.go(known.order.index(a), known.order.index(b))
    qtbot.keyClick(panel.view, Qt.Key.Key_Return)
    wait()
    both = (known.level[:, a] == 2) & (known.level[:, b] == 2)
    assert 0 < both.sum() < len(both)
    assert context.store.state.features == Selection.of_mask(both)
    assert context.store.undo_label == "undo.brush"
    context.store.undo()
    assert context.store.state.features == NOTHING


def test_brushed_features_are_compared_alone_where_that_is_chosen(
    panel: LanguagesPanel, known: Languages, context: Context, wait: Wait
) -> None:
    whole = shown(panel)
    chosen = Selection.of(range(0, len(known.level), 3))
    context.store.change("undo.brush", features=chosen)
    wait()
    assert shown(panel) is whole  # over all features nothing has changed
    choose(panel.scope, "brushed", wait)
    found = shown(panel)
    order = [known.tags.index(row.detail) + 1 if row.detail else 0 for row in found.rows]
    for at, (a, b) in enumerate(known.pairs):
        values = known.pair_jaccard[chosen.indices, at]
        expected = values[np.isfinite(values)].mean() if np.isfinite(values).any() else np.nan
        cell = found.values[order.index(a), order.index(b)]
        np.testing.assert_allclose(cell, expected, atol=1e-6)
    assert f"{len(chosen)} brushed features" in panel.caption.text()
    context.store.change("undo.brush", features=NOTHING)
    wait()
    assert panel.view.matrix is None and "Brush features" in panel.caption.text()


def test_brushed_features_by_language(
    qtbot: QtBot, panel: LanguagesPanel, known: Languages, context: Context, wait: Wait
) -> None:
    features = [3, 8, 20, 41]
    context.store.change("undo.brush", features=Selection.of(features))
    show_features(panel, wait)
    found = shown(panel)
    rate = known.rate[features][:, known.order]
    np.testing.assert_allclose(
        found.values, rate / np.where(rate.max(1) > 0, rate.max(1), np.nan)[:, None], atol=1e-6
    )
    assert [row.detail for row in found.rows] == [f"#{feature}" for feature in features]
    assert found.marks is not None
    for row, feature in enumerate(features):
        for at, column in enumerate(known.order):
            shared = column > 0 and (
                known.p[feature, column - 1] <= 0.05 and known.effect[feature, column - 1] >= 0.1
            )
            assert (found.marks[row, at] == DOT) == shared
            if known.level[feature, column] == 0:
                assert found.marks[row, at] == CROSS
    panel.view.go(2, known.order.index(1))
    assert panel.sentence.text().startswith("\u200eFeature 20, ")
    assert "exact p" in panel.sentence.text() and "95 % interval" in panel.sentence.text()
    qtbot.keyClick(panel.view, Qt.Key.Key_Return)
    assert context.store.state.place == Place("feature", 20)


@pytest.mark.parametrize("measure", ["rate", "energy", "consistency"])
def test_the_measure_of_features_can_be_chosen(
    panel: LanguagesPanel, context: Context, wait: Wait, atlas_path: Path, measure: str
) -> None:
    context.store.change("undo.brush", features=Selection.of([5]))
    show_features(panel, wait)
    choose(panel.measure, measure, wait)
    found = shown(panel)
    with h5py.File(atlas_path) as file:
        order = file["language_similarity/order"][:]
        if measure == "consistency":
            own = file["by_language/consistency"][5]
        else:
            name = "firing_rate" if measure == "rate" else measure
            pictures, captions = (
                file[f"features/{name}_image"],
                file[f"features/by_language/{name}"],
            )
            own = [pictures[5], *captions[5]]
    values = np.asarray(own, float)[order]
    if measure != "consistency":
        values = values / values.max()
    np.testing.assert_allclose(found.values[0], values, atol=1e-6)


def test_without_a_brush_the_feature_of_the_page_is_shown(
    panel: LanguagesPanel, context: Context, wait: Wait
) -> None:
    show_features(panel, wait)
    assert panel.view.matrix is None
    context.go(Place("feature", 9))
    wait()
    assert [row.detail for row in shown(panel).rows] == ["#9"]
    context.go(Place("feature", 10))
    wait()
    assert [row.detail for row in shown(panel).rows] == ["#10"]


def test_of_too_many_features_the_first_are_shown_and_that_is_said(
    panel: LanguagesPanel, context: Context, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MOST_FEATURES", 7)
    context.store.change("undo.brush", features=Selection.of(range(20)))
    show_features(panel, wait)
    assert len(shown(panel).rows) == 7
    assert "first 7 of 20 features" in panel.caption.text()


def test_nothing_is_read_before_the_panel_is_seen(
    qtbot: QtBot, context: Context, wait: Wait, atlas_path: Path
) -> None:
    hidden = LanguagesPanel(context)
    qtbot.addWidget(hidden)
    context.reader.opened.connect(lambda summary: context.show_atlas(summary, ViewState()))
    context.reader.open(atlas_path)
    wait()
    assert hidden.view.matrix is None
    with qtbot.waitExposed(hidden):
        hidden.show()
    wait()
    assert hidden.view.matrix is not None


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_sentence_is_there_in_both_languages(
    panel: LanguagesPanel, context: Context, wait: Wait, language: str
) -> None:
    strings.use(language)
    try:
        context.store.change("undo.brush", features=Selection.of([4, 5]))
        for kind in ("languages", "features"):
            choose(panel.kind, kind, wait)
            panel.view.go(1, 0)
            panel.view.go(0, 1)
            assert panel.sentence.text() and panel.caption.text()
    finally:
        strings.use("en")


def test_what_is_shown_is_part_of_the_state_and_can_be_undone(
    panel: LanguagesPanel, context: Context, wait: Wait
) -> None:
    context.store.change("undo.brush", features=Selection.of([4, 5]))
    show_features(panel, wait)
    choose(panel.measure, "energy", wait)
    assert context.store.state.matrix == ("features", "all", "energy")
    energy = shown(panel).values
    context.store.undo()
    assert panel.measure.currentData() == "rate"
    assert not np.array_equal(shown(panel).values, energy)
    context.store.undo()
    wait()
    assert panel.kind.currentData() == "languages"
    assert len(shown(panel).rows) == len(shown(panel).columns)
