"""What the TopK family has in common: a support selected from scores."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from mmfeat.sae.base import UnitDecoder
from mmfeat.sae.sparse import SparseCodes, Support


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
    rows_apart : bool
        Whether the support of a row depends on that row alone in training too.
    gain : float [d_sae]
        Above 0; no Parameter.
    """

    rows_apart: ClassVar[bool]
    gain: Float[Tensor, "d_sae"]

    def __init__(self, d_in: int, d_sae: int, k: int) -> None:
        super().__init__(d_in, d_sae)
        self.k = k
        self.register_buffer("gain", torch.ones(d_sae))

    def score(self, pre: Float[Tensor, "rows d_sae"]) -> Float[Tensor, "rows d_sae"]:
        """Return what the support is selected by in training."""
        pre = pre.detach()
        # A product with ones is a pass over all that is there.
        return pre if bool((self.gain == 1).all()) else pre * self.gain

    @abstractmethod
    def support(self, score: Float[Tensor, "rows d_sae"]) -> Support:
        """Return the latents that may be active in training."""

    def observe(self, pre: Float[Tensor, "rows d_sae"], support: Support | None = None) -> None:
        """Take note of a training step's pre-activations, and of their own support if known."""

    def codes(self, x: Float[Tensor, "rows d_in"]) -> SparseCodes:
        """Return codes in training, where rows of a batch may compete."""
        with torch.no_grad():
            pre = self.pre_activations(x)
            support = self.support(self.score(pre))
            kept = pre[support.row, support.latents]
        return SparseCodes.encoded(self, x, kept, support)
