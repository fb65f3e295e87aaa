"""A training as a job, and the processes that jobs are."""

from __future__ import annotations

from pathlib import Path

import psutil

from mmfeat_gui.state.jobs import Order

TINY = (
    *("--set", "sae.d_sae=64", "--set", "sae.k=4", "--set", "batch.size=64"),
    *("--recipe", "naive-topk"),
)


def training(activations: Path, out: Path, steps: int) -> Order:
    command = ("train", "--activations", str(activations), "--out", str(out), *TINY)
    return Order("train", ((*command, "--set", f"optimiser.steps={steps}"),), out)


def children() -> list[psutil.Process]:
    """Return the processes of jobs that this one has begun."""
    found = psutil.Process().children()
    alive = [one for one in found if one.status() != psutil.STATUS_ZOMBIE]
    return [one for one in alive if "mmfeat_gui.workers.leash" in one.cmdline()]
