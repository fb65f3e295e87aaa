"""How strongly a feature fires: a histogram for pictures and one for each language."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QFont, QFontMetrics, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QApplication, QWidget

from mmfeat_gui.resources.strings import language, tr
from mmfeat_gui.views import theme
from mmfeat_gui.views.pointing import brush_mode
from mmfeat_gui.views.tiles import TileFlow

if TYPE_CHECKING:
    from mmfeat.figures.sections import Activations, Histogram

_SIZE = QSize(132, 92)


class ActivationHistograms(TileFlow):
    """Small histograms over one axis from 0 to the largest activation.

    The bars of a column are shares of the rows on which the feature fires, over one scale; how
    many rows that is stands above. Dragging over bars brushes the items behind them; so does Enter
    once Shift and an arrow key have moved the lower end of a range, or Ctrl and one its upper end.

    Signals
    -------
    brushed(language, low, high, mode)
        Items whose activation is at least `low` and below `high`, in captions of a language or, if
        that is empty, in pictures; `mode` as `Selection.brushed` takes it.
    """

    brushed = Signal(str, float, float, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        self._shown: Activations | None = None
        self._highest = 1.0
        self._range: tuple[int, int, int] | None = None  # tile, first bar, and past the last
        self._begun: float | None = None  # where the button was pressed
        self._dragging = False
        super().__init__(_SIZE, parent)

    def show_activations(self, shown: Activations) -> None:
        """Show these columns."""
        self._shown, self._range, self._begun = shown, None, None
        self._highest = max((float(_shares(one).max()) for one in shown.columns), default=0.0)
        self.setAccessibleName(
            tr("page.activations") + ": " + "; ".join(map(_words, shown.columns))
        )
        self.set_count(len(shown.columns))

    @property
    def shown(self) -> Activations | None:
        """What is shown."""
        return self._shown

    def describe(self, index: int) -> str:
        """Return a histogram in words, with the range that is chosen in it."""
        lines = [_words(self._columns()[index])]
        if self._range is not None and self._range[0] == index:
            lines.append(self._range_words(*self._range))
        return "\n".join([*lines, tr("histogram.tip")])

    def choose(self, index: int) -> None:
        """Brush the range of a histogram, or tell it in words, for those who have no cursor."""
        if self._range is not None and self._range[0] == index:
            self._brush("replace")
        else:
            self.say(index)

    # Brushing -------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click or a drag."""
        super().mousePressEvent(event)
        self._begun = event.position().x() if self._pressed >= 0 else None
        self._dragging = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Choose the bars from where the drag began to the mouse."""
        x = event.position().x()
        if self._begun is None:
            super().mouseMoveEvent(event)
        elif self._dragging or abs(x - self._begun) >= QApplication.startDragDistance():
            self._dragging = True
            ends = [self._bar_at(self._pressed, at) for at in (self._begun, x)]
            self._show_range((self._pressed, min(ends), max(ends) + 1))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Brush what was dragged over; a click lets the range go."""
        if self._dragging and event.button() == Qt.MouseButton.LeftButton:
            self._current, self._pressed = self._pressed, -1
            self._brush(brush_mode(event.modifiers()))
        else:
            self._show_range(None)
            super().mouseReleaseEvent(event)
        self._begun, self._dragging = None, False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the ends of a range."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        ends = {Qt.KeyboardModifier.ShiftModifier: 0, Qt.KeyboardModifier.ControlModifier: 1}
        key, held = Qt.Key(event.key()), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if key in steps and held in ends and self._columns():
            self._move_end(ends[held], steps[key])
        else:
            super().keyPressEvent(event)

    def _move_end(self, which: int, step: int) -> None:
        bars = len(self._columns()[self._current].counts)
        first, last = 0, bars
        if self._range is not None and self._range[0] == self._current:
            _, first, last = self._range
        if which:
            last = min(max(last + step, first + 1), bars)
        else:
            first = min(max(first + step, 0), last - 1)
        self._show_range((self._current, first, last))
        self.setAccessibleDescription(self.describe(self._current))
        self.say(self._current)

    def _show_range(self, chosen: tuple[int, int, int] | None) -> None:
        self._range = chosen
        self.update()

    def _brush(self, mode: str) -> None:
        assert self._range is not None
        index, first, last = self._range
        low, high = self._ends(index, first, last)
        whole = last == len(self._columns()[index].counts)  # the largest is in the last bar
        self.brushed.emit(self._columns()[index].language, low, math.inf if whole else high, mode)

    def _ends(self, index: int, first: int, last: int) -> tuple[float, float]:
        edges = np.linspace(0, self._axis() or 1.0, len(self._columns()[index].counts) + 1)
        return float(edges[first]), float(edges[last])

    def _range_words(self, index: int, first: int, last: int) -> str:
        low, high = self._ends(index, first, last)
        count = int(self._columns()[index].counts[first:last].sum())
        return tr("histogram.range", low=low, high=high, count=count)

    def _bar_at(self, index: int, x: float) -> int:
        bars, plot = len(self._columns()[index].counts), self._plot(self.tile_rect(index))
        return min(max(int((x - plot.left()) / plot.width() * bars), 0), bars - 1)

    # Drawing --------------------------------------------------------------------------

    def paint_tile(self, painter: QPainter, rect: QRect, index: int) -> None:
        """Draw name and rate over the bars."""
        own, palette = self._columns()[index], self.palette()
        small = self._small()
        line = QFontMetrics(small).height()
        inner = _inner(rect)
        painter.setFont(small)
        painter.setPen(palette.text().color())
        name = own.language or tr("rates.pictures")
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop
        painter.drawText(inner, left, name)
        painter.setPen(theme.muted(palette))
        painter.drawText(inner, right, f"{own.firing:,}")
        plot = self._plot(rect)
        self._draw_bars(painter, plot, own)
        if self._range is not None and self._range[0] == index:
            self._veil(painter, plot, *self._range)
        foot = QRect(inner.left(), inner.bottom() - line + 1, inner.width(), line)
        painter.setPen(theme.muted(palette))
        painter.drawText(foot, left, "0")
        painter.drawText(foot, right, f"{self._axis():.3g}")

    def _small(self) -> QFont:
        return theme.sized(self.font(), 0.82)

    def _plot(self, rect: QRect) -> QRectF:
        """Return where the bars of a tile stand."""
        line = QFontMetrics(self._small()).height()
        return QRectF(_inner(rect).adjusted(0, line + 2, 0, -line - 1))

    def _veil(self, painter: QPainter, plot: QRectF, index: int, first: int, last: int) -> None:
        """Let what is outside the range step back, and mark its ends."""
        wide = plot.width() / len(self._columns()[index].counts)
        low, high = plot.left() + first * wide, plot.left() + last * wide
        veil = self.palette().base().color()
        veil.setAlphaF(0.72)
        painter.fillRect(QRectF(plot.topLeft(), QPointF(low, plot.bottom())), veil)
        painter.fillRect(QRectF(QPointF(high, plot.top()), plot.bottomRight()), veil)
        painter.setPen(self.palette().text().color())
        for at in (low, high):
            painter.drawLine(QPointF(at, plot.top()), QPointF(at, plot.bottom()))

    def _columns(self) -> Sequence[Histogram]:
        return self._shown.columns if self._shown is not None else ()

    def _axis(self) -> float:
        return self._shown.highest if self._shown is not None else 0.0

    def _draw_bars(self, painter: QPainter, plot: QRectF, own: Histogram) -> None:
        palette, picture = self.palette(), not own.language
        colour = theme.image_bar(palette) if picture else theme.text_bar(palette)
        shares, wide = _shares(own).tolist(), plot.width() / len(own.counts)
        painter.setPen(Qt.PenStyle.NoPen)
        bars = [
            QRectF(
                plot.left() + at * wide,
                plot.bottom() - share / self._highest * plot.height(),
                max(wide - 0.5, 0.5),
                share / self._highest * plot.height(),
            )
            for at, share in enumerate(shares)
            if share > 0
        ]
        painter.setBrush(colour)
        painter.drawRects(bars)
        if not picture:  # hatched, so that the two differ without their hues
            painter.setBrush(QBrush(palette.base().color(), Qt.BrushStyle.BDiagPattern))
            painter.drawRects(bars)
        painter.setPen(theme.line(palette))
        base = plot.bottom() + 0.5
        painter.drawLine(QPointF(plot.left(), base), QPointF(plot.right(), base))
        if own.firing and self._axis() > 0:
            at = plot.left() + own.median / self._axis() * plot.width()
            painter.setPen(theme.muted(palette))
            painter.drawLine(QPointF(at, plot.top()), QPointF(at, plot.bottom()))


def _inner(rect: QRect) -> QRect:
    return rect.adjusted(8, 4, -8, -4)


def _shares(own: Histogram) -> Float[np.ndarray, " bins"]:
    return np.asarray(own.counts / max(own.firing, 1))


def _words(own: Histogram) -> str:
    from mmfeat.analysis.sentences import language_label  # it loads SciPy

    interface: Literal["en", "ko"] = "ko" if language() == "ko" else "en"
    name = language_label(own.language, interface) if own.language else tr("rates.pictures")
    return tr(
        "histogram.words",
        name=name,
        firing=own.firing,
        rows=own.rows,
        rate=own.firing / max(own.rows, 1),
        median=own.median,
        largest=own.largest,
    )
