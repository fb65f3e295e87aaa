r"""Iso-energy as a balance of energies (iso-energy, ICLR 2026).

.. math:: \mathrm{mean}_i \frac{|E_{a,i} - E_{b,i}|}{E_{a,i} + E_{b,i}}, \qquad
          E_{m,i} = \mathrm{mean}_{pairs} z_{m,i}^2
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from mmfeat.sae.objectives.pair import Pair
from mmfeat.sae.settings import LossSettings


def energy_gap(pair: Pair, settings: LossSettings) -> Float[Tensor, ""]:
    """Return the mean relative gap of a latent's energies (iso-energy, ICLR 2026).

    Energies are weighted means over the batch; latents without any are left out. 0 when
    a latent has as much energy on both sides, 1 when it has it on one.
    """
    share = (pair.weight / pair.total.clamp(min=1e-12))[:, None]
    energy_a = (share * pair.z_a.dense().square()).sum(0)
    energy_b = (share * pair.z_b.dense().square()).sum(0)
    total = energy_a + energy_b
    active = total > 0
    gaps = (energy_a - energy_b).abs() / torch.where(active, total, 1)
    return gaps.sum() / active.sum().clamp(min=1)
