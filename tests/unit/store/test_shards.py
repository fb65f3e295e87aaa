from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat import hdf5
from mmfeat.errors import MmfeatError
from mmfeat.store.mapped import SHARD, Joined, maps, sources
from mmfeat.store.shards import Processes, remove_others, shard_paths


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(23, 3)).astype(np.float16)


@pytest.fixture
def joined(rows: np.ndarray) -> Joined:
    return Joined([rows[:9], rows[9:10], rows[10:]], rows.shape, rows.dtype)


@pytest.mark.parametrize(
    "key",
    [
        slice(None), slice(3, 8), slice(8, 12), slice(9, 9), slice(20, 99), slice(-4, None),
        slice(1, 20, 3), slice(12, 2, -2), 0, 9, -1, np.array([22, 0, 9, 9, 10, -1]),
        np.array([[1, 9], [10, 22]]), np.arange(23) % 3 == 0, np.zeros(0, int), slice(8, 2),
    ],
    ids=str,
)  # fmt: skip
def test_rows_of_several_maps_read_like_one_array(
    joined: Joined, rows: np.ndarray, key: object
) -> None:
    wanted = rows[key]
    found = joined[key]
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == rows.dtype and found.shape == wanted.shape


def test_all_rows_of_several_maps_become_an_array(joined: Joined, rows: np.ndarray) -> None:
    assert len(joined) == 23 and joined.shape == (23, 3)
    np.testing.assert_array_equal(np.asarray(joined), rows)
    assert np.asarray(joined, np.float64).dtype == np.float64
    with pytest.raises(IndexError, match="not one of 23 rows"):
        joined[np.array([23])]


def shard(path: Path, x: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    with hdf5.create(path, SHARD, "{}") as file:
        file["x"] = x


def virtual(path: Path, parts: list[tuple[str, int]], d: int, dtype: object) -> None:
    layout = h5py.VirtualLayout((sum(n for _, n in parts), d), dtype)
    first = 0
    for name, n in parts:
        layout[first : first + n] = h5py.VirtualSource(name, "x", (n, d), dtype)
        first += n
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("x", layout)


def test_a_virtual_dataset_is_mapped_file_by_file(tmp_path: Path, rows: np.ndarray) -> None:
    shard(tmp_path / "a.shards" / "0.h5", rows[:9])
    shard(tmp_path / "a.shards" / "1.h5", rows[9:])
    virtual(tmp_path / "a.h5", [("a.shards/0.h5", 9), ("a.shards/1.h5", 14)], 3, rows.dtype)
    with h5py.File(tmp_path / "a.h5") as file:
        (found,) = maps([file["x"]], tmp_path / "a.h5")
        assert found is not None
        assert [type(part) for part in found] == [np.memmap, np.memmap]
        np.testing.assert_array_equal(np.concatenate(found), rows)
        np.testing.assert_array_equal(file["x"][:], rows)  # as an outsider reads it


@pytest.mark.parametrize("name", ["../0.h5", "/etc/hosts", "a/../../0.h5"])
def test_a_file_that_joins_rows_from_elsewhere_is_refused(
    tmp_path: Path, rows: np.ndarray, name: str
) -> None:
    virtual(tmp_path / "a.h5", [(name, 9)], 3, rows.dtype)
    with (
        h5py.File(tmp_path / "a.h5") as file,
        pytest.raises(MmfeatError, match="does not join rows of files beside it; extract it again"),
    ):
        sources(file["x"], tmp_path / "a.h5")


def test_rows_of_another_shape_or_type_are_not_taken(tmp_path: Path, rows: np.ndarray) -> None:
    for x in (rows[:8], rows[:9].astype(np.float32), rows[:9, :2]):
        shard(tmp_path / "a.shards" / "0.h5", x)
        virtual(tmp_path / "a.h5", [("a.shards/0.h5", 9)], 3, rows.dtype)
        with (
            h5py.File(tmp_path / "a.h5") as file,
            pytest.raises(MmfeatError, match="0.h5 does not hold the rows that .*a.h5 joins"),
        ):
            maps([file["x"]], tmp_path / "a.h5")


def test_blocks_are_shared_whole_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = [(10 * i, 10 * i + 10) for i in range(7)]
    for size in (1, 2, 4, 9):
        monkeypatch.setenv("WORLD_SIZE", str(size))
        shares = []
        for rank in range(size):
            monkeypatch.setenv("RANK", str(rank))
            shares.append(list(Processes().share(blocks)))
        assert [block for share in shares for block in share] == blocks
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_only_shards_are_deleted_that_no_file_joins(tmp_path: Path) -> None:
    out = tmp_path / "acts.h5"
    two, one = shard_paths(out, 2), shard_paths(out, 1)
    two[0].parent.mkdir()
    for path in (*two, *one, two[0].with_name("mine.h5")):
        path.write_bytes(b"")
    remove_others(out, two)
    assert sorted(path.name for path in two[0].parent.iterdir()) == [
        "00000-of-00002.h5", "00001-of-00002.h5", "mine.h5",
    ]  # fmt: skip
