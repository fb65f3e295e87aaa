"""The tools of a map: what dragging does, and what is done to a selection."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QToolBar, QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.views.map_canvas import TOOLS, MapCanvas, Tool


class MapTools(QToolBar):
    """Buttons over a map; what there is no room for is under an arrow at their end.

    Parameters
    ----------
    canvas : MapCanvas
        The map whose tool is chosen.
    parent : QWidget or None

    Signals
    -------
    cleared(), inverted()
        What is selected is to be nothing, or all that was not.
    """

    cleared = Signal()
    inverted = Signal()

    def __init__(self, canvas: MapCanvas, parent: QWidget | None = None) -> None:
        super().__init__(tr("map.tools"), parent)
        self.setAccessibleName(tr("map.tools"))
        self._canvas = canvas
        group = QActionGroup(self)
        self.tools: dict[Tool, QAction] = {}
        for tool in TOOLS:
            action = self._add(f"map.{tool}")
            action.setCheckable(True)
            action.setActionGroup(group)
            action.triggered.connect(lambda _=False, chosen=tool: canvas.set_tool(chosen))
            self.tools[tool] = action
        self.addSeparator()
        self.invert = self._add("map.invert")
        self.invert.triggered.connect(lambda _=False: self.inverted.emit())
        self.clear_selection = self._add("map.clear")
        self.clear_selection.triggered.connect(lambda _=False: self.cleared.emit())
        self.fit = self._add("map.fit")
        self.fit.triggered.connect(lambda _=False: canvas.fit())
        canvas.tool_changed.connect(self._show_tool)
        self._show_tool(canvas.tool)

    def add_switch(self, text: str) -> QAction:
        """Add a button that is on or off, by the id of its text."""
        action = self._add(text)
        action.setCheckable(True)
        return action

    def _add(self, text: str) -> QAction:
        action = self.addAction(tr(text))
        action.setToolTip(tr(f"{text}_tip"))
        return action

    def _show_tool(self, tool: Tool) -> None:
        self.tools[tool].setChecked(True)
