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
from math import ceil

import torch
from jaxtyping import Float
from torch import Tensor

from mmfeat.sae.architectures.batch_topk import BatchTopKSAE
from mmfeat.sae.codes import Codes
from mmfeat.sae.sparse import SparseCodes


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

    def squared_error(self, x: Float[Tensor, "rows d_in"], codes: Codes) -> Float[Tensor, "rows"]:
        """Return the mean of ``||x - x_hat||^2`` over the nested dictionaries."""
        assert isinstance(codes, SparseCodes)
        nested = [*(codes.first(end) for end in self.ends[:-1]), codes]
        errors = [(x - part.decode(self)).square().sum(1) for part in nested]
        return torch.stack(errors).mean(0)
