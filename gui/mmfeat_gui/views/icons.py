"""Icons drawn in the colours of the palette: the style's own arrows vanish on dark ground."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette, QPen, QPixmap, QPolygonF

_SIDE = 20
_SCALE = 2  # sharp on dense screens too
_STROKES = {
    "back": (((12.5, 4.5), (7.0, 10.0), (12.5, 15.5)),),
    "forward": (((7.5, 4.5), (13.0, 10.0), (7.5, 15.5)),),
    "compare": (
        ((2.5, 4.0), (8.0, 4.0), (8.0, 16.0), (2.5, 16.0), (2.5, 4.0)),
        ((12.0, 4.0), (17.5, 4.0), (17.5, 16.0), (12.0, 16.0), (12.0, 4.0)),
    ),
    "open": (
        ((2.5, 16.0), (2.5, 4.5), (7.5, 4.5), (9.5, 6.5), (15.5, 6.5), (15.5, 9.0)),
        ((2.5, 16.0), (5.5, 9.0), (18.5, 9.0), (15.5, 16.0), (2.5, 16.0)),
    ),
}


def _drawn(name: str, colour: QColor) -> QPixmap:
    pixmap = QPixmap(QSize(_SIDE, _SIDE) * _SCALE)
    pixmap.setDevicePixelRatio(_SCALE)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(colour, 1.8)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    for stroke in _STROKES[name]:
        painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in stroke]))
    painter.end()
    return pixmap


def make_icon(name: str, palette: QPalette) -> QIcon:
    """Return the icon of an action in the palette's colours."""
    icon = QIcon(
        _drawn(name, palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.WindowText))
    )
    faded = palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.WindowText)
    icon.addPixmap(_drawn(name, faded), QIcon.Mode.Disabled)
    return icon
