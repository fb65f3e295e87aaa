"""The map of features: our own raster canvas, to be dragged, zoomed, hovered and clicked."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QGuiApplication,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from mmfeat.figures.raster import pick, rasterise
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.viewport import Viewport
from mmfeat_gui.views import theme

_REACH = 9  # pixels around the cursor in which a feature is found
_STEP = 1.25  # magnification of a notch of the wheel
_SETTLE_MS = 120
_MOST_WORK = 6e8  # pixels times the square of a dot's width: some 100 ms


class MapCanvas(QWidget):
    """Draws features as dots and reports which one is meant.

    Signals
    -------
    hovered(feature, position)
        -1 where there is none.
    activated(feature)
        Clicked.
    """

    hovered = Signal(int, QPoint)
    activated = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)
        self._xy: Float[np.ndarray, "f 2"] | None = None
        self._colours: UInt8[np.ndarray, "f 3"] = np.zeros((0, 3), np.uint8)
        self._keep: Bool[np.ndarray, " f"] = np.zeros(0, bool)
        self._selected = -1
        self._view = self._whole = Viewport()
        self._size = (0, 0)
        self._pressed: QPointF | None = None
        self._dragging = False
        self._image: QImage | None = None
        self._moving = False
        # Dots are drawn at twice the size and smoothed once the map rests.
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._rest)

    # What is shown ------------------------------------------------------------------

    def show_points(
        self, xy: Float[np.ndarray, "f 2"] | None, colours: UInt8[np.ndarray, "f 3"]
    ) -> None:
        """Show the features of another atlas, all of them in view."""
        self._xy = None if xy is None else np.asarray(xy, np.float64)
        self._keep = np.ones(len(colours), bool)
        self._selected = -1
        self.show_colours(colours)
        self.fit()

    def show_colours(self, colours: UInt8[np.ndarray, "f 3"]) -> None:
        """Show the same features in other colours."""
        self._colours = colours
        self._redraw()

    def show_matches(self, keep: Bool[np.ndarray, " f"]) -> None:
        """Dim the features that the filters hide."""
        self._keep = keep
        self._redraw()

    def select(self, feature: int) -> None:
        """Ring a feature; -1 for none."""
        self._selected = feature
        self.update()

    def fit(self) -> None:
        """Show all features."""
        if self._xy is not None:
            self._size = (self.width(), self.height())
            self._view = self._whole = Viewport.around(self._xy, self._size)
            self._redraw()

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Magnify around a point, or around the middle."""
        point = at if at is not None else QPointF(self.width() / 2, self.height() / 2)
        self._move(self._view.zoomed(factor, (point.x(), point.y()), self._canvas(), self._whole))

    def position_of(self, feature: int) -> QPointF | None:
        """Return the pixel of a feature, or None without a map."""
        if self._xy is None or not np.isfinite(self._xy[feature]).all():
            return None
        x, y = self._xy[feature].tolist()
        return QPointF(*self._view.to_screen((x, y), self._canvas()))

    def feature_at(self, point: QPointF) -> int:
        """Return the feature under a pixel that the filters do not hide, or -1."""
        if self._xy is None:
            return -1
        shown = np.flatnonzero(self._keep)
        place = (point.x(), point.y())
        found = pick(self._xy[shown], self._view.bounds, self._canvas(), place, _REACH)
        return int(shown[found]) if found >= 0 else -1

    # Drawing ------------------------------------------------------------------------

    def _canvas(self) -> tuple[int, int]:
        return max(self.width(), 1), max(self.height(), 1)

    def _redraw(self) -> None:
        self._image = None
        self.update()

    def _move(self, view: Viewport) -> None:
        self._view = view
        self._moving = True
        self._settle.start()
        self._redraw()

    def _rest(self) -> None:
        self._moving = False
        self._redraw()

    def radius(self) -> float:
        """Return the radius of a dot: smaller where there are many, larger where magnified."""
        many = 4.5 - 0.55 * np.log2(max(len(self._colours) / 1500, 0.5))
        near = np.log2((self._whole.x1 - self._whole.x0) / (self._view.x1 - self._view.x0))
        return float(np.clip(max(many, 1.0) + 0.8 * near, 1.0, 8.0))

    def _render(self) -> QImage:
        """Rasterise the dots: what filters hide lies behind, in the colour of lines."""
        assert self._xy is not None
        width, height = self._canvas()
        scale = self.devicePixelRatioF()
        work = 4 * width * height * (4 * self.radius() + 1) ** 2
        if not self._moving and work <= _MOST_WORK:
            scale = max(scale, 2.0)
        order = np.argsort(self._keep, kind="stable")
        colours = self._colours.copy()
        line = theme.line(self.palette())
        colours[~self._keep] = (line.red(), line.green(), line.blue())
        size = (round(width * scale), round(height * scale))
        pixels = rasterise(
            self._xy[order], colours[order], self._view.bounds, size, round(self.radius() * scale)
        )
        return theme.to_image(pixels)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the dots and the ring around the selected one."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.palette().base())
        if self._xy is None:
            painter.setPen(theme.muted(self.palette()))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(24, 24, -24, -24), flags, tr("map.none"))
            painter.end()
            return
        if self._image is None:
            self._image = self._render()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRectF(self.rect()), self._image)
        self._draw_ring(painter)
        if self.hasFocus():
            painter.setPen(QPen(self.palette().highlight().color(), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        painter.end()

    def _draw_ring(self, painter: QPainter) -> None:
        centre = self.position_of(self._selected) if self._selected >= 0 else None
        if centre is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        radius = self.radius() + 4
        painter.setBrush(Qt.BrushStyle.NoBrush)
        # Two circles, so that the ring is seen on every ground.
        painter.setPen(QPen(self.palette().base().color(), 5))
        painter.drawEllipse(centre, radius, radius)
        painter.setPen(QPen(self.palette().text().color(), 2))
        painter.drawEllipse(centre, radius, radius)

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(520, 400)

    # Input --------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep what is seen in the middle; begin with everything."""
        if self._xy is not None:
            whole = self._view == self._whole
            new = self._canvas()
            self._whole = Viewport.around(self._xy, new)
            self._view = self._whole if whole else self._view.resized(self._size, new)
            self._size = new
        self._redraw()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette."""
        if event.type() == QEvent.Type.PaletteChange:
            self._redraw()
        super().changeEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Magnify around the cursor."""
        notches = event.angleDelta().y() / 120
        if self._xy is not None and notches:
            self.zoom(_STEP**notches, event.position())
            event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click or a drag."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self._dragging = event.position(), False
        else:
            event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the map, or tell what is under the cursor."""
        position = event.position()
        if self._pressed is None:
            feature = self.feature_at(position)
            hand = Qt.CursorShape.PointingHandCursor if feature >= 0 else Qt.CursorShape.ArrowCursor
            self.setCursor(hand)
            self.hovered.emit(feature, position.toPoint())
            return
        moved = position - self._pressed
        far = moved.manhattanLength() >= QGuiApplication.styleHints().startDragDistance()
        if self._dragging or far:
            self._dragging = True
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.hovered.emit(-1, position.toPoint())
            self._pressed = position
            self._move(self._view.panned(moved.x(), moved.y(), self._canvas()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Open the feature that was clicked."""
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        clicked = self._pressed is not None and not self._dragging
        self._pressed, self._dragging = None, False
        self.unsetCursor()
        feature = self.feature_at(event.position()) if clicked else -1
        if feature >= 0:
            self.activated.emit(feature)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is hovered any more."""
        self.hovered.emit(-1, QPoint())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrow keys pan, plus and minus zoom, Home shows everything."""
        steps = {
            Qt.Key.Key_Left: (1, 0),
            Qt.Key.Key_Right: (-1, 0),
            Qt.Key.Key_Up: (0, 1),
            Qt.Key.Key_Down: (0, -1),
        }
        key = Qt.Key(event.key())
        plain = not event.modifiers() & ~(
            Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier
        )
        if self._xy is None or not plain:
            super().keyPressEvent(event)
        elif key in steps:
            dx, dy = (40 * step for step in steps[key])
            self._move(self._view.panned(dx, dy, self._canvas()))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(_STEP)
        elif key in (Qt.Key.Key_Minus, Qt.Key.Key_Underscore):
            self.zoom(1 / _STEP)
        elif key == Qt.Key.Key_Home:
            self.fit()
        else:
            super().keyPressEvent(event)
