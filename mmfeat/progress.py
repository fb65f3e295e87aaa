"""Progress of long work: the library reports steps, the caller decides how to show them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


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


SILENT = SilentProgress()
