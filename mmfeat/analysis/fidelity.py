"""How well an SAE keeps the rows: FVU, L0 and dead latents, a stream and a language at a time."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import torch

from mmfeat.analysis.codes import encoded
from mmfeat.sae.interop import TrainedSAE
from mmfeat.store.activations import Activations


class Fidelity(TypedDict):
    """Scores of one stream; keys of the mappings are languages, ``all`` for pictures."""

    fvu: dict[str, float]
    l0: dict[str, float]
    dead: dict[str, float]


@torch.inference_mode()
def fidelity(
    trained: TrainedSAE, activations: Activations, hook: str, stream: str, split: str = "test"
) -> Fidelity:
    """Score an SAE on the rows of a split.

    FVU = sum ||x - x_hat||^2 / sum ||x - mean||^2 in raw space, about the train
    mean of the stream and language, however the SAE standardises; L0 = mean
    number of active latents; dead = share of latents that fire on no row. Each
    row is encoded from itself alone.

    Raises
    ------
    MmfeatError
        If the SAE does not know the stream or its width.
    """
    rows = activations.stream(hook, stream)
    sae = trained.sae_of(stream)
    groups = len(rows.scale)
    error, total, active = np.zeros(groups), np.zeros(groups), np.zeros(groups)
    count = np.zeros(groups, np.int64)
    fired = torch.zeros(groups, trained.d_sae, dtype=torch.bool)
    chosen = activations.split[rows.item] == split
    for part in encoded(trained, rows, chosen):
        g, on = part.group, part.values > 0
        residual = (part.x - sae.decode(part.values, part.latents)).double().square().sum(1)
        # The SAE's scale leads back to raw space; its mean cancels.
        square = trained.streams[stream].scale[g].astype(np.float64) ** 2
        error += np.bincount(g, residual.numpy() / square, groups)
        centred = part.raw.astype(np.float64) - rows.mean[g]
        total += np.bincount(g, np.einsum("nd,nd->n", centred, centred), groups)
        active += np.bincount(g, on.sum(1).numpy(), groups)
        count += np.bincount(g, minlength=groups)
        fired[torch.from_numpy(g)[:, None].expand_as(on)[on], part.latents[on]] = True
    names = activations.languages if rows.is_text else ("all",)
    kept = [i for i in range(groups) if count[i]]
    return {
        "fvu": {names[i]: float(error[i] / total[i]) for i in kept if total[i] > 0},
        "l0": {names[i]: float(active[i] / count[i]) for i in kept},
        "dead": {names[i]: float(1 - fired[i].float().mean()) for i in kept},
    }
