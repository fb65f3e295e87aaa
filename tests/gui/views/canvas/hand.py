"""Where points lie by the definition, and real events of a mouse."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from mmfeat_gui.views.map_canvas import MapCanvas

LEFT, MIDDLE, NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.NoButton
PLAIN, SHIFT, ALT, CONTROL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ControlModifier,
)
COUNT = 3000
TABLE = np.array([[0x10, 0x60, 0xC0], [0xD0, 0x70, 0x10]], np.uint8)


def places(canvas: MapCanvas, xy: np.ndarray) -> np.ndarray:
    """Return the pixel of every point, by the definition of a viewport."""
    view = canvas.view
    return np.stack(
        [
            (xy[:, 0].astype(float) - view.x0) / (view.x1 - view.x0) * canvas.width(),
            (view.y1 - xy[:, 1].astype(float)) / (view.y1 - view.y0) * canvas.height(),
        ],
        axis=1,
    )


def pixels(canvas: MapCanvas) -> np.ndarray:
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


def mouse(
    canvas: MapCanvas,
    kind: QEvent.Type,
    at: QPointF,
    button: Qt.MouseButton = LEFT,
    keys: Qt.KeyboardModifier = PLAIN,
) -> None:
    moved = kind == QEvent.Type.MouseMove
    held = NONE if kind == QEvent.Type.MouseButtonRelease else button
    event = QMouseEvent(kind, at, canvas.mapToGlobal(at), NONE if moved else button, held, keys)
    QApplication.sendEvent(canvas, event)


def drag(
    canvas: MapCanvas,
    line: list[QPointF],
    keys: Qt.KeyboardModifier = PLAIN,
    button: Qt.MouseButton = LEFT,
) -> None:
    mouse(canvas, QEvent.Type.MouseButtonPress, line[0], button, keys)
    for at in line[1:]:
        mouse(canvas, QEvent.Type.MouseMove, at, button, keys)
    mouse(canvas, QEvent.Type.MouseButtonRelease, line[-1], button, keys)


def wheel(canvas: MapCanvas, at: QPointF, notches: int) -> None:
    turn = QWheelEvent(
        at,
        canvas.mapToGlobal(at),
        QPoint(),
        QPoint(0, 120 * notches),
        NONE,
        PLAIN,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, turn)
