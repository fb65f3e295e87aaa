r"""TopK sparse autoencoder (Gao et al. 2024, "Scaling and evaluating sparse autoencoders").

.. math:: z = \mathrm{TopK}(\mathrm{ReLU}(x W_{enc} + b_{enc})), \qquad
          \hat x = z W_{dec} + b_{dec}

with unit-norm decoder rows and, as in "Scaling Monosemanticity" (Templeton et
al. 2024), no pre-encoder bias: rows are standardised before.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


class TopKSAE(nn.Module):
    """A TopK SAE on standardised rows.

    Parameters
    ----------
    d_in, d_sae : int
        Width of a row, number of latents.
    k : int
        Latents that may be active in a row; those whose pre-activation is not
        positive stay silent.
    """

    architecture = "topk"

    def __init__(self, d_in: int, d_sae: int, k: int) -> None:
        super().__init__()
        self.d_in, self.d_sae, self.k = d_in, d_sae, k
        directions = F.normalize(torch.randn(d_sae, d_in), dim=1)
        self.W_dec = nn.Parameter(directions)
        self.W_enc = nn.Parameter(directions.T.contiguous())
        self.b_enc = nn.Parameter(torch.zeros(d_sae))
        self.b_dec = nn.Parameter(torch.zeros(d_in))

    def pre_activations(self, x: Float[Tensor, "rows d_in"]) -> Float[Tensor, "rows d_sae"]:
        """Return ``x W_enc + b_enc``."""
        return torch.addmm(self.b_enc, x, self.W_enc)

    def encode(
        self, x: Float[Tensor, "rows d_in"]
    ) -> tuple[Float[Tensor, "rows k"], Int[Tensor, "rows k"]]:
        """Return activations and latents of the support; silent ones have activation 0."""
        values, latents = self.pre_activations(x).topk(self.k, dim=1)
        return values.relu(), latents

    def decode(
        self, values: Float[Tensor, "rows k"], latents: Int[Tensor, "rows k"]
    ) -> Float[Tensor, "rows d_in"]:
        """Return the reconstruction, without ever building a dense code."""
        return self.b_dec + F.embedding_bag(
            latents, self.W_dec, per_sample_weights=values, mode="sum"
        )

    @torch.no_grad()
    def normalise_decoder(self) -> None:
        """Scale decoder rows to unit norm."""
        self.W_dec.div_(self.W_dec.norm(dim=1, keepdim=True).clamp(min=1e-8))

    @torch.no_grad()
    def project_gradient(self) -> None:
        """Remove the part of the decoder's gradient that only changes norms."""
        gradient = self.W_dec.grad
        if gradient is not None:
            gradient.sub_((gradient * self.W_dec).sum(1, keepdim=True) * self.W_dec)
