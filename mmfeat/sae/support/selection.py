"""Which latents of each row may be active in a training step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mmfeat.sae.codes import Codes
from mmfeat.sae.narrow import HIDDEN, Narrow, pays
from mmfeat.sae.ranks import Ranks
from mmfeat.sae.selecting import SelectingSAE
from mmfeat.sae.settings import SupportSettings
from mmfeat.sae.sparse import SparseCodes, Support

_DRAWN = 64  # rows whose hidden latents are drawn at a time
_BLOCK = 1 << 24  # pre-activations computed at a time: 64 MiB of them


class Selection:
    """Selects supports from pre-activations, a block of rows at a time where rows are apart.

    The support of a pair can be one (SPARC, TMLR 2026): it is selected from the sum of the
    views' scores, and each view keeps its own values on it. And a random set of latents can
    be hidden from all views of a pair (group-sparse SAE, ICLR 2026): what remains must serve
    both, so that a pair cannot lean on latents of one side. Both are there in training only;
    afterwards every row is encoded from itself alone.

    Parameters
    ----------
    settings : SupportSettings
        Whether pairs share a support, and the share of latents that is hidden.
    generator : torch.Generator
        Draws what is hidden.
    ranks : Ranks, optional
        The processes that train; all draw alike.
    """

    def __init__(
        self, settings: SupportSettings, generator: torch.Generator, ranks: Ranks | None = None
    ) -> None:
        self.settings, self.generator, self.ranks = settings, generator, ranks or Ranks()

    def __call__(
        self, saes: Mapping[str, SelectingSAE], rows: Mapping[str, Float[Tensor, "pairs d_in"]]
    ) -> dict[str, Codes]:
        """Return the codes of each view."""
        first = next(iter(saes.values()))
        pairs = len(next(iter(rows.values())))
        size = max(1, _BLOCK // first.d_sae) if first.rows_apart else pairs
        narrow = self._narrow(saes, rows)
        hidden = self._hidden(pairs, first) if self.settings.mask else None
        supports: dict[str, list[Support]] = {view: [] for view in rows}
        values: dict[str, list[Tensor]] = {view: [] for view in rows}
        for start in range(0, pairs, size):
            block = {view: x[start : start + size] for view, x in rows.items()}
            out = None if hidden is None else hidden[start : start + size]
            found = (
                {view: _narrow_support(narrow[view], x, out) for view, x in block.items()}
                if narrow
                else self._block(saes, block, out)
            )
            for view, (support, kept) in found.items():
                supports[view].append(support)
                values[view].append(kept)
        one: dict[int, Support] = {}
        codes: dict[str, Codes] = {}
        for view, parts in supports.items():
            # Views with one support sort it once.
            support = one.setdefault(id(parts[0]), Support.joined(parts))
            kept = torch.cat(values[view])
            codes[view] = SparseCodes.encoded(saes[view], rows[view], kept, support)
        return codes

    @torch.no_grad()
    def _narrow(
        self, saes: Mapping[str, SelectingSAE], rows: Mapping[str, Float[Tensor, "pairs d_in"]]
    ) -> dict[str, Narrow]:
        """Return encoders that find the supports faster, where there are any."""
        found: dict[str, Narrow] = {}
        for view, sae in saes.items():
            fits = sae.rows_apart and not self.settings.shared and self.ranks.shards.size == 1
            if not (fits and pays(rows[view], sae.d_sae, sae.k)):
                return {}
            found[view] = Narrow(sae.W_enc.T.contiguous(), sae.b_enc, sae.gain, sae.k)
        return found

    def _hidden(self, pairs: int, sae: SelectingSAE) -> Bool[Tensor, "pairs d_sae"]:
        """Draw what is hidden from all ranks, and return this one's part."""
        latents = sae.d_sae * self.ranks.shards.size
        mine, own = self.ranks.rows.share(pairs * self.ranks.rows.size), slice(None)
        if self.ranks.shards.size > 1:
            own = self.ranks.shards.share(latents)
        hidden = torch.empty(pairs, sae.d_sae, dtype=torch.bool)
        for row in range(0, pairs * self.ranks.rows.size, _DRAWN):
            count = min(_DRAWN, pairs * self.ranks.rows.size - row)
            drawn = torch.rand(count, latents, generator=self.generator) < self.settings.mask
            here = range(max(row, mine.start), min(row + count, mine.stop))
            if here:
                kept = drawn[here.start - row : here.stop - row, own]
                hidden[here.start - mine.start : here.stop - mine.start] = kept
        return hidden.to(sae.W_dec.device)

    @torch.no_grad()
    def _block(
        self,
        saes: Mapping[str, SelectingSAE],
        rows: Mapping[str, Float[Tensor, "pairs d_in"]],
        hidden: Bool[Tensor, "pairs d_sae"] | None,
    ) -> dict[str, tuple[Support, Float[Tensor, "active"]]]:
        """Return supports and the pre-activations there."""
        own = not (self.settings.shared or self.settings.mask)
        pre, score = {}, {}
        for view, x in rows.items():
            pre[view] = saes[view].pre_activations(x)
            if not own:
                saes[view].observe(pre[view])
            if hidden is not None:
                pre[view].masked_fill_(hidden, HIDDEN)
            score[view] = saes[view].score(pre[view])
        if self.settings.shared:
            common = next(iter(saes.values())).support(torch.stack(list(score.values())).sum(0))
            supports = dict.fromkeys(rows, common)
        else:
            supports = {view: saes[view].support(score[view]) for view in rows}
        if own:
            for view, support in supports.items():
                saes[view].observe(pre[view], support)
        return {view: (support, pre[view][support.row, support.latents])
                for view, support in supports.items()}  # fmt: skip


@torch.no_grad()
def _narrow_support(
    narrow: Narrow, x: Float[Tensor, "rows d_in"], hidden: Bool[Tensor, "rows d_sae"] | None
) -> tuple[Support, Float[Tensor, "active"]]:
    latents, pre = narrow.top(x, hidden)
    return Support.of_rows(latents, len(narrow.weight)), pre.flatten()
