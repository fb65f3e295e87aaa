"""Gradients of every architecture: by hand, and by finite differences."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmfeat.sae.base import SAE
from mmfeat.sae.selecting import SelectingSAE
from tests.unit.sae.architectures import (
    BANDWIDTH,
    D_SAE,
    LAMBDA,
    NAMES,
    ROWS,
    K,
    chosen,
    loss,
    make,
    rows,
)


def autograd(sae: SAE, x: Tensor) -> dict[str, Tensor]:
    names = [name for name, _ in sae.named_parameters()]
    found = torch.autograd.grad(loss(sae, x), list(sae.parameters()))
    return dict(zip(names, found, strict=True))


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert value.abs().max() > 0, name
        torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-10, msg=name)


# --- gradients -------------------------------------------------------------------------------


def encoder_side(x: Tensor, d_pre: Tensor) -> dict[str, Tensor]:
    return {"W_enc": x.T @ d_pre, "b_enc": d_pre.sum(0)}


def test_the_gradient_of_relu() -> None:
    sae, x = make("relu"), rows()
    with torch.no_grad():
        pre = x @ sae.W_enc + sae.b_enc
        f = pre.clamp(min=0)
        slope = -2 * (x - f @ sae.W_dec - sae.b_dec)  # of the loss by the reconstruction
        norms = sae.W_dec.square().sum(1).sqrt()
        penalty = LAMBDA * f.sum(0)[:, None] * sae.W_dec / norms[:, None]
        expected = {
            **encoder_side(x, (slope @ sae.W_dec.T + LAMBDA * norms) * (pre > 0)),
            "W_dec": f.T @ slope + penalty,
            "b_dec": slope.sum(0),
        }
        total = sum(
            float((x[r] - f[r] @ sae.W_dec - sae.b_dec).square().sum())
            + LAMBDA * sum(float(f[r, i] * norms[i]) for i in range(D_SAE))
            for r in range(ROWS)
        )
    assert loss(sae, x).item() == pytest.approx(total, rel=1e-12)
    same(autograd(sae, x), expected)


def test_the_gradient_of_batch_topk_flows_through_what_is_selected() -> None:
    sae, x = make("batch-topk"), rows()
    with torch.no_grad():
        pre = x @ sae.W_enc + sae.b_enc
        cut = pre.flatten().sort(descending=True).values[K * ROWS - 1]
        active = pre >= cut
        f = pre * active
        slope = -2 * (x - f @ sae.W_dec - sae.b_dec)
        expected = {
            **encoder_side(x, (slope @ sae.W_dec.T) * active),
            "W_dec": f.T @ slope,
            "b_dec": slope.sum(0),
        }
    assert cut > 0 and active.sum() == K * ROWS
    same(autograd(sae, x), expected)


def test_the_gradient_of_matryoshka_is_the_mean_over_prefixes() -> None:
    sae, x = make("matryoshka"), rows()
    with torch.no_grad():
        pre = x @ sae.W_enc + sae.b_enc
        active = chosen(sae, pre)
        f = pre * active
        d_code, d_decoder = torch.zeros_like(f), torch.zeros_like(sae.W_dec)
        d_bias, total = torch.zeros_like(sae.b_dec), 0.0
        ends = (4, 8, 16)
        for end in ends:
            left = x - f[:, :end] @ sae.W_dec[:end] - sae.b_dec
            slope = -2 * left / len(ends)
            d_code[:, :end] += slope @ sae.W_dec[:end].T
            d_decoder[:end] += f[:, :end].T @ slope
            d_bias += slope.sum(0)
            total += float(left.square().sum()) / len(ends)
        expected = {**encoder_side(x, d_code * active), "W_dec": d_decoder, "b_dec": d_bias}
    assert loss(sae, x).item() == pytest.approx(total, rel=1e-12)
    same(autograd(sae, x), expected)


def test_the_gradient_of_jumprelu_is_the_papers_estimate() -> None:
    sae, x = make("jumprelu"), rows()
    with torch.no_grad():
        pre, theta = x @ sae.W_enc + sae.b_enc, sae.threshold
        active = pre > theta
        f = pre * active
        slope = -2 * (x - f @ sae.W_dec - sae.b_dec)
        d_code = slope @ sae.W_dec.T
        d_theta = torch.zeros_like(theta)
        inside = 0
        for r in range(ROWS):
            for i in range(D_SAE):
                u = float(pre[r, i] - theta[i]) / BANDWIDTH
                kernel = 1.0 if -0.5 < u < 0.5 else 0.0
                inside += int(kernel)
                d_theta[i] += float(d_code[r, i]) * -float(theta[i]) / BANDWIDTH * kernel
                d_theta[i] += LAMBDA * -1 / BANDWIDTH * kernel
        expected = {
            **encoder_side(x, d_code * active),  # the penalty gives nothing to the encoder
            "W_dec": f.T @ slope,
            "b_dec": slope.sum(0),
            "threshold": d_theta,
        }
        total = float((x - f @ sae.W_dec - sae.b_dec).square().sum() + LAMBDA * float(active.sum()))
    assert 10 < inside < ROWS * D_SAE - 10
    assert loss(sae, x).item() == pytest.approx(total, rel=1e-12)
    same(autograd(sae, x), expected)


def test_the_gradient_of_gated_leaves_the_frozen_decoder_alone() -> None:
    sae, x = make("gated"), rows()
    with torch.no_grad():
        inner = x @ sae.W_enc
        gate = inner + sae.b_gate
        magnitude = inner * sae.r_mag.exp() + sae.b_mag
        f = magnitude.clamp(min=0) * (gate > 0)
        slope = -2 * (x - f @ sae.W_dec - sae.b_dec)
        d_magnitude = (slope @ sae.W_dec.T) * ((gate > 0) & (magnitude > 0))
        left = x - gate.clamp(min=0) @ sae.W_dec - sae.b_dec
        d_gate = (-2 * left @ sae.W_dec.T + LAMBDA) * (gate > 0)
        expected = {
            "W_enc": x.T @ (d_magnitude * sae.r_mag.exp() + d_gate),
            "b_gate": d_gate.sum(0),
            "b_mag": d_magnitude.sum(0),
            "r_mag": (d_magnitude * inner * sae.r_mag.exp()).sum(0),
            "W_dec": f.T @ slope,
            "b_dec": slope.sum(0),
        }
        total = float(
            (x - f @ sae.W_dec - sae.b_dec).square().sum()
            + left.square().sum()
            + LAMBDA * gate.clamp(min=0).sum()
        )
    assert loss(sae, x).item() == pytest.approx(total, rel=1e-12)
    same(autograd(sae, x), expected)


class _Loss(nn.Module):
    def __init__(self, sae: SAE) -> None:
        super().__init__()
        self.sae = sae

    def forward(self, x: Tensor) -> Tensor:
        return loss(self.sae, x)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    # With so narrow a kernel the estimate for thresholds is 0, as the true derivative is.
    sae = make(name, bandwidth=1e-4) if name == "jumprelu" else make(name)
    x = rows().requires_grad_()
    pre = sae.pre_activations(x)
    kinks = [pre]
    if name == "jumprelu":
        kinks.append(pre - sae.threshold)
    if name == "gated":
        kinks.append(x @ sae.W_enc * sae.r_mag.exp() + sae.b_mag)
    if isinstance(sae, SelectingSAE):
        best = pre.flatten().sort(descending=True).values
        kinks.append(best[K * ROWS - 1] - best[K * ROWS])
    assert min(float(distance.abs().min()) for distance in kinks) > 1e-4
    # Gated hides its decoder's part in the gates' reconstruction from the gradient on purpose.
    free = [
        key for key, _ in sae.named_parameters() if name != "gated" or key not in ("W_dec", "b_dec")
    ]
    module = _Loss(sae)

    def of(x: Tensor, *tensors: Tensor) -> Any:
        given = {f"sae.{key}": tensor for key, tensor in zip(free, tensors, strict=True)}
        return torch.func.functional_call(module, given, (x,))

    assert torch.autograd.gradcheck(of, (x, *(getattr(sae, key) for key in free)))
