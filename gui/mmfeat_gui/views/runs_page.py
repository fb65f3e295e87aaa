"""The page of runs: trainings of a folder, and jobs that are begun, watched and stopped."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.jobs import JobState, Order
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.views.actions import Action, always
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.panel import Page
from mmfeat_gui.views.runs_jobs import JobsView, may_end
from mmfeat_gui.views.windows import windows
from mmfeat_gui.workers.jobs import shared_jobs

if TYPE_CHECKING:
    from mmfeat_gui.views.main_window import MainWindow
    from mmfeat_gui.views.runs_trainings import Trainings

_FORMS = ("extract", "train", "atlas", "evaluate")


class RunsPage(Page):
    """Trainings above, jobs below; made when it is first seen, since plots take time to load.

    Parameters
    ----------
    context : Context
    parent : QWidget or None

    Attributes
    ----------
    jobs : Jobs
        The jobs of the program.
    trainings : Trainings or None
    jobs_view : JobsView or None
        None until the page is first seen.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.jobs = shared_jobs()
        self.trainings: Trainings | None = None
        self.jobs_view: JobsView | None = None
        self._folder: Path | None = None
        self.jobs.ended.connect(self._say_ended)
        context.summary_changed.connect(self._near)

    def may_close(self) -> bool:
        """Ask what becomes of the jobs that run, if no other window looks after them."""
        others = [window for window in windows() if window is not self.window()]
        return bool(others) or may_end(self.jobs, self.window())

    def showEvent(self, event: QShowEvent) -> None:
        """Make the page if it is seen for the first time."""
        if self.trainings is None:
            self._build()
        super().showEvent(event)

    def _build(self) -> None:
        from mmfeat_gui.views.runs_trainings import Trainings

        self.trainings = Trainings(self.context, self)
        self.jobs_view = JobsView(self.jobs, self)
        self.trainings.export_wanted.connect(self.start)
        self.jobs_view.atlas_wanted.connect(self._open_atlas)
        self.folder_label = QLabel(tr("runs.no_folder_yet"), self)
        self.folder_label.setTextFormat(Qt.TextFormat.PlainText)
        self.choose_button = QPushButton(tr("runs.choose_button"), self)
        self.choose_button.clicked.connect(self.choose_folder)
        bar = QHBoxLayout()
        bar.addWidget(self.choose_button)
        bar.addWidget(self.folder_label, 1)
        self.form_buttons = {}
        for kind in _FORMS:
            button = QPushButton(tr(f"runs.new_{kind}"), self)
            button.clicked.connect(partial(self.open_form, kind))
            bar.addWidget(button)
            self.form_buttons[kind] = button
        split = QSplitter(Qt.Orientation.Vertical, self)
        split.addWidget(self.trainings)
        split.addWidget(self.jobs_view)
        split.setSizes([600, 280])
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.addLayout(bar)
        column.addWidget(split, 1)
        if self._folder is not None:
            self.show_folder(self._folder)
        self.context.tasks.run(self.jobs.find_kept, self.jobs.list_kept)

    # The folder ---------------------------------------------------------------------

    def _near(self, summary: Summary) -> None:
        """Look where the atlas lies, unless another folder was chosen."""
        if self._folder is None:
            self.show_folder(summary.path.absolute().parent)

    def show_folder(self, folder: Path) -> None:
        """Look at the trainings of a folder."""
        self._folder = folder
        if self.trainings is not None:
            self.folder_label.setText(str(folder))
            self.trainings.show_folder(folder)

    def choose_folder(self) -> None:
        """Ask for the folder to look at."""
        near = "" if self._folder is None else str(self._folder)
        dialog = QFileDialog(self, tr("runs.choose"), near)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(lambda name: self.show_folder(Path(name)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    # Jobs ---------------------------------------------------------------------------

    def open_form(self, kind: str) -> None:
        """Show the form of a kind of job, filled as far as the folder tells."""
        # They know the settings of all commands, which take time to load.
        from mmfeat_gui.state import orders
        from mmfeat_gui.views.runs_forms import FormDialog

        folder = self._folder
        chosen = self.trainings.chosen() if self.trainings is not None else []
        saes = [run.folder for run in chosen if run.finished]

        def take(values: dict[str, str]) -> None:
            dialog = FormDialog(kind, self.context, self.jobs, values, self.window())
            dialog.begun.connect(self._show_job)
            dialog.open()

        self.context.tasks.run(lambda: orders.suggestions(kind, folder, saes), take)

    def start(self, order: Order) -> int:
        """Begin a job and show it."""
        number = self.jobs.start(order)
        self._show_job(number)
        return number

    @Slot(int)
    def _show_job(self, number: int) -> None:
        if self.jobs_view is not None:
            self.jobs_view.show_job(number)
        order = self.jobs.states[number].order
        if order.kind == "train" and order.out is not None:
            self._look_at(order.out)

    def _look_at(self, made: Path) -> None:
        """Look where something is made, unless that is looked at already."""
        folder = made.absolute().parent
        if self._folder is None or self._folder not in (folder, *folder.parents):
            self.show_folder(folder)
        elif self.trainings is not None:
            self.trainings.refresh()

    @Slot(object)
    def _say_ended(self, state: JobState) -> None:
        if state.order.aside or state.order.kind == "export":
            return  # its dialog says it
        if state.order.kind in ("train", "evaluate") and state.order.out is not None:
            self._look_at(state.order.out)
        if not self.isVisible():
            status = tr(f"jobs.is_{state.status}")
            self.context.say(f"{state.order.title}: {state.sentence or status}")

    @Slot(object)
    def _open_atlas(self, path: Path) -> None:
        from mmfeat_gui.views.main_window import MainWindow

        window = self.window()
        if isinstance(window, MainWindow):
            window.open_atlas(path)


def _go(window: MainWindow) -> None:
    window.context.store.change("undo.place", merge="place", place=Place("runs"))


def _open_form(window: MainWindow, kind: str) -> None:
    _go(window)
    page = window.pages["runs"]
    assert isinstance(page, RunsPage)
    page.open_form(kind)


def _form(kind: str) -> Action:
    return Action(f"new_{kind}", "tools", lambda window: _open_form(window, kind), enabled=always)


ACTIONS = (
    Action("runs", "go", _go, ("Ctrl+Shift+R",), enabled=always),
    *(_form(kind) for kind in _FORMS),
)
