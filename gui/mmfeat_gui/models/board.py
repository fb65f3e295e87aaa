"""A scoreboard of SAEs as a table that sorts."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from mmfeat_gui.resources import strings
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.runs import Board, Cell

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class BoardModel(QAbstractTableModel):
    """A row an SAE and a column a score; what has no value comes last in either order.

    Parameters
    ----------
    parent : QObject or None
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.board = Board((), ())
        self._rows: list[tuple[Cell, ...]] = []
        self._order = (-1, Qt.SortOrder.AscendingOrder)

    def show_board(self, board: Board) -> None:
        """Show a scoreboard, in the order that was asked for if it has that column."""
        name = self.board.columns[self._order[0]] if self._order[0] >= 0 else ""
        self.beginResetModel()
        self.board = board
        self._rows = list(board.rows)
        self._order = (board.columns.index(name) if name in board.columns else -1, self._order[1])
        self._sort()
        self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column."""
        self.layoutAboutToBeChanged.emit()
        self._order = (column, order)
        self._sort()
        self.layoutChanged.emit()

    def _sort(self) -> None:
        column, order = self._order
        if column < 0:
            return
        down = order == Qt.SortOrder.DescendingOrder
        known = [row for row in self._rows if row[column] is not None]
        numbers = [row for row in known if isinstance(row[column], float)]
        texts = [row for row in known if isinstance(row[column], str)]
        numbers.sort(key=lambda row: row[column], reverse=down)  # type: ignore[arg-type,return-value]
        texts.sort(key=lambda row: str(row[column]).casefold(), reverse=down)
        missing = [row for row in self._rows if row[column] is None]
        self._rows = [*numbers, *texts, *missing]

    def rowCount(self, parent: _Index = _ROOT) -> int:
        """Return the number of SAEs."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        """Return the number of scores."""
        return 0 if parent.isValid() else len(self.board.columns)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a score as text, and on which side it stands."""
        if not index.isValid():
            return None
        value = self._rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return cell_text(value)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{score_name(self.board.columns[index.column()])}: {value}"
        if role == Qt.ItemDataRole.TextAlignmentRole and isinstance(value, float):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the name of a score."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return score_name(self.board.columns[section])
        return None


def score_name(column: str) -> str:
    """Return the name of a score for people; one we do not know is its own name."""
    base, bracket, rest = column.partition("[")
    name = tr(f"score.{base}") if strings.has(f"score.{base}") else base.replace("_", " ")
    return f"{name} · {rest.rstrip(']')}" if bracket else name


def cell_text(value: Cell) -> str:
    """Return a score as it is written."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if value == int(value) and abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:.4f}" if 0.01 <= abs(value) < 10 else f"{value:.3g}"
