"""The table's cells on the screen: rows to open, rows to brush, heads to sort by."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QFont, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from mmfeat_gui.models.features import FeatureModel
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.columns import Column
from mmfeat_gui.state.selection import NOTHING, Selection
from mmfeat_gui.views import theme
from mmfeat_gui.views.fonts import font_for

_Index = QModelIndex | QPersistentModelIndex
_Flag = QItemSelectionModel.SelectionFlag
_WIDTHS = {"title": 160, "name": 120, "tags": 90, "star": 34, "flag": 48, "share": 58}
_WIDTH = 52
_BAR = 3  # pixels wide: the mark of the row whose page is shown


class Brush(QItemSelectionModel):
    """Turns what the mouse and the keyboard select into features, and keeps no ranges itself.

    Thousands of scattered rows, as a lasso on the map leaves them, are a mask here; as ranges of
    Qt they would make each repaint slow.

    Signals
    -------
    opened(row)
        A row alone was clicked or walked to.
    brushed(Selection)
        Other features are selected than before.
    """

    opened = Signal(int)
    brushed = Signal(object)

    def __init__(self, model: FeatureModel) -> None:
        super().__init__(model)
        self._features = model
        self.now, self._base = NOTHING, NOTHING
        self._removing = False  # whether dragging with Ctrl began at a row that was selected

    def show(self, selection: Selection) -> None:
        """Take a selection that was made elsewhere."""
        if selection != self.now:
            self.now = self._base = selection

    def select(
        self, chosen: QItemSelection | _Index, command: QItemSelectionModel.SelectionFlag
    ) -> None:
        """Do what the view asks: walk to a row, or select, toggle or deselect some."""
        if not isinstance(chosen, QItemSelection):
            chosen = QItemSelection(chosen, chosen)
        ranges = [chosen.at(place) for place in range(chosen.count())]
        parts = sorted({(part.top(), part.bottom()) for part in ranges})
        if not command & (_Flag.Select | _Flag.Deselect | _Flag.Toggle) or not parts:
            return
        if not command & _Flag.Current:
            self._base = self.now
        one = len(parts) == 1 and parts[0][0] == parts[0][1]
        if one and command & _Flag.Clear and not command & _Flag.Current:
            self.opened.emit(parts[0][0])
            return
        size = len(self._features.brushed)
        start = (NOTHING if command & _Flag.Clear else self._base).mask(size)
        found = np.zeros(size, bool)
        for top, end in parts:
            found[self._features.rows[top : end + 1]] = True
        ctrl = QApplication.keyboardModifiers() & Qt.KeyboardModifier.ControlModifier
        if command & _Flag.Current:
            self._removing = self._removing and bool(ctrl)
        else:
            # With Ctrl the view always says select: it does not know what is selected here.
            self._removing = not (found & ~start).any() and not command & _Flag.Clear
        now = Selection.of_mask(start & ~found if self._removing else start | found)
        self.now = now
        if not command & _Flag.Current:
            self._base = now
        self.brushed.emit(now)


class _Cells(QStyledItemDelegate):
    """Draws names with the letters of their language, and marks rows."""

    def __init__(self, model: FeatureModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._features = model

    def initStyleOption(self, option: QStyleOptionViewItem, index: _Index) -> None:
        """Set text, font and state of a cell; asking the model for each role is slower by half."""
        brushed, current, language = self._features.marks(index)
        option.text = self._features.text(index)
        option.displayAlignment = self._features.alignment(index)
        option.features |= QStyleOptionViewItem.ViewItemFeature.HasDisplay
        option.state &= ~QStyle.StateFlag.State_Selected
        if brushed:
            option.state |= QStyle.StateFlag.State_Selected
        if language or current:
            font = QFont(font_for(language, option.font))
            font.setBold(current)
            option.font = font

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draw a cell, with a bar before the row whose page is shown."""
        super().paint(painter, option, index)
        if index.column() == 0 and self._features.feature(index.row()) == self._features.current:
            bar = option.rect.adjusted(0, 1, 0, -1)
            bar.setWidth(_BAR)
            painter.fillRect(bar, theme.image_bar(option.palette))


class TableView(QTableView):
    """The table of features.

    A click opens a row; with Ctrl or Shift, or dragging, rows are brushed.

    Signals
    -------
    opened(row), brushed(Selection)
        As `Brush`.
    sort_wanted(column, also)
        A head was clicked; with Shift, to sort by it after others.
    columns_moved(columns)
        Heads were dragged: their keys in the new order.
    copy_wanted()
    menu_wanted(QPoint)
        At a place of the screen.
    """

    opened = Signal(int)
    brushed = Signal(object)
    sort_wanted = Signal(str, bool)
    columns_moved = Signal(tuple)
    copy_wanted = Signal()
    menu_wanted = Signal(object)

    def __init__(self, model: FeatureModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.features = model
        self._widths: dict[str, int] = {}
        self._arranging = False
        self._column = ""  # the one in which the keyboard was last
        self.setModel(model)
        self.brush = Brush(model)
        self.setSelectionModel(self.brush)
        self.setItemDelegate(_Cells(model, self))
        self.setAccessibleName(tr("table.accessible"))
        self.setAccessibleDescription(tr("table.accessible_keys"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setSortingEnabled(False)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(rows.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self.fontMetrics().height() + 8)
        heads = self.horizontalHeader()
        heads.setAccessibleName(tr("table.heads"))
        heads.setHighlightSections(False)
        heads.setSectionsClickable(True)
        heads.setSectionsMovable(True)
        heads.setFont(theme.sized(heads.font(), 0.9))
        heads.setMinimumSectionSize(28)
        heads.sectionClicked.connect(self._head_clicked)
        heads.sectionMoved.connect(self._head_moved)
        heads.sectionResized.connect(self._head_resized)
        self.brush.opened.connect(self.opened)
        self.brush.brushed.connect(self.brushed)
        model.modelReset.connect(self._set_widths)

    def go_to(self, feature: int) -> None:
        """Bring the row of a feature into view and the keyboard to it, without opening it."""
        row = self.features.row_of(feature)
        if row < 0:
            return
        keys = [column.key for column in self.features.columns]
        column = keys.index(self._column) if self._column in keys else 0
        index = self.features.index(row, column)
        self.brush.setCurrentIndex(index, _Flag.NoUpdate)
        self.scrollTo(index, QAbstractItemView.ScrollHint.EnsureVisible)

    def currentChanged(self, current: _Index, previous: _Index) -> None:
        """Remember the column, also for rows that will be others."""
        super().currentChanged(current, previous)
        if current.isValid():
            self._column = self.features.columns[current.column()].key

    def current_column(self) -> Column | None:
        """Return the column in which the keyboard is."""
        at = self.currentIndex().column()
        return self.features.columns[at] if 0 <= at < len(self.features.columns) else None

    def seen(self) -> list[int]:
        """Return the features of the rows that are on the screen."""
        last = self.rowAt(self.viewport().height() - 1)
        rows = self.features.rows
        found: list[int] = rows[max(self.rowAt(0), 0) : last + 1 if last >= 0 else None].tolist()
        return found

    def selectAll(self) -> None:
        """Brush all rows that are shown."""
        if len(self.features.rows):
            mask = self.brush.now.mask(len(self.features.brushed))
            mask[self.features.rows] = True
            self.brush.show(Selection.of_mask(mask))
            self.brush.brushed.emit(self.brush.now)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy, open and brush by keys; the rest walks."""
        current = self.currentIndex()
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_wanted.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and current.isValid():
            self.opened.emit(current.row())
        elif event.key() == Qt.Key.Key_Space and current.isValid():
            self.brush.select(current, _Flag.Toggle | _Flag.Rows)
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of the table."""
        self.menu_wanted.emit(event.globalPos())

    def changeEvent(self, event: QEvent) -> None:
        """Keep rows as high as their text."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)

    def _head_clicked(self, section: int) -> None:
        shift = Qt.KeyboardModifier.ShiftModifier
        also = bool(QApplication.keyboardModifiers() & shift)
        self.sort_wanted.emit(self.features.columns[section].key, also)

    def _head_moved(self, section: int, before: int, now: int) -> None:
        """Ask for another order of columns, which the model then has; put the head back."""
        if self._arranging:
            return
        heads = self.horizontalHeader()
        keys = [
            self.features.columns[heads.logicalIndex(place)].key for place in range(heads.count())
        ]
        self._arranging = True
        heads.moveSection(now, before)
        self._arranging = False
        self.columns_moved.emit(tuple(keys))

    def _head_resized(self, section: int, before: int, now: int) -> None:
        if not self._arranging and 0 <= section < len(self.features.columns):
            self._widths[self.features.columns[section].key] = now

    def _set_widths(self) -> None:
        """Give each column the width it had, or one that fits what it holds."""
        self._arranging = True
        heads = self.horizontalHeader().fontMetrics()
        for place, column in enumerate(self.features.columns):
            head = heads.horizontalAdvance(column.label) + 22
            least = max(_WIDTHS.get(column.kind, _WIDTH), min(head, 120))
            self.setColumnWidth(place, self._widths.get(column.key, least))
        self._arranging = False
