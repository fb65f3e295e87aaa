r"""ReLU sparse autoencoder (Templeton et al. 2024, "Scaling Monosemanticity").

.. math:: f = \mathrm{ReLU}(x W_{enc} + b_{enc}), \qquad \hat x = f W_{dec} + b_{dec}, \qquad
          \lVert x - \hat x \rVert^2 + \lambda \sum_i f_i \lVert W_{dec,i} \rVert_2
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from mmfeat.sae.base import SAE
from mmfeat.sae.codes import Codes

NORMS = (0.05, 1.0)  # of decoder rows at the start


class ReLUSAE(SAE):
    """A ReLU SAE whose decoder rows have any norm.

    Parameters
    ----------
    sparsity : float
        Coefficient lambda, for rows with a mean squared norm of d_in.
    """

    architecture = "relu"

    def __init__(self, d_in: int, d_sae: int, sparsity: float = 0.0) -> None:
        super().__init__(d_in, d_sae)
        self.sparsity_coefficient = sparsity
        low, high = NORMS
        with torch.no_grad():
            self.W_dec.mul_(low + (high - low) * torch.rand(d_sae, 1))
            self.W_enc.copy_(self.W_dec.T)

    def activate(self, pre: Float[Tensor, "rows d_sae"]) -> Float[Tensor, "rows d_sae"]:
        """Return codes of rows, each from its own pre-activations alone."""
        return pre.relu()

    def sparsity(self, x: Float[Tensor, "rows d_in"], codes: Codes) -> Float[Tensor, "rows"]:
        """Return ``lambda sum_i f_i ||W_dec,i||``."""
        norms: Tensor = self.W_dec.norm(dim=1)
        return self.sparsity_coefficient * (codes.dense() @ norms)

    @torch.no_grad()
    def finished(self) -> ReLUSAE:
        """Return an SAE with unit decoder rows and the same reconstructions.

        A code of it is what the penalty counts, ``f_i ||W_dec,i||``.
        """
        sae = ReLUSAE(self.d_in, self.d_sae, self.sparsity_coefficient).to(self.W_dec)
        norms = self.W_dec.norm(dim=1).clamp(min=torch.finfo(self.W_dec.dtype).tiny)
        sae.W_enc.copy_(self.W_enc * norms)
        sae.b_enc.copy_(self.b_enc * norms)
        sae.W_dec.copy_(self.W_dec / norms[:, None])
        sae.b_dec.copy_(self.b_dec)
        return sae.requires_grad_(False).eval()
