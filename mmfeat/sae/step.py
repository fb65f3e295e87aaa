"""One step of a training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mmfeat.sae.adam import Adam
from mmfeat.sae.auxiliary import Auxiliary, auxiliary
from mmfeat.sae.base import SAE
from mmfeat.sae.batch import PairBatch, modality_of
from mmfeat.sae.codes import Codes
from mmfeat.sae.dead import Silence
from mmfeat.sae.objectives import Pair, pair_loss
from mmfeat.sae.ranks import Ranks, local
from mmfeat.sae.registry import build, parts
from mmfeat.sae.resampling import resample
from mmfeat.sae.selecting import SelectingSAE
from mmfeat.sae.settings import OptimiserSettings, TrainSettings
from mmfeat.sae.support.balance import Balance
from mmfeat.sae.support.selection import Selection

# A reconstruction that is so much larger than what it reconstructs does not come back.
_EXPLODED = 1e3


def learning_rate(step: int, settings: OptimiserSettings) -> float:
    """Linear to its value, constant, then linear to zero at the end (Templeton et al. 2024)."""
    rise = (step + 1) / max(1.0, settings.warmup * settings.steps)
    fall = (settings.steps - step) / max(1e-9, settings.decay * settings.steps)
    return settings.lr * min(1.0, rise, fall)


class Diverged(ArithmeticError):
    """A loss that is not finite, or has exploded; the parameters are still those before it."""


class Training:
    """The state of a training, and one step of it.

    Parameters
    ----------
    d_in : int
        Width of a row.
    settings : TrainSettings
        Their seed decides how the SAEs begin.
    device : torch.device
        Where the parameters are; batches are brought there.
    ranks : Ranks, optional
        The processes that train together: some divide the rows of a batch, some the latents.
        All are given the same batches, and take the step that one process would take.
    """

    def __init__(
        self,
        d_in: int,
        settings: TrainSettings,
        device: torch.device | str = "cpu",
        ranks: Ranks | None = None,
    ) -> None:
        torch.manual_seed(settings.seed)
        options = settings.optimiser
        self.settings, self.d_in, self.ranks = settings, d_in, ranks or Ranks()
        balance = settings.support.balance
        self.saes = build(
            settings.sae, d_in, untied_selection=balance > 0, ranks=ranks, device=device
        )
        self.modules = list({id(sae): sae for sae in self.saes.values()}.values())
        parameters = {id(p): p for sae in self.modules for p in sae.parameters()}
        self.parameters = list(parameters.values())
        self.optimiser = Adam(self.parameters, options.betas)
        self.balance = {
            modality: Balance(sae, balance)
            for modality, sae in self.saes.items()
            if balance and isinstance(sae, SelectingSAE)
        }
        self.silence = Silence(self.modules[0].d_sae, device, ranks)
        self.l0: dict[str, float] = {}  # of the last step, by view
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.select = Selection(settings.support, self.generator, ranks)

    def state(self) -> dict[str, Any]:
        """Return all that a checkpoint must hold."""
        return {
            "saes": [sae.state() for sae in self.modules],
            "optimiser": self.optimiser.state(),
            "silence": self.silence.state(),
            "rates": [balance.rate for balance in self.balance.values()],
            "generator": self.generator.get_state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take back the state of a checkpoint."""
        for sae, values in zip(self.modules, state["saes"], strict=True):
            sae.load(values)
        for balance, rate in zip(self.balance.values(), state["rates"], strict=True):
            balance.rate.copy_(rate)
        self.optimiser.load(state["optimiser"])
        self.silence.load(state["silence"])
        self.generator.set_state(state["generator"])

    def step(self, batch: PairBatch, step: int) -> float:
        """Take one step and return the reconstruction error, a share of the rows' norm.

        Raises
        ------
        Diverged
            If the loss is not finite or has exploded.
        """
        options = self.settings.optimiser
        here = parts(self.saes)
        saes = {view: here[modality_of(view)] for view in batch.rows}
        mine = self.ranks.rows.share(len(batch.item))
        rows = {view: x[mine] for view, x in batch.rows.items()}
        codes = self._codes(saes, rows)
        errors = {view: sae.squared_error(rows[view], codes[view]) for view, sae in saes.items()}
        ramp = min(1.0, (step + 1) / max(1.0, options.sparsity_warmup * options.steps))
        loss = batch.weight[next(iter(rows))].new_zeros(())
        error = loss
        for view, sae in saes.items():
            # Of a mean over the whole batch, the part of this rank's rows.
            weight = batch.weight[view][mine] / (len(rows) * self.d_in * len(batch.item))
            penalty = sae.sparsity(rows[view], codes[view])
            error = error + (weight * errors[view]).sum()
            loss = loss + ramp * (weight * penalty).sum()
        loss = loss + error + self._pair_loss(batch, saes, codes)
        self._observe(batch, codes)
        dead = self.silence.dead(options.dead_after)
        share = options.aux_weight / len(saes)
        helped: list[tuple[SAE, Auxiliary]] = []
        if options.aux_k:
            for view, sae in saes.items():
                left = (rows[view] - codes[view].decode(sae)).detach()
                found = auxiliary(sae, rows[view], left, dead, options.aux_k)
                if found is not None:
                    helped.append((self.saes[modality_of(view)], found))
                    loss = loss + share * found.loss
        whole = self.ranks.rows.total(torch.stack([loss, error])).tolist()
        if not (math.isfinite(whole[0]) and whole[1] < _EXPLODED):
            raise Diverged
        self.optimiser.forget_gradients()
        torch.autograd.backward(loss)
        for sae, found in helped:
            found.add_to(sae, share)
        self._update(step)
        # Not while the learning rate falls: what begins anew then would not be learnt.
        learns = step + 1 <= (1 - options.decay) * options.steps
        if options.resample_every and (step + 1) % options.resample_every == 0 and learns:
            self._resample(batch, codes, dead)
        return float(whole[1])

    def _pair_loss(
        self, batch: PairBatch, saes: Mapping[str, SAE], codes: Mapping[str, Codes]
    ) -> Tensor:
        """Return the terms that see pairs, the mean over all two views."""
        mine, rows = self.ranks.rows.share(len(batch.item)), self.ranks.rows
        joined: dict[str, Codes] = {}

        def codes_of_all(view: str) -> Codes:
            if view not in joined:
                joined[view] = codes[view].joined(rows) if rows.size > 1 else codes[view]
            return joined[view]

        def pair(a: str, b: str, part: slice, get: Callable[[str], Codes]) -> Pair:
            # A pair counts by its rows, and not at all where one of them is missing.
            weight = (batch.weight[a] * batch.weight[b]).sqrt()
            return Pair(
                x_a=batch.rows[a][part], x_b=batch.rows[b][part], z_a=get(a), z_b=get(b),
                sae_a=saes[a], sae_b=saes[b], concept=batch.concept[part], weight=weight[part],
                total=weight.sum(),
            )  # fmt: skip

        pairs = list(combinations(batch.rows, 2))
        total = batch.weight[next(iter(saes))].new_zeros(())
        for a, b in pairs:
            everyone = partial(pair, a, b, slice(None), codes_of_all)
            own = pair(a, b, mine, codes.__getitem__)
            total = total + pair_loss(own, self.settings.loss, everyone, rows.size) / len(pairs)
        return total

    def _codes(self, saes: dict[str, SAE], rows: Mapping[str, Tensor]) -> dict[str, Codes]:
        selecting = {view: sae for view, sae in saes.items() if isinstance(sae, SelectingSAE)}
        if selecting:
            return self.select(selecting, rows)
        return {view: sae.codes(rows[view]) for view, sae in saes.items()}

    def _observe(self, batch: PairBatch, codes: dict[str, Codes]) -> None:
        self.silence.observe(batch, codes)
        counts = torch.stack([values.active() for values in codes.values()])
        active = self.ranks.shards.total(self.ranks.rows.total(counts)) / len(batch.item)
        self.l0 = dict(zip(codes, active.tolist(), strict=True))
        for modality, balance in self.balance.items():
            own = [codes[view] for view in codes if modality_of(view) == modality]
            balance.observe(own, batch.concept)

    def _update(self, step: int) -> None:
        """Take the optimiser's step with the gradients that are there."""
        options = self.settings.optimiser
        if self.ranks.rows.size > 1:
            for parameter in self.parameters:
                if parameter.grad is not None:
                    self.ranks.rows.add_up(local(parameter.grad))
        for sae in self.modules:
            sae.before_step()
        divisor = None
        if options.clip is not None:
            # The loss is divided by d_in so that the weights of its terms mean the same at
            # every width; the limit is meant for the undivided one.
            divisor = (self._norm() * self.d_in / options.clip).clamp(min=1)
        self.optimiser.step(learning_rate(step, options), divisor)
        for sae in self.modules:
            sae.after_step()

    def _norm(self) -> Float[Tensor, ""]:
        """Return the norm of the gradient of all latents."""
        common = {id(sae.b_dec) for sae in self.modules}  # ranks that divide the latents have it
        gradients: dict[bool, list[Tensor]] = {True: [], False: []}
        for parameter in self.parameters:
            if parameter.grad is not None:
                gradients[id(parameter) in common].append(local(parameter.grad))
        whole, part = (torch.nn.utils.get_total_norm(gradients[key]) for key in (True, False))
        return (whole.square() + self.ranks.shards.total(part.square())).sqrt()

    def _resample(
        self, batch: PairBatch, codes: dict[str, Codes], dead: Bool[Tensor, "d_sae"]
    ) -> None:
        with torch.no_grad():
            rows = self.ranks.rows
            mine = rows.share(len(batch.item))
            left = [
                rows.joined(
                    batch.rows[view][mine] - codes[view].decode(self.saes[modality_of(view)])
                )
                for view in codes
            ]
        x, error = torch.cat([batch.rows[view] for view in codes]), torch.cat(left)
        state = self.generator.get_state()
        for sae in self.modules:
            # The same draw for all, as they may have a decoder in common.
            self.generator.set_state(state)
            resample(sae, dead, x, error, self.optimiser, self.generator)
        self.silence.forget(dead)
