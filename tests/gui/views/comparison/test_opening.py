"""How a second atlas comes beside the first, and what does not."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from mmfeat_gui.state.history import Place
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.workers.atlases import Atlases

Settle = Callable[[MainWindow], None]


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


@pytest.mark.parametrize("place", [Place("feature", 3), Place("comparison")])
def test_a_session_with_two_atlases_opens_where_it_was(
    compared: MainWindow, settle: Settle, place: Place
) -> None:
    compared.context.go(place)
    settle(compared)
    session, paths = compared.session(), compared.comparison.paths
    compared.open_atlas(paths[0])
    settle(compared)
    compared.open_feature(0)
    compared.restore_session(session)
    settle(compared)
    assert compared.context.store.state.place == place
    shown = compared.comparison if place.kind == "comparison" else compared.bench
    assert compared.stack.currentWidget() is shown
    assert compared.comparison.paths == paths and len(paths) == 2
    compared.show_comparison()
    assert compared.stack.currentWidget() is compared.comparison
