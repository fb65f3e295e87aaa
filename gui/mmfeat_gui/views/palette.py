"""The command palette: every action by a few letters of its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.names import fold
from mmfeat_gui.views.actions import Action, keys_text, plain

_KEYS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


def matches(words: str, title: str) -> bool:
    """Return whether every word stands in a title, in any order and case."""
    folded = fold(title)
    return all(word in folded for word in fold(words).split())


class CommandPalette(QDialog):
    """A line to type in over the list of what can be done now.

    Parameters
    ----------
    actions : iterable of Action
    made : mapping of str to QAction
        The actions of the window, by key.
    parent : QWidget
    """

    def __init__(
        self, actions: Iterable[Action], made: Mapping[str, QAction], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("palette.title"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(520, 420)
        self.line = QLineEdit(self)
        self.line.setPlaceholderText(tr("palette.hint"))
        self.line.setAccessibleName(tr("palette.hint"))
        self.list = QListWidget(self)
        self.list.setAccessibleName(tr("palette.title"))
        self.list.setUniformItemSizes(True)
        column = QVBoxLayout(self)
        column.addWidget(self.line)
        column.addWidget(self.list)
        self._made = made
        self._entries: list[tuple[str, QListWidgetItem]] = []
        for info in actions:
            if info.key == "palette" or not made[info.key].isEnabled():
                continue
            title, menu = plain(info.title), plain(tr(f"menu.{info.menu}"))
            keys = keys_text(info)
            shown = f"{menu}: {title}" + (f"    {keys}" if keys else "")
            item = QListWidgetItem(shown, self.list)
            item.setData(Qt.ItemDataRole.UserRole, info.key)
            self._entries.append((f"{menu} {title}", item))
        self.line.textChanged.connect(self._filter)
        self.line.installEventFilter(self)
        self.list.itemActivated.connect(self._run)
        self.line.returnPressed.connect(self._run_current)
        self._filter("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the arrow keys move in the list while the line has the keyboard."""
        pressed = event.type() == QEvent.Type.KeyPress
        if pressed and isinstance(event, QKeyEvent) and event.key() in _KEYS:
            self.list.keyPressEvent(event)
            return True
        return super().eventFilter(watched, event)

    def _filter(self, words: str) -> None:
        for title, item in self._entries:
            item.setHidden(not matches(words, title))
        shown = (self.list.row(item) for _, item in self._entries if not item.isHidden())
        self.list.setCurrentRow(next(shown, -1))

    def _run_current(self) -> None:
        item = self.list.currentItem()
        if item is not None and not item.isHidden():
            self._run(item)

    def _run(self, item: QListWidgetItem) -> None:
        action = self._made[item.data(Qt.ItemDataRole.UserRole)]
        self.close()
        action.trigger()
