"""The trainer's step against the same step written out plainly: dense codes and autograd."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mmfeat.sae.batch import PairBatch, modality_of
from mmfeat.sae.settings import TrainSettings, load_settings
from mmfeat.sae.step import Training

D_IN, D_SAE, K, PAIRS, STEPS = 24, 256, 4, 64, 20

ALONE: dict[str, Any] = {
    "streams": ["image.pooled"],
    "sae.d_sae": D_SAE,
    "sae.k": K,
    "optimiser.steps": STEPS,
    "optimiser.warmup": 0.2,
    "optimiser.lr": 3e-3,
    "optimiser.aux_k": 0,
    "optimiser.dead_after": 3,
}
TWO = {
    **ALONE,
    "streams": ["image.pooled", "text.pooled"],
    "loss.translation": 0.3,
    "loss.contrastive": 0.05,
}
AUX = {"optimiser.aux_k": D_IN // 2}
FEW = {"optimiser.aux_k": 2}  # of many dead latents
CLIP = {"optimiser.clip": 0.5}
MASK = {"support.mask": 0.3}
CASES = {
    "plain": ALONE,
    "clip": {**ALONE, **CLIP},
    "aux": {**ALONE, **AUX},
    "aux, clip": {**ALONE, **AUX, **CLIP},
    "few aux, clip": {**ALONE, **FEW, **CLIP},
    "pairs": TWO,
    "pairs, mask": {**TWO, **MASK},
    "pairs, shared": {**TWO, "support.shared": True},
    "pairs, mask, aux, clip": {**TWO, **MASK, **AUX, **CLIP},
    "pairs, few aux": {**TWO, **FEW},
    "pairs, mask, balance, aux, clip": {**TWO, **MASK, "support.balance": 0.05, **AUX, **CLIP},
}


@pytest.fixture
def float64() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def batch_of(step: int, settings: TrainSettings) -> PairBatch:
    """Pairs that share three atoms; a third of the concepts occur again, some rows are missing."""
    atoms = F.normalize(torch.randn(48, D_IN, generator=torch.Generator().manual_seed(5)), dim=1)
    generator = torch.Generator().manual_seed(1000 + step)
    chosen = torch.rand(PAIRS, 48, generator=generator).topk(3, dim=1).indices
    rows, language, weight = {}, {}, {}
    for stream in settings.streams:
        amplitudes = 2 + torch.rand(PAIRS, 3, generator=generator)
        noise = torch.randn(PAIRS, D_IN, generator=generator)
        rows[stream] = torch.zeros(PAIRS, 48).scatter(1, chosen, amplitudes) @ atoms + 0.1 * noise
        spoken = torch.randint(0, 3, (PAIRS,), generator=generator)
        language[stream] = spoken if stream.startswith("text") else torch.full((PAIRS,), -1)
        weight[stream] = 0.5 + torch.rand(PAIRS, generator=generator)
        weight[stream][torch.rand(PAIRS, generator=generator) < 0.1] = 0
    concept = torch.randint(0, PAIRS, (PAIRS,), generator=generator)
    return PairBatch(rows, language, weight, torch.arange(PAIRS), concept)


class Dense:
    """A training of one TopK SAE in which nothing is sparse, blocked or fused."""

    def __init__(self, training: Training, settings: TrainSettings) -> None:
        self.settings = settings
        start = training.saes["image"].named_parameters()
        self.p = {name: p.detach().clone().contiguous().requires_grad_() for name, p in start}
        self.mean = {name: torch.zeros_like(p) for name, p in self.p.items()}
        self.square = {name: torch.zeros_like(p) for name, p in self.p.items()}
        rate = settings.sae.k / D_SAE
        self.gain = {side: torch.ones(D_SAE) for side in ("image", "text")}
        self.rate = {side: torch.full((D_SAE,), rate) for side in ("image", "text")}
        self.silent: dict[tuple[str, int], Tensor] = {}
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.clipped = self.helped = 0

    def step(self, batch: PairBatch, step: int) -> float:
        settings, rows = self.settings, batch.rows
        pre = {view: x @ self.p["W_enc"] + self.p["b_enc"] for view, x in rows.items()}
        z = self.codes(pre)
        x_hat = {view: code @ self.p["W_dec"] + self.p["b_dec"] for view, code in z.items()}
        error = torch.zeros(())
        for view, x in rows.items():
            squares = (x - x_hat[view]).square().sum(1)
            error = error + (batch.weight[view] * squares).mean() / (len(rows) * D_IN)
        loss = error
        for a, b in combinations(rows, 2):
            weight = (batch.weight[a] * batch.weight[b]).sqrt()
            weight = weight / weight.sum()
            # One decoder for all: the other side's reconstruction is the translation.
            across = (rows[a] - x_hat[b]).square() + (rows[b] - x_hat[a]).square()
            translation = (weight * across.sum(1)).sum() / (2 * D_IN)
            loss = loss + settings.loss.translation * translation
            contrastive = (weight * self.contrastive(z[a], z[b], batch.concept)).sum()
            loss = loss + settings.loss.contrastive * contrastive
        dead = self.count(batch, z)
        if settings.optimiser.aux_k and dead.any():
            self.helped += 1
            for view, x in rows.items():
                auxiliary = self.auxiliary(pre[view], (x - x_hat[view]).detach(), dead)
                loss = loss + settings.optimiser.aux_weight * auxiliary / len(rows)
        if settings.support.balance:
            for view, code in z.items():
                self.balance(modality_of(view), code.detach() > 0, batch.concept)
        loss.backward()
        self.update(step)
        return error.item()

    def codes(self, pre: dict[str, Tensor]) -> dict[str, Tensor]:
        support = self.settings.support
        score = {view: p.detach() for view, p in pre.items()}
        if support.mask:
            shape = next(iter(pre.values())).shape
            hidden = torch.rand(shape, generator=self.generator) < support.mask
            score = {view: s.masked_fill(hidden, -1e9) for view, s in score.items()}
        score = {view: s * self.gain[modality_of(view)] for view, s in score.items()}
        if support.shared:
            score = dict.fromkeys(score, sum(score.values()))
        found = {}
        for view, values in pre.items():
            chosen = score[view].topk(self.settings.sae.k, dim=1).indices
            found[view] = torch.zeros_like(values).scatter(
                1, chosen, values.gather(1, chosen).relu()
            )
        return found

    def contrastive(self, a: Tensor, b: Tensor, concept: Tensor) -> Tensor:
        cosines = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
        logits = cosines / self.settings.loss.temperature
        others = (concept[:, None] != concept) | torch.eye(len(concept), dtype=torch.bool)
        logits = torch.where(others, logits, -torch.inf)
        own = torch.arange(len(concept))
        losses = [F.cross_entropy(side, own, reduction="none") for side in (logits, logits.T)]
        return sum(losses) / 2

    def auxiliary(self, pre: Tensor, left: Tensor, dead: Tensor) -> Tensor:
        k = min(self.settings.optimiser.aux_k, int(dead.sum()))
        chosen = pre.detach().masked_fill(~dead, -torch.inf).topk(k, dim=1).indices
        z = torch.zeros_like(pre).scatter(1, chosen, pre.gather(1, chosen).relu())
        return (z @ self.p["W_dec"] - left).square().sum() / left.square().sum()

    def count(self, batch: PairBatch, z: dict[str, Tensor]) -> Tensor:
        """Count the steps since each latent fired, and return the dead ones."""
        for view, code in z.items():
            for language in set(batch.language[view].tolist()):
                counted = (batch.language[view] == language) & (batch.weight[view] > 0)
                if counted.any():
                    steps = self.silent.get((view, language), torch.zeros(D_SAE, dtype=torch.int64))
                    fired = (code[counted] > 0).any(0)
                    self.silent[view, language] = torch.where(fired, 0, steps + 1)
        fewest = torch.stack(list(self.silent.values())).amin(0)
        return fewest >= self.settings.optimiser.dead_after

    def balance(self, side: str, active: Tensor, concept: Tensor) -> None:
        each = [active[concept == c].to(self.rate[side].dtype).mean(0) for c in concept.unique()]
        self.rate[side] = 0.98 * self.rate[side] + 0.02 * torch.stack(each).mean(0)
        target = self.settings.sae.k / D_SAE
        change = ((target - self.rate[side]) / target).clamp(-1, 1)
        log = self.gain[side].log() + self.settings.support.balance * change
        self.gain[side] = (log - log.mean()).clamp(-3, 3).exp()

    @torch.no_grad()
    def update(self, step: int) -> None:
        options = self.settings.optimiser
        slopes = {name: p.grad.clone() for name, p in self.p.items()}
        rows = self.p["W_dec"]
        slopes["W_dec"] -= (slopes["W_dec"] * rows).sum(1, keepdim=True) * rows
        if options.clip is not None:
            # The norm of the gradient of the error that is not divided by d_in.
            norm = D_IN * torch.cat([slope.flatten() for slope in slopes.values()]).norm()
            # Fused optimisers take what they divide by in float32, whatever the gradients are in.
            excess = (norm / options.clip).float()
            if excess > 1:
                self.clipped += 1
                slopes = {name: slope / excess for name, slope in slopes.items()}
        first, second = options.betas
        rise = (step + 1) / (options.warmup * options.steps)
        fall = (options.steps - step) / (options.decay * options.steps)
        rate = options.lr * min(1, rise, fall)
        for name, p in self.p.items():
            self.mean[name] = first * self.mean[name] + (1 - first) * slopes[name]
            self.square[name] = second * self.square[name] + (1 - second) * slopes[name] ** 2
            mean = self.mean[name] / (1 - first ** (step + 1))
            square = self.square[name] / (1 - second ** (step + 1))
            p -= rate * mean / (square.sqrt() + 1e-8)
            p.grad = None
        self.p["W_dec"] /= self.p["W_dec"].norm(dim=1, keepdim=True)


def both(settings: TrainSettings) -> tuple[Training, Dense]:
    training = Training(D_IN, settings)
    return training, Dense(training, settings)


@pytest.mark.parametrize("case", CASES)
def test_twenty_steps_end_with_the_weights_of_the_dense_computation(
    float64: None, case: str
) -> None:
    settings = load_settings(None, dict(CASES[case]))
    training, dense = both(settings)
    begun = {name: p.detach().clone() for name, p in dense.p.items()}
    for step in range(STEPS):
        batch = batch_of(step, settings)
        found, expected = training.step(batch, step), dense.step(batch, step)
        assert found == pytest.approx(expected, rel=1e-9)
    assert (dense.clipped == STEPS) == (settings.optimiser.clip is not None)
    assert (dense.helped > STEPS / 2) == (settings.optimiser.aux_k > 0)
    for side, sae in training.saes.items():
        for name, p in sae.named_parameters():
            assert p.dtype == torch.float64
            assert (p - begun[name]).abs().max() > 1e-3, name
            torch.testing.assert_close(p.detach(), dense.p[name].detach(), rtol=0, atol=1e-9)
        torch.testing.assert_close(sae.gain, dense.gain[side], rtol=0, atol=1e-9)
    assert (dense.gain["image"].std() > 0.1) == (settings.support.balance > 0)


# Without balance: it counts who fires, and magnifies one row that rounding gives another latent.
@pytest.mark.parametrize("case", ["aux, clip", "few aux, clip", "pairs, mask, aux, clip"])
def test_two_hundred_steps_in_float32_have_the_losses_of_the_dense_computation(case: str) -> None:
    settings = load_settings(None, {**CASES[case], "optimiser.steps": 200})
    training, dense = both(settings)
    losses = []
    for step in range(200):
        batch = batch_of(step, settings)
        losses.append((training.step(batch, step), dense.step(batch, step)))
    assert losses[-1][1] < 0.7 * losses[0][1]
    for found, expected in losses:
        assert found == pytest.approx(expected, rel=1e-3)
    assert dense.clipped and dense.helped
