"""Two small drawings: how much pictures and texts contribute, and how often a feature fires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QFontMetrics, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.views import theme


class ModalityBar(QWidget):
    """Shares of the energy of pictures and of texts, one bar with both written on it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image, self._text = 0.0, 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_energy(self, image: float, text: float) -> None:
        """Show the mean squared activations of pictures and of texts."""
        self._image, self._text = image, text
        self.setToolTip(tr("modality.tip", image=image, text=text))
        self.setAccessibleName(f"{self.labels()[0]}, {self.labels()[1]}")
        self.update()

    def labels(self) -> tuple[str, str]:
        """Return what is written for pictures and for texts."""
        share = self._share()
        return tr("modality.image", share=share), tr("modality.text", share=1 - share)

    def _share(self) -> float:
        total = self._image + self._text
        return self._image / total if total > 0 else 0.0

    def sizeHint(self) -> QSize:
        """Return a bar and a line of text."""
        return QSize(240, 18 + QFontMetrics(self.font()).height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the bar over its labels."""
        painter, palette = QPainter(self), self.palette()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bar = QRectF(0, 2, self.width(), 12)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.faint(palette))
        painter.drawRoundedRect(bar, 4, 4)
        silent = self._image + self._text <= 0
        if not silent:
            split = bar.width() * self._share()
            image = QRectF(bar.x(), bar.y(), split, bar.height())
            text = QRectF(bar.x() + split, bar.y(), bar.width() - split, bar.height())
            painter.setBrush(theme.image_bar(palette))
            painter.drawRect(image)
            # Hatched, so that the two differ without their hues.
            painter.setBrush(theme.text_bar(palette))
            painter.drawRect(text)
            painter.setBrush(QBrush(palette.base().color(), Qt.BrushStyle.BDiagPattern))
            painter.drawRect(text)
        painter.setPen(palette.text().color())
        below = QRect(0, 17, self.width(), self.height() - 17)
        if silent:
            painter.drawText(below, Qt.AlignmentFlag.AlignLeft, tr("modality.silent"))
        else:
            left, right = self.labels()
            painter.drawText(below, Qt.AlignmentFlag.AlignLeft, left)
            painter.drawText(below, Qt.AlignmentFlag.AlignRight, right)
        painter.end()


@dataclass(frozen=True)
class Rate:
    """How often a feature fires on pictures or on captions of a language."""

    label: str
    rate: float
    tip: str
    picture: bool = False


class RateBars(QWidget):
    """A bar for pictures and one for each language."""

    _HEIGHT = 64

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rates: Sequence[Rate] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_rates(self, rates: Sequence[Rate]) -> None:
        """Show these rates."""
        self._rates = rates
        self.setAccessibleName("; ".join(rate.tip for rate in rates))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return room for all bars and their labels."""
        line = QFontMetrics(theme.sized(self.font(), 0.86)).height()
        return QSize(24 * max(len(self._rates), 1) + 16, self._HEIGHT + 2 * line + 4)

    def minimumSizeHint(self) -> QSize:
        """Return the least width in which labels stay apart."""
        return QSize(18 * max(len(self._rates), 1), self.sizeHint().height())

    def _slot(self, index: int) -> QRect:
        width = min(self.width() / max(len(self._rates), 1), 40)
        return QRect(int(index * width), 0, int(width), self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw bars that stand on their labels; the highest is written."""
        painter, palette = QPainter(self), self.palette()
        small = theme.sized(self.font(), 0.82)
        painter.setFont(small)
        line = QFontMetrics(small).height()
        highest = max((rate.rate for rate in self._rates), default=0.0)
        base = line + self._HEIGHT
        tallest = next((i for i, r in enumerate(self._rates) if r.rate == highest > 0), -1)
        for index, rate in enumerate(self._rates):
            slot = self._slot(index)
            height = self._HEIGHT * rate.rate / highest if highest > 0 else 0
            bar = QRectF(slot.x() + 3, base - height, slot.width() - 6, height)
            colour = theme.image_bar(palette) if rate.picture else theme.text_bar(palette)
            painter.fillRect(bar, colour)
            if not rate.picture:
                painter.fillRect(bar, QBrush(palette.base().color(), Qt.BrushStyle.BDiagPattern))
            painter.setPen(theme.muted(palette))
            flags = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextDontClip
            painter.drawText(QRect(slot.x(), base + 2, slot.width(), line), flags, rate.label)
            if index == tallest:
                place = QRect(slot.x(), int(base - height) - line, slot.width(), line)
                if index == 0:  # centred, it would leave the widget
                    flags = Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextDontClip
                painter.drawText(place, flags, f"{rate.rate:.1%}")
        painter.setPen(theme.line(palette))
        right = self._slot(len(self._rates) - 1).right() if self._rates else 0
        painter.drawLine(QPointF(0, base + 0.5), QPointF(right, base + 0.5))
        painter.end()

    def event(self, event: QEvent) -> bool:
        """Tell the rate of the bar under the cursor."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            for index, rate in enumerate(self._rates):
                if self._slot(index).contains(event.pos()):
                    QToolTip.showText(event.globalPos(), rate.tip, self)
                    return True
            QToolTip.hideText()
            return True
        return super().event(event)
