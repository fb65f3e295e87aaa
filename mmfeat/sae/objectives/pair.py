"""What a term of the loss sees of a pair."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mmfeat.sae.base import SAE
from mmfeat.sae.codes import Codes


@dataclass(frozen=True)
class Pair:
    """Two views of a batch: rows j belong to the same item.

    Attributes
    ----------
    x_a, x_b : float [pairs, d_in]
        Standardised rows.
    z_a, z_b : Codes [pairs, d_sae]
        Their codes.
    sae_a, sae_b : SAE
        What encodes and decodes the rows of each view; often the same.
    concept : int64 [pairs]
        Concept of each pair.
    weight : float [pairs]
        What each pair counts.
    total : float
        What all pairs of the batch count, also those that other ranks have.
    """

    x_a: Float[Tensor, "pairs d_in"]
    x_b: Float[Tensor, "pairs d_in"]
    z_a: Codes
    z_b: Codes
    sae_a: SAE
    sae_b: SAE
    concept: Int[Tensor, "pairs"]
    weight: Float[Tensor, "pairs"]
    total: Float[Tensor, ""]

    def mean(self, values: Float[Tensor, "pairs"]) -> Float[Tensor, ""]:
        """Return the part of these pairs in the weighted mean; 0 where no pair counts."""
        return (values * self.weight).sum() / self.total.clamp(min=1e-12)


def unit_scale(squares: Float[Tensor, "rows"]) -> Float[Tensor, "rows"]:
    """Return what scales codes of these squared norms to unit norm; an empty one stays empty."""
    # A clamped norm would multiply the gradient of an empty code by 1 / clamp.
    return torch.where(squares > 0, squares, 1).rsqrt()
