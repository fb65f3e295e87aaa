"""All filters of the table: search, the common ones, and a row for each that was added."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.columns import Column
from mmfeat_gui.state.features import FeatureTable
from mmfeat_gui.state.query import Choice, Limit, Query
from mmfeat_gui.views import theme
from mmfeat_gui.views.filter_menu import fill_columns
from mmfeat_gui.views.filter_range import Counts
from mmfeat_gui.views.filter_rows import ChoiceRow, RangeRow
from mmfeat_gui.views.flow import FlowLayout

_SHARED = Choice("shared", (1,))
_TALLEST = 132  # pixels of rows; more are scrolled
_TYPING = 120  # ms after a key until the table is searched
Row = RangeRow | ChoiceRow


class FilterBar(QWidget):
    """Shows the filters of a query and says which other query the user asks for.

    Signals
    -------
    asked(Query, merge)
        Consecutive queries of one `merge` are one step to undo.
    opened_first()
        Enter was pressed in the search.
    menu_wanted(QPoint)
        Of what is done with rows and columns, at a place of the screen.
    counts_wanted()
        A histogram was added.
    """

    asked = Signal(object, str)
    opened_first = Signal()
    menu_wanted = Signal(object)
    counts_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.query = Query()
        self.tags_in_use: Callable[[], Sequence[str]] = tuple
        self._table: FeatureTable | None = None
        self._pinned: list[str] = []
        self.rows: dict[str, Row] = {}
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING)
        self._typing.timeout.connect(self._search_now)
        self._make_search()
        self._make_common()
        self._list = QWidget(self)
        self._column = QVBoxLayout(self._list)
        self._column.setContentsMargins(0, 0, 4, 0)
        self.area = QScrollArea(self)
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(self._list)
        self.area.setAccessibleName(tr("filter.rows"))
        self.area.hide()
        first = QHBoxLayout()
        first.addWidget(self.search, 1)
        first.addWidget(self.in_captions)
        first.addWidget(self.count)
        first.addWidget(self.more)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        column.addLayout(first)
        column.addWidget(self._common)
        column.addWidget(self.area)

    def _make_search(self) -> None:
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(tr("filter.search"))
        self.search.setToolTip(tr("filter.search_tip"))
        self.search.setAccessibleName(tr("filter.search"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._typing.start)
        self.search.returnPressed.connect(self._enter)
        self.in_captions = QCheckBox(tr("filter.in_captions"), self)
        self.in_captions.setToolTip(tr("filter.in_captions_tip"))
        self.in_captions.toggled.connect(
            lambda on: self._ask(replace(self._typed(), in_captions=on), "")
        )
        self.count = theme.Muted(parent=self)
        self.count.setWordWrap(False)
        self.more = QToolButton(self)
        self.more.setText("⋮")
        self.more.setAutoRaise(True)
        self.more.setToolTip(tr("filter.more"))
        self.more.setAccessibleName(tr("filter.more"))
        self.more.clicked.connect(
            lambda: self.menu_wanted.emit(self.more.mapToGlobal(self.more.rect().bottomLeft()))
        )

    def _make_common(self) -> None:
        """Make the filters that most people need most of the time."""
        self._common = QWidget(self)
        self._common.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        flow = FlowLayout(self._common)
        flow.setContentsMargins(0, 0, 0, 0)
        flow.setSpacing(7)
        self.shared = QCheckBox(tr("filter.shared_only"), self._common)
        self.shared.setToolTip(tr("table.shared_tip"))
        self.shared.toggled.connect(self._ask_shared)
        spin = QWidget(self._common)
        fields = QHBoxLayout(spin)
        fields.setContentsMargins(0, 0, 0, 0)
        fields.setSpacing(4)
        self.languages = QSpinBox(spin)
        self.languages.setToolTip(tr("table.n_languages_tip"))
        self.languages.setAccessibleName(tr("filter.languages_accessible"))
        self.languages.valueChanged.connect(self._ask_languages)
        before = QLabel(tr("filter.languages_before"), spin)
        before.setBuddy(self.languages)
        after = QLabel(tr("filter.languages_after"), spin)
        for part in (before, self.languages, after):
            fields.addWidget(part)
        self.starred = QCheckBox("★", self._common)
        self.starred.setAccessibleName(tr("filter.starred"))
        self.starred.setToolTip(tr("filter.starred_tip"))
        self.starred.toggled.connect(lambda on: self._ask(replace(self.query, starred=on), ""))
        self.selected = QCheckBox(tr("filter.selected"), self._common)
        self.selected.setToolTip(tr("filter.selected_tip"))
        self.selected.toggled.connect(lambda on: self._ask(replace(self.query, selected=on), ""))
        self.tags = self._menu_button("filter.tags", self._fill_tags)
        self.add = self._menu_button("filter.add", self._fill_columns)
        self.clear = QToolButton(self._common)
        self.clear.setText(tr("filter.clear"))
        self.clear.setToolTip(tr("filter.clear_tip"))
        self.clear.clicked.connect(self.clear_all)
        line = self.tags.sizeHint().height()  # so that texts stand on one line
        for widget in (self.shared, spin, self.starred, self.selected):
            widget.setMinimumHeight(line)
            flow.addWidget(widget)
        for button in (self.tags, self.add, self.clear):
            flow.addWidget(button)

    def _menu_button(self, key: str, fill: Callable[[QMenu], None]) -> QToolButton:
        button = QToolButton(self._common)
        button.setText(tr(key))
        button.setToolTip(tr(f"{key}_tip"))
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        menu.aboutToShow.connect(lambda: fill(menu))
        button.setMenu(menu)
        return button

    # What is shown --------------------------------------------------------------------

    def show_table(self, table: FeatureTable) -> None:
        """Take the columns of another atlas."""
        self._table = table
        self._pinned.clear()
        for key in list(self.rows):
            self._remove(key)
        self.languages.blockSignals(True)
        self.languages.setRange(0, len(table.languages))
        self.languages.blockSignals(False)

    def show_query(self, query: Query) -> None:
        """Show the filters of a query, without asking for it."""
        self.query = query
        # What is being typed is newer than the query it will become part of.
        if not self._typing.isActive() and self.search.text() != query.text:
            self.search.blockSignals(True)
            self.search.setText(query.text)
            self.search.blockSignals(False)
        fires = query.limit("n_languages")
        boxes = {
            self.in_captions: query.in_captions,
            self.shared: query.choice("shared") == _SHARED,
            self.starred: query.starred,
            self.selected: query.selected,
        }
        for box, on in boxes.items():
            box.blockSignals(True)
            box.setChecked(on)
            box.blockSignals(False)
        self.languages.blockSignals(True)
        self.languages.setValue(int(max(fires.low, 0)) if fires is not None else 0)
        self.languages.blockSignals(False)
        self.clear.setVisible(query.filters)
        names = ", ".join(query.tags)
        self.tags.setText(tr("filter.tags_chosen", tags=names) if names else tr("filter.tags"))
        self._show_rows()

    def show_count(self, text: str) -> None:
        """Tell how many features pass."""
        self.count.setText(text)

    def _show_rows(self) -> None:
        """Show a row for each filter that no control above stands for, and for those added."""
        query, table = self.query, self._table
        wanted = list(self._pinned)
        wanted += [own.column for own in query.limits if not _is_least_languages(own)]
        wanted += [own.column for own in query.choices if own != _SHARED]
        for key in set(self.rows) - set(wanted):
            self._remove(key)
        for key in wanted if table is not None else ():
            column = table.describe(key) if table is not None else None
            if column is not None and key not in self.rows:
                self._insert(column)
        for key, row in self.rows.items():
            if isinstance(row, RangeRow):
                row.show_limit(query.limit(key) or Limit(key))
            else:
                row.show_choice(query.choice(key) or Choice(key, ()))
        self.area.setVisible(bool(self.rows))
        height = self._column.sizeHint().height() if self.rows else 0
        self.area.setFixedHeight(min(height + 2, _TALLEST))

    def show_counts(self, counts: Callable[[str], Counts]) -> None:
        """Draw the histograms of the ranges again."""
        for key, row in self.rows.items():
            if isinstance(row, RangeRow) and self._table is not None:
                row.show_bars(self._table.bars(key), counts(key))

    def _insert(self, column: Column) -> None:
        row: Row = (
            ChoiceRow(column, self._list) if column.is_chosen else RangeRow(column, self._list)
        )
        if isinstance(row, RangeRow):
            row.changed.connect(
                lambda limit: self._ask(self.query.limited(limit), f"limit:{limit.column}")
            )
        else:
            row.changed.connect(lambda choice: self._ask(self.query.chosen(choice), ""))
        row.removed.connect(self.remove)
        self.rows[column.key] = row
        self._column.addWidget(row)
        row.show()

    def _remove(self, key: str) -> None:
        row = self.rows.pop(key)
        self._column.removeWidget(row)
        row.hide()
        row.deleteLater()

    # What is asked for ----------------------------------------------------------------

    def add_filter(self, key: str) -> None:
        """Show a row for a column, and put the keyboard into it."""
        if key not in self._pinned:
            self._pinned.append(key)
        self._show_rows()
        self.counts_wanted.emit()
        row = self.rows.get(key)
        if isinstance(row, RangeRow):
            row.histogram.setFocus()
        elif row is not None:
            next(iter(row.boxes.values())).setFocus()

    def remove(self, key: str) -> None:
        """Take the row of a column away, and its filter."""
        if key in self._pinned:
            self._pinned.remove(key)
        query = self.query.limited(Limit(key)).chosen(Choice(key, ()))
        self._ask(query, "")
        self._show_rows()

    def clear_all(self) -> None:
        """Show all features again."""
        self._typing.stop()
        self.search.blockSignals(True)
        self.search.clear()
        self.search.blockSignals(False)
        self._ask(self.query.cleared(), "")

    def _ask(self, query: Query, merge: str) -> None:
        if query != self.query:
            self.asked.emit(query, merge)

    def _typed(self) -> Query:
        self._typing.stop()
        return replace(self.query, text=self.search.text())

    def _search_now(self) -> None:
        self._ask(self._typed(), "text")

    def _enter(self) -> None:
        """Search what stands there at once, and open the first feature found."""
        self._search_now()
        self.opened_first.emit()

    def _ask_shared(self, on: bool) -> None:
        choice = _SHARED if on else Choice("shared", ())
        self._ask(self.query.chosen(choice), "")

    def _ask_languages(self, count: int) -> None:
        before = self.query.limit("n_languages") or Limit("n_languages")
        limit = replace(before, low=float(count) if count else -float("inf"))
        self._ask(self.query.limited(limit), "limit:n_languages")

    def _fill_tags(self, menu: QMenu) -> None:
        menu.clear()
        tags = self.tags_in_use()
        for tag in dict.fromkeys([*tags, *self.query.tags]):
            action = menu.addAction(tag.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(tag in self.query.tags)
            action.toggled.connect(lambda on, own=tag: self._ask_tag(own, on))
        if menu.isEmpty():
            menu.addAction(tr("filter.no_tags")).setEnabled(False)

    def _ask_tag(self, tag: str, on: bool) -> None:
        kept = tuple(own for own in self.query.tags if own != tag)
        self._ask(replace(self.query, tags=(*kept, tag) if on else kept), "")

    def _fill_columns(self, menu: QMenu) -> None:
        if self._table is not None:
            fill_columns(menu, self._table, self.rows, self.add_filter)


def _is_least_languages(limit: Limit) -> bool:
    """Whether the box for the least number of languages says all of a range."""
    return limit.column == "n_languages" and limit.high == float("inf") and limit.low >= 0
