"""Checkpoints of a training, and its log, kept in step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from mmfeat.files import whole_file


def save(path: Path, state: Mapping[str, Any], step: int, key: str) -> None:
    """Write a checkpoint; it appears under its name only when whole."""
    with whole_file(path) as temporary:
        torch.save({**state, "step": step, "key": key}, temporary)


def read(path: Path, key: str) -> dict[str, Any] | None:
    """Return the checkpoint of the same training; None if there is none, or it is damaged."""
    if not path.exists():
        return None
    try:
        saved: dict[str, Any] = torch.load(path, weights_only=True)
        return saved if saved["key"] == key and isinstance(saved["step"], int) else None
    except (RuntimeError, OSError, KeyError, TypeError, EOFError, UnpicklingError):
        return None


def trim(metrics: Path, step: int) -> None:
    """Leave in a log what is not newer than a step."""
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
