"""Everything the window can be told to do, declared once: text, keys, icon, menu."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence, QPalette
from PySide6.QtWidgets import QMainWindow

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.views.icons import make_icon


@dataclass(frozen=True)
class ActionInfo:
    """One action.

    Attributes
    ----------
    key : str
        Its name, and that of its text in the table of strings.
    shortcuts : tuple of str
    icon : bool
        Whether it stands in the tool bar, with an icon of its own.
    menu : str
        The menu it stands in.
    """

    key: str
    shortcuts: tuple[str, ...]
    icon: bool = False
    menu: str = "view"


ACTIONS = (
    ActionInfo("open", ("Ctrl+O",), True, "file"),
    ActionInfo("reload", ("F5", "Ctrl+R"), False, "file"),
    ActionInfo("quit", ("Ctrl+Q",), False, "file"),
    ActionInfo("back", ("Alt+Left", "Back"), True, "go"),
    ActionInfo("forward", ("Alt+Right", "Forward"), True, "go"),
    ActionInfo("comparison", ("Ctrl+Shift+B",), False, "go"),
    ActionInfo("find", ("Ctrl+F",), False, "go"),
    ActionInfo("next_pane", ("F6",), False, "go"),
    ActionInfo("compare", ("Ctrl+B",), True, "view"),
    ActionInfo("escape", ("Esc",), False, "view"),
    ActionInfo("fit", ("Ctrl+0",), False, "view"),
    ActionInfo("heat", ("Ctrl+H",), False, "view"),
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
        # Without its mnemonic, which stands in brackets where letters are not Latin.
        action.setIconText(re.sub(r"\(&.\)|&|…", "", action.text()))
        action.setToolTip(f"{action.iconText()} ({keys})")
        action.triggered.connect(lambda _=False, run=handlers[info.key]: run())
        menus[info.menu].addAction(action)
        made[info.key] = action
    return made


def draw_icons(actions: Mapping[str, QAction], palette: QPalette) -> None:
    """Draw the icons of the tool bar in the colours of a palette."""
    for info in ACTIONS:
        if info.icon:
            actions[info.key].setIcon(make_icon(info.key, palette))
