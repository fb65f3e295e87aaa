"""The list of jobs: how far each is, what it prints, and what can be done with it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.jobs import JobState
from mmfeat_gui.views import theme
from mmfeat_gui.views.command_box import CommandBox
from mmfeat_gui.workers.jobs import Jobs

_NUMBER = Qt.ItemDataRole.UserRole
_WHOLE = 1000  # parts of a progress bar


def status_text(state: JobState) -> str:
    """Return how a job is, in one line."""
    goes = state.free and state.status == "running"
    status = tr("jobs.is_kept" if goes else f"jobs.is_{state.status}")
    if state.runs and state.step is not None:
        return f"{status} · {state.step.line()}"
    return status


class JobsView(QWidget):
    """All jobs on the left, the chosen one on the right.

    Parameters
    ----------
    jobs : Jobs
    parent : QWidget or None

    Signals
    -------
    atlas_wanted(Path)
        An atlas that a job has made is to be opened.
    """

    atlas_wanted = Signal(object)

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.jobs = jobs
        self._build()
        jobs.changed.connect(self._take)
        jobs.forgotten.connect(self._remove)
        for state in jobs.states.values():
            self._take(state)
        self._show_current()

    def _build(self) -> None:
        self.list = QListWidget(self)
        self.list.setAccessibleName(tr("jobs.title"))
        self.list.currentItemChanged.connect(self._show_current)
        self.progress = QProgressBar(self)
        self.progress.setAccessibleName(tr("jobs.progress"))
        self.status = QLabel(self)
        self.sentence = QLabel(self)
        for label in (self.status, self.sentence):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse
                | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
        self.command = CommandBox(self)
        self.output = QPlainTextEdit(self)
        self.output.setReadOnly(True)
        self.output.setTabChangesFocus(True)
        self.output.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.output.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.output.setAccessibleName(tr("jobs.output"))
        self.output.setPlaceholderText(tr("jobs.no_output"))
        self.stop_button = QPushButton(tr("jobs.stop"), self)
        self.again_button = QPushButton(tr("jobs.again"), self)
        self.open_button = QPushButton(tr("jobs.open"), self)
        self.forget_button = QPushButton(tr("jobs.forget"), self)
        buttons = QHBoxLayout()
        for button in (
            self.stop_button,
            self.again_button,
            self.open_button,
            self.forget_button,
        ):
            buttons.addWidget(button)
        buttons.addStretch(1)
        self.stop_button.clicked.connect(lambda: self.jobs.stop(self._current()))
        self.again_button.clicked.connect(self._again)
        self.open_button.clicked.connect(self._open)
        self.forget_button.clicked.connect(lambda: self.jobs.forget(self._current()))
        left, right = QWidget(self), QWidget(self)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(theme.heading(tr("jobs.title")))
        column.addWidget(self.list, 1)
        self.detail = right
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.status)
        column.addWidget(self.progress)
        column.addWidget(self.sentence)
        column.addLayout(buttons)
        column.addWidget(self.command)
        column.addWidget(self.output, 1)
        split = QSplitter(Qt.Orientation.Horizontal, self)
        split.addWidget(left)
        split.addWidget(right)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 2)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(split)

    def show_job(self, number: int) -> None:
        """Choose a job."""
        for row in range(self.list.count()):
            if self.list.item(row).data(_NUMBER) == number:
                self.list.setCurrentRow(row)

    def _current(self) -> int:
        item = self.list.currentItem()
        return 0 if item is None else int(item.data(_NUMBER))

    def _item(self, number: int) -> QListWidgetItem | None:
        for row in range(self.list.count()):
            item = self.list.item(row)
            if item.data(_NUMBER) == number:
                return item
        return None

    @Slot(object)
    def _take(self, state: JobState) -> None:
        if state.order.aside:
            return
        item = self._item(state.number)
        if item is None:
            item = QListWidgetItem()
            item.setData(_NUMBER, state.number)
            self.list.insertItem(0, item)
            self.list.setCurrentItem(item)
        item.setText(f"{state.order.title}\n{status_text(state)}")
        if state.number == self._current():
            self._show_current()

    @Slot(int)
    def _remove(self, number: int) -> None:
        item = self._item(number)
        if item is not None:
            self.list.takeItem(self.list.row(item))
            self._show_current()

    def _show_current(self) -> None:
        state = self.jobs.states.get(self._current())
        self.detail.setEnabled(state is not None)
        self.progress.setVisible(state is not None and state.runs)
        self.sentence.setVisible(state is not None and bool(state.sentence))
        if state is None:
            self.status.setText(tr("jobs.none"))
            self.command.show_command("")
            self.output.clear()
            self._show_buttons(False, False, False, False)
            return
        self.status.setText(status_text(state))
        self.sentence.setText(state.sentence)
        self.command.show_command(state.order.text)
        step = state.step
        if step is None or not step.total:
            self.progress.setRange(0, 0)
        else:
            self.progress.setRange(0, _WHOLE)
            self.progress.setValue(min(_WHOLE, _WHOLE * step.done // step.total))
        text = "\n".join(state.lines)
        if text != self.output.toPlainText():
            self.output.setPlainText(text)
            bar = self.output.verticalScrollBar()
            bar.setValue(bar.maximum())
        ended, done = not state.runs, state.status == "done"
        self.stop_button.setText(tr("jobs.end" if state.status == "stopping" else "jobs.stop"))
        self._show_buttons(
            state.runs,
            ended and not done and state.status != "kept",
            _atlas(state) is not None,
            ended,
        )

    def _show_buttons(self, stop: bool, again: bool, opens: bool, forget: bool) -> None:
        self.stop_button.setVisible(stop)
        self.again_button.setVisible(again)
        self.open_button.setVisible(opens)
        self.forget_button.setVisible(forget)

    def _again(self) -> None:
        state = self.jobs.states.get(self._current())
        if state is not None:
            number = state.number
            self.jobs.start(state.order)
            self.jobs.forget(number)

    def _open(self) -> None:
        state = self.jobs.states.get(self._current())
        atlas = None if state is None else _atlas(state)
        if atlas is not None:
            self.atlas_wanted.emit(atlas)


def _atlas(state: JobState) -> Path | None:
    """Return the atlas that a job has made."""
    if state.status != "done":
        return None
    found = state.result.get("atlas") if state.order.kind == "demo" else state.order.out
    return Path(str(found)) if found and state.order.kind in ("demo", "atlas") else None


def may_end(jobs: Jobs, parent: QWidget) -> bool:
    """Ask what becomes of the jobs that run when the program ends; return whether it may end.

    They can go on without the program, be stopped so that the same command goes on where they
    were, or keep the program from ending.
    """
    running = jobs.running
    if not running:
        jobs.keep_all()  # ends what only answers a question
        return True
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(tr("jobs.closing_title"))
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(tr("jobs.closing", count=len(running)))
    names = "\n".join(f"{state.order.title}: {status_text(state)}" for state in running)
    box.setInformativeText(f"{names}\n\n{tr('jobs.closing_what')}")
    roles = QMessageBox.ButtonRole
    keep = box.addButton(tr("jobs.keep"), roles.AcceptRole)
    stop = box.addButton(tr("jobs.stop_all"), roles.DestructiveRole)
    stay = box.addButton(tr("jobs.stay"), roles.RejectRole)
    box.setDefaultButton(stay)
    box.setEscapeButton(stay)
    box.exec()
    chosen = box.clickedButton()
    box.deleteLater()
    if chosen is keep:
        jobs.keep_all()
    elif chosen is stop:
        jobs.stop_all()
    else:
        return False
    return True
