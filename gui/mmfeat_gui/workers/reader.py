"""The one thread that touches atlases: it owns them and answers requests in order.

h5py serialises all calls on one lock, so more threads would only wait for each other. A request
is stamped with the generation of its channel; a newer one in the same channel makes it stale,
and what is stale is neither read nor delivered. Long reading comes in slices: between two of
them whatever else was asked for is answered first.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from mmfeat.errors import MmfeatError
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.workers.atlases import Atlases

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Request(Protocol[T_co]):
    """Something to be read of the open atlases; a frozen dataclass.

    Attributes
    ----------
    channel : str
        A newer request of the same channel makes an older one stale.
    """

    channel: ClassVar[str]

    def read(self, atlases: Atlases) -> T_co:
        """Read it, on the reading thread."""
        ...


class Slices(Protocol[T_co]):
    """Something long to be read, a slice of some milliseconds at a time; a frozen dataclass."""

    channel: ClassVar[str]

    def slices(self, atlases: Atlases) -> Iterator[T_co | None]:
        """Read it slice by slice, on the reading thread; each is delivered when it is there.

        None is a slice after which there is nothing to deliver yet.
        """
        ...


@dataclass(frozen=True)
class _Open:
    """Opens an atlas in place of the present one or beside it."""

    path: Path
    beside: bool


@dataclass(frozen=True)
class _Asked:
    """A request with who is to be told, and the stamp that tells whether anyone still is."""

    channel: str
    generation: int
    epoch: int
    what: Any
    done: Callable[[Any], None]
    failed: Callable[[str], None] | None
    finished: Callable[[], None] | None = None


@dataclass(frozen=True)
class _Answer:
    asked: _Asked
    result: Any = None
    error: str = ""
    stale: bool = False
    last: bool = True


class Reader(QObject):
    """Asks the reading thread and delivers its answers on the thread it lives in.

    Signals
    -------
    opened(Summary), beside_ready(Summary)
        An atlas is open, in place of the one before or beside it.
    failed(sentence)
        Why something cannot be had whose asker did not want to know himself.
    idle()
        Every request has been answered or dropped.
    """

    opened = Signal(object)
    beside_ready = Signal(object)
    failed = Signal(str)
    idle = Signal()
    _answered = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._generation: dict[str, int] = {}
        self._epoch = 0  # which opened atlas the window shows
        self._opened = 0
        self._pending = 0
        self._answered.connect(self._receive, Qt.ConnectionType.QueuedConnection)
        self._thread = threading.Thread(target=self._work, name="mmfeat-reader", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._pending > 0

    def open(self, path: Path) -> None:
        """Open an atlas in place of the present one, which stays if that fails."""
        self._put("open", _Open(path, beside=False), self._take_opened)

    def open_beside(self, path: Path) -> None:
        """Open an atlas to compare the present one with, in place of another one beside it."""
        self._put("beside", _Open(path, beside=True), self.beside_ready.emit)

    def ask(
        self,
        request: Request[T],
        done: Callable[[T], None],
        failed: Callable[[str], None] | None = None,
    ) -> None:
        """Read something; older requests of its channel that are not yet read are dropped.

        Parameters
        ----------
        request : Request
        done : callable (result)
            Called on the thread that this object lives in.
        failed : callable (sentence) or None
            The same; None leaves it to the signal `failed`.
        """
        self._put(request.channel, request, done, failed)

    def follow(
        self,
        request: Slices[T],
        each: Callable[[T], None],
        finished: Callable[[], None] | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> None:
        """Read something long; `each` is called with every slice, `finished` after the last."""
        self._put(request.channel, request, each, failed, finished)

    def forget(self, channel: str) -> None:
        """Drop what was asked for in a channel: nobody waits for it any more."""
        self._generation[channel] = self._generation.get(channel, 0) + 1

    def close(self) -> None:
        """End the thread, close the files and wait for both."""
        if self._thread.is_alive():
            for channel in self._generation:
                self._generation[channel] += 1
            self._queue.put(None)
            self._thread.join()

    def _put(
        self,
        channel: str,
        what: Any,
        done: Callable[[Any], None],
        failed: Callable[[str], None] | None = None,
        finished: Callable[[], None] | None = None,
    ) -> None:
        self.forget(channel)
        self._pending += 1
        stamp = (channel, self._generation[channel], self._epoch)
        self._queue.put(_Asked(*stamp, what, done, failed, finished))

    def _is_stale(self, asked: _Asked) -> bool:
        return asked.generation != self._generation[asked.channel]

    @Slot(object)
    def _receive(self, answer: _Answer) -> None:
        """Deliver an answer, unless a newer request was made while it was on its way."""
        if not self._thread.is_alive():
            return
        self._pending -= answer.last
        asked = answer.asked
        if isinstance(asked.what, _Open) and not asked.what.beside and not answer.error:
            if not answer.stale:
                # Never too late: the thread reads from this atlas now, whatever came after.
                self._epoch = asked.generation
                asked.done(answer.result)
        elif not (answer.stale or self._is_stale(asked)):
            if answer.error:
                (asked.failed or self.failed.emit)(answer.error)
            elif asked.epoch == self._epoch:
                if answer.result is not None:
                    asked.done(answer.result)
                if answer.last and asked.finished is not None:
                    asked.finished()
        if not self._pending:
            self.idle.emit()

    def _take_opened(self, summary: object) -> None:
        self.opened.emit(summary)

    # The rest runs on the reading thread.

    def _work(self) -> None:
        atlases = Atlases()
        running: deque[tuple[_Asked, Iterator[Any]]] = deque()
        try:
            while True:
                try:
                    asked = self._queue.get(block=not running)
                except queue.Empty:
                    self._advance(running, atlases)
                    continue
                if asked is None:
                    return
                if self._has_gone(asked):
                    self._answered.emit(_Answer(asked, stale=True))
                elif hasattr(asked.what, "slices"):
                    running.append((asked, asked.what.slices(atlases)))
                else:
                    self._answer(atlases, asked, partial(self._read, asked, atlases))
        finally:
            atlases.close()

    def _has_gone(self, asked: _Asked) -> bool:
        """Whether nobody waits for an answer, or the atlas it is about is no longer open."""
        replaced = isinstance(asked.what, _Open) and not asked.what.beside
        return self._is_stale(asked) or (not replaced and asked.epoch != self._opened)

    def _read(self, asked: _Asked, atlases: Atlases) -> _Answer:
        what = asked.what
        if not isinstance(what, _Open):
            return _Answer(asked, what.read(atlases))
        if what.beside:
            return _Answer(asked, atlases.open_beside(what.path))
        summary = atlases.open(what.path)
        self._opened = asked.generation
        return _Answer(asked, summary)

    def _advance(self, running: deque[tuple[_Asked, Iterator[Any]]], atlases: Atlases) -> None:
        """Read a slice of what has waited longest."""
        asked, slices = running.popleft()
        if self._has_gone(asked):
            self._answered.emit(_Answer(asked, stale=True))
            return

        def read() -> _Answer:
            try:
                found = _Answer(asked, next(slices), last=False)
            except StopIteration:
                return _Answer(asked)
            running.append((asked, slices))
            return found

        self._answer(atlases, asked, read)

    def _answer(self, atlases: Atlases, asked: _Asked, read: Callable[[], _Answer]) -> None:
        try:
            answer = read()
        except MmfeatError as error:
            answer = _Answer(asked, error=str(error))
        except Exception as error:
            # Whatever is wrong with a file must reach the window as a sentence.
            reason = " ".join(str(error).split()) or type(error).__name__
            name = asked.what.path.name if isinstance(asked.what, _Open) else atlases.name
            sentence = tr("error.read", file=name, reason=reason)
            answer = _Answer(asked, error=sentence)
        self._answered.emit(answer)
