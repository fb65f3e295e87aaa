"""Several processes train what one process trains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from safetensors.torch import load_file

from mmfeat.errors import MmfeatError
from mmfeat.sae.combinations import check_ranks
from mmfeat.training import recipe, train

SETTINGS = {"sae.d_sae": 64, "batch.size": 64, "optimiser.steps": 60}
DEAD = {"optimiser.dead_after": 5, "optimiser.aux_k": 8, "optimiser.clip": 0.5}
# Recipe, what differs from it, processes, shards.
CASES: dict[str, tuple[str, dict[str, object], int, int]] = {
    "rows, captions in two languages": ("shared-topk", {"batch.second_caption": True}, 2, 1),
    "rows, resampling": (
        "naive-topk", {"optimiser.resample_every": 20, "loss.energy_gap": 0.1}, 4, 1,
    ),
    "rows, batch-topk": ("batch-topk", {}, 2, 1),
    "rows, gated": ("gated", {"loss.contrastive": 0.1, "loss.iso_energy": 0.1}, 2, 1),
    "shards": ("shared-topk", {}, 2, 2),
    "four shards": ("naive-topk", {"support.shared": True, "loss.translation": 0.3}, 4, 4),
    "rows and shards": ("shared-topk", {}, 4, 2),
}  # fmt: skip
SCRIPT = """
import json, sys
from mmfeat.sae.ranks import launched, parted
from mmfeat.training import recipe, train

for name, (kind, changes, shards) in json.loads(sys.argv[3]).items():
    train(sys.argv[1], f"{sys.argv[2]}/{name}", recipe(kind, changes), ranks=launched(shards))
parted()
"""


def changes(kind: str, more: dict[str, object]) -> dict[str, object]:
    return {**SETTINGS, **DEAD, **({} if kind == "gated" else {"sae.k": 4}), **more}


def command(activations: Path, out: Path, kind: str, **more: object) -> list[str]:
    words = ["-m", "mmfeat", "train", "--activations", str(activations), "--out", str(out)]
    words += ["--recipe", kind, "--json"]
    for key, value in changes(kind, more).items():
        words += ["--set", f"{key}={json.dumps(value)}"]
    return words


def torchrun(processes: int, words: list[str]) -> list[str]:
    return [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
        str(processes), *words,
    ]  # fmt: skip


def launch(processes: int, words: list[str]) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        torchrun(processes, words), capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def together(activations_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what several processes have trained."""
    folder = tmp_path_factory.mktemp("together")
    script = folder / "script.py"
    script.write_text(SCRIPT)
    for processes in (2, 4):
        asked = {
            name: (kind, changes(kind, more), shards)
            for name, (kind, more, of, shards) in CASES.items()
            if of == processes
        }
        launch(processes, [str(script), str(activations_path), str(folder), json.dumps(asked)])
    return folder


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


@pytest.mark.parametrize("name", CASES)
def test_processes_together_train_what_one_trains(
    tmp_path: Path, activations_path: Path, together: Path, name: str
) -> None:
    kind, more, _, _ = CASES[name]
    train(activations_path, tmp_path, recipe(kind, changes(kind, more)))
    # A picture that stands twice in a batch ties with itself; which of the two is the last of a
    # batch's highest is left to chance, and one process takes one where several take both.
    same(tmp_path, together / name, 5e-3 if kind == "batch-topk" else 2e-4)


def test_torchrun_of_the_command_line_speaks_once(tmp_path: Path, activations_path: Path) -> None:
    words = command(activations_path, tmp_path / "sae", "shared-topk")
    said = launch(2, [*words, "--shards", "2"])
    assert said.count('"fvu"') == 1
    scores = json.loads((tmp_path / "sae" / "scores.json").read_text())
    assert (
        json.loads(said.strip().splitlines()[-1])["fvu"]["image.pooled"]
        == (scores["image.pooled"]["fvu"])
    )


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

    launch(2, sharded(whole))
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
    launch(2, words)
    lines = [(f / "metrics.jsonl").read_text() for f in (whole, killed)]
    assert lines[0] == lines[1]
    for one, other in zip(
        sorted(whole.rglob("*.safetensors")), sorted(killed.rglob("*.safetensors")), strict=True
    ):
        assert one.read_bytes() == other.read_bytes()
    assert not list(killed.glob("checkpoint.pt*"))


@pytest.mark.parametrize(
    ("more", "rows", "shards", "sentence"),
    [
        ({"batch.size": 63}, 2, 1, "batch.size 63 cannot be divided among 2 ranks"),
        ({"sae.d_sae": 65}, 1, 2, "sae.d_sae 65 cannot be divided among 2 shards"),
        ({"loss.iso_energy": 0.1}, 1, 2, "loss.iso_energy needs all latents in one process"),
        ({"optimiser.resample_every": 5}, 1, 2, "optimiser.resample_every needs all latents"),
    ],
)
def test_what_ranks_cannot_divide_is_one_sentence(
    more: dict[str, object], rows: int, shards: int, sentence: str
) -> None:
    with pytest.raises(MmfeatError, match=sentence):
        check_ranks(recipe("naive-topk", more), rows, shards)


def test_more_shards_than_processes_are_one_sentence(
    tmp_path: Path, activations_path: Path
) -> None:
    words = command(activations_path, tmp_path / "sae", "naive-topk")
    done = subprocess.run(
        [sys.executable, *words, "--shards", "3"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "Error: 1 process cannot hold 3 shards" in done.stderr


HELD = """
import json, sys
from pathlib import Path
import torch
from mmfeat.sae.batch import PairBatch
from mmfeat.sae.ranks import launched, local, parted
from mmfeat.sae.registry import build
from mmfeat.sae.settings import load_settings
from mmfeat.sae.step import Training

ranks = launched(int(sys.argv[1]))
settings = load_settings(None, {
    "sae.d_sae": 4096, "sae.k": 8, "sae.encoders": "modality", "optimiser.clip": 0.5,
    "optimiser.dead_after": 1, "optimiser.aux_k": 16, "optimiser.lr": 1e-3,
})
build(settings.sae, 64, ranks=ranks)
imported = "torch.distributed.tensor" in sys.modules  # later torch's own Adam does so
training = Training(64, settings, ranks=ranks)
image, text = training.saes["image"], training.saes["text"]
named = {
    f"{modality} {name}": p for modality in ("image", "text")
    for name, p in training.saes[modality].named_parameters()
}

def full(p):
    return getattr(p, "full_tensor", p.detach)().detach().clone()

def whole():
    return {name: full(p) for name, p in named.items()}

tensors = [whole()]
draw, number = torch.Generator().manual_seed(0), torch.arange(32)
losses = []
for step in range(3):
    x = torch.randn(2, 32, 64, generator=draw)
    batch = PairBatch(
        dict(zip(settings.streams, x)),
        dict.fromkeys(settings.streams, torch.zeros(32, dtype=torch.int64)),
        dict.fromkeys(settings.streams, torch.ones(32)), number, number,
    )
    losses.append(training.step(batch, step))
tensors.append(whole())
moments = [m for p in training.parameters for m in training.optimiser.moments(p)]
held = [local(t) for t in [*training.parameters, *moments]]
said = {
    "losses": losses,
    "numbers": sum(t.untyped_storage().nbytes() // 4 for t in held),
    "tied": image.W_dec is text.W_dec and image.W_enc is not text.W_enc,
    "imported": imported,
    "kept": [type(t).__name__ for values in training.state()["saes"] for t in values.values()],
    "parts": {name: list(local(p).shape) for name, p in named.items()},
    "placed": {
        name: [[t.device_mesh.mesh_dim_names, *map(repr, t.placements)] for t in (p, p.grad)]
        for name, p in named.items() if type(p).__name__ == "DTensor"
    },
}
place = Path(sys.argv[2], f"{ranks.shards.size}.{ranks.shards.rank}")
torch.save(tensors, f"{place}.pt")
Path(f"{place}.json").write_text(json.dumps(said))
parted()
"""


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what each of one, two and four shards has in memory, after three steps."""
    folder = tmp_path_factory.mktemp("held")
    script = folder / "held.py"
    script.write_text(HELD)
    for shards in (1, 2, 4):
        launch(shards, [str(script), str(shards), str(folder)])
    return folder


def ranks_of(held: Path, shards: int) -> list[dict[str, Any]]:
    return [json.loads((held / f"{shards}.{rank}.json").read_text()) for rank in range(shards)]


@pytest.mark.parametrize("shards", [2, 4])
def test_a_rank_holds_its_part_of_the_dictionary_alone(held: Path, shards: int) -> None:
    (one,) = ranks_of(held, 1)
    for rank in ranks_of(held, shards):
        assert rank["losses"] == pytest.approx(one["losses"], rel=1e-5)
        # The bias of the decoder is everyone's.
        assert rank["numbers"] == pytest.approx(one["numbers"] / shards, abs=3 * 64)


@pytest.mark.parametrize("shards", [2, 4])
def test_parameters_of_a_divided_dictionary_are_dtensors_of_all_latents(
    held: Path, shards: int
) -> None:
    own = {"W_enc": [64, 4096 // shards], "b_enc": [4096 // shards], "W_dec": [4096 // shards, 64]}
    split = {"W_enc": "Shard(dim=1)", "b_enc": "Shard(dim=0)", "W_dec": "Shard(dim=0)"}
    for rank in ranks_of(held, shards):
        assert rank["tied"] and len(rank["parts"]) == 8
        assert set(rank["kept"]) == {"Tensor"}  # in a checkpoint
        for parameter, shape in rank["parts"].items():
            name = parameter.split()[1]
            assert shape == own.get(name, [64])
            # And its gradient.
            assert rank["placed"][parameter] == 2 * [[["shards"], split.get(name, "Replicate()")]]
    start, after = torch.load(held / "1.0.pt")
    for rank in range(shards):
        found = torch.load(held / f"{shards}.{rank}.pt")
        for name, tensor in start.items():
            assert torch.equal(found[0][name], tensor)
            assert (after[name] - tensor).abs().max() > 1e-4
            torch.testing.assert_close(found[1][name], after[name], rtol=0, atol=2e-6, msg=name)


def test_one_process_has_no_dtensor(held: Path) -> None:
    (one,) = ranks_of(held, 1)
    assert not one["imported"] and one["placed"] == {}
    assert one["tied"] and one["parts"]["text W_enc"] == [64, 4096]
