"""A window with an open atlas, and the truth about that atlas read with h5py alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.views.application import make_application
from mmfeat_gui.views.main_window import MainWindow


@pytest.fixture(scope="session", autouse=True)
def application(qapp: QApplication) -> QApplication:
    """The application as users have it, with style and fonts."""
    return make_application()


@pytest.fixture
def settle(qtbot: QtBot) -> Callable[[MainWindow], None]:
    """Wait until everything asked for is shown."""

    def wait(window: MainWindow) -> None:
        qtbot.waitUntil(lambda: not window.busy, timeout=30_000)
        qtbot.wait(1)

    return wait


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    """A window without an atlas; its thread must end with it."""
    strings.use("en")
    shown = MainWindow(Settings())
    with qtbot.waitExposed(shown):
        shown.show()
    yield shown
    shown.close()
    names = [thread.name for thread in threading.enumerate()]
    shown.deleteLater()
    assert "mmfeat-reader" not in names


@pytest.fixture
def opened(
    window: MainWindow, atlas_path: Path, settle: Callable[[MainWindow], None]
) -> MainWindow:
    """A window with the small atlas."""
    window.open_atlas(atlas_path)
    settle(window)
    assert window.summary is not None
    return window


class Truth:
    """Arrays of an atlas, read with h5py alone."""

    def __init__(self, path: Path) -> None:
        with h5py.File(path) as file:
            self.features = {
                name: node[()]
                for name, node in file["features"].items()
                if isinstance(node, h5py.Dataset)
            }
            self.names = file["names/text"].asstr()[()]
            self.name_scores = file["names/score"][()]
            self.languages = file["languages"].asstr()[()].tolist()
            self.rate = file["features/by_language/firing_rate"][()]
            self.xy = file["maps/umap"][()]
            self.item_id = file["items/item_id"].asstr()[()].tolist()
            self.split = file["items/split"].asstr()[()].tolist()
            self.caption_item = file["captions/item"][()]
            self.caption_text = file["captions/text"].asstr()[()]
            self.caption_language = file["captions/language"][()]
            self.sae = dict(file["sae"].attrs)
            self.attribution = str(file.attrs["attribution"])
            self.top_picture = file["examples/image.pooled/top"][()]
            self.top_activation = file["examples/image.pooled/top_activation"][()]
            self.picture_item = file["codes/image.pooled/rows/item"][()]
        self.count = len(self.features["shared"])

    def with_pictures_and_captions(self) -> int:
        """Return a feature that fires on pictures and in many languages."""
        score = (self.features["firing_rate_image"] > 0) * self.features["n_languages"]
        return int(np.argmax(score))


@pytest.fixture
def truth(atlas_path: Path) -> Truth:
    return Truth(atlas_path)
