from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mmfeat.atlas.language_table import LanguageTable
from mmfeat.atlas.reader import Atlas
from mmfeat.atlas.summary import of_feature, of_sae, plain
from mmfeat.cli.app import app
from mmfeat.cli.common import run


def test_a_feature_is_told_with_all_its_parts(atlas_path: Path) -> None:
    with Atlas(atlas_path) as atlas:
        shared = int(np.flatnonzero(atlas.features()["shared"])[0])
        found = of_feature(atlas, shared)
        assert found["feature"] == shared
        assert found["sentence"].startswith("Fires for pictures and for captions in ")
        assert found["scores"]["shared"] is True
        assert found["scores"]["energy_image"] == atlas.features()["energy_image"][shared]
        assert found["names"]["ko"]["text"] == atlas.names(shared)["ko"][0]
        assert [one["feature"] for one in found["neighbours"]] == [
            index for index, _ in atlas.neighbours(shared)
        ]
        row = atlas.part(LanguageTable).row(shared)
        np.testing.assert_array_equal(found["languages"]["rate"], row.rate)
        assert found["languages"]["reach"] == row.reach.name.lower()
        assert set(found["positions"]) == {"image.patch", "text.token"}
        assert of_feature(atlas, shared, "ko")["sentence"] != found["sentence"]


def test_an_sae_is_told_as_a_whole(atlas_path: Path) -> None:
    with Atlas(atlas_path) as atlas:
        found = of_sae(atlas)
        assert found["shared"] == int(atlas.features()["shared"].sum())
        assert found["languages"]["columns"] == ["image", *atlas.languages]
        assert sorted(found["languages"]["order"]) == list(range(15))
        assert found["kept"] == atlas.scores
        assert 0 <= found["names"]["mean"]["auroc_image"] <= 1
        json.dumps(found)


def test_arrays_and_enumerations_become_plain() -> None:
    assert plain({"a": np.float32(0.5), "b": (np.arange(2), None)}) == {
        "a": 0.5,
        "b": [[0, 1], None],
    }


def test_the_command_prints_features_and_refuses_what_is_not_there(
    atlas_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app, ["info", str(atlas_path), "--feature", "3", "--feature", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["features"]
    assert [one["feature"] for one in found] == [3, 5]
    assert run(app, ["info", str(atlas_path), "--feature", "3"]) == 0
    assert found[0]["sentence"] in capsys.readouterr().out
    assert run(app, ["info", str(atlas_path), "--scores", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["d_sae"] == 96
    assert run(app, ["info", str(atlas_path), "--feature", "96"]) == 1
    assert "has no feature 96; give one from 0 to 95." in capsys.readouterr().err
    assert run(app, ["info", str(atlas_path), "--feature", "3", "--scores"]) == 2
