"""Beside the map of items: what its colours mean, and the features that tell brushed items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from mmfeat.figures.palettes import MISSING, SERIES, sequential
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.brushing import Contrast
from mmfeat_gui.state.features import FeatureTable
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.views import theme
from mmfeat_gui.views.fonts import font_for

BANDS = 4  # even ones of an activation, as on the pages of features
_DOT = 12
_NUMBER = Qt.ItemDataRole.UserRole
_REST = np.array([0x6C, 0x6C, 0x6C], np.uint8)


def category_colours(count: int, palette: QPalette) -> UInt8[np.ndarray, "k 3"]:
    """Return colours for some categories, and one for all others behind them.

    More than there are in the series come again, paler; on a dark ground all are lighter.
    """
    strong = SERIES.astype(np.float64)
    pale = strong + (255 - strong) * 0.55
    found = np.concatenate([strong, pale])[:count]
    if theme.is_dark(palette):
        found += (255 - found) * 0.3
    return np.concatenate([found, _others(palette)[None]]).round().astype(np.uint8)


def band_colours(palette: QPalette) -> UInt8[np.ndarray, "k 3"]:
    """Return the colours of bands of activation, the highest first, and that of no activation."""
    share = 1 - (np.arange(BANDS) + 0.5) / BANDS
    return np.concatenate([sequential(share), _others(palette)[None]])


def _others(palette: QPalette) -> UInt8[np.ndarray, "3"]:
    return _REST if theme.is_dark(palette) else MISSING


@dataclass(frozen=True)
class Entry:
    """What one colour stands for, and how many items have it."""

    name: str
    count: int


class SamplesLegend(QListWidget):
    """The colours of the map in words.

    Signals
    -------
    chosen(code)
        An entry was clicked, or chosen by key.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("samples.legend"))
        self.setToolTip(tr("samples.legend"))
        self.setIconSize(QSize(_DOT, _DOT))
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUniformItemSizes(True)
        self.itemClicked.connect(self._choose)
        self.itemActivated.connect(self._choose)
        self.entries: tuple[Entry, ...] = ()

    def show_entries(self, entries: Sequence[Entry], colours: UInt8[np.ndarray, "k 3"]) -> None:
        """Show what each colour stands for; those of no item are left out."""
        self.entries = tuple(entries)
        self.clear()
        for code, entry in enumerate(entries):
            if entry.count == 0:
                continue
            text = f"{entry.name}  {entry.count:,}"
            item = QListWidgetItem(_dot(QColor(*colours[code].tolist()), self.palette()), text)
            item.setData(_NUMBER, code)
            spoken = tr("samples.entry", name=entry.name, count=entry.count)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, spoken)
            self.addItem(item)

    def sizeHint(self) -> QSize:
        """Return a size that holds a few entries."""
        return QSize(180, 150)

    def _choose(self, item: QListWidgetItem) -> None:
        self.chosen.emit(int(item.data(_NUMBER)))


def _dot(colour: QColor, palette: QPalette) -> QIcon:
    pixels = QPixmap(2 * _DOT, 2 * _DOT)
    pixels.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixels)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(theme.muted(palette))
    painter.setBrush(colour)
    painter.drawEllipse(1, 1, 2 * _DOT - 3, 2 * _DOT - 3)
    painter.end()
    return QIcon(pixels)


class DistinctFeatures(QWidget):
    """The features that fire on brushed items more than on the rest, and how to brush them.

    Signals
    -------
    opened(feature)
        The page of one is wanted.
    brushed(Selection)
        Those chosen in the list, or all of it, are to be brushed.
    """

    opened = Signal(int)
    brushed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.contrast: Contrast | None = None
        self.heading = theme.Muted(parent=self)
        self.list = QListWidget(self)
        self.list.setAccessibleName(tr("samples.distinct"))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setUniformItemSizes(True)
        self.list.itemActivated.connect(self._open)
        self.button = QPushButton(tr("samples.brush_features"), self)
        self.button.clicked.connect(self._brush)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.heading)
        column.addWidget(self.list, 1)
        column.addWidget(self.button)
        self.hide()

    def show_contrast(self, contrast: Contrast | None, table: FeatureTable) -> None:
        """Show what tells brushed items from the others; None for nothing brushed."""
        self.contrast = contrast
        self.setVisible(contrast is not None)
        self.list.clear()
        if contrast is None:
            return
        for one in contrast.features:
            title = table.title(one.feature)
            shares = {"inside": one.inside, "outside": one.outside}
            item = QListWidgetItem(tr("samples.distinct_line", title=title, **shares))
            spoken = tr("samples.distinct_spoken", title=title, **shares)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, spoken)
            item.setFont(QFont(font_for(table.title_language(one.feature), self.list.font())))
            item.setData(_NUMBER, one.feature)
            self.list.addItem(item)
        some = bool(contrast.features)
        lines = [tr("samples.distinct" if some else "samples.no_distinct")]
        if contrast.inside < contrast.brushed or contrast.outside < contrast.others:
            lines.append(tr("samples.sampled", inside=contrast.inside, outside=contrast.outside))
        self.heading.setText(" ".join(lines))
        self.list.setVisible(some)
        self.button.setVisible(some)

    def _open(self, item: QListWidgetItem) -> None:
        self.opened.emit(int(item.data(_NUMBER)))

    def _brush(self) -> None:
        chosen = self.list.selectedItems()
        chosen = chosen or [self.list.item(row) for row in range(self.list.count())]
        self.brushed.emit(Selection.of([int(item.data(_NUMBER)) for item in chosen]))
