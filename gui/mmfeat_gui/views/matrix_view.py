"""A matrix as coloured cells with their numbers, walked through by keys: one painted widget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import numpy as np
from jaxtyping import Float, Int8
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from mmfeat.figures.palettes import sequential
from mmfeat_gui.views import theme
from mmfeat_gui.views.fonts import font_for

NO_MARK, DOT, CROSS = 0, 1, 2
_LEAST, _MOST = 30, 76  # width of a column in pixels
_TALLEST, _PAD = 46, 8
_MEASURED = 100  # names of rows; longer ones after them are elided
_NAMES = 0.35  # of the width, at most, for the names of rows


@dataclass(frozen=True)
class Heading:
    """The name of a row or column.

    Attributes
    ----------
    text : str
    language : str
        The tag of the language it is written in; empty for the interface's own.
    detail : str
        What stands behind it, read second; empty for nothing.
    """

    text: str
    language: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Matrix:
    """What a `MatrixView` shows.

    Attributes
    ----------
    rows, columns : tuple of Heading
    values : float [rows, columns]
        NaN where there is none.
    low, high : float
        Values at the ends of the palette.
    write : callable (row, column) to str
        What stands in a cell, in few letters; left out where there is no room.
    describe : callable (row, column) to str
        A cell in words, of which nothing is left out.
    marks : int8 [rows, columns] or None
        `DOT` or `CROSS` in a corner of a cell.
    """

    rows: tuple[Heading, ...]
    columns: tuple[Heading, ...]
    values: Float[np.ndarray, "rows columns"]
    low: float
    high: float
    write: Callable[[int, int], str]
    describe: Callable[[int, int], str]
    marks: Int8[np.ndarray, "rows columns"] | None = None


class MatrixView(QAbstractScrollArea):
    """Shows a matrix under the names of its columns and beside those of its rows.

    Arrow keys, Home, End and the page keys walk from cell to cell, and each is spoken as the
    description of the widget; Enter, Space or a click chooses one.

    Signals
    -------
    chosen(row, column)
    moved(row, column)
        Another cell is the current one.
    """

    chosen = Signal(int, int)
    moved = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._matrix: Matrix | None = None
        self._at = (0, 0)
        self._widest = 0
        self._cell = QSize(_LEAST, _LEAST)
        self._pressed: tuple[int, int] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.setMinimumSize(200, 140)

    @property
    def matrix(self) -> Matrix | None:
        """What is shown."""
        return self._matrix

    @property
    def current(self) -> tuple[int, int]:
        """Row and column of the cell that the keyboard is at."""
        return self._at

    def show_matrix(self, matrix: Matrix | None) -> None:
        """Show a matrix; the current cell stays where it was, if there is one."""
        self._matrix = matrix
        rows, columns = matrix.values.shape if matrix is not None else (0, 0)
        self._at = (min(self._at[0], max(rows - 1, 0)), min(self._at[1], max(columns - 1, 0)))
        self._measure()
        self._arrange()
        self._speak()
        self.viewport().update()

    def go(self, row: int, column: int) -> None:
        """Make a cell the current one and bring it into view."""
        if self._matrix is None:
            return
        rows, columns = self._matrix.values.shape
        at = (min(max(row, 0), rows - 1), min(max(column, 0), columns - 1))
        moved = at != self._at
        self._at = at
        self._reveal()
        self._speak()
        self.viewport().update()
        if moved:
            self.moved.emit(*at)

    # Places ---------------------------------------------------------------------------

    def _line(self) -> int:
        return QFontMetrics(self.font()).height()

    def _names(self) -> int:
        """Return the width of the names of rows."""
        return min(self._widest, int(self.viewport().width() * _NAMES))

    def _measure(self) -> None:
        """Find the width that the names of rows would like to have."""
        self._widest = 0
        for heading in self._matrix.rows[:_MEASURED] if self._matrix is not None else ():
            font = QFont(font_for(heading.language, self.font()))
            font.setBold(True)  # as that of the current cell
            wide = QFontMetrics(font).horizontalAdvance(heading.text) + 2 + 2 * _PAD
            if heading.detail:
                wide += _PAD + QFontMetrics(self._small()).horizontalAdvance(heading.detail)
            self._widest = max(self._widest, wide)

    def _small(self) -> QFont:
        return theme.sized(self.font(), 0.86)

    def _head(self) -> int:
        return self._line() + _PAD

    def cell_size(self) -> QSize:
        """Return the size of a cell: columns share the width, rows are as high as text needs."""
        return self._cell

    def _body(self) -> QRect:
        """Return where cells are seen."""
        names, head = self._names(), self._head()
        width, height = self.viewport().width() - names, self.viewport().height() - head
        if self.layoutDirection() == Qt.LayoutDirection.RightToLeft:
            return QRect(0, head, width, height)
        return QRect(names, head, width, height)

    def cell_rect(self, row: int, column: int) -> QRect:
        """Return where a cell is in the viewport; perhaps outside what is seen."""
        size, body = self.cell_size(), self._body()
        x = column * size.width() - self.horizontalScrollBar().value()
        y = body.top() + row * size.height() - self.verticalScrollBar().value()
        if self.layoutDirection() == Qt.LayoutDirection.RightToLeft:
            left = body.right() + 1 - x - size.width()
        else:
            left = body.left() + x
        return QRect(left, y, size.width(), size.height())

    def cell_at(self, point: QPoint) -> tuple[int, int] | None:
        """Return row and column of the cell under a point of the viewport."""
        body, size = self._body(), self.cell_size()
        if self._matrix is None or not body.contains(point):
            return None
        rows, columns = self._matrix.values.shape
        x = point.x() - body.left()
        if self.layoutDirection() == Qt.LayoutDirection.RightToLeft:
            x = body.right() - point.x()
        row = (point.y() - body.top() + self.verticalScrollBar().value()) // size.height()
        column = (x + self.horizontalScrollBar().value()) // size.width()
        return (row, column) if row < rows and column < columns else None

    def _arrange(self) -> None:
        """Set the scroll bars to what there is to see."""
        rows, columns = self._matrix.values.shape if self._matrix is not None else (0, 0)
        body = self._body()
        wide = min(max(body.width() // max(columns, 1), _LEAST), _MOST)
        high = min(max(body.height() // max(rows, 1), self._line() + _PAD), _TALLEST)
        self._cell = size = QSize(wide, high)
        for bar, total, seen, step in (
            (self.horizontalScrollBar(), columns * size.width(), body.width(), size.width()),
            (self.verticalScrollBar(), rows * size.height(), body.height(), size.height()),
        ):
            bar.setRange(0, max(total - seen, 0))
            bar.setPageStep(max(seen, 1))
            bar.setSingleStep(step)

    def _reveal(self) -> None:
        size, body = self.cell_size(), self._body()
        row, column = self._at
        for bar, start, length, seen in (
            (self.horizontalScrollBar(), column * size.width(), size.width(), body.width()),
            (self.verticalScrollBar(), row * size.height(), size.height(), body.height()),
        ):
            bar.setValue(min(max(bar.value(), start + length - seen), start))

    def _speak(self) -> None:
        row, column = self._at
        shown = self._matrix is not None and self._matrix.values.size > 0
        text = self._matrix.describe(row, column) if shown and self._matrix is not None else ""
        if text != self.accessibleDescription():
            self.setAccessibleDescription(text)

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(560, 420)

    # Drawing --------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the cells that are seen, then the names over what has scrolled under them."""
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), self.palette().base())
        matrix = self._matrix
        if matrix is not None and matrix.values.size:
            size, body = self.cell_size(), self._body()
            top, left = self.verticalScrollBar().value(), self.horizontalScrollBar().value()
            rows = range(
                top // size.height(),
                min(-(-(top + body.height()) // size.height()), len(matrix.rows)),
            )
            columns = range(
                left // size.width(),
                min(-(-(left + body.width()) // size.width()), len(matrix.columns)),
            )
            painter.save()
            painter.setClipRect(body)
            self._draw_cells(painter, matrix, rows, columns)
            painter.restore()
            self._draw_names(painter, matrix, rows, columns)
        painter.end()

    def _draw_cells(self, painter: QPainter, matrix: Matrix, rows: range, columns: range) -> None:
        seen = matrix.values[rows.start : rows.stop, columns.start : columns.stop]
        span = max(matrix.high - matrix.low, 1e-12)
        scaled = (seen.ravel() - matrix.low) / span
        colours = sequential(scaled).reshape(*seen.shape, 3)
        bare, faded = self.palette().base().color(), theme.muted(self.palette())
        painter.setFont(self._small())
        metrics = QFontMetrics(self._small())
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                place = self.cell_rect(row, column)
                inner = place.adjusted(0, 0, -1, -1)
                value = float(seen[i, j])
                if np.isfinite(value):
                    ground = QColor(*colours[i, j].tolist())
                    ink = _ink(ground)
                    text = matrix.write(row, column)
                else:
                    ground, ink, text = bare, faded, "–"
                painter.fillRect(inner, ground)
                painter.setPen(ink)
                if metrics.horizontalAdvance(text) <= inner.width() - 2:
                    painter.drawText(inner, Qt.AlignmentFlag.AlignCenter, text)
                if matrix.marks is not None:
                    _draw_mark(painter, inner, int(matrix.marks[row, column]), ink)
        if self._at[0] in rows and self._at[1] in columns:
            self._draw_current(painter)

    def _draw_current(self, painter: QPainter) -> None:
        """Ring the current cell with two lines, so that it is seen on every colour."""
        place = QRectF(self.cell_rect(*self._at)).adjusted(0, 0, -1, -1)
        focused, palette = self.hasFocus(), self.palette()
        outer = palette.highlight().color() if focused else palette.text().color()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(palette.base().color(), 5 if focused else 3))
        painter.drawRect(place.adjusted(1, 1, -1, -1))
        painter.setPen(QPen(outer, 3 if focused else 1))
        painter.drawRect(place.adjusted(1, 1, -1, -1))

    def _draw_names(self, painter: QPainter, matrix: Matrix, rows: range, columns: range) -> None:
        body, names = self._body(), self._names()
        rightwards = self.layoutDirection() == Qt.LayoutDirection.LeftToRight
        painter.save()
        painter.setClipRect(QRect(body.left(), 0, body.width(), body.top()))
        for column in columns:
            place = self.cell_rect(0, column)
            place = QRect(place.left() + 1, 0, place.width() - 2, body.top())
            heading = matrix.columns[column]
            strong = column == self._at[1]
            self._write(painter, place, heading.text, heading.language, strong, middle=True)
        painter.restore()
        left = 0 if rightwards else body.right() + 1
        painter.setClipRect(QRect(left, body.top(), names, body.height()))
        for row in rows:
            cell = self.cell_rect(row, 0)
            place = QRect(left + _PAD, cell.top(), names - 2 * _PAD, cell.height())
            heading, strong = matrix.rows[row], row == self._at[0]
            if heading.detail:
                small = self._small()
                wide = QFontMetrics(small).horizontalAdvance(heading.detail)
                painter.setFont(small)
                painter.setPen(theme.muted(self.palette()))
                side = Qt.AlignmentFlag.AlignRight if rightwards else Qt.AlignmentFlag.AlignLeft
                flags = side | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignVCenter
                painter.drawText(place, flags, heading.detail)
                cut = wide + _PAD
                place.setWidth(place.width() - cut)
                if not rightwards:
                    place.translate(cut, 0)
            self._write(painter, place, heading.text, heading.language, strong, middle=False)

    def _write(
        self, painter: QPainter, place: QRect, text: str, language: str, strong: bool, middle: bool
    ) -> None:
        """Write a name, as much as there is room for; that of the current cell stands out."""
        font = QFont(font_for(language, self.font()))
        font.setBold(strong)
        painter.setFont(font)
        painter.setPen(self.palette().text().color())
        cut = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, place.width())
        rightwards = self.layoutDirection() == Qt.LayoutDirection.LeftToRight
        side = Qt.AlignmentFlag.AlignLeft if rightwards else Qt.AlignmentFlag.AlignRight
        flags = Qt.AlignmentFlag.AlignHCenter if middle else side | Qt.AlignmentFlag.AlignAbsolute
        painter.drawText(place, flags | Qt.AlignmentFlag.AlignVCenter, cut)

    # Input ----------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the new size among the cells."""
        self._arrange()
        super().resizeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow palette and font."""
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self._measure()
            self._arrange()
            self.viewport().update()
        super().changeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = self.cell_at(event.position().toPoint())
        else:
            event.ignore()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose the cell that was clicked."""
        at, pressed = self.cell_at(event.position().toPoint()), self._pressed
        self._pressed = None
        if event.button() == Qt.MouseButton.LeftButton and at is not None and at == pressed:
            self.go(*at)
            self.chosen.emit(*at)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show that cells can be clicked."""
        over = self.cell_at(event.position().toPoint()) is not None
        shape = Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(shape)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk from cell to cell, or choose the current one."""
        matrix = self._matrix
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if matrix is None or not matrix.values.size or not plain:
            super().keyPressEvent(event)
            return
        key, (row, column) = Qt.Key(event.key()), self._at
        page = max(self._body().height() // self.cell_size().height(), 1)
        ahead = 1 if self.layoutDirection() == Qt.LayoutDirection.LeftToRight else -1
        steps = {
            Qt.Key.Key_Left: (row, column - ahead),
            Qt.Key.Key_Right: (row, column + ahead),
            Qt.Key.Key_Up: (row - 1, column),
            Qt.Key.Key_Down: (row + 1, column),
            Qt.Key.Key_PageUp: (row - page, column),
            Qt.Key.Key_PageDown: (row + page, column),
            Qt.Key.Key_Home: (row, 0),
            Qt.Key.Key_End: (row, matrix.values.shape[1] - 1),
        }
        if key in steps:
            self.go(*steps[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(row, column)
        else:
            super().keyPressEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """Tell the cell under the cursor in words."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            at = self.cell_at(event.pos())
            if at is not None and self._matrix is not None:
                # As text, whatever the names of features hold.
                text = f"<p style='white-space:pre-wrap'>{escape(self._matrix.describe(*at))}</p>"
                QToolTip.showText(event.globalPos(), text, self.viewport())
            else:
                QToolTip.hideText()
            return True
        return super().viewportEvent(event)


def _ink(ground: QColor) -> QColor:
    """Return black or white, whichever is read better on a colour."""
    light = 0.2126 * ground.redF() ** 2.2 + 0.7152 * ground.greenF() ** 2.2
    light += 0.0722 * ground.blueF() ** 2.2
    return QColor("black") if light > 0.18 else QColor("white")


def _draw_mark(painter: QPainter, place: QRect, mark: int, ink: QColor) -> None:
    """Draw a dot or a cross in the upper corner of a cell."""
    if mark == NO_MARK:
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    corner = QRectF(place.right() - 8, place.top() + 3, 5, 5)
    painter.setPen(QPen(ink, 1.2))
    if mark == DOT:
        painter.setBrush(ink)
        painter.drawEllipse(corner)
    else:
        painter.drawLine(corner.topLeft(), corner.bottomRight())
        painter.drawLine(corner.topRight(), corner.bottomLeft())
    painter.restore()
