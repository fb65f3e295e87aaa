r"""Translation: cross-reconstruction (SPARC, TMLR 2026).

.. math:: \mathrm{mean}_{pairs} \frac{1}{2 d_{in}} \left(
          \|x_a - \hat x_a(z_b)\|^2 + \|x_b - \hat x_b(z_a)\|^2 \right)

SPARC adds it to a support that both sides share; here the two are switched apart.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from mmfeat.sae.objectives.pair import Pair
from mmfeat.sae.settings import LossSettings


def translation(pair: Pair, settings: LossSettings) -> Float[Tensor, ""]:
    """Return the mean error of each row decoded from its partner's code (SPARC, TMLR 2026)."""
    error_a = (pair.x_a - pair.z_b.decode(pair.sae_a)).square().sum(1)
    error_b = (pair.x_b - pair.z_a.decode(pair.sae_b)).square().sum(1)
    return pair.mean(error_a + error_b) / (2 * pair.x_a.shape[1])
