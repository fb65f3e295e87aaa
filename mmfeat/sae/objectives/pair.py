"""What a term of the loss sees of a pair."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mmfeat.sae.base import SAE


@dataclass(frozen=True)
class Pair:
    """Two views of a batch: rows j belong to the same item.

    Attributes
    ----------
    x_a, x_b : float [pairs, d_in]
        Standardised rows.
    z_a, z_b : float [pairs, d_sae]
        Their codes, none below 0.
    sae_a, sae_b : SAE
        What encodes and decodes the rows of each view; often the same.
    concept : int64 [pairs]
        Concept of each pair.
    weight : float [pairs]
        What each pair counts.
    """

    x_a: Float[Tensor, "pairs d_in"]
    x_b: Float[Tensor, "pairs d_in"]
    z_a: Float[Tensor, "pairs d_sae"]
    z_b: Float[Tensor, "pairs d_sae"]
    sae_a: SAE
    sae_b: SAE
    concept: Int[Tensor, "pairs"]
    weight: Float[Tensor, "pairs"]

    def mean(self, values: Float[Tensor, "pairs"]) -> Float[Tensor, ""]:
        """Return the weighted mean over pairs; 0 where no pair counts."""
        return (values * self.weight).sum() / self.weight.sum().clamp(min=1e-12)


def unit_codes(z: Float[Tensor, "pairs d_sae"]) -> Float[Tensor, "pairs d_sae"]:
    """Return codes at unit norm; an empty code stays empty."""
    squares = z.square().sum(1, keepdim=True)
    # A clamped norm would multiply the gradient of an empty code by 1 / clamp.
    return z * torch.where(squares > 0, squares, 1).rsqrt()
