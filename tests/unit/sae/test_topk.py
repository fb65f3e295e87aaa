from __future__ import annotations

import torch

from mmfeat.sae.architectures.topk import TopKSAE


def make(d_in: int = 6, d_sae: int = 20, k: int = 4) -> TopKSAE:
    torch.manual_seed(0)
    sae = TopKSAE(d_in, d_sae, k).double()
    with torch.no_grad():
        sae.b_enc.normal_()
        sae.b_dec.normal_()
    return sae


def dense(sae: TopKSAE, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The definition, by a dense code and a threshold."""
    pre = x @ sae.W_enc + sae.b_enc
    kth = pre.sort(dim=1, descending=True).values[:, sae.k - 1 : sae.k]
    code = torch.where(pre >= kth, pre, torch.zeros_like(pre)).clamp(min=0)
    return code, code @ sae.W_dec + sae.b_dec


def test_codes_and_reconstruction_are_those_of_the_definition() -> None:
    sae, x = make(), torch.randn(50, 6, dtype=torch.float64)
    values, latents = sae.encode(x)
    code, reconstruction = dense(sae, x)
    scattered = torch.zeros_like(code).scatter(1, latents, values)
    torch.testing.assert_close(scattered, code, rtol=0, atol=1e-12)
    torch.testing.assert_close(sae.decode(values, latents), reconstruction, rtol=0, atol=1e-12)
    assert ((code > 0).sum(1) <= 4).all()


def test_gradients_are_those_of_the_dense_definition() -> None:
    sae, x = make(), torch.randn(50, 6, dtype=torch.float64)
    names = [name for name, _ in sae.named_parameters()]
    sparse = (x - sae.decode(*sae.encode(x))).square().sum()
    full = (x - dense(sae, x)[1]).square().sum()
    ours = torch.autograd.grad(sparse, list(sae.parameters()))
    theirs = torch.autograd.grad(full, list(sae.parameters()))
    for name, a, b in zip(names, ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10, msg=name)


def test_pre_activations_that_are_not_positive_stay_silent() -> None:
    sae = make()
    with torch.no_grad():
        sae.b_enc.fill_(-100)
    values, _ = sae.encode(torch.randn(5, 6, dtype=torch.float64))
    assert (values == 0).all()


def test_decoder_rows_stay_on_the_sphere_and_gradients_on_its_tangent() -> None:
    sae, x = make(), torch.randn(50, 6, dtype=torch.float64)
    with torch.no_grad():
        sae.W_dec.mul_(3)
    sae.after_step()
    norms = sae.W_dec.norm(dim=1)
    torch.testing.assert_close(norms, torch.ones_like(norms))
    (x - sae.decode(*sae.encode(x))).square().sum().backward()
    sae.before_step()
    assert sae.W_dec.grad is not None
    along = (sae.W_dec.grad * sae.W_dec).sum(1).detach()
    assert along.abs().max() < 1e-10
