"""The training loop: batches of pairs in, trained SAEs out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mmfeat.errors import MmfeatError
from mmfeat.progress import SILENT, Progress
from mmfeat.sae import checkpoint
from mmfeat.sae.base import SAE
from mmfeat.sae.batch import PairBatch
from mmfeat.sae.combinations import check, check_ranks
from mmfeat.sae.memory import keep_freed_memory
from mmfeat.sae.ranks import Ranks
from mmfeat.sae.registry import whole
from mmfeat.sae.settings import TrainSettings
from mmfeat.sae.step import Diverged, Training

CHECKPOINT_EVERY = 500
LOG_EVERY = 50

Batches = Callable[[int], PairBatch]


@dataclass(frozen=True)
class Plan:
    """A training to be done.

    Attributes
    ----------
    settings : TrainSettings
        What decides it, together with the batches.
    batches : callable
        Gives the batch of a step; the same step always gives the same batch, so that a
        resumed run sees what an unbroken one sees. Plans with the very same callable are
        given the same batch, which is then made once.
    d_in : int
        Width of a row.
    folder : Path
        Where ``checkpoint.pt`` and ``metrics.jsonl`` go.
    key : str
        What the data are. A checkpoint with the same settings and key is gone on from.
    """

    settings: TrainSettings
    batches: Batches
    d_in: int
    folder: Path
    key: str = ""


class _Run:
    """A plan on its way."""

    def __init__(self, plan: Plan, device: torch.device | str, ranks: Ranks) -> None:
        check(plan.settings)
        check_ranks(plan.settings, ranks.rows.size, ranks.shards.size)
        self.plan, self.ranks = plan, ranks
        self.steps = plan.settings.optimiser.steps
        self.checkpoint = plan.folder / checkpoint.NAME
        self.metrics = plan.folder / "metrics.jsonl"
        self.key = f"{plan.settings.model_dump_json()}\n{plan.key}"
        self._begin(device)
        self.board = self._open() if ranks.first else None

    def _open(self) -> Any:
        """Make the folder ready to be written."""
        self.plan.folder.mkdir(parents=True, exist_ok=True)
        for left in self.plan.folder.glob(".*.tmp"):
            left.unlink(missing_ok=True)  # of a writer that was killed
        checkpoint.trim(self.metrics, self.step)
        return _board(self.plan.folder, self.step)

    def _begin(self, device: torch.device | str) -> None:
        """Go on from a checkpoint; a damaged one is no obstacle, the training begins again."""
        self.step = 0
        self.training = Training(self.plan.d_in, self.plan.settings, device, self.ranks)
        saved = checkpoint.read(self.checkpoint, self.key, self.ranks) or {}
        try:
            self.training.load(saved)
            found = int(saved["step"])
        except (RuntimeError, KeyError, TypeError, ValueError, AttributeError):
            found = 0
        if self.ranks.agree(found):
            self.step = found
        elif saved:
            # Part of it may be loaded, here or by another rank: not from there.
            self.training = Training(self.plan.d_in, self.plan.settings, device, self.ranks)

    @property
    def done(self) -> bool:
        return self.step >= self.steps

    def failure(self) -> MmfeatError:
        """Return what to say of a loss that has left the finite."""
        kept = f" (the last good state is in {self.checkpoint})"
        return MmfeatError(
            f"The loss is no longer finite or has exploded at step {self.step}; lower "
            f"optimiser.lr{kept if self.checkpoint.exists() else ''}."
        )

    def advance(self, batch: PairBatch) -> float:
        """Take a step, and note and keep what is due; return the loss."""
        error = self.training.step(batch, self.step)
        self.step += 1
        if self.step % LOG_EVERY == 0 or self.done:
            self._log(error)
        if self.step % CHECKPOINT_EVERY == 0 and not self.done:
            state = self.training.state()
            checkpoint.save(self.checkpoint, state, self.step, self.key, self.ranks)
        return error

    def _log(self, error: float) -> None:
        dead = self.training.silence.shares(self.plan.settings.optimiser.dead_after)
        if not self.ranks.first:
            return
        line = {"step": self.step, "loss": error, "l0": self.training.l0, "dead": dead}
        with self.metrics.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        if self.board is not None:
            self.board.add_scalar("loss", error, self.step)
            for view, l0 in self.training.l0.items():
                self.board.add_scalar(f"l0/{view}", l0, self.step)
            for stream, shares in dead.items():
                for language, share in shares.items():
                    self.board.add_scalar(f"dead/{stream}/{language}", share, self.step)

    def finished(self) -> dict[str, SAE]:
        if self.board is not None:
            self.board.close()
        found = {id(sae): whole(sae).finished() for sae in self.training.modules}
        return {modality: found[id(sae)] for modality, sae in self.training.saes.items()}


def _board(folder: Path, step: int) -> Any:
    """Return a writer of TensorBoard's files, if it is installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)


def train_saes(
    plans: Sequence[Plan],
    *,
    progress: Progress = SILENT,
    device: torch.device | str = "cpu",
    ranks: Ranks | None = None,
) -> list[dict[str, SAE] | MmfeatError]:
    """Train SAEs in one pass over the data; each becomes what it would become alone.

    Batches are made while the step before them is taken.

    Returns
    -------
    list of dict of str to SAE, or MmfeatError
        Of each plan, by modality (the same object where both have all in common); or the
        error, where a loss is no longer finite or has exploded, which ends no other's training.

    Raises
    ------
    MmfeatError
        If settings exclude each other.
    """
    keep_freed_memory()
    ranks = ranks or Ranks()
    runs = [_Run(plan, device, ranks) for plan in plans]
    failed: dict[int, MmfeatError] = {}
    title = "training SAE" if len(runs) == 1 else f"training {len(runs)} SAEs"
    with (
        ThreadPoolExecutor(1, "batches") as pool,
        progress.stage(title, sum(run.steps for run in runs)) as advance,
    ):
        advance(sum(run.step for run in runs))
        step, going = min(run.step for run in runs), runs
        coming = pool.submit(_batches, going, step)
        while going := [run for run in going if not run.done]:
            batches = coming.result()
            coming = pool.submit(_batches, going, step + 1)
            for run in [run for run in going if run.step == step]:
                try:
                    loss = run.advance(batches[id(run.plan.batches)].to(device))
                except Diverged:
                    failed[id(run)] = run.failure()
                    going.remove(run)
                    continue
                advance(1, f"loss {loss:.3f}" if run.step % LOG_EVERY == 0 else "")
            step += 1
    return [failed[id(run)] if id(run) in failed else run.finished() for run in runs]


def _batches(runs: Sequence[_Run], step: int) -> dict[int, PairBatch]:
    """Return the batches that runs need at a step, each made once."""
    # A copy: the runs go on meanwhile, and may leave the list.
    wanted = {run.plan.batches for run in tuple(runs) if step < run.steps}
    return {id(batches): batches(step) for batches in wanted}


def train_sae(
    batches: Batches,
    d_in: int,
    settings: TrainSettings,
    folder: Path,
    *,
    key: str = "",
    progress: Progress = SILENT,
    device: torch.device | str = "cpu",
    ranks: Ranks | None = None,
) -> dict[str, SAE]:
    """Train one SAE on pairs, rows of all streams together; see `Plan` and `train_saes`.

    Raises
    ------
    MmfeatError
        If settings exclude each other, or the loss is no longer finite or has exploded.
    """
    plan = Plan(settings, batches, d_in, folder, key)
    (found,) = train_saes([plan], progress=progress, device=device, ranks=ranks)
    if isinstance(found, MmfeatError):
        raise found
    return found
