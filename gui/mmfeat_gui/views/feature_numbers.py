"""Scores with their names; each explains itself."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QWidget

from mmfeat_gui.views import theme
from mmfeat_gui.views.tiles import TileFlow


class NumberFlow(TileFlow):
    """Scores with their names; the tool tip tells the formula, a click or Enter does too."""

    def __init__(self, width: int = 130, parent: QWidget | None = None) -> None:
        self._numbers: Sequence[tuple[str, str, str]] = ()
        super().__init__(QSize(width, 46), parent)

    def show_numbers(self, numbers: Sequence[tuple[str, str, str]]) -> None:
        """Show (name, value, explanation) of each."""
        self._numbers = numbers
        self.set_count(len(numbers))

    @property
    def numbers(self) -> Sequence[tuple[str, str, str]]:
        """Name, value and explanation of each."""
        return self._numbers

    def describe(self, index: int) -> str:
        """Return a number with its explanation."""
        label, value, explanation = self._numbers[index]
        return f"{label}: {value}. {explanation}"

    def tip(self, index: int) -> str:
        """Return the same with the number set off."""
        label, value, explanation = self._numbers[index]
        return f"<p><b>{escape(label)}: {escape(value)}</b></p><p>{escape(explanation)}</p>"

    def choose(self, index: int) -> None:
        """Tell what a number means."""
        self.say(index)

    def paint_tile(self, painter: QPainter, rect: QRect, index: int) -> None:
        """Draw the name over the value."""
        label, value, _ = self._numbers[index]
        inner = rect.adjusted(8, 3, -6, -3)
        small = theme.sized(self.font(), 0.82)
        painter.setFont(small)
        painter.setPen(theme.muted(self.palette()))
        cut = QFontMetrics(small).elidedText(label, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, cut)
        painter.setFont(theme.sized(self.font(), 1.0, bold=True))
        painter.setPen(self.palette().text().color())
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, value)
