"""What the TopK family has in common: a support selected from scores."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from mmfeat.sae.base import UnitDecoder


class SelectingSAE(UnitDecoder):
    """An SAE whose support is selected by pre-activations times a gain a latent.

    The gain changes who is selected, not what is then active, and is 1 unless it
    is balanced (`mmfeat.sae.support.balance`).

    Parameters
    ----------
    k : int
        Latents active in a row: at most, or on average.

    Attributes
    ----------
    gain : float [d_sae]
        Above 0; no Parameter.
    """

    selects: ClassVar[bool] = True
    gain: Float[Tensor, "d_sae"]

    def __init__(self, d_in: int, d_sae: int, k: int) -> None:
        super().__init__(d_in, d_sae)
        self.k = k
        self.register_buffer("gain", torch.ones(d_sae))

    def score(self, pre: Float[Tensor, "rows d_sae"]) -> Float[Tensor, "rows d_sae"]:
        """Return what the support is selected by in training."""
        return pre.detach() * self.gain

    def activate_batch(self, pre: Float[Tensor, "rows d_sae"]) -> Float[Tensor, "rows d_sae"]:
        """Return codes in training, where rows of a batch may compete."""
        return torch.where(self.support(self.score(pre)), pre.relu(), 0.0)
