from __future__ import annotations

import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mmfeat.figures import npz


def test_memory_does_not_grow_with_an_array(tmp_path: Path) -> None:
    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, 1 << 20, 1 << 14):
            yield np.arange(start, start + (1 << 14), dtype=np.int32)

    tracemalloc.start()
    try:
        with npz.create(tmp_path / "a.npz") as archive:
            archive.blocks("a", np.dtype(np.int32), (1 << 20,), blocks())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20  # of 4 MiB
    assert np.array_equal(np.load(tmp_path / "a.npz")["a"], np.arange(1 << 20))


def test_texts_of_all_scripts_and_lengths_come_back(tmp_path: Path) -> None:
    texts = [["", "قطة"], ["می\u200cخواهم", "👩‍🚒"], ["고양이", "a" * 50]]
    with npz.create(tmp_path / "a.npz") as archive:
        archive.texts("t", (3, 2), lambda: [texts[:1], texts[1:]])
        archive.texts("none", (0,), list)
    found = np.load(tmp_path / "a.npz", allow_pickle=False)
    assert found["t"].tolist() == texts
    assert found["none"].shape == (0,)


def test_numbers_of_another_byte_order_are_the_same_numbers(tmp_path: Path) -> None:
    values = np.arange(5, dtype=">f8").reshape(5, 1)
    with npz.create(tmp_path / "a.npz") as archive:
        archive.array("a", values)
        archive.array("flag", np.array(True))
    found = np.load(tmp_path / "a.npz", allow_pickle=False)
    assert found["a"].dtype == np.dtype("<f8")
    assert np.array_equal(found["a"], values)
    assert found["flag"][()] is np.True_


def test_no_clock_is_in_the_file(tmp_path: Path) -> None:
    with npz.create(tmp_path / "a.npz") as archive:
        archive.array("a", np.arange(3))
    with zipfile.ZipFile(tmp_path / "a.npz") as file:
        assert {member.date_time for member in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_blocks_that_are_not_the_array_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a has 3 values"), npz.create(tmp_path / "a.npz") as file:
        file.blocks("a", np.dtype(np.int64), (4,), [np.arange(3)])
