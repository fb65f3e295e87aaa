"""Terms of the loss that see a pair; a term is one function in its own file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jaxtyping import Float
from torch import Tensor

from mmfeat.sae.objectives.contrastive import contrastive
from mmfeat.sae.objectives.energy_gap import energy_gap
from mmfeat.sae.objectives.group_sparsity import group_sparsity
from mmfeat.sae.objectives.iso_energy import iso_energy
from mmfeat.sae.objectives.pair import Pair
from mmfeat.sae.objectives.translation import translation
from mmfeat.sae.settings import LossSettings

# By the name of their weight in `LossSettings`.
TERMS: Mapping[str, Callable[[Pair, LossSettings], Tensor]] = {
    "group_sparsity": group_sparsity,
    "iso_energy": iso_energy,
    "energy_gap": energy_gap,
    "contrastive": contrastive,
    "translation": translation,
}

# Those that compare a pair with others of its batch.
_ACROSS = ("energy_gap", "contrastive")

__all__ = ["TERMS", "Pair", "pair_loss"]


def pair_loss(
    pair: Pair, settings: LossSettings, everyone: Callable[[], Pair], ranks: int = 1
) -> Float[Tensor, ""]:
    """Return the weighted sum of the terms whose weight is above 0.

    Parameters
    ----------
    pair : Pair
        The pairs of this rank.
    everyone : callable
        Gives the pairs of all ranks.
    ranks : int
        How many ranks have pairs; what they return sums up to the loss.
    """
    total = pair.x_a.new_zeros(())
    for name, term in TERMS.items():
        weight = getattr(settings, name)
        if weight > 0 and name in _ACROSS:
            total = total + weight * term(everyone(), settings) / ranks
        elif weight > 0:
            total = total + weight * term(pair, settings)
    return total
