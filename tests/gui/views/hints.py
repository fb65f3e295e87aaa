"""What tells more of the spot that the cursor is on."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint
from PySide6.QtGui import (
    QHelpEvent,
)
from PySide6.QtWidgets import QApplication, QToolTip, QWidget


def tip_at(widget: QWidget, spot: QPoint) -> str:
    QApplication.sendEvent(widget, QHelpEvent(QEvent.Type.ToolTip, spot, widget.mapToGlobal(spot)))
    return QToolTip.text()
