from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from mmfeat.errors import MmfeatError
from mmfeat.sae.architectures.batch_topk import BatchTopKSAE
from mmfeat.sae.architectures.gated import GatedSAE
from mmfeat.sae.architectures.jump_relu import JumpReLUSAE
from mmfeat.sae.architectures.relu import ReLUSAE
from mmfeat.sae.registry import sae_class
from mmfeat.sae.selecting import SelectingSAE
from mmfeat.sae.settings import (
    load_settings,
)
from tests.unit.sae.architectures import (
    D_IN,
    D_SAE,
    LAMBDA,
    NAMES,
    ROWS,
    chosen,
    loss,
    make,
    rows,
)

# --- codes -----------------------------------------------------------------------------------


@torch.no_grad()
def brute_code(sae: Any, x: Tensor) -> Tensor:
    """Codes of single rows, an entry at a time."""
    codes = torch.zeros(len(x), D_SAE, dtype=x.dtype)
    for r in range(len(x)):
        for i in range(D_SAE):
            inner = sum(float(x[r, j]) * float(sae.W_enc[j, i]) for j in range(D_IN))
            if sae.architecture == "gated":
                gate = inner + float(sae.b_gate[i])
                magnitude = inner * float(sae.r_mag[i].exp()) + float(sae.b_mag[i])
                value = max(magnitude, 0.0) if gate > 0 else 0.0
            else:
                value = max(inner + float(sae.b_enc[i]), 0.0)
                if sae.architecture == "jumprelu" and value <= float(sae.threshold[i]):
                    value = 0.0
                selects = isinstance(sae, SelectingSAE)
                if selects and value * float(sae.gain[i]) <= float(sae.threshold):
                    value = 0.0
            codes[r, i] = value
    return codes


@pytest.mark.parametrize("name", NAMES)
def test_the_code_of_a_row_is_that_of_the_definition(name: str) -> None:
    sae, x = make(name), rows()
    if isinstance(sae, SelectingSAE):
        sae.threshold.fill_(0.8)
        sae.gain.uniform_(0.5, 2)
    codes = sae.activate(sae.pre_activations(x))
    expected = brute_code(sae, x)
    torch.testing.assert_close(codes, expected, rtol=0, atol=1e-12)
    assert 0.05 < float((expected > 0).double().mean()) < 0.95


@pytest.mark.parametrize("name", NAMES)
def test_sparse_and_dense_forms_agree(name: str) -> None:
    sae, x = make(name).finished(), rows()
    codes = sae.activate(sae.pre_activations(x))
    values, latents = sae.encode(x)
    scattered = torch.zeros_like(codes).scatter(1, latents, values)
    torch.testing.assert_close(scattered, codes, rtol=0, atol=0)
    expected = torch.stack([code @ sae.W_dec + sae.b_dec for code in codes])
    torch.testing.assert_close(sae.reconstruct(codes), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(sae.decode(values, latents), expected, rtol=0, atol=1e-12)


def test_a_gate_that_is_open_can_have_no_magnitude_and_a_closed_one_hides_it() -> None:
    sae, x = make("gated"), rows()
    inner = x @ sae.W_enc
    gate = inner + sae.b_gate > 0
    magnitude = inner * sae.r_mag.exp() + sae.b_mag > 0
    active = sae.activate(sae.pre_activations(x)) > 0
    assert (gate & ~magnitude).any() and (~gate & magnitude).any()
    assert torch.equal(active, gate & magnitude)


# --- starts and ends -------------------------------------------------------------------------


def test_relu_begins_with_tied_weights_and_decoder_norms_from_005_to_1() -> None:
    torch.manual_seed(0)
    sae = ReLUSAE(24, 2000, sparsity=5.0)
    norms = sae.W_dec.norm(dim=1)
    assert 0.05 <= float(norms.min()) < 0.07 and 0.98 < float(norms.max()) <= 1
    assert float(norms.mean()) == pytest.approx(0.525, abs=0.02)
    assert torch.equal(sae.W_enc, sae.W_dec.T)
    assert not sae.b_enc.any() and not sae.b_dec.any()


def test_relu_norms_are_free_in_training() -> None:
    sae, x = make("relu"), rows()
    before = sae.W_dec.detach().clone()
    loss(sae, x).backward()
    slope = sae.W_dec.grad.clone()
    sae.before_step()
    sae.after_step()
    assert torch.equal(sae.W_dec, before) and torch.equal(sae.W_dec.grad, slope)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"relu"}))
def test_other_decoder_rows_stay_on_the_sphere(name: str) -> None:
    sae, x = make(name), rows()
    loss(sae, x).backward()
    sae.before_step()
    along = (sae.W_dec.grad * sae.W_dec).sum(1)
    assert sae.W_dec.grad.abs().max() > 0 and along.abs().max() < 1e-12
    with torch.no_grad():
        sae.W_dec.mul_(3)
    sae.after_step()
    norms = sae.W_dec.norm(dim=1)
    torch.testing.assert_close(norms, torch.ones_like(norms), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_finished_reconstructs_alike_with_unit_rows_and_learns_no_more(name: str) -> None:
    sae, x = make(name), rows()
    if isinstance(sae, SelectingSAE):
        sae.gain.uniform_(0.5, 2)
        sae.observe(sae.pre_activations(x).detach())
        assert sae.threshold > 0
    with torch.no_grad():
        codes = sae.activate(sae.pre_activations(x))
        expected = sae.reconstruct(codes)
    norms = sae.W_dec.norm(dim=1).detach() if name == "relu" else torch.ones(D_SAE)
    done = sae.finished()
    found = done.activate(done.pre_activations(x))
    torch.testing.assert_close(found, codes * norms, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(done.reconstruct(found), expected, rtol=1e-12, atol=1e-12)
    unit = torch.ones(D_SAE, dtype=torch.float64)
    torch.testing.assert_close(done.W_dec.norm(dim=1), unit, rtol=0, atol=1e-12)
    assert not any(p.requires_grad for p in done.parameters()) and not done.training
    assert done.architecture == ("jumprelu" if isinstance(sae, SelectingSAE) else name)


def test_finishing_relu_leaves_the_trained_one_as_it_is() -> None:
    sae = make("relu")
    before = {name: p.detach().clone() for name, p in sae.named_parameters()}
    sae.finished()
    assert all(torch.equal(p, before[name]) for name, p in sae.named_parameters())
    assert all(p.requires_grad for p in sae.parameters())


@pytest.mark.parametrize("name", ["relu", "jumprelu", "gated"])
def test_saved_tensors_fill_an_sae_of_the_same_size(name: str) -> None:
    done, x = make(name).finished(), rows()
    tensors = {key: getattr(done, key) for key in done.saved}
    again = sae_class(name)(D_IN, D_SAE).double()
    again.load_state_dict(tensors)
    code = done.activate(done.pre_activations(x))
    assert torch.equal(again.activate(again.pre_activations(x)), code)


def test_gated_is_saved_under_its_own_names() -> None:
    sae = GatedSAE(D_IN, D_SAE)
    assert set(sae.state_dict()) == {"W_enc", "b_gate", "b_mag", "r_mag", "W_dec", "b_dec"}
    assert not hasattr(sae, "b_enc")
    shapes = {key: tuple(value.shape) for key, value in sae.state_dict().items()}
    assert shapes["W_enc"] == (D_IN, D_SAE) and shapes["r_mag"] == (D_SAE,)


# --- BatchTopK -------------------------------------------------------------------------------


def test_a_batch_has_exactly_k_active_latents_a_row_on_average() -> None:
    sae = BatchTopKSAE(D_IN, 40, k=4)
    pre = torch.randn(30, 40)
    pre[0] -= 10  # a row that has nothing to say
    codes = pre.relu() * chosen(sae, pre)
    assert int((codes > 0).sum()) == 4 * 30
    assert int((codes[0] > 0).sum()) == 0 and int((codes > 0).sum(1).max()) > 4
    taken, left = pre[codes > 0], pre[codes == 0]
    assert taken.min() >= left.max()
    assert torch.equal(codes[codes > 0], taken)


def test_latents_that_are_not_positive_stay_silent_in_a_batch() -> None:
    sae = BatchTopKSAE(D_IN, 40, k=4)
    pre = -torch.rand(30, 40) - 0.1
    pre[3, 7] = 2.0
    codes = pre.relu() * chosen(sae, pre)
    assert int((codes > 0).sum()) == 1 and float(codes[3, 7]) == 2.0
    assert int(chosen(sae, pre).sum()) == 4 * 30


def test_the_threshold_is_a_running_average_of_the_least_activation() -> None:
    sae = BatchTopKSAE(D_IN, 3, k=1)
    assert float(sae.threshold) == 0
    sae.observe(-torch.ones(2, 3))  # nothing is active: nothing is known
    assert float(sae.threshold) == 0
    sae.observe(torch.tensor([[3.0, 0.5, 2.0], [0.1, 0.2, 0.3]]))
    assert float(sae.threshold) == pytest.approx(2.0)
    sae.observe(torch.tensor([[1.0, 0.5, 0.2], [9.0, 0.2, 0.3]]))
    assert float(sae.threshold) == pytest.approx(0.99 * 2.0 + 0.01 * 1.0)
    sae.observe(torch.tensor([[1.5, -1.0, -2.0], [-1.0, -1.0, -1.0]]))
    assert float(sae.threshold) == pytest.approx(0.99 * 1.99 + 0.01 * 1.5)


def test_before_anything_was_observed_every_positive_latent_is_active() -> None:
    sae = BatchTopKSAE(D_IN, 40, k=4)
    pre = torch.randn(30, 40)
    assert torch.equal(sae.activate(pre), pre.clamp(min=0))


def test_with_its_threshold_single_rows_have_the_l0_of_the_batches() -> None:
    torch.manual_seed(0)
    sae = BatchTopKSAE(D_IN, 40, k=4)
    for _ in range(300):
        sae.observe(torch.randn(64, 40))
    done = sae.finished()
    pre = torch.randn(2000, 40)
    codes = done.activate(pre)
    assert float((codes > 0).sum(1).float().mean()) == pytest.approx(4, rel=0.05)
    assert torch.equal(codes[:7], done.activate(pre[:7]))
    assert torch.equal(done.threshold, sae.threshold.expand(40))


# --- Matryoshka ------------------------------------------------------------------------------


@pytest.mark.parametrize("prefixes", [(1.0,), (0.1, 1.0), (0.0625, 0.3, 0.31, 0.9, 1.0)])
def test_the_error_of_matryoshka_is_the_mean_over_prefixes(prefixes: tuple[float, ...]) -> None:
    sae, x = make("matryoshka", prefixes=prefixes), rows()
    codes = sae.codes(x)
    z = codes.dense()
    for r in range(ROWS):
        errors = []
        for share in prefixes:
            guess = sae.b_dec.clone()
            for i in range(D_SAE):
                if i < share * D_SAE:
                    guess = guess + z[r, i] * sae.W_dec[i]
            errors.append((x[r] - guess).square().sum().item())
        found = sae.squared_error(x, codes)[r].item()
        assert found == pytest.approx(sum(errors) / len(errors), rel=1e-12)


def test_one_prefix_is_batch_topk() -> None:
    sae, x = make("matryoshka", prefixes=(1.0,)), rows()
    codes = sae.codes(x)
    whole = BatchTopKSAE.squared_error(sae, x, codes)
    torch.testing.assert_close(sae.squared_error(x, codes), whole, rtol=1e-12, atol=0)


@pytest.mark.parametrize("prefixes", [[0.5, 0.25, 1.0], [0.25, 0.5], [0.5, 0.5, 1.0]])
def test_prefixes_that_do_not_ascend_to_1_are_refused(prefixes: list[float]) -> None:
    with pytest.raises(MmfeatError, match=r"sae\.prefixes: .*the shares must ascend to 1"):
        load_settings(None, {"sae.architecture": "matryoshka", "sae.prefixes": prefixes})


# --- JumpReLU --------------------------------------------------------------------------------


def test_thresholds_stay_positive() -> None:
    sae = JumpReLUSAE(D_IN, D_SAE, sparsity=1.0, threshold=0.25)
    assert torch.equal(sae.threshold, torch.full((D_SAE,), 0.25))
    with torch.no_grad():
        sae.threshold[3] = -0.5
    sae.after_step()
    assert 0 < float(sae.threshold[3]) < 1e-5 and float(sae.threshold[4]) == 0.25


def test_the_penalty_of_jumprelu_is_its_l0() -> None:
    sae, x = make("jumprelu"), rows()
    codes = sae.codes(x)
    expected = LAMBDA * (codes.dense() > 0).sum(1).double()
    torch.testing.assert_close(sae.sparsity(x, codes), expected, rtol=0, atol=1e-12)
