"""Which latents are dead, a stream and a language at a time."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from mmfeat.sae.batch import PairBatch, stream_of
from mmfeat.sae.codes import Codes
from mmfeat.sae.ranks import Ranks

Group = tuple[str, int]  # stream, language (-1 for pictures)


class Silence:
    """Counts the steps since a latent last fired in each stream and language.

    A step without rows of a language does not count there.
    """

    def __init__(
        self, d_sae: int, device: torch.device | str = "cpu", ranks: Ranks | None = None
    ) -> None:
        self.d_sae, self.device, self.ranks = d_sae, device, ranks or Ranks()
        self.steps: dict[Group, Int[Tensor, "d_sae"]] = {}

    @torch.no_grad()
    def observe(self, batch: PairBatch, codes: Mapping[str, Codes]) -> None:
        """Take note of the codes of a step: of the whole batch, or of this rank's part of it."""
        mine = self.ranks.rows.share(len(batch.item))
        fired: dict[Group, Bool[Tensor, "d_sae"]] = {}
        for view, values in codes.items():
            languages, index = torch.unique(batch.language[view], return_inverse=True)
            counted = (batch.weight[view] > 0).float()
            rows = torch.bincount(index, counted, minlength=len(languages))
            active = values.activity(counted[mine], index[mine], len(languages))
            counts = self.ranks.rows.total(active)
            for language, any_row, fires in zip(
                languages.tolist(), (rows > 0).tolist(), counts > 0, strict=True
            ):
                group = (stream_of(view), language)
                if any_row:
                    fired[group] = fired[group] | fires if group in fired else fires
        for group, latents in fired.items():
            steps = self.steps.setdefault(
                group, torch.zeros(self.d_sae, dtype=torch.int64, device=self.device)
            )
            steps.add_(1).masked_fill_(latents, 0)

    def dead(self, after: int) -> Bool[Tensor, "d_sae"]:
        """Return the latents that fired in no stream and language for so many steps."""
        if not self.steps:
            return torch.zeros(self.d_sae, dtype=torch.bool, device=self.device)
        return torch.stack(list(self.steps.values())).amin(0) >= after

    def shares(self, after: int) -> dict[str, dict[str, float]]:
        """Return the share of dead latents by stream and language number."""
        found: dict[str, dict[str, float]] = {}
        for (stream, language), steps in sorted(self.steps.items()):
            name = "all" if language < 0 else str(language)
            share = self.ranks.shards.total((steps >= after).float().mean())
            found.setdefault(stream, {})[name] = float(share) / self.ranks.shards.size
        return found

    def forget(self, latents: Bool[Tensor, "d_sae"]) -> None:
        """Let latents begin anew."""
        for steps in self.steps.values():
            steps[latents] = 0

    def state(self) -> dict[str, Tensor]:
        """Return the counts, for a checkpoint."""
        return {f"{stream}|{language}": steps for (stream, language), steps in self.steps.items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take counts back from a checkpoint."""
        self.steps = {}
        for name, steps in state.items():
            stream, _, language = name.rpartition("|")
            self.steps[stream, int(language)] = steps.clone().to(self.device)
