r"""The auxiliary loss (Gao et al. 2024, AuxK): dead latents learn to explain the error.

With the codes z of a row's k strongest dead latents, their decoder rows D, and the error e that
a reconstruction leaves,

.. math:: L = \lVert z D - e \rVert^2 / \lVert e \rVert^2, \qquad
          g = 2 (z D - e) / \lVert e \rVert^2, \qquad
          s = g D^T \odot [z > 0],

.. math:: \frac{\partial L}{\partial D} = z^T g, \qquad
          \frac{\partial L}{\partial W_{enc}} = x^T s, \qquad
          \frac{\partial L}{\partial b} = \sum_r s_r.

The gradient is made along with the loss, for dead latents alone. Autograd would give each parameter
a table of all latents, and to fill these with zeros and add them takes as long as two products.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from mmfeat.sae.base import SAE
from mmfeat.sae.ranks import local
from mmfeat.sae.sparse import Support, at, by_latent
from mmfeat.sae.top import top

_BLOCK = 1 << 21  # entries of a table of rows and dead latents: 8 MiB of them
_CACHED = 1 << 18  # entries of a part of the decoder that stays in a cache: 1 MiB
_NARROW = 64  # columns of it at least
_SPARSE = 12  # times k: with more dead latents, bags are faster than tables


@dataclass(frozen=True)
class Auxiliary:
    """The loss, and its gradient by the parameters of dead latents.

    Attributes
    ----------
    loss : float, scalar
        Where ranks divide the rows, the part of this one's.
    latents : int64 [dead]
        Which they are.
    encoder, decoder : float [dead, d_in]
        Gradients of W_enc and W_dec.
    bias : float [dead]
        Gradient of the encoder's bias.
    """

    loss: Float[Tensor, ""]
    latents: Int[Tensor, "dead"]
    encoder: Float[Tensor, "dead d_in"]
    bias: Float[Tensor, "dead"]
    decoder: Float[Tensor, "dead d_in"]

    def add_to(self, sae: SAE, weight: float) -> None:
        """Add the gradient, times a weight, to the one that an SAE's parameters have already."""
        for gradient, part in (
            (_gradient(sae.W_enc).T, self.encoder),
            (_gradient(sae.selection_bias), self.bias),
            (_gradient(sae.W_dec), self.decoder),
        ):
            gradient.index_add_(0, self.latents, part, alpha=weight)


@torch.no_grad()
def auxiliary(
    sae: SAE,
    x: Float[Tensor, "rows d_in"],
    error: Float[Tensor, "rows d_in"],
    dead: Bool[Tensor, "d_sae"],
    k: int,
) -> Auxiliary | None:
    """Return the error of the error when the k strongest dead latents explain it.

    Normalised by the error's variance, so that its weight has one meaning.

    Parameters
    ----------
    sae : SAE
        Its parameters are tensors of this rank's latents.
    x, error : float [rows, d_in]
        Rows, and what their reconstruction leaves of them.
    dead : bool [d_sae]
        Which latents are dead.
    k : int
        How many of them explain a row, at most.

    Returns
    -------
    Auxiliary or None
        None where no latent is dead, on any rank.
    """
    rows, shards = sae.ranks.rows, sae.ranks.shards
    total = int(shards.total(dead.sum()))
    if total == 0:
        return None
    latents = dead.nonzero().squeeze(1)
    chosen, pre = _strongest(sae, x, latents, min(k, len(latents)))
    if shards.size > 1:
        # Others have dead latents too: only the strongest of all speak.
        held = pre.new_full((len(x), k), -torch.inf)
        held[:, : pre.shape[1]] = pre
        least = shards.least_of_highest(held, min(k, total))
        pre = torch.where(pre >= least[:, None], pre, 0.0)
    z, decoder = pre.relu_(), sae.W_dec[latents]
    left = shards.total(_decoded(z, chosen, decoder)) - error
    variance = rows.total(error.square().sum()).clamp(min=1e-12)
    loss = left.square().sum() / variance
    left *= 2 / variance
    gradients = _by_bags if len(latents) > _SPARSE * k else _by_tables
    return Auxiliary(loss, latents, *gradients(x, left, z, chosen, decoder))


def _strongest(
    sae: SAE, x: Float[Tensor, "rows d_in"], latents: Int[Tensor, "dead"], k: int
) -> tuple[Int[Tensor, "rows k"], Float[Tensor, "rows k"]]:
    """Return which of some latents have the k highest pre-activations of each row, and these."""
    chosen, values = [], []
    for block in torch.split(x, _rows(latents)):
        pre = sae.pre_activations(block, latents)
        chosen.append(top(pre, k))
        values.append(pre.gather(1, chosen[-1]))
    return torch.cat(chosen), torch.cat(values)


def _decoded(
    z: Float[Tensor, "rows k"], chosen: Int[Tensor, "rows k"], decoder: Float[Tensor, "dead d_in"]
) -> Float[Tensor, "rows d_in"]:
    """Return the sums of decoder rows, some columns at a time: a row is read many times."""
    if len(decoder) == 0:
        return z.new_zeros(len(z), decoder.shape[1])
    columns = max(_NARROW, _CACHED // len(decoder) // _NARROW * _NARROW)
    parts = [
        F.embedding_bag(chosen, part.contiguous(), mode="sum", per_sample_weights=z)
        for part in torch.split(decoder, columns, dim=1)
    ]
    return torch.cat(parts, dim=1)


Gradients = tuple[Float[Tensor, "dead d_in"], Float[Tensor, "dead"], Float[Tensor, "dead d_in"]]


def _by_tables(
    x: Float[Tensor, "rows d_in"],
    left: Float[Tensor, "rows d_in"],
    z: Float[Tensor, "rows k"],
    chosen: Int[Tensor, "rows k"],
    decoder: Float[Tensor, "dead d_in"],
) -> Gradients:
    """Return the gradients of encoder, bias and decoder, from dense codes of some rows a time."""
    d_encoder, d_decoder = torch.zeros_like(decoder), torch.zeros_like(decoder)
    d_bias = decoder.new_zeros(len(decoder))
    blocks = [torch.split(table, _rows(decoder)) for table in (x, left, z, chosen)]
    for rows, g, values, latents in zip(*blocks, strict=True):
        table = g.new_zeros(len(g), len(decoder)).scatter_(1, latents, values)
        d_decoder.addmm_(table.T, g)
        slope = torch.mm(g, decoder.T).gather(1, latents).mul_(values > 0)
        table.scatter_(1, latents, slope)  # in the place of the codes
        d_encoder.addmm_(table.T, rows)
        d_bias += table.sum(0)
    return d_encoder, d_bias, d_decoder


def _by_bags(
    x: Float[Tensor, "rows d_in"],
    left: Float[Tensor, "rows d_in"],
    z: Float[Tensor, "rows k"],
    chosen: Int[Tensor, "rows k"],
    decoder: Float[Tensor, "dead d_in"],
) -> Gradients:
    """Return the same from the chosen latents alone."""
    support = Support.of_rows(chosen, len(decoder))
    codes = z.flatten()
    slope = at(support, left, decoder).mul_(codes > 0)
    d_bias = slope.new_zeros(len(decoder)).index_add_(0, support.latents, slope)
    return by_latent(support, slope, x), d_bias, by_latent(support, codes, left)


def _rows(latents: Tensor) -> int:
    """Return how many rows a block of a table with these latents has."""
    return max(1, _BLOCK // max(1, len(latents)))


def _gradient(parameter: Tensor) -> Tensor:
    """Return the gradient of a parameter, or of a DTensor this rank's part of it."""
    assert parameter.grad is not None  # the error has reached all of them
    return local(parameter.grad)
