r"""Group sparsity (group-sparse SAE, ICLR 2026).

.. math:: \mathrm{mean}_{pairs} \; \frac{1}{d_{in}} \sum_i \sqrt{z_{a,i}^2 + z_{b,i}^2}

A latent active on both sides of a pair costs less than two latents active on one each.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from mmfeat.sae.objectives.pair import Pair
from mmfeat.sae.settings import LossSettings


def group_sparsity(pair: Pair, settings: LossSettings) -> Float[Tensor, ""]:
    """Return the mean group norm of the latents of a pair, over d_in (ICLR 2026).

    The gradient is exactly 0 where a latent is silent on both sides.
    """
    squares = pair.z_a.dense().square() + pair.z_b.dense().square()
    active = squares > 0
    # The inner `where` keeps the infinite slope of the root at 0 out of the gradient.
    norms = torch.where(active, torch.where(active, squares, 1).sqrt(), 0)
    return pair.mean(norms.sum(1)) / pair.x_a.shape[1]
