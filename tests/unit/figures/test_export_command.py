from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmfeat.cli.common import run
from mmfeat.cli.export import app

CALLS = {
    "map": ["--out", "m.svg", "--colour", "shared", "--width", "2"],
    "table": ["--out", "t.csv"],
}


@pytest.mark.parametrize("command", CALLS)
def test_json_is_the_only_thing_on_stdout(
    command: str,
    atlas_path: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(app, [command, str(atlas_path), *CALLS[command], "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (tmp_path / found["out"]).is_file()
    assert found["features"] > 0


def test_heatmap_names_both_of_its_files(
    atlas_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import h5py

    with h5py.File(atlas_path) as file:
        feature = int(file["features/firing_rate_image"][:].argmax())
        item = file["items/item_id"][0].decode()
    call = ["heatmap", str(atlas_path), "--feature", str(feature), "--item", item]
    assert run(app, [*call, "--out", str(tmp_path / "h.png"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert Path(found["out"]).is_file()
    assert Path(found["npy"]).is_file()
    assert found["item"] == item


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["map", "ATLAS", "--out", "m.pdf", "--colour", "age"], "There is no colouring 'age'"),
        (["map", "ATLAS", "--out", "m.gif"], "must end in one of"),
        (["map", "ATLAS", "--out", "m.pdf", "--width", "wide"], "'wide' is no width"),
        (["map", "ATLAS", "--out", "m.pdf", "--dpi", "5"], "export map: dpi: "),
        (["--from-manifest", "ATLAS"], "is too large for a manifest"),
        (["--recipe", "none.toml"], "none.toml does not exist"),
        (["map", "none.h5", "--out", "m.pdf"], "none.h5 does not exist"),
        (["heatmap", "ATLAS", "--feature", "99999", "--out", "h.png"], "no feature 99999"),
        (["heatmap", "ATLAS", "--feature", "0", "--item", "x", "--out", "h.png"], "no item 'x'"),
        (["table", "ATLAS", "--out", "/proc/none/t.csv"], "t.csv cannot be written"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str],
    message: str,
    atlas_path: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [str(atlas_path) if argument == "ATLAS" else argument for argument in arguments]
    assert run(app, arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.startswith("Error: ")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    assert list(tmp_path.iterdir()) == []


def test_every_kind_is_a_command_whose_options_have_help() -> None:
    from mmfeat.figures.registry import KINDS, kind

    for name in KINDS:
        found = kind(name)
        assert found.summary.endswith(".")
        for option, field in found.settings.model_fields.items():
            assert field.description, f"{name}: {option}"


@pytest.mark.parametrize("arguments", [[], ["--out", "m.pdf"], ["--recipe", "a", "map"]])
def test_what_is_to_be_written_must_be_said(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app, arguments) == 2
    assert "give a command, or --recipe, or --from-manifest" in capsys.readouterr().err
