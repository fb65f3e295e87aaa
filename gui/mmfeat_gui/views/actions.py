"""Everything a window can be told to do, declared once: text, keys, icon, menu, and what it does.

Menus, shortcuts, tool bar, command palette and the page of shortcuts are all made of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence, QPalette
from PySide6.QtWidgets import QMenu

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.views.icons import make_icon

if TYPE_CHECKING:
    from mmfeat_gui.views.main_window import MainWindow

MENUS = ("file", "edit", "go", "view", "select", "notes", "tools", "help")


def has_atlas(window: MainWindow) -> bool:
    """Return whether an atlas is open."""
    return window.context.summary is not None


def opened(window: MainWindow) -> bool:
    """Return whether an atlas is open and its pages are shown."""
    return has_atlas(window) and window.shows_atlas


def always(window: MainWindow) -> bool:
    """Return true: for what needs no atlas."""
    return True


@dataclass(frozen=True)
class Action:
    """One thing to do.

    Attributes
    ----------
    key : str
        Its name.
    menu : str
        The menu it stands in, one of `MENUS`.
    run : callable (MainWindow)
    shortcuts : tuple of str
    icon : bool
        Whether it stands in the tool bar, with an icon of its own.
    enabled : callable (MainWindow) to bool
        Whether it can be done now.
    checked : callable (MainWindow) to bool, or None
        For what is on or off: which of them it is now.
    text : str
        The id of its text; empty for ``action.<key>``.
    """

    key: str
    menu: str
    run: Callable[[MainWindow], object]
    shortcuts: tuple[str, ...] = ()
    icon: bool = False
    enabled: Callable[[MainWindow], bool] = opened
    checked: Callable[[MainWindow], bool] | None = None
    text: str = ""

    @property
    def title(self) -> str:
        """Its text in the language in use, with its mnemonic."""
        return tr(self.text or f"action.{self.key}")


def plain(text: str) -> str:
    """Return the text of an action without its mnemonic and its dots.

    The mnemonic stands in brackets where letters are not Latin.
    """
    return re.sub(r"\(&.\)|&|…", "", text)


def keys_text(action: Action) -> str:
    """Return the first shortcut as people of this system write it; empty without one."""
    if not action.shortcuts:
        return ""
    form = QKeySequence.SequenceFormat.NativeText
    return QKeySequence(action.shortcuts[0]).toString(form)


def make_actions(
    window: MainWindow, actions: Iterable[Action]
) -> tuple[dict[str, QAction], dict[str, QMenu]]:
    """Create the actions of a window and put them into its menus.

    Returns
    -------
    actions, menus : dict
        By key; menus without an action are left out.
    """
    menus: dict[str, QMenu] = {}
    actions = list(actions)
    for name in MENUS:
        if any(info.menu == name for info in actions):
            menus[name] = window.menuBar().addMenu(tr(f"menu.{name}"))
    made = {}
    for info in actions:
        action = QAction(info.title, window)
        action.setShortcuts([QKeySequence(keys) for keys in info.shortcuts])
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.setIconText(plain(action.text()))
        keys = keys_text(info)
        action.setToolTip(f"{action.iconText()} ({keys})" if keys else action.iconText())
        action.setCheckable(info.checked is not None)
        action.triggered.connect(lambda _=False, run=info.run: run(window))
        menus[info.menu].addAction(action)
        made[info.key] = action
    return made, menus


def update_actions(
    window: MainWindow, actions: Iterable[Action], made: Mapping[str, QAction]
) -> None:
    """Switch each action on or off, as it can be done now."""
    for info in actions:
        action = made[info.key]
        action.setEnabled(info.enabled(window))
        if info.checked is not None:
            action.setChecked(info.checked(window))


def draw_icons(actions: Iterable[Action], made: Mapping[str, QAction], palette: QPalette) -> None:
    """Draw the icons of the tool bar in the colours of a palette."""
    for info in actions:
        if info.icon:
            made[info.key].setIcon(make_icon(info.key, palette))
