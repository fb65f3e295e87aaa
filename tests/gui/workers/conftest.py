"""Jobs that end with the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.workers.jobs import Jobs


@pytest.fixture
def jobs(qtbot: QtBot, tmp_path: Path) -> Iterator[Jobs]:
    strings.use("en")
    made = Jobs(tmp_path / "logs")
    yield made
    for number in list(made.states):
        made.stop(number)
        made.stop(number)
    qtbot.waitUntil(lambda: not made.busy, timeout=30_000)
    qtbot.waitUntil(lambda: "mmfeat-jobs" not in [thread.name for thread in threading.enumerate()])
