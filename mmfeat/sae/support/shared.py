"""One support for a pair, in training only."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from mmfeat.sae.base import SAE

_HIDDEN = -1e9


def shared_codes(
    saes: Mapping[str, SAE], pre: Mapping[str, Float[Tensor, "pairs d_sae"]]
) -> dict[str, Float[Tensor, "pairs d_sae"]]:
    """Return codes whose support is selected from the sum of a pair's scores (SPARC, TMLR 2026).

    Each view keeps its own values on it. Afterwards every row is encoded from
    itself alone; a pair's support exists in training only.

    Parameters
    ----------
    saes, pre
        By view: the SAE, and its pre-activations.
    """
    score = torch.stack([saes[view].score(pre[view]) for view in pre]).sum(0)
    support = next(iter(saes.values())).support(score)
    return {view: torch.where(support, values.relu(), 0.0) for view, values in pre.items()}


def masked(
    pre: Mapping[str, Float[Tensor, "pairs d_sae"]], share: float, generator: torch.Generator
) -> dict[str, Float[Tensor, "pairs d_sae"]]:
    """Hide one random set of latents from all views of a pair (group-sparse SAE, ICLR 2026).

    What remains must serve both, so that a pair cannot lean on latents of one side.
    """
    shape = next(iter(pre.values())).shape
    hidden = torch.rand(shape, generator=generator) < share
    return {view: values.masked_fill(hidden, _HIDDEN) for view, values in pre.items()}
