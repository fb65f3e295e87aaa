"""The architectures by name, and SAEs from settings."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch.nn import functional as F

from mmfeat.sae.base import SAE
from mmfeat.sae.batch_topk import BatchTopKSAE
from mmfeat.sae.gated import GatedSAE
from mmfeat.sae.jump_relu import JumpReLUSAE
from mmfeat.sae.matryoshka import MatryoshkaSAE
from mmfeat.sae.ranks import Ranks
from mmfeat.sae.relu import ReLUSAE
from mmfeat.sae.settings import SAESettings
from mmfeat.sae.topk import TopKSAE

_CLASSES = (TopKSAE, BatchTopKSAE, MatryoshkaSAE, ReLUSAE, JumpReLUSAE, GatedSAE)
ARCHITECTURES: Mapping[str, type[SAE]] = {sae.architecture: sae for sae in _CLASSES}

_DECODER = ("W_dec", "b_dec")
_BLOCK = 1 << 12  # latents drawn at a time


def build(
    settings: SAESettings,
    d_in: int,
    *,
    untied_selection: bool = False,
    ranks: Ranks | None = None,
) -> dict[str, SAE]:
    """Return the SAEs of pictures and captions.

    Parameters
    ----------
    settings
        The section ``sae``. Where ``encoders`` or ``decoders`` is ``modality``, the tensors of
        that side are apart, equal at the start.
    d_in : int
        Width of a row.
    untied_selection : bool
        Whether each modality selects by itself: buffers (a gain, a threshold) are apart.
    ranks : Ranks, optional
        The processes that train; where they divide the latents, each has its part.

    Returns
    -------
    dict of str to SAE
        By modality, ``image`` and ``text``: the same object where nothing is apart, else two
        that share the very Parameters that are not.
    """
    options = settings.model_dump(exclude={"architecture", "d_sae", "encoders", "decoders"})
    ranks = ranks or Ranks()
    state = torch.get_rng_state()
    size = settings.d_sae // ranks.shards.size
    image = ARCHITECTURES[settings.architecture](d_in, size, **options)
    image.ranks = ranks
    if ranks.shards.size > 1:
        torch.set_rng_state(state)
        _draw_part(image, settings.d_sae)
    encoders, decoders = settings.encoders == "modality", settings.decoders == "modality"
    if not (encoders or decoders or untied_selection):
        return {"image": image, "text": image}
    text = copy.deepcopy(image)
    for name, parameter in image.named_parameters():
        if not (decoders if name in _DECODER else encoders):
            setattr(text, name, parameter)
    return {"image": image, "text": text}


@torch.no_grad()
def _draw_part(sae: SAE, latents: int) -> None:
    """Draw the directions of all latents as one process does, a block at a time, and keep a part.

    Blocks of whole sixteens of numbers: torch draws normal numbers sixteen at a time.
    """
    mine = sae.ranks.shards.share(latents)
    for first in range(0, latents, _BLOCK):
        size = min(_BLOCK, latents - first)
        drawn = F.normalize(torch.randn(size, sae.d_in), dim=1)
        here = range(max(first, mine.start), min(first + size, mine.stop))
        if here:
            kept = drawn[here.start - first : here.stop - first]
            own = slice(here.start - mine.start, here.stop - mine.start)
            sae.W_dec[own] = kept
            sae.W_enc[:, own] = kept.T


@torch.no_grad()
def whole(sae: SAE) -> SAE:
    """Return an SAE with the latents of all ranks; where they have them all, itself."""
    shards = sae.ranks.shards
    if shards.size == 1:
        return sae
    assert isinstance(sae, TopKSAE)
    found = TopKSAE(sae.d_in, sae.d_sae * shards.size, sae.k)
    found.W_dec.copy_(shards.whole(sae.W_dec, 0))
    found.W_enc.copy_(shards.whole(sae.W_enc, 1))
    found.b_enc.copy_(shards.whole(sae.b_enc, 0))
    found.b_dec.copy_(sae.b_dec)
    found.gain.copy_(shards.whole(sae.gain, 0))
    return found
