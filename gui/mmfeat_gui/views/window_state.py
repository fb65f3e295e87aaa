"""A window as settings and sessions hold it: what it shows, its size and its parts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QMainWindow, QSplitter

from mmfeat_gui.state.session import Session

if TYPE_CHECKING:
    from mmfeat_gui.views.main_window import MainWindow


def session_of(window: MainWindow) -> Session:
    """Return a window as it is now."""
    context, summary = window.context, window.summary
    geometry, splitters = remember(window, window.splitters())
    beside = [path for path in window.comparison.paths if path != context.path]
    return Session(
        atlas="" if summary is None else str(summary.path.absolute()),
        fingerprint="" if summary is None else summary.fingerprint,
        beside=str(beside[0].absolute()) if beside else "",
        view=context.store.state,
        geometry=geometry,
        splitters=splitters,
    )


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
