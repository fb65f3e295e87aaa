from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mmfeat.analysis.interventions.attribution import (
    ablate,
    answer_metric,
    attribute,
    correlation,
    cosine_metric,
    largest,
)
from mmfeat.analysis.interventions.edits import Change, FeatureEdit
from mmfeat.backbones.generative import GenerativeBackbone
from mmfeat.backbones.registry import load_backbone
from mmfeat.errors import MmfeatError
from mmfeat.sae.interop import TrainedSAE
from tests.unit.analysis.interventions.tiny import picture, sae_of
from tests.unit.backbones import vlm_models
from tests.unit.backbones.vlm_models import in_double

HOOK = "lm.layers.1"
PROMPT = "a red"
GROUPS = {"image.patch": 0, "text.token": 1}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], GenerativeBackbone]:
    root: Path = tmp_path_factory.mktemp("models")
    kept: dict[str, GenerativeBackbone] = {}

    def load(family: str) -> GenerativeBackbone:
        if family not in kept:
            folder = vlm_models.save(family, root / family)
            kept[family] = GenerativeBackbone(f"hf:{family}", str(folder), "cpu")
        return kept[family]

    return load


def codes(trained: TrainedSAE, stream: str, group: int, x: np.ndarray) -> np.ndarray:
    """Activations [rows, d_sae] by hand, in double precision."""
    sae, own = trained.sae_of(stream), trained.streams[stream]
    rows = (x.astype(np.float64) - own.mean[group]) * own.scale[group]
    pre = rows @ sae.W_enc.numpy().astype(np.float64) + sae.b_enc.numpy()
    kept = np.argsort(-pre, axis=1)[:, : sae.k]
    z = np.zeros_like(pre)
    np.put_along_axis(z, kept, np.take_along_axis(pre, kept, 1), 1)
    return np.maximum(z, 0)


class Linear:
    """A model whose number is linear in its rows: then zeroing does what the slope says."""

    def __init__(self, d: int, rows: int = 130) -> None:
        generator = torch.Generator().manual_seed(3)
        self.x = torch.randn(rows, d, generator=generator)
        self.weight = torch.randn(rows, d, generator=generator)

    def __call__(self, edits, *, gradients: bool = False) -> torch.Tensor:
        with torch.enable_grad() if gradients else torch.inference_mode():
            x = edits[HOOK, "image.patch"](self.x) if edits else self.x
            return (x.double() * self.weight).sum()


def test_of_a_linear_model_attribution_is_ablation(loaded) -> None:
    trained = sae_of(loaded("llava"), HOOK)
    metric = Linear(trained.d_in)
    groups = {"image.patch": 0}
    found = attribute(metric, trained, HOOK, groups)
    z = codes(trained, "image.patch", 0, metric.x.numpy())
    np.testing.assert_array_equal(found.features, np.flatnonzero(z.any(0)))
    np.testing.assert_allclose(found.activation, z.sum(0)[found.features], rtol=1e-5)
    assert found.value == pytest.approx(float((metric.x.double() * metric.weight).sum()))
    along = metric.weight.numpy() @ trained.sae_of("image.patch").W_dec.numpy().T
    expected = (z * along).sum(0) / trained.streams["image.patch"].scale[0]
    np.testing.assert_allclose(found.attribution, expected[found.features], rtol=1e-4, atol=1e-4)
    tested = ablate(metric, trained, HOOK, groups, found, top=9999, sample=0)
    np.testing.assert_array_equal(tested.features, found.features)
    np.testing.assert_allclose(tested.ablation, found.attribution, rtol=1e-3, atol=1e-3)
    assert tested.attribution_correlation_tested == pytest.approx(1, abs=1e-6)
    assert np.isnan(tested.attribution_correlation)


@pytest.mark.parametrize("family", ["llava", "qwen2_vl", "paligemma", "idefics3", "smolvlm"])
def test_attribution_is_the_slope_of_a_small_change_in_double_precision(loaded, family) -> None:
    backbone = loaded(family)
    trained = sae_of(backbone, HOOK)
    metric = answer_metric(backbone, picture(), PROMPT, "heart", "re")
    with in_double(backbone):
        found = attribute(metric, trained, HOOK, GROUPS)
        for feature in found.features[np.argsort(-np.abs(found.attribution))[[0, 1, -1]]]:

            def without(share: float, feature: int = int(feature)) -> float:
                """The number with a share of the feature taken away, by hand."""
                edits = {}
                for stream, group in GROUPS.items():

                    def less(x: torch.Tensor, stream: str = stream, group: int = group):
                        z = codes(trained, stream, group, x.numpy())[:, feature]
                        row = trained.sae_of(stream).W_dec[feature].double()
                        scale = float(trained.streams[stream].scale[group])
                        return x - share * torch.from_numpy(z)[:, None] * row / scale

                    edits[HOOK, stream] = less
                return float(metric(edits))

            slope = (without(-1e-5) - without(1e-5)) / 2e-5
            own = found.attribution[found.features == feature][0]
            assert own == pytest.approx(slope, rel=1e-4, abs=1e-7)
        assert found.value == pytest.approx(float(metric({})))


def test_ablations_are_runs_without_a_feature(loaded) -> None:
    backbone = loaded("llava")
    trained = sae_of(backbone, HOOK)
    metric = answer_metric(backbone, picture(), PROMPT, "heart")
    found = attribute(metric, trained, HOOK, GROUPS)
    tested = ablate(metric, trained, HOOK, GROUPS, found, top=4, sample=12, seed=1)
    assert tested.sampled.sum() == 12
    largest_four = found.features[np.argsort(-np.abs(found.attribution))[:4]]
    assert set(largest_four) <= set(tested.features)
    assert set(tested.features[~tested.sampled]) <= set(largest_four)
    again = ablate(metric, trained, HOOK, GROUPS, found, top=4, sample=12, seed=1)
    np.testing.assert_array_equal(again.features, tested.features)
    for feature, effect in list(zip(tested.features, tested.ablation, strict=True))[:3]:
        edits = {
            (HOOK, s): FeatureEdit(trained, s, g, Change("ablate", (int(feature),)))
            for s, g in GROUPS.items()
        }
        assert effect == pytest.approx(float(metric({})) - float(metric(edits)), abs=1e-6)
    own = np.isin(found.features, tested.features)
    assert tested.attribution_correlation_tested == pytest.approx(
        np.corrcoef(found.attribution[own], tested.ablation)[0, 1]
    )
    some = tested.sampled
    assert tested.activation_correlation == pytest.approx(
        np.corrcoef(found.activation[own][some], tested.ablation[some])[0, 1]
    )
    # A model of a few layers is nearly linear in a feature: the estimate foretells, activation
    # does not.
    assert tested.attribution_correlation > 0.6
    assert abs(tested.activation_correlation) < tested.attribution_correlation


def test_a_difference_of_two_answers_counts_rows_of_both_passes(loaded) -> None:
    backbone = loaded("paligemma")
    trained = sae_of(backbone, HOOK)

    def attributed(*answers: str) -> dict[int, float]:
        metric = answer_metric(backbone, picture(), PROMPT, *answers)
        found = attribute(metric, trained, HOOK, GROUPS)
        return dict(zip(found.features.tolist(), found.attribution, strict=True))

    one, other, both = attributed("heart"), attributed("re"), attributed("heart", "re")
    for feature, value in both.items():
        assert value == pytest.approx(one.get(feature, 0) - other.get(feature, 0), abs=1e-5)


@pytest.mark.parametrize("hook", ["joint", "vision.blocks.1"])
def test_a_cosine_of_a_dual_encoder_is_attributed(hook: str) -> None:
    backbone = load_backbone("openmoji-clip", "cpu")
    trained = sae_of(backbone, hook, d_sae=96)
    target = backbone.run(backbone.prepare_texts(["fire"]), {"joint": ("text.pooled",)})
    row = target["joint"]["text.pooled"].x[0]
    inputs = backbone.prepare_images([picture()])
    metric = cosine_metric(backbone, inputs, row)
    stream = "image.pooled" if hook == "joint" else "image.patch"
    groups = {stream: 0}
    own = backbone.run(inputs, {"joint": ("image.pooled",)})["joint"]["image.pooled"].x[0]
    cosine = own @ row / np.linalg.norm(own) / np.linalg.norm(row)
    found = attribute(metric, trained, hook, groups)
    assert found.value == pytest.approx(cosine, abs=1e-5)
    if hook == "joint":
        z = codes(trained, stream, 0, own[None])[0]
        sae, scale = trained.sae_of(stream), trained.streams[stream].scale[0]
        for feature, value in zip(found.features, found.attribution, strict=True):
            step = 1e-3 * z[feature] * sae.W_dec.numpy()[feature].astype(np.float64) / scale
            ends = [
                x @ row / np.linalg.norm(x) / np.linalg.norm(row) for x in (own + step, own - step)
            ]
            assert value == pytest.approx((ends[0] - ends[1]) / 2e-3, rel=1e-3, abs=1e-6)
    tested = ablate(metric, trained, hook, groups, found, top=5, sample=20)
    assert tested.attribution_correlation > 0.5
    assert not backbone.embed(inputs).requires_grad


def test_rows_that_do_not_reach_the_number_add_nothing(loaded) -> None:
    """Image tokens are not seen by what is read before them."""
    backbone = loaded("llava")
    trained = sae_of(backbone, HOOK)
    metric = answer_metric(backbone, None, PROMPT, "heart")
    found = attribute(metric, trained, HOOK, {"image.patch": 0})
    assert len(found.features) == 0
    tested = ablate(metric, trained, HOOK, {"image.patch": 0}, found, top=3, sample=3)
    assert len(tested.features) == 0
    assert np.isnan(tested.attribution_correlation_tested)


def test_largest_activations_are_those_of_the_codes_by_hand(loaded) -> None:
    trained = sae_of(loaded("llava"), HOOK)
    x = np.random.default_rng(0).normal(size=(150, trained.d_in)).astype(np.float32)
    expected = codes(trained, "text.token", 1, x).max(0)
    np.testing.assert_allclose(largest(trained, "text.token", 1, x), expected, atol=1e-4)


def test_a_correlation_of_too_little_is_not_a_number() -> None:
    assert np.isnan(correlation(np.arange(2.0), np.arange(2.0)))
    assert np.isnan(correlation(np.ones(5), np.arange(5.0)))
    assert correlation(np.arange(3.0), -np.arange(3.0)) == pytest.approx(-1)


def test_streams_the_sae_does_not_know_are_refused(loaded) -> None:
    backbone = loaded("llava")
    trained = sae_of(backbone, HOOK)
    metric = answer_metric(backbone, None, PROMPT, "heart")
    with pytest.raises(MmfeatError, match="no mean and scale of audio"):
        attribute(metric, trained, HOOK, {"audio": 0})
    with pytest.raises(MmfeatError, match="2 means of text.token"):
        attribute(metric, trained, HOOK, {"text.token": 2})
