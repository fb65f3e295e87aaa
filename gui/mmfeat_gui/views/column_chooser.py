"""The dialog in which columns are chosen and put in order."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.features import FeatureTable
from mmfeat_gui.state.names import fold
from mmfeat_gui.state.query import COLUMNS

_KEY = Qt.ItemDataRole.UserRole


class ColumnChooser(QDialog):
    """All columns, the shown ones first and ticked; rows are moved by dragging or Alt+Up, Alt+Down.

    Parameters
    ----------
    table : FeatureTable
    shown : sequence of str
        The columns shown now, in order.
    """

    def __init__(
        self, table: FeatureTable, shown: Sequence[str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._table = table
        self.setWindowTitle(tr("columns.title"))
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(tr("columns.search"))
        self.search.setAccessibleName(tr("columns.search"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.list = QListWidget(self)
        self.list.setAccessibleName(tr("columns.accessible"))
        self.list.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.list.setUniformItemSizes(True)
        self.list.installEventFilter(self)
        self.up = QPushButton(tr("columns.up"), self)
        self.down = QPushButton(tr("columns.down"), self)
        self.up.clicked.connect(lambda: self.move_row(-1))
        self.down.clicked.connect(lambda: self.move_row(1))
        buttons = QDialogButtonBox(self)
        buttons.addButton(tr("columns.ok"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(tr("columns.cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        usual = buttons.addButton(tr("columns.usual"), QDialogButtonBox.ButtonRole.ResetRole)
        usual.clicked.connect(lambda: self._fill(COLUMNS))
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        row.addWidget(self.search, 1)
        row.addWidget(self.up)
        row.addWidget(self.down)
        column = QVBoxLayout(self)
        column.addLayout(row)
        column.addWidget(self.list, 1)
        column.addWidget(buttons)
        self.resize(420, 520)
        self._fill(shown)

    def columns(self) -> tuple[str, ...]:
        """Return the keys of the ticked columns, in their order."""
        items = (self.list.item(row) for row in range(self.list.count()))
        return tuple(
            item.data(_KEY) for item in items if item.checkState() == Qt.CheckState.Checked
        )

    def _fill(self, shown: Sequence[str]) -> None:
        self.list.clear()
        every = self._table.column_keys()
        known = [key for key in shown if key in every]
        for key in [*known, *(key for key in every if key not in known)]:
            column = self._table.describe(key)
            if column is None:
                continue
            item = QListWidgetItem(column.label)
            item.setData(_KEY, key)
            item.setToolTip(column.tip)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            ticked = Qt.CheckState.Checked if key in known else Qt.CheckState.Unchecked
            item.setCheckState(ticked)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self._filter()

    def _filter(self) -> None:
        wanted = fold(self.search.text().strip())
        for row in range(self.list.count()):
            item = self.list.item(row)
            item.setHidden(wanted not in fold(f"{item.text()} {item.data(_KEY)}"))

    def move_row(self, by: int) -> None:
        """Move the current row up (-1) or down (1) past the next one that is seen."""
        row = self.list.currentRow()
        to = row + by
        while 0 <= to < self.list.count() and self.list.item(to).isHidden():
            to += by
        if row >= 0 and 0 <= to < self.list.count():
            self.list.insertItem(to, self.list.takeItem(row))
            self.list.setCurrentRow(to)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Move rows by keys."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
            alt = Qt.KeyboardModifier.AltModifier
            if event.modifiers() & alt and event.key() in steps:
                self.move_row(steps[Qt.Key(event.key())])
                return True
        return super().eventFilter(watched, event)
