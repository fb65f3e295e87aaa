"""The architectures by name, and SAEs from settings."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from mmfeat.sae.base import SAE
from mmfeat.sae.batch_topk import BatchTopKSAE
from mmfeat.sae.gated import GatedSAE
from mmfeat.sae.jump_relu import JumpReLUSAE
from mmfeat.sae.matryoshka import MatryoshkaSAE
from mmfeat.sae.relu import ReLUSAE
from mmfeat.sae.settings import SAESettings
from mmfeat.sae.topk import TopKSAE

_CLASSES = (TopKSAE, BatchTopKSAE, MatryoshkaSAE, ReLUSAE, JumpReLUSAE, GatedSAE)
ARCHITECTURES: Mapping[str, type[SAE]] = {sae.architecture: sae for sae in _CLASSES}

_DECODER = ("W_dec", "b_dec")


def build(settings: SAESettings, d_in: int, *, untied_selection: bool = False) -> dict[str, SAE]:
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

    Returns
    -------
    dict of str to SAE
        By modality, ``image`` and ``text``: the same object where nothing is apart, else two
        that share the very Parameters that are not.
    """
    options = settings.model_dump(exclude={"architecture", "d_sae", "encoders", "decoders"})
    image = ARCHITECTURES[settings.architecture](d_in, settings.d_sae, **options)
    encoders, decoders = settings.encoders == "modality", settings.decoders == "modality"
    if not (encoders or decoders or untied_selection):
        return {"image": image, "text": image}
    text = copy.deepcopy(image)
    for name, parameter in image.named_parameters():
        if not (decoders if name in _DECODER else encoders):
            setattr(text, name, parameter)
    return {"image": image, "text": text}
