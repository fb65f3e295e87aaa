"""The trainings of a folder: a list to choose from, their curves, scoreboard and scaling laws."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QIcon, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSplitter,
    QTableView,
    QTabWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from mmfeat.analysis.scaling import Exponent, Scaling, scaling
from mmfeat_gui.models.board import BoardModel, cell_text
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state import runs
from mmfeat_gui.state.jobs import Order
from mmfeat_gui.state.runs import Board, Curve, Found, Log, RunInfo
from mmfeat_gui.views import theme
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.runs_plots import MOST, CurvesPlot, Line, ScalingPlot

_PAUSE = 1000  # milliseconds between two looks at logs
_LOOKS = 5  # looks at logs for each at the folder
_TICKED = 6  # trainings shown before anybody has chosen
_FOLDER = Qt.ItemDataRole.UserRole
_COLUMNS = ("name", "step", "fvu", "l0", "dead")


class Trainings(QWidget):
    """Looks at a folder and, while it is seen, at what is added to its logs.

    Parameters
    ----------
    context : Context
    parent : QWidget or None

    Signals
    -------
    export_wanted(Order)
        The figure of a sweep is to be written.
    """

    export_wanted = Signal(object)

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.found: Found | None = None
        self._logs: dict[Path, Log] = {}
        self._curves: dict[Path, Curve] = {}
        self._styles: dict[Path, int] = {}  # how each ticked training is drawn, while it is
        self._asked: Path | None = None
        self._looking = False
        self._looks = 0
        self._build()
        self._timer = QTimer(self)
        self._timer.setInterval(_PAUSE)
        self._timer.timeout.connect(self.look)

    def _build(self) -> None:
        self.list = QTreeWidget(self)
        self.list.setHeaderLabels([tr(f"runs.column_{key}") for key in _COLUMNS])
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setAccessibleName(tr("runs.list"))
        self.list.setTextElideMode(Qt.TextElideMode.ElideLeft)  # names differ at their ends
        self.list.setIconSize(QSize(44, 14))
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.itemChanged.connect(lambda _item, column: self._choose() if not column else None)
        self.note = theme.Muted(parent=self)
        self.curves = CurvesPlot(self)
        self.board = QTableView(self)
        self.board_model = BoardModel(self.board)
        self.board.setModel(self.board_model)
        self.board.setSortingEnabled(True)
        self.board.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.board.verticalHeader().hide()
        self.board.verticalHeader().setDefaultSectionSize(self.board.fontMetrics().height() + 6)
        self.board.setAccessibleName(tr("runs.board"))
        self.board.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.boards = QComboBox(self)
        self.boards.setAccessibleName(tr("runs.boards"))
        self.boards.activated.connect(self._show_board)
        self.sweeps = QComboBox(self)
        self.sweeps.setAccessibleName(tr("runs.sweeps"))
        self.sweeps.activated.connect(self._show_scaling)
        self.export_button = QPushButton(tr("runs.write_scaling"), self)
        self.export_button.clicked.connect(self._write_scaling)
        self.scaling = ScalingPlot(self)
        self.laws = QLabel(self)
        self.laws.setTextFormat(Qt.TextFormat.PlainText)
        self.laws.setWordWrap(True)
        self.laws.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        sweep_row = QHBoxLayout()
        sweep_row.addWidget(self.sweeps, 1)
        sweep_row.addWidget(self.export_button)
        self.tabs = QTabWidget(self)
        self.tabs.setAccessibleName(tr("runs.tabs"))
        self.tabs.addTab(self.curves, tr("runs.curves"))
        self.tabs.addTab(_stack(self.boards, self.board), tr("runs.board"))
        self.tabs.addTab(_stack(sweep_row, self.scaling, self.laws), tr("runs.scaling"))
        split = QSplitter(Qt.Orientation.Horizontal, self)
        split.addWidget(_stack(self.list, self.note))
        split.addWidget(self.tabs)
        split.setStretchFactor(0, 2)
        split.setStretchFactor(1, 3)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(split)

    # The folder ---------------------------------------------------------------------

    @property
    def folder(self) -> Path | None:
        """The folder that is looked at."""
        return self._asked

    def show_folder(self, folder: Path) -> None:
        """Look at a folder."""
        if folder != self._asked:
            self._asked = folder
            self._logs.clear()
            self._curves.clear()
            self.found = None
        self.refresh()

    def refresh(self) -> None:
        """Look through the folder again."""
        folder = self._asked
        if folder is None:
            return

        def take(found: Found) -> None:
            if folder == self._asked:
                self._take(found)

        def fail(sentence: str) -> None:
            if folder == self._asked:
                self._take(Found(folder))
                self.note.setText(sentence)

        self.context.tasks.run(lambda: runs.find_runs(folder), take, fail)

    def _take(self, found: Found) -> None:
        before, self.found = self.found, found
        ticked = None if before is None else {run.folder for run in self.chosen()}
        new = (
            None
            if before is None
            else {run.folder for run in found.runs} - {run.folder for run in before.runs}
        )
        self.list.blockSignals(True)
        current = self.list.currentItem()
        at = None if current is None else current.data(0, _FOLDER)
        self.list.clear()
        for row, run in enumerate(found.runs):
            item = QTreeWidgetItem(self.list)
            item.setText(0, run.name)
            item.setToolTip(0, str(run.folder))
            item.setData(0, _FOLDER, run.folder)
            on = row < _TICKED if ticked is None else run.folder in (ticked | (new or set()))
            item.setCheckState(0, Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            for column, key in enumerate(_COLUMNS[2:], 2):
                item.setText(column, cell_text(run.scores.get(key)))
                item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight)
            if run.folder == at:
                self.list.setCurrentItem(item)
        self.list.blockSignals(False)
        if before is None or found.runs != before.runs or found.boards != before.boards:
            self._list_boards(found)
        if before is None or found.sweeps != before.sweeps or found.runs != before.runs:
            self._list_sweeps(found)
        self._choose()

    def _say_what_is_there(self, found: Found, chosen: int) -> None:
        if not found.runs:
            self.note.setText(tr("runs.none", folder=found.folder))
            return
        done = sum(run.finished for run in found.runs)
        sentences = [tr("runs.count", count=len(found.runs), done=done)]
        if found.more:
            sentences.append(tr("runs.more"))
        if chosen > MOST:
            sentences.append(tr("runs.too_many", count=MOST))
        self.note.setText(" ".join(sentences))

    def chosen(self) -> list[RunInfo]:
        """Return the trainings that are ticked."""
        if self.found is None:
            return []
        on = {
            item.data(0, _FOLDER)
            for item in (
                self.list.topLevelItem(row) for row in range(self.list.topLevelItemCount())
            )
            if item is not None and item.checkState(0) == Qt.CheckState.Checked
        }
        return [run for run in self.found.runs if run.folder in on]

    # Curves -------------------------------------------------------------------------

    def _choose(self) -> None:
        self._draw()
        self.look()

    def look(self) -> None:
        """Look at what was added to the logs of the ticked trainings."""
        if self._looking:
            return
        self._looks += 1
        if self._looks % _LOOKS == 0:
            self.refresh()
        chosen = [run.folder for run in self.chosen()[:MOST]]
        logs = {
            folder: self._logs.setdefault(folder, Log(folder / runs.METRICS)) for folder in chosen
        }
        if not logs:
            return

        def read() -> dict[Path, Curve]:
            curves = {folder: log.read() for folder, log in logs.items()}
            return {folder: curve for folder, curve in curves.items() if curve is not None}

        def take(curves: dict[Path, Curve]) -> None:
            self._looking = False
            self._curves |= curves
            if curves:
                self._draw()

        self._looking = True
        self.context.tasks.run(read, take)

    def _draw(self) -> None:
        chosen = self.chosen()
        self._give_styles([run.folder for run in chosen[:MOST]])
        lines = [
            Line(self._styles[run.folder], self._curves[run.folder], run.scores.get("fvu"))
            for run in chosen[:MOST]
            if run.folder in self._curves
        ]
        self.curves.show_lines(lines)
        self.list.blockSignals(True)
        for row, run in enumerate(self.found.runs if self.found else ()):
            item = self.list.topLevelItem(row)
            if item is not None:
                style = self._styles.get(run.folder)
                item.setIcon(0, QIcon() if style is None else self.curves.swatch(style))
                item.setText(1, _progress(run, self._curves.get(run.folder)))
        self.list.blockSignals(False)
        if self.found is not None:
            self._say_what_is_there(self.found, len(chosen))

    def _give_styles(self, folders: list[Path]) -> None:
        """Keep the style of what is still drawn, and give the others one that is free."""
        kept = {own: style for own, style in self._styles.items() if own in folders}
        free = iter(style for style in range(MOST) if style not in kept.values())
        self._styles = {own: kept[own] if own in kept else next(free) for own in folders}

    def changeEvent(self, event: QEvent) -> None:
        """Draw the legend in the colours of another palette."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self.found is not None:
            self._draw()

    def showEvent(self, event: QShowEvent) -> None:
        """Follow the logs while they are seen."""
        super().showEvent(event)
        self._timer.start()
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        """Leave the logs alone."""
        super().hideEvent(event)
        self._timer.stop()

    # Scoreboards and scaling --------------------------------------------------------

    def _list_boards(self, found: Found) -> None:
        chosen = self.boards.currentData()
        self.boards.clear()
        self.boards.addItem(tr("runs.own_scores"), "")
        for path in found.boards:
            self.boards.addItem(path.relative_to(found.folder).as_posix(), str(path))
        self.boards.setCurrentIndex(max(self.boards.findData(chosen), 0))
        self._show_board()

    def show_board(self, path: Path) -> None:
        """Show a scoreboard of the folder."""
        at = self.boards.findData(str(path))  # Qt finds texts, and no paths
        if at >= 0:
            self.boards.setCurrentIndex(at)
            self._show_board()
            self.tabs.setCurrentIndex(1)

    def _show_board(self) -> None:
        name = self.boards.currentData()
        if not name:
            self._take_board(runs.board_of(self.found.runs if self.found else ()))
        else:
            self.context.tasks.run(lambda: runs.read_board(Path(name)), self._take_board)

    def _take_board(self, board: Board) -> None:
        self.board_model.show_board(board)
        self.board.resizeColumnsToContents()

    def _list_sweeps(self, found: Found) -> None:
        chosen = self.sweeps.currentData()
        self.sweeps.clear()
        for path in found.sweeps:
            name = path.name if path == found.folder else path.relative_to(found.folder).as_posix()
            self.sweeps.addItem(name, str(path))
        self.sweeps.setCurrentIndex(max(self.sweeps.findData(chosen), 0) if found.sweeps else -1)
        self._show_scaling()

    def _show_scaling(self) -> None:
        name = self.sweeps.currentData()
        self.export_button.setEnabled(False)
        self.scaling.show_scaling(None)
        if not name:
            self.laws.setText(tr("runs.no_sweep"))
            return

        def take(found: Scaling) -> None:
            if self.sweeps.currentData() == name:
                self.scaling.show_scaling(found)
                self.laws.setText(laws(found))
                self.export_button.setEnabled(True)

        self.laws.setText(tr("runs.fitting"))
        self.context.tasks.run(lambda: scaling(Path(name)), take, self.laws.setText)

    def _write_scaling(self) -> None:
        sweep = Path(self.sweeps.currentData())
        kinds = "PDF (*.pdf);;SVG (*.svg);;PNG (*.png)"
        title = tr("runs.write_scaling")
        dialog = QFileDialog(self, title, str(sweep / "scaling.pdf"), kinds)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("pdf")
        dialog.fileSelected.connect(
            lambda name: self.export_wanted.emit(_figure(sweep, Path(name)))
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


def laws(found: Scaling) -> str:
    """Return what a sweep says, in words: exponents with intervals, and notes."""

    def law(name: str, own: Exponent | None) -> str:
        if own is None:
            return tr("runs.no_law", name=name)
        return tr("runs.law", name=name, value=own.value, low=own.low, high=own.high)

    down = found.loss and Exponent(-found.loss.value, -found.loss.high, -found.loss.low)
    lines = [
        tr("runs.fitted", count=len(found.runs), unfinished=found.unfinished),
        " · ".join(
            (
                law(tr("runs.law_loss"), down),
                law(tr("runs.law_features"), found.features),
                law(tr("runs.law_steps"), found.steps),
                law(tr("runs.law_lr"), found.lr),
            )
        ),
        *found.notes,
    ]
    return "\n".join(lines)


def _figure(sweep: Path, out: Path) -> Order:
    return Order("scaling", (("scaling", str(sweep), "--out", str(out)),), out)


def _progress(run: RunInfo, curve: Curve | None) -> str:
    """Return how far a training is."""
    steps = run.settings.get("steps")
    if run.finished:
        return tr("runs.finished")
    now = curve.steps[-1] if curve is not None and len(curve.steps) else None
    if now is None:
        return tr("runs.unfinished")
    return f"{now:,.0f} / {steps:,.0f}" if steps else f"{now:,.0f}"


def _stack(*parts: QWidget | QHBoxLayout) -> QWidget:
    """Return widgets and rows below each other."""
    whole = QWidget()
    column = QVBoxLayout(whole)
    column.setContentsMargins(0, 4, 0, 0)
    for part in parts:
        if isinstance(part, QWidget):
            column.addWidget(part)
        else:
            column.addLayout(part)
    return whole
