"""Size and parts of the window, from one run to the next."""

from __future__ import annotations

import base64
import binascii

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QMainWindow, QSplitter

from mmfeat_gui.state.settings import Settings


def restore(settings: Settings, window: QMainWindow, splitter: QSplitter) -> None:
    """Take size and place of the last time, if they still make sense."""
    for text, take in (
        (settings.geometry, window.restoreGeometry),
        (settings.splitter, splitter.restoreState),
    ):
        try:
            state = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        if state:
            take(QByteArray(state))


def remember(settings: Settings, window: QMainWindow, splitter: QSplitter) -> None:
    """Put size and place into the settings."""
    settings.geometry = _encode(window.saveGeometry())
    settings.splitter = _encode(splitter.saveState())


def _encode(state: QByteArray) -> str:
    return base64.b64encode(state.data()).decode("ascii")
