"""A histogram with two handles, between which a filter lets values pass."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.bars import Bars
from mmfeat_gui.state.columns import Column
from mmfeat_gui.state.features import FeatureTable
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.views import theme

_SIDE = 7  # pixels beside the bars, in which the handles have room
_REACH = 7  # pixels from a handle at which it is taken
_GRIP = 10
_PAGE = 10  # bars that a page key moves


@dataclass(frozen=True, eq=False)
class Counts:
    """How many features each bar holds: of all, of those that pass, of those brushed."""

    every: Int64[np.ndarray, " bars"]
    passing: Int64[np.ndarray, " bars"]
    brushed: Int64[np.ndarray, " bars"]


def counts_of(table: FeatureTable, key: str, brushed: Selection) -> Counts:
    """Return how many features each bar of a column holds: all, those that pass, those brushed."""
    bars = table.bars(key)
    return Counts(
        every=bars.counts(),
        passing=bars.counts(table.passing),
        brushed=bars.counts(brushed.mask(len(table))),
    )


class RangeHistogram(QWidget):
    """Bars of a column under two handles.

    A handle is dragged, or moved by the arrow keys: Up and Down choose which of the two. Dragging
    from elsewhere makes a new range; a double click or Delete lets all values pass.

    Signals
    -------
    moved(low, high)
        The range is another one; infinite where it has no end.
    """

    moved = Signal(float, float)

    def __init__(self, column: Column, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.column = column
        self.low, self.high = -math.inf, math.inf
        self._bars = Bars.of(np.zeros(0))
        none = np.zeros(1, np.int64)
        self._counts = Counts(none, none, none)
        self._active = 0  # the handle that keys move: 0 the lower, 1 the upper
        self._anchor: float | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleDescription(tr("filter.range_keys"))
        self._name()

    def show_bars(self, bars: Bars, counts: Counts) -> None:
        """Show these bars, as high as the square roots of their counts."""
        self._bars, self._counts = bars, counts
        self._name()
        self.update()

    def show_range(self, low: float, high: float) -> None:
        """Put the handles to a range that was chosen elsewhere."""
        if (low, high) != (self.low, self.high):
            self.low, self.high = low, high
            self._name()
            self.update()

    def texts(self) -> tuple[str, str]:
        """Return the ends of the range in words; those of the bars where it has none."""
        ends = (float(self._bars.edges[0]), float(self._bars.edges[-1]))
        if self._bars.whole:
            ends = ends[0] + 0.5, ends[1] - 0.5
        own = (self.low, self.high)
        return tuple(  # type: ignore[return-value]
            self.column.text(value if math.isfinite(value) else end)
            for value, end in zip(own, ends, strict=True)
        )

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(180, 46)

    def minimumSizeHint(self) -> QSize:
        """Return the least size in which handles can be told apart."""
        return QSize(80, 34)

    # Places -------------------------------------------------------------------------

    def plot(self) -> QRectF:
        """Return where the bars stand."""
        return QRectF(_SIDE, 3, max(self.width() - 2 * _SIDE, 1), max(self.height() - 6, 1))

    def handles(self) -> tuple[float, float]:
        """Return where the handles stand, in pixels from the left."""
        low, high = self._positions()
        plot = self.plot()
        return plot.left() + low * plot.width(), plot.left() + high * plot.width()

    def _positions(self) -> tuple[float, float]:
        half = 0.5 if self._bars.whole else 0.0  # the bar of an integer stands around it
        low = 0.0 if self.low == -math.inf else self._bars.position(self.low - half)
        high = 1.0 if self.high == math.inf else self._bars.position(self.high + half)
        return low, high

    def _position(self, x: float) -> float:
        plot = self.plot()
        return min(max((x - plot.left()) / plot.width(), 0.0), 1.0)

    def _set(self, one: float, other: float) -> None:
        low, high = self._bars.between(one, other)
        if (low, high) != (self.low, self.high):
            self.show_range(low, high)
            self.moved.emit(low, high)

    def _name(self) -> None:
        low, high = self.texts()
        self.setAccessibleName(
            tr("filter.range_accessible", column=self.column.label, low=low, high=high)
        )

    # Mouse --------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the nearer handle, or begin a new range."""
        if event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        x = event.position().x()
        away = [abs(x - place) for place in self.handles()]
        if min(away) <= _REACH:
            low, high = self._positions()
            # Of two handles on one place, the one on whose side of it the mouse is.
            near = int(away[1] < away[0] or (away[0] == away[1] and x > self.handles()[0]))
            self._active = near
            self._anchor = low if near else high
        else:
            self._anchor = self._position(x)
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the other end of the range to the mouse."""
        x = event.position().x()
        if self._anchor is None:
            near = any(abs(x - place) <= _REACH for place in self.handles())
            shape = Qt.CursorShape.SizeHorCursor if near else Qt.CursorShape.ArrowCursor
            self.setCursor(shape)
        elif event.buttons() & Qt.MouseButton.LeftButton:
            position = self._position(x)
            self._active = int(position >= self._anchor)
            self._set(self._anchor, position)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let the handle go."""
        self._anchor = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Let all values pass."""
        self._set(0.0, 1.0)

    # Keys ---------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose a handle, and move it."""
        key, step = event.key(), 1 / len(self._bars)
        by = {
            Qt.Key.Key_Left: -step,
            Qt.Key.Key_Right: step,
            Qt.Key.Key_PageDown: -_PAGE * step,
            Qt.Key.Key_PageUp: _PAGE * step,
            Qt.Key.Key_Home: -1.0,
            Qt.Key.Key_End: 1.0,
        }
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._active = int(key == Qt.Key.Key_Up)
            self.update()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._set(0.0, 1.0)
        elif key in by:
            ends = list(self._positions())
            other = ends[1 - self._active]
            least, most = (other, 1.0) if self._active else (0.0, other)
            if self._bars.whole:  # at least the bar of one integer
                least, most = (other + step, 1.0) if self._active else (0.0, other - step)
            moved = min(max(ends[self._active] + by[Qt.Key(key)], least), most)
            self._set(moved, other)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show which handle keys move."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show it no longer."""
        super().focusOutEvent(event)
        self.update()

    # Drawing ------------------------------------------------------------------------

    def bar_at(self, x: float) -> int:
        """Return the bar at so many pixels from the left."""
        return min(int(self._position(x) * len(self._bars)), len(self._bars) - 1)

    def tip(self, bar: int) -> str:
        """Return what a bar holds, in words."""
        low, high = self._bars.edges[bar], self._bars.edges[bar + 1]
        if self._bars.whole and high - low == 1:
            values = self.column.text(float(low + 0.5))
        else:
            values = f"{self.column.text(float(low))} – {self.column.text(float(high))}"
        counts = self._counts
        return tr(
            "filter.bar_tip",
            column=self.column.label,
            values=values,
            every=int(counts.every[bar]),
            passing=int(counts.passing[bar]),
            brushed=int(counts.brushed[bar]),
        )

    def event(self, event: QEvent) -> bool:
        """Tell the counts of the bar under the cursor."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            if len(self._counts.every) == len(self._bars):
                QToolTip.showText(event.globalPos(), self.tip(self.bar_at(event.x())), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the bars of all, of what passes and of what is brushed, and the handles."""
        painter, palette = QPainter(self), self.palette()
        plot, counts = self.plot(), self._counts
        painter.fillRect(plot, palette.base())
        low, high = self.handles()
        if len(counts.every) == len(self._bars):
            top = math.sqrt(max(int(counts.every.max(initial=0)), 1))
            dark = theme.mix(palette.text().color(), palette.base().color(), 0.5)
            self._draw_bars(painter, counts.every, top, QBrush(theme.line(palette)))
            self._draw_bars(painter, counts.passing, top, QBrush(dark))
            # Hatched, so that it is told apart without its hue.
            self._draw_bars(painter, counts.brushed, top, QBrush(palette.highlight().color()))
            hatch = QBrush(palette.highlightedText().color(), Qt.BrushStyle.BDiagPattern)
            self._draw_bars(painter, counts.brushed, top, hatch)
        painter.setPen(QPen(theme.muted(palette), 1))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        veil = palette.window().color()
        veil.setAlphaF(0.72)
        painter.fillRect(QRectF(plot.left(), plot.top(), low - plot.left(), plot.height()), veil)
        painter.fillRect(QRectF(high, plot.top(), plot.right() - high, plot.height()), veil)
        self._draw_handles(painter, plot, (low, high))
        painter.end()

    def _draw_bars(
        self, painter: QPainter, counts: Int64[np.ndarray, " bars"], top: float, brush: QBrush
    ) -> None:
        plot = self.plot()
        edges = np.round(plot.left() + np.arange(len(counts) + 1) / len(counts) * plot.width())
        heights: Float[np.ndarray, " bars"] = np.sqrt(counts) / top * plot.height()
        for bar in np.flatnonzero(counts).tolist():
            height = max(float(heights[bar]), 1.0)  # a single feature is still seen
            wide = max(edges[bar + 1] - edges[bar] - 1, 1)
            painter.fillRect(QRectF(edges[bar], plot.bottom() - height, wide, height), brush)

    def _draw_handles(self, painter: QPainter, plot: QRectF, places: tuple[float, float]) -> None:
        palette = self.palette()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for which, x in enumerate(places):
            active = self.hasFocus() and which == self._active
            colour = palette.highlight().color() if active else theme.muted(palette)
            painter.setPen(QPen(colour, 2 if active else 1.4))
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
            painter.setBrush(colour if active else palette.button())
            middle = plot.center().y()
            painter.drawRoundedRect(QRectF(x - 3, middle - _GRIP / 2, 6, _GRIP), 2, 2)
