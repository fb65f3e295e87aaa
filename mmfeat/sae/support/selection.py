"""Which latents of each row may be active in a training step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from mmfeat.sae.codes import Codes
from mmfeat.sae.selecting import SelectingSAE
from mmfeat.sae.settings import SupportSettings
from mmfeat.sae.sparse import SparseCodes, Support

_HIDDEN = -1e9
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
    """

    def __init__(self, settings: SupportSettings, generator: torch.Generator) -> None:
        self.settings, self.generator = settings, generator

    def __call__(
        self, saes: Mapping[str, SelectingSAE], rows: Mapping[str, Float[Tensor, "pairs d_in"]]
    ) -> dict[str, Codes]:
        """Return the codes of each view."""
        first = next(iter(saes.values()))
        pairs = len(next(iter(rows.values())))
        size = max(1, _BLOCK // first.d_sae) if first.rows_apart else pairs
        supports: dict[str, list[Support]] = {view: [] for view in rows}
        values: dict[str, list[Tensor]] = {view: [] for view in rows}
        for start in range(0, pairs, size):
            block = {view: x[start : start + size] for view, x in rows.items()}
            for view, (support, kept) in self._block(saes, block).items():
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
    def _block(
        self, saes: Mapping[str, SelectingSAE], rows: Mapping[str, Float[Tensor, "pairs d_in"]]
    ) -> dict[str, tuple[Support, Float[Tensor, "active"]]]:
        """Return supports and the pre-activations there."""
        own = not (self.settings.shared or self.settings.mask)
        hidden = None
        pre, score = {}, {}
        for view, x in rows.items():
            pre[view] = saes[view].pre_activations(x)
            if not own:
                saes[view].observe(pre[view])
            if self.settings.mask:
                if hidden is None:
                    drawn = torch.rand(pre[view].shape, generator=self.generator)
                    hidden = (drawn < self.settings.mask).to(x.device)
                pre[view].masked_fill_(hidden, _HIDDEN)
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
