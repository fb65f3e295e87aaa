"""A panel of probes with the small atlas and its backbone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from mmfeat.atlas.encoder import open_encoder
from mmfeat.atlas.reader import Atlas
from mmfeat_gui.resources import strings
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.probe_panel import ProbePanel
from tests.gui.views.engine_context import made_context, open_atlas, spin


@pytest.fixture(scope="module")
def context(qapp: QApplication, atlas_path: Path) -> Iterator[Context]:
    """A context whose engine stays for all tests."""
    strings.use("en")
    made = made_context()
    yield made
    made.close()


@pytest.fixture(scope="module")
def library(atlas_path: Path) -> Iterator[tuple[Atlas, Any]]:
    with Atlas(atlas_path) as atlas:
        yield atlas, open_encoder(atlas, device="cpu")


@pytest.fixture
def said(context: Context) -> Iterator[list[str]]:
    found: list[str] = []
    context.said.connect(found.append)
    yield found
    context.said.disconnect(found.append)


@pytest.fixture
def panel(context: Context, atlas_path: Path, qtbot: QtBot) -> Iterator[ProbePanel]:
    open_atlas(context, atlas_path, qtbot)
    shown = ProbePanel(context)
    qtbot.addWidget(shown)
    shown.resize(884, 900)
    shown.show()
    spin(lambda: shown.ready, qtbot)
    yield shown
    shown.cancel_all()
    context.store.changed.disconnect(shown._follow)  # it outlives this panel
