"""What one writes down about the current feature, and the way to the next one without a label."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from PySide6.QtCore import QEvent, QObject, QStringListModel, Qt, QTimer
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QCheckBox,
    QCompleter,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.notes import MOST_NAME, SEPARATOR, Note, edit, tags_of
from mmfeat_gui.state.review import next_unlabelled, progress
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views import theme
from mmfeat_gui.views.actions import plain
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.panel import Area, Panel

TAG_KEYS = 9  # tags that have a key of their own
_PAUSE_MS = 1500  # without typing, after which a comment is kept


class _TagCompleter(QCompleter):
    """Completes the last tag of a line."""

    def splitPath(self, path: str) -> list[str]:
        """Return what is completed: the tag being typed."""
        return [path.rpartition(SEPARATOR)[2].strip()]

    def pathFromIndex(self, index: Any) -> str:
        """Return the line with the tag that was chosen."""
        line = self.widget()
        before = line.text().rpartition(SEPARATOR)[0] if isinstance(line, QLineEdit) else ""
        tag = str(index.data())
        return f"{before}{SEPARATOR} {tag}" if before else tag


class NotesPanel(Panel):
    """Name, tags, comment, star and mark of the feature whose page is shown.

    What is typed counts when the field is left, when one goes to another feature, or after a
    pause; each time is one step to undo.
    """

    key: ClassVar[str] = "notes"
    area: ClassVar[Area] = "table"

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._feature: int | None = None
        self._build()
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.commit)
        self.name.editingFinished.connect(self.commit)
        self.tags.editingFinished.connect(self.commit)
        self.comment.textChanged.connect(self._type)
        self.comment.installEventFilter(self)
        self.star.clicked.connect(self.toggle_star)
        self.reviewed.clicked.connect(self.toggle_reviewed)
        context.summary_changed.connect(self._take)
        context.notes_changed.connect(self._show_notes)
        context.store.changed.connect(self._follow)
        self._show_feature()

    def first_focus(self) -> QWidget:
        """Return the line for tags."""
        return self.tags

    # Construction -----------------------------------------------------------------------

    def _build(self) -> None:
        self.title = QLabel(self)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setWordWrap(True)
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        self.name = self._line("notes.name", "notes.name_tip")
        self.name.setMaxLength(MOST_NAME)
        self.tags = self._line("notes.tags", "notes.tags_tip")
        self._known = QStringListModel(self)
        completer = _TagCompleter(self._known, self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.tags.setCompleter(completer)
        self.keys = theme.Muted(parent=self)
        self.keys.setTextFormat(Qt.TextFormat.PlainText)
        self.keys.setWordWrap(True)
        # Unlike a plain field it has a direction for every line.
        self.comment = QTextEdit(self)
        self.comment.setAcceptRichText(False)
        self.comment.setAccessibleName(tr("notes.comment"))
        self.comment.setTabChangesFocus(True)
        self.comment.setMinimumHeight(3 * self.fontMetrics().height())
        self.comment.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.star = self._check("notes.star", "note_star")
        self.reviewed = self._check("notes.reviewed", "note_reviewed")
        self.progress = QProgressBar(self)
        self.progress.setAccessibleName(tr("notes.progress_name"))
        self.progress.setToolTip(tr("notes.progress_tip"))
        self.done = self._button("notes.finish", "note_done", self.finish)
        self.before = self._button(
            "notes.previous", "note_previous", lambda: self.go_on(backwards=True)
        )
        self.after = self._button("notes.next", "note_next", self.go_on)
        marks = QHBoxLayout()
        marks.addWidget(self.title, 1)
        marks.addWidget(self.star)
        marks.addWidget(self.reviewed)
        form = QGridLayout()
        fields = (self.name, self.tags, self.keys, self.comment)
        for row, (text, field) in enumerate(
            zip(("name", "tags", "", "comment"), fields, strict=True)
        ):
            if text:
                label = QLabel(tr(f"notes.{text}"), self)
                label.setBuddy(field)
                form.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
            form.addWidget(field, row, 1)
        form.setRowStretch(3, 1)
        queue = QHBoxLayout()
        queue.addWidget(self.progress, 1)
        for button in (self.before, self.after, self.done):
            queue.addWidget(button)
        inner = QWidget(self)
        column = QVBoxLayout(inner)
        column.setContentsMargins(8, 8, 8, 4)
        column.addLayout(marks)
        column.addLayout(form, 1)
        column.addLayout(queue)
        # Low windows have no room for all of it.
        scroll = QScrollArea(self)
        scroll.setAccessibleName(tr("panel.notes"))
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def _line(self, name: str, tip: str) -> QLineEdit:
        line = QLineEdit(self)
        line.setAccessibleName(tr(name))
        line.setToolTip(tr(tip))
        line.setPlaceholderText(tr(tip))
        return line

    def _check(self, text: str, action: str) -> QCheckBox:
        box = QCheckBox(tr(text), self)
        box.setToolTip(f"{plain(tr(f'action.{action}'))} ({_native(KEYS[action])})")
        return box

    def _button(self, text: str, action: str, run: Callable[[], object]) -> QPushButton:
        button = QPushButton(tr(text), self)
        name = plain(tr(f"action.{action}"))
        button.setAccessibleName(name)
        button.setToolTip(f"{name} ({_native(KEYS[action])})")
        button.clicked.connect(lambda: run())
        return button

    # What is shown ----------------------------------------------------------------------

    def _take(self, summary: Summary) -> None:
        summary.table.filtered.connect(self._show_progress)
        summary.table.arrived.connect(self._show_title)
        self._forget()  # what was typed was on features of another atlas
        self._show_feature()

    def _follow(self, now: ViewState, before: ViewState) -> None:
        if now.place != before.place:
            self.commit()
            self._show_feature()

    def _show_feature(self) -> None:
        summary, place = self.context.summary, self.context.store.state.place
        if summary is None:
            self._feature = None
        elif place is not None and place.kind == "feature":
            self._feature = place.index
        elif self._feature is not None and self._feature >= len(summary.table):
            self._feature = None
        for field in (self.name, self.tags, self.comment, self.star, self.reviewed, self.done):
            field.setEnabled(self._feature is not None)
        self._show_title()
        self._show_notes()

    def _show_title(self) -> None:
        summary, feature = self.context.summary, self._feature
        if summary is None or feature is None:
            self.title.setText(tr("notes.no_feature"))
            return
        title = summary.table.title(feature)
        plain_title = f"feature {feature}"
        shown = tr("notes.feature", feature=feature)
        self.title.setText(shown if title == plain_title else f"{shown} · {title}")

    def _show_notes(self) -> None:
        """Show what is noted, but leave alone what is being typed."""
        note = self._note()
        for line, text in ((self.name, note.name), (self.tags, f"{SEPARATOR} ".join(note.tags))):
            if line.text() != text and not line.isModified():
                line.setText(text)
        written = Note.of(comment=self.comment.toPlainText()).comment
        # Spaces at the end are about to be followed by a word.
        if not self._typing() and written != note.comment:
            self.comment.setPlainText(note.comment)
        self.star.setChecked(note.starred)
        self.reviewed.setChecked(note.reviewed)
        tags = self.context.notes.tags()
        self._known.setStringList(tags)
        own = [f"{_native(tag_keys(n))} {tag}" for n, tag in enumerate(tags[:TAG_KEYS], 1)]
        self.keys.setText("   ".join(own))
        self.keys.setVisible(bool(own))
        self._show_progress()

    def _show_progress(self) -> None:
        summary = self.context.summary
        if summary is None:
            return
        done, count = progress(summary.table.rows, self.context.notes.labelled())
        self.progress.setRange(0, max(count, 1))
        self.progress.setValue(done)
        self.progress.setFormat(tr("notes.progress", done=done, count=count))

    def _note(self) -> Note:
        return Note() if self._feature is None else self.context.notes.of(self._feature)

    def _typing(self) -> bool:
        return self.comment.document().isModified()

    # What is written --------------------------------------------------------------------

    def _type(self) -> None:
        if self._typing():
            self._pause.start()

    def _forget(self) -> None:
        """Take what stands in the fields for what is noted."""
        self._pause.stop()
        self.name.setModified(False)
        self.tags.setModified(False)
        self.comment.document().setModified(False)

    def commit(self) -> None:
        """Keep what was typed."""
        changed = self.name.isModified() or self.tags.isModified() or self._typing()
        self._forget()
        if self._feature is None or not changed:
            return
        now = self._note()
        typed = Note.of(
            self.name.text(),
            self.comment.toPlainText(),
            tags_of(self.tags.text()),
            now.starred,
            now.reviewed,
        )
        if not self._edit("undo.note", {self._feature: typed}):
            self._show_notes()  # spaces alone were typed

    def toggle_star(self) -> None:
        """Give the feature a star, or take it away."""
        self._change("undo.note_star", starred=not self._note().starred)

    def toggle_reviewed(self) -> None:
        """Mark the feature as done, or as not done."""
        self._change("undo.note_reviewed", reviewed=not self._note().reviewed)

    def toggle_tag(self, number: int) -> None:
        """Give the feature the tag of a number in the list of all, or take it away."""
        tags = self.context.notes.tags()
        if not 1 <= number <= len(tags):
            return
        self.commit()
        tag, own = tags[number - 1], list(self._note().tags)
        chosen = [one for one in own if one != tag] if tag in own else [*own, tag]
        self._change("undo.note_tag", tags=Note.of(tags=chosen).tags)

    def _change(self, label: str, **fields: Any) -> None:
        self.commit()
        if self._feature is not None:
            self._edit(label, {self._feature: replace(self._note(), **fields)})

    def _edit(self, label: str, changes: Mapping[int, Note]) -> bool:
        return edit(self.context.store, label, self.context.notes, changes)

    def finish(self) -> None:
        """Mark the feature as done and go to the next without a label."""
        self._change("undo.note_reviewed", reviewed=True)
        self.go_on()

    def go_on(self, backwards: bool = False) -> None:
        """Go to the next feature of the table that has no label, or to the one before."""
        summary = self.context.summary
        if summary is None:
            return
        self.commit()
        current = -1 if self._feature is None else self._feature
        labelled = self.context.notes.labelled()
        found = next_unlabelled(summary.table.rows, labelled, current, backwards)
        if found is None:
            self.context.say(tr("notes.all_done"))
        else:
            self.context.go(Place("feature", found))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the comment when its field is left."""
        if watched is self.comment and event.type() == QEvent.Type.FocusOut:
            self.commit()
        return super().eventFilter(watched, event)


KEYS = {
    "note_star": "Ctrl+D",
    "note_reviewed": "Ctrl+Shift+D",
    "note_done": "Ctrl+Return",
    "note_next": "Ctrl+Down",
    "note_previous": "Ctrl+Up",
}


def tag_keys(number: int) -> str:
    """Return the keys that give a feature the tag of a number."""
    return f"Alt+{number}"


def _native(keys: str) -> str:
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
