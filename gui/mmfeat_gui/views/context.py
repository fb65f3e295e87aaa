"""What a window gives its panels: its state, its readers, and the few words they may say to it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.notes import Notes
from mmfeat_gui.state.notes_file import Opened, open_notes
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.state.store import Store
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.workers.engine import Engine
from mmfeat_gui.workers.notes import NotesKeeper
from mmfeat_gui.workers.reader import Reader
from mmfeat_gui.workers.tasks import Tasks


class Context(QObject):
    """The services of one window.

    Parameters
    ----------
    settings : Settings
        What is remembered between runs; shared by all windows.
    parent : QObject or None

    Attributes
    ----------
    store : Store
        The view state.
    reader : Reader
        The thread that reads atlases.
    engine : Engine
        The process that runs backbones.
    tasks : Tasks
        The thread for other file work.
    notes : Notes
        Tags, names and comments of the open atlas.
    summary : Summary or None
        The open atlas.

    Signals
    -------
    summary_changed(Summary)
        Another atlas was opened; `store.state` is already that of its view.
    notes_changed()
        The notes are others, or say something else.
    said(sentence)
        Something is to be told to the user.
    refused(sentence)
        Something asked for cannot be shown.
    """

    summary_changed = Signal(object)
    notes_changed = Signal()
    said = Signal(str)
    refused = Signal(str)

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.settings = settings
        self.store = Store()
        self.reader = Reader(self)
        self.engine = Engine(self)
        self.engine.backbones.update(settings.backbones)
        self.engine.backbones_changed.connect(self._remember_backbones)
        self.tasks = Tasks(self)
        self.notes = Notes("", 0)
        self._keeper: NotesKeeper | None = None
        self.summary: Summary | None = None

    def show_atlas(self, summary: Summary, state: ViewState) -> None:
        """Take another atlas as the open one, and a view of it."""
        self.summary = summary
        self.store.reset(state)
        self._let_go_of_notes()
        self._take_notes(Notes(summary.fingerprint, len(summary.table)))
        self.summary_changed.emit(summary)
        count, path, mark = len(summary.table), summary.path, summary.fingerprint

        def take(opened: Opened) -> None:
            if self.summary is summary:
                self._take_notes(opened.notes)
                self._keeper = NotesKeeper(opened, self)
                self._keeper.said.connect(self.say)
                if opened.said:
                    self.say(opened.said)

        self.tasks.run(lambda: open_notes(path, mark, count), take)

    def _take_notes(self, notes: Notes) -> None:
        self.notes = notes
        notes.changed.connect(self.notes_changed.emit)
        self.notes_changed.emit()

    def _remember_backbones(self) -> None:
        self.settings.backbones = dict(self.engine.backbones)

    def _let_go_of_notes(self) -> None:
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None

    @property
    def path(self) -> Path | None:
        """The file of the open atlas."""
        return None if self.summary is None else self.summary.path

    def go(self, place: Place) -> None:
        """Go to a page, if the atlas has it; a walk through pages is one step to undo."""
        summary = self.summary
        if summary is None:
            return
        if place.kind == "feature" and not 0 <= place.index < len(summary.table):
            last, file = len(summary.table) - 1, summary.path.name
            self.refuse(tr("error.feature", feature=place.index, file=file, last=last))
            return
        self.store.change("undo.place", merge="place", place=place)

    def say(self, sentence: str) -> None:
        """Tell the user something."""
        self.said.emit(sentence)

    def refuse(self, sentence: str) -> None:
        """Tell the user why something cannot be shown."""
        self.said.emit(sentence)
        self.refused.emit(sentence)

    def close(self) -> None:
        """End the threads and the engine, and wait for them."""
        self._let_go_of_notes()
        self.reader.close()
        self.engine.close()
        self.tasks.close()
