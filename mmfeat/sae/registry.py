"""SAEs from settings, and their parts where ranks divide them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmfeat.sae.architectures.topk import TopKSAE
from mmfeat.sae.base import SAE
from mmfeat.sae.ranks import Ranks, local
from mmfeat.sae.settings import ARCHITECTURES, SAESettings

_DECODER = ("W_dec", "b_dec")
# Their dimension; None where each rank has the whole.
_LATENTS = {"W_enc": 1, "b_enc": 0, "W_dec": 0, "b_dec": None, "gain": 0}
_BLOCK = 1 << 12  # latents drawn at a time


def sae_class(architecture: str) -> type[SAE]:
    """Return the class of an architecture's SAEs."""
    module, _, name = ARCHITECTURES[architecture].place.partition(".")
    return cast(type[SAE], getattr(import_module(f"mmfeat.sae.architectures.{module}"), name))


def build(
    settings: SAESettings,
    d_in: int,
    *,
    untied_selection: bool = False,
    ranks: Ranks | None = None,
    device: torch.device | str = "cpu",
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
        The processes that train; where they divide the latents, each has its part, and
        Parameters are DTensors of all.
    device : torch.device
        Where the tensors are.

    Returns
    -------
    dict of str to SAE
        By modality, ``image`` and ``text``: the same object where nothing is apart, else two
        that share the very Parameters that are not.
    """
    ranks = ranks or Ranks()
    state = torch.get_rng_state()
    size = settings.d_sae // ranks.shards.size
    image = sae_class(settings.architecture)(d_in, size, **settings.own())
    image.ranks = ranks
    if ranks.shards.size > 1:
        torch.set_rng_state(state)
        _draw_part(image, settings.d_sae)
    encoders, decoders = settings.encoders == "modality", settings.decoders == "modality"
    image.to(device)
    text = image
    if encoders or decoders or untied_selection:
        text = copy.deepcopy(image)
        for name, parameter in image.named_parameters():
            if not (decoders if name in _DECODER else encoders):
                setattr(text, name, parameter)
    if ranks.shards.size > 1:
        _place([image] if text is image else [image, text])
    return {"image": image, "text": text}


def _place(saes: Sequence[SAE]) -> None:
    """Turn the parameters, of which each rank has its part, into DTensors."""
    placed: dict[Tensor, nn.Parameter] = {}  # what SAEs share they go on sharing
    for sae in saes:
        for name, parameter in list(sae.named_parameters()):
            if parameter not in placed:
                whole = sae.ranks.shards.placed(parameter.detach(), _LATENTS[name])
                placed[parameter] = nn.Parameter(whole)
            setattr(sae, name, placed[parameter])


def parts(saes: Mapping[str, SAE]) -> Mapping[str, SAE]:
    """Return what a step works with: SAEs that have this rank's part of each Parameter instead.

    A gradient flows on from the part, as the same part of a DTensor. Where no rank divides the
    latents, the SAEs themselves.
    """
    if all(sae.ranks.shards.size == 1 for sae in saes.values()):
        return saes
    own = {whole: local(whole) for sae in saes.values() for whole in sae.parameters()}
    found = {}
    for modality, sae in saes.items():
        found[modality] = copy.copy(sae)
        vars(found[modality]).update((name, own[p]) for name, p in sae.named_parameters())
    return found


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
    for name, tensor in found.state_dict().items():
        part = local(getattr(sae, name)).cpu()  # where all backends can put them together
        tensor.copy_(shards.placed(part, _LATENTS[name]).full_tensor())
    return found
