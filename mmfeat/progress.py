"""Progress of long work: the library reports steps, the caller decides how to show them.

The command line draws bars. With ``MMFEAT_PROGRESS=json`` in the environment it writes lines for
programs instead, see `LineProgress`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

_PAUSE = 0.1  # seconds between two lines of a stage, at least


class Advance(Protocol):
    """What a stage is told."""

    def __call__(self, steps: int, note: str = "", /) -> object:
        """Say that so many steps more are done, and how it goes."""
        ...


class Progress(Protocol):
    """What long-running functions report to."""

    def stage(self, description: str, total: int | None) -> AbstractContextManager[Advance]:
        """Begin a stage of `total` steps; the value entered is called with steps done."""
        ...


def ignore(steps: int, note: str = "", /) -> None:
    """Tell nobody."""


class SilentProgress:
    """Shows nothing."""

    @contextmanager
    def stage(self, description: str, total: int | None) -> Iterator[Advance]:
        """Begin a stage nobody watches."""
        yield ignore


class RichProgress:
    """Shows a bar with rate and time left on standard error."""

    @contextmanager
    def stage(self, description: str, total: int | None) -> Iterator[Advance]:
        """Begin a stage with a bar of its own."""
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            ProgressColumn,
            Task,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bar
        from rich.text import Text

        class Rate(ProgressColumn):
            def render(self, task: Task) -> Text:
                return Text(f"{task.finished_speed or task.speed or 0:,.0f}/s")

        with Bar(
            TextColumn("{task.description:<28}"),
            BarColumn(),
            MofNCompleteColumn(),
            Rate(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
        ) as bar:
            task = bar.add_task(description, total=total, note="")

            def advance(steps: int, note: str = "") -> None:
                bar.advance(task, steps)
                if note:
                    bar.update(task, note=note)

            yield advance


class LineProgress:
    """Writes a JSON object a line on standard error, for programs that show progress themselves.

    ``stage`` is the description, ``done`` and ``total`` count steps (``total`` is null where
    nobody knows), ``note`` is the latest word on how it goes. A stage has a line when it begins,
    one when it ends, and between them at most ten a second.
    """

    @contextmanager
    def stage(self, description: str, total: int | None) -> Iterator[Advance]:
        """Begin a stage whose steps are lines."""
        done, said, written = 0, "", 0.0

        def write() -> None:
            nonlocal written
            written = time.monotonic()
            line = {"stage": description, "done": done, "total": total, "note": said}
            print(json.dumps(line, ensure_ascii=False), file=sys.stderr, flush=True)

        def advance(steps: int, note: str = "") -> None:
            nonlocal done, said
            done, said = done + steps, note or said
            if time.monotonic() - written >= _PAUSE:
                write()

        write()
        try:
            yield advance
        finally:
            write()


def of_terminal() -> Progress:
    """Return what a command reports to: bars, or lines where ``MMFEAT_PROGRESS`` is ``json``."""
    return LineProgress() if os.environ.get("MMFEAT_PROGRESS") == "json" else RichProgress()


SILENT = SilentProgress()
