"""Small file work that is not reading an atlas, such as saving a session, off the GUI thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from mmfeat.errors import MmfeatError
from mmfeat_gui.resources.strings import tr

T = TypeVar("T")


class Tasks(QObject):
    """Runs functions one after the other on a thread and tells how they ended.

    Signals
    -------
    failed(sentence)
        Why a task failed whose asker did not want to know himself.
    idle()
        Nothing is left to do.
    """

    failed = Signal(str)
    idle = Signal()
    _ended = Signal(object, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="mmfeat-tasks")
        self._pending = 0
        self._open = True
        self._ended.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    @property
    def busy(self) -> bool:
        """Whether something is still to be done."""
        return self._pending > 0

    def run(
        self,
        task: Callable[[], T],
        done: Callable[[T], None] | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> None:
        """Run a function on the thread; `done` or `failed` is called on this object's thread."""
        if not self._open:
            return
        self._pending += 1
        future = self._pool.submit(task)
        future.add_done_callback(lambda ended: self._ended.emit(ended, done, failed))

    def close(self) -> None:
        """Do what is left, and end the thread."""
        self._open = False
        self._pool.shutdown()

    @Slot(object, object, object)
    def _deliver(
        self,
        ended: Future[Any],
        done: Callable[[Any], None] | None,
        failed: Callable[[str], None] | None,
    ) -> None:
        self._pending -= 1
        error = ended.exception()
        if self._open:
            if error is not None:
                (failed or self.failed.emit)(_sentence(error))
            elif done is not None:
                done(ended.result())
        if not self._pending:
            self.idle.emit()


def _sentence(error: BaseException) -> str:
    if isinstance(error, MmfeatError):
        return str(error)
    reason = " ".join(str(error).split()) or type(error).__name__
    return tr("error.task", reason=reason)
