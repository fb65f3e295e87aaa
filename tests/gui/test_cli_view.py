from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from mmfeat.cli import view
from mmfeat.errors import MmfeatError

ROOT = Path(__file__).parents[2]


def _mmfeat(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "gui")]),
    }
    return subprocess.run(
        [sys.executable, "-m", "mmfeat", "view", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_view_writes_a_picture(atlas_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "window.png"
    done = _mmfeat(str(atlas_path), "--screenshot", str(path), "--feature", "1", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert Image.open(path).size == (1440, 900)
    assert json.loads(done.stdout) == {"atlas": str(atlas_path), "screenshot": str(path)}


def test_view_hands_on_the_exit_status(atlas_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "window.png"
    done = _mmfeat(str(atlas_path), "--screenshot", str(path), "--item", "none such")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert not path.exists()


@pytest.mark.parametrize("missing", ["mmfeat_gui", "PySide6"])
def test_without_the_viewer_view_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr(view, "find_spec", lambda name: None if name == missing else object())
    with pytest.raises(MmfeatError, match=f"{missing}.*pip install"):
        view.view()


def test_what_looks_like_an_option_is_handed_on_as_a_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commands = []

    def run(command: list[str], check: bool) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(view.subprocess, "run", run)
    app = typer.Typer()
    app.command()(view.view)
    done = CliRunner().invoke(app, ["--item=-x", "--feature=-1", "--", "-atlas.h5"])
    assert done.exit_code == 3
    assert commands[0][3:] == ["--feature=-1", "--item=-x", "--", "-atlas.h5"]
    done = CliRunner().invoke(app, ["a.h5", "--beside", "-b.h5", "--screenshot", "c.png"])
    assert done.exit_code == 3
    assert commands[1][3:] == ["--screenshot=c.png", "--beside=-b.h5", "--", "a.h5"]
