r"""Codes of the TopK family, and the products they need without a dense code.

With the support S of each row, its values z and the gradient g of a reconstruction,

.. math:: \hat x_r = b + \sum_{i \in S_r} z_{ri} W_{dec,i}, \qquad
          \frac{\partial}{\partial W_{dec,i}} = \sum_{r : i \in S_r} z_{ri} g_r, \qquad
          \frac{\partial}{\partial z_{ri}} = g_r \cdot W_{dec,i}, \qquad
          \frac{\partial}{\partial W_{enc,i}} = \sum_{r : i \in S_r}
          \frac{\partial}{\partial z_{ri}} x_r.

Sums over S are weighted bags of rows; the two over the rows of a latent are bags as well once
the pairs (r, i) are in the order of latents: one sort serves both.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from mmfeat.sae.codes import Codes
from mmfeat.sae.ranks import Axis

if TYPE_CHECKING:
    from mmfeat.sae.base import SAE

_SUM = 0  # torch's number of the mode


class Support:
    """Which latents may be active in which row.

    Attributes
    ----------
    latents, row : int64 [active]
        The pairs, in the order of rows.
    start : int64 [rows]
        Where the pairs of a row begin.
    d_sae : int
        Number of latents.
    shards : Axis
        Ranks that have the other latents.
    """

    def __init__(
        self,
        latents: Int[Tensor, "active"],
        counts: Int[Tensor, "rows"],
        d_sae: int,
        shards: Axis | None = None,
    ) -> None:
        self.latents, self.d_sae = latents, d_sae
        self.shards = shards or Axis()
        self.start = counts.cumsum(0) - counts
        rows = torch.arange(len(counts), device=latents.device)
        self.row = rows.repeat_interleave(counts, output_size=len(latents))

    @classmethod
    def of_rows(cls, latents: Int[Tensor, "rows k"], d_sae: int) -> Support:
        """Return the support of k latents in every row."""
        counts = torch.full((len(latents),), latents.shape[1], device=latents.device)
        return cls(latents.flatten(), counts, d_sae)

    @classmethod
    def of_batch(cls, entries: Int[Tensor, "active"], rows: int, d_sae: int) -> Support:
        """Return the support of entries of a [rows, d_sae] table, numbered row by row."""
        entries = entries.sort().values
        counts = torch.bincount(entries // d_sae, minlength=rows)
        return cls(entries % d_sae, counts, d_sae)

    @classmethod
    def joined(cls, parts: list[Support]) -> Support:
        """Return the support of rows that follow each other."""
        if len(parts) == 1:
            return parts[0]
        latents, counts = (p.latents for p in parts), (p.counts() for p in parts)
        first = parts[0]
        return cls(torch.cat([*latents]), torch.cat([*counts]), first.d_sae, first.shards)

    def counts(self) -> Int[Tensor, "rows"]:
        """Return how many pairs each row has."""
        return torch.bincount(self.row, minlength=len(self.start))

    @cached_property
    def by_latent(self) -> tuple[Tensor, Tensor, Tensor]:
        """The pairs in the order of latents: which they are, their rows, where a latent begins."""
        # Stable: sums keep the order of rows, whatever else is there.
        latents, order = self.latents.sort(stable=True)
        first = torch.searchsorted(latents, torch.arange(self.d_sae, device=latents.device))
        return order, self.row[order], first


def by_row(
    support: Support, values: Float[Tensor, "active"], table: Float[Tensor, "d_sae width"]
) -> Float[Tensor, "rows width"]:
    """Return for each row the sum of table rows of its latents, times its values."""
    return F.embedding_bag(
        support.latents, table, support.start, mode="sum", per_sample_weights=values
    )


def by_latent(
    support: Support, values: Float[Tensor, "active"], table: Float[Tensor, "rows width"]
) -> Float[Tensor, "d_sae width"]:
    """Return for each latent the sum of table rows it is in, times its values there."""
    order, rows, first = support.by_latent
    return F.embedding_bag(rows, table, first, mode="sum", per_sample_weights=values[order])


def at(
    support: Support, left: Float[Tensor, "rows width"], right: Float[Tensor, "d_sae width"]
) -> Float[Tensor, "active"]:
    """Return the inner product of row r and latent i for each pair of the support."""
    found: Tensor = torch.ops.aten._embedding_bag_per_sample_weights_backward(
        left.contiguous(), right, support.latents, support.start, support.row, _SUM
    )
    return found


class _Encode(torch.autograd.Function):
    """Pre-activations on a support, which were computed when it was selected."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, W_enc: Tensor, b_enc: Tensor, pre: Tensor, support: Support
    ) -> Tensor:
        ctx.save_for_backward(x, W_enc)
        ctx.support = support
        return pre.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        x, W_enc = ctx.saved_tensors
        support: Support = ctx.support
        d_x = by_row(support, gradient, W_enc.T) if ctx.needs_input_grad[0] else None
        d_bias = gradient.new_zeros(support.d_sae).index_add_(0, support.latents, gradient)
        return d_x, by_latent(support, gradient, x).T, d_bias, None, None


class _Decode(torch.autograd.Function):
    """Sums of decoder rows."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, W_dec: Tensor, support: Support) -> Tensor:
        ctx.save_for_backward(values, W_dec)
        ctx.support = support
        return by_row(support, values, W_dec)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        values, W_dec = ctx.saved_tensors
        support: Support = ctx.support
        gradient = gradient.contiguous()
        return at(support, gradient, W_dec), by_latent(support, values, gradient), None


class _Products(torch.autograd.Function):
    """Inner products of the codes of two batches."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, rows_a: Support, rows_b: Support) -> Tensor:
        table_b = _transposed(b, rows_b)
        ctx.save_for_backward(a, table_b)
        ctx.supports = rows_a, rows_b
        return by_row(rows_a, a, table_b)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        a, table_b = ctx.saved_tensors
        rows_a, rows_b = ctx.supports
        d_a = at(rows_a, gradient, table_b)
        return d_a, at(rows_b, gradient.T, _transposed(a, rows_a)), None, None


def _transposed(values: Float[Tensor, "active"], support: Support) -> Float[Tensor, "d_sae rows"]:
    """Return codes as a table of one row a latent."""
    table = values.new_zeros(support.d_sae, len(support.start))
    return table.index_put_((support.latents, support.row), values)


class SparseCodes(Codes):
    """Codes that are 0 outside a support.

    Attributes
    ----------
    values : float [active]
        Activations on the support, none below 0.
    support : Support
        Where they are.
    """

    def __init__(self, values: Float[Tensor, "active"], support: Support) -> None:
        super().__init__()
        self.values, self.support = values, support

    @classmethod
    def encoded(
        cls, sae: SAE, x: Float[Tensor, "rows d_in"], pre: Float[Tensor, "active"], support: Support
    ) -> SparseCodes:
        """Return ``ReLU(x W_enc + b_enc)`` on a support, given the pre-activations there."""
        kept: Tensor = _Encode.apply(x, sae.W_enc, sae.b_enc, pre, support)
        return cls(kept.relu(), support)

    def first(self, latents: int) -> SparseCodes:
        """Return the codes without all but the first latents."""
        return SparseCodes(self.values * (self.support.latents < latents), self.support)

    def _reconstruct(self, sae: SAE) -> Float[Tensor, "rows d_in"]:
        decoded: Tensor = _Decode.apply(self.values, sae.W_dec, self.support)
        return self.support.shards.summed(decoded) + sae.b_dec

    def dense(self) -> Float[Tensor, "rows d_sae"]:
        """Return one number a row and latent."""
        rows, d_sae = len(self.support.start), self.support.d_sae
        entry = self.support.row * d_sae + self.support.latents
        return self.values.new_zeros(rows * d_sae).scatter(0, entry, self.values).view(rows, d_sae)

    def squared_norms(self) -> Float[Tensor, "rows"]:
        """Return the squared norm of each code."""
        zeros = self.values.new_zeros(len(self.support.start))
        own = zeros.index_add(0, self.support.row, self.values.square())
        return self.support.shards.summed(own)

    def products(self, other: Codes) -> Float[Tensor, "rows others"]:
        """Return the inner product of each code with each of another batch."""
        if not isinstance(other, SparseCodes):
            return self.dense() @ other.dense().T
        found: Tensor = _Products.apply(self.values, other.values, self.support, other.support)
        return self.support.shards.summed(found)

    def joined(self, rows: Axis) -> SparseCodes:
        """Return the codes of all ranks' rows."""
        support, counts = self.support, self.support.counts()
        latents = rows.gather(support.latents, rows.lengths(support.latents))
        whole = Support(
            latents, rows.gather(counts, rows.lengths(counts)), support.d_sae, support.shards
        )
        return SparseCodes(rows.joined(self.values), whole)

    def active(self) -> Int[Tensor, ""]:
        """Return how many activations there are."""
        return (self.values > 0).sum()

    @torch.no_grad()
    def activity(
        self, weight: Float[Tensor, "rows"], group: Int[Tensor, "rows"], groups: int
    ) -> Float[Tensor, "groups d_sae"]:
        """Return the summed weight of the rows of a group on which a latent is active."""
        support, d_sae = self.support, self.support.d_sae
        counted = weight.to(self.values.dtype)[support.row] * (self.values > 0)
        entry = group[support.row] * d_sae + support.latents
        total = self.values.new_zeros(groups * d_sae).index_add_(0, entry, counted)
        return total.view(groups, d_sae)
