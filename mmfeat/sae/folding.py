"""What is done to rows before an SAE and after it, folded into the SAE's tensors."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

_UNIT = 1e-5  # norms that differ from 1 by less are rounding
_LATENTS = 1 << 14  # of a block held in float64


def fold_standardisation(
    tensors: Mapping[str, Tensor], mean: Float[Tensor, "d_in"], scale: float
) -> dict[str, Tensor]:
    """Return the tensors of the SAE that does to raw rows what the given one does to standardised.

    Its codes of x are those of ``(x - mean) * scale``, its reconstructions those times
    ``1 / scale`` plus the mean. Thresholds compare pre-activations, which stay as they are.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        By the names in `SAE.saved`, of an SAE without a pre-encoder bias.
    mean : float [d_in]
        What is taken off a row.
    scale : float
        What a row is then multiplied by, above 0.
    """
    scaled = {**tensors, "W_enc": tensors["W_enc"] * scale}
    return {
        **_taking_off(scaled, mean),
        "W_dec": tensors["W_dec"] / scale,
        "b_dec": (tensors["b_dec"].double() / scale + mean.double()).float(),
    }


def fold_pre_bias(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of the SAE that encodes x as the given one encodes ``x - b_dec``."""
    return _taking_off(tensors, tensors["b_dec"])


def fold_norms(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of the SAE with unit decoder rows and the same reconstructions.

    Its codes are the given ones times the norms of the decoder rows. A latent that has a
    decoder row of zeros falls silent.
    """
    norms = tensors["W_dec"].norm(dim=1)
    norms = torch.where((norms - 1).abs() < _UNIT, 1.0, norms)
    encoder = ("W_enc", "b_enc", "b_gate", "b_mag", "threshold")
    folded = {
        name: values * norms if name in encoder else values for name, values in tensors.items()
    }
    return {**folded, "W_dec": tensors["W_dec"] / norms.clamp(min=1e-30)[:, None]}


def _taking_off(tensors: Mapping[str, Tensor], mean: Float[Tensor, "d_in"]) -> dict[str, Tensor]:
    """Move what is taken off a row into the biases of the encoder."""
    # In float64: a mean that is large beside what is left of a row would cost digits.
    blocks = torch.split(tensors["W_enc"], _LATENTS, dim=1)
    shift = torch.cat([mean.double() @ block.double() for block in blocks])
    moved = dict(tensors)
    for name in ("b_enc", "b_gate"):
        if name in moved:
            moved[name] = (moved[name].double() - shift).float()
    if "b_mag" in moved:  # the magnitudes of a Gated SAE have an encoder of their own
        scale = tensors["r_mag"].double().exp()
        moved["b_mag"] = (moved["b_mag"].double() - shift * scale).float()
    return moved
