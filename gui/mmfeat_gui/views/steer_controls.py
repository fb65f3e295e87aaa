"""How far a change moved what it should, beside the same change of other features."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.steering import Controls
from mmfeat_gui.views import theme

_MARK, _LANE = 5.0, 26


class ControlsStrip(QWidget):
    """An axis with a stroke for each random control, and marks for the change and its controls.

    The change is a filled triangle, the difference of means a diamond, no change at all a ring;
    the sentence under them says the same.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controls: Controls | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_controls(self, controls: Controls) -> None:
        """Show an effect."""
        self.controls = controls
        self.setVisible(math.isfinite(controls.change))
        self.setAccessibleName(sentence(controls))
        self.setToolTip(tr("steer.controls_tip"))
        self.update()

    def sizeHint(self) -> QSize:
        """Return room for the axis and its two numbers."""
        return QSize(260, _LANE + QFontMetrics(theme.sized(self.font(), 0.82)).height() + 4)

    def span(self) -> float:
        """Return where the axis ends, on either side of 0."""
        assert self.controls is not None
        own = self.controls
        values = [own.change, own.noop, own.difference_of_means or 0.0, *own.random]
        return max((abs(value) for value in values if math.isfinite(value)), default=0.0) or 1.0

    def place(self, value: float) -> float:
        """Return where a value stands, in pixels."""
        half = (self.width() - 24) / 2
        return 12 + half * (1 + value / self.span())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the strokes under the marks."""
        if self.controls is None:
            return
        painter, palette, own = QPainter(self), self.palette(), self.controls
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = _LANE / 2
        painter.setPen(theme.line(palette))
        painter.drawLine(QPointF(12, middle), QPointF(self.width() - 12, middle))
        painter.drawLine(QPointF(self.place(0), 2), QPointF(self.place(0), _LANE - 2))
        stroke = theme.muted(palette)
        stroke.setAlphaF(0.6)
        painter.setPen(QPen(stroke, 1))
        for value in own.random:
            x = self.place(value)
            painter.drawLine(QPointF(x, middle - 6), QPointF(x, middle + 6))
        strong = palette.text().color()
        painter.setPen(QPen(strong, 1.4))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QPointF(self.place(own.noop), middle), _MARK - 1, _MARK - 1)
        if own.difference_of_means is not None:
            painter.setBrush(palette.base())
            painter.drawPolygon(_diamond(self.place(own.difference_of_means), middle))
        painter.setBrush(theme.image_bar(palette))
        painter.drawPolygon(_triangle(self.place(own.change), middle))
        painter.setFont(theme.sized(self.font(), 0.82))
        painter.setPen(theme.muted(palette))
        below, flags = QRectF(12, _LANE, self.width() - 24, self.height() - _LANE), Qt.AlignmentFlag
        painter.drawText(below, flags.AlignLeft, f"{-100 * self.span():+.0f}")
        painter.drawText(below, flags.AlignHCenter, "0")
        painter.drawText(below, flags.AlignRight, f"{100 * self.span():+.0f}")
        painter.end()


def _triangle(x: float, y: float) -> QPolygonF:
    top = y - 2
    return QPolygonF([QPointF(x - 5, top - 9), QPointF(x + 5, top - 9), QPointF(x, top)])


def _diamond(x: float, y: float) -> QPolygonF:
    return QPolygonF(
        [
            QPointF(x, y - _MARK),
            QPointF(x + _MARK, y),
            QPointF(x, y + _MARK),
            QPointF(x - _MARK, y),
        ]
    )


def sentence(controls: Controls) -> str:
    """Return the effect and its controls in words."""
    if not math.isfinite(controls.change):
        return tr("steer.no_concept")
    parts = [
        tr(
            "steer.effect",
            before=controls.before,
            after=controls.after,
            change=100 * controls.change,
        )
    ]
    if controls.random:
        parts.append(
            tr(
                "steer.random",
                count=len(controls.random),
                exceeded=controls.exceeded,
                p=controls.p,
            )
        )
    if controls.difference_of_means is not None:
        parts.append(tr("steer.means", change=100 * controls.difference_of_means))
    parts.append(tr("steer.noop", change=100 * controls.noop))
    return " ".join(parts)
