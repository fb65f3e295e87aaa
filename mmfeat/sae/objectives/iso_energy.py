r"""Iso-energy as an alignment of codes (iso-energy, ICLR 2026).

.. math:: - \mathrm{mean}_{pairs} \cos(m \odot z_a, m \odot z_b)

with m = 0 at the strongest latents of the pair and 1 elsewhere, so that a few strong
latents alone cannot satisfy the term.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from mmfeat.sae.objectives.pair import Pair, unit_scale
from mmfeat.sae.settings import LossSettings


def iso_energy(pair: Pair, settings: LossSettings) -> Float[Tensor, ""]:
    """Return minus the mean cosine of a pair's codes (iso-energy, ICLR 2026).

    In each pair the ``settings.masked`` latents of largest ``z_a + z_b`` are left out;
    where nothing is left on a side, the cosine is 0.
    """
    dense_a, dense_b = pair.z_a.dense(), pair.z_b.dense()
    strength = (dense_a + dense_b).detach()
    strongest = strength.topk(min(settings.masked, strength.shape[1]), dim=1, sorted=False)
    z_a = dense_a.scatter(1, strongest.indices, 0)
    z_b = dense_b.scatter(1, strongest.indices, 0)
    scale = unit_scale(z_a.square().sum(1)) * unit_scale(z_b.square().sum(1))
    return -pair.mean((z_a * z_b).sum(1) * scale)
