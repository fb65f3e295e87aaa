"""`scripts/batch.py` as a process: what is made, what is left alone, what failures leave."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import psutil
import pytest

from mmfeat.errors import MmfeatError

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "batch.py"
SMALL = """
corpus = "corpus.h5"
backbones = {backbones}
recipes = {recipes}
hooks = {hooks}
streams = ["image.pooled", "text.pooled"]
seeds = [3]
figures = ["map", "scoreboard", "table"]
[set]
optimiser.steps = 120
"sae.d_sae" = 64
"sae.k" = 8
batch.size = 128
"""


def write(folder: Path, **lists: list[str]) -> Path:
    """Write a batch beside the corpus, and return the TOML file."""
    given = {"backbones": ["openmoji-clip"], "recipes": ["naive-topk"], "hooks": ["joint"], **lists}
    file = folder / "batch.toml"
    file.write_text(SMALL.format(**{key: json.dumps(value) for key, value in given.items()}))
    return file


def start(file: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, SCRIPT, file, "--out", out, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], status: int) -> tuple[dict[str, Any], str]:
    """Return the JSON and what went to standard error."""
    stdout, stderr = process.communicate(timeout=250)
    assert process.returncode == status, stderr
    assert "Traceback" not in stderr
    assert len(stdout.splitlines()) == 1
    return json.loads(stdout), stderr


def by_recipe(result: dict[str, Any], hook: str = "joint") -> dict[str, dict[str, Any]]:
    rows = [r for r in result["trainings"] if (r["backbone"], r["hook"]) == ("openmoji-clip", hook)]
    return {row["recipe"]: row for row in rows}


def stamps(folder: Path) -> dict[Path, int]:
    """Return when each file was written, but for the summary, which every run writes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path: path.stat().st_mtime_ns for path in files if path.name != "summary.csv"}


def digest(atlas: str | Path) -> str:
    with h5py.File(atlas) as file:
        return str(file.attrs["content-digest"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, corpus_path: Path) -> Path:
    folder = tmp_path_factory.mktemp("a batch")
    shutil.copy(corpus_path, folder / "corpus.h5")
    return folder


@pytest.fixture(scope="module")
def failures(folder: Path) -> tuple[dict[str, Any], str]:
    """A run with a backbone and a hook point that are not there, and with a training killed."""
    file = write(
        folder,
        backbones=["openmoji-clip", "nonsense"],
        recipes=["shared-topk", "naive-topk"],
        hooks=["joint", "nowhere"],
    )
    out = folder / "out"
    process = start(file, out, "--json", "--jobs", "2")
    begun = out / "openmoji-clip/joint/naive-topk-3/naive-topk-3/metrics.jsonl"
    deadline = time.monotonic() + 200
    while not begun.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    workers = [
        child
        for child in psutil.Process(process.pid).children()
        if "spawn_main" in " ".join(child.cmdline())
    ]
    max(workers, key=lambda worker: worker.pid).kill()  # begun last, for it is second
    return finish(process, 1)


@pytest.fixture(scope="module")
def mended(folder: Path, failures: tuple[dict[str, Any], str]) -> dict[str, Any]:
    """The same without what was not there, after a figure was lost."""
    home = folder / "out/openmoji-clip"
    (home / "joint/shared-topk-3/map.pdf").unlink()
    before = stamps(home / "joint/shared-topk-3")
    acts = (home / "activations.h5").stat().st_mtime_ns
    file = write(folder, recipes=["shared-topk", "naive-topk"])
    result, _ = finish(start(file, folder / "out", "--json", "--jobs", "2"), 0)
    after = stamps(home / "joint/shared-topk-3")
    drawn = {"map.pdf", "scoreboard.csv", "table.csv", "done.json"}
    drawn |= {"map.pdf.manifest.json", "table.csv.manifest.json"}
    assert {path.name for path in after if after[path] != before.get(path)} == drawn
    assert (home / "activations.h5").stat().st_mtime_ns == acts
    return result


def test_what_fails_is_told_and_the_others_finish(failures: tuple[dict[str, Any], str]) -> None:
    result, stderr = failures
    assert [(e["backbone"], e["status"]) for e in result["extractions"]] == [
        ("openmoji-clip", "done"),
        ("nonsense", "failed"),
    ]
    assert "'nonsense' is not a backbone" in result["extractions"][1]["error"]
    joint, nowhere = by_recipe(result), by_recipe(result, "nowhere")
    assert joint["shared-topk"]["status"] == "done" and joint["shared-topk"]["error"] is None
    assert joint["naive-topk"]["status"] == "failed"
    assert "ended without a result, with status -9" in joint["naive-topk"]["error"]
    for row in nowhere.values():
        assert row["status"] == "failed" and "at hook point 'nowhere'" in row["error"]
    rest = [row for row in result["trainings"] if row["backbone"] == "nonsense"]
    assert [row["status"] for row in rest] == ["not begun"] * 4
    assert "The extraction of nonsense failed: 'nonsense' is no" in rest[0]["error"]
    assert stderr.splitlines()[-1].startswith(
        "Error: 3 of 8 trainings failed and 4 were not begun;"
    )


def test_every_training_has_atlas_figures_and_a_row(mended: dict[str, Any]) -> None:
    with Path(mended["summary"]).open(encoding="utf-8", newline="") as handle:
        table = {row["recipe"]: row for row in csv.DictReader(handle)}
    rows = by_recipe(mended)
    assert set(table) == set(rows) == {"shared-topk", "naive-topk"}
    for recipe, row in rows.items():
        assert row["status"] == table[recipe]["status"] == "done"
        assert [Path(path).name for path in row["figures"]] == [
            "map.pdf",
            "scoreboard.csv",
            "table.csv",
        ]
        assert Path(row["figures"][0]).read_bytes().startswith(b"%PDF")
        with h5py.File(row["atlas"]) as atlas:
            assert atlas.attrs["name"] == f"{recipe}-3"
            assert atlas["maps/umap"].shape == (64, 2)
            shared = int(atlas["features/shared"][:].sum())
            assert int(table[recipe]["shared"]) == row["shared"] == shared
            scores = json.loads(atlas["scores"].attrs["json"])
        for stream in ("image.pooled", "text.pooled"):
            values = scores[stream]["fvu"].values()
            assert row["fvu"][stream] == pytest.approx(sum(values) / len(values))
            assert float(table[recipe][f"fvu[{stream}]"]) == row["fvu"][stream]
        settings = json.loads(
            next(Path(row["sae"]).rglob("cfg.json")).read_text("utf-8")
        )["metadata"]["provenance"]["settings"]  # fmt: skip
        assert (settings["seed"], settings["optimiser"]["steps"]) == (3, 120)
        assert settings["optimiser"]["lr"] == 2e-3  # of the recipe: its section is not lost


def test_a_second_run_does_nothing(folder: Path, mended: dict[str, Any]) -> None:
    before = stamps(folder / "out")
    result, stderr = finish(start(folder / "batch.toml", folder / "out", "--json"), 0)
    assert stamps(folder / "out") == before
    assert {row["status"] for row in result["trainings"]} == {"reused"}
    assert stderr.count(": reused") == 3
    same = [{**row, "status": "", "seconds": 0} for row in mended["trainings"]]
    assert [{**row, "status": "", "seconds": 0} for row in result["trainings"]] == same


@pytest.mark.skipif(os.name != "posix", reason="submitit is for POSIX")
def test_jobs_of_a_cluster_make_the_same_files(folder: Path, mended: dict[str, Any]) -> None:
    file, out = write(folder), folder / "cluster"
    result, _ = finish(start(file, out, "--json", "--cluster", "local"), 0)
    (row,) = result["trainings"]
    assert row["status"] == "done"
    ours = by_recipe(mended)["naive-topk"]  # was killed once on its way
    assert digest(row["atlas"]) == digest(ours["atlas"])
    home = Path(ours["atlas"]).parent
    files = {path.relative_to(home) for path in home.rglob("*") if path.is_file()}
    there = Path(row["atlas"]).parent
    assert {path.relative_to(there) for path in there.rglob("*") if path.is_file()} == files
    for name in ("map.pdf", "table.csv"):
        assert (there / name).read_bytes() == (home / name).read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_an_interrupt_says_how_to_resume_and_leaves_nobody(folder: Path) -> None:
    file, out = write(folder), folder / "interrupted"
    process = start(file, out)
    deadline = time.monotonic() + 100
    while not list(out.rglob(".activations.h5.parts")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1 and stdout == ""
    assert stderr == (
        "Interrupted: finished files are whole; run the same command again to go on.\n"
    )
    assert psutil.wait_procs(children, timeout=10)[1] == []
    assert not (out / "openmoji-clip/activations.h5").exists()


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("batch_script", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where the settings look up their types
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("hook = ['joint']", "hook: Extra inputs are not permitted"),
        ("recipes = 'shared-topk'", "recipes: Input should be a valid tuple"),
        ("recipes = []", "recipes: Tuple should have at least 1 item"),
        ("recipes = ['magic']", "recipe magic with .set.: There is no recipe 'magic'; choose"),
        ("seeds = [0, -1]", "seeds.1: Input should be greater than or equal to 0"),
        ("seeds = [0, 0]", "seeds: Value error, 0 is given twice"),
        ("figures = ['heatmap']", "figures.0: Input should be 'map', 'scoreboard' or 'table'"),
        ("streams = ['image']", "streams: image is not a stream; choose from image.pooled"),
        ("corpus = 'no.h5'", "corpus: .*no.h5 does not exist"),
        ("set.optimiser.stepz = 1", "optimiser.stepz: Extra inputs are not permitted"),
        ("set.seed = 1", "set.seed: trainings differ in it; give seeds instead"),
        ("cluster = 1", "cluster: Input should be a valid dictionary"),
        ("= 1", "is not a TOML file"),
    ],
)
def test_a_wrong_key_or_value_is_named(
    folder: Path, script: ModuleType, line: str, message: str
) -> None:
    kept = ["corpus = 'corpus.h5'", "backbones = ['openmoji-clip']", "recipes = ['naive-topk']"]
    key = line.split(" ")[0]
    file = folder / "wrong.toml"
    file.write_text("\n".join([*(k for k in kept if k.split(" ")[0] != key), line]))
    with pytest.raises(MmfeatError, match=message) as caught:
        script.read_batch(file)
    assert str(caught.value).startswith(str(file)) and "\n" not in str(caught.value)


def test_wrong_use_is_told_and_nothing_is_written(folder: Path) -> None:
    for arguments, status, message in (
        ([folder / "no.toml"], 1, "no.toml does not exist"),
        ([folder / "no.toml", "--jobs", "0"], 2, "--jobs must be at least 1"),
    ):
        done = subprocess.run(
            [sys.executable, SCRIPT, *arguments, "--out", folder / "none"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == status and message in done.stderr
        assert done.stdout == "" and "Traceback" not in done.stderr
    assert not (folder / "none").exists()


def test_the_example_is_understood(tmp_path: Path, corpus_path: Path, script: ModuleType) -> None:
    example = tmp_path / "data/examples/batch.toml"
    example.parent.mkdir(parents=True)
    shutil.copy(ROOT / "data/examples/batch.toml", example)
    (tmp_path / "mmfeat-demo").mkdir()
    shutil.copy(corpus_path, tmp_path / "mmfeat-demo/corpus.h5")
    batch = script.read_batch(example)
    (extraction,) = script.plan(batch, tmp_path / "out")
    assert [training.name for training in extraction.then] == [
        f"openmoji-clip joint {recipe} {seed}"
        for recipe in ("shared-topk", "naive-topk")
        for seed in (0, 1)
    ]
    for key in ("hooks", "streams", "figures"):  # it says that these are the defaults
        assert getattr(batch, key) == script.Batch.model_fields[key].default


def test_the_script_starts_light() -> None:
    code = (
        "import runpy, sys; runpy.run_path(sys.argv[1]); "
        "print(*{'torch', 'umap', 'matplotlib', 'submitit'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, SCRIPT], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
