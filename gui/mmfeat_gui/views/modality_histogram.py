"""How modality scores are spread: the shares of one modality alone over their outermost bars."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from mmfeat.figures.palettes import COLOURINGS
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.comparison import BINS, CATEGORIES, Headline, axis, share_text
from mmfeat_gui.views import theme

_LEFT, _GAP = 62, 2


class ModalityHistogram(QWidget):
    """Alive features by modality score, stacked by whether they are shared."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.counts: Int64[np.ndarray, "bins categories"] = np.zeros((BINS, 3), np.int64)
        self.headline = Headline(0, 0, 0, 0, 0, 0, 0)
        self.top = 1.0
        self._step = 0.25
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_counts(
        self,
        counts: Int64[np.ndarray, "bins categories"],
        headline: Headline,
        highest: float,
    ) -> None:
        """Show the features of an atlas.

        Parameters
        ----------
        counts : array [bins, categories]
            As `histogram` gives them.
        headline : Headline
            Of the same atlas.
        highest : float
            The largest share of alive features that the axis must hold.
        """
        self.counts, self.headline = counts, headline
        self.top, self._step = axis(highest)
        self.setAccessibleName("; ".join(f"{name}: {share}" for name, share, _ in self.zones()))
        self.update()

    def zones(self) -> list[tuple[str, str, int]]:
        """Return name, share and count of captions only, bimodal and pictures only."""
        found = self.headline
        return [
            (name, share_text(found.share(count)), count)
            for name, count in (
                (tr("legend.text"), found.text_only),
                (tr("compare.bimodal"), found.bimodal),
                (tr("legend.image"), found.image_only),
            )
        ]

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(520, 270)

    def minimumSizeHint(self) -> QSize:
        """Return the least size in which the numbers over the bars stay apart."""
        return QSize(370, 200)

    def _plot(self) -> QRectF:
        line = QFontMetrics(theme.sized(self.font(), 0.9)).height()
        big = QFontMetrics(theme.sized(self.font(), 1.7, bold=True)).height()
        above, below = line + big + 16, 2 * line + 10
        return QRectF(_LEFT, above, self.width() - _LEFT - 6, self.height() - above - below)

    def bar_at(self, point: QPoint) -> int:
        """Return the bar under a point, or -1."""
        plot = self._plot()
        inside = plot.contains(QPointF(point))
        return int((point.x() - plot.left()) / plot.width() * BINS) if inside else -1

    def tip(self, bar: int) -> str:
        """Return what a bar stands for, in words."""
        values = dict(zip(CATEGORIES, self.counts[bar].tolist(), strict=True))
        return tr("compare.bar_tip", low=bar / BINS, high=(bar + 1) / BINS, **values)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw zones, axes and bars."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot = self._plot()
        self._draw_axes(painter, plot)
        self._draw_bars(painter, plot)
        self._draw_zones(painter, plot)
        painter.end()

    def _draw_axes(self, painter: QPainter, plot: QRectF) -> None:
        palette, small = self.palette(), theme.sized(self.font(), 0.9)
        painter.setFont(small)
        line = QFontMetrics(small).height()
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for value in np.arange(0, self.top + self._step / 2, self._step).tolist():
            y = plot.bottom() - value / self.top * plot.height()
            painter.setPen(theme.line(palette))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(theme.muted(palette))
            label = f"{value:.1%}" if self._step < 0.01 else f"{value:.0%}"
            painter.drawText(QRectF(0, y - line / 2, _LEFT - 6, line), right, label)
        for value in (0.0, 0.25, 0.5, 0.75, 1.0):
            place = QRectF(plot.left() + value * plot.width() - 20, plot.bottom() + 3, 40, line)
            flags = Qt.AlignmentFlag.AlignHCenter
            if value == 1:  # centred, it would leave the widget
                place.moveRight(plot.right())
                flags = Qt.AlignmentFlag.AlignRight
            painter.drawText(place, flags, f"{value:g}")
        below = QRectF(plot.left(), plot.bottom() + line + 4, plot.width(), line + 4)
        _draw_title(painter, below, tr("compare.axis"))
        painter.save()
        painter.translate(0, plot.bottom())
        painter.rotate(-90)
        _draw_title(painter, QRectF(0, 0, plot.height(), line + 4), tr("compare.share_axis"))
        painter.restore()

    def _draw_bars(self, painter: QPainter, plot: QRectF) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(Qt.PenStyle.NoPen)
        sharing = COLOURINGS["shared"]
        colours = theme.feature_colours(sharing, np.arange(3.0), 1, self.palette()).tolist()
        unit = plot.height() / self.top / max(self.headline.alive, 1)
        for bar in range(BINS):
            left = round(plot.left() + bar / BINS * plot.width()) + _GAP / 2
            right = round(plot.left() + (bar + 1) / BINS * plot.width()) - _GAP / 2
            floor = plot.bottom()
            for category in reversed(range(len(CATEGORIES))):  # shared at the bottom
                high = self.counts[bar, category] * unit
                painter.setBrush(QColor(*colours[category]))
                painter.drawRect(QRectF(left, floor - high, right - left, high))
                floor -= high
        painter.setPen(QPen(theme.muted(self.palette()), 1))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())

    def _draw_zones(self, painter: QPainter, plot: QRectF) -> None:
        """Write the shares over brackets around their bars: left, middle and right."""
        small, big = theme.sized(self.font(), 0.9), theme.sized(self.font(), 1.7, bold=True)
        line, high = QFontMetrics(small).height(), QFontMetrics(big).height()
        places = (
            Qt.AlignmentFlag.AlignLeft,
            Qt.AlignmentFlag.AlignHCenter,
            Qt.AlignmentFlag.AlignRight,
        )
        edges = [plot.left() + bar / BINS * plot.width() for bar in (0, 1, BINS - 1, BINS)]
        for index, ((name, share, count), flags) in enumerate(
            zip(self.zones(), places, strict=True)
        ):
            painter.setPen(QPen(theme.muted(self.palette()), 1))
            start, end, y = edges[index] + _GAP, edges[index + 1] - _GAP, plot.top() - 8
            corners = ((start, y + 4), (start, y), (end, y), (end, y + 4))
            painter.drawPolyline(QPolygonF([QPointF(*corner) for corner in corners]))
            painter.setFont(small)
            painter.setPen(theme.muted(self.palette()))
            painter.drawText(
                QRectF(plot.left(), 0, plot.width(), line), flags, f"{name} · {count:,}"
            )
            painter.setFont(big)
            painter.setPen(self.palette().text().color())
            painter.drawText(QRectF(plot.left(), line, plot.width(), high), flags, share)

    def event(self, event: QEvent) -> bool:
        """Tell the counts of the bar under the cursor."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            bar = self.bar_at(event.pos())
            if bar >= 0:
                QToolTip.showText(event.globalPos(), self.tip(bar), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)


def _draw_title(painter: QPainter, place: QRectF, title: str) -> None:
    """Write the title of an axis, as much of it as there is room for."""
    elide = Qt.TextElideMode.ElideRight
    cut = painter.fontMetrics().elidedText(title, elide, int(place.width()))
    painter.drawText(place, Qt.AlignmentFlag.AlignHCenter, cut)
