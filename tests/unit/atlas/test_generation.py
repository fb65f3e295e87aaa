"""Steered generation with an atlas of a small generative model, made by the real path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmfeat.analysis.interventions.attribution import answer_metric
from mmfeat.analysis.interventions.edits import Change, FeatureEdit
from mmfeat.atlas.build import build_atlas
from mmfeat.atlas.generation import steer_generation
from mmfeat.atlas.reader import Atlas
from mmfeat.backbones.generation import generate, log_probabilities
from mmfeat.backbones.generative import GenerativeBackbone
from mmfeat.cli.app import app
from mmfeat.cli.common import run
from mmfeat.corpus.file import write_corpus
from mmfeat.corpus.model import ItemRow
from mmfeat.errors import MmfeatError
from mmfeat.extraction import ExtractSettings, extract
from mmfeat.training import recipe, train
from tests.unit.backbones import vlm_models

HOOK = "lm.layers.1"
PROMPT = "a red"


def picture(seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 255, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((32, 32), 0)


@pytest.fixture(scope="module")
def opened(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Atlas, GenerativeBackbone]]:
    folder: Path = tmp_path_factory.mktemp("steered")
    spec = f"hf:{vlm_models.save('llava', folder / 'model')}"
    rows = []
    for number in range(40):
        picture(number).save(folder / f"{number}.png")
        captions = (("en", f"text {number}"), ("ko", f"글 {number}"))
        split = "train" if number % 2 else "test"
        rows.append(ItemRow(f"{number}", f"{number}.png", captions, split=split))
    corpus, acts = folder / "corpus.h5", folder / "acts.h5"
    write_corpus(corpus, rows, name="c", attribution="", image_root=folder, provenance="{}")
    extract(corpus, acts, ExtractSettings(backbone=spec, hooks=(HOOK,), batch_size=8))
    changes = {"hook": HOOK, "sae.d_sae": 48, "sae.k": 6, "batch.size": 32, "optimiser.steps": 40}
    train(acts, folder / "sae", recipe("naive-topk", changes))
    build_atlas(acts, folder / "sae", folder / "atlas.h5")
    with Atlas(folder / "atlas.h5") as atlas:
        yield atlas, GenerativeBackbone(spec, spec.removeprefix("hf:"), "cpu")


def busiest(atlas: Atlas) -> int:
    scores = atlas.features()
    return int(np.minimum(scores["firing_rate_image"], scores["firing_rate_text"]).argmax())


def test_what_is_written_and_what_changed(opened: tuple[Atlas, GenerativeBackbone]) -> None:
    atlas, backbone = opened
    feature = busiest(atlas)
    found = steer_generation(
        atlas,
        backbone,
        PROMPT,
        [feature],
        "clamp",
        8.0,
        picture=picture(),
        max_new_tokens=5,
        controls=4,
        ablations=6,
    )
    json.dumps(found, allow_nan=True)
    assert found["language"] == "en"
    assert found["streams"] == ["image.patch", "text.token"]
    scores, trained = atlas.features(), atlas.trained_sae()
    edits = {}
    for stream in found["streams"]:
        most = float(scores[f"max_activation_{stream.partition('.')[0]}"][feature])
        assert found["change"][stream] == {
            "kind": "clamp",
            "values": [pytest.approx(8 * most, rel=1e-6)],
        }
        change = Change("clamp", (feature,), (8 * most,))
        group = 0 if stream.startswith("image") else atlas.languages.index("en")
        edits[HOOK, stream] = FeatureEdit(trained, stream, group, change)
    before = generate(backbone, picture(), PROMPT, 5)
    after = generate(backbone, picture(), PROMPT, 5, edits)
    assert (found["before"]["text"], found["after"]["text"]) == (before.text, after.text)
    assert found["before"]["tokens"] == list(before.tokens)
    ids = before.ids.tolist()
    change = log_probabilities(backbone, picture(), PROMPT, ids, edits).numpy()
    change = change - log_probabilities(backbone, picture(), PROMPT, ids).numpy()
    table = found["continuation"]["tokens"]
    np.testing.assert_allclose([row["change"] for row in table], change, atol=1e-5)
    assert found["continuation"]["change"] == pytest.approx(change.mean(), abs=1e-5)
    assert abs(found["continuation"]["change"]) > 0.01
    controls = found["controls"]
    assert controls["noop"] == {"text": before.text, "change": pytest.approx(0, abs=1e-5)}
    assert len(controls["random"]["features"]) == len(controls["random"]["changes"]) == 4
    assert [feature] not in controls["random"]["features"]
    assert 0 < controls["p"] <= 1


def test_the_table_of_attribution(opened: tuple[Atlas, GenerativeBackbone]) -> None:
    atlas, backbone = opened
    found = steer_generation(
        atlas,
        backbone,
        PROMPT,
        [busiest(atlas)],
        "ablate",
        picture=picture(),
        answers=("heart", "man"),
        max_new_tokens=2,
        controls=2,
        ablations=5,
    )
    table = found["attribution"]
    metric = answer_metric(backbone, picture(), PROMPT, "heart", "man")
    plain = float(metric({}))
    assert table["value"] == pytest.approx(plain, abs=1e-5)
    sizes = [abs(row["attribution"]) for row in table["features"]]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == min(20, table["active"])
    first = table["features"][0]
    trained = atlas.trained_sae()
    without = {
        (HOOK, stream): FeatureEdit(trained, stream, group, Change("ablate", (first["feature"],)))
        for stream, group in (("image.patch", 0), ("text.token", atlas.languages.index("en")))
    }
    assert first["ablation"] == pytest.approx(plain - float(metric(without)), abs=1e-5)
    assert table["sampled"] == 5
    assert 5 <= table["tested"] <= 10
    assert -1 <= table["attribution_correlation_tested"] <= 1


def test_what_can_be_chosen(opened: tuple[Atlas, GenerativeBackbone]) -> None:
    atlas, backbone = opened
    feature = busiest(atlas)
    few = {"max_new_tokens": 2, "controls": 1, "ablations": 1}
    found = steer_generation(atlas, backbone, "글", [feature], "add", 3.0, **few)
    assert (found["language"], found["streams"]) == ("ko", ["text.token"])
    found = steer_generation(
        atlas, backbone, PROMPT, [feature], "add", 3.0,
        picture=picture(), streams=("image.pooled",), language="ko", continuation="heart", **few,
    )  # fmt: skip
    assert (found["language"], found["streams"]) == ("ko", ["image.pooled"])
    assert len(found["continuation"]["tokens"]) > 1
    one = steer_generation(
        atlas, backbone, PROMPT, [feature], "add", 3.0, picture=picture(),
        streams=("image.patch",), patches=(0, 7), **few,
    )  # fmt: skip
    every = steer_generation(
        atlas, backbone, PROMPT, [feature], "add", 3.0, picture=picture(),
        streams=("image.patch",), **few,
    )  # fmt: skip
    assert one["continuation"]["change"] != every["continuation"]["change"]


def test_what_cannot_be_steered_is_refused(
    opened: tuple[Atlas, GenerativeBackbone], atlas_path: Path
) -> None:
    atlas, backbone = opened
    with pytest.raises(MmfeatError, match="No feature is named"):
        steer_generation(atlas, backbone, PROMPT, [])
    with pytest.raises(MmfeatError, match="has no feature 48; give one from 0 to 47"):
        steer_generation(atlas, backbone, PROMPT, [48])
    with pytest.raises(MmfeatError, match="no rows of image.patch .* text.pooled, text.token"):
        steer_generation(atlas, backbone, PROMPT, [0], "ablate", streams=("image.patch",))
    with pytest.raises(MmfeatError, match="no patch 36; give one from 0 to 35"):
        steer_generation(atlas, backbone, PROMPT, [0], "ablate", picture=picture(), patches=(36,))
    with (
        Atlas(atlas_path) as other,
        pytest.raises(MmfeatError, match="openmoji-clip writes no text; steer it without a prompt"),
    ):
        steer_generation(other, None, PROMPT, [0], device="cpu")


def test_the_command_prints_what_is_written_before_and_after(
    opened: tuple[Atlas, GenerativeBackbone], capsys: pytest.CaptureFixture[str]
) -> None:
    atlas, _ = opened
    arguments = ["steer", str(atlas.path), "--feature", str(busiest(atlas)), "--prompt", PROMPT]
    limits = ["--item", "4", "--clamp", "8", "--max-new-tokens", "4", "--controls", "2"]
    assert run(app, [*arguments, *limits, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["hook"] == HOOK and found["prompt"] == PROMPT
    assert found["before"]["text"] != found["after"]["text"]
    assert run(app, [*arguments, *limits]) == 0
    assert f"before      {found['before']['text']}"[:11] in capsys.readouterr().out
    assert run(app, [*arguments, *limits, "--position", "36"]) == 1
    assert "The picture has no patch 36; give one from 0 to 35." in capsys.readouterr().err
    assert run(app, [*arguments, *limits, "--position", "7", "--json"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert one["streams"] == ["image.patch"]
    assert one["continuation"]["change"] != found["continuation"]["change"]
    assert run(app, [*arguments, "--text", "x"]) == 2
    assert "With --prompt give --image or --item" in capsys.readouterr().err
