from __future__ import annotations

import copy

import pytest
import torch

from mmfeat.sae.adam import Adam


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_transposed_parameter_takes_the_steps_of_torchs_adam(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    table = torch.randn(5, 7, dtype=dtype)
    ours = [torch.nn.Parameter(table.clone().T), torch.nn.Parameter(torch.ones(3, dtype=dtype))]
    theirs = [torch.nn.Parameter(p.detach().clone().contiguous()) for p in ours]
    adam, peer = Adam(ours, (0.8, 0.99)), torch.optim.Adam(theirs, betas=(0.8, 0.99))
    divisor = torch.tensor(2.5, dtype=dtype)
    for step in range(6):
        adam.forget_gradients()
        for a, b in zip(ours, theirs, strict=True):
            gradient = torch.randn(a.shape, dtype=dtype)
            a.grad, b.grad = gradient.T.contiguous().T if a.ndim == 2 else gradient.clone(), None
            b.grad = gradient / divisor if step % 2 else gradient
        peer.param_groups[0]["lr"] = 0.1 / (step + 1)
        adam.step(0.1 / (step + 1), divisor if step % 2 else None)
        peer.step()
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.detach(), b.detach(), rtol=1e-5, atol=1e-6)
        known = peer.state[b]
        for moment, name in zip(adam.moments(a), ("exp_avg", "exp_avg_sq"), strict=True):
            assert moment.shape == a.shape
            torch.testing.assert_close(moment, known[name], rtol=1e-5, atol=1e-6)


def test_state_comes_back() -> None:
    torch.manual_seed(0)
    start = torch.randn(5, 7)

    def made() -> tuple[torch.nn.Parameter, Adam]:
        parameter = torch.nn.Parameter(start.clone().T)
        return parameter, Adam([parameter], (0.9, 0.999))

    def step(parameter: torch.nn.Parameter, adam: Adam) -> None:
        parameter.grad = parameter.detach().cos()
        adam.step(0.1)

    whole, adam = made()
    assert adam.moments(whole) == []
    step(whole, adam)
    state, values = copy.deepcopy(adam.state()), whole.detach().clone()
    resumed, other = made()
    with torch.no_grad():
        resumed.copy_(values)
    other.load(state)
    step(whole, adam)
    step(resumed, other)
    assert torch.equal(whole, resumed)
