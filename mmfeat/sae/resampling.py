"""Dead latents begin anew (Bricken et al. 2023, "Towards Monosemanticity", neuron resampling)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mmfeat.sae.adam import Adam
from mmfeat.sae.base import SAE

_ENCODER_NORM = 0.2  # of a new encoder row, as a share of the mean norm of alive ones


@torch.no_grad()
def resample(
    sae: SAE,
    dead: Bool[Tensor, "d_sae"],
    x: Float[Tensor, "rows d_in"],
    error: Float[Tensor, "rows d_in"],
    optimiser: Adam,
    generator: torch.Generator,
) -> int:
    """Point dead latents to rows that are reconstructed badly.

    A row is drawn with a probability proportional to the square of its loss,
    ``||error||^4``. Its direction becomes the decoder row and, at 0.2 of the
    alive latents' mean norm, the encoder row; biases and thresholds become what
    they were at the start, and the optimiser forgets what it knew of them.

    No row is drawn twice, nor two that are equal (a picture stands in a batch
    for each of its captions): two latents with the same rows would stay the
    same for ever. Where fewer rows than dead latents have an error, latents
    remain dead until the next time.

    Parameters
    ----------
    dead
        Latents that begin anew.
    x, error
        Rows and what their reconstructions leave.
    optimiser
        The one that trains `sae`.

    Returns
    -------
    int
        How many latents began anew, the first of `dead`.
    """
    norms = x.norm(dim=1)
    weight = error.square().sum(1).double().square() * (norms > 0) * _first_of_its_kind(x)
    latents = dead.nonzero().squeeze(1)[: int((weight > 0).sum())]
    if len(latents) == 0:
        return 0
    drawn = torch.multinomial(weight, len(latents), generator=generator)
    directions = x[drawn] / norms[drawn, None]
    kept = sae.W_enc[:, ~dead] if bool((~dead).any()) else sae.W_enc
    scale = _ENCODER_NORM * kept.norm(dim=0).mean()
    _renew(optimiser, sae.W_dec, 0, latents, directions)
    _renew(optimiser, sae.W_enc, 1, latents, scale * directions.T)
    for name, first in sae.at_start().items():
        parameter = getattr(sae, name)
        _renew(optimiser, parameter, 0, latents, parameter.new_full((len(latents),), first))
    return len(latents)


def _first_of_its_kind(x: Float[Tensor, "rows d_in"]) -> Bool[Tensor, "rows"]:
    """Return for each row whether no row before it is equal."""
    kinds, kind = torch.unique(x, dim=0, return_inverse=True)
    first = torch.full((len(kinds),), len(x)).scatter_reduce(0, kind, torch.arange(len(x)), "amin")
    return first[kind] == torch.arange(len(x))


def _renew(
    optimiser: Adam,
    parameter: Tensor,
    dim: int,
    latents: Int[Tensor, "new"],
    values: Tensor,
) -> None:
    """Set the entries of latents, and the optimiser's moments of them to 0."""
    parameter.index_copy_(dim, latents, values)
    for moment in optimiser.moments(parameter):
        moment.index_fill_(dim, latents, 0)
