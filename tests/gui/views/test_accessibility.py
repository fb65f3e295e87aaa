from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from mmfeat_gui.state.history import Place
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.views.registry import PANELS

Settle = Callable[[MainWindow], None]


def _nameless(window: MainWindow) -> list[str]:
    """Return the widgets that the keyboard reaches and a screen reader has no name for."""
    found = []
    for widget in window.findChildren(QWidget):
        reached = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible()
        inner = widget.focusProxy() is not None or widget.objectName().startswith("qt_")
        if not reached or inner:
            continue
        seen = QAccessible.queryAccessibleInterface(widget)
        name = seen.text(QAccessible.Text.Name) if seen is not None else ""
        if not name.strip():
            parents = [type(widget).__name__]
            while (parent := widget.parentWidget()) is not None and len(parents) < 4:
                parents.append(type(parent).__name__)
                widget = parent
            found.append(" in ".join(parents))
    return found


def test_whatever_the_keyboard_reaches_has_a_name(
    qtbot: QtBot, opened: MainWindow, settle: Settle
) -> None:
    nameless = {}
    for made in PANELS:
        opened.bring(made.key)
        settle(opened)
        nameless[made.key] = _nameless(opened)
    opened.open_item(2)
    settle(opened)
    nameless["item"] = _nameless(opened)
    opened.context.store.change("undo.place", place=Place("runs"))
    settle(opened)
    nameless["runs"] = _nameless(opened)
    assert {key: names for key, names in nameless.items() if names} == {}


def test_every_panel_takes_the_keyboard_when_it_comes_to_the_front(
    opened: MainWindow, settle: Settle
) -> None:
    opened.activateWindow()
    for made in PANELS:
        opened.bring(made.key)
        settle(opened)
        panel, focus = opened.panel(made), opened.focusWidget()
        assert focus is not None, made.key
        assert focus is panel or panel.isAncestorOf(focus), made.key
