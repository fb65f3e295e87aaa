"""What is drawn over the points of a map: names of clusters, the ring, the line being drawn."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPalette, QPen, QPolygonF

from mmfeat.corpus.languages import is_rtl
from mmfeat_gui.state.map_labels import Clusters, placed
from mmfeat_gui.state.viewport import Viewport
from mmfeat_gui.views import theme
from mmfeat_gui.views.fonts import font_for

_LONGEST = 180.0  # pixels of a name


class Labels:
    """Draws names of clusters; their sizes are measured once.

    Parameters
    ----------
    clusters : Clusters
    font : QFont
        The usual one.
    """

    def __init__(self, clusters: Clusters, font: QFont) -> None:
        self._clusters = clusters
        self._font = theme.sized(font, 0.95, bold=True)
        self._texts: dict[int, tuple[str, float, float]] = {}

    def _of(self, at: int) -> tuple[str, float, float]:
        """Return a name as far as there is room, and its size."""
        if at not in self._texts:
            metrics = QFontMetricsF(self._font_of(at))
            line = " ".join(self._clusters.names[at].split())
            name = metrics.elidedText(line, Qt.TextElideMode.ElideRight, _LONGEST)
            self._texts[at] = (name, metrics.horizontalAdvance(name) + 8, metrics.height() + 2)
        return self._texts[at]

    def _font_of(self, at: int) -> QFont:
        return font_for(self._clusters.languages[at], self._font)

    def shown(
        self, view: Viewport, size: tuple[int, int], taken: Sequence[QRectF] = ()
    ) -> list[tuple[str, QRectF, int]]:
        """Return the names seen in a part of the map, their boxes and their numbers.

        None lies over what is taken.
        """
        boxes = [(own.left(), own.top(), own.right(), own.bottom()) for own in taken]
        found = placed(self._clusters, view.bounds, size, lambda at: self._of(at)[1:], boxes)
        return [
            (self._of(at)[0], QRectF(QPointF(*box[:2]), QPointF(*box[2:])), at) for at, box in found
        ]

    def draw(
        self,
        painter: QPainter,
        palette: QPalette,
        view: Viewport,
        size: tuple[int, int],
        taken: Sequence[QRectF] = (),
    ) -> None:
        """Draw them, on a ground through which the dots are still seen."""
        ground = QColor(palette.base().color())
        ground.setAlpha(205)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for name, box, at in self.shown(view, size, taken):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ground)
            painter.drawRoundedRect(box, 4, 4)
            painter.setPen(palette.text().color())
            painter.setFont(self._font_of(at))
            language = self._clusters.languages[at]
            right, left = Qt.LayoutDirection.RightToLeft, Qt.LayoutDirection.LeftToRight
            painter.setLayoutDirection(right if language and is_rtl(language) else left)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)


def draw_ring(painter: QPainter, palette: QPalette, centre: QPointF, radius: float) -> None:
    """Draw two circles around a point, so that the ring is seen on every ground."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(palette.base().color(), 5))
    painter.drawEllipse(centre, radius, radius)
    painter.setPen(QPen(palette.text().color(), 2))
    painter.drawEllipse(centre, radius, radius)


def draw_outline(painter: QPainter, palette: QPalette, corners: Sequence[QPointF]) -> None:
    """Draw the box or line with which points are being selected."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    inside = QColor(palette.highlight().color())
    inside.setAlpha(40)
    painter.setBrush(inside)
    painter.setPen(QPen(palette.base().color(), 3))
    painter.drawPolygon(QPolygonF(list(corners)))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(palette.text().color(), 1, Qt.PenStyle.DashLine))
    painter.drawPolygon(QPolygonF(list(corners)))
