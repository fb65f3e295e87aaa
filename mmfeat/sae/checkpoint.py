"""Checkpoints of a training, and its log, kept in step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from mmfeat.files import whole_file
from mmfeat.sae.ranks import Ranks

NAME = "checkpoint.pt"


def save(path: Path, state: Mapping[str, Any], step: int, key: str, ranks: Ranks) -> None:
    """Write a checkpoint; it appears under its name only when whole.

    Ranks that divide the latents write a part each, next to it; then it appears and names
    their step, and parts of an earlier one go.
    """
    shards = ranks.shards
    if shards.size == 1:
        if ranks.first:
            _write(path, {**state, "step": step, "key": key})
        return
    if ranks.rows.rank == 0:
        _write(_part(path, step, shards.rank), state)
    ranks.wait()
    if ranks.first:
        _write(path, {"step": step, "key": key, "shards": shards.size})
        clean(path, step)


def clean(path: Path, step: int = -1) -> None:
    """Remove the parts of checkpoints but those of a step, and with no step the checkpoint."""
    for part in path.parent.glob(f"{path.name}.*.*"):
        if part.name.split(".")[-2] != str(step):
            part.unlink(missing_ok=True)
    if step < 0:
        path.unlink(missing_ok=True)


def _part(path: Path, step: int, rank: int) -> Path:
    return path.with_name(f"{path.name}.{step}.{rank}")


def _write(path: Path, values: Mapping[str, Any]) -> None:
    with whole_file(path) as temporary:
        torch.save(dict(values), temporary)


def read(path: Path, key: str, ranks: Ranks) -> dict[str, Any] | None:
    """Return the checkpoint of the same training; None if there is none, or it is damaged."""
    if not path.exists():
        return None
    try:
        saved: dict[str, Any] = torch.load(path, weights_only=True)
        if saved["key"] != key or not isinstance(saved["step"], int):
            return None
        if ranks.shards.size == 1:
            return None if "shards" in saved else saved
        if saved["shards"] != ranks.shards.size:
            return None
        place = _part(path, saved["step"], ranks.shards.rank)
        return {**torch.load(place, weights_only=True), "step": saved["step"]}
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
