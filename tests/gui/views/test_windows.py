from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.state import crash as reports
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.state.session import SUFFIX, last_session_path, load_session
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.views import windows
from mmfeat_gui.views.crash import Crash
from mmfeat_gui.views.main_window import MainWindow

Settle = Callable[[MainWindow], None]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Reports and last sessions of the tests are not those of the user."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield
    for window in windows.windows():
        window.close()
    strings.use("en")


def test_another_window_shows_the_same_and_goes_its_own_way(
    qtbot: QtBot, opened: MainWindow, settle: Settle
) -> None:
    opened.open_feature(3)
    settle(opened)
    opened.actions_by_key["new_window"].trigger()
    (other,) = windows.windows()
    qtbot.waitUntil(lambda: other.summary is not None and not other.busy)
    assert other.context.store.state.place == Place("feature", 3)
    other.open_feature(4)
    assert opened.context.store.state.place == Place("feature", 3)
    other.close()
    assert windows.windows() == []
    assert opened.isVisible()


def test_a_session_saved_and_opened_restores_the_window(
    qtbot: QtBot,
    opened: MainWindow,
    settle: Settle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = opened.context.store
    store.change("undo.heat", heat=False, features=Selection.of([1, 5]), colouring="shared")
    opened.open_item(2)
    opened.bring("samples")
    settle(opened)
    path = tmp_path / "mine"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    opened.actions_by_key["save_session"].trigger()
    settle(opened)
    saved = path.with_suffix(SUFFIX)
    assert load_session(saved).view == store.state
    fresh = MainWindow(Settings())
    qtbot.addWidget(fresh)
    with qtbot.waitExposed(fresh):
        fresh.show()
    fresh.open_file(saved)
    qtbot.waitUntil(lambda: fresh.summary is not None and not fresh.busy, timeout=30_000)
    assert fresh.context.store.state == store.state
    assert "samples" in [panel.key for panel in fresh.bench.front()]
    assert not fresh.notice.isVisible()
    fresh.close()


def test_a_session_of_a_file_with_other_content_says_so(
    qtbot: QtBot, opened: MainWindow, settle: Settle, tmp_path: Path
) -> None:
    from dataclasses import replace

    session = replace(opened.session(), fingerprint="another")
    opened.restore_session(session)
    settle(opened)
    assert "is not the file that the session was saved with" in opened.notice.label.text()


def test_closing_keeps_the_window_as_the_last_session(
    opened: MainWindow, settle: Settle, atlas_path: Path
) -> None:
    opened.open_feature(5)
    settle(opened)
    opened.close()
    kept = load_session(last_session_path())
    assert kept.atlas == str(atlas_path) and kept.view.place == Place("feature", 5)


def test_switching_the_language_keeps_the_state(
    qtbot: QtBot, atlas_path: Path, settle: Settle
) -> None:
    strings.use("en")
    window = windows.open_window(Settings())
    window.open_atlas(atlas_path, feature=2)
    settle(window)
    fresh = windows.switch_language(window, "ko")
    assert windows.windows() == [fresh]
    qtbot.waitUntil(lambda: fresh.summary is not None and not fresh.busy, timeout=30_000)
    assert fresh.context.store.state.place == Place("feature", 2)
    assert fresh.actions_by_key["open"].text() == "열기(&O)…"
    assert fresh.settings.language == "ko"
    fresh.close()


def test_the_appearance_is_remembered(window: MainWindow) -> None:
    window.actions_by_key["appearance_dark"].trigger()
    assert window.settings.appearance == "dark"
    assert window.actions_by_key["appearance_dark"].isChecked()
    window.actions_by_key["appearance_system"].trigger()
    assert not window.actions_by_key["appearance_dark"].isChecked()


def test_a_crash_keeps_a_report_and_the_session_and_the_window_lives(
    qtbot: QtBot, opened: MainWindow, settle: Settle, tmp_path: Path, capfd: Any
) -> None:
    opened.actions_by_key["new_window"].trigger()
    (other,) = windows.windows()
    qtbot.waitUntil(lambda: other.summary is not None and not other.busy)
    other.open_feature(3)
    crash = Crash(other)
    try:
        raise KeyError("unforeseen")
    except KeyError as error:
        crash.caught(type(error), error, error.__traceback__)
    qtbot.waitUntil(lambda: crash.box is not None)
    (report,) = reports.report_folder().glob("*.txt")
    text = report.read_text("utf-8")
    assert "KeyError: 'unforeseen'" in text and "test_windows" in text
    assert str(report) in crash.box.informativeText()
    assert load_session(last_session_path()).view.place == Place("feature", 3)
    crash.caught(ValueError, ValueError("again"), None)
    QApplication.processEvents()
    assert len(list(reports.report_folder().glob("*.txt"))) == 2
    crash.box.buttons()[0].click()
    qtbot.waitUntil(lambda: crash.box is None)
    assert other.isVisible()
    other.close()
    capfd.readouterr()


def test_an_exception_of_a_thread_is_caught_too(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    crash = Crash(window)
    crash.install()

    def fail() -> None:
        raise RuntimeError("on a thread")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: crash.box is not None)
    assert "on a thread" in crash.box.detailedText()
    crash.box.close()
    qtbot.waitUntil(lambda: crash.box is None)
    capfd.readouterr()


def test_only_the_latest_reports_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count(1_700_000_000 * 10**9, 300_000_000)  # seconds end on the way
    monkeypatch.setattr(reports.time, "time_ns", lambda: next(clock))
    for number in range(reports._KEPT + 5):
        assert reports.keep_report(f"report {number}", tmp_path) is not None
    kept = sorted(tmp_path.glob("*.txt"))
    assert len(kept) == reports._KEPT
    assert kept[-1].read_text() == f"report {reports._KEPT + 4}"


def test_without_a_writable_folder_nothing_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert reports.keep_report("text", tmp_path / "file") is None
