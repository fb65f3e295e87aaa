from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from mmfeat.sae.combinations import check
from mmfeat.sae.settings import TrainSettings, load_settings

RECIPES = Path(__file__).parents[3] / "data" / "recipes"
NAMES = ["batch-topk", "gated", "jumprelu", "matryoshka", "scaling-monosemanticity"]


def load(name: str) -> TrainSettings:
    return load_settings(RECIPES / f"{name}.toml")


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_whole_and_its_settings_combine(name: str) -> None:
    settings = load(name)
    check(settings)
    assert settings.hook == "joint" and settings.seed == 0
    assert settings.streams == ("image.pooled", "text.pooled")
    assert settings.sae.d_sae == 1024
    assert (settings.sae.encoders, settings.sae.decoders) == ("one", "one")
    # An architecture by itself: no remedy against the modality split.
    assert settings.support == TrainSettings().support
    assert settings.loss == TrainSettings().loss
    assert settings.batch.second_caption is False and settings.batch.concept_balance == 0


def test_scaling_monosemanticity_is_the_paper_to_the_letter() -> None:
    values = tomllib.loads((RECIPES / "scaling-monosemanticity.toml").read_text("utf-8"))
    assert values["sae"] == {"architecture": "relu", "d_sae": 1024, "sparsity": 5.0}
    assert values["batch"] == {"size": 2048, "standardise": "scalar"}
    assert values["optimiser"] == {
        "steps": 20_000,
        "lr": 5e-5,
        "betas": [0.9, 0.999],
        "warmup": 0.0,
        "decay": 0.2,
        "sparsity_warmup": 0.05,
        "clip": 1.0,
        "aux_k": 0,
        "resample_every": 0,
    }


@pytest.mark.parametrize("name", ["batch-topk", "matryoshka"])
def test_batch_topk_and_matryoshka_have_the_optimiser_of_their_authors(name: str) -> None:
    settings = load(name)
    assert settings.sae.model_dump()["architecture"] == name
    assert settings.sae.model_dump()["k"] == 16
    optimiser = settings.optimiser
    assert (optimiser.steps, optimiser.lr, optimiser.betas) == (3000, 3e-4, (0.9, 0.99))
    assert (optimiser.aux_k, optimiser.aux_weight, optimiser.clip) == (64, 1 / 32, None)
    assert optimiser.resample_every == 0
    assert (settings.batch.size, settings.batch.standardise) == (512, "stream")


def test_the_nested_dictionaries_of_matryoshka_have_the_shares_of_the_paper() -> None:
    sizes = [2048, 6144, 14_336, 30_720, 65_536]
    prefixes = load("matryoshka").sae.model_dump()["prefixes"]
    assert list(prefixes) == [size / 65_536 for size in sizes]


@pytest.mark.parametrize("name", ["jumprelu", "gated"])
def test_jumprelu_and_gated_have_no_momentum_and_no_auxiliary_loss(name: str) -> None:
    settings = load(name)
    assert settings.sae.model_dump()["architecture"] == name
    optimiser = settings.optimiser
    assert (optimiser.steps, optimiser.lr, optimiser.betas) == (3000, 1e-3, (0.0, 0.999))
    assert optimiser.aux_k == 0
    assert (settings.batch.size, settings.batch.standardise) == (512, "stream")


def test_gated_resamples_until_the_learning_rate_falls_and_jumprelu_does_not() -> None:
    options = load("gated").optimiser
    assert options.dead_after <= options.resample_every
    times = range(options.resample_every, options.steps + 1, options.resample_every)
    assert len(times) == 3 and max(times) <= (1 - options.decay) * options.steps
    assert load("jumprelu").optimiser.resample_every == 0
