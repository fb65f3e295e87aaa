from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmfeat.errors import MmfeatError
from mmfeat.sae.base import SAE
from mmfeat.sae.batch_topk import BatchTopKSAE
from mmfeat.sae.gated import GatedSAE
from mmfeat.sae.jump_relu import JumpReLUSAE
from mmfeat.sae.registry import ARCHITECTURES, build
from mmfeat.sae.relu import ReLUSAE
from mmfeat.sae.settings import (
    BatchTopKSettings,
    GatedSettings,
    JumpReLUSettings,
    MatryoshkaSettings,
    ReLUSettings,
    TopKSettings,
    load_settings,
)

D_IN, D_SAE, ROWS, K = 5, 16, 9, 3
LAMBDA, BANDWIDTH = 0.7, 0.9
OPTIONS: dict[str, dict[str, Any]] = {
    "relu": {"sparsity": LAMBDA},
    "batch-topk": {"k": K},
    "matryoshka": {"k": K, "prefixes": (0.25, 0.5, 1.0)},
    "jumprelu": {"sparsity": LAMBDA, "threshold": 0.6, "bandwidth": BANDWIDTH},
    "gated": {"sparsity": LAMBDA},
}
NAMES = sorted(OPTIONS)


def make(name: str, **options: Any) -> Any:
    """An SAE in float64 whose every tensor is random, with unit decoder rows where it must."""
    torch.manual_seed(0)
    sae = ARCHITECTURES[name](D_IN, D_SAE, **{**OPTIONS[name], **options}).double()
    with torch.no_grad():
        for key, parameter in sae.named_parameters():
            if key == "threshold":
                parameter.uniform_(0.2, 1.2)
            elif key != "W_dec":
                parameter.normal_(std=0.6)
            elif name == "relu":
                parameter.mul_(torch.rand(D_SAE, 1, dtype=parameter.dtype) * 2 + 0.1)
        sae.after_step()
    return sae


def rows() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(ROWS, D_IN, dtype=torch.float64, generator=generator) * 1.5


def loss(sae: SAE, x: Tensor) -> Tensor:
    codes = sae.codes(x)
    return (sae.squared_error(x, codes) + sae.sparsity(x, codes)).sum()


def chosen(sae: Any, pre: Tensor) -> Tensor:
    """The support of a batch as a table."""
    support = sae.support(pre)
    table = torch.zeros(pre.shape, dtype=torch.bool)
    table[support.row, support.latents] = True
    return table


def autograd(sae: SAE, x: Tensor) -> dict[str, Tensor]:
    names = [name for name, _ in sae.named_parameters()]
    found = torch.autograd.grad(loss(sae, x), list(sae.parameters()))
    return dict(zip(names, found, strict=True))


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert value.abs().max() > 0, name
        torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-10, msg=name)


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
                if sae.selects and value * float(sae.gain[i]) <= float(sae.threshold):
                    value = 0.0
            codes[r, i] = value
    return codes


@pytest.mark.parametrize("name", NAMES)
def test_the_code_of_a_row_is_that_of_the_definition(name: str) -> None:
    sae, x = make(name), rows()
    if sae.selects:
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
    if sae.selects:
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
    if sae.selects:
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
    assert done.architecture == ("jumprelu" if sae.selects else name)


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
    again = ARCHITECTURES[name](D_IN, D_SAE).double()
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


# --- registry --------------------------------------------------------------------------------

SECTIONS = [
    TopKSettings(d_sae=D_SAE, k=K),
    BatchTopKSettings(d_sae=D_SAE, k=K),
    MatryoshkaSettings(d_sae=D_SAE, k=K, prefixes=(0.5, 1.0)),
    ReLUSettings(d_sae=D_SAE, sparsity=2.0),
    JumpReLUSettings(d_sae=D_SAE, sparsity=2.0, threshold=0.3, bandwidth=0.4),
    GatedSettings(d_sae=D_SAE, sparsity=2.0),
]
ENCODER = {"W_enc", "b_enc", "threshold", "b_gate", "b_mag", "r_mag"}
DECODER = {"W_dec", "b_dec"}


def tied(saes: dict[str, SAE]) -> set[str]:
    image, text = (dict(saes[modality].named_parameters()) for modality in ("image", "text"))
    assert image.keys() == text.keys()
    for name, parameter in image.items():
        assert torch.equal(parameter, text[name])
    return {name for name, parameter in image.items() if parameter is text[name]}


def test_every_architecture_of_the_settings_is_built() -> None:
    assert set(ARCHITECTURES) == {section.architecture for section in SECTIONS}
    for section in SECTIONS:
        saes = build(section, D_IN)
        assert saes["image"] is saes["text"] and set(saes) == {"image", "text"}
        sae: Any = saes["image"]
        assert type(sae) is ARCHITECTURES[section.architecture]
        assert (sae.d_in, sae.d_sae) == (D_IN, D_SAE)
    jump: Any = build(SECTIONS[4], D_IN)["image"]
    assert (jump.sparsity_coefficient, jump.bandwidth) == (2.0, 0.4)
    assert torch.equal(jump.threshold, torch.full((D_SAE,), 0.3))


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.architecture)
def test_what_is_not_apart_is_the_very_same_parameter(section: Any) -> None:
    names = {name for name, _ in build(section, D_IN)["image"].named_parameters()}
    cases = {
        ("modality", "one", False): names & DECODER,
        ("one", "modality", False): names & ENCODER,
        ("modality", "modality", False): set(),
        ("one", "one", True): names,
    }
    for (encoders, decoders, untied), expected in cases.items():
        own = section.model_copy(update={"encoders": encoders, "decoders": decoders})
        saes = build(own, D_IN, untied_selection=untied)
        assert saes["image"] is not saes["text"]
        assert tied(saes) == expected
        buffers = (dict(sae.named_buffers()) for sae in saes.values())
        assert not {id(b) for b in next(buffers).values()} & {id(b) for b in next(buffers).values()}


def test_gradients_of_both_modalities_meet_in_what_they_share() -> None:
    section = ReLUSettings(d_sae=D_SAE, sparsity=2.0, encoders="modality")
    saes = {name: sae.double() for name, sae in build(section, D_IN).items()}
    x = rows()
    parts: dict[str, Any] = {}
    for name, data in (("image", x), ("text", -x)):
        sae: Any = saes[name]
        parts[name] = torch.autograd.grad(loss(sae, data), [sae.W_dec, sae.W_enc])
    (loss(saes["image"], x) + loss(saes["text"], -x)).backward()
    image: Any = saes["image"]
    text: Any = saes["text"]
    torch.testing.assert_close(image.W_dec.grad, parts["image"][0] + parts["text"][0])
    assert image.W_dec.grad is text.W_dec.grad
    torch.testing.assert_close(image.W_enc.grad, parts["image"][1])
    torch.testing.assert_close(text.W_enc.grad, parts["text"][1])


def test_a_threshold_belongs_to_one_modality() -> None:
    section = BatchTopKSettings(d_sae=D_SAE, k=K)
    saes: Any = build(section, D_IN, untied_selection=True)
    saes["image"].observe(torch.rand(ROWS, D_SAE) + 1)
    assert float(saes["image"].threshold) > 1 and float(saes["text"].threshold) == 0
