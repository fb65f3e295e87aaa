"""The one thread that touches files: it owns the atlas and answers requests in order.

h5py serialises all calls on one lock, so more threads would only wait for each other.
A request is stamped with the generation of its channel; a newer one in the same channel
makes it stale, and stale requests are neither read nor delivered.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal, Slot

from mmfeat.errors import MmfeatError
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.workers.pages import PageStore

Channel = Literal["open", "beside", "page", "card"]


@dataclass(frozen=True)
class _Request:
    channel: Channel
    generation: int
    epoch: int
    what: str
    argument: Path | int


@dataclass(frozen=True)
class _Answer:
    request: _Request
    result: object = None
    error: str = ""
    stale: bool = False


class Reader(QObject):
    """Asks the reading thread and delivers its answers on the thread it lives in.

    Signals
    -------
    opened(Summary), beside_ready(Summary)
    feature_ready(LoadedFeature), item_ready(LoadedItem), card_ready(Card)
        What was asked for last in its channel.
    failed(channel, sentence)
        Why it cannot be had.
    idle()
        Every request has been answered or dropped.
    """

    opened = Signal(object)
    beside_ready = Signal(object)
    feature_ready = Signal(object)
    item_ready = Signal(object)
    card_ready = Signal(object)
    failed = Signal(str, str)
    idle = Signal()
    _answered = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._generation: dict[Channel, int] = {"open": 0, "beside": 0, "page": 0, "card": 0}
        self._epoch = 0  # which opened atlas the window shows
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
        self._ask("open", "open", path)

    def open_beside(self, path: Path) -> None:
        """Open an atlas to compare the present one with, in place of another one beside it."""
        self._ask("beside", "beside", path)

    def show_feature(self, feature: int) -> None:
        """Read the page of a feature; an earlier page not yet read is dropped."""
        self._ask("page", "feature", feature)

    def show_item(self, item: int) -> None:
        """Read the page of an item; an earlier page not yet read is dropped."""
        self._ask("page", "item", item)

    def show_card(self, feature: int) -> None:
        """Read the hover card of a feature."""
        self._ask("card", "card", feature)

    def show_card_beside(self, feature: int) -> None:
        """Read the hover card of a feature of the atlas beside the present one."""
        self._ask("card", "beside_card", feature)

    def forget_card(self) -> None:
        """Drop the hover card asked for: the cursor has left."""
        self._generation["card"] += 1

    def close(self) -> None:
        """End the thread, close the file and wait for both."""
        if self._thread.is_alive():
            for channel in self._generation:
                self._generation[channel] += 1
            self._queue.put(None)
            self._thread.join()

    def _ask(self, channel: Channel, what: str, argument: Path | int) -> None:
        self._generation[channel] += 1
        self._pending += 1
        request = _Request(channel, self._generation[channel], self._epoch, what, argument)
        self._queue.put(request)

    def _is_stale(self, request: _Request) -> bool:
        return request.generation != self._generation[request.channel]

    @Slot(object)
    def _receive(self, answer: _Answer) -> None:
        """Deliver an answer, unless a newer request was made while it was on its way."""
        if not self._thread.is_alive():
            return
        self._pending -= 1
        request = answer.request
        if request.what == "open" and answer.result is not None:
            # Never stale: the thread reads from this atlas now, whatever came after.
            self._epoch = request.generation
            self.opened.emit(answer.result)
        elif request.what == "beside" and answer.result is not None:
            if request.epoch == self._epoch:
                self.beside_ready.emit(answer.result)
        elif not (answer.stale or self._is_stale(request)):
            if answer.error:
                self.failed.emit(request.channel, answer.error)
            elif request.epoch == self._epoch:
                signal = {
                    "feature": self.feature_ready,
                    "item": self.item_ready,
                    "card": self.card_ready,
                    "beside_card": self.card_ready,
                }[request.what]
                signal.emit(answer.result)
        if not self._pending:
            self.idle.emit()

    # The rest runs on the reading thread.

    def _work(self) -> None:
        store = PageStore()
        epoch = 0
        try:
            while (request := self._queue.get()) is not None:
                # A page of the atlas before must not be read from the new one.
                other = request.what != "open" and request.epoch != epoch
                if other or self._is_stale(request):
                    self._answered.emit(_Answer(request, stale=True))
                    continue
                try:
                    answer = _Answer(request, store.answer(request.what, request.argument))
                    if request.what == "open":
                        epoch = request.generation
                except MmfeatError as error:
                    answer = _Answer(request, error=str(error))
                except Exception as error:
                    # Whatever is wrong with a file must reach the window as a sentence.
                    reason = " ".join(str(error).split()) or type(error).__name__
                    file = store.file_name(request.argument)
                    sentence = tr("error.read", file=file, reason=reason)
                    answer = _Answer(request, error=sentence)
                self._answered.emit(answer)
        finally:
            store.close()
