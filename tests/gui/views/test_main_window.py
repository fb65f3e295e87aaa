from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QMouseEvent, QPalette
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.views.map_panel import MapPanel
from mmfeat_gui.views.page_panel import PagePanel
from mmfeat_gui.views.table_panel import TablePanel

Settle = Callable[[MainWindow], None]


def _page(window: MainWindow) -> PagePanel:
    panel = window.panel(PagePanel)
    assert isinstance(panel, PagePanel)
    return panel


def _table(window: MainWindow) -> TablePanel:
    panel = window.panel(TablePanel)
    assert isinstance(panel, TablePanel)
    return panel


def _map(window: MainWindow) -> MapPanel:
    panel = window.panel(MapPanel)
    assert isinstance(panel, MapPanel)
    return panel


def _texts(window: MainWindow) -> str:
    return "\n".join(label.text() for label in window.welcome.findChildren(QLabel))


def test_without_an_atlas_the_window_says_what_to_do(window: MainWindow) -> None:
    assert window.stack.currentWidget() is window.welcome
    assert "mmfeat demo" in _texts(window)
    assert "Ctrl+O" in _texts(window)
    assert not window.notice.isVisible()


def test_opening_shows_counts_and_the_first_shared_feature(
    opened: MainWindow, truth: Any, atlas_path: Path
) -> None:
    assert opened.stack.currentWidget() is opened.bench
    status = opened._status.text()
    assert atlas_path.name in status
    assert f"{truth.count:,} features" in status and f"{len(truth.item_id):,} items" in status
    shared = truth.features["shared"].nonzero()[0]
    languages = truth.features["n_languages"]
    expected = int(shared[0]) if shared.size else int(languages.argmax())
    assert opened.history.current == Place("feature", expected)
    assert _page(opened).feature_page.loaded is not None
    assert _page(opened).feature_page.loaded.page.feature == expected
    assert _page(opened).attribution.text() == truth.attribution
    assert _page(opened).attribution.isVisible()


def test_a_dropped_file_is_opened(
    window: MainWindow, atlas_path: Path, settle: Settle, tmp_path: Path
) -> None:
    path = Path(shutil.copy(atlas_path, tmp_path / "두번째 atlas.h5"))
    data = QMimeData()
    data.setUrls([QUrl("https://example.org/a.h5"), QUrl.fromLocalFile(str(path))])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, left, none)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    drop = QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, left, none)
    QApplication.sendEvent(window, drop)
    settle(window)
    assert window.summary is not None and window.summary.path == path


def test_dropped_text_is_refused(window: MainWindow) -> None:
    data = QMimeData()
    data.setText("not a file")
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, left, none)
    enter.ignore()
    QApplication.sendEvent(window, enter)
    assert not enter.isAccepted()


def test_the_dialog_opens_a_file(
    qtbot: QtBot,
    window: MainWindow,
    atlas_path: Path,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(atlas_path), ""))
    qtbot.keyClick(window, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)
    settle(window)
    assert window.summary is not None
    assert window.settings.recent == [str(atlas_path)]


def test_recent_files_can_be_chosen(qtbot: QtBot, atlas_path: Path, settle: Settle) -> None:
    strings.use("en")
    window = MainWindow(Settings(recent=[str(atlas_path), "/gone.h5"]))
    qtbot.addWidget(window)
    window.recent_menu.aboutToShow.emit()
    assert [action.text() for action in window.recent_menu.actions()] == window.settings.recent
    window.welcome.recent_chosen.emit(str(atlas_path))
    settle(window)
    assert window.summary is not None
    window.recent_menu.aboutToShow.emit()
    window.recent_menu.actions()[1].trigger()
    settle(window)
    assert "/gone.h5" in window.notice.label.text()
    assert window.settings.recent[0] == str(atlas_path)


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n" + b"\0" * 40, b"hello"])
def test_a_broken_file_is_a_sentence_and_the_window_lives(
    window: MainWindow, tmp_path: Path, atlas_path: Path, settle: Settle, content: bytes
) -> None:
    broken = tmp_path / "broken.h5"
    broken.write_bytes(content)
    window.open_atlas(broken)
    settle(window)
    assert window.notice.isVisible()
    sentence = window.notice.label.text()
    assert "broken.h5" in sentence and "Traceback" not in sentence and sentence.endswith(".")
    assert window.stack.currentWidget() is window.welcome
    window.open_atlas(atlas_path)
    settle(window)
    assert window.summary is not None
    assert not window.notice.isVisible()


def test_a_damaged_page_is_a_sentence_and_the_window_lives(
    window: MainWindow, atlas_path: Path, tmp_path: Path, settle: Settle
) -> None:
    damaged = Path(shutil.copy(atlas_path, tmp_path / "damaged.h5"))
    with h5py.File(damaged, "r+") as file:
        file["examples/image.pooled/top"][1] = 10**9
    window.open_atlas(damaged, feature=0)
    settle(window)
    window.open_feature(1)
    settle(window)
    assert window.notice.isVisible()
    assert "damaged.h5" in window.notice.label.text()
    window.open_feature(2)
    settle(window)
    assert _page(window).feature_page.loaded is not None
    assert _page(window).feature_page.loaded.page.feature == 2


def test_a_feature_or_item_that_does_not_exist_is_a_sentence(
    opened: MainWindow, truth: Any, settle: Settle
) -> None:
    before = opened.history.current
    opened.open_feature(truth.count)
    assert f"no feature {truth.count}" in opened.notice.label.text()
    opened.open_item_id("no such item")
    settle(opened)
    assert "'no such item'" in opened.notice.label.text()
    assert opened.history.current == before


def test_back_and_forward_by_keys_buttons_and_mouse(
    qtbot: QtBot, opened: MainWindow, settle: Settle
) -> None:
    first = opened.history.current
    assert first is not None
    other = 3 if first.index != 3 else 4
    opened.open_feature(other)
    opened.open_item(5)
    settle(opened)
    assert _page(opened).shown is _page(opened).item_page
    alt = Qt.KeyboardModifier.AltModifier
    qtbot.keyClick(opened, Qt.Key.Key_Left, alt)
    settle(opened)
    assert opened.history.current == Place("feature", other)
    assert _page(opened).shown is _page(opened).feature_page
    opened.actions_by_key["back"].trigger()
    settle(opened)
    assert opened.history.current == first
    assert not opened.actions_by_key["back"].isEnabled()
    qtbot.keyClick(opened, Qt.Key.Key_Right, alt)
    assert opened.history.current == Place("feature", other)
    qtbot.mousePress(_page(opened).feature_page.viewport(), Qt.MouseButton.ForwardButton)
    settle(opened)
    assert opened.history.current == Place("item", 5)
    loaded = _page(opened).item_page.loaded
    assert loaded is not None and loaded.page.item == 5
    qtbot.mousePress(_table(opened).view.viewport(), Qt.MouseButton.BackButton)
    assert opened.history.current == Place("feature", other)


def test_find_escape_and_next_pane(qtbot: QtBot, opened: MainWindow, truth: Any) -> None:
    opened.activateWindow()
    qtbot.keyClick(opened, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert opened.focusWidget() is _table(opened).bar.search
    _table(opened).bar.search.setText("no such name at all")
    qtbot.waitUntil(lambda: _table(opened).model.rowCount() == 0)
    qtbot.keyClick(opened, Qt.Key.Key_Escape)
    assert _table(opened).model.rowCount() == truth.count
    assert _table(opened).bar.search.text() == ""
    opened.notice.say("Something.")
    qtbot.keyClick(opened, Qt.Key.Key_Escape)
    assert not opened.notice.isVisible()
    panes = []
    for _ in range(3):
        qtbot.keyClick(opened, Qt.Key.Key_F6)
        panes.append(opened.focusWidget())
    assert {id(pane) for pane in panes} == {
        id(_map(opened).canvas),
        id(_table(opened).view),
        id(_page(opened).feature_page),
    }


def test_reading_the_file_again_stays_at_the_page(
    qtbot: QtBot, opened: MainWindow, settle: Settle
) -> None:
    opened.open_item(4)
    settle(opened)
    summary = opened.summary
    qtbot.keyClick(opened, Qt.Key.Key_F5)
    settle(opened)
    assert opened.summary is not summary
    assert opened.history.current == Place("item", 4)


def test_missing_fonts_are_named_without_blocking(
    window: MainWindow, atlas_path: Path, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "mmfeat_gui.views.main_window.missing_fonts", lambda languages: "Install fonts."
    )
    window.open_atlas(atlas_path)
    settle(window)
    assert window.notice.isVisible()
    assert window.notice.label.text() == "Install fonts."
    assert _page(window).feature_page.loaded is not None


def test_the_window_comes_back_as_it_was(qtbot: QtBot, atlas_path: Path, settle: Settle) -> None:
    settings = Settings()
    first = MainWindow(settings)
    qtbot.addWidget(first)
    first.show()
    first.resize(780, 740)  # the screen without a display has 800
    first.context.store.change("undo.colouring", colouring="shared")
    first.close()
    assert settings.colouring == "shared"
    second = MainWindow(settings)
    qtbot.addWidget(second)
    assert (second.width(), second.height()) == (780, 740)
    second.open_atlas(atlas_path)
    settle(second)
    assert _map(second).colouring.currentData() == "shared"
    second.close()
    broken = Settings(geometry="%%%", splitters={"bench": "AAAA"}, colouring="nonsense")
    third = MainWindow(broken)
    qtbot.addWidget(third)
    third.open_atlas(atlas_path)
    settle(third)
    assert _map(third).colouring.currentData() == "modality_score"
    third.close()


def test_dark_palettes_are_followed(opened: MainWindow) -> None:
    light = _map(opened).canvas.grab().toImage().pixelColor(3, 3)
    palette = QPalette(QColor(40, 40, 40))
    palette.setColor(QPalette.ColorRole.Base, QColor(25, 25, 25))
    palette.setColor(QPalette.ColorRole.Text, QColor(240, 240, 240))
    opened.setPalette(palette)
    QApplication.sendPostedEvents(None, QEvent.Type.PaletteChange)
    dark = _map(opened).canvas.grab().toImage().pixelColor(3, 3)
    assert light.lightness() > 200 and dark.lightness() < 60


def test_korean_interface_speaks_korean(
    qtbot: QtBot, atlas_path: Path, settle: Settle, truth: Any
) -> None:
    strings.use("ko")
    try:
        window = MainWindow(Settings())
        qtbot.addWidget(window)
        window.open_atlas(atlas_path, feature=truth.with_pictures_and_captions())
        settle(window)
        assert _page(window).feature_page.loaded is not None
        shown = _page(window).feature_page.sentence.text()
        assert shown == _page(window).feature_page.loaded.page.sentence("ko")
        assert "발화" in shown
        assert _table(window).bar.count.text() == f"피처 {truth.count:,}개 중 {truth.count:,}개"
        window.close()
    finally:
        strings.use("en")


def test_a_click_on_the_ground_of_the_window_changes_nothing(
    qtbot: QtBot, opened: MainWindow
) -> None:
    before = opened.history.current
    press = QMouseEvent(
        QEvent.Type.MouseButtonPress,
        QPointF(2, 2),
        QPointF(2, 2),
        Qt.MouseButton.LeftButton,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(opened, press)
    assert opened.history.current == before


def test_from_the_runs_one_goes_back_to_the_first_page(window: MainWindow, settle: Settle) -> None:
    assert not window.actions_by_key["back"].isEnabled()
    window.actions_by_key["runs"].trigger()
    settle(window)
    assert window.stack.currentWidget() is window.pages["runs"]
    window.actions_by_key["back"].trigger()
    assert window.stack.currentWidget() is window.welcome
    window.actions_by_key["forward"].trigger()
    assert window.stack.currentWidget() is window.pages["runs"]
