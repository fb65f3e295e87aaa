from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest
import torch

from mmfeat.sae.architectures.topk import TopKSAE
from mmfeat.sae.codes import Codes, DenseCodes
from mmfeat.sae.objectives import Pair, pair_loss
from mmfeat.sae.objectives import term as term_of
from mmfeat.sae.settings import TERMS, LossSettings
from mmfeat.sae.sparse import SparseCodes, Support

PAIRS, D_IN, D_SAE = 6, 5, 12
SETTINGS = LossSettings(temperature=0.3, masked=2)


def make_sae() -> TopKSAE:
    sae = TopKSAE(D_IN, D_SAE, 4).double()
    with torch.no_grad():
        sae.b_dec.normal_()
    return sae


@dataclass(frozen=True)
class Case:
    """A pair whose codes are tables still, and the form in which terms get them."""

    x_a: torch.Tensor
    x_b: torch.Tensor
    z_a: torch.Tensor
    z_b: torch.Tensor
    sae_a: TopKSAE
    sae_b: TopKSAE
    concept: torch.Tensor
    weight: torch.Tensor
    form: str

    def codes(self, z: torch.Tensor) -> Codes:
        if self.form == "dense":
            return DenseCodes(z, z)
        # TopK may select latents that stay silent.
        chosen = z > 0
        chosen[:, 2] = True
        row, latents = chosen.nonzero(as_tuple=True)
        return SparseCodes(z[row, latents], Support(latents, chosen.sum(1), D_SAE))

    def pair(self) -> Pair:
        return Pair(
            self.x_a,
            self.x_b,
            self.codes(self.z_a),
            self.codes(self.z_b),
            self.sae_a,
            self.sae_b,
            self.concept,
            self.weight,
            self.weight.sum(),
        )


def term(name: str, case: Case, settings: LossSettings = SETTINGS) -> torch.Tensor:
    return term_of(name)(case.pair(), settings)


@pytest.fixture(params=["dense", "sparse"])
def pair(request: pytest.FixtureRequest) -> Case:
    """Sparse codes; two pairs of one concept; two decoders; a latent silent on both sides."""
    torch.manual_seed(3)
    z_a, z_b = (torch.randn(PAIRS, D_SAE, dtype=torch.float64).relu() for _ in range(2))
    z_a[:, 0] = z_b[:, 0] = 0
    z_a[:, 1] = 0
    return Case(
        torch.randn(PAIRS, D_IN, dtype=torch.float64),
        torch.randn(PAIRS, D_IN, dtype=torch.float64),
        z_a,
        z_b,
        make_sae(),
        make_sae(),
        torch.tensor([7, 1, 7, 3, 4, 5]),
        torch.tensor([1.0, 0.5, 2.0, 0.0, 1.5, 1.0], dtype=torch.float64),
        request.param,
    )


def weighted(pair: Case, values: list[float]) -> float:
    weights = pair.weight.tolist()
    return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)


def cosine(a: list[float], b: list[float]) -> float:
    norms = math.hypot(*a) * math.hypot(*b)
    return sum(x * y for x, y in zip(a, b, strict=True)) / norms if norms else 0.0


def by_hand_group_sparsity(pair: Case) -> float:
    rows = zip(pair.z_a.tolist(), pair.z_b.tolist(), strict=True)
    sums = [sum(math.hypot(u, v) for u, v in zip(a, b, strict=True)) for a, b in rows]
    return weighted(pair, sums) / D_IN


def by_hand_iso_energy(pair: Case) -> float:
    values = []
    for a, b in zip(pair.z_a.tolist(), pair.z_b.tolist(), strict=True):
        weakest_first = sorted(range(D_SAE), key=lambda i, a=a, b=b: a[i] + b[i])
        kept = weakest_first[: D_SAE - SETTINGS.masked]
        values.append(cosine([a[i] for i in kept], [b[i] for i in kept]))
    return -weighted(pair, values)


def by_hand_energy_gap(pair: Case) -> float:
    gaps = []
    for i in range(D_SAE):
        a = weighted(pair, [v * v for v in pair.z_a[:, i].tolist()])
        b = weighted(pair, [v * v for v in pair.z_b[:, i].tolist()])
        if a + b > 0:
            gaps.append(abs(a - b) / (a + b))
    return sum(gaps) / len(gaps)


def by_hand_contrastive(pair: Case) -> float:
    a, b, concept = pair.z_a.tolist(), pair.z_b.tolist(), pair.concept.tolist()
    values = []
    for j in range(PAIRS):
        rivals = [k for k in range(PAIRS) if k == j or concept[k] != concept[j]]
        own = math.exp(cosine(a[j], b[j]) / SETTINGS.temperature)
        texts = sum(math.exp(cosine(a[j], b[k]) / SETTINGS.temperature) for k in rivals)
        images = sum(math.exp(cosine(a[k], b[j]) / SETTINGS.temperature) for k in rivals)
        values.append(-(math.log(own / texts) + math.log(own / images)) / 2)
    return weighted(pair, values)


def by_hand_translation(pair: Case) -> float:
    def error(x: torch.Tensor, z: torch.Tensor, sae: TopKSAE) -> float:
        decoder, bias = sae.W_dec.tolist(), sae.b_dec.tolist()
        return sum(
            (x[d].item() - bias[d] - sum(z[i].item() * decoder[i][d] for i in range(D_SAE))) ** 2
            for d in range(D_IN)
        )

    values = [
        error(pair.x_a[j], pair.z_b[j], pair.sae_a) + error(pair.x_b[j], pair.z_a[j], pair.sae_b)
        for j in range(PAIRS)
    ]
    return weighted(pair, values) / (2 * D_IN)


BY_HAND = {
    "group_sparsity": by_hand_group_sparsity,
    "iso_energy": by_hand_iso_energy,
    "energy_gap": by_hand_energy_gap,
    "contrastive": by_hand_contrastive,
    "translation": by_hand_translation,
}


@pytest.mark.parametrize("name", TERMS)
def test_a_term_has_the_value_that_its_equation_gives(pair: Case, name: str) -> None:
    value = term(name, pair)
    assert value.shape == ()
    assert value.item() == pytest.approx(BY_HAND[name](pair), rel=1e-12)


@pytest.mark.parametrize("name", TERMS)
def test_gradients_agree_with_finite_differences(pair: Case, name: str) -> None:
    active_a, active_b = pair.z_a > 0, pair.z_b > 0
    parameters = list(pair.sae_a.parameters()) + list(pair.sae_b.parameters())

    def value(a: torch.Tensor, b: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        # Silent latents stay silent, as they do under TopK: at 0 a root has a kink.
        z_a = torch.zeros_like(pair.z_a).masked_scatter(active_a, a)
        z_b = torch.zeros_like(pair.z_b).masked_scatter(active_b, b)
        return term(name, replace(pair, z_a=z_a, z_b=z_b))

    a = pair.z_a[active_a].requires_grad_()
    b = pair.z_b[active_b].requires_grad_()
    assert torch.autograd.gradcheck(value, (a, b, *parameters))


# In the contrastive term a pair is a negative of the others whatever it weighs.
@pytest.mark.parametrize("name", [name for name in TERMS if name != "contrastive"])
def test_a_pair_that_weighs_nothing_neither_counts_nor_learns(pair: Case, name: str) -> None:
    z_a = pair.z_a.clone().requires_grad_()
    kept = replace(pair, z_a=z_a)
    (gradient,) = torch.autograd.grad(term(name, kept), z_a)
    assert torch.equal(gradient[3], torch.zeros(D_SAE, dtype=torch.float64))
    other = pair.z_a.clone()
    other[3] += 1
    changed = term(name, replace(pair, z_a=other))
    assert changed.item() == pytest.approx(term(name, pair).item(), rel=1e-12)


@pytest.mark.parametrize("name", TERMS)
def test_weights_count_by_their_proportions(pair: Case, name: str) -> None:
    scaled = term(name, replace(pair, weight=7 * pair.weight))
    equal = term(name, replace(pair, weight=torch.ones_like(pair.weight)))
    value = term(name, pair).item()
    assert scaled.item() == pytest.approx(value, rel=1e-12)
    assert equal.item() != pytest.approx(value, rel=1e-6)


def test_a_contrastive_weight_takes_a_pair_out_of_the_mean(pair: Case) -> None:
    only = torch.zeros_like(pair.weight)
    only[1] = 1
    scores = torch.nn.functional.cosine_similarity(pair.z_a[:, None], pair.z_b[None], dim=2) / 0.3
    both = (scores[1].logsumexp(0) + scores[:, 1].logsumexp(0)) / 2 - scores[1, 1]
    value = term("contrastive", replace(pair, weight=only))
    assert value.item() == pytest.approx(both.item(), rel=1e-12)


def test_pairs_of_one_concept_are_no_negatives_of_each_other() -> None:
    code = torch.eye(3, dtype=torch.float64)
    sae, x, weight = make_sae(), torch.zeros(3, D_IN), torch.ones(3)

    def value(z: torch.Tensor, concept: list[int]) -> float:
        pair = Case(x, x, z, z, sae, sae, torch.tensor(concept), weight, "dense")
        return term("contrastive", pair, LossSettings(temperature=1.0)).item()

    # Cosine 1 with itself, 0 with the others.
    assert value(code, [0, 1, 2]) == pytest.approx(math.log((math.e + 2) / math.e))
    assert value(code, [0, 0, 0]) == pytest.approx(0)
    # Equal codes of one concept would cost log 2 each, were they negatives.
    assert value(code[[0, 0, 1]], [4, 4, 5]) == pytest.approx(
        (2 * math.log((math.e + 1) / math.e) + math.log((math.e + 2) / math.e)) / 3
    )


@pytest.mark.parametrize("name", TERMS)
def test_empty_codes_give_finite_values_and_no_gradient(pair: Case, name: str) -> None:
    z_a = torch.zeros_like(pair.z_a).requires_grad_()
    z_b = torch.zeros_like(pair.z_b).requires_grad_()
    value = term(name, replace(pair, z_a=z_a, z_b=z_b))
    gradients = torch.autograd.grad(value, (z_a, z_b))
    assert math.isfinite(value.item())
    if name == "translation":  # an empty code still may learn what to decode
        assert all(torch.isfinite(gradient).all() for gradient in gradients)
    else:
        assert all(not gradient.any() for gradient in gradients)


def test_group_sparsity_has_no_gradient_where_both_sides_are_silent(pair: Case) -> None:
    z_a, z_b = pair.z_a.clone().requires_grad_(), pair.z_b.clone().requires_grad_()
    value = term("group_sparsity", replace(pair, z_a=z_a, z_b=z_b))
    for z, gradient in zip((z_a, z_b), torch.autograd.grad(value, (z_a, z_b)), strict=True):
        assert torch.isfinite(gradient).all()
        assert torch.equal(gradient != 0, (z > 0) & (pair.weight > 0)[:, None])


def test_iso_energy_is_not_satisfied_by_the_strongest_latents(pair: Case) -> None:
    z_a, z_b = torch.zeros_like(pair.z_a), torch.zeros_like(pair.z_b)
    z_a[:, :2] = z_b[:, :2] = 9  # the same, and strongest
    z_a[:, 2] = z_b[:, 3] = 1  # unlike
    unlike = replace(pair, z_a=z_a, z_b=z_b)
    assert term("iso_energy", unlike).item() == 0
    assert term("iso_energy", unlike, LossSettings(masked=0)).item() < -0.9
    assert term("iso_energy", unlike, LossSettings(masked=99)).item() == 0


def test_an_energy_gap_is_1_for_latents_of_one_side_and_0_for_balanced_ones(pair: Case) -> None:
    z = pair.z_a
    assert term("energy_gap", replace(pair, z_b=z)).item() == 0
    apart = replace(pair, z_b=torch.zeros_like(z))
    assert term("energy_gap", apart).item() == pytest.approx(1)


def test_the_loss_is_the_weighted_sum_of_the_terms_that_weigh_something(pair: Case) -> None:
    assert set(TERMS) == set(LossSettings.model_fields) - {"temperature", "masked"}
    zero = pair_loss(pair.pair(), LossSettings(), pair.pair)
    assert zero.shape == () and zero.item() == 0 and not zero.requires_grad
    chosen = LossSettings(group_sparsity=0.5, translation=2.0)
    expected = 0.5 * by_hand_group_sparsity(pair) + 2 * by_hand_translation(pair)
    assert pair_loss(pair.pair(), chosen, pair.pair).item() == pytest.approx(expected, rel=1e-12)
