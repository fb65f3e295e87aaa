"""The panel of the table: filters over rows, linked with the page and with what is brushed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QDialog, QMenu, QVBoxLayout, QWidget

from mmfeat_gui.models.features import FeatureModel
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.features import FeatureTable, Outside, known
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.query import Query
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views.actions import Action
from mmfeat_gui.views.column_chooser import ColumnChooser
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.filter_bar import FilterBar
from mmfeat_gui.views.filter_range import Counts, counts_of
from mmfeat_gui.views.panel import Area, Panel
from mmfeat_gui.views.table_output import TableOutput
from mmfeat_gui.views.table_reading import TableReading
from mmfeat_gui.views.table_view import TableView

if TYPE_CHECKING:
    from mmfeat_gui.views.main_window import MainWindow


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
        self._unnamed = True  # whether names of rows that are seen were still to come
        self.reading = TableReading(context, self)
        self.output = TableOutput(context, self)
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
        self.reading.arrived.connect(self._take_arrived)
        self.reading.searched.connect(self._refilter)
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
        self._table, self._unnamed = summary.table, True
        self.bar.show_table(summary.table)
        self.reading.read(summary.table)
        self.bar.show_query(self._query)
        self._refilter(anew=True)
        self._show_brushed()
        self._show_place()

    def _take_arrived(self) -> None:
        """Show what has come from the file since the last look."""
        if self._table is None:
            return
        query = self._query
        more = len(self.model.columns) < len(known(query, self._table).columns)
        if query.limits or query.choices:
            self.bar.show_query(query)
        if more or query.filters or query.order:
            self._refilter(anew=more)
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
            heads = (before.query.columns, before.query.order)
            self._refilter(anew=(query.columns, query.order) != heads)
        elif brushed and query.selected:
            self._refilter()
        if brushed:
            self._show_brushed()
        if now.place != before.place:
            self._show_place()

    def _outside(self) -> Outside:
        notes = self.context.notes
        return Outside(
            selected=self.context.store.state.features,
            in_captions=self.reading.hits,
            starred=notes.starred(),
            tags=tuple(notes.tags()),
            tagged=notes.tagged,
        )

    def _refilter(self, *, anew: bool = False) -> None:
        """Let other rows pass, and draw what depends on it; `anew` even if they are the same."""
        table = self._table
        if table is None:
            return
        before, query = table.rows, known(self._query, table)
        self.reading.follow(query)
        table.apply(query, self._outside())
        if anew or table.rows is not before:
            self._reset_model()
        self._show_counts()

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
        if self.reading.share is not None:
            text += " · " + tr("filter.searching", share=self.reading.share)
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

    def sort_current(self, *, also: bool = False) -> None:
        """Sort by the column in which the keyboard is."""
        column = self.view.current_column()
        if column is not None:
            self._sort(column.key, also)

    def filter_current(self) -> None:
        """Add a filter by the column in which the keyboard is."""
        column = self.view.current_column()
        if column is not None and not column.is_text and column.key not in ("feature", "star"):
            self.bar.add_filter(column.key)

    def _show_menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        column = self.view.current_column()
        if column is not None:
            label = column.label.replace("&", "&&")
            menu.addAction(tr("table.sort_by", column=label)).triggered.connect(
                lambda: self.sort_current()
            )
            menu.addAction(tr("table.sort_also_by", column=label)).triggered.connect(
                lambda: self.sort_current(also=True)
            )
            if not column.is_text and column.key not in ("feature", "star"):
                menu.addAction(tr("table.filter_by", column=label)).triggered.connect(
                    self.filter_current
                )
            menu.addSeparator()
        for key, run in (
            ("copy_rows", self.copy),
            ("export_rows", self.choose_file),
            ("brush_shown", self.brush_shown),
            ("choose_columns", self.choose_columns),
        ):
            menu.addAction(tr(f"action.{key}")).triggered.connect(run)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)

    def _columns(self) -> list[str]:
        return [column.key for column in self.model.columns]

    def copy(self) -> None:
        """Copy the brushed rows, else that in which the keyboard is."""
        row = self.view.currentIndex().row()
        self.output.copy(self._columns(), self.model.feature(row) if row >= 0 else -1)

    def choose_file(self) -> None:
        """Ask where the brushed rows, or all that are shown, go."""
        self.output.choose_file(self._columns())


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
    Action("sort_column", "view", lambda window: _panel(window).sort_current()),
    Action("sort_column_too", "view", lambda window: _panel(window).sort_current(also=True)),
    Action("filter_column", "view", lambda window: _panel(window).filter_current()),
    Action("choose_columns", "view", lambda window: _panel(window).choose_columns()),
)
