"""What the comparison of two atlases shows, and where its clicks lead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QPalette
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.views.comparison import Column
from mmfeat_gui.views.feature_page import FeaturePageView
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.views.map_canvas import MapCanvas
from mmfeat_gui.views.page_panel import PagePanel
from tests.gui.views.comparison.hand import SILENT, numbers_of, pixels_of

Settle = Callable[[MainWindow], None]


def _feature_page(window: MainWindow) -> FeaturePageView:
    panel = window.panel(PagePanel)
    assert isinstance(panel, PagePanel)
    return panel.feature_page


def _colours(canvas: MapCanvas) -> np.ndarray:
    drawing = canvas._drawing
    assert drawing is not None
    found: np.ndarray = drawing._table[drawing._codes][:, :3]
    return found


def _percent(count: int, total: int) -> float:
    return 100 * count / total


def _shown(column: Column) -> dict[str, str]:
    return {key: figure.value.text() for key, figure in column.figures.items()}


def test_numbers_are_those_of_the_files(
    compared: MainWindow, atlas_path: Path, naive_path: Path
) -> None:
    assert compared.stack.currentWidget() is compared.comparison
    for column, path in zip(compared.comparison.columns, (atlas_path, naive_path), strict=True):
        expected = numbers_of(path)
        shown = _shown(column)
        assert shown["features"] == f"{expected['features']:,}"
        for key in ("alive", "testable", "shared"):
            total = expected["features" if key == "alive" else "alive"]
            assert f"{expected[key]:,} of {total:,}" in column.figures[key].of.text()
            assert float(shown[key].rstrip("%")) == pytest.approx(
                _percent(expected[key], total), abs=0.51
            )
        assert column.histogram.counts.tolist() == expected["bars"]
        zones = column.histogram.zones()
        assert [count for _, _, count in zones] == [
            expected["text"],
            expected["both"],
            expected["image"],
        ]
        for _, share, count in zones:
            assert float(share.rstrip("%")) == pytest.approx(
                _percent(count, expected["alive"]), abs=0.51
            )
    naive = numbers_of(naive_path)
    assert naive["alive"] <= naive["features"] - SILENT
    assert naive["text"] + naive["image"] > naive["both"]


def test_both_histograms_have_one_axis_that_holds_every_bar(compared: MainWindow) -> None:
    one, other = (column.histogram for column in compared.comparison.columns)
    assert one.top == other.top
    highest = max(
        histogram.counts.sum(axis=1).max() / histogram.headline.alive for histogram in (one, other)
    )
    assert highest <= one.top <= 2 * highest


def test_bars_are_as_high_as_their_counts(compared: MainWindow) -> None:
    for column in compared.comparison.columns:
        histogram = column.histogram
        plot = histogram._plot()
        pixels = pixels_of(histogram.grab().toImage())
        colours = {0: (0xC8, 0xC8, 0xC8), 1: (0x3B, 0x6F, 0xB0), 2: (0xE6, 0x9A, 0x0B)}
        for bar, counts in enumerate(histogram.counts.tolist()):
            x = round(plot.left() + (bar + 0.5) / 20 * plot.width())
            strip = pixels[round(plot.top()) : round(plot.bottom()) + 1, x]
            for category, colour in colours.items():
                high = (np.abs(strip - colour).sum(axis=1) < 12).sum()
                expected = counts[category] / histogram.headline.alive / histogram.top
                assert high == pytest.approx(expected * plot.height(), abs=3), (bar, category)


def test_a_bar_tells_its_counts(compared: MainWindow) -> None:
    histogram = compared.comparison.columns[1].histogram
    plot = histogram._plot()
    at = QPoint(round(plot.right()) - 3, round(plot.center().y()))
    assert histogram.bar_at(at) == 19
    assert histogram.bar_at(QPoint(1, 1)) == -1
    untestable, testable, shared = histogram.counts[19].tolist()
    assert histogram.tip(19) == (
        f"0.95 to 1.00: {shared} shared, {testable} not shared, {untestable} untestable"
    )


def test_maps_are_coloured_alike(compared: MainWindow) -> None:
    from mmfeat.figures.palettes import CATEGORIES, diverging

    comparison = compared.comparison
    assert comparison.colouring.currentData() == "shared"
    for column in comparison.columns:
        assert column.summary is not None
        scores = column.summary.table.scores
        kinds = scores["testable"].astype(int) * (1 + scores["shared"].astype(int))
        assert (_colours(column.map.canvas) == CATEGORIES[kinds]).all()
    comparison.colouring.setCurrentIndex(1)
    for column in comparison.columns:
        assert column.summary is not None
        modality = column.summary.table.scores["modality_score"].astype(float)
        assert (_colours(column.map.canvas) == diverging(modality)).all()
    assert compared.settings.colouring == "modality_score"  # of the map of features


def _click(qtbot: QtBot, column: Column, feature: int) -> None:
    canvas = column.map.canvas
    centre = canvas.position_of(feature)
    assert centre is not None and canvas.point_at(centre) == feature
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=centre.toPoint())


def _alone(column: Column) -> int:
    """Return a feature whose dot no other covers."""
    canvas = column.map.canvas
    assert column.summary is not None
    places = [canvas.position_of(feature) for feature in range(len(column.summary.table))]
    xy = np.array([(place.x(), place.y()) for place in places if place is not None])
    apart = np.linalg.norm(xy[:, None] - xy, axis=2) + 1e9 * np.eye(len(xy))
    return int(apart.min(axis=1).argmax())


def test_a_click_in_the_first_column_opens_the_feature_and_back_returns(
    qtbot: QtBot, compared: MainWindow, atlas_path: Path, settle: Settle
) -> None:
    column = compared.comparison.columns[0]
    feature = _alone(column)
    _click(qtbot, column, feature)
    settle(compared)
    assert compared.stack.currentWidget() is compared.bench
    assert compared.summary is not None and compared.summary.path == atlas_path
    assert compared.history.current == Place("feature", feature)
    assert _feature_page(compared).loaded is not None
    assert _feature_page(compared).loaded.page.feature == feature
    assert column.map.canvas._selected == feature
    compared.go_back()
    assert compared.stack.currentWidget() is compared.comparison


def test_a_click_in_the_other_column_changes_to_its_atlas_and_back_returns(
    qtbot: QtBot, compared: MainWindow, atlas_path: Path, naive_path: Path, settle: Settle
) -> None:
    column = compared.comparison.columns[1]
    feature = _alone(column)
    _click(qtbot, column, feature)
    settle(compared)
    assert compared.summary is not None and compared.summary.path == naive_path
    assert _feature_page(compared).loaded is not None
    assert _feature_page(compared).loaded.page.feature == feature
    assert compared.windowTitle() == "naive – mmfeat"
    qtbot.keyClick(compared, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert compared.stack.currentWidget() is compared.comparison
    assert compared.comparison.paths == (atlas_path, naive_path)
    # And from here to the first atlas again.
    compared.comparison.columns[0].open_button.click()
    settle(compared)
    assert compared.summary.path == atlas_path
    assert compared.stack.currentWidget() is compared.bench
    compared.actions_by_key["comparison"].trigger()
    assert compared.stack.currentWidget() is compared.comparison


def test_cards_show_pictures_of_both_atlases(
    qtbot: QtBot, compared: MainWindow, settle: Settle, truth: Any
) -> None:
    for column in compared.comparison.columns:
        feature = _alone(column)
        at = column.map.canvas.position_of(feature)
        assert at is not None
        column.map.canvas.hovered.emit(feature, at.toPoint())
        settle(compared)
        card = column.map.card
        assert card.isVisible() and card.feature == feature
        assert card.picture_shown == (truth.top_picture[feature, 0] >= 0)
        column.map.canvas.hovered.emit(-1, QPoint())
        assert not card.isVisible()


@pytest.fixture
def korean() -> Iterator[None]:
    strings.use("ko")
    yield
    strings.use("en")


def test_korean_and_dark(
    qtbot: QtBot, korean: None, atlas_path: Path, naive_path: Path, settle: Settle
) -> None:
    window = MainWindow(Settings())
    qtbot.addWidget(window)
    palette = QPalette(QColor(40, 40, 40))
    palette.setColor(QPalette.ColorRole.Base, QColor(25, 25, 25))
    palette.setColor(QPalette.ColorRole.Text, QColor(240, 240, 240))
    window.setPalette(palette)
    window.show()
    window.open_atlas(atlas_path, beside=naive_path)
    settle(window)
    column = window.comparison.columns[1]
    expected = numbers_of(naive_path)
    shown = column.figures["shared"].of.text()
    assert shown == f"살아 있는 {expected['alive']}개 중 {expected['shared']}개"
    assert "캡션만" in column.histogram.accessibleName()
    pixels = pixels_of(window.comparison.grab().toImage())
    assert np.median(pixels) < 60
    # What is untestable stays in the back: no paler than 0x6c.
    pale = (np.abs(pixels - 0xC8).sum(axis=2) < 12).mean()
    dim = (np.abs(pixels - 0x6C).sum(axis=2) < 12).mean()
    assert dim > 0.005 > pale
    window.close()
