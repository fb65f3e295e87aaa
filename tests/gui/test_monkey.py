"""Thousands of random acts: no exception, nothing left behind, every thread still answers.

`MMFEAT_MONKEY=10000` sets how many; the default is what fits a minute or so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices, QDrag
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from mmfeat_gui.resources import strings
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.views.main_window import MainWindow
from tests.gui.hostile import CASES
from tests.gui.monkey import Monkey, alive, close_all, reset_language, widgets
from tests.gui.synthetic import write_synthetic

_ACTS = int(os.environ.get("MMFEAT_MONKEY", "1500"))
_SEED = int(os.environ.get("MMFEAT_MONKEY_SEED", "0"))
_HOSTILE = ("half of it", "NaN everywhere", "noise for a picture", "controls for texts")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two good atlases, some bad ones, and one that is not there."""
    folder = tmp_path_factory.mktemp("monkey")
    good = write_synthetic(folder / "good.h5", 96, 200, ("ar", "en", "ko"))
    found = [good, write_synthetic(folder / "other.h5", 64, 128, ("de", "ja")), folder / "none.h5"]
    for case in CASES:
        if case.name in _HOSTILE:
            bad = Path(shutil.copy(good, folder / f"{case.name}.h5"))
            case.spoil(bad)
            found.append(bad)
    assert len(found) == 3 + len(_HOSTILE)
    return found


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nothing outside the test is touched: no folder of the user, no browser, no dragging out."""
    for name in ("XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda *_: True)
    monkeypatch.setattr(QDrag, "exec", lambda *_: Qt.DropAction.IgnoreAction)
    strings.use("en")
    palette = QApplication.palette()
    yield
    QApplication.setPalette(palette)
    reset_language()


def _open_and_close(path: Path, qtbot: QtBot, settle: Callable[[MainWindow], None]) -> None:
    window = MainWindow(Settings())
    window.show()
    window.open_atlas(path)
    settle(window)
    for panel in window.bench.panels:
        window.bring(panel.key)
    settle(window)
    window.close()
    window.deleteLater()


@pytest.mark.timeout(1800)
def test_random_acts_raise_nothing_and_leave_nothing(
    files: list[Path],
    inside: None,
    qtbot: QtBot,
    settle: Callable[[MainWindow], None],
    tmp_path: Path,
) -> None:
    _open_and_close(files[0], qtbot, settle)  # what is made once and kept
    close_all()
    before = alive()
    window = MainWindow(Settings())
    window.show()
    window.open_atlas(files[0])
    settle(window)
    monkey = Monkey(_SEED, files, Settings())
    try:
        monkey.run(_ACTS)
    except BaseException:
        print("\n".join(monkey.done[-30:]))
        raise
    assert len(monkey.done) == _ACTS
    kinds = {entry.split(":")[0] for entry in monkey.done}
    assert len(kinds) == 10  # every kind of act was tried
    del window
    for shown in QApplication.topLevelWidgets():
        # While one answers, another that was closed may go for good.
        if isinstance(shown, MainWindow) and isValid(shown) and shown.isVisible():
            _check_answers(shown, files[0], qtbot, settle)
    monkey.deleteLater()
    del monkey
    shown = None
    close_all()
    qtbot.waitUntil(lambda: alive()["processes"] <= before["processes"], timeout=30_000)
    after = alive()
    assert after["threads"] == before["threads"]
    assert after["timers"] <= before["timers"]
    assert after["widgets"] <= before["widgets"], widgets()


def _check_answers(
    window: MainWindow, path: Path, qtbot: QtBot, settle: Callable[[MainWindow], None]
) -> None:
    """Check that a window still opens an atlas and shows a page of it."""
    settle(window)
    window.open_atlas(path)
    settle(window)
    summary = window.context.summary
    assert summary is not None and summary.path == path
    window.context.go(Place("feature", 5))
    settle(window)
    assert window.context.store.state.place == Place("feature", 5)
    assert not window.grab().isNull()
