r"""BatchTopK sparse autoencoder (Bussmann et al. 2024, "BatchTopK Sparse Autoencoders").

In training the k n highest positive pre-activations of a batch of n rows are active. After it
a latent is active where its pre-activation is above a threshold, so that a row's code depends
on that row alone:

.. math:: \theta = E[\min \{ z_{ij} : z_{ij} > 0 \}]

over batches.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from mmfeat.sae.architectures.jump_relu import LEAST_THRESHOLD, JumpReLUSAE
from mmfeat.sae.selecting import SelectingSAE
from mmfeat.sae.sparse import Support
from mmfeat.sae.top import top

_NEW = 0.01  # weight of a batch in the running average of the threshold


class BatchTopKSAE(SelectingSAE):
    """A BatchTopK SAE.

    Parameters
    ----------
    k : int
        Latents active in a row, on average over a batch.

    Attributes
    ----------
    threshold : scalar tensor
        Running average of a batch's least positive score that is selected; 0 before the first.
    """

    architecture = "batch-topk"
    rows_apart = False
    threshold: Float[Tensor, ""]

    def __init__(self, d_in: int, d_sae: int, k: int) -> None:
        super().__init__(d_in, d_sae, k)
        self.register_buffer("threshold", torch.zeros(()))

    def support(self, score: Float[Tensor, "rows d_sae"]) -> Support:
        """Return the k highest latents a row, of all rows together."""
        rows, flat = self.ranks.rows, score.reshape(1, -1)
        wanted = self.k * len(score) * rows.size
        highest = top(flat, min(wanted, flat.shape[1]))
        if rows.size > 1:
            values = flat.gather(1, highest)
            highest = highest[values >= rows.least_of_highest(values, wanted)[:, None]]
        return Support.of_batch(highest.flatten(), len(score), self.d_sae)

    def activate(self, pre: Float[Tensor, "rows d_sae"]) -> Float[Tensor, "rows d_sae"]:
        """Return codes of rows, each from its own pre-activations alone."""
        return torch.where(self.score(pre) > self.threshold, pre.relu(), 0.0)

    @torch.no_grad()
    def observe(self, pre: Float[Tensor, "rows d_sae"], support: Support | None = None) -> None:
        """Move the threshold towards the least score that a batch's own support has.

        By scores of its own, not by the codes: the support of a pair knows more
        than a row does later.
        """
        score = self.score(pre)
        support = support or self.support(score)
        chosen = score[support.row, support.latents]
        positive = self.ranks.rows.joined(chosen[chosen > 0])
        if len(positive):
            smallest = positive.min()
            first = self.threshold == 0
            self.threshold.copy_(torch.where(first, smallest, self.threshold.lerp(smallest, _NEW)))

    @torch.no_grad()
    def finished(self) -> JumpReLUSAE:
        """Return a JumpReLU SAE; a latent's threshold is the common one over its gain."""
        sae = JumpReLUSAE(self.d_in, self.d_sae).to(self.W_dec)
        for name in ("W_enc", "b_enc", "W_dec", "b_dec"):
            getattr(sae, name).copy_(getattr(self, name))
        sae.threshold.copy_((self.threshold / self.gain).clamp(min=LEAST_THRESHOLD))
        return sae.requires_grad_(False).eval()
