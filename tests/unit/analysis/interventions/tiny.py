"""A small SAE with the means and scales of the rows of a tiny model."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from mmfeat.backbones.base import STREAMS
from mmfeat.backbones.hooked import HookedBackbone
from mmfeat.sae.architectures.topk import TopKSAE
from mmfeat.sae.interop import TrainedSAE
from mmfeat.sae.standardisation import Standardisation


def picture(seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 255, (40, 32, 3), dtype=np.uint8))


def sae_of(
    backbone: HookedBackbone, hook: str, d_sae: int = 48, k: int = 6, languages: int = 2
) -> TrainedSAE:
    """Random directions on standardised rows: each feature fires on some and not on others."""
    torch.manual_seed(0)
    sae = TopKSAE(backbone.point(hook).d, d_sae, k).finished()
    streams = {}
    texts = ["a red heart", "a man", "Herz und Mann"]
    for inputs in (
        backbone.prepare_images([picture(n) for n in range(3)]),
        backbone.prepare_texts(texts),
    ):
        wanted = [s for s in STREAMS if s in backbone.point(hook).streams]
        for stream, rows in backbone.run(inputs, {hook: wanted}).get(hook, {}).items():
            mean = rows.x.mean(0)
            scale = np.sqrt(sae.d_in / ((rows.x - mean) ** 2).sum(1).mean())
            groups = languages if stream.startswith("text") else 1
            offset = np.arange(groups)[:, None] * 0.1
            streams[stream] = Standardisation(
                (mean + offset).astype(np.float32), np.full(groups, scale, np.float32)
            )
    return TrainedSAE({"image": sae, "text": sae}, streams, {})
