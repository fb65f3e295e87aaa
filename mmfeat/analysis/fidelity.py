"""How well an SAE keeps the rows: FVU, L0 and dead latents, a stream and a language at a time."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import torch

from mmfeat.analysis.codes import EncodedRows, check_known, encoded
from mmfeat.sae.interop import TrainedSAE
from mmfeat.store.activations import Activations, Stream


class Fidelity(TypedDict):
    """Scores of one stream; keys of the mappings are languages, ``all`` for pictures."""

    fvu: dict[str, float]
    l0: dict[str, float]
    dead: dict[str, float]


class Kept:
    """Adds up how well rows of a stream are kept, while they are encoded.

    Parameters
    ----------
    trained : TrainedSAE
        The SAE.
    activations : Activations
        The open file.
    stream : Stream
        The rows.
    split : str
        Rows of other splits do not count.

    Raises
    ------
    MmfeatError
        If the SAE does not know the stream or its width.
    """

    def __init__(
        self, trained: TrainedSAE, activations: Activations, stream: Stream, split: str = "test"
    ) -> None:
        check_known(trained, stream)
        self._stream, self._sae = stream, trained.sae_of(stream.name)
        self._names = activations.languages if stream.is_text else ("all",)
        self._scale = trained.streams[stream.name].scale.astype(np.float64)
        groups = len(stream.scale)
        self.chosen = activations.split[stream.item] == split
        self._error, self._total, self._active = np.zeros((3, groups))
        self._count = np.zeros(groups, np.int64)
        self._fired = torch.zeros(groups, trained.d_sae, dtype=torch.bool)

    @torch.inference_mode()
    def add(self, part: EncodedRows) -> None:
        """Count the rows of the split among those that were encoded."""
        own = np.flatnonzero(self.chosen[part.row])
        if not len(own):
            return
        if len(own) < len(part.row):
            raw, g = part.raw[own], part.group[own]
            at = torch.from_numpy(own)
            x, values, latents = part.x[at], part.values[at], part.latents[at]
        else:
            raw, g, x, values, latents = part.raw, part.group, part.x, part.values, part.latents
        on, groups = values > 0, len(self._count)
        residual = (x - self._sae.decode(values, latents)).double().square().sum(1)
        # The SAE's scale leads back to raw space; its mean cancels.
        self._error += np.bincount(g, residual.numpy() / self._scale[g] ** 2, groups)
        centred = raw.astype(np.float64) - self._stream.mean[g]
        self._total += np.bincount(g, np.einsum("nd,nd->n", centred, centred), groups)
        self._active += np.bincount(g, on.sum(1).numpy(), groups)
        self._count += np.bincount(g, minlength=groups)
        self._fired[torch.from_numpy(g)[:, None].expand_as(on)[on], latents[on]] = True

    def scores(self) -> Fidelity:
        """Return the scores of all rows that were added."""
        kept = np.flatnonzero(self._count).tolist()
        names, error, total, count = self._names, self._error, self._total, self._count
        return {
            "fvu": {names[i]: float(error[i] / total[i]) for i in kept if total[i] > 0},
            "l0": {names[i]: float(self._active[i] / count[i]) for i in kept},
            "dead": {names[i]: float(1 - self._fired[i].float().mean()) for i in kept},
        }


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
    kept = Kept(trained, activations, rows, split)
    for part in encoded(trained, rows, kept.chosen):
        kept.add(part)
    return kept.scores()
