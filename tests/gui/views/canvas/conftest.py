"""A canvas with points."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from mmfeat.figures.grid import Grid
from mmfeat_gui.views.map_canvas import MapCanvas
from tests.gui.views.canvas.hand import COUNT, TABLE


@pytest.fixture(scope="module")
def xy() -> np.ndarray:
    rng = np.random.default_rng(11)
    middles = rng.normal(size=(12, 2)) * 4
    found = middles[rng.integers(0, 12, COUNT)] + rng.normal(size=(COUNT, 2)) * 0.5
    found[17] = np.nan
    return found.astype(np.float32)


@pytest.fixture
def canvas(qtbot: QtBot, xy: np.ndarray) -> Iterator[MapCanvas]:
    shown = MapCanvas(nothing="nothing here")
    qtbot.addWidget(shown)
    shown.resize(640, 480)
    shown.show_points(Grid(xy))
    shown.show_colours((np.arange(COUNT) % 2).astype(np.uint16), TABLE)
    with qtbot.waitExposed(shown):
        shown.show()
    yield shown
