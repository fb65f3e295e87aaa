"""The two commands from their arguments to what they print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mmfeat.cli.safety import probe
from mmfeat.cli.search import search
from mmfeat.errors import MmfeatError

app = typer.Typer()
app.command("search")(search)
app.command("probe")(probe)


def run(*arguments: object) -> str:
    found = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.stdout


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from mmfeat.corpus.openmoji import render

    path = tmp_path_factory.mktemp("pictures") / "apple.png"
    render("1F34E.svg", 64).save(path)
    return path


def test_examples_and_negatives_of_every_kind(atlas_path: Path, picture: Path) -> None:
    found = json.loads(
        run(
            *("search", atlas_path, "--json", "--top", 3),
            *("--image", picture, "--text", "red apple", "--text", "사과"),
            *("--language", "en", "--language", "ko"),
            *("--not", picture, "--not", "a dog", "--not-text", "고양이", "--not-image", picture),
        )
    )
    assert found["by"] == "examples"
    assert [own["value"] for own in found["positives"]] == [str(picture), "red apple", "사과"]
    assert [(own["kind"], own["value"]) for own in found["negatives"]] == [
        ("text", "고양이"),
        ("image", str(picture)),
        ("text", "a dog"),
        ("image", str(picture)),
    ]
    assert 0 < len(found["features"]) <= 3
    first = found["features"][0]
    assert len(first["activations"]) == 3
    assert first["score"] > 0
    assert set(first) == {
        *("feature", "score", "image_rate", "text_rate", "positive", "negative"),
        *("positive_rate", "negative_rate", "activations", "names"),
    }


def test_features_attributes_and_items(atlas_path: Path) -> None:
    near = json.loads(run("search", atlas_path, "--feature", 3, "--json"))
    assert near["by"] == "decoder"
    assert near["features"][0]["cosine"] == near["features"][0]["score"]
    rows = json.loads(run("search", atlas_path, "--feature", 3, "--by", "cofiring", "--json"))
    assert rows["by"] == "cofiring"
    flags = run("search", atlas_path, "--attribute", "group=flags", "--top", 2)
    assert len(flags.splitlines()) == 3
    assert "negative" in flags


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Search by examples"),
        (("--feature", 1, "--item", "x"), "Search by examples"),
        (("--feature", 1, "--feature", 2), "Search by examples"),
        (("--feature", 1, "--not-text", "x"), "Negatives go with"),
        (("--attribute", "flags"), "NAME=VALUE"),
        (("--item", "nothing"), "no item 'nothing'"),
        (("--text", "a", "--language", "en", "--language", "ko"), "2 languages for 1 texts"),
        (("--image", "missing.png"), "missing.png"),
        (("--text", "a", "--language", "sw"), "knows no captions in sw"),
        (("--item", "x", "--backbone", "hf:/nowhere", "--not-text", "a"), "no item 'x'"),
    ],
)
def test_bad_usage_is_one_sentence(
    arguments: tuple[object, ...], message: str, atlas_path: Path
) -> None:
    with pytest.raises(MmfeatError, match=message):
        run("search", atlas_path, *arguments)


def test_a_probe_prints_its_caution_and_writes_its_report(atlas_path: Path, tmp_path: Path) -> None:
    from mmfeat.assets import path as asset

    out, weapons = tmp_path / "report.json", asset("probes") / "weapons.yaml"
    text = run("probe", atlas_path, "--list", weapons, "--out", out, "--top", 2)
    assert text.startswith("weapons: 14 languages")
    assert "not evidence" in text.splitlines()[-1]
    report = json.loads(out.read_text("utf-8"))
    assert [own["category"] for own in report["categories"]] == ["weapons"]
    again = json.loads(run("probe", atlas_path, "--list", weapons, "--top", 2, "--json"))
    assert again == report
