"""Requests that do in the engine's process what a process can do; found there by their module."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from mmfeat.errors import MmfeatError
from mmfeat_gui.workers.engine_child import Bench


@dataclass(frozen=True)
class Say:
    """Answers with a word, after some steps of work."""

    word: str
    channel: str = "say"
    steps: int = 0
    step_s: float = 0.02

    def answer(self, bench: Bench, progress: Any) -> str:
        with progress.stage("counting sheep", self.steps) as advance:
            for _ in range(self.steps):
                time.sleep(self.step_s)
                advance(1)
        return f"{self.word} of {os.getpid()}"


@dataclass(frozen=True)
class Sleep:
    """Answers nothing for long, and cannot be given up."""

    channel: str = "sleep"
    seconds: float = 600.0

    def answer(self, bench: Bench, progress: Any) -> str:
        time.sleep(self.seconds)
        return "awake"


@dataclass(frozen=True)
class Die:
    """Ends its process."""

    channel: str = "die"

    def answer(self, bench: Bench, progress: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Err:
    """Fails."""

    foreseen: bool
    channel: str = "err"

    def answer(self, bench: Bench, progress: Any) -> None:
        if self.foreseen:
            raise MmfeatError("There is no such thing; give another.")
        raise ZeroDivisionError("division\nby zero")


@dataclass(frozen=True)
class Ask:
    """Tells what the process has."""

    channel: str = "ask"

    def answer(self, bench: Bench, progress: Any) -> dict[str, Any]:
        return {
            "display": [name for name in ("DISPLAY", "WAYLAND_DISPLAY") if name in os.environ],
            "qt": [name for name in sys.modules if name.startswith(("PySide6", "shiboken6"))],
            "pid": os.getpid(),
            "unpicklable": None,
        }


@dataclass(frozen=True)
class Unpicklable:
    """Answers with what no pipe can carry."""

    channel: str = "unpicklable"

    def answer(self, bench: Bench, progress: Any) -> Any:
        return threading.Lock()
