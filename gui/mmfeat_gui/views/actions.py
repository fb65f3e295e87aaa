"""Everything the window can be told to do, declared once: text, keys, icon, menu."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QStyle

from mmfeat_gui.resources.strings import tr

_Icon = QStyle.StandardPixmap


@dataclass(frozen=True)
class ActionInfo:
    """One action.

    Attributes
    ----------
    key : str
        Its name, and that of its text in the table of strings.
    shortcuts : tuple of str
    icon : StandardPixmap or None
    menu : str
        The menu it stands in.
    """

    key: str
    shortcuts: tuple[str, ...]
    icon: QStyle.StandardPixmap | None = None
    menu: str = "view"


ACTIONS = (
    ActionInfo("open", ("Ctrl+O",), _Icon.SP_DialogOpenButton, "file"),
    ActionInfo("reload", ("F5", "Ctrl+R"), _Icon.SP_BrowserReload, "file"),
    ActionInfo("quit", ("Ctrl+Q",), None, "file"),
    ActionInfo("back", ("Alt+Left", "Back"), _Icon.SP_ArrowBack, "go"),
    ActionInfo("forward", ("Alt+Right", "Forward"), _Icon.SP_ArrowForward, "go"),
    ActionInfo("find", ("Ctrl+F",), None, "go"),
    ActionInfo("next_pane", ("F6",), None, "go"),
    ActionInfo("escape", ("Esc",), None, "view"),
    ActionInfo("fit", ("Ctrl+0",), None, "view"),
    ActionInfo("heat", ("Ctrl+H",), None, "view"),
)
MENUS = ("file", "go", "view")


def make_actions(
    window: QMainWindow, handlers: Mapping[str, Callable[[], object]]
) -> dict[str, QAction]:
    """Create the actions of a window and put them into its menus."""
    menus = {name: window.menuBar().addMenu(tr(f"menu.{name}")) for name in MENUS}
    made = {}
    for info in ACTIONS:
        action = QAction(tr(f"action.{info.key}"), window)
        action.setShortcuts([QKeySequence(keys) for keys in info.shortcuts])
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        keys = QKeySequence(info.shortcuts[0]).toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(f"{action.text().replace('&', '')} ({keys})")
        if info.icon is not None:
            action.setIcon(window.style().standardIcon(info.icon))
        action.triggered.connect(lambda _=False, run=handlers[info.key]: run())
        menus[info.menu].addAction(action)
        made[info.key] = action
    return made
