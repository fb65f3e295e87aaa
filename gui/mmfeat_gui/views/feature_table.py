"""Small tables of a page: as high as their rows, walked through by keys, texts in any script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from mmfeat_gui.resources.strings import has, tr
from mmfeat_gui.views import theme
from mmfeat_gui.views.captions import tip
from mmfeat_gui.views.fonts import font_for

_HIGHEST = 480  # pixels; what is longer scrolls
_WIDEST = 320  # of a column


@dataclass(frozen=True)
class Cell:
    """A cell: its text in a language, and what it says on hovering.

    `feature` is the feature of the open atlas that it stands for, or -1.
    """

    text: str
    language: str = ""
    strong: bool = False
    tip: str = ""
    feature: int = -1


class PageTable(QTableWidget):
    """A table that only shows.

    Parameters
    ----------
    name : str
        Key: ``page.<name>_table`` names it for those who cannot see it.
    heads : sequence of str
        Keys of the heads; ``<head>_tip`` says what a column means.
    parent : QWidget or None

    Signals
    -------
    feature_activated(feature)
    """

    feature_activated = Signal(int)

    def __init__(self, name: str, heads: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(0, len(heads), parent)
        self.setAccessibleName(tr(f"page.{name}_table"))
        for column, head in enumerate(heads):
            item = QTableWidgetItem(tr(head))
            if has(f"{head}_tip"):
                item.setToolTip(tip(tr(f"{head}_tip")))
            self.setHorizontalHeaderItem(column, item)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setFont(theme.sized(self.font(), 0.86))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.itemActivated.connect(self._activate)
        self.cellClicked.connect(lambda row, column: self._activate(self.item(row, column)))

    def show_rows(self, rows: Sequence[Sequence[Cell]]) -> None:
        """Show these rows in place of those before; items are kept, for a page is turned often."""
        self.setUpdatesEnabled(False)
        self.setRowCount(len(rows))
        for row, cells in enumerate(rows):
            for column in range(self.columnCount()):
                cell = cells[column] if column < len(cells) else Cell("")
                item = self.item(row, column)
                if item is None:
                    item = QTableWidgetItem()
                    self.setItem(row, column, item)
                item.setText(cell.text)
                font = font_for(cell.language, self.font()) if cell.language else self.font()
                item.setFont(theme.sized(font, 1.0, bold=cell.strong))
                item.setToolTip(tip(cell.tip or cell.text))
                item.setData(Qt.ItemDataRole.UserRole, cell.feature)
        self.resizeColumnsToContents()
        for column in range(self.columnCount()):
            self.setColumnWidth(column, min(self.columnWidth(column) + 6, _WIDEST))
        self.setUpdatesEnabled(True)
        self.setVisible(bool(rows))
        self.setFixedHeight(min(self.sizeHint().height(), _HIGHEST))

    def texts(self) -> list[list[str]]:
        """Return what is shown, by row and column."""
        return [
            [
                item.text() if (item := self.item(row, column)) else ""
                for column in range(self.columnCount())
            ]
            for row in range(self.rowCount())
        ]

    def sizeHint(self) -> QSize:
        """Return the size of all rows."""
        high = self.horizontalHeader().sizeHint().height() + 4
        high += sum(self.rowHeight(row) for row in range(self.rowCount()))
        wide = sum(self.columnWidth(column) for column in range(self.columnCount()))
        if wide > self.width():
            high += self.horizontalScrollBar().sizeHint().height()
        return QSize(wide, high)

    def _activate(self, item: QTableWidgetItem | None) -> None:
        if item is not None and (feature := item.data(Qt.ItemDataRole.UserRole)) >= 0:
            self.feature_activated.emit(feature)
