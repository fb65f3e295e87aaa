"""Several processes train what one process trains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

SETTINGS = {"sae.d_sae": 64, "batch.size": 64, "optimiser.steps": 60}
DEAD = {"optimiser.dead_after": 5, "optimiser.aux_k": 8, "optimiser.clip": 0.5}


def command(activations: Path, out: Path, recipe: str, **more: object) -> list[str]:
    words = ["-m", "mmfeat", "train", "--activations", str(activations), "--out", str(out)]
    words += ["--recipe", recipe, "--json"]
    selects = {} if recipe == "gated" else {"sae.k": 4}
    for key, value in {**SETTINGS, **DEAD, **selects, **more}.items():
        words += ["--set", f"{key}={json.dumps(value)}"]
    return words


def torchrun(processes: int, words: list[str]) -> list[str]:
    return [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
        str(processes), *words,
    ]  # fmt: skip


def train(words: list[str], processes: int = 1) -> dict[str, object]:
    line = torchrun(processes, words) if processes > 1 else [sys.executable, *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(line, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    assert done.stdout.count('"fvu"') == 1, "only the first process speaks"
    return found


def same(a: Path, b: Path, tolerance: float) -> None:
    ours, theirs = sorted(a.rglob("*.safetensors")), sorted(b.rglob("*.safetensors"))
    assert [f.relative_to(a) for f in ours] == [f.relative_to(b) for f in theirs] != []
    for one, other in zip(ours, theirs, strict=True):
        first, second = load_file(one), load_file(other)
        assert first.keys() == second.keys()
        for name, tensor in first.items():
            torch.testing.assert_close(tensor, second[name], rtol=0, atol=tolerance, msg=name)
    lines = [(f / "metrics.jsonl").read_text().splitlines() for f in (a, b)]
    for x, y in zip(*map(lambda rows: map(json.loads, rows), lines), strict=True):
        assert x["step"] == y["step"] and x["dead"].keys() == y["dead"].keys()
        for stream, shares in x["dead"].items():
            assert shares == pytest.approx(y["dead"][stream], abs=0.04)
        assert x["l0"] == pytest.approx(y["l0"], rel=1e-3)
        assert x["loss"] == pytest.approx(y["loss"], rel=1e-3)


@pytest.mark.parametrize(
    ("recipe", "more", "processes", "shards"),
    [
        ("shared-topk", {"batch.second_caption": True}, 2, 1),
        ("naive-topk", {"optimiser.resample_every": 20, "loss.energy_gap": 0.1}, 4, 1),
        ("batch-topk", {}, 2, 1),
        ("gated", {"loss.contrastive": 0.1, "loss.iso_energy": 0.1}, 2, 1),
        ("shared-topk", {}, 2, 2),
        ("naive-topk", {"support.shared": True, "loss.translation": 0.3}, 4, 4),
        ("shared-topk", {}, 4, 2),
    ],
)
def test_processes_together_train_what_one_trains(
    tmp_path: Path,
    activations_path: Path,
    recipe: str,
    more: dict[str, object],
    processes: int,
    shards: int,
) -> None:
    alone = command(activations_path, tmp_path / "alone", recipe, **more)
    together = command(activations_path, tmp_path / "together", recipe, **more)
    one = train(alone)
    all_of_them = train([*together, "--shards", str(shards)], processes)
    # A picture that stands twice in a batch ties with itself; which of the two is the last of a
    # batch's highest is left to chance, and one process takes one where several take both.
    tolerance = 5e-3 if recipe == "batch-topk" else 2e-4
    same(tmp_path / "alone", tmp_path / "together", tolerance)
    assert one["fvu_mean"] == pytest.approx(all_of_them["fvu_mean"], rel=1e-3)


def test_shards_killed_and_launched_again_go_on_from_one_step(
    tmp_path: Path, activations_path: Path
) -> None:
    often = tmp_path / "often.py"  # with many checkpoints
    often.write_text(
        "from mmfeat.cli.app import main\nfrom mmfeat.sae import trainer\n"
        "trainer.CHECKPOINT_EVERY = 20\nmain()\n"
    )
    whole, killed = tmp_path / "whole", tmp_path / "killed"

    def sharded(out: Path) -> list[str]:
        words = command(activations_path, out, "shared-topk", **{"optimiser.steps": 120})
        return [str(often), *words[2:], "--shards", "2"]

    train(sharded(whole), 2)
    words = sharded(killed)
    launcher = psutil.Popen(
        torchrun(2, words),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (killed / "checkpoint.pt").exists():
        assert launcher.poll() is None
        time.sleep(0.02)
    for process in [launcher, *launcher.children(recursive=True)]:
        process.kill()
    launcher.wait()
    assert not (killed / "cfg.json").exists()
    train(words, 2)
    lines = [(f / "metrics.jsonl").read_text() for f in (whole, killed)]
    assert lines[0] == lines[1]
    for one, other in zip(
        sorted(whole.rglob("*.safetensors")), sorted(killed.rglob("*.safetensors")), strict=True
    ):
        assert one.read_bytes() == other.read_bytes()
    assert not list(killed.glob("checkpoint.pt*"))


@pytest.mark.parametrize(
    ("more", "shards", "sentence"),
    [
        ({}, 3, "2 processes cannot hold 3 shards"),
        ({"batch.size": 63}, 1, "batch.size 63 cannot be divided among 2 ranks"),
        ({"sae.d_sae": 65}, 2, "sae.d_sae 65 cannot be divided among 2 shards"),
        ({"loss.iso_energy": 0.1}, 2, "loss.iso_energy needs all latents in one process"),
    ],
)
def test_what_ranks_cannot_divide_is_one_sentence(
    tmp_path: Path, activations_path: Path, more: dict[str, object], shards: int, sentence: str
) -> None:
    words = command(activations_path, tmp_path / "sae", "naive-topk", **more)
    line = torchrun(2, [*words, "--shards", str(shards)])
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and f"Error: {sentence}" in done.stderr


HELD = """
import json, sys
import torch
from mmfeat.sae.batch import PairBatch
from mmfeat.sae.ranks import launched, parted
from mmfeat.sae.settings import load_settings
from mmfeat.sae.step import Training

ranks = launched(int(sys.argv[1]))
settings = load_settings(None, {
    "streams": ["image.pooled"], "sae.d_sae": 4096, "sae.k": 8, "optimiser.aux_k": 0,
})
training = Training(64, settings, ranks=ranks)
x = torch.randn(32, 64, generator=torch.Generator().manual_seed(0))
number = torch.arange(32)
batch = PairBatch({"image.pooled": x}, {"image.pooled": -torch.ones(32, dtype=torch.int64)},
                  {"image.pooled": torch.ones(32)}, number, number)
loss = training.step(batch, 0)
held = [p for p in training.parameters]
held += [m for p in training.parameters for m in training.optimiser.moments(p)]
print(json.dumps([loss, sum(t.numel() for t in held)]), flush=True)
parted()
"""


def test_a_rank_holds_its_part_of_the_dictionary_alone(tmp_path: Path) -> None:
    script = tmp_path / "held.py"
    script.write_text(HELD)
    found = {}
    for shards in (1, 2, 4):
        line = torchrun(shards, [str(script), str(shards)]) if shards > 1 else [
            sys.executable, str(script), "1",
        ]  # fmt: skip
        done = subprocess.run(line, capture_output=True, text=True, check=True)
        found[shards] = [json.loads(words) for words in done.stdout.split("\n") if words]
        assert len(found[shards]) == shards
    ((loss, whole),) = found[1]
    for shards in (2, 4):
        for part_loss, part in found[shards]:
            assert part_loss == pytest.approx(loss, rel=1e-6)
            # The bias of the decoder is everyone's.
            assert part == pytest.approx(whole / shards, abs=3 * 64)
