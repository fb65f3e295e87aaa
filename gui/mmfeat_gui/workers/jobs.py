"""Runs commands of mmfeat as processes, and tells how they go.

One thread looks after all processes while there are any: it starts them, reads what they have
printed, stops them, and ends when the last has ended. What they print goes to files, so that a
job can go on when the window is closed, and a later program can find it again
(`mmfeat_gui.workers.job_folder`). No job outlives the program unless it was asked for: each hangs
on its leash (`mmfeat_gui.workers.leash`).
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, ClassVar, Literal

import platformdirs
from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal, Slot

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.jobs import Account, JobState, Order, Status, results
from mmfeat_gui.workers.job_folder import JobFolder, kept_folders
from mmfeat_gui.workers.leash import FREE

_PAUSE = 0.15  # seconds between two looks
_BLOCK = 1 << 20  # bytes of a log that are read at a look
_GRACE = 5.0  # seconds in which a process must be set free
_MOST_RESULT = 64 << 20  # bytes of a result
_MOST_HEARD = 4 << 20  # bytes of the log of a job that is found again
_ENVIRONMENT = {
    "MMFEAT_PROGRESS": "json",
    "PYTHONUTF8": "1",
    "PYTHONUNBUFFERED": "1",
    "NO_COLOR": "1",
    "TYPER_USE_RICH": "0",  # bad usage in one line, not in a box
    "COLUMNS": "200",
}

Wish = Literal["", "stop", "end", "keep"]


def jobs_folder() -> Path:
    """Return where the logs of jobs are (``XDG_STATE_HOME`` on Linux)."""
    return Path(platformdirs.user_state_path("mmfeat", appauthor=False)) / "jobs"


class _Watched:
    """A job and its folder; used by the jobs' thread, but for `wish`."""

    is_free: ClassVar[bool]

    def __init__(self, number: int, order: Order, folder: JobFolder) -> None:
        self.number, self.order = number, order
        self.folder = folder
        self.wish: Wish = ""
        self._account = Account()
        self._heard = 0
        self._status: Status = "running"

    def state(self, sentence: str = "", found: str = "") -> JobState:
        """Return what is known."""
        return JobState(
            self.number,
            self.order,
            self._status,
            self.folder.log,
            self._account.step,
            self._account.lines,
            results(found),
            sentence,
            self.is_free,
        )

    def look(self) -> JobState:
        """Do what is wished, and return what is known now."""
        raise NotImplementedError

    def _listen(self) -> None:
        with self.folder.log.open("rb") as log:
            log.seek(self._heard)
            while block := log.read(_BLOCK):
                self._heard += len(block)
                self._account.hear(block)

    def _found(self) -> str:
        with self.folder.result.open("rb") as result:
            return result.read(_MOST_RESULT).decode("utf-8", "replace")


class _Run(_Watched):
    """A process on its leash; `free` is set when it no longer hangs on the program."""

    is_free = False

    def __init__(self, number: int, order: Order, folder: JobFolder) -> None:
        super().__init__(number, order, folder)
        self.free = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def look(self) -> JobState:
        """Do what is wished, and return what is known now."""
        try:
            if self._process is None:
                self._process = self._start()
            return self._next(self._process)
        except OSError as error:
            self._status = "failed"
            self.free.set()
            reason, log = error.strerror or error, self.folder.log
            return self.state(tr("jobs.no_start", reason=reason, file=log))

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            self.folder.path.mkdir(parents=True)
        except OSError:  # a full or forbidden home is no reason not to work
            self.folder = JobFolder(Path(tempfile.mkdtemp(prefix="mmfeat-job-")))
        command = [sys.executable, "-m", "mmfeat_gui.workers.leash", str(self.folder.path)]
        command += self.order.arguments
        with self.folder.log.open("wb") as log, self.folder.result.open("wb") as result:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=result,
                stderr=log,
                env={**os.environ, **_ENVIRONMENT},
                start_new_session=True,  # Ctrl-C in the terminal of the window is not for it
            )

    def _next(self, process: subprocess.Popen[bytes]) -> JobState:
        leash = process.stdin
        assert leash is not None
        code = process.poll()  # before its last words are read
        self._listen()
        if code is not None:
            _let_go(leash)
            self.free.set()
            stopped = self._status == "stopping"
            self._status, sentence = self._account.ending(code, stopped)
            return self.state(sentence, self._found())
        if self.wish == "keep" and self._status == "running":
            self.folder.remember(self.order)
            leash.write(FREE)
            _let_go(leash)
            self.free.set()
            self._status = "kept"
            return self.state(tr("jobs.kept", file=self.folder.log))
        if self.wish in ("stop", "end") and self._status == "running":
            self._status = "stopping"
            _let_go(leash)
        if self.wish == "end":
            process.kill()
        return self.state()


class _Kept(_Watched):
    """A job that an earlier program has let go on, known by its folder alone."""

    is_free = True

    def look(self) -> JobState:
        """Do what is wished, and return what is known now."""
        lives = self.folder.is_held()  # before its last words are read
        try:
            if not self._heard:
                self._heard = self.folder.last_lines(_MOST_HEARD)
            self._listen()
            if lives:
                return self._going()
            stopped = self.folder.hears("stop")
            self._status, sentence = self._account.ending(self.folder.status(), stopped)
            return self.state(sentence, self._found())
        except OSError as error:
            self._status = "failed"
            reason, log = error.strerror or error, self.folder.log
            return self.state(tr("jobs.unread", reason=reason, file=log))

    def _going(self) -> JobState:
        if self.wish in ("stop", "end"):
            self.folder.say("stop")
        if self.wish == "end":
            self.folder.say("end")
        self._status = "stopping" if self.folder.hears("stop") else "running"
        return self.state(tr("jobs.kept", file=self.folder.log))


def _let_go(leash: IO[bytes]) -> None:
    with suppress(OSError):  # the process has ended already
        leash.close()


class Jobs(QObject):
    """The jobs of the program.

    Parameters
    ----------
    folder : Path or None
        Where their logs go; by default `jobs_folder`.

    Attributes
    ----------
    states : dict of int to JobState
        By number, in the order in which they were started or found; those in no list among them.

    Signals
    -------
    changed(JobState)
        Something of a job is other than before; a new job is told too.
    ended(JobState)
        A job has ended, in whatever way.
    forgotten(number)
        A job is no longer listed.
    """

    changed = Signal(object)
    ended = Signal(object)
    forgotten = Signal(int)
    _told = Signal(object)

    def __init__(self, folder: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.states: dict[int, JobState] = {}
        self._folder = folder
        self._numbers = itertools.count(1)
        self._runs: dict[int, _Watched] = {}  # those whose process is there
        self._kept: list[_Watched] = []  # those that go on without the window
        self._folders: set[Path] = set()  # of all that were ever listed
        self._lock = threading.Lock()
        self._bell = threading.Event()
        self._thread: threading.Thread | None = None
        self._told.connect(self._take, Qt.ConnectionType.QueuedConnection)

    @property
    def running(self) -> list[JobState]:
        """The listed jobs whose process is there and hangs on this program."""
        return [
            state
            for state in self.states.values()
            if state.runs and not state.free and not state.order.aside
        ]

    @property
    def busy(self) -> bool:
        """Whether any process is there, or is not known to have ended."""
        return any(state.runs for state in self.states.values())

    def start(self, order: Order) -> int:
        """Begin a job, and return its number."""
        number = next(self._numbers)
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{number}"
        run = _Run(number, order, JobFolder(self._parent() / name))
        self._list(run, run.state())
        return number

    def find_kept(self) -> list[tuple[_Watched, JobState]]:
        """Find the jobs that earlier programs have let go on; it reads files: for a thread."""
        found = []
        for folder in kept_folders(self._parent()):
            order = folder.order()
            if order is not None:
                run = _Kept(next(self._numbers), order, folder)
                found.append((run, run.look()))
        return found

    def list_kept(self, found: list[tuple[_Watched, JobState]]) -> None:
        """List what `find_kept` has found and is not listed yet."""
        for run, state in found:
            if run.folder.path not in self._folders:
                self._list(run, state)

    def _parent(self) -> Path:
        return self._folder or jobs_folder()

    def _list(self, run: _Watched, state: JobState) -> None:
        self.states[run.number] = state
        self._folders.add(run.folder.path)
        if state.runs:
            with self._lock:
                self._runs[run.number] = run
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._work, name="mmfeat-jobs", daemon=True
                    )
                    self._thread.start()
            self._bell.set()
        self.changed.emit(state)

    def stop(self, number: int) -> None:
        """Interrupt a job as Ctrl-C does; one that was interrupted already is ended at once."""
        state = self.states.get(number)
        if state is not None and state.runs:
            self._wish(number, "end" if state.status == "stopping" else "stop")

    def stop_all(self) -> None:
        """Interrupt all jobs but those that hang on this program no more."""
        for number, run in list(self._runs.items()):
            if not run.is_free:
                self._wish(number, "stop")

    def keep_all(self) -> None:
        """Let all listed jobs go on when the program ends; the others are ended.

        On return the program may end at once.
        """
        for number, run in list(self._runs.items()):
            self._wish(number, "end" if run.order.aside else "keep")
        for state in self.running:
            kept = self._runs.get(state.number)
            if isinstance(kept, _Run) and state.status == "running":
                kept.free.wait(_GRACE)

    def forget(self, number: int) -> None:
        """Take a job that has ended out of the list, and what it left if it was found again."""
        state = self.states.get(number)
        if state is None or state.runs:
            return
        del self.states[number]
        if state.free:
            JobFolder(state.log.parent).clean()
        self.forgotten.emit(number)

    def _wish(self, number: int, wish: Wish) -> None:
        with self._lock:
            run = self._runs.get(number)
        if run is not None:
            run.wish = wish
            self._bell.set()

    @Slot(object)
    def _take(self, state: JobState) -> None:
        before = self.states.get(state.number)
        if before is None:
            return
        self.states[state.number] = state
        if state != before:
            self.changed.emit(state)
        if before.runs and not state.runs:
            self.ended.emit(state)
            if state.order.aside:
                self.forget(state.number)

    # On the jobs' thread.

    def _work(self) -> None:
        last: dict[int, JobState] = {}
        while True:
            with self._lock:
                runs = list(self._runs.values())
                if not runs:
                    self._thread = None
                    return
            for run in runs:
                state = run.look()
                if state != last.get(run.number):
                    last[run.number] = state
                    if not self._tell(state):
                        return
                if not state.runs:
                    with self._lock:
                        del self._runs[run.number]
                    if state.status == "kept":
                        self._kept.append(run)
                    elif not run.is_free:
                        run.folder.clean()  # what matters of them is in the state
            self._bell.wait(_PAUSE)
            self._bell.clear()

    def _tell(self, state: JobState) -> bool:
        """Tell the window; return false if it is no more."""
        try:
            self._told.emit(state)
        except RuntimeError:
            return False
        return True


_shared: list[Jobs] = []


def shared_jobs() -> Jobs:
    """Return the jobs of the program, which all its windows list."""
    if not _shared:
        _shared.append(Jobs(parent=QCoreApplication.instance()))
    return _shared[0]


def start_demo(jobs: Jobs, folder: Path) -> int:
    """Make the demo in a folder; the result of the job says where its ``atlas`` is."""
    command = ("demo", "--out", str(folder), "--no-view")
    return jobs.start(Order("demo", (command,), folder))
