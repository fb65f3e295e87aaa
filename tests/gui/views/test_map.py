from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from mmfeat.figures.palettes import COLOURINGS
from mmfeat_gui.state.history import Place
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.views.map_canvas import MapCanvas
from mmfeat_gui.views.map_pane import value_text

Settle = Callable[[MainWindow], None]


def _pixels(canvas: MapCanvas) -> np.ndarray:
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


def _dots(canvas: MapCanvas) -> np.ndarray:
    """Return which pixels a dot covers, from a picture of the map without its ring."""
    canvas.clearFocus()
    canvas.select(-1)
    base = canvas.palette().base().color()
    ground = np.array([base.red(), base.green(), base.blue()])
    return np.abs(_pixels(canvas) - ground).sum(axis=2) > 90


def _move_mouse(canvas: MapCanvas, point: QPointF, button: bool = False) -> None:
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    move = QMouseEvent(
        QEvent.Type.MouseMove,
        point,
        canvas.mapToGlobal(point),
        none,
        left if button else none,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(canvas, move)


def _wheel(canvas: MapCanvas, point: QPointF, notches: int) -> None:
    turn = QWheelEvent(
        point,
        canvas.mapToGlobal(point),
        QPoint(0, 0),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, turn)


@pytest.mark.parametrize("edge", ["left", "top", "right", "bottom"])
def test_a_click_on_a_dot_opens_its_feature(
    qtbot: QtBot, opened: MainWindow, truth: Any, settle: Settle, edge: str
) -> None:
    canvas = opened.map.canvas
    rows, columns = np.nonzero(_dots(canvas))
    at, expected = {
        "left": (columns.argmin(), truth.xy[:, 0].argmin()),
        "right": (columns.argmax(), truth.xy[:, 0].argmax()),
        "top": (rows.argmin(), truth.xy[:, 1].argmax()),
        "bottom": (rows.argmax(), truth.xy[:, 1].argmin()),
    }[edge]
    ratio = canvas.devicePixelRatioF()
    point = QPoint(int(columns[at] / ratio), int(rows[at] / ratio))
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=point)
    settle(opened)
    assert opened.history.current == Place("feature", int(expected))
    assert opened.feature_page.loaded is not None
    assert opened.feature_page.loaded.page.feature == expected
    row = opened.list.view.selectionModel().selectedRows()[0].row()
    assert opened.model.feature(row) == expected


def test_a_click_beside_the_dots_opens_nothing(qtbot: QtBot, opened: MainWindow) -> None:
    before = opened.history.current
    qtbot.mouseClick(opened.map.canvas, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    assert opened.history.current == before


def test_the_selected_feature_is_ringed(opened: MainWindow) -> None:
    canvas = opened.map.canvas
    plain = _dots(canvas)
    feature = 1
    canvas.select(feature)
    centre = canvas.position_of(feature)
    assert centre is not None
    base = canvas.palette().base().color()
    ringed = np.abs(_pixels(canvas) - [base.red(), base.green(), base.blue()]).sum(axis=2) > 90
    rows, columns = np.nonzero(ringed != plain)
    distance = np.hypot(columns + 0.5 - centre.x(), rows + 0.5 - centre.y())
    assert rows.size > 10
    assert distance.max() < canvas.radius() + 8


def test_hovering_shows_name_languages_and_top_picture(
    opened: MainWindow, truth: Any, settle: Settle
) -> None:
    feature = truth.with_pictures_and_captions()
    opened.list.search.setText(f"#{feature}")
    canvas, card = opened.map.canvas, opened.map.card
    point = canvas.position_of(feature)
    assert point is not None
    _move_mouse(canvas, point)
    assert card.isVisible() and card.feature == feature
    english = truth.names[feature, truth.languages.index("en")]
    filled = [k for k, name in enumerate(truth.names[feature]) if name]
    if filled:
        best = max(filled, key=lambda k: truth.name_scores[feature, k])
        assert card._title.text() == (english or truth.names[feature, best])
    for language, rate in zip(truth.languages, truth.rate[feature], strict=True):
        assert (language in card._facts.text().split("fires in: ")[1].split(", ")) == (rate > 0)
    settle(opened)
    assert card.picture_shown
    assert canvas.rect().contains(card.geometry())
    _move_mouse(canvas, QPointF(1, 1))
    assert not card.isVisible()


def test_dragging_moves_the_map_and_opens_nothing(qtbot: QtBot, opened: MainWindow) -> None:
    canvas, before = opened.map.canvas, opened.history.current
    start = canvas.position_of(0)
    assert start is not None
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start.toPoint())
    _move_mouse(canvas, QPointF(start.toPoint()) + QPointF(40, 25), button=True)
    end = QPoint(start.toPoint() + QPoint(40, 25))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=end)
    moved = canvas.position_of(0)
    assert moved is not None
    assert (moved - start).x() == pytest.approx(40) and (moved - start).y() == pytest.approx(25)
    assert opened.history.current == before


def test_the_wheel_zooms_to_the_cursor(opened: MainWindow) -> None:
    canvas = opened.map.canvas
    under, other = canvas.position_of(0), canvas.position_of(1)
    assert under is not None and other is not None
    _wheel(canvas, under, 3)
    zoomed, moved = canvas.position_of(0), canvas.position_of(1)
    assert zoomed is not None and moved is not None
    assert (zoomed - under).manhattanLength() < 1e-6
    factor = (moved - under).manhattanLength() / (other - under).manhattanLength()
    assert factor == pytest.approx(1.25**3)
    canvas.fit()
    assert canvas.position_of(1) == other


def test_keys_pan_zoom_and_show_all(qtbot: QtBot, opened: MainWindow) -> None:
    canvas = opened.map.canvas
    before = canvas.position_of(0)
    assert before is not None
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    after = canvas.position_of(0)
    assert after is not None and after.x() == pytest.approx(before.x() - 40)
    qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    qtbot.keyClick(canvas, Qt.Key.Key_Home)
    assert canvas.position_of(0) == before


def test_filters_dim_the_map_and_hidden_features_cannot_be_picked(
    opened: MainWindow, truth: Any
) -> None:
    canvas = opened.map.canvas
    opened.map.choose("n_languages")
    everything = _pixels(canvas)
    feature = int(truth.xy[:, 0].argmin())
    point = canvas.position_of(feature)
    assert point is not None
    assert canvas.feature_at(point) == feature
    keep = (feature + 1) % truth.count
    opened.list.search.setText(f"#{keep}")
    dimmed = _pixels(canvas)
    assert (everything != dimmed).any()
    assert canvas.feature_at(point) == -1
    kept = canvas.position_of(keep)
    assert kept is not None and canvas.feature_at(kept) == keep
    # What is hidden is drawn grey, without hue.
    column, row = int(point.x()), int(point.y())
    assert np.ptp(dimmed[row, column]) <= 6


@pytest.mark.parametrize("key", list(COLOURINGS))
def test_every_colouring_draws_a_map_and_a_legend(opened: MainWindow, key: str) -> None:
    opened.map.choose(key)
    assert opened.settings.colouring == key
    dots = _pixels(opened.map.canvas)
    assert len(np.unique(dots.reshape(-1, 3), axis=0)) > 3
    legend = opened.map.legend.grab().toImage()
    colours = {legend.pixel(x, legend.height() // 2) for x in range(legend.width())}
    assert len(colours) > 3
    assert opened.map.legend.accessibleName()


def test_a_colour_is_told_in_words_too() -> None:
    assert value_text(COLOURINGS["shared"], 2.0) == "shared"
    assert value_text(COLOURINGS["shared"], 0.0) == "untestable"
    assert value_text(COLOURINGS["modality_score"], 0.25).endswith("0.25")
    assert value_text(COLOURINGS["firing_rate"], 0.125).endswith("12.50%")
    assert value_text(COLOURINGS["n_languages"], 14.0).endswith("14")
    assert value_text(COLOURINGS["modality_score"], float("nan")).endswith("–")


def test_an_atlas_without_a_map_says_how_to_make_one(
    window: MainWindow, atlas_path: Path, tmp_path: Path, settle: Settle
) -> None:
    path = Path(shutil.copy(atlas_path, tmp_path / "flat.h5"))
    with h5py.File(path, "r+") as file:
        del file["maps"]
    window.open_atlas(path)
    settle(window)
    canvas = window.map.canvas
    assert canvas.feature_at(QPointF(50, 50)) == -1
    assert canvas.position_of(0) is None
    assert _dots(canvas).any()  # the sentence
    assert window.feature_page.loaded is not None


def test_resizing_keeps_the_middle(opened: MainWindow, qtbot: QtBot) -> None:
    canvas = opened.map.canvas
    _wheel(canvas, QPointF(100, 100), 4)
    before = canvas._view.to_data((canvas.width() / 2, canvas.height() / 2), canvas._canvas())
    opened.resize(1100, 760)
    qtbot.wait(1)
    after = canvas._view.to_data((canvas.width() / 2, canvas.height() / 2), canvas._canvas())
    assert after == pytest.approx(before)
