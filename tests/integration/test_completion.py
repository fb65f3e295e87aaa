"""Completion by the shell: its scripts are real, and Tab offers at once what may stand there."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from mmfeat.backbones.base import STREAMS
from mmfeat.corpus.importers import IMPORTERS
from mmfeat.figures.registry import KINDS

RECIPES = Path(__file__).resolve().parents[2] / "data" / "recipes"
# The command, which also writes down what it imported that takes seconds.
COMMAND = """
import sys
from mmfeat.cli.app import main

try:
    main()
finally:
    heavy = {"torch", "transformers", "open_clip", "umap", "matplotlib", "PySide6"}
    with open(sys.path[0] + "/imported", "a") as file:
        print(*(heavy & set(sys.modules)), end="", file=file)
"""
# Does what bash does at Tab after the words, of which the last is the one to complete.
TAB = """
source <(_MMFEAT_COMPLETE=source_bash mmfeat)
function=$(complete -p mmfeat | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
$function mmfeat
printf '%s\\n' "${COMPREPLY[@]}"
"""

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home directory, with a folder of programs that holds mmfeat."""
    home = tmp_path_factory.mktemp("home")
    (home / "bin").mkdir()
    (home / "bin" / "command.py").write_text(COMMAND, "utf-8")
    program = home / "bin" / "mmfeat"
    runs = shlex.join([sys.executable, str(home / "bin" / "command.py")])
    program.write_text(f'#!/bin/sh\nexec {runs} "$@"\n', "utf-8")
    program.chmod(0o755)
    return home


def run(home: Path, *command: str, **variables: str) -> str:
    """Run a command with the home directory, and return what it prints."""
    path = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        env={**os.environ, "HOME": str(home), "PATH": path, **variables},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.stderr == "" and done.returncode == 0, done.stderr
    return done.stdout


def offered(home: Path, *words: object) -> list[str]:
    """Return what bash offers for the last word."""
    return run(home, "bash", "-c", TAB, "bash", "mmfeat", *map(str, words)).split()


def recipes() -> list[str]:
    return sorted(file.stem for file in RECIPES.glob("*.toml"))


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["tr"], ["train"]),
        (["corpus", "import", ""], list(IMPORTERS)),
        (["train", "--recipe", ""], recipes()),
        (["train", "--recipe", "shared"], ["shared-topk"]),
        (["train", "--device", ""], ["auto", "cpu", "cuda", "mps"]),
        (["extract", "--stream", "image."], [s for s in STREAMS if s.startswith("image.")]),
        (["extract", "--dtype", ""], ["float16", "float32"]),
        (["backbone", "hooks", "openm"], ["openmoji-clip"]),
        (["search", "a.h5", "--by", ""], ["decoder", "cofiring"]),
        (["export", ""], [*KINDS, "sae"]),
        (["export", "map", "a.h5", "--size", ""], ["none", "energy"]),
        (["export", "map", "a.h5", "--colour", "n_l"], ["n_languages"]),
        (["export", "grid", "a.h5", "--width", "icml"], ["icml", "icml-2"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_tab_offers_the_values_there_are(home: Path, words: list[str], wanted: list[str]) -> None:
    assert sorted(offered(home, *words)) == sorted(wanted)


def test_hook_points_and_languages_are_those_of_the_file_on_the_line(
    home: Path, tmp_path: Path
) -> None:
    activations, atlas = tmp_path / "acts.h5", tmp_path / "atlas.h5"
    with h5py.File(activations, "w") as file:
        file.create_group("hooks/vision.blocks.3/image.pooled")
        file.create_group("hooks/joint/image.pooled")
    with h5py.File(atlas, "w") as file:
        file.create_dataset("languages", data=["en", "ko", "zh-Hant"], dtype=h5py.string_dtype())
    words = ["train", "--activations", activations, "--hook", ""]
    assert sorted(offered(home, *words)) == ["joint", "vision.blocks.3"]
    for command in (["search", atlas], ["steer", atlas, "--feature", 3]):
        assert offered(home, *command, "--language", "") == ["en", "ko", "zh-Hant"]
    nowhere = tmp_path / "nowhere.h5"
    assert offered(home, "search", nowhere, "--language", "") == []
    assert offered(home, "search", activations, "--language", "") == []


def test_an_option_before_has_no_effect_at_tab(home: Path) -> None:
    assert offered(home, "--version", "doc") == ["doctor"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script_and_the_same_values(
    home: Path, tmp_path: Path, shell: str
) -> None:
    script = tmp_path / f"mmfeat.{shell}"
    shown = run(home, "mmfeat", _MMFEAT_COMPLETE=f"source_{shell}").strip()
    script.write_text(f"{shown}\n", "utf-8")
    starts = {"zsh": "#compdef mmfeat", "fish": "complete --command mmfeat"}
    assert shown.startswith(starts[shell])
    if shutil.which(shell):
        run(home, shell, "-n", str(script))
    found = run(
        home,
        "mmfeat",
        _MMFEAT_COMPLETE=f"complete_{shell}",
        _TYPER_COMPLETE_ARGS="mmfeat train --recipe ",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )
    for name in recipes():
        assert name in found


def test_installing_makes_new_shells_complete(home: Path) -> None:
    assert "bash completion installed" in run(home, "bash", "-c", "mmfeat --install-completion; :")
    words = "complete -p mmfeat"
    assert "mmfeat" in run(home, "bash", "--norc", "-c", f"source ~/.bashrc; {words}")
    shown = run(home, "bash", "-c", "mmfeat --show-completion; :")
    assert shown.split() == run(home, "mmfeat", _MMFEAT_COMPLETE="source_bash").split()


def test_nothing_heavy_was_imported_for_it(home: Path) -> None:
    offered(home, "export", "map", "a.h5", "--")
    assert (home / "bin" / "imported").read_text("utf-8") == ""
