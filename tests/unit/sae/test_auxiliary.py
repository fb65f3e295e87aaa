from __future__ import annotations

import pytest
import torch

from mmfeat.sae import auxiliary as module
from mmfeat.sae.architectures.gated import GatedSAE
from mmfeat.sae.architectures.topk import TopKSAE
from mmfeat.sae.auxiliary import Auxiliary, auxiliary
from mmfeat.sae.base import SAE

ROWS, D_IN, D_SAE, DEAD = 40, 160, 96, 60


def case(kind: type[SAE] = TopKSAE) -> tuple[SAE, torch.Tensor, torch.Tensor, torch.Tensor]:
    """An SAE with dead latents here and there, rows, and errors."""
    torch.manual_seed(0)
    sae = (TopKSAE(D_IN, D_SAE, 3) if kind is TopKSAE else kind(D_IN, D_SAE)).double()
    with torch.no_grad():
        sae.selection_bias.normal_()
        sae.W_dec.normal_()
    dead = torch.zeros(D_SAE, dtype=torch.bool)
    dead[torch.randperm(D_SAE)[:DEAD]] = True
    x, error = torch.randn(2, ROWS, D_IN, dtype=torch.float64)
    return sae, x, error, dead


def plain(
    sae: SAE, x: torch.Tensor, error: torch.Tensor, dead: torch.Tensor, k: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss by dense codes of all latents, and the codes."""
    pre = x @ sae.W_enc + sae.selection_bias
    chosen = pre.detach().masked_fill(~dead, -torch.inf).topk(min(k, int(dead.sum()))).indices
    codes = torch.zeros_like(pre).scatter(1, chosen, pre.gather(1, chosen)).relu()
    return (codes @ sae.W_dec - error).square().sum() / error.square().sum(), codes


def forbidden(*arguments: object) -> None:
    raise AssertionError("the other way of computing gradients")


@pytest.mark.parametrize("kind", [TopKSAE, GatedSAE])
@pytest.mark.parametrize(
    ("k", "other"), [(1, "_by_tables"), (4, "_by_tables"), (5, "_by_bags"), (100, "_by_bags")]
)
@pytest.mark.parametrize("block", [1, 7 * DEAD, 1 << 21])
def test_loss_and_gradients_are_those_of_autograd(
    monkeypatch: pytest.MonkeyPatch, kind: type[SAE], k: int, other: str, block: int
) -> None:
    monkeypatch.setattr(module, other, forbidden)
    monkeypatch.setattr(module, "_BLOCK", block)
    monkeypatch.setattr(module, "_CACHED", min(block, module._CACHED))
    sae, x, error, dead = case(kind)
    parameters = {
        name: p
        for name, p in sae.named_parameters()
        if name in ("W_enc", "b_enc", "b_gate", "W_dec")
    }
    loss, codes = plain(sae, x, error, dead, k)
    # Some that are chosen are silent, unless k is one of many.
    assert k < 100 or int((codes > 0).sum()) < 0.7 * ROWS * DEAD
    expected = torch.autograd.grad(loss, list(parameters.values()))
    before = {}
    for name, parameter in parameters.items():
        parameter.grad = torch.randn_like(parameter)
        before[name] = parameter.grad.clone()
    found = auxiliary(sae, x, error, dead, k)
    assert found is not None and not found.loss.requires_grad
    torch.testing.assert_close(found.loss, loss.detach(), rtol=1e-12, atol=0)
    found.add_to(sae, 0.3)
    for (name, parameter), slope in zip(parameters.items(), expected, strict=True):
        assert slope.abs().max() > 0, name
        torch.testing.assert_close(
            parameter.grad, before[name] + 0.3 * slope, rtol=0, atol=1e-12, msg=name
        )


@pytest.mark.parametrize("k", [2, 20])
def test_the_same_rows_give_the_same_bits(k: int) -> None:
    sae, x, error, dead = case()
    sae, x, error = sae.float(), x.float(), error.float()
    first, again = (auxiliary(sae, x, error, dead, k) for _ in range(2))
    assert isinstance(first, Auxiliary) and isinstance(again, Auxiliary)
    for name in ("loss", "encoder", "bias", "decoder"):
        assert torch.equal(getattr(first, name), getattr(again, name))


def test_the_loss_is_one_when_dead_latents_explain_nothing() -> None:
    sae, x, error, dead = case()
    with torch.no_grad():
        sae.selection_bias.fill_(-1e3)
    found = auxiliary(sae, x, error, dead, 2)
    assert found is not None and found.loss.item() == pytest.approx(1.0)
    assert not any(part.any() for part in (found.encoder, found.bias, found.decoder))


def test_without_dead_latents_there_is_none() -> None:
    sae, x, error, dead = case()
    assert auxiliary(sae, x, error, torch.zeros_like(dead), 2) is None
