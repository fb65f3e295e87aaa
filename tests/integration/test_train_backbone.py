"""The script that trains the bundled backbone: stops, goes on, and exports what open_clip loads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import torch

SCRIPT = Path(__file__).parents[2] / "scripts" / "train_openmoji_clip.py"


def train(work: Path, *options: str) -> None:
    command = [sys.executable, str(SCRIPT), "--work", str(work), "--steps", "2"]
    subprocess.run([*command, "--batch-size", "16", *options], check=True, timeout=250)


def test_a_stopped_training_goes_on_to_the_same_weights_and_is_exported(tmp_path: Path) -> None:
    import open_clip

    train(tmp_path / "whole")
    train(tmp_path / "broken", "--stop-after", "1")
    train(tmp_path / "broken")
    states = [
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)
        for name in ("whole", "broken")
    ]
    assert [state["step"] for state in states] == [2, 2]
    for name, value in states[0]["model"].items():
        assert torch.equal(value, states[1]["model"][name]), name

    out = tmp_path / "exported"
    train(tmp_path / "broken", "--export", str(out))
    model, _ = open_clip.create_model_from_pretrained(f"local-dir:{out}")
    weight = model.visual.proj.detach()
    torch.testing.assert_close(weight, states[1]["model"]["visual.proj"].half().float())
    record = json.loads((out / "training.json").read_text())
    assert record["steps_done"] == 2 and len(record["held_out"]) == 394
