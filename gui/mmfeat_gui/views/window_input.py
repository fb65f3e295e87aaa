"""What reaches a window from outside: files dropped on it, and the mouse's side buttons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractScrollArea

if TYPE_CHECKING:
    from mmfeat_gui.views.main_window import MainWindow


class WindowInput(QObject):
    """Opens what is dropped, and goes back and forward by the mouse.

    Parameters
    ----------
    window : MainWindow
        With all its pages: scrolled ones would take the side buttons for themselves.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        window.setAcceptDrops(True)
        window.installEventFilter(self)
        for area in window.findChildren(QAbstractScrollArea):
            area.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take what is meant for the window."""
        kind = event.type()
        if kind == QEvent.Type.MouseButtonPress and isinstance(event, QMouseEvent):
            if event.button() == Qt.MouseButton.BackButton:
                self._window.go_back()
                return True
            if event.button() == Qt.MouseButton.ForwardButton:
                self._window.go_forward()
                return True
        elif watched is not self._window:
            return False
        elif kind == QEvent.Type.DragEnter and isinstance(event, QDragEnterEvent):
            if any(url.isLocalFile() for url in event.mimeData().urls()):
                event.acceptProposedAction()
                return True
        elif kind == QEvent.Type.Drop and isinstance(event, QDropEvent):
            files = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
            if files:
                event.acceptProposedAction()
                self._window.open_file(Path(files[0]))
                return True
        return False
