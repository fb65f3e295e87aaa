from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmfeat.progress import LineProgress, RichProgress, of_terminal


def test_lines_say_stage_steps_and_note(capsys: pytest.CaptureFixture[str]) -> None:
    with LineProgress().stage("reading Ümläut", 3) as advance:
        advance(1, "well")
        advance(2)
    with LineProgress().stage("waiting", None):
        pass
    out, err = capsys.readouterr()
    assert out == ""
    lines = [json.loads(line) for line in err.splitlines()]
    assert lines[0] == {"stage": "reading Ümläut", "done": 0, "total": 3, "note": ""}
    assert lines[-3] == {"stage": "reading Ümläut", "done": 3, "total": 3, "note": "well"}
    assert lines[-1] == {"stage": "waiting", "done": 0, "total": None, "note": ""}


def test_lines_are_not_many(capsys: pytest.CaptureFixture[str]) -> None:
    with LineProgress().stage("counting", 100_000) as advance:
        for _ in range(100_000):
            advance(1)
    lines = capsys.readouterr().err.splitlines()
    assert json.loads(lines[-1])["done"] == 100_000
    assert len(lines) < 1000


def test_a_stage_that_fails_says_how_far_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), LineProgress().stage("working", 9) as advance:
        advance(4)
        raise KeyError
    assert json.loads(capsys.readouterr().err.splitlines()[-1])["done"] == 4


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MMFEAT_PROGRESS", raising=False)
    assert isinstance(of_terminal(), RichProgress)
    monkeypatch.setenv("MMFEAT_PROGRESS", "json")
    assert isinstance(of_terminal(), LineProgress)


def test_a_command_writes_lines_for_programs(corpus_path: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mmfeat", "extract", "--corpus", str(corpus_path)]
    command += ["--out", str(tmp_path / "a.h5"), "--stream", "text.pooled", "--json"]
    environment = {**os.environ, "MMFEAT_PROGRESS": "json"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    own = [line for line in lines if line["stage"] == "extracting items"]
    assert own[0]["done"] == 0
    assert own[-1]["done"] == own[-1]["total"] > 0
    assert json.loads(done.stdout)["rows"]["joint/text.pooled"] > 0
