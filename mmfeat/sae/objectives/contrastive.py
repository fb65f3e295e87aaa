r"""Contrastive alignment of codes: InfoNCE (van den Oord et al. 2018, equation 4).

.. math:: - \frac{1}{2} \, \mathrm{mean}_{j} \left[
          \log \frac{e^{s_{jj}}}{\sum_{k \in N_j} e^{s_{jk}}} +
          \log \frac{e^{s_{jj}}}{\sum_{k \in N_j} e^{s_{kj}}} \right], \qquad
          s_{jk} = \cos(z_{a,j}, z_{b,k}) / \tau

with N_j the pair itself and the pairs of other concepts.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from mmfeat.sae.objectives.pair import Pair, unit_scale
from mmfeat.sae.settings import LossSettings


def contrastive(pair: Pair, settings: LossSettings) -> Float[Tensor, ""]:
    """Return the symmetric InfoNCE of a pair's codes (van den Oord et al. 2018).

    The temperature is ``settings.temperature``. Other pairs of the same concept are no
    negatives: they are left out.
    """
    scale_a, scale_b = unit_scale(pair.z_a.squared_norms()), unit_scale(pair.z_b.squared_norms())
    cosines = pair.z_a.products(pair.z_b) * scale_a[:, None] * scale_b
    scores = cosines / settings.temperature
    same = pair.concept[:, None] == pair.concept
    same.fill_diagonal_(False)
    scores = scores.masked_fill(same, -torch.inf)
    losses = (scores.logsumexp(1) + scores.logsumexp(0)) / 2 - scores.diagonal()
    return pair.mean(losses)
