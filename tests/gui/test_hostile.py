"""Broken and hostile atlases in the real window: a sentence each, and the window goes on."""

from __future__ import annotations

import resource
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.views.main_window import MainWindow
from tests.gui.hostile import CASES, OPENED, REFUSED, Case
from tests.gui.synthetic import write_synthetic

Settle = Callable[[MainWindow], None]

_MOST_GROWTH = 900 << 20  # bytes that all of them together may take at a time
_LONGEST_LINE = 4_000  # characters of a title or status: no book is laid out in one line


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_synthetic(tmp_path_factory.mktemp("hostile") / "good.h5")


@pytest.fixture(scope="module")
def survivor(application: object) -> Iterator[MainWindow]:
    """The one window in which all of them are opened, one after the other."""
    strings.use("en")
    window = MainWindow(Settings())
    window.show()
    yield window
    window.close()
    window.deleteLater()
    assert "mmfeat-reader" not in {thread.name for thread in threading.enumerate()}


def _peak() -> int:
    """Return the most memory that this process ever had, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _check_sentence(sentence: str) -> None:
    assert sentence.endswith("."), sentence
    assert "Traceback" not in sentence and "\n" not in sentence, sentence
    assert 10 < len(sentence) < 1_000, len(sentence)


def _look_around(qtbot: QtBot, window: MainWindow, settle: Settle) -> None:
    """Show every panel, the pages of some features, and those of two items."""
    context = window.context
    assert context.summary is not None
    for feature in (0, 1, len(context.summary.table) - 1):
        context.go(Place("feature", feature))
        settle(window)
    for item in (0, context.summary.n_items - 1):
        context.go(Place("item", item))
        settle(window)
    for panel in window.bench.panels:
        window.bring(panel.key)
        settle(window)
    window.grab()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_whatever_an_atlas_holds_the_window_goes_on(
    case: Case, survivor: MainWindow, good: Path, tmp_path: Path, qtbot: QtBot, settle: Settle
) -> None:
    window, before = survivor, _peak()
    path = Path(shutil.copy(good, tmp_path / "hostile.h5"))
    case.spoil(path)
    window.notice.hide()
    shown = window.context.summary
    window.open_atlas(path)
    settle(window)
    opened = window.context.summary is not shown
    if not opened:
        assert case.outcome != OPENED, window.notice.label.text()
        assert window.notice.isVisible()
        sentence = window.notice.label.text()
        _check_sentence(sentence)
        assert "hostile.h5" in sentence
    else:
        assert case.outcome != REFUSED
        _look_around(qtbot, window, settle)
        if window.notice.isVisible():
            _check_sentence(window.notice.label.text())
        for label in window.statusBar().findChildren(QLabel):
            assert len(label.text()) < _LONGEST_LINE
        assert len(window.windowTitle()) < _LONGEST_LINE
    assert _peak() - before < _MOST_GROWTH
    window.open_atlas(good)
    settle(window)
    assert window.context.summary is not None and window.context.summary.path == good
    assert not window.notice.isVisible()


def test_the_good_atlas_is_one_with_all_its_parts(good: Path) -> None:
    """What is spoilt here is whole before: each case stands for one fault."""
    from mmfeat.atlas.reader import Atlas
    from mmfeat.atlas.summary import of_feature, of_sae

    with Atlas(good) as atlas:
        assert atlas.streams == ("image.pooled", "image.patch", "text.pooled", "text.token")
        assert of_sae(atlas)["d_sae"] == 64
        for feature in range(64):
            assert of_feature(atlas, feature)["sentence"]
    with h5py.File(good) as file:
        assert set(file) >= {"bridge", "concepts", "geometry", "maps", "positions", "thumbnails"}
