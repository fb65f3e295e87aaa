"""The panel of the table: filters over rows, linked with the page and with what is brushed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from PySide6.QtCore import QPoint, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QFileDialog, QMenu, QVBoxLayout, QWidget

from mmfeat_gui.models.features import FeatureModel
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.features import FeatureTable, Outside, known
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.names import NameBlock
from mmfeat_gui.state.query import Query
from mmfeat_gui.state.selection import NOTHING, Selection
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views.actions import Action
from mmfeat_gui.views.column_chooser import ColumnChooser
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.filter_bar import FilterBar
from mmfeat_gui.views.filter_range import Counts, counts_of
from mmfeat_gui.views.panel import Area, Panel
from mmfeat_gui.views.table_view import TableView
from mmfeat_gui.workers.table import (
    CaptionHits,
    Cells,
    CopyRows,
    NameRanks,
    RankNames,
    ReadNames,
    ReadScores,
    SearchCaptions,
    WriteRows,
)

if TYPE_CHECKING:
    from mmfeat_gui.views.main_window import MainWindow

_ARRIVING = 400  # ms between two looks at what has come from the file


class TablePanel(Panel):
    """All features as rows.

    A click opens a feature; brushed rows are those brushed on the maps, and the other way round.
    """

    key: ClassVar[str] = "table"
    area: ClassVar[Area] = "table"

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.model = FeatureModel(self)
        self.bar = FilterBar(self)
        self.view = TableView(self.model, self)
        self._table: FeatureTable | None = None
        self._hits = NOTHING
        self._searched: tuple[str, float] = ("", 0.0)
        self._ranking = ""  # the column whose names are being put in order
        self._unnamed = True  # whether names of rows that are seen were still to come
        self._arriving = QTimer(self)
        self._arriving.setSingleShot(True)
        self._arriving.setInterval(_ARRIVING)
        self._arriving.timeout.connect(self._take_arrived)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 8)
        column.setSpacing(6)
        column.addWidget(self.bar)
        column.addWidget(self.view, 1)
        self._connect()

    def _connect(self) -> None:
        bar, view, store = self.bar, self.view, self.context.store
        bar.asked.connect(lambda query, merge: self._ask("undo.filter", query, merge))
        bar.opened_first.connect(self.open_first)
        bar.menu_wanted.connect(self._show_menu)
        bar.counts_wanted.connect(self._show_counts)
        bar.tags_in_use = lambda: self.context.notes.tags()
        view.opened.connect(self._open_row)
        view.brushed.connect(self._brush)
        view.sort_wanted.connect(self._sort)
        view.columns_moved.connect(
            lambda keys: self._ask("undo.columns", replace(self._query, columns=keys))
        )
        view.copy_wanted.connect(self.copy)
        view.menu_wanted.connect(self._show_menu)
        store.changed.connect(self._follow)
        self.context.notes_changed.connect(self._notes_changed)
        self.context.summary_changed.connect(self._show_summary)
        if self.context.summary is not None:
            self._show_summary(self.context.summary)

    def first_focus(self) -> QWidget:
        """Return the rows."""
        return self.view

    @property
    def _query(self) -> Query:
        return self.context.store.state.query

    def _ask(self, label: str, query: Query, merge: str = "") -> None:
        self.context.store.change(label, merge=merge, query=query)

    # Another atlas --------------------------------------------------------------------

    def _show_summary(self, summary: Summary) -> None:
        reader, table = self.context.reader, summary.table
        self._table = table
        self._hits, self._searched = NOTHING, ("", 0.0)
        self._unnamed, self._ranking = True, ""
        self.bar.show_table(table)
        reader.follow(ReadScores(), self._take_scores, failed=self.context.say)
        reader.follow(ReadNames(), self._take_names, self._take_arrived, self.context.say)
        self._refilter()
        self._reset_model()
        self._show_state()

    def _take_scores(self, scores: dict[str, np.ndarray]) -> None:
        if self._table is not None:
            self._table.put_scores(scores)
            self._look_soon()

    def _take_names(self, found: NameBlock | NameRanks | None) -> None:
        table = self._table
        if table is None or found is None:
            return
        if isinstance(found, NameRanks):
            table.put_ranks(found.key, found.ranks)
        else:
            table.put_names(found)
        self._look_soon()

    def _look_soon(self) -> None:
        if not self._arriving.isActive():
            self._arriving.start()

    def _take_arrived(self) -> None:
        """Show what has come from the file since the last look."""
        if self._table is None:
            return
        query = self._query
        if len(self.model.columns) < len(known(query, self._table).columns):
            self._reset_model()
        if query.limits or query.choices:
            self.bar.show_query(query)
        if query.filters or query.order:
            self._refilter()
        # Rows that are seen have names sooner or later; until then they are drawn again.
        if self._unnamed:
            self.model.refresh()
        self._unnamed = not all(map(self._table.has_names, self.view.seen()))
        self._table.arrived.emit()

    # The state ------------------------------------------------------------------------

    @property
    def _shown(self) -> bool:
        """Whether the table is that of the open atlas, not of the one before."""
        summary = self.context.summary
        return summary is not None and summary.table is self._table

    def _follow(self, now: ViewState, before: ViewState) -> None:
        if not self._shown:
            return
        query = now.query
        brushed = now.features != before.features
        if query != before.query:
            self.bar.show_query(query)
            self._search_captions(query)
            self._refilter()
            if (query.columns, query.order) != (before.query.columns, before.query.order):
                self._reset_model()
        elif brushed and query.selected:
            self._refilter()
        if brushed:
            self._show_brushed()
        if now.place != before.place:
            self._show_place()

    def _show_state(self) -> None:
        self.bar.show_query(self._query)
        self._search_captions(self._query)
        self._show_brushed()
        self._show_place()

    def _outside(self) -> Outside:
        notes = self.context.notes
        return Outside(
            selected=self.context.store.state.features,
            in_captions=self._hits,
            starred=notes.starred(),
            tags=tuple(notes.tags()),
            tagged=notes.tagged,
        )

    def _refilter(self) -> None:
        """Let other rows pass, if they are others, and draw what depends on it."""
        table = self._table
        if table is None:
            return
        before, query = table.rows, known(self._query, table)
        self._rank_names(table, query)
        table.apply(query, self._outside())
        if table.rows is not before:
            self._reset_model()
        self._show_counts()

    def _rank_names(self, table: FeatureTable, query: Query) -> None:
        """Ask in which order the names of a language are, if they are sorted by."""
        for own in query.order:
            column = table.describe(own.column)
            if column is None or column.kind != "name" or not table.named:
                continue
            if not table.ranked(own.column) and own.column != self._ranking:
                self._ranking = own.column
                self.context.reader.follow(
                    RankNames(table, column.language), self._take_names, failed=self.context.say
                )

    def _reset_model(self) -> None:
        """Show rows and columns anew; the row of the page stays in view."""
        query = self._query
        self.model.show_table(self._table, query.columns, query.order)
        self.model.show_notes(self._outside(), lambda feature: self.context.notes.of(feature).tags)
        self.view.go_to(self.model.current)

    def _show_counts(self) -> None:
        table = self._table
        if table is None:
            return
        total, shown = len(table), len(table.rows)
        brushed = self.context.store.state.features
        text = tr("filter.count", shown=shown, total=total)
        if len(brushed):
            text += " · " + tr("filter.count_brushed", count=len(brushed))
        searched, share = self._searched
        if searched and share < 1:
            text += " · " + tr("filter.searching", share=share)
        self.bar.show_count(text)
        self.bar.show_counts(self.counts)

    def counts(self, key: str) -> Counts:
        """Return how many features each bar of a column holds."""
        assert self._table is not None
        return counts_of(self._table, key, self.context.store.state.features)

    def _show_brushed(self) -> None:
        brushed = self.context.store.state.features
        self.view.brush.show(brushed)
        if self._table is not None:
            self.model.show_brushed(brushed.mask(len(self._table)))
        self._show_counts()

    def _show_place(self) -> None:
        place = self.context.store.state.place
        feature = place.index if place is not None and place.kind == "feature" else -1
        if feature != self.model.current:
            self.model.show_current(feature)
            self.view.go_to(feature)

    def _notes_changed(self) -> None:
        if not self._shown:
            return
        self.model.show_notes(self._outside(), lambda feature: self.context.notes.of(feature).tags)
        self._refilter()

    # What the user does ---------------------------------------------------------------

    def _open_row(self, row: int) -> None:
        feature = self.model.feature(row)
        self.model.show_current(feature)
        self.context.go(Place("feature", feature))

    def open_first(self) -> None:
        """Open the first feature shown."""
        if self.model.rowCount():
            self._open_row(0)
            self.view.setFocus()

    def _brush(self, selection: Selection) -> None:
        label = "undo.select_features"
        self.context.store.change(label, merge=label, features=selection)

    def brush_shown(self) -> None:
        """Brush all features that pass the filters."""
        self.view.selectAll()

    def _sort(self, key: str, also: bool) -> None:
        column = None if self._table is None else self._table.describe(key)
        if column is not None:
            query = self._query.sorted_by(key, column.descending_first, also=also)
            self._ask("undo.sort", query)

    def choose_columns(self) -> None:
        """Let the user choose and order columns."""
        if self._table is None:
            return
        dialog = ColumnChooser(self._table, self._query.columns, self)
        dialog.finished.connect(lambda result: self._columns_chosen(dialog, result))
        dialog.open()

    def _columns_chosen(self, dialog: ColumnChooser, result: int) -> None:
        keys = dialog.columns()
        if result == QDialog.DialogCode.Accepted and keys:
            self._ask("undo.columns", replace(self._query, columns=keys))
        dialog.deleteLater()

    def focus_search(self) -> None:
        """Put the keyboard into the search."""
        self.bar.search.setFocus()
        self.bar.search.selectAll()

    def clear_filters(self) -> None:
        """Show all features again."""
        self.bar.clear_all()

    def _show_menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        for key, run in (
            ("copy_rows", self.copy),
            ("export_rows", self.choose_file),
            ("brush_shown", self.brush_shown),
            ("choose_columns", self.choose_columns),
        ):
            menu.addAction(tr(f"action.{key}")).triggered.connect(run)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)

    # Captions -------------------------------------------------------------------------

    def _search_captions(self, query: Query) -> None:
        """Search the captions for another text, if they are to be searched."""
        text = query.text.strip() if query.in_captions else ""
        number = text.startswith("#") and text[1:].isdecimal()
        text = "" if number else text
        if text == self._searched[0] or self._table is None:
            return
        self._hits, self._searched = NOTHING, (text, 0.0)
        self.context.reader.forget(SearchCaptions.channel)
        if text:
            self.context.reader.follow(
                SearchCaptions(text), self._take_hits, self._end_search, self._fail_search
            )

    def _take_hits(self, found: CaptionHits | None) -> None:
        if found is None:
            return
        self._searched = (self._searched[0], found.share)
        hits = Selection.of_mask(found.features)
        if hits != self._hits:
            self._hits = hits
            self._refilter()
        self._show_counts()

    def _end_search(self) -> None:
        self._searched = (self._searched[0], 1.0)
        self._show_counts()

    def _fail_search(self, sentence: str) -> None:
        self._end_search()
        self.context.say(sentence)

    # Copies and files -----------------------------------------------------------------

    def _cells(self) -> Cells | None:
        """Return the brushed rows that are shown, else the row of the page, else all shown."""
        table, notes = self._table, self.context.notes
        if table is None or not table.named:
            if table is not None:
                self.context.say(tr("table.names_still"))
            return None
        brushed = self.context.store.state.features.mask(len(table))
        rows = table.rows[brushed[table.rows]]
        columns = tuple(column.key for column in self.model.columns)
        columns = ("feature", *(key for key in columns if key != "feature"))
        tags = {feature: ", ".join(note.tags) for feature, note in notes.all().items()}
        starred = frozenset(notes.starred().indices.tolist())
        return Cells(table, rows, columns, tags, starred)

    def copy(self) -> None:
        """Copy the brushed rows, or that of the page, with tabs between cells."""
        cells = self._cells()
        if cells is None:
            return
        if not len(cells.rows):
            row = self.view.currentIndex().row()
            own = [self.model.feature(row)] if row >= 0 else []
            cells = replace(cells, rows=np.array(own, np.int64))
        count = len(cells.rows)

        def done(text: str | None) -> None:
            QGuiApplication.clipboard().setText(text or "")
            self.context.say(tr("table.copied", count=count))

        if count:
            self.context.reader.follow(CopyRows(cells), done, failed=self.context.say)

    def choose_file(self) -> None:
        """Ask where the brushed rows, or all that are shown, go."""
        summary = self.context.summary
        if summary is None or (cells := self._cells()) is None:
            return
        name = str(summary.path.with_name(f"{summary.path.stem}-features.csv"))
        dialog = QFileDialog(self, tr("table.export_title"), name, f"{tr('table.csv')} (*.csv)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("csv")
        dialog.fileSelected.connect(lambda chosen: self.write(Path(chosen), cells))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def write(self, path: Path, cells: Cells | None = None) -> None:
        """Write the brushed rows, or all that are shown, to a CSV file."""
        cells = cells or self._cells()
        if cells is None:
            return
        if not len(cells.rows):
            cells = replace(cells, rows=cells.table.rows)
        count = len(cells.rows)

        def done(written: Path | None) -> None:
            self.context.say(tr("table.written", count=count, file=written))

        self.context.reader.follow(WriteRows(cells, path), done, failed=self.context.say)


def _panel(window: MainWindow) -> TablePanel:
    panel = window.panel(TablePanel)
    assert isinstance(panel, TablePanel)
    return panel


def _find(window: MainWindow) -> None:
    window.bring(TablePanel.key)
    _panel(window).focus_search()


ACTIONS = (
    Action("find", "edit", _find, ("Ctrl+F",)),
    Action("clear_filters", "edit", lambda window: _panel(window).clear_filters()),
    Action("copy_rows", "edit", lambda window: _panel(window).copy()),
    Action("export_rows", "file", lambda window: _panel(window).choose_file()),
    Action("brush_shown", "select", lambda window: _panel(window).brush_shown()),
    Action("choose_columns", "view", lambda window: _panel(window).choose_columns()),
)
