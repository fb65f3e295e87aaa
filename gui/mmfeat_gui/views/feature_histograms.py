"""How strongly a feature fires: a histogram for pictures and one for each language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QFontMetrics, QPainter
from PySide6.QtWidgets import QWidget

from mmfeat_gui.resources.strings import language, tr
from mmfeat_gui.views import theme
from mmfeat_gui.views.tiles import TileFlow

if TYPE_CHECKING:
    from mmfeat.figures.sections import Activations, Histogram

_SIZE = QSize(132, 92)


class ActivationHistograms(TileFlow):
    """Small histograms over one axis from 0 to the largest activation.

    The bars of a column are shares of the rows on which the feature fires, over one scale; how
    many rows that is stands above.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        self._shown: Activations | None = None
        self._highest = 1.0
        super().__init__(_SIZE, parent)

    def show_activations(self, shown: Activations) -> None:
        """Show these columns."""
        self._shown = shown
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
        """Return a histogram in words."""
        return f"{_words(self._columns()[index])}\n{tr('histogram.tip')}"

    def choose(self, index: int) -> None:
        """Tell a histogram in words, for those who have no cursor."""
        self.say(index)

    def paint_tile(self, painter: QPainter, rect: QRect, index: int) -> None:
        """Draw name and rate over the bars."""
        own, palette = self._columns()[index], self.palette()
        small = theme.sized(self.font(), 0.82)
        line = QFontMetrics(small).height()
        inner = rect.adjusted(8, 4, -8, -4)
        painter.setFont(small)
        painter.setPen(palette.text().color())
        name = own.language or tr("rates.pictures")
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop
        painter.drawText(inner, left, name)
        painter.setPen(theme.muted(palette))
        painter.drawText(inner, right, f"{own.firing:,}")
        plot = QRectF(inner.adjusted(0, line + 2, 0, -line - 1))
        self._draw_bars(painter, plot, own)
        foot = QRect(inner.left(), inner.bottom() - line + 1, inner.width(), line)
        painter.setPen(theme.muted(palette))
        painter.drawText(foot, left, "0")
        painter.drawText(foot, right, f"{self._axis():.3g}")

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
