"""Work that runs in processes of its own: what was ordered, and what is known of it."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mmfeat_gui.resources.strings import tr

AND = "&&"
_MOST_LINES = 400
_LONGEST_LINE = 2000
_ERROR, _INTERRUPTED = "Error: ", "Interrupted"

Status = Literal["running", "stopping", "done", "stopped", "failed", "kept"]


@dataclass(frozen=True)
class Order:
    """Commands of mmfeat that are run one after the other, each if the one before was well.

    Attributes
    ----------
    kind : str
        What it is; ``job.<kind>`` is its name for people.
    commands : tuple of tuple of str
        What stands after ``mmfeat`` in each.
    out : Path or None
        The file or folder that is made.
    aside : bool
        Whether it only answers a question of the window, such as what an extraction would
        take: it is in no list, and nobody is asked before it is ended.
    """

    kind: str
    commands: tuple[tuple[str, ...], ...]
    out: Path | None = None
    aside: bool = False

    @property
    def text(self) -> str:
        """The same to paste into a shell."""
        join = subprocess.list2cmdline if sys.platform == "win32" else shlex.join
        return f" {AND} ".join(join(["mmfeat", *command]) for command in self.commands)

    @property
    def arguments(self) -> list[str]:
        """All commands in a row, with results as JSON."""
        found: list[str] = []
        for command in self.commands:
            found += [*([AND] if found else []), *command, "--json"]
        return found

    @property
    def title(self) -> str:
        """Its name for people, with what is made."""
        name = tr(f"job.{self.kind}")
        return name if self.out is None else f"{name} · {self.out.name}"


@dataclass(frozen=True)
class Step:
    """How far a stage is.

    Attributes
    ----------
    stage : str
        What is done.
    done : int
    total : int or None
        None where nobody knows.
    note : str
        How it goes.
    """

    stage: str
    done: int
    total: int | None
    note: str

    def line(self) -> str:
        """Return it in one line."""
        count = f"{self.done:,}" if self.total is None else f"{self.done:,} / {self.total:,}"
        return " · ".join(part for part in (self.stage, count, self.note) if part)


@dataclass(frozen=True)
class JobState:
    """What is known of a job.

    Attributes
    ----------
    number : int
        Which job of the window's it is.
    order : Order
    status : str
        ``kept`` is one that goes on without the window.
    step : Step or None
        How far it is.
    lines : tuple of str
        The last of what it printed.
    results : tuple of dict
        Of each command, what it printed as JSON.
    sentence : str
        Why it failed, or what stopping it has left; empty otherwise.
    log : Path
        The file that holds all it prints.
    free : bool
        Whether an earlier viewer let it go on: it does not hang on this one.
    """

    number: int
    order: Order
    status: Status
    log: Path
    step: Step | None = None
    lines: tuple[str, ...] = ()
    results: tuple[dict[str, Any], ...] = ()
    sentence: str = ""
    free: bool = False

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self.status in ("running", "stopping")

    @property
    def result(self) -> dict[str, Any]:
        """What all commands printed together."""
        return {key: value for own in self.results for key, value in own.items()}


class Account:
    """Listens to the lines that a job prints on standard error."""

    def __init__(self) -> None:
        self.step: Step | None = None
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._rest = b""

    def hear(self, block: bytes) -> None:
        """Take what was printed since the last time; an unfinished line waits for its end."""
        *lines, self._rest = (self._rest + block).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:  # no line of ours
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._take(line.decode("utf-8", "replace").rstrip()[:_LONGEST_LINE])

    def _take(self, line: str) -> None:
        step = _step(line)
        if step is not None:
            self.step = step
        elif line:
            self._lines.append(line)

    @property
    def lines(self) -> tuple[str, ...]:
        """The last lines that speak to people."""
        return tuple(self._lines)

    def ending(self, status: int | None, stopped: bool) -> tuple[Status, str]:
        """Return how a process ended, and the sentence on it.

        Parameters
        ----------
        status : int or None
            Its exit status; below 0 the number of the signal that ended it. None where nobody
            saw it end.
        stopped : bool
            Whether it was told to stop.
        """
        if self._rest:
            self._take(self._rest.decode("utf-8", "replace").rstrip())
            self._rest = b""
        if status == 0:
            return "done", ""
        if stopped:
            said = [line for line in self._lines if line.startswith(_INTERRUPTED)]
            return "stopped", said[-1] if said else tr("jobs.stopped")
        errors = [line for line in self._lines if line.startswith(_ERROR)]
        if errors:
            return "failed", errors[-1].removeprefix(_ERROR)
        if status is None:
            return "failed", tr("jobs.vanished")
        if status < 0:
            return "failed", tr("jobs.crashed", reason=_signal(-status))
        last = self._lines[-1] if self._lines else ""
        return "failed", tr("jobs.failed", status=status, reason=last).strip()


def results(text: str) -> tuple[dict[str, Any], ...]:
    """Return what commands printed with ``--json``: an object a line; other lines are left out."""
    found = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found.append(value)
    return tuple(found)


def _step(line: str) -> Step | None:
    """Return what a line says of the progress, as `mmfeat.progress.LineProgress` writes it."""
    if not line.startswith('{"stage":'):
        return None
    try:
        found = json.loads(line)
        total = found["total"]
        return Step(
            str(found["stage"]),
            int(found["done"]),
            None if total is None else int(total),
            str(found["note"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
