from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.errors import MmfeatError
from mmfeat.hdf5 import stored_digest
from mmfeat.inspection import check
from mmfeat.store.activations import open_activations
from tests.unit.store.small import Driver, save_corpus, save_model

pytestmark = pytest.mark.skipif(os.name != "posix", reason="fork is POSIX")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    folder = tmp_path_factory.mktemp("ranks")
    made = Driver(save_corpus(folder / "corpus"), save_model(folder / "model"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def alone(driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alone") / "acts.h5"
    assert driver.extract(out)["rows"]["joint/image.patch"] == 51 * 16
    return out


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_together_write_what_one_writes(
    driver: Driver, alone: Path, tmp_path: Path, processes: int
) -> None:
    out = tmp_path / "acts.h5"
    assert driver.extract(out, processes=processes)["killed"] == [False] * processes
    assert not (tmp_path / ".acts.h5.parts").exists()
    assert stored_digest(out) == stored_digest(alone)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for path in (out, out.with_suffix(".shards")):
        shutil.move(path, moved / path.name)
    assert check(moved / "acts.h5")["whole"]
    rng = np.random.default_rng(0)
    with open_activations(alone) as one, open_activations(moved / "acts.h5") as many:
        for name in one.hooks["joint"]:
            a, b = one.stream("joint", name), many.stream("joint", name)
            assert a.n == b.n > 50
            np.testing.assert_array_equal(a.x[:], b.x[:])
            np.testing.assert_array_equal(np.asarray(a.x, np.float64), np.asarray(b.x, np.float64))
            for column in ("item", "caption", "language", "position", "mean", "scale"):
                np.testing.assert_array_equal(getattr(a, column), getattr(b, column))
            for size in (0, 1, 7, 50):
                index = np.sort(rng.choice(a.n, size, replace=False))
                np.testing.assert_array_equal(b.take(index), a.x[index])
                np.testing.assert_array_equal(b.x[index[::-1]], a.x[index[::-1]])
            for (_, chunk), (_, other) in zip(a.chunks(37), b.chunks(37), strict=True):
                np.testing.assert_array_equal(chunk, other)
            assert a.grid == b.grid == ((4, 4) if name == "image.patch" else None)


def test_a_lost_shard_is_redone_alone(driver: Driver, alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "acts.h5"
    driver.extract(out, processes=4)
    shards = sorted(out.with_suffix(".shards").glob("*.h5"))
    assert [shard.name for shard in shards] == [f"0000{i}-of-00004.h5" for i in range(4)]
    shards[2].unlink()
    with (
        open_activations(out) as acts,
        pytest.raises(MmfeatError, match=r"00002-of-00004.h5, which is missing; put it back, or "),
    ):
        acts.stream("joint", "text.pooled")
    with pytest.raises(MmfeatError, match="00002-of-00004.h5, which is missing"):
        check(out)
    kept = {shard: shard.stat().st_mtime_ns for shard in shards if shard.exists()}
    driver.extract(out, processes=4)
    assert {shard: shard.stat().st_mtime_ns for shard in kept} == kept
    assert shards[2].exists()
    assert stored_digest(out) == stored_digest(alone)


def test_a_process_that_dies_is_told_and_only_its_shard_is_missing(
    driver: Driver, alone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "acts.h5"
    found = driver.extract(out, processes=4, lost=3)
    assert found["killed"] == [False, False, False, True]
    assert "A process ended before all shards were whole" in found["error"]
    assert "00003-of-00004.h5" in found["error"] and not out.exists()
    left = sorted(path.name for path in out.with_suffix(".shards").glob("*.h5"))
    assert left == [f"0000{i}-of-00004.h5" for i in range(3)]
    assert "error" not in driver.extract(out, processes=4)
    assert stored_digest(out) == stored_digest(alone)


def test_other_numbers_of_processes_go_on_from_the_same_parts(
    driver: Driver, alone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "acts.h5"
    driver.extract(out, processes=4, lost=0)
    parts = tmp_path / ".acts.h5.parts"
    assert len(list(parts.glob("*.safetensors"))) == 15 // 4  # of the process that was lost
    driver.extract(out, processes=2)
    assert stored_digest(out) == stored_digest(alone)
    assert sorted(p.name for p in out.with_suffix(".shards").iterdir()) == [
        "00000-of-00002.h5",
        "00001-of-00002.h5",
    ]
    driver.extract(out)  # one process: no shards are needed
    assert not out.with_suffix(".shards").exists()
    assert stored_digest(out) == stored_digest(alone)


def test_shards_of_other_settings_are_refused(driver: Driver, tmp_path: Path) -> None:
    out = tmp_path / "acts.h5"
    driver.extract(out, processes=2)
    found = driver.extract(out, {"dtype": "float32"}, processes=2)
    assert (
        "acts.shards holds shards of another extraction (dtype was float16 and is float32)"
        in (found["error"])
    )
    assert check(out)["whole"]


def test_a_bit_that_flips_in_a_shard_is_named(driver: Driver, tmp_path: Path) -> None:
    out = tmp_path / "acts.h5"
    driver.extract(out, processes=2)
    shard = out.with_suffix(".shards") / "00001-of-00002.h5"
    with h5py.File(shard) as file:
        places = {
            name: (node.id.get_offset(), node.id.get_storage_size())
            for name, node in datasets(file).items()
            if node.dtype != object and node.size
        }
    whole = shard.read_bytes()
    assert {"hooks/joint/image.patch/x", "hooks/joint/text.token/sums/squares"} <= places.keys()
    for name, (offset, size) in places.items():
        damaged = bytearray(whole)
        damaged[offset + size // 2] ^= 16
        shard.write_bytes(damaged)
        with pytest.raises(MmfeatError, match=f"00001-of-00002.h5 is damaged.*{name}"):
            check(out)
    shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MmfeatError, match="00001-of-00002.h5 is truncated"):
        check(out)
    shutil.copy(out.with_suffix(".shards") / "00000-of-00002.h5", shard)
    with open_activations(out) as acts, pytest.raises(MmfeatError, match="does not hold the rows"):
        acts.stream("joint", "image.patch")


def datasets(file: h5py.File) -> dict[str, h5py.Dataset]:
    found = {}
    file.visititems(
        lambda name, node: found.update({name: node}) if isinstance(node, h5py.Dataset) else None
    )
    return found


def test_torchrun_of_the_command_line_speaks_once(
    driver: Driver, alone: Path, tmp_path: Path
) -> None:
    words = ["extract", "--corpus", str(driver.corpus), "--backbone", driver.spec]
    words += ["--out", str(tmp_path / "acts.h5"), "--json", "--batch-size", "4"]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, *launcher, "-m", "mmfeat", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (line,) = done.stdout.strip().splitlines()
    with h5py.File(alone) as file:
        rows = {f"joint/{name}": len(node["x"]) for name, node in file["hooks/joint"].items()}
    assert json.loads(line)["rows"] == rows
