from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from mmfeat.analysis.interventions.edits import Change, FeatureEdit
from mmfeat.analysis.retrieval import unit_rows
from mmfeat.atlas.galleries import PICTURES
from mmfeat.atlas.reader import Atlas
from mmfeat.atlas.steer import Steering, ablating, adding
from mmfeat.backbones.base import JOINT
from mmfeat.cli.steer import steer as command
from mmfeat.errors import MmfeatError


@pytest.fixture(scope="module")
def steering(atlas_path: Path) -> Iterator[Steering]:
    with Atlas(atlas_path) as atlas:
        yield Steering(atlas, device="cpu")


@pytest.fixture(scope="module")
def feature(steering: Steering) -> int:
    """The feature that fires most often on pictures and captions."""
    known = steering.atlas.features()
    return int(np.argmax(np.minimum(known["firing_rate_image"], known["firing_rate_text"])))


@pytest.fixture(scope="module")
def silent(steering: Steering, feature: int) -> str:
    """An item on whose picture it does not fire."""
    atlas = steering.atlas
    fires = set(atlas.codes_of_feature("image.pooled", feature)[0].tolist())
    item = next(
        i
        for i in steering.galleries.items
        if fires.isdisjoint(atlas.rows_of_item("image.pooled", i))
    )
    return atlas.items().item_id[item]


def test_results_are_those_of_the_changed_row(
    steering: Steering, feature: int, silent: str
) -> None:
    query = steering.item(silent)
    found = steering.steer(
        query, [feature], steering.clamping(query, 5), languages=["ko"], top=4, controls=10
    )
    atlas, backbone = steering.atlas, steering.backbone
    captions = [
        caption
        for item in steering.galleries.items
        for caption in atlas.captions_of(item)
        if caption.language == "ko"
    ]
    inputs = backbone.prepare_texts([caption.text for caption in captions])
    texts = backbone.run(inputs, {JOINT: ("text.pooled",)})[JOINT]["text.pooled"].x
    row = backbone.run(query.inputs, {JOINT: ("image.pooled",)})[JOINT]["image.pooled"].x
    value = 5 * float(atlas.features()["max_activation_image"][feature])
    edit = FeatureEdit(
        atlas.trained_sae(), "image.pooled", 0, Change("clamp", (feature,), (value,))
    )
    changed = edit(torch.from_numpy(row)).numpy()
    for when, x in (("before", row), ("after", changed)):
        cosine = (unit_rows(x) @ unit_rows(texts).T)[0]
        shown = found["results"]["ko"][when]
        best = np.sort(cosine)[::-1][:4]
        np.testing.assert_allclose([row["cosine"] for row in shown], best, atol=1e-5)
        known = {caption.text: c for caption, c in zip(captions, cosine, strict=True)}
        assert [known[row["text"]] for row in shown] == pytest.approx(best, abs=1e-5)
    assert found["results"]["ko"]["before"] != found["results"]["ko"]["after"]
    assert found["features"] == [feature] and found["change"]["values"] == [value]
    assert found["activation"] == [0.0]


def test_effects_stand_beside_their_controls(steering: Steering, feature: int, silent: str) -> None:
    query = steering.item(silent)
    found = steering.steer(
        query, [feature], steering.clamping(query, 5), languages=["en"], controls=12
    )
    moved = found["results"]["en"]["towards"]
    assert len(moved["controls"]) == 12
    assert moved["noop"] == 0
    assert moved["change"] == pytest.approx(moved["after"] - moved["before"])
    assert moved["change"] > 0, "captions of what it fires on come nearer"
    larger = sum(value >= moved["change"] for value in moved["controls"])
    assert moved["p"] == pytest.approx((1 + larger) / 13)
    assert moved["difference_of_means"] != 0
    ids, split = steering.atlas.items().item_id, steering.atlas.items().split
    assert 1 <= len(found["concept"]) <= 5
    for name in found["concept"]:
        item = ids.index(name)
        rows = steering.atlas.rows_of_item("image.pooled", item)
        assert split[item] == "test"
        codes = steering.atlas.codes_of_rows("image.pooled", rows.start, rows.stop)
        assert codes[0, feature] > 0
    own = found["results"]["en"]["own_before"]
    assert own["rank"] >= 1 and 0 < own["probability"] < 1


def test_what_is_ablated_is_compared_with_features_that_fire(
    steering: Steering, feature: int
) -> None:
    example = steering.atlas.image_examples(feature)[0]
    query = steering.item(steering.atlas.items().item_id[example.item])
    found = steering.steer(query, [feature], ablating, languages=["en"], controls=50)
    # At most k = 8 features fire on a row, one of them this.
    assert 1 <= len(found["results"]["en"]["towards"]["controls"]) <= 7
    assert found["activation"][0] > 0
    with pytest.raises(MmfeatError, match="No feature is named"):
        steering.steer(query, [], ablating)


def test_a_text_retrieves_pictures(steering: Steering, feature: int) -> None:
    query = steering.text("fuego", "es")
    found = steering.steer(query, [feature], adding(6.0), top=3, controls=5)
    assert list(found["results"]) == [PICTURES]
    shown = found["results"][PICTURES]
    assert len(shown["before"]) == len(shown["after"]) == 3
    assert len({row["item_id"] for row in shown["after"]}) == 3
    assert found["change"] == {"kind": "add", "values": [6.0]}


def test_features_are_swapped_with_those_of_another_item(
    steering: Steering, feature: int, silent: str
) -> None:
    example = steering.atlas.image_examples(feature)[0]
    other = steering.atlas.items().item_id[example.item]
    query = steering.item(silent)
    change = steering.swapping(query, other)([feature])
    assert (change.kind, change.features) == ("clamp", (feature,))
    assert change.values == (pytest.approx(example.activation),)
    text = steering.text("fire", "en")
    caption = next(c for c in steering.atlas.captions_of(example.item) if c.language == "en")
    row = steering.atlas.rows_of_caption("text.pooled", caption.index).start
    codes = steering.atlas.codes_of_rows("text.pooled", row, row + 1).toarray()[0]
    assert steering.swapping(text, other)([feature]).values == (pytest.approx(codes[feature]),)
    with pytest.raises(MmfeatError, match="has no item 'nothing'"):
        steering.swapping(query, "nothing")


def test_what_cannot_be_changed_is_refused(steering: Steering, feature: int, silent: str) -> None:
    query = steering.item(silent)
    how = steering.clamping(query, 5)
    with pytest.raises(MmfeatError, match="has no feature 96; give one from 0 to 95"):
        steering.steer(query, [96], how)
    with pytest.raises(MmfeatError, match="has no captions in xx"):
        steering.steer(query, [feature], how, languages=["xx"], controls=0)
    with pytest.raises(MmfeatError, match="clamped to 1000 times"):
        steering.steer(query, [feature], steering.clamping(query, 1000))


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(command)
    found = CliRunner().invoke(app, list(arguments))
    return found.exit_code, found.stdout


def test_the_command_prints_one_json_object(atlas_path: Path, feature: int, silent: str) -> None:
    code, out = run(
        str(atlas_path), "--feature", str(feature), "--item", silent, "--language", "ko",
        "--clamp", "5", "--controls", "3", "--top", "2", "--json",
    )  # fmt: skip
    assert code == 0
    found = json.loads(out)
    assert list(found["results"]) == ["ko"] and len(found["results"]["ko"]["after"]) == 2


def test_the_command_needs_one_query_and_one_change(atlas_path: Path) -> None:
    assert run(str(atlas_path), "--feature", "1")[0] == 2
    both = ("--image", "a.png", "--text", "fire")
    assert run(str(atlas_path), "--feature", "1", *both)[0] == 2
    changes = ("--text", "fire", "--ablate", "--clamp", "5")
    assert run(str(atlas_path), "--feature", "1", *changes)[0] == 2


def test_the_command_loads_no_torch_before_it_runs() -> None:
    code = "import mmfeat.cli.steer, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
