r"""Per-atom reconstruction error: how badly a decoder row fits what is left for it to explain.

For latent k, with :math:`r_k = x - \hat x + z_k d_k` over the rows on which it fires,

.. math:: \frac{\sum \|r_k - z_k d_k\|^2}{\sum \|r_k\|^2}

0 is a row of the decoder that explains all the others leave over, 1 one that explains
nothing. A decoder row shared by two half-aligned directions, as one of pictures and one
of captions, collapses to their bisector: it still fires on the right rows, so that
monosemanticity does not see it, but it points at neither, and this error does.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float

from mmfeat.analysis.codes import encoded
from mmfeat.sae.interop import TrainedSAE
from mmfeat.store.activations import Stream

# Most numbers of decoder rows gathered at a time.
_CELLS = 1 << 23


@torch.inference_mode()
def atom_error(
    trained: TrainedSAE, stream: Stream, chosen: Bool[np.ndarray, "rows"]
) -> Float[np.ndarray, "d_sae"]:
    """Return each feature's error on the chosen rows, NaN where it fires on none.

    Computed in the space the SAE acts in, with the stream's own decoder.

    Raises
    ------
    MmfeatError
        If the SAE does not know the stream or its width.
    """
    sae = trained.sae_of(stream.name)
    decoder = sae.W_dec.detach()
    norm = decoder.double().square().sum(1)
    left, without = np.zeros(trained.d_sae), np.zeros(trained.d_sae)
    for part in encoded(trained, stream, chosen):
        residual = part.x - sae.decode(part.values, part.latents)
        square = residual.double().square().sum(1)
        row, slot = torch.nonzero(part.values > 0, as_tuple=True)
        step = max(1, _CELLS // trained.d_in)
        for r, s in zip(torch.split(row, step), torch.split(slot, step), strict=True):
            latent, z = part.latents[r, s], part.values[r, s].double()
            along = torch.einsum("nd,nd->n", residual[r], decoder[latent]).double()
            at = latent.numpy()
            # ||e + z d||^2 with e = x - x_hat, which is what is left with the atom in place.
            own = square[r] + 2 * z * along + z.square() * norm[latent]
            left += np.bincount(at, square[r].numpy(), trained.d_sae)
            without += np.bincount(at, own.numpy(), trained.d_sae)
    some = without > 0
    return np.asarray(np.where(some, left / np.where(some, without, 1), np.nan))
