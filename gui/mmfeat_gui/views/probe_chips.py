"""Things that were chosen, each of which can be taken away again."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.views import theme
from mmfeat_gui.views.fonts import font_for
from mmfeat_gui.views.tiles import TileFlow


class Chips(TileFlow):
    """Small labels in rows; a click, Enter or Delete takes one away.

    Signals
    -------
    removed(index)
    """

    removed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        self.labels: Sequence[str] = ()
        self._languages: Sequence[str] = ()
        super().__init__(QSize(150, 28), parent)
        self.activated.connect(self.removed)

    def show_chips(self, labels: Sequence[str], languages: Sequence[str] = ()) -> None:
        """Show these labels, each in its language if these are given."""
        self.labels, self._languages = labels, languages
        self.set_count(len(labels))

    def describe(self, index: int) -> str:
        """Return the whole label, and what a click does."""
        return tr("probe.chip_tip", label=self.labels[index][:500])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the present one away by Delete or Backspace too."""
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self.labels:
            self.removed.emit(self._current)
        else:
            super().keyPressEvent(event)

    def paint_tile(self, painter: QPainter, rect: QRect, index: int) -> None:
        """Draw the label and a cross."""
        language = self._languages[index] if self._languages else ""
        font = font_for(language, self.font())
        inner = rect.adjusted(8, 2, -24, -2)
        painter.setFont(font)
        painter.setPen(self.palette().text().color())
        text = " ".join(self.labels[index][:200].split())
        cut = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, inner.width())
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignAbsolute
        painter.drawText(inner, flags | Qt.AlignmentFlag.AlignVCenter, cut)
        painter.setPen(theme.muted(self.palette()))
        cross = QRect(rect.right() - 22, rect.y(), 20, rect.height())
        painter.drawText(cross, Qt.AlignmentFlag.AlignCenter, "×")
