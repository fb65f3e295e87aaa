from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmfeat.analysis.interventions.edits import Change
from mmfeat.analysis.interventions.generative import Writer, perplexity, steer
from mmfeat.backbones.generation import generate, log_probabilities
from mmfeat.backbones.generative import GenerativeBackbone
from mmfeat.errors import MmfeatError
from tests.unit.analysis.interventions.tiny import picture, sae_of
from tests.unit.backbones import vlm_models

HOOK = "lm.layers.1"
NEW = 5


@pytest.fixture(scope="module", params=["llava", "qwen2_vl", "paligemma", "idefics3", "smolvlm"])
def writer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Writer:
    folder: Path = tmp_path_factory.mktemp("model") / request.param
    vlm_models.save(request.param, folder)
    backbone = GenerativeBackbone(f"hf:{request.param}", str(folder), "cpu")
    trained = sae_of(backbone, HOOK)
    return Writer(backbone, trained, HOOK, picture(), "a red", 1, max_new_tokens=NEW)


def both(kind: str, features: tuple[int, ...], values: tuple[float, ...] = ()) -> dict[str, Change]:
    change = Change(kind, features, values)  # type: ignore[arg-type]
    return {"image.patch": change, "text.token": change}


def clamped_by_hand(writer: Writer, feature: int, value: float) -> torch.Tensor:
    """Greedy tokens of transformers alone, with a hook that clamps by the formula."""
    backbone, trained = writer.backbone, writer.trained
    inputs = backbone.prepare_prompt(writer.picture, writer.prompt)
    ids = inputs.tensors["input_ids"]
    image = backbone.where(HOOK, "image.patch", inputs).index
    text = [place for place, _ in inputs.spans[0]]
    started: list[bool] = []

    def clamp(x: torch.Tensor, stream: str, group: int) -> torch.Tensor:
        sae, own = trained.sae_of(stream), trained.streams[stream]
        mean, scale = torch.from_numpy(own.mean[group]), float(own.scale[group])
        rows = (x - mean) * scale
        pre = rows @ sae.W_enc + sae.b_enc
        z = torch.zeros_like(pre)
        top = pre.topk(sae.k, dim=1).indices
        z.scatter_(1, top, pre.gather(1, top).relu())
        error = rows - (z @ sae.W_dec + sae.b_dec)
        z[:, feature] = value
        return (z @ sae.W_dec + sae.b_dec + error) / scale + mean

    def hook(_module: Any, _arguments: Any, output: Any) -> Any:
        first = (output[0] if isinstance(output, tuple) else output).clone()
        if not started:
            assert first.shape[1] == ids.shape[1]
            first[0, image] = clamp(first[0, image], "image.patch", 0)
            first[0, text] = clamp(first[0, text], "text.token", 1)
            started.append(True)
        else:
            assert first.shape[:2] == (1, 1)
            first[0] = clamp(first[0], "text.token", 1)
        return (first, *output[1:]) if isinstance(output, tuple) else first

    handle = backbone.sites[HOOK].module.register_forward_hook(hook, prepend=True)
    try:
        made = backbone.whole.generate(
            **inputs.tensors,
            do_sample=False,
            max_new_tokens=NEW,
            suppress_tokens=[backbone.model.config.image_token_id],
        )
    finally:
        handle.remove()
    return made[0, ids.shape[1] :]


def test_a_clamp_is_that_of_a_hook_written_by_hand(writer: Writer) -> None:
    changed = []
    for feature, value in ((3, 40.0), (11, -30.0)):
        found = steer(writer, both("clamp", (feature,), (value,)))
        np.testing.assert_array_equal(found.after.ids, clamped_by_hand(writer, feature, value))
        changed.append(found.after.ids.tolist() != found.before.ids.tolist())
        assert found.effect != 0
    assert any(changed)


def test_nothing_changed_is_what_the_model_writes(writer: Writer) -> None:
    inputs = writer.backbone.prepare_prompt(writer.picture, writer.prompt)
    image = writer.backbone.model.config.image_token_id  # a tiny model may write it
    own = writer.backbone.whole.generate(
        **inputs.tensors, do_sample=False, max_new_tokens=NEW, suppress_tokens=[image]
    )
    ids = own[0, inputs.tensors["input_ids"].shape[1] :]
    found = steer(writer, both("noop", (1, 2)))
    for made in (found.before, found.after, found.noop):
        np.testing.assert_array_equal(made.ids, ids)
    assert found.effect == pytest.approx(0, abs=1e-6)
    assert found.noop_effect == pytest.approx(0, abs=1e-6)
    assert found.control is None
    assert found.control_effects.shape == (0,)
    assert np.isnan(found.size.exceeded)


def test_numbers_of_a_continuation(writer: Writer) -> None:
    changes = both("add", (5, 9), (8.0, -4.0))
    others = [both("add", (n, n + 1), (8.0, -4.0)) for n in (20, 30)]
    found = steer(writer, changes, others, "heart")
    ask = (writer.backbone, writer.picture, writer.prompt)
    plain = log_probabilities(*ask, "heart").numpy()
    after = log_probabilities(*ask, "heart", writer.edits(changes)).numpy()
    np.testing.assert_allclose(found.likely_before, plain, atol=1e-6)
    np.testing.assert_allclose(found.likely_after, after, atol=1e-6)
    assert "".join(found.tokens).replace("▁", "").strip() == "heart"
    assert found.effect == pytest.approx(float((after - plain).mean()))
    expected = [
        float((log_probabilities(*ask, "heart", writer.edits(o)).numpy() - plain).mean())
        for o in others
    ]
    np.testing.assert_allclose(found.control_effects, expected, atol=1e-6)
    assert found.control is not None
    np.testing.assert_array_equal(
        found.control.ids, generate(*ask, NEW, writer.edits(others[0])).ids
    )
    exceeded = np.mean(np.abs(expected) < abs(found.effect))
    assert found.size.exceeded == pytest.approx(exceeded)
    written = log_probabilities(*ask, found.after.ids.tolist()).double().numpy()
    assert found.oddity == pytest.approx(np.exp(-written.mean()), rel=1e-5)


def test_only_some_patches_are_changed(writer: Writer) -> None:
    inputs = writer.backbone.prepare_prompt(writer.picture, writer.prompt)
    patches = np.zeros(len(writer.backbone.where(HOOK, "image.patch", inputs).index), bool)
    changes = {"image.patch": Change("add", (4,), (9.0,))}
    plain = writer.likely("re", {})
    none = replace(writer, patches=patches).likely("re", changes)
    np.testing.assert_array_equal(none, plain)
    patches[2] = True
    some = replace(writer, patches=patches).likely("re", changes)
    assert np.abs(some - plain).max() > 1e-5
    assert np.abs(some - writer.likely("re", changes)).max() > 1e-5
    wrong = replace(writer, patches=np.ones(5, bool))
    with pytest.raises(MmfeatError, match="made for 5 rows of image.patch"):
        wrong.likely("re", changes)


def test_perplexity_is_that_of_even_choices() -> None:
    assert perplexity(np.log(np.full(7, 1 / 12))) == pytest.approx(12)
    assert perplexity(np.array([0.0])) == 1
    assert perplexity(np.log([0.5, 0.125])) == pytest.approx(4)
