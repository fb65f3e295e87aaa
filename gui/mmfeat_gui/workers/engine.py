"""A process for what needs a backbone, and the thread of the window that talks to it.

The process begins with the first request and keeps atlas and backbone for the next. It is asked
one thing at a time. What is no longer wanted is given up there between two steps of the work;
where the user wants an end and there is none within a moment, the process is ended. If it ends of
itself, that is one sentence, and the next request begins another.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import connection as pipes
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.workers.engine_child import Answered, Call, Doing, EngineRequest, Stop, serve

_GRACE = 1.0  # seconds in which a request that was cancelled may end by itself

T = TypeVar("T")


@dataclass(frozen=True)
class _Asked:
    """A request with who is to be told, and the stamp that tells whether anyone still is."""

    number: int
    channel: str
    generation: int
    request: EngineRequest[Any]
    done: Callable[[Any], None]
    failed: Callable[[str], None] | None
    progress: Callable[[Doing], None] | None


@dataclass(frozen=True)
class _News:
    """What there is to tell of a request; the last of it is an answer."""

    asked: _Asked
    what: Doing | Answered


class _Process:
    """The engine's process and this end of the pipe to it."""

    def __init__(self) -> None:
        # Begun anew, not forked: nothing of the window or its display is in it.
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(theirs,), name="mmfeat-engine", daemon=True
        )
        self._process.start()
        theirs.close()

    def end(self) -> int | None:
        """End it, wait until it has ended, and return its exit status."""
        self.pipe.close()
        self._process.kill()
        self._process.join()
        return self._process.exitcode

    def ended(self) -> int | None:
        """Return the exit status of a process that has closed the pipe."""
        self._process.join(_GRACE)  # it may write its last words
        status = self._process.exitcode
        self.end()
        return status


class Engine(QObject):
    """Asks the engine's process and delivers its answers on the thread this object lives in.

    Attributes
    ----------
    backbones : dict of str to str
        Where backbones are that are not where an atlas says: by the SPEC of the atlas, another.

    Signals
    -------
    failed(sentence)
        Why something cannot be had whose asker did not want to know himself.
    missing(sentence)
        Why the backbone of a request cannot be used; whoever asked is told too.
    backbones_changed()
        The user has said where a backbone is.
    idle()
        Every request has been answered or dropped.
    """

    failed = Signal(str)
    missing = Signal(str)
    backbones_changed = Signal()
    idle = Signal()
    _told = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.backbones: dict[str, str] = {}
        self._generation: dict[str, int] = {}
        self._waiting: deque[_Asked] = deque()  # both ends are safe between threads
        self._number = 0
        self._pending = 0
        self._cancelled: dict[str, int] = {}  # by channel, the last request that must end
        self._closing = False
        self._thread: threading.Thread | None = None
        self._bell, self._ringer = multiprocessing.Pipe(duplex=False)
        self._told.connect(self._receive, Qt.ConnectionType.QueuedConnection)

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._pending > 0

    def ask(
        self,
        request: EngineRequest[T],
        done: Callable[[T], None],
        failed: Callable[[str], None] | None = None,
        progress: Callable[[Doing], None] | None = None,
    ) -> None:
        """Compute something; older requests of its channel are given up.

        Parameters
        ----------
        request : EngineRequest
        done : callable (result)
            Called on the thread that this object lives in.
        failed : callable (sentence) or None
            The same; None leaves it to the signal `failed`.
        progress : callable (Doing) or None
            The same, some times while it is computed.
        """
        if self._closing:
            return
        self._number += 1
        self._pending += 1
        channel = request.channel
        self._generation[channel] = self._generation.get(channel, 0) + 1
        stamp = (self._number, channel, self._generation[channel])
        self._waiting.append(_Asked(*stamp, request, done, failed, progress))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="mmfeat-engine", daemon=True)
            self._thread.start()
        self._ring()

    def cancel(self, channel: str) -> None:
        """Drop what was asked for in a channel; if it does not end, the process is ended."""
        self._generation[channel] = self._generation.get(channel, 0) + 1
        self._cancelled[channel] = self._number
        if self._thread is not None:
            self._ring()

    def point(self, spec: str, place: str) -> None:
        """Remember where the backbone of a SPEC is."""
        self.backbones[spec] = place
        self.backbones_changed.emit()

    def close(self) -> None:
        """End the process and the thread, and wait for both."""
        if self._closing:
            return
        self._closing = True
        if self._thread is not None:
            self._ring()
            self._thread.join()
        self._bell.close()
        self._ringer.close()

    def _ring(self) -> None:
        """Wake the thread."""
        self._ringer.send_bytes(b"!")

    def _is_stale(self, asked: _Asked) -> bool:
        return asked.generation != self._generation[asked.channel]

    @Slot(object)
    def _receive(self, news: _News) -> None:
        """Tell whoever asked, unless a newer request was made while the answer was on its way."""
        if self._closing:
            return
        asked, what = news.asked, news.what
        last = isinstance(what, Answered)
        self._pending -= last
        if not self._is_stale(asked):
            if isinstance(what, Doing):
                if asked.progress is not None:
                    asked.progress(what)
            elif what.error:
                reason = what.error
                sentence = tr("engine.unforeseen", reason=reason) if what.unforeseen else reason
                (asked.failed or self.failed.emit)(sentence)
                if what.missing:
                    self.missing.emit(sentence)
            else:
                asked.done(what.result)
        if last and not self._pending:
            self.idle.emit()

    # The rest runs on the engine's thread.

    def _work(self) -> None:
        process: _Process | None = None
        try:
            while not self._closing:
                asked = self._next()
                if asked is None:
                    process = self._rest(process)
                else:
                    process, answer = self._computed(process, asked)
                    self._told.emit(_News(asked, answer))
        finally:
            if process is not None:
                process.end()

    def _next(self) -> _Asked | None:
        """Return what is to be computed next; what is stale is dropped."""
        while self._waiting:
            asked = self._waiting.popleft()
            if not self._is_stale(asked):
                return asked
            self._told.emit(_News(asked, Answered(asked.number)))
        return None

    def _rest(self, process: _Process | None) -> _Process | None:
        """Wait for the next request; return the process if it is still there then."""
        ready = pipes.wait([self._bell] if process is None else [self._bell, process.pipe])
        if self._bell in ready:
            self._bell.recv_bytes()
        if process is not None and process.pipe in ready:
            process.ended()  # it has nothing to say now
            return None
        return process

    def _computed(
        self, process: _Process | None, asked: _Asked
    ) -> tuple[_Process | None, Answered]:
        """Have a request computed; return the process if it is still there, and the answer."""
        stopped = 0.0  # when the process was told that nobody waits
        try:
            process = process or _Process()
        except OSError as error:  # no memory, or too many processes
            return None, Answered(asked.number, error=str(error), unforeseen=True)
        try:
            process.pipe.send(Call(asked.number, asked.request))
            while True:
                ready = pipes.wait([self._bell, process.pipe], _GRACE if stopped else None)
                if process.pipe in ready:
                    said = process.pipe.recv()
                    if isinstance(said, Answered):
                        return process, said
                    self._told.emit(_News(asked, said))
                if self._bell in ready:
                    self._bell.recv_bytes()
                if self._closing:
                    return process, Answered(asked.number)
                if self._is_stale(asked) and not stopped:
                    stopped = time.monotonic()
                    process.pipe.send(Stop(asked.number))
                cancelled = asked.number <= self._cancelled.get(asked.channel, 0)
                if stopped and cancelled and time.monotonic() - stopped >= _GRACE:
                    process.end()
                    return None, Answered(asked.number)
        except (EOFError, OSError):
            return None, Answered(asked.number, error=_crash(process.ended()))


def _crash(status: int | None) -> str:
    """Return a sentence on a process that has ended of itself."""
    try:
        reason = signal.Signals(-(status or 0)).name
    except ValueError:
        reason = str(status)
    return tr("engine.crashed", reason=reason)
