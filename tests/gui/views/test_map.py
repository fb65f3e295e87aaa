"""The map of features in a window; the canvas itself is tested alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from mmfeat.figures.palettes import COLOURINGS
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.notes import Note
from mmfeat_gui.state.query import Choice, Limit, Query
from mmfeat_gui.state.selection import NOTHING, Selection
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.views.map_canvas import MapCanvas
from mmfeat_gui.views.map_panel import MapPanel
from mmfeat_gui.workers.map import TopPictures

Settle = Callable[[MainWindow], None]
LEFT = Qt.MouseButton.LeftButton


def panel_of(window: MainWindow) -> MapPanel:
    panel = window.panel(MapPanel)
    assert isinstance(panel, MapPanel)
    return panel


@pytest.fixture
def panel(opened: MainWindow) -> MapPanel:
    found = panel_of(opened)
    found.labels.isChecked() and found.labels.trigger()  # names would lie over the dots
    return found


def pixels(canvas: MapCanvas) -> np.ndarray:
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


def dots(canvas: MapCanvas) -> np.ndarray:
    """Return which pixels a dot covers, from a picture of the map without its ring."""
    canvas.clearFocus()
    canvas.select(-1)
    base = canvas.palette().base().color()
    ground = np.array([base.red(), base.green(), base.blue()])
    return np.abs(pixels(canvas) - ground).sum(axis=2) > 90


def hover(canvas: MapCanvas, point: QPointF) -> None:
    none = Qt.MouseButton.NoButton
    plain = Qt.KeyboardModifier.NoModifier
    kind = QEvent.Type.MouseMove
    QApplication.sendEvent(
        canvas, QMouseEvent(kind, point, canvas.mapToGlobal(point), none, none, plain)
    )


@pytest.mark.parametrize("edge", ["left", "top", "right", "bottom"])
def test_a_click_on_a_dot_opens_its_feature(
    qtbot: QtBot, opened: MainWindow, panel: MapPanel, truth: Any, edge: str
) -> None:
    canvas = panel.canvas
    rows, columns = np.nonzero(dots(canvas))
    at, expected = {
        "left": (columns.argmin(), truth.xy[:, 0].argmin()),
        "right": (columns.argmax(), truth.xy[:, 0].argmax()),
        "top": (rows.argmin(), truth.xy[:, 1].argmax()),
        "bottom": (rows.argmax(), truth.xy[:, 1].argmin()),
    }[edge]
    ratio = canvas.devicePixelRatioF()
    point = QPoint(int(columns[at] / ratio), int(rows[at] / ratio))
    qtbot.mouseClick(canvas, LEFT, pos=point)
    assert opened.context.store.state.place == Place("feature", int(expected))


def test_the_feature_shown_is_ringed_wherever_it_was_opened_from(
    opened: MainWindow, panel: MapPanel
) -> None:
    panel.canvas.clearFocus()
    opened.context.go(Place("feature", 1))
    ringed = pixels(panel.canvas)
    panel.canvas.select(-1)
    rows, columns = np.nonzero((ringed != pixels(panel.canvas)).any(axis=2))
    centre = panel.canvas.position_of(1)
    assert centre is not None
    distance = np.hypot(columns + 0.5 - centre.x(), rows + 0.5 - centre.y())
    assert rows.size > 10 and distance.max() < panel.canvas.radius() + 8


def test_hovering_shows_name_languages_and_top_picture(
    opened: MainWindow, panel: MapPanel, truth: Any, settle: Settle
) -> None:
    feature = truth.with_pictures_and_captions()
    canvas, card = panel.canvas, panel.pane.card
    point = canvas.position_of(feature)
    assert point is not None
    feature = canvas.point_at(point)
    hover(canvas, point)
    assert card.isVisible() and card.feature == feature
    english = truth.names[feature, truth.languages.index("en")]
    filled = [k for k, name in enumerate(truth.names[feature]) if name]
    if filled:
        best = max(filled, key=lambda k: truth.name_scores[feature, k])
        assert card._title.text() == (english or truth.names[feature, best])
    for language, rate in zip(truth.languages, truth.rate[feature], strict=True):
        assert (language in card._facts.text().split("fires in: ")[1].split(", ")) == (rate > 0)
    assert panel.pane.painting is not None
    assert panel.pane.painting.text(feature) in card._facts.text()
    settle(opened)
    assert card.picture_shown
    assert canvas.rect().contains(card.geometry())
    hover(canvas, QPointF(1, 1))
    assert not card.isVisible()


# Selecting ------------------------------------------------------------------------------


def test_a_selection_is_replaced_added_to_taken_from_inverted_and_cleared(
    opened: MainWindow, panel: MapPanel, truth: Any
) -> None:
    store = opened.context.store
    for found, mode, expected in (
        ([1, 2, 5], "replace", [1, 2, 5]),
        ([3, 5], "add", [1, 2, 3, 5]),
        ([1, 9], "subtract", [2, 3, 5]),
        ([4], "replace", [4]),
    ):
        panel.canvas.selection_made.emit(np.array(found), mode)
        assert store.state.features.indices.tolist() == expected
    panel.tools.invert.trigger()
    assert store.state.features == Selection.of(set(range(truth.count)) - {4})
    panel.tools.clear_selection.trigger()
    assert store.state.features == NOTHING
    store.undo()
    store.undo()
    assert store.state.features == Selection.of([4])


def test_what_is_brushed_elsewhere_is_shown_on_the_map(opened: MainWindow, panel: MapPanel) -> None:
    panel.canvas.clearFocus()
    plain = pixels(panel.canvas)
    opened.context.store.change("undo.select_features", features=Selection.of([0, 7]))
    assert (pixels(panel.canvas) != plain).any()
    opened.context.store.undo()
    np.testing.assert_array_equal(pixels(panel.canvas), plain)


# Filters and legend ---------------------------------------------------------------------


def test_filters_dim_the_map_and_hidden_features_cannot_be_meant(
    qtbot: QtBot, opened: MainWindow, panel: MapPanel, truth: Any
) -> None:
    canvas, store = panel.canvas, opened.context.store
    store.change("undo.colouring", colouring="n_languages")
    canvas.clearFocus()
    canvas.select(-1)
    everything = pixels(canvas)
    feature = int(truth.xy[:, 0].argmin())
    point = canvas.position_of(feature)
    assert point is not None
    assert canvas.point_at(point) == feature
    keep = (feature + 1) % truth.count
    store.change("undo.filter", query=Query(text=f"#{keep}"))
    assert opened.summary is not None
    qtbot.waitUntil(lambda: opened.summary.table.passing.sum() == 1)
    dimmed = pixels(canvas)
    assert canvas.point_at(point) == -1
    kept = canvas.position_of(keep)
    assert kept is not None and canvas.point_at(kept) == keep
    # What is hidden is drawn grey, without hue.
    column, row = int(point.x()), int(point.y())
    assert (everything[row, column] != dimmed[row, column]).any()
    assert np.ptp(dimmed[row, column]) <= 6


def test_a_category_switched_off_in_the_legend_is_dimmed(
    qtbot: QtBot, opened: MainWindow, panel: MapPanel, truth: Any
) -> None:
    store = opened.context.store
    store.change("undo.colouring", colouring="shared")
    testable, shared = (truth.features[key].astype(bool) for key in ("testable", "shared"))
    counts = [(~testable).sum(), (testable & ~shared).sum(), (testable & shared).sum()]
    assert [f"({count:,})" in box.text() for box, count in zip(
        panel.legend.boxes, counts, strict=True
    )] == [True] * 3  # fmt: skip
    qtbot.keyClick(panel.legend.boxes[0], Qt.Key.Key_Space)
    assert store.state.hidden == frozenset({"untestable"})
    everything = [QPointF(x, y) for x, y in ((-9, -9), (9999, -9), (9999, 9999), (-9, 9999))]
    placed = np.isfinite(truth.xy).all(axis=1)
    assert panel.canvas.within(everything).tolist() == np.flatnonzero(testable & placed).tolist()
    store.undo()
    assert panel.legend.boxes[0].isChecked()
    assert len(panel.canvas.within(everything)) == placed.sum()


def test_a_range_drawn_in_the_legend_filters_features(
    qtbot: QtBot, opened: MainWindow, panel: MapPanel
) -> None:
    store, scale = opened.context.store, panel.legend.scale
    store.change("undo.colouring", colouring="modality_score")
    bar = scale.bar()

    def at(share: float) -> QPoint:
        return QPointF(bar.left() + share * bar.width(), bar.center().y()).toPoint()

    qtbot.mousePress(scale, LEFT, pos=at(0.25))
    qtbot.mouseMove(scale, at(0.75))
    qtbot.mouseRelease(scale, LEFT, pos=at(0.75))
    limit = store.state.query.limit("modality_score")
    assert limit is not None
    assert (limit.low, limit.high) == pytest.approx((0.25, 0.75), abs=0.01)
    assert "0.25" in scale.accessibleName() or "0.24" in scale.accessibleName()
    qtbot.keyClick(scale, Qt.Key.Key_Right)
    moved = store.state.query.limit("modality_score")
    assert moved is not None and moved.low == pytest.approx(limit.low + 0.02)
    assert moved.high == limit.high
    qtbot.keyClick(scale, Qt.Key.Key_Delete)
    assert store.state.query.limit("modality_score") is None
    store.undo()  # of all that was drawn one after the other
    store.redo()
    assert store.state.query.limit("modality_score") is None


def test_a_range_of_the_table_is_shown_in_the_legend(opened: MainWindow, panel: MapPanel) -> None:
    store = opened.context.store
    store.change("undo.colouring", colouring="modality_score")
    whole = panel.legend.scale.accessibleName()
    query = store.state.query.limited(Limit("modality_score", 0.5))
    store.change("undo.filter", query=query.chosen(Choice("shared", (1,))))
    assert panel.legend.scale.accessibleName() == "0.50 – 1.00" != whole


# Colours and sizes ----------------------------------------------------------------------


@pytest.mark.parametrize("key", [*COLOURINGS, "energy_image", "testable"])
def test_every_colouring_draws_a_map_and_a_legend(
    qtbot: QtBot, opened: MainWindow, panel: MapPanel, key: str
) -> None:
    panel.colouring.setCurrentIndex(panel.colouring.findData(key))
    panel.colouring.activated.emit(panel.colouring.currentIndex())
    assert opened.context.store.state.colouring == key == opened.settings.colouring
    assert len(np.unique(pixels(panel.canvas).reshape(-1, 3), axis=0)) > 3
    qtbot.wait(1)  # the layout takes what is new
    legend = panel.legend.grab().toImage()
    colours = {legend.pixel(x, y) for x in range(legend.width()) for y in range(legend.height())}
    assert len(colours) > 3
    assert panel.legend.accessibleName()


def test_features_can_be_coloured_by_a_tag_of_ones_own(
    opened: MainWindow, panel: MapPanel, truth: Any
) -> None:
    context = opened.context
    context.notes.put({1: Note(tags=("새",)), 4: Note(tags=("새",))})
    index = panel.colouring.findData("tag:새")
    assert index >= 0 and panel.colouring.itemText(index) == "tag: 새"
    panel.colouring.setCurrentIndex(index)
    panel.colouring.activated.emit(index)
    assert [box.text() for box in panel.legend.boxes] == [
        f"not tagged ({truth.count - 2:,})",
        "tagged (2)",
    ]
    painting = panel.pane.painting
    assert painting is not None and np.flatnonzero(painting.codes).tolist() == [1, 4]
    context.notes.put({2: Note(tags=("새",))})
    assert panel.pane.painting is not None
    assert np.flatnonzero(panel.pane.painting.codes).tolist() == [1, 2, 4]


def test_dots_can_be_sized_by_a_score(opened: MainWindow, panel: MapPanel) -> None:
    plain = pixels(panel.canvas)
    panel.sizing.setCurrentIndex(panel.sizing.findData("energy"))
    panel.sizing.activated.emit(panel.sizing.currentIndex())
    assert opened.context.store.state.sizing == "energy"
    assert (pixels(panel.canvas) != plain).any()
    opened.context.store.undo()
    assert panel.sizing.currentData() == ""
    np.testing.assert_array_equal(pixels(panel.canvas), plain)


def test_the_map_follows_a_dark_palette(opened: MainWindow, panel: MapPanel) -> None:
    dark = QPalette(opened.palette())
    dark.setColor(QPalette.ColorRole.Base, QColor("#101214"))
    dark.setColor(QPalette.ColorRole.Text, QColor("#eeeeee"))
    panel.canvas.clearFocus()
    panel.setPalette(dark)
    assert pixels(panel.canvas)[2, 2].tolist() == [0x10, 0x12, 0x14]


# What lies over the map -----------------------------------------------------------------


def test_names_of_clusters_are_those_of_features_and_can_be_left_out(
    qtbot: QtBot, opened: MainWindow, truth: Any, settle: Settle
) -> None:
    panel = panel_of(opened)
    qtbot.waitUntil(lambda: panel._clusters is not None, timeout=10_000)
    settle(opened)
    assert panel._clusters is not None
    known = {name for row in truth.names for name in row if name}
    assert set(panel._clusters.names) <= known
    panel.canvas.clearFocus()
    written = pixels(panel.canvas)
    opened.actions_by_key["map_labels"].trigger()
    assert opened.context.store.state.labels is False
    assert not panel.labels.isChecked()
    assert (pixels(panel.canvas) != written).any() or not panel._clusters.names
    opened.context.store.undo()
    np.testing.assert_array_equal(pixels(panel.canvas), written)


def test_pictures_near_by_are_those_of_the_largest_activations(
    opened: MainWindow, panel: MapPanel, truth: Any, settle: Settle
) -> None:
    feature = int(np.argmax(truth.top_activation[:, 0]))
    row = int(truth.top_picture[feature, 0])
    item = int(truth.picture_item[row])
    asked: dict[int, Any] = {}
    opened.context.reader.follow(TopPictures((feature,)), asked.update)
    settle(opened)
    assert opened.context.path is not None
    with h5py.File(opened.context.path) as file:
        png = bytes(file["thumbnails/image"][item])
    expected = QImage.fromData(png).convertToFormat(QImage.Format.Format_RGB888)
    found = asked[feature]
    assert found.shape == (expected.height(), expected.width(), 3)
    middle = expected.pixelColor(expected.width() // 2, expected.height() // 2)
    centre = found[expected.height() // 2, expected.width() // 2].tolist()
    assert centre == [middle.red(), middle.green(), middle.blue()]


def test_pictures_are_asked_for_only_while_they_are_on(
    opened: MainWindow, panel: MapPanel, settle: Settle
) -> None:
    asked: list[object] = []
    panel.pictures.wanted.connect(asked.append)
    panel.thumbnails.trigger()
    assert opened.context.store.state.thumbnails is False
    point = panel.canvas.position_of(0)
    assert point is not None
    panel.canvas.zoom(30, point)
    panel.canvas._rest()
    pixels(panel.canvas)
    assert not asked
    panel.thumbnails.trigger()
    pixels(panel.canvas)
    settle(opened)
    assert asked
    pixels(panel.canvas)
    assert any(panel.pictures.of(one) is not None for one in asked[0])  # type: ignore[attr-defined]


# The part that is seen ------------------------------------------------------------------


def test_moving_the_map_can_be_undone_as_one_step(
    qtbot: QtBot, opened: MainWindow, panel: MapPanel
) -> None:
    store = opened.context.store
    before = panel.canvas.view
    panel.canvas.setFocus()
    for key in (Qt.Key.Key_Plus, Qt.Key.Key_Left, Qt.Key.Key_Plus):
        qtbot.keyClick(panel.canvas, key)
        panel.canvas._rest()
    assert store.state.viewport == panel.canvas.view != before
    store.undo()
    assert store.state.viewport is None and panel.canvas.view == before
    store.redo()
    assert panel.canvas.view == store.state.viewport


def test_the_whole_map_comes_back_by_an_action(opened: MainWindow, panel: MapPanel) -> None:
    panel.canvas.zoom(4)
    assert not panel.canvas.shows_everything
    opened.actions_by_key["fit"].trigger()
    assert panel.canvas.shows_everything


def test_an_atlas_without_a_map_says_how_to_make_one(
    window: MainWindow, atlas_path: Path, tmp_path: Path, settle: Settle
) -> None:
    path = Path(shutil.copy(atlas_path, tmp_path / "flat.h5"))
    with h5py.File(path, "r+") as file:
        del file["maps"]
    window.open_atlas(path)
    settle(window)
    canvas = panel_of(window).canvas
    assert canvas.point_at(QPointF(50, 50)) == -1
    assert canvas.position_of(0) is None
    assert dots(canvas).any()  # the sentence
