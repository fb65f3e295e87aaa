"""A table beside its histograms, with the small atlas."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.histograms_panel import HistogramsPanel
from mmfeat_gui.views.table_panel import TablePanel


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    strings.use("en")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    found = Context(Settings())
    yield found
    found.close()


@pytest.fixture
def own_path(tmp_path: Path, atlas_path: Path) -> Path:
    """An atlas beside which notes may be written."""
    return Path(shutil.copy(atlas_path, tmp_path))


@pytest.fixture
def settle(qtbot: QtBot, context: Context) -> Callable[[], None]:
    """Wait until everything that was asked for has come and is shown."""

    def wait() -> None:
        qtbot.waitUntil(lambda: not (context.reader.busy or context.tasks.busy), timeout=30_000)
        qtbot.wait(1)

    return wait


@pytest.fixture
def panel(
    qtbot: QtBot, context: Context, own_path: Path, settle: Callable[[], None]
) -> Iterator[TablePanel]:
    """A table beside the histograms, with the small atlas."""
    window = QWidget()
    found = TablePanel(context, window)
    histograms = HistogramsPanel(context, window)
    found.setGeometry(0, 0, 700, 600)
    histograms.setGeometry(0, 600, 700, 300)
    window.resize(700, 900)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()

    def show(summary: Summary) -> None:
        context.show_atlas(summary, ViewState(place=Place("feature", summary.table.first())))

    context.reader.opened.connect(show)
    context.reader.open(own_path)
    settle()
    assert context.summary is not None and context.summary.table.named
    yield found  # while the window lives


@pytest.fixture
def histograms(panel: TablePanel) -> HistogramsPanel:
    found = panel.parentWidget().findChild(HistogramsPanel)
    assert isinstance(found, HistogramsPanel)
    return found
