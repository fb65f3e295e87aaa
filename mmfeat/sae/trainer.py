"""The training loop: batches of pairs in, a trained SAE out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError

import torch
from jaxtyping import Float
from torch import Tensor

from mmfeat.errors import MmfeatError
from mmfeat.files import whole_file
from mmfeat.progress import SILENT, Progress
from mmfeat.sae.batch import PairBatch
from mmfeat.sae.settings import OptimiserSettings, TrainSettings
from mmfeat.sae.topk import TopKSAE

CHECKPOINT_EVERY = 500
LOG_EVERY = 50


def learning_rate(step: int, settings: OptimiserSettings) -> float:
    """Constant, then linear to zero over the last fifth (Templeton et al. 2024)."""
    left = (settings.steps - step) / (0.2 * settings.steps)
    return settings.lr * min(1.0, left)


def auxiliary_loss(
    sae: TopKSAE,
    x: Float[Tensor, "rows d_in"],
    error: Float[Tensor, "rows d_in"],
    dead: Tensor,
    k: int,
) -> Tensor:
    """Error of the error when the k strongest dead latents explain it (Gao et al. 2024, AuxK).

    Normalised by the error's variance, so that its weight has one meaning.
    """
    k = min(k, int(dead.sum()))
    if k == 0:
        return x.new_zeros(())
    pre = sae.pre_activations(x).masked_fill(~dead, -torch.inf)
    values, latents = pre.topk(k, dim=1)
    guess = sae.decode(values.relu(), latents) - sae.b_dec
    return (guess - error).square().sum() / error.square().sum().clamp(min=1e-12)


def train_sae(
    batches: Callable[[int], PairBatch],
    d_in: int,
    settings: TrainSettings,
    folder: Path,
    *,
    key: str = "",
    progress: Progress = SILENT,
) -> TopKSAE:
    """Train an SAE on pairs, rows of all streams together.

    Parameters
    ----------
    batches : callable
        Gives the batch of a step; the same step always gives the same batch,
        so that a resumed run sees what an unbroken one sees.
    d_in : int
        Width of a row.
    folder : Path
        Where ``checkpoint.pt`` and ``metrics.jsonl`` go.
    key : str
        What the data are. A checkpoint with the same settings and key is gone on from.

    Raises
    ------
    MmfeatError
        If the loss is no longer finite.
    """
    options = settings.optimiser
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    sae = TopKSAE(d_in, settings.sae.d_sae, settings.sae.k)
    optimiser = torch.optim.Adam(sae.parameters(), lr=options.lr, fused=True)
    silent = torch.zeros(settings.sae.d_sae, dtype=torch.int64)  # steps since it last fired
    checkpoint, metrics = folder / "checkpoint.pt", folder / "metrics.jsonl"
    key = f"{settings.model_dump_json()}\n{key}"
    step = _resume(checkpoint, metrics, sae, optimiser, silent, key)
    with progress.stage("training SAE", options.steps) as advance:
        advance(step)
        while step < options.steps:
            batch = batches(step)
            x = torch.cat(list(batch.rows.values()))
            values, latents = sae.encode(x)
            error = x - sae.decode(values, latents)
            loss = error.square().sum(1).mean() / d_in
            silent += 1
            silent[latents[values > 0]] = 0
            dead = silent >= options.dead_after
            total = loss
            if options.aux_k and bool(dead.any()):
                total = loss + options.aux_weight * auxiliary_loss(
                    sae, x, error.detach(), dead, options.aux_k
                )
            if not math.isfinite(total.item()):
                kept = f" (the last good state is in {checkpoint})" if checkpoint.exists() else ""
                raise MmfeatError(
                    f"The loss is no longer finite at step {step}; lower optimiser.lr{kept}."
                )
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(total)
            sae.project_gradient()
            torch.nn.utils.clip_grad_norm_(sae.parameters(), options.clip)
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, options)
            optimiser.step()
            sae.normalise_decoder()
            step += 1
            advance(1)
            if step % LOG_EVERY == 0 or step == options.steps:
                line = {"step": step, "loss": loss.item(), "dead": float(dead.float().mean())}
                with metrics.open("a", encoding="utf-8") as log:
                    log.write(json.dumps(line) + "\n")
            if step % CHECKPOINT_EVERY == 0 and step < options.steps:
                _save(checkpoint, sae, optimiser, silent, step, key)
    return sae


def _save(
    path: Path,
    sae: TopKSAE,
    optimiser: torch.optim.Optimizer,
    silent: Tensor,
    step: int,
    key: str,
) -> None:
    state = {
        "sae": sae.state_dict(),
        "optimiser": optimiser.state_dict(),
        "silent": silent,
        "step": step,
        "key": key,
    }
    with whole_file(path) as temporary:
        torch.save(state, temporary)


def _resume(
    checkpoint: Path,
    metrics: Path,
    sae: TopKSAE,
    optimiser: torch.optim.Optimizer,
    silent: Tensor,
    key: str,
) -> int:
    """Load a checkpoint of the same training and return its step; 0 when there is none.

    A damaged checkpoint is no obstacle: the training begins again.
    """
    step = 0
    if checkpoint.exists():
        try:
            saved = torch.load(checkpoint, weights_only=True)
            if saved["key"] == key:
                sae.load_state_dict(saved["sae"])
                optimiser.load_state_dict(saved["optimiser"])
                silent.copy_(saved["silent"])
                step = int(saved["step"])
        except (RuntimeError, OSError, KeyError, TypeError, EOFError, UnpicklingError):
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
