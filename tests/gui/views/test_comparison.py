from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage, QPalette
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.views.comparison import Column
from mmfeat_gui.views.feature_page import FeaturePageView
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.views.map_canvas import MapCanvas
from mmfeat_gui.views.page_panel import PagePanel
from mmfeat_gui.workers.atlases import Atlases

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


SILENT = 7


def _split(path: Path) -> None:
    """Make an atlas that splits by modality, with a few silent features."""
    with h5py.File(path, "r+") as file:
        file.attrs["name"] = "naive"
        scores = file["features"]
        count = len(scores["shared"])
        modality = np.where(np.arange(count) % 2, 0.99, 0.01).astype(np.float32)
        modality[::10] = 0.5
        rate = scores["firing_rate_image"][()]
        text = scores["firing_rate_text"][()]
        for values in (rate, text):
            values[:SILENT] = 0
        modality[:SILENT] = np.nan
        shared = np.zeros(count, bool)
        shared[10::10] = True
        testable = shared.copy()
        testable[11:30] = True
        for name, values in (
            ("modality_score", modality),
            ("firing_rate_image", rate),
            ("firing_rate_text", text),
            ("shared", shared),
            ("testable", testable),
        ):
            scores[name][...] = values


@pytest.fixture
def naive_path(atlas_path: Path, tmp_path: Path) -> Path:
    path = Path(shutil.copy(atlas_path, tmp_path / "atlas-naive.h5"))
    _split(path)
    return path


@pytest.fixture
def compared(window: MainWindow, atlas_path: Path, naive_path: Path, settle: Settle) -> MainWindow:
    window.resize(1440, 900)
    window.open_atlas(atlas_path, beside=naive_path)
    settle(window)
    return window


def _numbers(path: Path) -> dict[str, Any]:
    """Count with h5py and plain loops."""
    with h5py.File(path) as file:
        scores = {
            name: file["features"][name][()].tolist()
            for name in file["features"]
            if isinstance(file["features"][name], h5py.Dataset)
        }
    rows = list(
        zip(
            scores["modality_score"],
            scores["firing_rate_image"],
            scores["firing_rate_text"],
            scores["testable"],
            scores["shared"],
            strict=True,
        )
    )
    alive = [row for row in rows if row[1] > 0 or row[2] > 0]
    bars = [[0, 0, 0] for _ in range(20)]
    for modality, _, _, testable, shared in alive:
        bars[min(int(modality * 20), 19)][2 if shared else 1 if testable else 0] += 1
    return {
        "features": len(rows),
        "alive": len(alive),
        "testable": sum(row[3] for row in rows),
        "shared": sum(row[4] for row in rows),
        "text": sum(row[0] < 0.05 for row in alive),
        "both": sum(0.05 <= row[0] <= 0.95 for row in alive),
        "image": sum(row[0] > 0.95 for row in alive),
        "bars": bars,
    }


def _percent(count: int, total: int) -> float:
    return 100 * count / total


def _shown(column: Column) -> dict[str, str]:
    return {key: figure.value.text() for key, figure in column.figures.items()}


def test_numbers_are_those_of_the_files(
    compared: MainWindow, atlas_path: Path, naive_path: Path
) -> None:
    assert compared.stack.currentWidget() is compared.comparison
    for column, path in zip(compared.comparison.columns, (atlas_path, naive_path), strict=True):
        expected = _numbers(path)
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
    naive = _numbers(naive_path)
    assert naive["alive"] <= naive["features"] - SILENT
    assert naive["text"] + naive["image"] > naive["both"]


def test_both_histograms_have_one_axis_that_holds_every_bar(compared: MainWindow) -> None:
    one, other = (column.histogram for column in compared.comparison.columns)
    assert one.top == other.top
    highest = max(
        histogram.counts.sum(axis=1).max() / histogram.headline.alive for histogram in (one, other)
    )
    assert highest <= one.top <= 2 * highest


def _pixels(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


def test_bars_are_as_high_as_their_counts(compared: MainWindow) -> None:
    for column in compared.comparison.columns:
        histogram = column.histogram
        plot = histogram._plot()
        pixels = _pixels(histogram.grab().toImage())
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


def test_the_action_asks_for_a_file(
    qtbot: QtBot,
    opened: MainWindow,
    naive_path: Path,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(naive_path), ""))
    assert not opened.actions_by_key["comparison"].isEnabled()
    before = opened.history.current
    qtbot.keyClick(opened, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    settle(opened)
    assert opened.stack.currentWidget() is opened.comparison
    assert opened.windowTitle().endswith("| naive – mmfeat")
    assert not opened.actions_by_key["find"].isEnabled()
    opened.go_back()
    assert opened.history.current == before
    assert opened.stack.currentWidget() is opened.bench
    assert opened.actions_by_key["comparison"].isEnabled()


def test_without_an_atlas_there_is_nothing_to_compare_with(window: MainWindow) -> None:
    assert not window.actions_by_key["compare"].isEnabled()
    window.show_comparison()
    assert window.stack.currentWidget() is window.welcome


@pytest.mark.parametrize("kind", ["missing", "truncated", "foreign", "folder"])
def test_an_atlas_that_cannot_be_read_is_one_sentence(
    opened: MainWindow, atlas_path: Path, tmp_path: Path, settle: Settle, kind: str
) -> None:
    path = tmp_path / "other one.h5"
    if kind == "truncated":
        path.write_bytes(atlas_path.read_bytes()[:5000])
    elif kind == "foreign":
        with h5py.File(path, "w") as file:
            file["x"] = [1]
    elif kind == "folder":
        path.mkdir()
    page = opened.history.current
    opened.open_beside(path)
    settle(opened)
    assert opened.notice.isVisible()
    sentence = opened.notice.label.text()
    assert "other one.h5" in sentence and sentence.endswith(".") and "\n" not in sentence
    assert opened.stack.currentWidget() is opened.bench
    assert opened.history.current == page
    assert opened.summary is not None and opened._status.text() == opened.summary.line()


@pytest.mark.parametrize("link", [False, True])
def test_an_atlas_is_not_compared_with_itself(
    opened: MainWindow, atlas_path: Path, tmp_path: Path, settle: Settle, link: bool
) -> None:
    path = atlas_path
    if link:
        path = tmp_path / "link.h5"
        path.symlink_to(atlas_path)
    opened.open_beside(path)
    settle(opened)
    assert opened.notice.label.text() == (
        f"{path.name} is open already; choose another atlas to compare it with."
    )
    assert opened.stack.currentWidget() is opened.bench


def test_a_failed_choice_leaves_the_comparison(
    compared: MainWindow, atlas_path: Path, naive_path: Path, settle: Settle
) -> None:
    compared.open_beside(naive_path.with_name("none.h5"))
    settle(compared)
    assert compared.notice.isVisible()
    assert compared.stack.currentWidget() is compared.comparison
    assert compared.comparison.paths == (atlas_path, naive_path)
    column = compared.comparison.columns[1]
    column.feature_activated.emit(naive_path, 9)
    settle(compared)
    assert compared.summary is not None and compared.summary.path == naive_path


def test_an_atlas_without_a_map_says_how_to_make_one_and_f5_shows_it(
    qtbot: QtBot, window: MainWindow, atlas_path: Path, naive_path: Path, settle: Settle
) -> None:
    with h5py.File(naive_path, "r+") as file:
        file["maps"].move("umap", "later")
    window.open_atlas(atlas_path, beside=naive_path)
    settle(window)
    columns = window.comparison.columns
    blank = columns[1].map.canvas
    assert blank.position_of(0) is None and columns[0].map.canvas.position_of(0) is not None
    qtbot.mouseClick(blank, Qt.MouseButton.LeftButton)
    assert window.stack.currentWidget() is window.comparison
    made = naive_path.with_name("made.h5")
    shutil.copy(naive_path, made)
    with h5py.File(made, "r+") as file:
        file["maps"].move("later", "umap")
    made.replace(naive_path)
    qtbot.keyClick(window, Qt.Key.Key_F5)
    settle(window)
    assert window.stack.currentWidget() is window.comparison
    assert columns[1].map.canvas.position_of(0) is not None


def test_reading_again_after_a_change_of_atlas_keeps_the_sides(
    qtbot: QtBot, compared: MainWindow, atlas_path: Path, naive_path: Path, settle: Settle
) -> None:
    compared.comparison.columns[1].open_button.click()
    settle(compared)
    compared.go_back()
    qtbot.keyClick(compared, Qt.Key.Key_F5)
    settle(compared)
    assert compared.summary is not None and compared.summary.path == naive_path
    assert compared.comparison.paths == (atlas_path, naive_path)


def test_a_third_atlas_ends_the_comparison(
    compared: MainWindow, atlas_path: Path, tmp_path: Path, settle: Settle
) -> None:
    third = Path(shutil.copy(atlas_path, tmp_path / "third.h5"))
    compared.open_atlas(third)
    settle(compared)
    assert compared.stack.currentWidget() is compared.bench
    assert compared.comparison.paths == ()
    assert not compared.actions_by_key["comparison"].isEnabled()
    assert not compared.history.can_go_back


def test_long_names_are_cut_and_whole_in_the_tool_tip(
    opened: MainWindow, naive_path: Path, settle: Settle
) -> None:
    name = ("a name of an atlas that is longer than its column " * 3).strip()
    with h5py.File(naive_path, "r+") as file:
        file.attrs["name"] = name
    opened.open_beside(naive_path)
    settle(opened)
    title = opened.comparison.columns[1].title
    assert title.toolTip() == name
    assert "…" in title.shown() and len(title.shown()) < len(name) / 2
    assert title.width() < opened.width() / 2


def test_files_are_read_on_the_reading_thread_alone(
    opened: MainWindow, naive_path: Path, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    open_beside = Atlases.open_beside

    def watched(self: Atlases, path: Path) -> Any:
        threads.append(("beside", threading.current_thread().name))
        return open_beside(self, path)

    opening = h5py.File.__init__

    def opening_watched(self: h5py.File, *arguments: Any, **options: Any) -> None:
        threads.append(("file", threading.current_thread().name))
        opening(self, *arguments, **options)

    monkeypatch.setattr(Atlases, "open_beside", watched)
    monkeypatch.setattr(h5py.File, "__init__", opening_watched)
    opened.open_beside(naive_path)
    settle(opened)
    assert ("beside", "mmfeat-reader") in threads and ("file", "mmfeat-reader") in threads
    assert {name for _, name in threads} == {"mmfeat-reader"}


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
    expected = _numbers(naive_path)
    shown = column.figures["shared"].of.text()
    assert shown == f"살아 있는 {expected['alive']}개 중 {expected['shared']}개"
    assert "캡션만" in column.histogram.accessibleName()
    pixels = _pixels(window.comparison.grab().toImage())
    assert np.median(pixels) < 60
    # What is untestable stays in the back: no paler than 0x6c.
    pale = (np.abs(pixels - 0xC8).sum(axis=2) < 12).mean()
    dim = (np.abs(pixels - 0x6C).sum(axis=2) < 12).mean()
    assert dim > 0.005 > pale
    window.close()
