from __future__ import annotations

import pytest
import torch

from mmfeat.sae.narrow import HIDDEN, Narrow, pays

D_IN, D_SAE, K, ROWS = 64, 4096, 8, 200


def case(kind: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows, weights, biases and gains, some of which are hard to tell apart in bfloat16."""
    torch.manual_seed(0)
    weight = torch.nn.functional.normalize(torch.randn(D_SAE, D_IN), dim=1)
    bias, gain = 0.1 * torch.randn(D_SAE), torch.ones(D_SAE)
    x = torch.randn(ROWS, D_IN)
    if kind == "dictionary":
        chosen = torch.randint(0, D_SAE, (ROWS, K))
        x = weight[chosen].sum(1) * 3
    if kind == "near":  # many latents differ by less than bfloat16 can tell
        weight = weight[:16].repeat(D_SAE // 16, 1) + 1e-4 * torch.randn(D_SAE, D_IN)
    if kind == "gain":
        gain = torch.randn(D_SAE).exp()
    if kind == "silent":  # fewer than k latents are positive
        bias = bias - 50
        bias[:3] = 1
    if kind == "biased":
        bias = 100 * torch.randn(D_SAE)
    if kind == "large":
        x = x * 1e4
    return x, weight, bias, gain


KINDS = ("random", "dictionary", "near", "gain", "silent", "biased", "large")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("masked", [False, True])
def test_the_highest_are_those_of_the_whole_product(kind: str, masked: bool) -> None:
    x, weight, bias, gain = case(kind)
    hidden = torch.rand(ROWS, D_SAE) < 0.3 if masked else None
    latents, pre = Narrow(weight, bias, gain, K).top(x, hidden)
    true = x.double() @ weight.double().T + bias.double()
    if hidden is not None:
        true = true.masked_fill(hidden, HIDDEN)
    expected = (true * gain.double()).topk(K, dim=1).values
    assert all(len(set(row)) == K for row in latents.tolist())
    found = (true * gain.double()).gather(1, latents).sort(dim=1, descending=True).values
    scale = float(x.norm(dim=1).max()) * float((weight.norm(dim=1) * gain).max()) + 100
    # What float32 cannot tell apart may be exchanged.
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=2e-6 * scale)
    torch.testing.assert_close(pre.double(), true.gather(1, latents), rtol=1e-5, atol=1e-6 * scale)


def test_the_bound_holds_for_what_is_rounded() -> None:
    """No product strays further than what the choice of candidates allows for."""
    for kind in KINDS:
        x, weight, bias, gain = case(kind)
        narrow = Narrow(weight, bias, gain, K)
        rough = torch.addmm(narrow._bias.bfloat16(), x.bfloat16(), narrow._narrow.T).double()
        true = (x.double() @ weight.double().T + bias.double()) * gain.double()
        allowed = (narrow._relative * x.norm(dim=1) + narrow._absolute).double()[:, None]
        assert ((rough - true).abs() <= allowed + 3 * 2.0**-9 * rough.abs()).all(), kind


def test_it_is_left_alone_where_it_is_no_gain() -> None:
    assert not pays(torch.zeros(4, 192), 512, 16)
    assert not pays(torch.zeros(4, 512, dtype=torch.float64), 16_384, 32)
    assert not pays(torch.zeros(4, 8192), 1024, 64)
