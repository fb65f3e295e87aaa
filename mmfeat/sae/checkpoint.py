"""Checkpoints of a training, and its log, kept in step."""

from __future__ import annotations

import json
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Protocol

import torch

from mmfeat.files import whole_file


class Stateful(Protocol):
    """What a checkpoint holds: the whole state of a training."""

    def state(self) -> dict[str, Any]:
        """Return the state."""
        ...

    def load(self, state: dict[str, Any]) -> None:
        """Take a state back."""
        ...


def save(path: Path, training: Stateful, step: int, key: str) -> None:
    """Write a checkpoint; it appears under its name only when whole."""
    with whole_file(path) as temporary:
        torch.save({**training.state(), "step": step, "key": key}, temporary)


def resume(path: Path, metrics: Path, training: Stateful, key: str) -> int:
    """Load a checkpoint of the same training and return its step; 0 when there is none.

    A damaged checkpoint is no obstacle: the training begins again. Lines of the
    log that are newer than the checkpoint go.
    """
    step = 0
    if path.exists():
        try:
            saved = torch.load(path, weights_only=True)
            if saved["key"] == key:
                training.load(saved)
                step = int(saved["step"])
        except (RuntimeError, OSError, KeyError, TypeError, ValueError, EOFError, UnpicklingError):
            step = 0
    kept = []
    if step and metrics.exists():
        for line in metrics.read_text("utf-8", errors="replace").splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line)
            except (json.JSONDecodeError, KeyError, TypeError):
                continue  # cut off when the process was killed
    with whole_file(metrics) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    return step
