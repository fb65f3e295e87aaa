"""How well an SAE keeps the rows: FVU, L0 and dead latents, a stream and a language at a time."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import torch

from mmfeat.errors import MmfeatError
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
    mean of the stream and language; L0 = mean number of active latents; dead =
    share of latents that fire on no row. Each row is encoded from itself alone.

    Raises
    ------
    MmfeatError
        If the SAE and the rows differ in width.
    """
    rows = activations.stream(hook, stream)
    sae = trained.sae
    if rows.d != sae.d_in:
        raise MmfeatError(
            f"The SAE takes rows of width {sae.d_in}, but {stream} in {activations.path} has "
            f"{rows.d}; give the activations it was trained on."
        )
    groups = len(rows.scale)
    error, total, active = np.zeros(groups), np.zeros(groups), np.zeros(groups)
    count = np.zeros(groups, np.int64)
    fired = torch.zeros(groups, sae.d_sae, dtype=torch.bool)
    chosen = activations.split[rows.item] == split
    x, group = rows.x, rows.group.astype(np.int64)
    for start in range(0, rows.n, 16_384):
        index = start + np.flatnonzero(chosen[start : start + 16_384])
        if len(index) == 0:
            continue
        g = group[index]
        z = torch.from_numpy(rows.standardised(x[index], g))
        values, latents = sae.encode(z)
        residual = (z - sae.decode(values, latents)).double().square().sum(1).numpy()
        square = rows.scale[g].astype(np.float64) ** 2
        error += np.bincount(g, residual / square, groups)
        total += np.bincount(g, z.double().square().sum(1).numpy() / square, groups)
        active += np.bincount(g, (values > 0).sum(1).numpy(), groups)
        count += np.bincount(g, minlength=groups)
        on = values > 0
        fired[torch.from_numpy(g)[:, None].expand_as(latents)[on], latents[on]] = True
    names = activations.languages if rows.is_text else ("all",)
    kept = [i for i in range(groups) if count[i]]
    return {
        "fvu": {names[i]: float(error[i] / total[i]) for i in kept if total[i] > 0},
        "l0": {names[i]: float(active[i] / count[i]) for i in kept},
        "dead": {names[i]: float(1 - fired[i].float().mean()) for i in kept},
    }
