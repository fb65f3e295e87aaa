"""The page of shortcuts, made of the actions themselves."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.views.actions import MENUS, Action, plain


def shortcut_rows(actions: Iterable[Action]) -> list[tuple[str, str, str]]:
    """Return menu, title and keys of each action that has keys, in the order of the menus."""
    form = QKeySequence.SequenceFormat.NativeText
    rows = []
    for info in sorted(actions, key=lambda info: MENUS.index(info.menu)):
        if info.shortcuts:
            keys = ", ".join(QKeySequence(one).toString(form) for one in info.shortcuts)
            rows.append((plain(tr(f"menu.{info.menu}")), plain(info.title), keys))
    return rows


class ShortcutsPage(QDialog):
    """A table of all shortcuts."""

    def __init__(self, actions: Iterable[Action], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(plain(tr("action.shortcuts")))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(560, 520)
        rows = shortcut_rows(actions)
        self.table = QTableWidget(len(rows), 3, self)
        self.table.setAccessibleName(self.windowTitle())
        self.table.setHorizontalHeaderLabels(
            [tr("shortcuts.menu"), tr("shortcuts.action"), tr("shortcuts.keys")]
        )
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
                self.table.setItem(row, column, item)
        self.table.resizeColumnsToContents()
        self.table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        column_box = QVBoxLayout(self)
        column_box.addWidget(self.table)
