"""A gain of selection that lets every latent fire alike often, in each modality by itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from mmfeat.sae.codes import Codes
from mmfeat.sae.selecting import SelectingSAE

_MEMORY = 0.98  # of the running firing rates: some fifty steps
_WIDEST = 3.0  # of the logarithm of a gain: a latent that nothing wakes must not wind it up


class Balance:
    r"""Steers each latent towards the firing rate k / d_sae, the same in every modality.

    A naive dictionary has latents that pictures alone or captions alone use,
    and a few that are used so often that they name nothing. With a gain
    :math:`g` a latent and modality the support is chosen by
    :math:`g (xW + b)`, while activations stay :math:`\mathrm{ReLU}(xW + b)`, and
    after each step

    .. math:: \ln g_i \leftarrow \ln g_i
              + \eta\,\mathrm{clip}\bigl((\rho - f_i) / \rho, -1, 1\bigr),
              \qquad \rho = k / d_{sae}

    for the running firing rate :math:`f_i`, then the mean of :math:`\ln g` is
    taken off and it is kept within 3 of 0. The rate is over concepts: a
    concept counts alike however many variants it has, or the dictionary would
    spend itself on the variants of the few that have many. No gradient flows
    through it, as in the balancing of experts without a loss (Wang et al. 2024,
    "Auxiliary-loss-free load balancing strategy for mixture-of-experts"), whose
    bias is added, not multiplied: a gain can be folded into the weights, and
    wakes no latent that is negative.

    Parameters
    ----------
    sae : SelectingSAE
        The SAE of one modality.
    step : float
        The step eta.
    """

    def __init__(self, sae: SelectingSAE, step: float) -> None:
        self.sae, self.step = sae, step
        self.latents = sae.d_sae * sae.ranks.shards.size
        self.target = sae.k / self.latents
        self.rate = torch.full((sae.d_sae,), self.target, device=sae.gain.device)

    @torch.no_grad()
    def observe(self, views: Sequence[Codes], concept: Int[Tensor, "pairs"]) -> None:
        """Change the gain by how often latents fire in a step's views of this modality.

        Concepts are those of the whole batch, of which a rank may have codes of a part.
        """
        _, index, count = torch.unique(concept, return_inverse=True, return_counts=True)
        rows, shards = self.sae.ranks.rows, self.sae.ranks.shards
        weight = (1 / (len(count) * len(views) * count[index]))[rows.share(len(index))]
        one = torch.zeros(len(weight), dtype=torch.int64, device=weight.device)
        fired = torch.stack([codes.activity(weight, one, 1)[0] for codes in views]).sum(0)
        fired = rows.total(fired)
        self.rate.lerp_(fired.to(self.rate.dtype), 1 - _MEMORY)
        change = self.step * ((self.target - self.rate) / self.target).clamp(-1, 1)
        gain = self.sae.gain.log() + change
        mean = shards.total(gain.sum()) / self.latents
        self.sae.gain.copy_((gain - mean).clamp(-_WIDEST, _WIDEST).exp())
