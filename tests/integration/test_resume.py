"""A training killed at any moment goes on to the very same weights."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from safetensors.torch import load_file

KILLS = 30
TRAIN = """
import sys
from pathlib import Path
from mmfeat.sae import trainer
from mmfeat.training import recipe, train

trainer.CHECKPOINT_EVERY = 5  # so that kills meet many of them
settings = recipe("shared-topk", {
    "sae.d_sae": 64, "sae.k": 4, "batch.size": 64, "optimiser.steps": 400,
    "optimiser.resample_every": 60, "optimiser.dead_after": 20, "batch.second_caption": True,
})
train(sys.argv[1], sys.argv[2], settings)
"""


def start(activations: Path, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", TRAIN, str(activations), str(folder)])


def begun(folder: Path) -> bool:
    return (folder / "metrics.jsonl").exists()


def test_thirty_kills_at_random_moments_change_no_bit(
    tmp_path: Path, activations_path: Path
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert start(activations_path, whole).wait() == 0
    chance = random.Random(0)
    kills = 0
    while kills < KILLS:
        process = start(activations_path, killed)
        # It needs some seconds to load; a moment is one after that.
        before = time.time_ns()
        while process.poll() is None and not (
            begun(killed) and (killed / "metrics.jsonl").stat().st_mtime_ns > before
        ):
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.25))
        if process.poll() is not None:
            assert process.returncode == 0
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
        assert not (killed / "cfg.json").exists()
    assert kills >= 10, "the training ended before it was killed often enough"
    if kills == KILLS:
        assert start(activations_path, killed).wait() == 0
    ours = sorted(killed.rglob("*.safetensors"))
    theirs = sorted(whole.rglob("*.safetensors"))
    assert [f.relative_to(killed) for f in ours] == [f.relative_to(whole) for f in theirs]
    for one, other in zip(ours, theirs, strict=True):
        a, b = load_file(one), load_file(other)
        assert a.keys() == b.keys() and all(a[name].equal(b[name]) for name in a)
    assert (killed / "metrics.jsonl").read_text() == (whole / "metrics.jsonl").read_text()
    assert not list(killed.glob("*checkpoint*"))
