"""The table of features as Qt sees it: a window onto arrays, no object a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.columns import Column
from mmfeat_gui.state.features import NONE, FeatureTable, Outside
from mmfeat_gui.state.query import Order

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignVCenter
_MIDDLE = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_ARROWS = ("▲", "▼")
_DIGITS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class FeatureModel(QAbstractTableModel):
    """The rows and columns that a table was asked for.

    Attributes
    ----------
    table : FeatureTable or None
    rows : int64 array [rows]
        The features shown, in order.
    columns : tuple of Column
    brushed : bool array [f]
        The features that are marked.
    current : int
        The feature whose page is shown, -1 for none.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.table: FeatureTable | None = None
        self.rows: Int64[np.ndarray, " rows"] = np.zeros(0, np.int64)
        self.columns: tuple[Column, ...] = ()
        self.current = -1
        self.brushed: Bool[np.ndarray, " f"] = np.zeros(0, bool)
        self._order: tuple[Order, ...] = ()
        self._outside = NONE
        self._tags: Callable[[int], Sequence[str]] = lambda feature: ()

    def show_table(
        self, table: FeatureTable | None, keys: Sequence[str], order: Sequence[Order]
    ) -> None:
        """Show some columns of a table with the rows it has now."""
        self.beginResetModel()
        self.table = table
        found = [] if table is None else [table.describe(key) for key in keys]
        self.columns = tuple(column for column in found if column is not None)
        self._order = tuple(order)
        self.rows = np.zeros(0, np.int64) if table is None else table.rows
        if table is None or len(self.brushed) != len(table):
            self.brushed = np.zeros(0 if table is None else len(table), bool)
        self.endResetModel()

    def show_notes(self, outside: Outside, tags: Callable[[int], Sequence[str]]) -> None:
        """Show stars and tags, given by the features that bear them and by feature."""
        self._outside, self._tags = outside, tags
        self.refresh()

    def show_brushed(self, brushed: Bool[np.ndarray, " f"]) -> None:
        """Mark the rows of these features."""
        self.brushed = brushed
        self.refresh()

    def show_current(self, feature: int) -> None:
        """Mark the row of the feature whose page is shown, -1 for none."""
        self.current = feature
        self.refresh()

    def refresh(self) -> None:
        """Cells may read differently: names have come, or marks have changed."""
        if len(self.rows) and self.columns:
            last = self.index(len(self.rows) - 1, len(self.columns) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

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
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text of a cell and how it stands."""
        if not index.isValid() or self.table is None:
            return None
        column, feature = self.columns[index.column()], int(self.rows[index.row()])
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(column, feature)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.alignment(index)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(column, feature)
        if role == Qt.ItemDataRole.AccessibleTextRole and column.is_chosen:
            value = int(self._value(column, feature))
            return dict(column.values()).get(value, str(value))
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            marks = [
                ("table.current", feature == self.current),
                ("table.brushed", self._is(feature)),
            ]
            return ", ".join(tr(key) for key, holds in marks if holds)
        return None

    def text(self, index: _Index) -> str:
        """Return the text of a cell."""
        return self._text(self.columns[index.column()], int(self.rows[index.row()]))

    def alignment(self, index: _Index) -> Qt.AlignmentFlag:
        """Return how a cell stands."""
        column = self.columns[index.column()]
        if column.is_text:  # names in any script begin at the same edge
            return _LEFT
        return _MIDDLE if column.is_chosen else _RIGHT

    def marks(self, index: _Index) -> tuple[bool, bool, str]:
        """Return of a cell whether its feature is brushed, whether its page is shown, and the tag.

        The tag is that of the language of its text; empty where it has none. One call, not three
        roles, since every cell that is drawn asks.
        """
        assert self.table is not None
        column, feature = self.columns[index.column()], int(self.rows[index.row()])
        named = column.kind == "title"
        language = self.table.title_language(feature) if named else column.language
        return self._is(feature), feature == self.current, language

    def _is(self, feature: int) -> bool:
        return bool(self.brushed[feature])

    def _value(self, column: Column, feature: int) -> float:
        assert self.table is not None
        if column.kind == "star":
            return float(feature in self._outside.starred)
        return float(self.table.column(column.key)[feature])

    def _text(self, column: Column, feature: int) -> str:
        assert self.table is not None
        if column.kind == "title":
            return self.table.title(feature)
        if column.kind == "name":
            return self.table.names_of(feature).get(column.language, "")
        if column.kind == "tags":
            return ", ".join(self._tags(feature))
        return column.text(self._value(column, feature))

    def _tip(self, column: Column, feature: int) -> str:
        assert self.table is not None
        if column.kind == "title":
            return "\n".join(dict.fromkeys(self.table.names_of(feature).values()))
        return self._text(column, feature) if column.is_text else column.tip

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the name of a column, how it is sorted and what it means."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{column.label}{self._sorted(column.key)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{column.tip}\n{tr('table.head_tip')}"
        return None

    def _sorted(self, key: str) -> str:
        """Return an arrow where a column is sorted by, numbered where there are several."""
        for place, order in enumerate(self._order, 1):
            if order.column == key:
                number = str(place).translate(_DIGITS) if len(self._order) > 1 else ""
                return f" {_ARROWS[order.descending]}{number}"
        return ""
