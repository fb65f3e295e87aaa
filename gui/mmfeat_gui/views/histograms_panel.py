"""The panel of histograms: how scores are spread over all features, those shown, those brushed."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.features import FeatureTable, known
from mmfeat_gui.state.query import Limit, Query
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views import theme
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.filter_menu import fill_columns
from mmfeat_gui.views.filter_range import counts_of
from mmfeat_gui.views.filter_rows import RangeRow
from mmfeat_gui.views.flow import FlowLayout
from mmfeat_gui.views.panel import Area, Panel

_WIDTH, _HEIGHT = 250, 120  # pixels of a histogram


class HistogramsPanel(Panel):
    """Histograms of chosen scores; dragging over one filters the table and what is linked to it."""

    key: ClassVar[str] = "histograms"
    area: ClassVar[Area] = "table"

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._table: FeatureTable | None = None
        self.rows: dict[str, RangeRow] = {}
        self.add = QToolButton(self)
        self.add.setText(tr("histograms.add"))
        self.add.setToolTip(tr("histograms.add_tip"))
        self.add.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.add)
        menu.aboutToShow.connect(lambda: self._fill(menu))
        self.add.setMenu(menu)
        legend = theme.Muted(tr("histograms.legend"), self)
        inside = QWidget(self)
        self._flow = FlowLayout(inside)
        self._flow.setSpacing(12)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        self._inside = inside
        head = QHBoxLayout()
        head.addWidget(self.add)
        head.addWidget(legend, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 8)
        column.addLayout(head)
        column.addWidget(scroll, 1)
        context.store.changed.connect(self._follow)
        context.summary_changed.connect(self._show_summary)
        if context.summary is not None:
            self._show_summary(context.summary)

    def first_focus(self) -> QWidget:
        """Return the first histogram."""
        return next((row.histogram for row in self.rows.values()), self.add)

    def showEvent(self, event: QShowEvent) -> None:
        """Count what changed while another panel was in front."""
        super().showEvent(event)
        self._draw()

    @property
    def _query(self) -> Query:
        return self.context.store.state.query

    def _show_summary(self, summary: Summary) -> None:
        self._table = summary.table
        for key in list(self.rows):
            self._remove(key)
        summary.table.filtered.connect(self._draw)
        summary.table.arrived.connect(self._show_rows)
        self._show_rows()

    def _follow(self, now: ViewState, before: ViewState) -> None:
        if now.query != before.query:
            self._show_rows()
        elif now.features != before.features:
            self._draw()

    def _show_rows(self) -> None:
        """Show a histogram of each column that the query names, in its order."""
        table = self._table
        if table is None:
            return
        wanted = known(self._query, table).histograms
        if list(self.rows) != list(wanted):
            for key in list(self.rows):
                self._remove(key)
            for key in wanted:
                self._insert(key)
        for key, row in self.rows.items():
            row.show_limit(self._query.limit(key) or Limit(key))
        self._draw()

    def _draw(self) -> None:
        table = self._table
        if table is None or self.context.summary is None or self.context.summary.table is not table:
            return
        if self.isVisible():
            brushed = self.context.store.state.features
            for key, row in self.rows.items():
                row.show_bars(table.bars(key), counts_of(table, key, brushed))

    def _insert(self, key: str) -> None:
        column = None if self._table is None else self._table.describe(key)
        if column is None or column.is_text:
            return
        row = RangeRow(column, self._inside)
        row.setFixedSize(_WIDTH, _HEIGHT)
        row.changed.connect(self._limit)
        row.removed.connect(self._take_away)
        self.rows[key] = row
        self._flow.addWidget(row)
        row.show()

    def _remove(self, key: str) -> None:
        row = self.rows.pop(key)
        self._flow.removeWidget(row)
        row.hide()
        row.deleteLater()

    def _limit(self, limit: Limit) -> None:
        query = self._query.limited(limit)
        self.context.store.change("undo.filter", merge=f"limit:{limit.column}", query=query)

    def _take_away(self, key: str) -> None:
        kept = tuple(own for own in self._query.histograms if own != key)
        query = replace(self._query, histograms=kept).limited(Limit(key))
        self.context.store.change("undo.histograms", query=query)

    def _fill(self, menu: QMenu) -> None:
        if self._table is not None:
            fill_columns(menu, self._table, self.rows, self.show_histogram, histograms=True)

    def show_histogram(self, key: str) -> None:
        """Show the histogram of one more column."""
        query = replace(self._query, histograms=(*self._query.histograms, key))
        self.context.store.change("undo.histograms", query=query)
