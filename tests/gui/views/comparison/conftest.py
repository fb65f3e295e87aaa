"""Two atlases side by side: the small one, and one that splits by modality."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat_gui.views.main_window import MainWindow
from tests.gui.views.comparison.hand import SILENT

Settle = Callable[[MainWindow], None]


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
