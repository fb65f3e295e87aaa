"""Size and parts of a window as text, for settings and sessions."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QMainWindow, QSplitter


def restore(
    geometry: str,
    splitters: Mapping[str, str],
    window: QMainWindow,
    parts: Mapping[str, QSplitter],
) -> None:
    """Take size and place of another time, if they still make sense."""
    if state := _decode(geometry):
        window.restoreGeometry(QByteArray(state))
    for name, part in parts.items():
        if state := _decode(splitters.get(name, "")):
            part.restoreState(QByteArray(state))


def remember(window: QMainWindow, parts: Mapping[str, QSplitter]) -> tuple[str, dict[str, str]]:
    """Return size and place of the window, and how its parts share the room."""
    splitters = {name: _encode(part.saveState()) for name, part in parts.items()}
    return _encode(window.saveGeometry()), splitters


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _encode(state: QByteArray) -> str:
    return base64.b64encode(state.data()).decode("ascii")
