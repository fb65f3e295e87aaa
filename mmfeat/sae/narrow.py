r"""The k highest pre-activations from products in bfloat16, exactly.

With unit roundoff :math:`u = 2^{-9}`, rounding both factors changes a product
:math:`s = x \cdot w` by at most :math:`(2u + u^2) \lVert x \rVert \lVert w \rVert` (Cauchy and
Schwarz), its sum in float32 adds :math:`d_{in} 2^{-23} \lVert x \rVert \lVert w \rVert`, and
rounding the result, adding a rounded bias b and rounding again less than
:math:`3u (|\tilde s| + |b|)`. So with :math:`c` the greatest of the first three over latents, and
:math:`\tilde t > 0` the k-th highest approximation of a row, at least k latents have
:math:`s \ge (1 - 3u) \tilde t - c`, while a latent has :math:`s \le (1 + 3u) \tilde s + c` where
:math:`\tilde s \ge 0`, and :math:`s \le c` where it is not. Whatever is below

.. math:: \theta = \frac{(1 - 3u) \tilde t - 2c}{1 + 3u}

is therefore none of the k highest. A few more than k candidates are taken; where all that were not
are below a positive theta, the k highest among the candidates, scored anew in float32, are those of
all. Rows for which that does not hold are scored in float32 altogether.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mmfeat.sae.sparse import Support, at
from mmfeat.sae.top import top

HIDDEN = -1e9  # score of a latent that is hidden
_U = 2.0**-9
_SAFETY = 1.01  # norms are rounded too
_SPARE = 16  # candidates more than 2 k
_LEAST = 1 << 22  # entries of an encoder from which on it pays


def pays(x: Float[Tensor, "rows d_in"], d_sae: int, k: int) -> bool:
    """Return whether products in bfloat16 are faster, here and for such sizes."""
    if x.dtype != torch.float32 or x.shape[1] * d_sae < _LEAST or d_sae < 16 * (2 * k + _SPARE):
        return False
    if x.is_cuda:
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported())


class Narrow:
    """An encoder in bfloat16, and what bounds its errors.

    Parameters
    ----------
    weight : float [d_sae, d_in]
        The encoder, latent by latent in memory.
    bias, gain : float [d_sae]
        Added to products; multiplies pre-activations to scores.
    k : int
        How many are looked for.
    """

    def __init__(
        self,
        weight: Float[Tensor, "d_sae d_in"],
        bias: Float[Tensor, "d_sae"],
        gain: Float[Tensor, "d_sae"],
        k: int,
    ) -> None:
        self.weight, self.bias, self.gain, self.k = weight, bias, gain, k
        even = bool((gain == 1).all())
        scaled = weight if even else weight * gain[:, None]
        self._narrow = scaled.bfloat16()
        self._bias = bias * gain
        norm = torch.linalg.vector_norm(scaled, dim=1).max()
        share = 2 * _U + _U**2 + weight.shape[1] * 2.0**-23
        self._relative = _SAFETY * share * norm
        self._absolute = 3 * _U * self._bias.abs().max()

    def top(
        self, x: Float[Tensor, "rows d_in"], hidden: Bool[Tensor, "rows d_sae"] | None = None
    ) -> tuple[Int[Tensor, "rows k"], Float[Tensor, "rows k"]]:
        """Return the latents of the k highest scores of each row, and their pre-activations."""
        count = 2 * self.k + _SPARE
        rough = torch.addmm(self._bias.bfloat16(), x.bfloat16(), self._narrow.T)
        if hidden is not None:
            rough.masked_fill_(hidden, HIDDEN)
        candidates = top(rough, count)
        known = rough.gather(1, candidates).float().sort(dim=1, descending=True).values
        error = self._relative * x.norm(dim=1) + self._absolute
        least = ((1 - 3 * _U) * known[:, self.k - 1] - 2 * error) / (1 + 3 * _U)
        sure = (least > 0) & (known[:, -1] < least)
        pre = at(Support.of_rows(candidates, len(self.weight)), x, self.weight)
        pre = pre.view_as(candidates) + self.bias[candidates]
        latents, pre = self._best(candidates, pre, hidden)
        rest = (~sure).nonzero().squeeze(1)
        if len(rest):
            every = torch.arange(len(self.weight), device=x.device).expand(len(rest), -1)
            whole = torch.addmm(self.bias, x[rest], self.weight.T)
            latents[rest], pre[rest] = self._best(
                every, whole, None if hidden is None else hidden[rest]
            )
        return latents, pre

    def _best(
        self,
        latents: Int[Tensor, "rows some"],
        pre: Float[Tensor, "rows some"],
        hidden: Bool[Tensor, "rows d_sae"] | None,
    ) -> tuple[Int[Tensor, "rows k"], Float[Tensor, "rows k"]]:
        """Return the k of highest score among some latents."""
        if hidden is not None:
            pre = pre.masked_fill(hidden.gather(1, latents), HIDDEN)
        chosen = top(pre * self.gain[latents], self.k)
        return latents.gather(1, chosen), pre.gather(1, chosen)
