"""The codes of a batch in training, in whichever form the architecture has them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mmfeat.sae.ranks import Axis

if TYPE_CHECKING:
    from mmfeat.sae.base import SAE


class Codes(ABC):
    """Codes of rows, none below 0, with the gradients of what made them."""

    def __init__(self) -> None:
        self._decoded: dict[int, Float[Tensor, "rows d_in"]] = {}

    def decode(self, sae: SAE) -> Float[Tensor, "rows d_in"]:
        """Return the reconstruction by an SAE's decoder; what is asked twice is computed once."""
        known = self._decoded.get(id(sae.W_dec))
        if known is None:
            known = self._decoded[id(sae.W_dec)] = self._reconstruct(sae)
        return known

    @abstractmethod
    def _reconstruct(self, sae: SAE) -> Float[Tensor, "rows d_in"]: ...

    @abstractmethod
    def dense(self) -> Float[Tensor, "rows d_sae"]:
        """Return one number a row and latent."""

    @abstractmethod
    def squared_norms(self) -> Float[Tensor, "rows"]:
        """Return the squared norm of each code."""

    @abstractmethod
    def products(self, other: Codes) -> Float[Tensor, "rows others"]:
        """Return the inner product of each code with each of another batch."""

    @abstractmethod
    def joined(self, rows: Axis) -> Codes:
        """Return the codes of all ranks' rows."""

    @abstractmethod
    def active(self) -> Int[Tensor, ""]:
        """Return how many activations there are."""

    @abstractmethod
    def activity(
        self, weight: Float[Tensor, "rows"], group: Int[Tensor, "rows"], groups: int
    ) -> Float[Tensor, "groups d_sae"]:
        """Return the summed weight of the rows of a group on which a latent is active."""


class DenseCodes(Codes):
    """Codes of an architecture whose latents are not selected.

    Attributes
    ----------
    pre, z : float [rows, d_sae]
        Pre-activations and codes.
    """

    def __init__(self, pre: Float[Tensor, "rows d_sae"], z: Float[Tensor, "rows d_sae"]) -> None:
        super().__init__()
        self.pre, self.z = pre, z

    def _reconstruct(self, sae: SAE) -> Float[Tensor, "rows d_in"]:
        return sae.reconstruct(self.z)

    def dense(self) -> Float[Tensor, "rows d_sae"]:
        """Return one number a row and latent."""
        return self.z

    def squared_norms(self) -> Float[Tensor, "rows"]:
        """Return the squared norm of each code."""
        return self.z.square().sum(1)

    def products(self, other: Codes) -> Float[Tensor, "rows others"]:
        """Return the inner product of each code with each of another batch."""
        return self.z @ other.dense().T

    def joined(self, rows: Axis) -> DenseCodes:
        """Return the codes of all ranks' rows."""
        return DenseCodes(rows.joined(self.pre), rows.joined(self.z))

    def active(self) -> Int[Tensor, ""]:
        """Return how many activations there are."""
        return (self.z > 0).sum()

    @torch.no_grad()
    def activity(
        self, weight: Float[Tensor, "rows"], group: Int[Tensor, "rows"], groups: int
    ) -> Float[Tensor, "groups d_sae"]:
        """Return the summed weight of the rows of a group on which a latent is active."""
        member = self.z.new_zeros(groups, len(group))
        member[group, torch.arange(len(group), device=group.device)] = weight.to(member.dtype)
        return member @ (self.z > 0).to(member.dtype)
