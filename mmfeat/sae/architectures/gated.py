r"""Gated sparse autoencoder (Rajamanoharan et al. 2024 a).

"Improving dictionary learning with gated sparse autoencoders": gates decide which latents are
active, magnitudes how much.

.. math:: \pi = x W_{enc} + b_{gate}, \qquad
          f = H(\pi) \odot \mathrm{ReLU}(x W_{enc} \odot e^{r_{mag}} + b_{mag}), \qquad
          \hat x = f W_{dec} + b_{dec}

The step lets no gradient through, so that the gates learn from the penalty and from a
reconstruction of their own, by a decoder that does not learn from it:

.. math:: \lVert x - \hat x \rVert^2 + \lambda \sum_i \mathrm{ReLU}(\pi_i)
          + \lVert x - \hat x_{frozen}(\mathrm{ReLU}(\pi)) \rVert^2
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mmfeat.sae.base import UnitDecoder
from mmfeat.sae.codes import Codes, DenseCodes


class GatedSAE(UnitDecoder):
    """A Gated SAE; its pre-activations are those of the gates.

    Parameters
    ----------
    sparsity : float
        Coefficient lambda, for rows with a mean squared norm of d_in.
    """

    architecture = "gated"
    saved = ("W_enc", "b_gate", "b_mag", "r_mag", "W_dec", "b_dec")

    def __init__(self, d_in: int, d_sae: int, sparsity: float = 0.0) -> None:
        super().__init__(d_in, d_sae)
        del self.b_enc
        self.sparsity_coefficient = sparsity
        self.b_gate = nn.Parameter(torch.zeros(d_sae))
        self.b_mag = nn.Parameter(torch.zeros(d_sae))
        self.r_mag = nn.Parameter(torch.zeros(d_sae))

    @property
    def selection_bias(self) -> Float[Tensor, "d_sae"]:
        """What is added to ``x W_enc`` before a latent is found active or not."""
        return self.b_gate

    def activate(self, pre: Float[Tensor, "rows d_sae"]) -> Float[Tensor, "rows d_sae"]:
        """Return codes of rows, each from its own pre-activations alone."""
        magnitudes = (pre - self.b_gate) * self.r_mag.exp() + self.b_mag
        return magnitudes.relu() * (pre > 0)

    def sparsity(self, x: Float[Tensor, "rows d_in"], codes: Codes) -> Float[Tensor, "rows"]:
        """Return ``lambda sum_i ReLU(pi_i)``."""
        assert isinstance(codes, DenseCodes)
        return self.sparsity_coefficient * codes.pre.relu().sum(1)

    def squared_error(self, x: Float[Tensor, "rows d_in"], codes: Codes) -> Float[Tensor, "rows"]:
        """Return ``||x - x_hat||^2`` and the error of the gates' own reconstruction."""
        assert isinstance(codes, DenseCodes)
        gates = codes.pre.relu()
        frozen = torch.addmm(self.b_dec.detach(), gates, self.W_dec.detach())
        return super().squared_error(x, codes) + (x - frozen).square().sum(1)
