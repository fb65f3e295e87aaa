r"""Matryoshka sparse autoencoder (Bussmann et al. 2025).

"Learning multi-level features with Matryoshka sparse autoencoders": BatchTopK whose first
latents alone must already reconstruct, for nested dictionaries of
:math:`m_1 < \dots < m_n = d_{sae}` latents.

.. math:: \frac{1}{n} \sum_{j=1}^{n}
          \lVert x - (z_{1 \dots m_j} W_{dec, 1 \dots m_j} + b_{dec}) \rVert^2

The paper sums over the dictionaries; the mean keeps the weights of other terms comparable.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil

from jaxtyping import Float
from torch import Tensor

from mmfeat.sae.batch_topk import BatchTopKSAE


class MatryoshkaSAE(BatchTopKSAE):
    """A BatchTopK SAE of nested dictionaries.

    Parameters
    ----------
    prefixes : sequence of float
        Nested dictionaries, as shares of d_sae, ascending to 1.
    """

    architecture = "matryoshka"

    def __init__(self, d_in: int, d_sae: int, k: int, prefixes: Sequence[float]) -> None:
        super().__init__(d_in, d_sae, k)
        self.ends = [ceil(share * d_sae) for share in prefixes]

    def squared_error(
        self, x: Float[Tensor, "rows d_in"], codes: Float[Tensor, "rows d_sae"]
    ) -> Float[Tensor, "rows"]:
        """Return the mean of ``||x - x_hat||^2`` over the nested dictionaries."""
        left = x - self.b_dec
        total = x.new_zeros(len(x))
        for start, end in pairwise([0, *self.ends]):
            left = left - codes[:, start:end] @ self.W_dec[start:end]
            total = total + left.square().sum(1)
        return total / len(self.ends)
