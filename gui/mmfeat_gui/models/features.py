"""The table of features as Qt sees it: a window onto arrays, no object a row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Int64
from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.features import FeatureTable, Query, SortKey

COLUMNS: tuple[SortKey, ...] = (
    "title",
    "feature",
    "shared",
    "n_languages",
    "modality_score",
    "firing_rate_image",
    "firing_rate_text",
    "shared_q",
)
_DESCENDING_FIRST = ("shared", "n_languages", "firing_rate_image", "firing_rate_text")
_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class FeatureModel(QAbstractTableModel):
    """Features that pass the query, in its order.

    Signals
    -------
    query_changed()
        Other rows are shown.
    """

    query_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.table: FeatureTable | None = None
        self.query = Query()
        self.rows: Int64[np.ndarray, " rows"] = np.zeros(0, np.int64)

    def show_table(self, table: FeatureTable) -> None:
        """Show the features of another atlas, without filters."""
        self.table = table
        self.set_query(Query())

    def set_query(self, query: Query) -> None:
        """Filter and sort."""
        self.beginResetModel()
        self.query = query
        if self.table is not None:
            self.rows = self.table.select(query)
        self.endResetModel()
        self.query_changed.emit()

    def feature(self, row: int) -> int:
        """Return the feature of a row."""
        return int(self.rows[row])

    def row_of(self, feature: int) -> int:
        """Return the row of a feature, or -1 where it is hidden."""
        found = np.flatnonzero(self.rows == feature)
        return int(found[0]) if found.size else -1

    def rowCount(self, parent: _Index = _ROOT) -> int:
        """Return the number of features that pass."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text of a cell and how it stands."""
        if not index.isValid() or self.table is None:
            return None
        key = COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(key, self.feature(index.row()))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight
            if key == "title":
                # Names in any script begin at the same edge.
                side = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignAbsolute
            elif key == "shared":
                side = Qt.AlignmentFlag.AlignHCenter
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(key, self.feature(index.row()))
        if role == Qt.ItemDataRole.AccessibleTextRole and key == "shared":
            shared = bool(self.table.scores["shared"][self.feature(index.row())])
            return tr("shared.shared") if shared else tr("shared.not_shared")
        return None

    def _text(self, key: SortKey, feature: int) -> str:
        assert self.table is not None
        if key == "feature":
            return str(feature)
        if key == "title":
            return self.table.titles[feature]
        value = float(self.table.scores[key][feature])
        if key == "shared":
            return "✓" if value else ""
        if np.isnan(value):
            return "–"
        if key == "n_languages":
            return f"{value:.0f}"
        if key.startswith("firing_rate"):
            return f"{value:.2%}"
        return f"{value:.2f}" if key == "modality_score" else f"{value:.2g}"

    def _tip(self, key: SortKey, feature: int) -> str:
        assert self.table is not None
        if key == "title":
            return "\n".join(dict.fromkeys(name for name in self.table.names[feature] if name))
        return tr(f"table.{key}_tip")

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the name of a column and what it means."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return tr(f"table.{COLUMNS[section]}")
            if role == Qt.ItemDataRole.ToolTipRole:
                return tr(f"table.{COLUMNS[section]}_tip")
            if role == Qt.ItemDataRole.InitialSortOrderRole:
                first = COLUMNS[section] in _DESCENDING_FIRST
                return Qt.SortOrder.DescendingOrder if first else Qt.SortOrder.AscendingOrder
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column."""
        if 0 <= column < len(COLUMNS):
            down = order == Qt.SortOrder.DescendingOrder
            self.set_query(replace(self.query, sort=COLUMNS[column], descending=down))
