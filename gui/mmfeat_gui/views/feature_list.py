"""The table of features with its search and filters."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QSpinBox,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from mmfeat_gui.models.features import COLUMNS, FeatureModel
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.views import theme

_WIDTHS = {
    "title": 142,
    "feature": 50,
    "shared": 54,
    "n_languages": 46,
    "modality_score": 72,
    "firing_rate_image": 60,
    "firing_rate_text": 60,
    "shared_q": 60,
}


class FeatureList(QWidget):
    """All features as rows; typing searches names in every language.

    Signals
    -------
    feature_activated(feature)
    """

    feature_activated = Signal(int)

    def __init__(self, model: FeatureModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = model
        self._selected = -1
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(tr("list.search"))
        self.search.setToolTip(tr("list.search_tip"))
        self.search.setAccessibleName(tr("list.search"))
        self.search.setClearButtonEnabled(True)
        self.shared = QCheckBox(tr("list.shared_only"), self)
        self.shared.setToolTip(tr("list.shared_tip"))
        self.languages = QSpinBox(self)
        self.languages.setToolTip(tr("table.n_languages_tip"))
        self.languages.setAccessibleName(tr("list.languages_accessible"))
        before, after = QLabel(tr("list.languages_before"), self), QLabel(self)
        after.setText(tr("list.languages_after"))
        before.setBuddy(self.languages)
        self.count = theme.Muted(parent=self)
        self.count.setWordWrap(False)
        self.view = self._make_view()

        first = QHBoxLayout()
        first.addWidget(self.search, 1)
        first.addWidget(self.count)
        second = QHBoxLayout()
        second.addWidget(self.shared)
        second.addSpacing(12)
        for widget in (before, self.languages, after):
            second.addWidget(widget)
        second.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 8)
        column.setSpacing(6)
        column.addLayout(first)
        column.addLayout(second)
        column.addWidget(self.view, 1)

        self.search.textChanged.connect(self._ask)
        self.search.returnPressed.connect(self._open_first)
        self.shared.toggled.connect(self._ask)
        self.languages.valueChanged.connect(self._ask)
        model.query_changed.connect(self._restore)

    def _make_view(self) -> QTableView:
        view = QTableView(self)
        view.setModel(self.model)
        view.setAccessibleName(tr("list.accessible"))
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setAlternatingRowColors(True)
        view.setShowGrid(False)
        view.setTabKeyNavigation(False)
        view.setWordWrap(False)
        view.verticalHeader().hide()
        view.verticalHeader().setDefaultSectionSize(view.fontMetrics().height() + 8)
        header = view.horizontalHeader()
        header.setHighlightSections(False)
        header.setFont(theme.sized(header.font(), 0.9))
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for place, key in enumerate(COLUMNS):
            view.setColumnWidth(place, _WIDTHS[key])
        header.setSortIndicator(COLUMNS.index("feature"), Qt.SortOrder.AscendingOrder)
        view.setSortingEnabled(True)
        # Not the current row: that changes when the table merely gets the keyboard.
        view.selectionModel().selectionChanged.connect(self._row_selected)
        return view

    def show_summary(self, summary: Summary) -> None:
        """Show the features of another atlas, without filters."""
        self._selected = -1
        self._set_filters("", False, 0)
        self.languages.setRange(0, len(summary.languages))
        self.model.show_table(summary.table)
        column = COLUMNS.index(self.model.query.sort)
        self.view.horizontalHeader().setSortIndicator(column, Qt.SortOrder.AscendingOrder)

    def select(self, feature: int) -> None:
        """Mark a feature's row, if the filters show it."""
        self._selected = feature
        self._mark()

    def clear_filters(self) -> None:
        """Show all features again."""
        self._set_filters("", False, 0)
        self._ask()

    def _set_filters(self, text: str, shared: bool, languages: int) -> None:
        widgets = (self.search, self.shared, self.languages)
        for widget in widgets:
            widget.blockSignals(True)
        self.search.setText(text)
        self.shared.setChecked(shared)
        self.languages.setValue(languages)
        for widget in widgets:
            widget.blockSignals(False)

    def _ask(self) -> None:
        self.model.set_query(
            replace(
                self.model.query,
                text=self.search.text(),
                shared_only=self.shared.isChecked(),
                min_languages=self.languages.value(),
            )
        )

    def _restore(self) -> None:
        """Rows are others now: tell how many, and mark the selected feature again."""
        total = 0 if self.model.table is None else len(self.model.table)
        self.count.setText(tr("list.count", shown=self.model.rowCount(), total=total))
        self._mark()

    def _mark(self) -> None:
        row = self.model.row_of(self._selected)
        selection = self.view.selectionModel()
        selection.blockSignals(True)
        if row < 0:
            selection.clear()
        else:
            index = self.model.index(row, 0)
            flags = QItemSelectionModel.SelectionFlag
            selection.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
            self.view.scrollTo(index, QAbstractItemView.ScrollHint.EnsureVisible)
        selection.blockSignals(False)
        self.view.viewport().update()

    def _row_selected(self, selected: QItemSelection) -> None:
        rows = selected.indexes()
        if rows:
            self._activated(rows[0])

    def _activated(self, index: QModelIndex) -> None:
        feature = self.model.feature(index.row())
        if feature != self._selected:
            self._selected = feature
            self.feature_activated.emit(feature)

    def _open_first(self) -> None:
        """Enter in the search opens the first feature found."""
        if self.model.rowCount():
            self.feature_activated.emit(self.model.feature(0))
            self.view.setFocus()
