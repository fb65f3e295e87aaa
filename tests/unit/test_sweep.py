from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from mmfeat.cli.app import app
from mmfeat.cli.common import run
from mmfeat.errors import MmfeatError
from mmfeat.sweep import load_sweep, sweep
from mmfeat.training import recipe, train

COMMON = {"optimiser.steps": 40, "batch.size": 64, "sae.d_sae": 48, "sae.k": 4}


def plan(folder: Path, activations: Path, more: str = "") -> Path:
    file = folder / "sweep.toml"
    file.write_text(
        f"""activations = {json.dumps(str(activations))}
recipe = "naive-topk"
{more}
[set]
"optimiser.steps" = 40
"batch.size" = 64
[grid]
"sae.d_sae" = [32, 48]
seed = [0, 1]
[variants.plain]
"sae.k" = 4
[variants.shared]
recipe = "shared-topk"
"sae.k" = 3
"""
    )
    return file


def same(a: Path, b: Path) -> None:
    ours, theirs = sorted(a.rglob("*.safetensors")), sorted(b.rglob("*.safetensors"))
    assert [f.relative_to(a) for f in ours] == [f.relative_to(b) for f in theirs] != []
    for one, other in zip(ours, theirs, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_each_sae_of_a_sweep_is_what_it_would_be_alone(
    tmp_path: Path, activations_path: Path
) -> None:
    out = tmp_path / "out"
    result = sweep(plan(tmp_path, activations_path), out)
    assert len(result["runs"]) == 8 and not result["kept"] and not result["failed"]
    for name, changes in {
        "plain,sae.d_sae=48,seed=1": {"sae.k": 4, "seed": 1},
        "shared,sae.d_sae=48,seed=0": {"sae.k": 3, "seed": 0},
    }.items():
        kind = "naive-topk" if name.startswith("plain") else "shared-topk"
        train(activations_path, tmp_path / kind, recipe(kind, {**COMMON, **changes}))
        same(out / name, tmp_path / kind)
        fvu = json.loads((tmp_path / kind / "scores.json").read_text())["image.pooled"]["fvu"]
        assert result["runs"][name]["fvu"]["image.pooled"] == fvu
    listed = json.loads((out / "sweep.json").read_text())["runs"]
    assert {run["name"] for run in listed} == set(result["runs"])
    assert {run["settings"]["sae"]["d_sae"] for run in listed} == {32, 48}
    assert all(run["d_in"] == 192 and run["train_rows"] > 1000 for run in listed)


def test_what_is_there_is_left_and_what_changed_is_trained(
    tmp_path: Path, activations_path: Path
) -> None:
    file, out = plan(tmp_path, activations_path, "together = 3"), tmp_path / "out"
    sweep(file, out)
    before = {f: f.stat().st_mtime_ns for f in out.rglob("sae_weights.safetensors")}
    again = sweep(file, out)
    assert len(again["kept"]) == 8 and not again["runs"]
    assert all((out / name / "scores.json").exists() for name in again["kept"])
    (out / "plain,sae.d_sae=32,seed=0" / "cfg.json").unlink()
    third = sweep(file, out)
    assert list(third["runs"]) == ["plain,sae.d_sae=32,seed=0"] and len(third["kept"]) == 7
    changed = [f for f, time in before.items() if f.stat().st_mtime_ns != time]
    assert [f.parent.name for f in changed] == ["plain,sae.d_sae=32,seed=0"]


def test_one_that_diverges_is_told_and_the_others_finish(
    tmp_path: Path, activations_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(
        f"""activations = {json.dumps(str(activations_path))}
recipe = "naive-topk"
[set]
"optimiser.steps" = 40
"batch.size" = 64
"sae.d_sae" = 32
"sae.k" = 4
[grid]
"optimiser.lr" = [0.001, 1e30]
"""
    )
    assert run(app, ["sweep", str(file), "--out", str(tmp_path / "out"), "--json"]) == 1
    said = capsys.readouterr()
    result = json.loads(said.out)
    assert list(result["runs"]) == ["optimiser.lr=0.001"]
    assert "exploded at step" in result["failed"]["optimiser.lr=1e+30"]
    assert "1 of the trainings failed, the others are whole" in said.err
    weights = load_file(tmp_path / "out" / "optimiser.lr=0.001" / "sae_weights.safetensors")
    assert weights["W_dec"].shape == (32, 192)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("activations = 3", "activations: .*mend that value"),
        ('activations = "a.h5"\nsurprise = 1', "surprise: .*mend that value"),
        ('activations = "a.h5"\n[variants.".."]\nseed = 1', r"variants.*mend that value"),
        ("activations = [", "is not a TOML file"),
    ],
)
def test_a_plan_that_is_not_understood_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(text)
    with pytest.raises(MmfeatError, match=sentence):
        load_sweep(file)


def test_a_grid_without_end_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(f'activations = "a.h5"\n[grid]\nseed = {list(range(200))}\nx = {[1] * 51}')
    with pytest.raises(MmfeatError, match="makes 10,200 trainings"):
        load_sweep(file).runs()
    with pytest.raises(MmfeatError, match=r"does not exist"):
        load_sweep(tmp_path / "none.toml")
