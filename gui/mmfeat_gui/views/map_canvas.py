"""A map of points to be dragged, zoomed, hovered, clicked and lassoed.

What the points are it does not know: the map of features, that of samples and joint maps use it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from mmfeat.figures.grid import Grid
from mmfeat_gui.views.map_view import MapView
from mmfeat_gui.views.pointing import brush_mode

Tool = Literal["pan", "box", "lasso"]
TOOLS: tuple[Tool, ...] = ("pan", "box", "lasso")
_TOOL_KEYS: dict[Qt.Key, Tool] = {
    Qt.Key.Key_P: "pan",
    Qt.Key.Key_B: "box",
    Qt.Key.Key_L: "lasso",
}
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_STEP = 1.25  # magnification of a notch of the wheel
_PAN = 40  # pixels of an arrow key
_CORNERS = 3  # pixels between two corners of a lasso, at least


class MapCanvas(MapView):
    """A map that is moved and pointed at, by mouse or keyboard.

    Arrow keys pan, plus and minus zoom, Home shows everything; P, B and L choose a tool; with
    Ctrl the arrows go from point to point, Enter opens one, and Ctrl+A selects all in sight.

    Parameters
    ----------
    parent : QWidget or None
    nothing : str
        The sentence shown while there are no points.

    Signals
    -------
    hovered(point, position)
        -1 where there is none.
    activated(point)
        Clicked.
    selection_made(points, mode)
        int64 [k] ascending; ``replace``, ``add`` (with Shift) or ``subtract`` (with Alt).
    tool_changed(tool)
    """

    hovered = Signal(int, QPoint)
    activated = Signal(int)
    selection_made = Signal(object, str)
    tool_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None, *, nothing: str = "") -> None:
        super().__init__(parent, nothing=nothing)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._tool: Tool = "pan"
        self._pressed: QPointF | None = None
        self._drag: Literal["", "pan", "box", "lasso"] = ""

    @property
    def tool(self) -> Tool:
        """What dragging with the left button does."""
        return self._tool

    def set_tool(self, tool: Tool) -> None:
        """Choose what dragging with the left button does."""
        if tool != self._tool:
            self._stop_drag()
            self._tool = tool
            self._show_cursor(-1)
            self.tool_changed.emit(tool)

    def show_points(self, points: Grid | None) -> None:
        """Show other points, all of them in view and alike; what was begun is given up."""
        self._stop_drag()
        super().show_points(points)

    # Mouse --------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Magnify around the cursor."""
        notches = event.angleDelta().y() / 120
        if self._drawing is not None and notches:
            self.zoom(_STEP**notches, event.position())
            event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click or a drag; the middle button always drags the map."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._pressed = event.position()
            self._drag = "pan" if event.button() == Qt.MouseButton.MiddleButton else ""
            self._corners = []
        else:
            event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag, or tell what is under the cursor."""
        at = event.position()
        if self._pressed is None:
            index = self.point_at(at)
            self._show_cursor(index)
            self.hovered.emit(index, at.toPoint())
            return
        moved = at - self._pressed
        if not self._drag:
            if moved.manhattanLength() < QApplication.startDragDistance():
                return
            self._drag = self._tool
            self._corners = [self._pressed]
        self.hovered.emit(-1, at.toPoint())
        if self._drag == "pan":
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self._corners, self._pressed = [], at
            self.pan(moved.x(), moved.y())
        elif self._drag == "box":
            one = self._pressed
            self._corners = [one, QPointF(at.x(), one.y()), at, QPointF(one.x(), at.y())]
        elif (at - self._corners[-1]).manhattanLength() >= _CORNERS:
            self._corners.append(at)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Select what was drawn around, or open or select the point that was clicked."""
        button = event.button()
        if button not in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            event.ignore()
            return
        drag, pressed, corners = self._drag, self._pressed, self._corners
        self._stop_drag()
        if pressed is None or drag == "pan":
            return
        mode = brush_mode(event.modifiers())
        if drag == "lasso":
            self.selection_made.emit(self.within(corners), mode)
        elif drag == "box":
            self.selection_made.emit(self.between(pressed, event.position()), mode)
        else:
            index = self.point_at(event.position())
            if index >= 0 and mode == "replace":
                self.activated.emit(index)
            elif index >= 0:
                self.selection_made.emit(np.array([index], np.int64), mode)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is hovered any more."""
        self.hovered.emit(-1, QPoint())

    def _stop_drag(self) -> None:
        self._drag, self._pressed, self._corners = "", None, []
        self._show_cursor(-1)
        self.update()

    def _show_cursor(self, index: int) -> None:
        if index >= 0:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        else:
            drawn = self._tool != "pan"
            self.setCursor(Qt.CursorShape.CrossCursor if drawn else Qt.CursorShape.ArrowCursor)

    # Keys ---------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Pan, zoom, choose a tool, go from point to point."""
        key = Qt.Key(event.key())
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        known = (
            self._drawing is not None
            and not event.modifiers() & Qt.KeyboardModifier.AltModifier
            and (self._press_with_control(key) if control else self._press(key))
        )
        if not known:
            super().keyPressEvent(event)

    def _press(self, key: Qt.Key) -> bool:
        if key in _ARROWS:
            dx, dy = _ARROWS[key]
            self.pan(-_PAN * dx, -_PAN * dy)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(_STEP)
        elif key in (Qt.Key.Key_Minus, Qt.Key.Key_Underscore):
            self.zoom(1 / _STEP)
        elif key == Qt.Key.Key_Home:
            self.fit()
        elif key in _TOOL_KEYS:
            self.set_tool(_TOOL_KEYS[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._pointed >= 0:
            self.activated.emit(self._pointed)
        elif key == Qt.Key.Key_Escape and (self._corners or self._pointed >= 0):
            self._stop_drag()
            self._point(-1)
        else:
            return False
        return True

    def _press_with_control(self, key: Qt.Key) -> bool:
        if key in _ARROWS:
            here = self._pointed if self._pointed >= 0 else self._selected
            self._point(self.point_beside(here, *_ARROWS[key]))
        elif key == Qt.Key.Key_A:
            corner = QPointF(self.width(), self.height())
            self.selection_made.emit(self.between(QPointF(0, 0), corner), "replace")
        else:
            return False
        return True

    def _point(self, index: int) -> None:
        """Point at a point by keyboard, as hovering does by mouse."""
        self._pointed = index
        place = self.position_of(index)
        self.hovered.emit(index, QPoint() if place is None else place.toPoint())
        self.update()
