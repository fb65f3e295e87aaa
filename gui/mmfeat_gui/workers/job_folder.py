"""The folder of a job: what it prints, and what it and the viewer tell each other there.

A job holds the lock of its folder for as long as it lives. That tells whether it runs when the
viewer that began it is no more: numbers of processes are used again, a lock ends with its holder.
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from mmfeat.errors import MmfeatError
from mmfeat.files import whole_file
from mmfeat_gui.resources.strings import has
from mmfeat_gui.state.jobs import Order

Word = Literal["stop", "end"]

_PATIENCE = 10.0  # seconds; who looks whether the lock is held has it for a moment
_LARGEST = 1 << 20  # bytes of an order


class JobFolder:
    """A folder, which need not be there yet.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    log, result : Path
        What the job prints on standard error, and on standard output.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log, self.result = path / "log.txt", path / "result.jsonl"
        self._order, self._status = path / "order.json", path / "status"

    def clean(self) -> None:
        """Take it away."""
        shutil.rmtree(self.path, ignore_errors=True)

    # What the job does there.

    def hold(self) -> FileLock | None:
        """Take the lock; it is held as long as the process lives and what is returned is kept."""
        lock = FileLock(self.path / "lock")
        try:
            lock.acquire(timeout=_PATIENCE)
        except (OSError, Timeout):  # no reason not to work
            return None
        return lock

    def leave_status(self, status: int) -> None:
        """Say with which status the job ends."""
        with suppress(OSError):
            self._status.write_text(str(status))

    def hears(self, word: Word) -> bool:
        """Return whether the viewer has said a word."""
        return (self.path / word).exists()

    # What the viewer does there.

    def say(self, word: Word) -> None:
        """Tell a job that goes on without the viewer to stop, or to end at once."""
        (self.path / word).touch()

    def is_held(self) -> bool:
        """Return whether the job lives."""
        lock = FileLock(self.path / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        except OSError:  # the folder is no more
            return False
        lock.release()
        return False

    def status(self) -> int | None:
        """Return the status with which the job ended; None where it could not say it."""
        try:
            return int(self._status.read_text())
        except (OSError, ValueError):
            return None

    def remember(self, order: Order) -> None:
        """Keep what was ordered, so that a later viewer finds the job."""
        out = None if order.out is None else str(order.out.absolute())
        data = {"kind": order.kind, "commands": order.commands, "out": out}
        # A job goes on, found again or not.
        with suppress(OSError, MmfeatError), whole_file(self._order) as temporary:
            temporary.write_text(json.dumps(data), "utf-8")

    def order(self) -> Order | None:
        """Return what was ordered; None where it was not kept, or is not to be read."""
        try:
            if self._order.stat().st_size > _LARGEST:
                return None
            data: Any = json.loads(self._order.read_text("utf-8"))
            kind, out = str(data["kind"]), data["out"]
            commands = tuple(tuple(str(word) for word in own) for own in data["commands"])
            order = Order(kind, commands, None if out is None else Path(out))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return order if has(f"job.{kind}") else None

    def last_lines(self, most: int) -> int:
        """Return where in the log the first whole line of its last `most` bytes begins."""
        with self.log.open("rb") as log:
            start = max(0, self.log.stat().st_size - most)
            log.seek(start)
            return start + len(log.readline()) if start else 0


def kept_folders(parent: Path) -> list[JobFolder]:
    """Return the folders of jobs that earlier viewers have let go on, the oldest first."""
    return [JobFolder(path.parent) for path in sorted(parent.glob("*/order.json"))]
