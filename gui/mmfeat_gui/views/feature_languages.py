"""Which languages have a column: a menu to tick them in."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from mmfeat.corpus.languages import language_name
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.views.fonts import font_for

MOST = 64  # languages that are shown, or listed, at once


class _Ticked(QMenu):
    """A menu that stays open while things are ticked."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tick what was clicked."""
        action = self.activeAction()
        if action is not None and action.isCheckable() and action.isEnabled():
            action.trigger()
        else:
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Tick with the space bar."""
        action = self.activeAction()
        if event.key() == Qt.Key.Key_Space and action is not None and action.isCheckable():
            action.trigger()
        else:
            super().keyPressEvent(event)


class LanguageChooser(QToolButton):
    """Opens a menu of languages; none ticked stands for all.

    Signals
    -------
    chosen(languages)
        A tuple of str; empty for all.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setAutoRaise(True)
        self.setToolTip(tr("page.languages_tip"))
        self._languages: tuple[str, ...] = ()
        self._chosen: tuple[str, ...] = ()
        self._actions: dict[str, QAction] = {}
        menu = _Ticked(self)
        self._all = menu.addAction(tr("page.languages_all"))
        self._all.triggered.connect(lambda: self.chosen.emit(()))
        menu.addSeparator()
        self.setMenu(menu)

    def show_languages(self, languages: Sequence[str], chosen: Sequence[str]) -> None:
        """Show which languages there are, and which are chosen."""
        menu = self.menu()
        if tuple(languages) != self._languages:
            self._languages = tuple(languages)
            for action in self._actions.values():
                menu.removeAction(action)
                action.deleteLater()
            self._actions = {}
            for tag in self._languages[:MOST]:
                action = QAction(f"{language_name(tag)}  {tag}", menu)
                action.setFont(font_for(tag, self.font()))
                action.setCheckable(True)
                action.triggered.connect(self._choose)
                menu.addAction(action)
                self._actions[tag] = action
        self._chosen = shown_languages(self._languages, chosen)
        for tag, action in self._actions.items():
            action.setChecked(tag in self._chosen)
        count, total = len(self._chosen), len(self._languages)
        self.setText(tr("page.languages", count=count, total=total))
        self.setAccessibleName(self.text())

    def _choose(self) -> None:
        ticked = tuple(tag for tag, action in self._actions.items() if action.isChecked())
        self.chosen.emit(() if ticked == self._languages else ticked)


def shown_languages(languages: Sequence[str], chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the languages that have a column: those chosen that there are, or all."""
    own = tuple(tag for tag in languages if tag in set(chosen)) or tuple(languages)
    return own[:MOST]
