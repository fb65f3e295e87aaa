r"""TopK sparse autoencoder (Gao et al. 2024, "Scaling and evaluating sparse autoencoders").

.. math:: z = \mathrm{TopK}(\mathrm{ReLU}(x W_{enc} + b_{enc})), \qquad
          \hat x = z W_{dec} + b_{dec}

with unit-norm decoder rows.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mmfeat.sae.selecting import SelectingSAE
from mmfeat.sae.sparse import Support
from mmfeat.sae.top import top

_UNIT = 1e-5  # norms that differ from 1 by less are rounding


class TopKSAE(SelectingSAE):
    """A TopK SAE.

    With a gain g it is saved as the TopK SAE with the encoder ``g W_enc, g b_enc`` and decoder
    rows ``W_dec / g``, which selects by ``g z`` and reconstructs alike: no other format needed.

    Parameters
    ----------
    k : int
        Latents that may be active in a row; those whose pre-activation is not
        positive stay silent.
    """

    architecture = "topk"
    rows_apart = True

    def support(self, score: Float[Tensor, "rows d_sae"]) -> Support:
        """Return the k highest latents of each row."""
        shards = self.ranks.shards
        latents = top(score, min(self.k, self.d_sae))
        if shards.size == 1:
            return Support.of_rows(latents, self.d_sae)
        values = score.gather(1, latents)
        kept = values >= shards.least_of_highest(values, self.k)[:, None]
        return Support(latents[kept], kept.sum(1), self.d_sae, shards)

    def activate(self, pre: Float[Tensor, "rows d_sae"]) -> Float[Tensor, "rows d_sae"]:
        """Return codes of rows, each from its own pre-activations alone."""
        latents = top(self.score(pre), self.k)
        return torch.zeros_like(pre).scatter(1, latents, pre.gather(1, latents).relu())

    def encode(
        self, x: Float[Tensor, "rows d_in"]
    ) -> tuple[Float[Tensor, "rows k"], Int[Tensor, "rows k"]]:
        """Return activations and latents of the support; silent ones have activation 0."""
        pre = self.pre_activations(x)
        latents = top(self.score(pre), self.k)
        return pre.gather(1, latents).relu(), latents

    def tensors(self) -> dict[str, Tensor]:
        """Return what is saved."""
        return {
            "W_enc": self.W_enc.detach() * self.gain,
            "b_enc": self.b_enc.detach() * self.gain,
            "W_dec": self.W_dec.detach() / self.gain[:, None],
            "b_dec": self.b_dec.detach(),
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back what was saved; decoder rows of any norm become unit rows and gains."""
        norms = tensors["W_dec"].norm(dim=1)
        norms = torch.where((norms - 1).abs() < _UNIT, 1.0, norms).clamp(min=1e-12)
        super().restore(
            {
                "W_enc": tensors["W_enc"] * norms,
                "b_enc": tensors["b_enc"] * norms,
                "W_dec": tensors["W_dec"] / norms[:, None],
                "b_dec": tensors["b_dec"],
            }
        )
        self.gain = 1 / norms
