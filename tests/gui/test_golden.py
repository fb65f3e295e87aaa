"""Each view looks as it did when it was last looked at by eye.

    MMFEAT_GOLDEN=renew python -m pytest tests/gui/test_golden.py

renews the pictures in tests/golden; look at them before they are kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.state.sources import TextSource
from mmfeat_gui.views.main_window import MainWindow
from tests.gui import golden
from tests.gui.synthetic import write_synthetic
from tests.gui.views.engine_context import settled

Settle = Callable[[MainWindow], None]

_SIZE = (1280, 800)
_RENEW = os.environ.get("MMFEAT_GOLDEN") == "renew"


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    return write_synthetic(folder / "synthetic.h5", 512, 1024, ("ar", "en", "ja", "ko"))


@pytest.fixture
def light(application: QApplication) -> Iterator[None]:
    before, palette = application.palette(), application.style().standardPalette()
    application.setPalette(palette)
    yield
    application.setPalette(before)
    strings.use("en")


def _dark() -> QPalette:
    palette = QPalette(QColor(53, 53, 53), QColor(42, 42, 42))
    palette.setColor(QPalette.ColorRole.Base, QColor(30, 30, 30))
    palette.setColor(QPalette.ColorRole.Text, QColor(235, 235, 235))
    palette.setColor(QPalette.ColorRole.WindowText, QColor(235, 235, 235))
    palette.setColor(QPalette.ColorRole.ButtonText, QColor(235, 235, 235))
    return palette


def _whole(window: MainWindow, qtbot: QtBot) -> QWidget:
    return window


def _map(window: MainWindow, qtbot: QtBot) -> QWidget:
    window.bring("map")
    return window.bench.panel("map")


def _item(window: MainWindow, qtbot: QtBot) -> QWidget:
    window.context.go(Place("item", 700))
    return window.bench.panel("page")


def _feature(window: MainWindow, qtbot: QtBot) -> QWidget:
    return window.bench.panel("page")


def _arabic(window: MainWindow, qtbot: QtBot) -> QWidget:
    window.context.store.change("undo.languages", languages=("ar",))
    return window.bench.panel("page")


def _probe(window: MainWindow, qtbot: QtBot) -> QWidget:
    window.bring("probe")
    panel = window.bench.panel("probe")
    settled(window.context, qtbot)
    panel.probe(0, TextSource("cat", "en"))
    panel.probe(1, TextSource("고양이", "ko"))
    settled(window.context, qtbot)
    assert panel.summary.isVisible()
    return panel


# What is shown, in which language and colours.
_SCENES: dict[str, tuple[Callable[[MainWindow, QtBot], QWidget], str, bool]] = {
    "window": (_whole, "en", False),
    "map": (_map, "en", False),
    "feature": (_feature, "en", False),
    "item": (_item, "en", False),
    "probe": (_probe, "en", False),
    "dark": (_whole, "en", True),
    "korean": (_whole, "ko", False),
    "arabic": (_arabic, "en", False),
}


@pytest.mark.parametrize("name", _SCENES)
def test_a_view_looks_as_it_did(
    name: str,
    synthetic: Path,
    light: None,
    qtbot: QtBot,
    settle: Settle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Compare with the golden picture of the same name."""
    known = golden.known_fonts()
    if not _RENEW and known != golden.fonts():
        pytest.skip(f"the fonts here are others than those of the pictures: {golden.fonts()}")
    for variable in ("XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    scene, language, dark = _SCENES[name]
    if dark:
        QApplication.setPalette(_dark())
    strings.use(language)
    window = MainWindow(Settings())
    qtbot.addWidget(window)
    window.resize(*_SIZE)
    with qtbot.waitExposed(window):
        window.show()
    window.open_atlas(synthetic, 300)
    settle(window)
    shown = scene(window, qtbot)
    for _ in range(4):  # layouts settle
        settle(window)
        QApplication.processEvents()
    picture = golden.pixels(shown.grab().toImage())
    window.close()
    assert picture.std() > 5
    if _RENEW:
        golden.renew([(name, picture)])
        return
    different = golden.difference(picture, golden.load(name))
    if different:
        made = tmp_path / f"{name}.png"
        golden.save(made, picture)
        pytest.fail(f"{name}: {different}; look at {made}, and renew it if it is as it should be")


def test_pictures_that_differ_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    one = rng.integers(0, 256, (80, 160, 3)).astype(np.uint8)
    assert golden.difference(one, one) == ""
    noisy = np.clip(one.astype(int) + rng.integers(-20, 21, one.shape), 0, 255).astype(np.uint8)
    assert golden.difference(noisy, one) == ""
    moved = one.copy()
    moved[16:48, 40:88] = 0
    assert "another picture" in golden.difference(moved, one)
    assert "size" in golden.difference(one[:72], one)
    assert "mean difference" in golden.difference(one // 2, one)
