"""The window's content while an atlas is open: maps over the table, beside the pages."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QTabWidget, QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.panel import Area, Panel

_AREAS: tuple[Area, ...] = ("maps", "table", "pages")
_WIDE = 1000  # from here on the table stands beside the map, not under it
_PAGE = "page"
_LEAST = (180, 150)


class Explorer(QSplitter):
    """Maps and table: one over the other, or side by side where there is room."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Turn with the width."""
        wide = event.size().width() >= _WIDE
        turned = Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical
        if self.orientation() != turned:
            self.setOrientation(turned)
            self.setSizes([1, 1])
        super().resizeEvent(event)


class Workbench(QSplitter):
    """All panels, each a tab of its area.

    Parameters
    ----------
    context : Context
    panels : sequence of Panel types
        In the order of their tabs.
    parent : QWidget or None
    """

    def __init__(
        self, context: Context, panels: Sequence[type[Panel]], parent: QWidget | None = None
    ) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.context = context
        self.panels: list[Panel] = []
        self._showing = False
        self.tabs: dict[Area, QTabWidget] = {}
        for area in _AREAS:
            tabs = QTabWidget(self)
            tabs.setDocumentMode(True)
            tabs.setMinimumSize(*_LEAST)  # else the largest panel says how small a window may be
            tabs.setAccessibleName(tr(f"area.{area}"))
            tabs.tabBar().setAccessibleName(tr(f"area.{area}"))
            self.tabs[area] = tabs
        for made in panels:
            panel = made(context)
            self.panels.append(panel)
            self.tabs[made.area].addTab(panel, tr(f"panel.{made.key}"))
        for tabs in self.tabs.values():
            tabs.tabBar().setVisible(tabs.count() > 1)
            tabs.currentChanged.connect(self._remember_tabs)
        self.explorer = Explorer(Qt.Orientation.Vertical, self)
        self.explorer.addWidget(self.tabs["maps"])
        self.explorer.addWidget(self.tabs["table"])
        self.addWidget(self.explorer)
        self.addWidget(self.tabs["pages"])
        self.setSizes([556, 884])
        self.setStretchFactor(0, 2)
        self.setStretchFactor(1, 3)
        context.store.changed.connect(self._follow)
        context.summary_changed.connect(self._show_panels)

    def panel(self, key: str) -> Panel:
        """Return a panel by its key."""
        return next(panel for panel in self.panels if panel.key == key)

    def bring(self, key: str) -> None:
        """Bring a panel to the front and the keyboard to it."""
        panel = self.panel(key)
        self.tabs[panel.area].setCurrentWidget(panel)
        panel.first_focus().setFocus()

    def front(self) -> list[Panel]:
        """Return the panels in front, in the order of the areas."""
        shown = (self.tabs[area].currentWidget() for area in _AREAS)
        return [panel for panel in shown if isinstance(panel, Panel)]

    def next_pane(self) -> None:
        """Move the keyboard to the panel in front of the next area."""
        front = self.front()
        focus = self.window().focusWidget()
        here = -1
        for index, panel in enumerate(front):
            if focus is not None and (focus is panel or panel.isAncestorOf(focus)):
                here = index
        front[(here + 1) % len(front)].first_focus().setFocus()

    def _remember_tabs(self) -> None:
        # While several are brought to the front, those named last are not there yet.
        if self._showing:
            return
        keys = tuple(panel.key for panel in self.front())
        self.context.store.change("undo.panels", merge="panels", panels=keys)

    def _show_panels(self) -> None:
        """Bring the panels to the front that the state names."""
        keys, self._showing = self.context.store.state.panels, True
        for panel in self.panels:
            if panel.key in keys:
                self.tabs[panel.area].setCurrentWidget(panel)
        self._showing = False

    def _follow(self, now: ViewState, before: ViewState) -> None:
        if now.panels != before.panels:
            self._show_panels()
        if now.place is not before.place and now.place is not None and now.place.of_atlas:
            shown = self.tabs["pages"].currentWidget()
            if isinstance(shown, Panel) and not shown.follows_place:
                self.tabs["pages"].setCurrentWidget(self.panel(_PAGE))
