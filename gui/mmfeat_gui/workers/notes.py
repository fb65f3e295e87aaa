"""Writes notes to their file off the GUI thread, a moment after they changed."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from mmfeat.errors import MmfeatError
from mmfeat_gui.state.notes import Note
from mmfeat_gui.state.notes_file import Opened, save

_WAIT_MS = 1000

Kept = dict[int, Note]


class NotesKeeper(QObject):
    """Keeps the file of the notes of an atlas up to date.

    Parameters
    ----------
    opened : Opened
        The notes and their file.
    parent : QObject or None

    Signals
    -------
    said(sentence)
        Why the notes could not be written; it is tried again with the next change.
    saved()
        The file holds what is noted.
    """

    said = Signal(str)
    saved = Signal()
    _ended = Signal(object)

    def __init__(self, opened: Opened, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._notes, self._file = opened.notes, opened.file
        # What the file says, as far as we know.
        self._known: Kept = opened.notes.all()
        self._writing: Kept | None = None
        self._task: Future[Kept] | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="mmfeat-notes")
        self._ended.connect(self._receive, Qt.ConnectionType.QueuedConnection)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_WAIT_MS)
        self._timer.timeout.connect(self._start)
        self._notes.changed.connect(self._wait)

    def close(self) -> None:
        """Write what is not written yet, wait for it, and end the thread."""
        self._notes.changed.disconnect(self._wait)
        self._timer.stop()
        self._pool.shutdown()
        if self._task is not None and self._task.exception() is None:
            self._known = self._task.result()
        now = self._notes.all()
        if now != self._known:
            try:
                self._save(now)
            except MmfeatError as error:
                self.said.emit(str(error))
        self.deleteLater()

    def _wait(self) -> None:
        # Not started anew by each change: someone who never pauses is saved, too.
        if not self._timer.isActive():
            self._timer.start()

    def _save(self, now: Kept) -> Kept:
        notes = self._notes
        return save(self._file, notes.fingerprint, notes.d_sae, self._known, now)

    def _start(self) -> None:
        now = self._notes.all()
        if self._writing is not None:
            self._timer.start()
        elif now != self._known:
            self._writing = now
            self._task = self._pool.submit(self._save, now)
            self._task.add_done_callback(self._ended.emit)

    @Slot(object)
    def _receive(self, ended: Future[Kept]) -> None:
        written, self._writing = self._writing or {}, None
        error = ended.exception()
        if error is not None:
            self.said.emit(str(error))
            return
        self._known = ended.result()
        # What others changed in the file is taken over where it is not being changed here.
        nothing = Note()
        others = {
            feature: self._known.get(feature, nothing)
            for feature in {**written, **self._known}
            if self._notes.of(feature) == written.get(feature, nothing)
        }
        self._notes.put(others)
        self.saved.emit()
