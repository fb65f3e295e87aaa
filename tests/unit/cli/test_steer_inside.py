"""`mmfeat steer` with an SAE of an inner hook point, from its arguments to what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmfeat.atlas.reader import Atlas
from mmfeat.atlas.steer import Steering
from mmfeat.cli.app import app
from mmfeat.cli.common import run
from tests.unit.atlas.inside_files import TEXT, VISION, make


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inside")
    make(folder, ["patches", "tokens"])
    return folder


def test_the_command_prints_one_json_object(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Atlas(folder / "atlas.h5") as atlas:
        steering = Steering(atlas, sae=folder / "patches")
        query = steering.item("4")
        feature = int(steering.known.rate(query).argmax())
        how = steering.clamping(query, 5)
        expected = steering.steer(
            query, [feature], how, positions=[0, 5], languages=["ko"], top=2, controls=3
        )
    arguments = [
        "steer", str(folder / "atlas.h5"), "--sae", str(folder / "patches"), "--hook", VISION,
        "--feature", str(feature), "--item", "4", "--position", "0", "--position", "5",
        "--language", "ko", "--controls", "3", "--top", "2",
    ]  # fmt: skip
    assert run(app, [*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(json.dumps(expected))
    assert [row["position"] for row in found["rows"] if row["changed"]] == [0, 5]
    assert run(app, arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "changed at  0 5" in lines
    assert any(line.startswith("stream") and line.endswith("image.patch") for line in lines)


def test_the_command_shows_tokens_and_refuses_in_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    atlas = str(folder / "atlas.h5")
    arguments = ["steer", atlas, "--sae", str(folder / "tokens"), "--feature", "1"]
    text = ["--text", "심장 red 4", "--language", "ko", "--add", "3", "--controls", "2"]
    assert run(app, [*arguments, *text, "--position", "1"]) == 0
    assert "changed at  1:" in capsys.readouterr().out
    assert run(app, [*arguments, *text, "--position", "99"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("Error: The text has no token 99; give one from 1 to ")
    assert run(app, [*arguments, "--prompt", "a"]) == 2
    assert "With --prompt the SAE is that of the atlas" in capsys.readouterr().err
    alone = ["steer", atlas, "--feature", "1", *text]
    assert run(app, [*alone, "--hook", TEXT]) == 1
    assert "name the SAE of text.blocks.0" in capsys.readouterr().err
    assert run(app, [*alone, "--position", "1"]) == 1
    assert "text.pooled at joint" in capsys.readouterr().err
