from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from mmfeat.sae.adam import Adam
from mmfeat.sae.registry import sae_class
from mmfeat.sae.resampling import resample

D_IN, D_SAE, ROWS = 6, 12, 40
DEAD = torch.zeros(D_SAE, dtype=torch.bool)
DEAD[[1, 4, 9]] = True


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def trained(name: str) -> tuple[Any, Adam, Tensor]:
    """An SAE after a step of Adam, so that all moments are there."""
    torch.manual_seed(0)
    sae: Any = sae_class(name)(D_IN, D_SAE, sparsity=0.5)
    with torch.no_grad():
        for key, parameter in sae.named_parameters():
            if parameter.ndim == 1 and key != "threshold":
                parameter.uniform_(0.1, 0.5)
    x = torch.randn(ROWS, D_IN)
    optimiser = Adam(list(sae.parameters()), (0.9, 0.999))
    codes = sae.codes(x)
    (sae.squared_error(x, codes) + sae.sparsity(x, codes)).sum().backward()
    optimiser.step(0.01)
    sae.after_step()
    return sae, optimiser, x


def latents_first(name: str, value: Tensor) -> Tensor:
    return value.T if name == "W_enc" else value


@pytest.mark.parametrize("name", ["relu", "jumprelu", "gated"])
def test_dead_latents_point_to_bad_rows_and_alive_ones_are_untouched(name: str) -> None:
    sae, optimiser, x = trained(name)
    before = {key: p.detach().clone() for key, p in sae.named_parameters()}
    moments = {
        (key, moment): optimiser.moments(p)[moment].clone()
        for key, p in sae.named_parameters()
        for moment in (0, 1)
    }
    bad = [5, 17, 30]
    error = torch.zeros(ROWS, D_IN)
    error[bad] = torch.randn(3, D_IN)
    assert resample(sae, DEAD, x, error, optimiser, generator()) == 3

    directions = x[bad] / x[bad].norm(dim=1, keepdim=True)
    cosines = sae.W_dec[DEAD] @ directions.T
    assert sorted(cosines.argmax(1).tolist()) == [0, 1, 2]  # each row once
    order = cosines.argmax(1)
    torch.testing.assert_close(sae.W_dec[DEAD], directions[order])
    scale = 0.2 * before["W_enc"][:, ~DEAD].norm(dim=0).mean()
    torch.testing.assert_close(sae.W_enc[:, DEAD].T, scale * directions[order])
    for key in {"b_enc", "b_gate", "b_mag", "r_mag"} & before.keys():
        assert not getattr(sae, key)[DEAD].any() and before[key][DEAD].any()
    if name == "jumprelu":
        assert (sae.threshold[DEAD] == sae.first_threshold).all()

    for key, parameter in sae.named_parameters():
        now, then = latents_first(key, parameter), latents_first(key, before[key])
        if key == "b_dec":
            assert torch.equal(now, then)
            continue
        assert torch.equal(now[~DEAD], then[~DEAD]), key
        for moment in (0, 1):
            known = latents_first(key, optimiser.moments(parameter)[moment])
            was = latents_first(key, moments[key, moment])
            assert not known[DEAD].any(), (key, moment)
            assert torch.equal(known[~DEAD], was[~DEAD]) and was[~DEAD].any(), (key, moment)


def test_rows_are_drawn_by_the_square_of_their_loss() -> None:
    sae, optimiser, _ = trained("relu")
    x = torch.eye(D_IN)[:3]
    error = torch.tensor([1.0, 1.5, 2.0])[:, None] * torch.eye(D_IN)[3:]
    dead = torch.zeros(D_SAE, dtype=torch.bool)
    dead[0] = True
    draws, source = 3000, generator()
    counts = torch.zeros(3)
    for _ in range(draws):
        assert resample(sae, dead, x, error, optimiser, source) == 1
        counts += sae.W_dec[0, :3]
    loss = torch.tensor([1.0, 1.5**2, 2.0**2])
    expected = loss.square() / loss.square().sum()
    spread = (expected * (1 - expected) / draws).sqrt()
    assert ((counts / draws - expected).abs() < 4 * spread).all()


def test_with_too_few_rows_some_remain_dead() -> None:
    sae, optimiser, x = trained("relu")
    before = sae.W_dec.detach().clone()
    error = torch.zeros(ROWS, D_IN)
    error[[2, 3]] = 1.0
    assert resample(sae, DEAD, x, error, optimiser, generator()) == 2
    changed = (sae.W_dec != before).any(1)
    assert int(changed.sum()) == 2 and not (changed & ~DEAD).any()


def test_without_dead_latents_or_errors_nothing_changes() -> None:
    sae, optimiser, x = trained("gated")
    before = {key: p.detach().clone() for key, p in sae.named_parameters()}
    none = torch.zeros(D_SAE, dtype=torch.bool)
    assert resample(sae, none, x, torch.ones(ROWS, D_IN), optimiser, generator()) == 0
    assert resample(sae, DEAD, x, torch.zeros(ROWS, D_IN), optimiser, generator()) == 0
    assert all(torch.equal(p, before[key]) for key, p in sae.named_parameters())


def test_when_all_are_dead_the_scale_is_that_of_all() -> None:
    sae, optimiser, x = trained("relu")
    scale = 0.2 * sae.W_enc.detach().norm(dim=0).mean()
    every = torch.ones(D_SAE, dtype=torch.bool)
    assert resample(sae, every, x, torch.ones(ROWS, D_IN), optimiser, generator()) == D_SAE
    norms = sae.W_enc.norm(dim=0)
    torch.testing.assert_close(norms, scale.expand(D_SAE))


def test_a_row_of_zeros_gives_no_direction() -> None:
    sae, optimiser, x = trained("relu")
    x[7] = 0
    error = torch.zeros(ROWS, D_IN)
    error[[7, 8]] = 1.0
    assert resample(sae, DEAD, x, error, optimiser, generator()) == 1
    assert bool(torch.isfinite(sae.W_dec).all())


def test_equal_rows_do_not_make_equal_latents() -> None:
    sae, optimiser, x = trained("gated")
    x[[3, 8, 21]] = x[30].clone()
    error = torch.zeros(ROWS, D_IN)
    error[[3, 8, 21, 30, 12]] = 1.0
    assert resample(sae, DEAD, x, error, optimiser, generator()) == 2
    renewed = sae.W_dec[DEAD.nonzero().squeeze(1)[:2]]
    assert float(renewed[0] @ renewed[1]) < 0.99
