"""Every command on bad input: one clear sentence, exit 1 or 2, no traceback, nothing written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import pytest
from filelock import FileLock

from mmfeat.cli.app import app
from mmfeat.cli.common import run


def mmfeat(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mmfeat", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=200,
    )


def inside(
    capfd: pytest.CaptureFixture[str], *arguments: object
) -> subprocess.CompletedProcess[str]:
    """Run the command line in this process, which saves the start of one."""
    capfd.readouterr()
    status = run(app, [str(argument) for argument in arguments])
    stdout, stderr = capfd.readouterr()
    return subprocess.CompletedProcess(arguments, status, stdout, stderr)


@pytest.fixture(scope="module")
def damaged(
    tmp_path_factory: pytest.TempPathFactory,
    corpus_path: Path,
    activations_path: Path,
    atlas_path: Path,
) -> dict[str, dict[str, Path]]:
    """For each kind of file: missing, empty, truncated, foreign, of another kind, future."""
    folder = tmp_path_factory.mktemp("damaged files")
    good = {"corpus": corpus_path, "activations": activations_path, "atlas": atlas_path}
    found: dict[str, dict[str, Path]] = {}
    for kind, path in good.items():
        cases = {
            case: folder / f"{kind}-{case}.h5"
            for case in ("missing", "empty", "truncated", "text", "foreign", "future", "other")
        }
        cases["empty"].write_bytes(b"")
        cases["truncated"].write_bytes(path.read_bytes()[:4000])
        cases["text"].write_text("id,image,en\n")
        with h5py.File(cases["foreign"], "w") as file:
            file["x"] = [1]
        shutil.copy(path, cases["future"])
        with h5py.File(cases["future"], "r+") as file:
            file.attrs["encoding-version"] = "9.0"
        shutil.copy(good["corpus" if kind == "atlas" else "atlas"], cases["other"])
        found[kind] = cases
    return found


MESSAGES = {
    "missing": "does not exist",
    "empty": "is empty",
    "truncated": "truncated",
    "text": "not a readable HDF5 file",
    "foreign": "not written by mmfeat",
    "future": "encoding-version 9.0",
    "other": "is of kind",
}


@pytest.mark.parametrize("case", MESSAGES)
def test_a_bad_file_is_one_sentence_for_every_command(
    capfd: pytest.CaptureFixture[str],
    damaged: dict[str, dict[str, Path]],
    sae_path: Path,
    tmp_path: Path,
    case: str,
) -> None:
    corpus, acts, atlas = (damaged[kind][case] for kind in ("corpus", "activations", "atlas"))
    out = tmp_path / "out"
    commands = [
        ("corpus", "info", corpus),
        ("extract", "--corpus", corpus, "--out", out / "a.h5"),
        ("train", "--activations", acts, "--out", out / "sae"),
        ("atlas", "--activations", acts, "--sae", sae_path, "--out", out / "atlas.h5"),
        ("map", atlas),
        ("export", "map", atlas, "--out", out / "map.pdf"),
        ("export", "table", atlas, "--out", out / "table.csv"),
        ("export", "heatmap", atlas, "--feature", "0", "--out", out / "heat.png"),
        ("view", atlas, "--screenshot", out / "view.png"),
    ]
    if case not in ("other",):
        commands += [("info", acts), ("validate", atlas)]
    for command in commands:
        done = inside(capfd, *command)
        assert done.returncode == 1, (command, done.stderr)
        assert MESSAGES[case] in done.stderr.replace("\n", " "), (command, done.stderr)
        assert "Traceback" not in done.stderr, command
        assert done.stdout == "", command
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["extract"],
        ["nonsense"],
        ["train", "--activations", "a.h5", "--out", "b", "--recipe", "r", "--config", "c"],
        ["extract", "--corpus", "c.h5", "--out", "a.h5", "--dtype", "int8"],
        ["map", "a.h5", "--n-neighbors", "1"],
        ["corpus", "import", "no-such-format", "x", "--out", "c.h5"],
    ],
)
def test_bad_usage_exits_with_2(
    capfd: pytest.CaptureFixture[str], arguments: list[str], tmp_path: Path
) -> None:
    done = inside(capfd, *arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe", "magic"], "There is no recipe 'magic'; choose from"),
        (["--set", "sae.k=0"], "sae.k"),
        (["--set", "sae.k"], "is not of the form key=value"),
        (["--stream", "image.whole"], "has no stream 'image.whole'"),
        (["--hook", "lm.layers.3"], "at hook point 'lm.layers.3'"),
        (["--config", "nowhere.toml"], "nowhere.toml does not exist"),
        (["--config", "."], "cannot be read; give a TOML file"),
        (["--set", "seed=99999999999999999999"], "seed"),
        (["--set", "streams=[]"], "streams"),
        (["--set", "optimiser.lr=inf"], "optimiser.lr"),
    ],
)
def test_wrong_training_settings_are_named(
    capfd: pytest.CaptureFixture[str],
    activations_path: Path,
    tmp_path: Path,
    arguments: list[str],
    message: str,
) -> None:
    out = tmp_path / "sae"
    done = inside(capfd, "train", "--activations", activations_path, "--out", out, *arguments)
    assert done.returncode == 1 and message in done.stderr
    assert not out.exists()


def test_the_whole_path_by_single_commands_on_a_csv(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A user's own table, with a broken picture and an empty caption in it."""
    from mmfeat.corpus.openmoji import load_emoji, render

    items = [entry for entry in load_emoji() if entry.skin_tone == "none"][::30]
    lines = ["name,file,en,ko"]
    for number, entry in enumerate(items):
        render(entry.picture, 64).save(tmp_path / f"{number} é.png")
        english, korean = entry.names["en"], entry.names["ko"]
        lines.append(f'{entry.item_id},{number} é.png,"{english}","{korean}"')
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n")
    lines += ["bad,broken.png,broken,깨진", f"{items[0].item_id}-2,0 é.png,,빈"]
    table = tmp_path / "my table.csv"
    table.write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8", newline="")
    corpus, acts = tmp_path / "c.h5", tmp_path / "a.h5"
    sae, atlas = tmp_path / "sae", tmp_path / "atlas.h5"
    commands = [
        ("corpus", "import", "table", table, "--out", corpus, "--id", "name", "--image", "file",
         "--lang", "en=en", "--lang", "ko=ko"),
        ("corpus", "info", corpus),
        ("corpus", "validate", corpus),
        ("extract", "--corpus", corpus, "--out", acts, "--dtype", "float32"),
        ("train", "--activations", acts, "--out", sae, "--set", "sae.d_sae=32",
         "--set", "sae.k=4", "--set", "optimiser.steps=50"),
        ("atlas", "--activations", acts, "--sae", sae, "--out", atlas),
        ("map", atlas),
        ("info", sae),
        ("validate", atlas),
    ]  # fmt: skip
    results = []
    for command in commands:
        done = inside(capfd, *command, "--json")
        assert done.returncode == 0, (command, done.stderr)
        results.append(json.loads(done.stdout))
    with h5py.File(atlas) as file:
        assert file["languages"].asstr()[:].tolist() == ["en", "ko"]
        assert len(file["items/item_id"]) == len(items) + 1
        assert len(file["captions/item"]) == 2 * len(items) + 1
        assert file["maps/umap"].shape == (32, 2)
    with h5py.File(corpus) as file:
        assert len(file["import_log/reason"]) == 2


def test_a_second_writer_is_told_so(
    capfd: pytest.CaptureFixture[str], corpus_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.h5"
    with FileLock(f"{out}.lock"):
        done = inside(capfd, "extract", "--corpus", corpus_path, "--out", out)
    assert done.returncode == 1
    assert "is being written by another process" in done.stderr


def test_a_target_that_cannot_be_written_is_one_sentence(
    capfd: pytest.CaptureFixture[str], corpus_path: Path, tmp_path: Path
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file where a folder is needed")
    targets = [taken / "a.h5"]
    if sys.platform == "linux":
        targets.append(Path("/sys/kernel/a.h5"))  # refused to every user, root too
    for out in targets:
        done = inside(capfd, "extract", "--corpus", corpus_path, "--out", out)
        assert done.returncode == 1
        assert f"{out} cannot be written; choose a folder you may write." in done.stderr
    assert list(tmp_path.iterdir()) == [taken]


@pytest.mark.skipif(os.name != "posix", reason="file size limits are POSIX")
def test_a_full_disk_is_one_sentence_for_every_step(
    corpus_path: Path, activations_path: Path, sae_path: Path, atlas_path: Path, tmp_path: Path
) -> None:
    own = tmp_path / "atlas.h5"
    shutil.copy(atlas_path, own)
    before = own.read_bytes()
    small = ["--set", "sae.d_sae=512", "--set", "optimiser.steps=1"]
    commands = [
        ["corpus", "import", "openmoji", "--out", tmp_path / "c.h5"],
        ["extract", "--corpus", corpus_path, "--out", tmp_path / "a.h5"],
        ["train", "--activations", activations_path, "--out", tmp_path / "sae", *small],
        ["atlas", "--activations", activations_path, "--sae", sae_path, "--out",
         tmp_path / "atlas-2.h5"],
        ["map", own],
        ["export", "table", atlas_path, "--out", tmp_path / "t.csv"],
    ]  # fmt: skip
    limited = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 14, 1 << 14))\n"
        "from mmfeat.cli.app import main\n"
        "main()\n"
    )
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-c", limited, *map(str, command)],
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 1, (command, done.stderr)
        assert "The disk is full" in done.stderr, (command, done.stderr)
        assert "Traceback" not in done.stderr, command
    assert own.read_bytes() == before
    left = {path.name for path in tmp_path.iterdir()} - {"atlas.h5", "sae", ".a.h5.parts"}
    assert left == set()
    assert not (tmp_path / "sae" / "cfg.json").exists()


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "import mmfeat, mmfeat_gui\n"
        "from mmfeat.cli.app import app\n"
        "heavy = {'torch', 'umap', 'matplotlib', 'PySide6', 'open_clip', 'transformers'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
    assert mmfeat("--help").returncode == 0


def test_an_input_is_never_written_over(
    capfd: pytest.CaptureFixture[str], corpus_path: Path, tmp_path: Path
) -> None:
    own = tmp_path / "c.h5"
    shutil.copy(corpus_path, own)
    done = inside(capfd, "extract", "--corpus", own, "--out", own)
    assert done.returncode == 1 and "would be lost; choose another --out" in done.stderr
    assert own.read_bytes() == corpus_path.read_bytes()


@pytest.mark.parametrize("device", ["foo", "cuda:77"])
def test_a_device_that_is_not_there_is_named(
    capfd: pytest.CaptureFixture[str], corpus_path: Path, tmp_path: Path, device: str
) -> None:
    arguments = ["extract", "--corpus", corpus_path, "--out", tmp_path / "a.h5"]
    done = inside(capfd, *arguments, "--device", device)
    assert done.returncode == 1 and f"The device '{device}' cannot be used here" in done.stderr


def test_a_screenshot_needs_an_atlas_and_a_png(
    capfd: pytest.CaptureFixture[str], atlas_path: Path, tmp_path: Path
) -> None:
    for arguments in (["--screenshot", tmp_path / "a.png"], [atlas_path, "--screenshot", "a.jpg"]):
        done = inside(capfd, "view", *arguments)
        assert done.returncode == 1 and "--screenshot needs an atlas" in done.stderr


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = mmfeat("info", tmp_path / "a.h5", "--debug")
    assert "Traceback" in done.stderr and "does not exist" in done.stderr


SWALLOWS = """
import sys, time
import typer
from mmfeat.cli import common

common._AGAIN = 0.5
app = typer.Typer()

@app.command()
def work():
    print("ready", flush=True)
    try:
        time.sleep(60)
    except BaseException:  # as a callback from C does
        pass
    time.sleep(60)

sys.exit(common.run(app, []))
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_an_interrupt_that_is_swallowed_comes_again() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SWALLOWS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "run the same command again to go on" in stderr
