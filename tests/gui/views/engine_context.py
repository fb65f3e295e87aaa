"""What a panel that asks the engine needs of a window, without the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QWidget
from pytestqt.qtbot import QtBot

from mmfeat_gui.state.settings import Settings
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views.context import Context

LONG = 120_000  # ms in which a process begins and loads torch on a busy machine


def made_context() -> Context:
    """Return a context without an atlas."""
    context = Context(Settings())
    context.reader.opened.connect(lambda summary: context.show_atlas(summary, ViewState()))
    return context


def spin(until: Callable[[], bool], qtbot: QtBot) -> None:
    """Wait until something is so."""
    qtbot.waitUntil(until, timeout=LONG)


def open_atlas(context: Context, path: Path, qtbot: QtBot) -> None:
    """Open an atlas, as a window does."""
    context.reader.open(path)
    spin(lambda: context.path == path and not context.reader.busy, qtbot)


def settled(context: Context, qtbot: QtBot) -> None:
    """Wait until the engine has answered all, and nothing is about to be asked."""
    qtbot.wait(450)  # longer than inputs wait for another key
    spin(lambda: not context.engine.busy and not context.reader.busy, qtbot)
    QApplication.processEvents()


def unnamed(widget: QWidget) -> list[str]:
    """Return what can have the keyboard without a name for a screen reader."""
    found = []
    for child in widget.findChildren(QWidget):
        own = child.focusPolicy().value and not child.objectName().startswith("qt_")
        parent = child.parentWidget()
        inner = isinstance(parent, QAbstractScrollArea) and parent.viewport() is child
        if own and not inner and child.isVisibleTo(widget) and not _named(child):
            found.append(f"{type(child).__name__} in {type(parent).__name__}")
    return found


def _named(widget: QWidget) -> bool:
    interface = QAccessible.queryAccessibleInterface(widget)
    return bool(interface is not None and interface.text(QAccessible.Text.Name))
