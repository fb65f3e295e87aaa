"""One filter a row: a range of a column under its histogram, or some of its categories."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.bars import Bars
from mmfeat_gui.state.columns import Column
from mmfeat_gui.state.query import Choice, Limit
from mmfeat_gui.views import theme
from mmfeat_gui.views.filter_range import Counts, RangeHistogram
from mmfeat_gui.views.flow import FlowLayout

_ENDS = 64  # pixels wide: the fields of a range


def _title(column: Column, parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(column.label)
    label.setToolTip(column.tip)
    return label


def _close(column: Column, parent: QWidget) -> QToolButton:
    button = QToolButton(parent)
    button.setText("✕")
    button.setAutoRaise(True)
    button.setToolTip(tr("filter.remove"))
    button.setAccessibleName(tr("filter.remove_accessible", column=column.label))
    return button


class RangeRow(QWidget):
    """A range of a column: its histogram with two handles, and both ends to type.

    Signals
    -------
    changed(Limit)
    removed(key)
    """

    changed = Signal(object)
    removed = Signal(str)

    def __init__(
        self, column: Column, parent: QWidget | None = None, *, removable: bool = True
    ) -> None:
        super().__init__(parent)
        self.column = column
        self.title = _title(column, self)
        self.histogram = RangeHistogram(column, self)
        self.fields = (QLineEdit(self), QLineEdit(self))
        for field, end in zip(self.fields, ("low", "high"), strict=True):
            field.setAccessibleName(tr(f"filter.{end}_accessible", column=column.label))
            field.setToolTip(tr(f"filter.{end}_tip"))
            field.setMaximumWidth(_ENDS)
            field.setFont(theme.sized(field.font(), 0.9))
            field.editingFinished.connect(self._typed)
        self.close_button = _close(column, self)
        self.close_button.setVisible(removable)
        self.close_button.clicked.connect(lambda: self.removed.emit(column.key))
        self.histogram.moved.connect(self._moved)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.fields[0])
        head.addWidget(QLabel("–", self))
        head.addWidget(self.fields[1])
        head.addWidget(self.close_button)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        grid.addLayout(head, 0, 0)
        grid.addWidget(self.histogram, 1, 0)

    def show_bars(self, bars: Bars, counts: Counts) -> None:
        """Show the histogram."""
        self.histogram.show_bars(bars, counts)
        self._write()

    def show_limit(self, limit: Limit) -> None:
        """Show a range that was chosen elsewhere."""
        self.histogram.show_range(limit.low, limit.high)
        self._write()

    def _write(self) -> None:
        for field, value, text in zip(
            self.fields,
            (self.histogram.low, self.histogram.high),
            self.histogram.texts(),
            strict=True,
        ):
            if not field.hasFocus() or not field.isModified():
                field.setText(f"{value:g}" if math.isfinite(value) else "")
                field.setPlaceholderText(text)

    def _moved(self, low: float, high: float) -> None:
        self._write()
        self.changed.emit(Limit(self.column.key, low, high))

    def _typed(self) -> None:
        """Take the ends as they stand in the fields; what is no number is no end."""
        if not any(field.isModified() for field in self.fields):
            return
        ends = []
        for field, none in zip(self.fields, (-math.inf, math.inf), strict=True):
            field.setModified(False)
            try:
                value = float(field.text().strip().replace(",", "."))
            except ValueError:
                value = none
            ends.append(none if math.isnan(value) else value)
        low, high = min(ends), max(ends)
        self.histogram.show_range(low, high)
        self._write()
        self.changed.emit(Limit(self.column.key, low, high))


class ChoiceRow(QWidget):
    """Values of a column of flags or categories, each to be ticked.

    Signals
    -------
    changed(Choice)
    removed(key)
    """

    changed = Signal(object)
    removed = Signal(str)

    def __init__(self, column: Column, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.column = column
        self.title = _title(column, self)
        self.boxes: dict[int, QCheckBox] = {}
        values = QWidget(self)
        values.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        flow = FlowLayout(values)
        flow.setContentsMargins(0, 0, 0, 0)
        for value, text in column.values():
            box = QCheckBox(text, values)
            box.setAccessibleName(f"{column.label}: {text}")
            box.toggled.connect(self._tell)
            flow.addWidget(box)
            self.boxes[value] = box
        self.close_button = _close(column, self)
        self.close_button.clicked.connect(lambda: self.removed.emit(column.key))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self.title.setMinimumWidth(QFontMetrics(self.font()).averageCharWidth() * 14)
        row.addWidget(self.title)
        row.addWidget(values, 1)
        row.addWidget(self.close_button)

    def show_choice(self, choice: Choice) -> None:
        """Tick the values that are shown."""
        for value, box in self.boxes.items():
            box.blockSignals(True)
            box.setChecked(value in choice.values)
            box.blockSignals(False)

    def _tell(self) -> None:
        values = tuple(value for value, box in self.boxes.items() if box.isChecked())
        self.changed.emit(Choice(self.column.key, values))
