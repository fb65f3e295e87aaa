"""Map and table beside the page: the window's content while an atlas is open."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from mmfeat_gui.models.features import FeatureModel
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.views.feature_list import FeatureList
from mmfeat_gui.views.feature_page import FeaturePageView
from mmfeat_gui.views.item_page import ItemPageView
from mmfeat_gui.views.map_pane import MapPane
from mmfeat_gui.views.theme import Muted
from mmfeat_gui.workers.pages import LoadedFeature, LoadedItem

_WIDE = 1000  # from here on the table stands beside the map, not under it


class Explorer(QSplitter):
    """Map and table: one over the other, or side by side where there is room."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Turn with the width."""
        wide = event.size().width() >= _WIDE
        turned = Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical
        if self.orientation() != turned:
            self.setOrientation(turned)
            self.setSizes([1, 1])
        super().resizeEvent(event)


class Desk(QSplitter):
    """Map, table and the page of a feature or an item."""

    def __init__(self, model: FeatureModel, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.map = MapPane(self)
        self.list = FeatureList(model, self)
        self.explorer = Explorer(Qt.Orientation.Vertical, self)
        self.explorer.addWidget(self.map)
        self.explorer.addWidget(self.list)
        self.feature_page = FeaturePageView(self)
        self.item_page = ItemPageView(self)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self.feature_page)
        self._pages.addWidget(self.item_page)
        self.attribution = Muted(parent=self)
        self.attribution.setContentsMargins(16, 4, 16, 6)
        rule = QFrame(self)
        rule.setFrameShape(QFrame.Shape.HLine)
        rule.setFrameShadow(QFrame.Shadow.Sunken)
        right = QWidget(self)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._pages, 1)
        column.addWidget(rule)
        column.addWidget(self.attribution)
        self.addWidget(self.explorer)
        self.addWidget(right)
        self.setSizes([556, 884])
        self.setStretchFactor(0, 2)
        self.setStretchFactor(1, 3)

    def show_summary(self, summary: Summary) -> None:
        """Show map and table of an atlas, and the line that its pictures ask for."""
        self.attribution.setText(summary.attribution)
        self.attribution.setVisible(bool(summary.attribution))
        self.map.show_summary(summary)
        self.list.show_summary(summary)

    def show_feature(self, loaded: LoadedFeature) -> None:
        """Show the page of a feature."""
        self.feature_page.show_feature(loaded)
        self._pages.setCurrentWidget(self.feature_page)

    def show_item(self, loaded: LoadedItem) -> None:
        """Show the page of an item."""
        self.item_page.show_item(loaded)
        self._pages.setCurrentWidget(self.item_page)

    def shown_page(self) -> FeaturePageView | ItemPageView:
        """Return the page that is shown."""
        shown = self._pages.currentWidget() is self.feature_page
        return self.feature_page if shown else self.item_page

    def select(self, feature: int) -> None:
        """Mark a feature on map and table; -1 for none."""
        self.map.canvas.select(feature)
        self.list.select(feature)

    def next_pane(self) -> None:
        """Move the keyboard to the next of map, table and page."""
        page = self.shown_page()
        panes: list[tuple[QWidget, QWidget]] = [
            (self.map, self.map.canvas),
            (self.list, self.list.view),
            (page, page),
        ]
        focus = self.window().focusWidget()
        here = -1
        for index, (pane, _) in enumerate(panes):
            if focus is not None and (focus is pane or pane.isAncestorOf(focus)):
                here = index
        panes[(here + 1) % len(panes)][1].setFocus()
