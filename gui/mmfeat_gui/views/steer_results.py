"""What a query retrieves before and after a change, in two columns."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from mmfeat.corpus.languages import language_name
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.steering import SEEN, Ranked, Retrieval
from mmfeat_gui.views import theme
from mmfeat_gui.views.captions import alignment
from mmfeat_gui.views.fonts import font_for
from mmfeat_gui.views.steer_controls import ControlsStrip, sentence

_SIDE = 40  # pixels of a picture that is retrieved
_PICTURES = "pictures"


def moved_text(row: Ranked) -> str:
    """Return by how many ranks a result has moved, with an arrow."""
    if row.moved is None:
        return tr("steer.new", seen=SEEN)
    if row.moved == 0:
        return tr("steer.same")
    key = "steer.up" if row.moved > 0 else "steer.down"
    return tr(key, by=abs(row.moved), rank=row.other)


def left_text(row: Ranked) -> str:
    """Return where a result stands after the change."""
    return tr("steer.beyond", seen=SEEN) if row.other is None else tr("steer.now", rank=row.other)


class RankTable(QTableWidget):
    """Two lists beside each other: what comes before, and what comes after.

    Signals
    -------
    item_wanted(item_id)
        A result was chosen.
    """

    item_wanted = Signal(str)

    def __init__(
        self,
        tag: str,
        found: Retrieval,
        thumbnails: Mapping[str, QImage],
        parent: QWidget | None = None,
    ) -> None:
        rows = max(len(found.before), len(found.after))
        super().__init__(rows, 6, parent)
        self.found, self._tag, self._thumbnails = found, tag, thumbnails
        self.setHorizontalHeaderLabels(
            [
                tr("steer.rank"),
                tr("steer.before"),
                tr("steer.to"),
                tr("steer.rank"),
                tr("steer.after"),
                tr("steer.from"),
            ]
        )
        self.setAccessibleName(tr("steer.table", language=tag))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)
        self.setWordWrap(False)
        self.setIconSize(QSize(_SIDE, _SIDE))
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        for row, one in enumerate(found.before):
            self._fill(row, 0, one, left_text(one))
        for row, one in enumerate(found.after):
            self._fill(row, 3, one, moved_text(one))
        header = self.horizontalHeader()
        for column in (0, 2, 3, 5):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        for column in (1, 4):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        if tag == _PICTURES:
            self.verticalHeader().setDefaultSectionSize(_SIDE + 6)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        height = sum(self.rowHeight(row) for row in range(rows))
        self.setFixedHeight(height + header.sizeHint().height() + 2 * self.frameWidth() + 2)
        self.cellActivated.connect(self._choose)
        self.cellClicked.connect(self._choose)

    def _fill(self, row: int, column: int, one: Ranked, moved: str) -> None:
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        rank = QTableWidgetItem(str(one.rank))
        rank.setTextAlignment(right)
        shown = QTableWidgetItem(one.text or one.item_id)
        if one.text:
            shown.setFont(font_for(self._tag, self.font()))
            shown.setTextAlignment(alignment(self._tag) | Qt.AlignmentFlag.AlignVCenter)
        image = self._thumbnails.get(one.item_id)
        if image is not None:
            shown.setIcon(QIcon(QPixmap.fromImage(image)))
        cosine = tr("steer.cosine", cosine=one.cosine)
        shown.setToolTip(f"{cosine} · {moved}")
        for at, item in enumerate((rank, shown, QTableWidgetItem(moved))):
            self.setItem(row, column + at, item)

    def _choose(self, row: int, column: int) -> None:
        rows = self.found.before if column < 3 else self.found.after
        if row < len(rows):
            self.item_wanted.emit(rows[row].item_id)


class GalleryView(QWidget):
    """The results of a language, or of pictures, with the controls under them.

    Signals
    -------
    item_wanted(item_id)
    """

    item_wanted = Signal(str)

    def __init__(
        self,
        tag: str,
        found: Retrieval,
        thumbnails: Mapping[str, QImage],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        pictures = tag == _PICTURES
        name = tr("steer.pictures") if pictures else f"{language_name(tag)} ({tag})"
        self.heading = theme.heading(name)
        if not pictures:
            self.heading.setFont(font_for(tag, self.heading.font()))
        self.table = RankTable(tag, found, thumbnails)
        self.table.item_wanted.connect(self.item_wanted)
        self.strip = ControlsStrip()
        self.strip.show_controls(found.controls)
        self.words = QLabel(sentence(found.controls))
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.own = theme.Muted()
        if found.own is not None:
            before, after = found.own
            self.own.setText(tr("steer.own", before=before, after=after))
        self.own.setVisible(found.own is not None)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 4)
        for widget in (self.heading, self.table, self.own, self.words, self.strip):
            column.addWidget(widget)
