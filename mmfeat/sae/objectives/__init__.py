"""Terms of the loss that see a pair; a term is one function in the file of its name.

`mmfeat.sae.settings.LossSettings` lists them with their weights.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import cast

from jaxtyping import Float
from torch import Tensor

from mmfeat.sae.objectives.pair import Pair
from mmfeat.sae.settings import TERMS, LossSettings

__all__ = ["Pair", "pair_loss", "term"]


@cache
def term(name: str) -> Callable[[Pair, LossSettings], Tensor]:
    """Return the function of a term."""
    function = getattr(import_module(f"{__name__}.{name}"), name)
    return cast(Callable[[Pair, LossSettings], Tensor], function)


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
    for name, info in TERMS.items():
        weight = getattr(settings, name)
        if weight > 0 and info.across:
            total = total + weight * term(name)(everyone(), settings) / ranks
        elif weight > 0:
            total = total + weight * term(name)(pair, settings)
    return total
