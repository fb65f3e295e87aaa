"""A layout that sets widgets in lines, as words in a text.

The one of superqt comes with qtpy, which loads Qt's OpenGL; bare systems lack its libraries.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget


class FlowLayout(QLayout):
    """Widgets beside each other at their preferred sizes, in as many lines as they need."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []

    def addItem(self, item: QLayoutItem) -> None:
        """Add an item at the end."""
        self._items.append(item)

    def count(self) -> int:
        """Return the number of items."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """Return an item, or None past the last."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        """Remove an item and return it, or None past the last."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        """Ask for no more room than the lines need."""
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        """Say that fewer columns mean more lines."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all lines at a width."""
        return self._arrange(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:
        """Set the widgets into a rectangle."""
        super().setGeometry(rect)
        self._arrange(rect, move=True)

    def sizeHint(self) -> QSize:
        """Return the least size: what is wished for depends on the width."""
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        """Return the size of the largest item."""
        size = QSize()
        for item in self._items:
            size = size.expandedTo(item.minimumSize())
        margins = self.contentsMargins()
        return size + QSize(margins.left() + margins.right(), margins.top() + margins.bottom())

    def _arrange(self, rect: QRect, *, move: bool) -> int:
        """Set the items into lines, and return the height that these take."""
        margins = self.contentsMargins()
        inner = rect.marginsRemoved(margins)
        space = max(self.spacing(), 0)
        x, y, high = inner.x(), inner.y(), 0
        lines: list[tuple[QLayoutItem, QPoint, QSize]] = []
        begun = 0  # where the line begins in `lines`

        def end_line() -> None:
            for item, at, size in lines[begun:]:  # in the middle of their line
                if move:
                    item.setGeometry(QRect(at + QPoint(0, (high - size.height()) // 2), size))

        for item in self._items:
            if item.isEmpty():  # hidden
                continue
            size = item.sizeHint()
            if x > inner.x() and x + size.width() > inner.right() + 1:
                end_line()
                x, y, high, begun = inner.x(), y + high + space, 0, len(lines)
            lines.append((item, QPoint(x, y), size))
            x += size.width() + space
            high = max(high, size.height())
        end_line()
        return y + high - rect.y() + margins.bottom()
