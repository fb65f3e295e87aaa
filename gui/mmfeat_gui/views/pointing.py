"""Widgets made of painted parts that are pointed at and clicked."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QWidget


def brush_mode(modifiers: Qt.KeyboardModifier) -> str:
    """Return what a brush does to the one before, as `Selection.brushed` takes it."""
    if modifiers & Qt.KeyboardModifier.ShiftModifier:
        return "add"
    return "subtract" if modifiers & Qt.KeyboardModifier.AltModifier else "replace"


class PartedWidget(QWidget):
    """Marks the part under the cursor and tells a click on it from a drag.

    Subclasses say which part is where, and what choosing one does.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._current, self._hovered, self._pressed = 0, -1, -1
        self.setMouseTracking(True)

    def part_at(self, point: QPoint) -> int:
        """Return the part under a point, or -1."""
        return -1

    def choose(self, index: int) -> None:
        """Do what a click on a part does."""

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Mark the part under the cursor."""
        self._hover(self.part_at(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        """Mark none."""
        self._hover(-1)

    def _hover(self, index: int) -> None:
        if index != self._hovered:
            self._hovered = index
            shape = Qt.CursorShape.PointingHandCursor if index >= 0 else Qt.CursorShape.ArrowCursor
            self.setCursor(shape)
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click; other buttons are the window's."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = self.part_at(event.position().toPoint())
        else:
            event.ignore()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose the part that was clicked."""
        index, pressed = self.part_at(event.position().toPoint()), self._pressed
        self._pressed = -1
        if event.button() == Qt.MouseButton.LeftButton and index >= 0 and index == pressed:
            self._current = index
            self.choose(index)
