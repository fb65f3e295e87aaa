"""The dialogs from which an extraction, a training, an atlas or a scoreboard is begun."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state import orders
from mmfeat_gui.state.jobs import JobState
from mmfeat_gui.state.orders import Field
from mmfeat_gui.views.command_box import CommandBox
from mmfeat_gui.views.context import Context
from mmfeat_gui.workers.jobs import Jobs

_YES = "yes"


class FormDialog(QDialog):
    """A form, the command it stands for, and a button that begins the job.

    Parameters
    ----------
    kind : str
        One of `mmfeat_gui.state.orders.FORMS`.
    context : Context
    jobs : Jobs
    values : mapping of str to str
        What fields hold at first, by key.
    parent : QWidget or None

    Signals
    -------
    begun(number)
        The job was begun.
    """

    begun = Signal(int)

    def __init__(
        self,
        kind: str,
        context: Context,
        jobs: Jobs,
        values: Mapping[str, str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.kind, self.context, self.jobs = kind, context, jobs
        self.fields = orders.fields(kind)
        self.inputs: dict[str, QWidget] = {}
        self._read: dict[str, Callable[[], str]] = {}
        self._question = 0
        self.setWindowTitle(tr(f"job.{kind}"))
        self.form = QFormLayout()
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for field in self.fields:
            self._add(field, values.get(field.key, field.default))
        self.command = CommandBox(self)
        self.sentence = QLabel(self)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setWordWrap(True)
        roles = QDialogButtonBox.ButtonRole
        buttons = QDialogButtonBox(self)
        self.start_button = buttons.addButton(tr("form.start"), roles.AcceptRole)
        self.dry_button = buttons.addButton(tr("form.dry_run"), roles.ActionRole)
        buttons.addButton(tr("form.cancel"), roles.RejectRole)
        self.start_button.clicked.connect(self.start)
        self.dry_button.clicked.connect(self.ask)
        self.dry_button.setVisible(kind == "extract")
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(self.form)
        column.addStretch(1)
        column.addWidget(self.command)
        column.addWidget(self.sentence)
        column.addWidget(buttons)
        self.resize(640, column.sizeHint().height())
        jobs.changed.connect(self._answer)
        self._changed()
        self._show_usual()

    # Fields -------------------------------------------------------------------------

    def _add(self, field: Field, value: str) -> None:
        widget, shown = self._input(field, value)
        widget.setAccessibleName(field.name)
        widget.setToolTip(tr(f"field.{field.key}_tip"))
        self.inputs[field.key] = widget
        label = QLabel(field.name)
        label.setBuddy(widget)
        label.setToolTip(widget.toolTip())
        self.form.addRow("" if field.sort == "flag" else label, shown)

    def _input(self, field: Field, value: str) -> tuple[QWidget, QWidget]:
        """Return the widget that holds a value, and the one that stands in the form."""
        if field.sort == "flag":
            box = QCheckBox(field.name, self)
            box.setChecked(value == _YES)
            box.toggled.connect(self._changed)
            self._read[field.key] = lambda: _YES if box.isChecked() else ""
            return box, box
        if field.sort == "choice" or (field.choices and field.key != "streams"):
            combo = QComboBox(self)
            combo.setEditable(field.sort != "choice")
            combo.addItems(list(field.choices))
            combo.setCurrentText(value)
            combo.currentTextChanged.connect(self._changed)
            if field.key == "recipe":
                combo.currentTextChanged.connect(self._show_usual)
            self._read[field.key] = combo.currentText
            return combo, combo
        if field.key == "saes":
            text = QPlainTextEdit(value, self)
            text.setTabChangesFocus(True)
            text.setFixedHeight(5 * text.fontMetrics().lineSpacing())
            text.textChanged.connect(self._changed)
            self._read[field.key] = text.toPlainText
            return text, text
        line = QLineEdit(value, self)
        line.textChanged.connect(self._changed)
        self._read[field.key] = line.text
        if field.sort not in ("open", "folder", "save", "make"):
            return line, line
        browse = QPushButton(tr("export.browse"), self)
        browse.setAutoDefault(False)
        browse.setAccessibleName(tr("form.browse", field=field.name))
        browse.clicked.connect(partial(self._browse, field, line))
        both = QWidget(self)
        row = QHBoxLayout(both)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(line, 1)
        row.addWidget(browse)
        both.setFocusProxy(line)
        return line, both

    def _browse(self, field: Field, line: QLineEdit) -> None:
        kinds = f"*{field.suffix}" if field.suffix else ""
        dialog = QFileDialog(self, field.name, line.text(), kinds)
        if field.sort == "save":
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            dialog.setDefaultSuffix(field.suffix.removeprefix("."))
        elif field.sort == "open":
            dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        else:
            dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(line.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def values(self) -> dict[str, str]:
        """Return what the fields hold."""
        return {key: read() for key, read in self._read.items()}

    def _changed(self) -> None:
        self.sentence.clear()
        self.command.show_command(orders.order(self.kind, self.values()).text)

    def _show_usual(self) -> None:
        """Show in empty fields what the recipe says."""
        if self.kind != "train":
            return
        name = self.values()["recipe"]

        def take(found: dict[str, str]) -> None:
            if self.values()["recipe"] != name:
                return
            for key, value in found.items():
                line = self.inputs[key]
                assert isinstance(line, QLineEdit)
                line.setPlaceholderText(value or tr("form.not_there"))

        self.context.tasks.run(lambda: orders.usual(name), take, self.sentence.setText)

    # Work ---------------------------------------------------------------------------

    def start(self) -> None:
        """Begin the job, if nothing is wrong with the form."""
        self.start_button.setEnabled(False)
        values = self.values()

        def begin(_: None) -> None:
            if self.isVisible():
                self.begun.emit(self.jobs.start(orders.order(self.kind, values)))
                self.accept()

        self.context.tasks.run(lambda: orders.check(self.kind, values), begin, self._refuse)

    def ask(self) -> None:
        """Ask what an extraction would take."""
        self.dry_button.setEnabled(False)
        values = self.values()

        def begin(_: None) -> None:
            if self.isVisible():
                self.sentence.setText(tr("dry_run.going"))
                self._question = self.jobs.start(orders.dry_run(values))

        self.context.tasks.run(lambda: orders.check(self.kind, values), begin, self._refuse)

    def _refuse(self, sentence: str) -> None:
        self.start_button.setEnabled(True)
        self.dry_button.setEnabled(True)
        self.sentence.setText(sentence)

    @Slot(object)
    def _answer(self, state: JobState) -> None:
        if state.number != self._question or state.runs:
            return
        self._question = 0
        self.dry_button.setEnabled(True)
        done = state.status == "done"
        self.sentence.setText(orders.dry_run_text(state.result) if done else state.sentence)

    def done(self, result: int) -> None:
        """Close; a question that was asked is dropped."""
        if self._question:
            self.jobs.stop(self._question)
        super().done(result)
        # Tasks end in order: whatever was asked for before has been answered then.
        self.context.tasks.run(lambda: None, lambda _: self.deleteLater())
