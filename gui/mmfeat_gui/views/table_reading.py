"""What of a table comes from the file after it is shown: names, scores, and what captions hold."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from mmfeat_gui.state.features import FeatureTable
from mmfeat_gui.state.names import NameBlock
from mmfeat_gui.state.query import Query
from mmfeat_gui.state.selection import NOTHING, Selection
from mmfeat_gui.views.context import Context
from mmfeat_gui.workers.reader import Slices
from mmfeat_gui.workers.table import (
    CaptionHits,
    NameRanks,
    RankNames,
    ReadNames,
    ReadScores,
    SearchCaptions,
)

_ARRIVING = 400  # ms between two times that something is told to have come


class TableReading(QObject):
    """Reads names and scores into a table, and searches captions for what a query asks.

    Parameters
    ----------
    context : Context
    parent : QObject

    Attributes
    ----------
    hits : Selection
        Features with a top caption that holds the text of the query, as far as is known.
    share : float or None
        Of the captions that were searched; None where none are being searched.

    Signals
    -------
    arrived()
        Names or scores have come; told a few times a second.
    searched()
        `hits` or `share` are others.
    """

    arrived = Signal()
    searched = Signal()

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._table: FeatureTable | None = None
        self.hits = NOTHING
        self.share: float | None = None
        self._text = ""
        self._ranking = ""  # the column whose names are being put in order
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_ARRIVING)
        self._timer.timeout.connect(self.arrived)

    def read(self, table: FeatureTable) -> None:
        """Begin to read what the table of the open atlas lacks."""
        self._table = table
        self.hits, self.share, self._text, self._ranking = NOTHING, None, "", ""
        context = self._context
        context.reader.follow(ReadScores(), self._take_scores, failed=context.say)
        names: Slices[NameBlock | NameRanks] = ReadNames()
        context.reader.follow(names, self._take_names, self.arrived.emit, context.say)

    def _take_scores(self, scores: dict[str, np.ndarray]) -> None:
        if self._table is not None:
            self._table.put_scores(scores)
            self._tell_soon()

    def _take_names(self, found: NameBlock | NameRanks | None) -> None:
        if self._table is None or found is None:
            return
        if isinstance(found, NameRanks):
            self._table.put_ranks(found.key, found.ranks)
        else:
            self._table.put_names(found)
        self._tell_soon()

    def _tell_soon(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def follow(self, query: Query) -> None:
        """Read what a query needs: the order of names, and which captions hold its text."""
        if self._table is not None:
            self._rank_names(self._table, query)
            self._search(query)

    def _rank_names(self, table: FeatureTable, query: Query) -> None:
        for own in query.order:
            column = table.describe(own.column)
            if column is None or column.kind != "name" or not table.named:
                continue
            if not table.ranked(own.column) and own.column != self._ranking:
                self._ranking = own.column
                request = RankNames(table, column.language)
                self._context.reader.follow(request, self._take_names, failed=self._context.say)

    def _search(self, query: Query) -> None:
        text = query.text.strip() if query.in_captions else ""
        if text.startswith("#") and text[1:].isdecimal():
            text = ""
        if text == self._text:
            return
        self._text, self.hits, self.share = text, NOTHING, 0.0 if text else None
        reader = self._context.reader
        reader.forget(SearchCaptions.channel)
        if text:
            reader.follow(SearchCaptions(text), self._take_hits, self._end_search, self._fail)

    def _take_hits(self, found: CaptionHits | None) -> None:
        if found is not None:
            self.hits, self.share = Selection.of_mask(found.features), found.share
            self.searched.emit()

    def _end_search(self) -> None:
        self.share = None
        self.searched.emit()

    def _fail(self, sentence: str) -> None:
        self._end_search()
        self._context.say(sentence)
