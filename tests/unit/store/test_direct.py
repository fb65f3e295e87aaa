from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from mmfeat.store import direct
from mmfeat.store.activations import open_activations

SIZE = (5 << 20) + 1234  # more than two pieces, and no whole number of blocks


@pytest.fixture
def bytes_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, np.ndarray]:
    path = tmp_path / "bytes"
    written = np.random.default_rng(0).integers(0, 256, SIZE, np.uint8)
    path.write_bytes(written.tobytes())
    monkeypatch.setattr(direct, "memory", lambda: SIZE - 1)
    if not direct.is_better([path]):
        pytest.skip("files cannot be read past the cache here")
    return path, written


@pytest.mark.parametrize(
    ("offset", "count"),
    [(0, SIZE), (1, SIZE - 1), (4095, 2), (4096, 8192), (777, 3 << 20), (SIZE - 5, 5), (9, 0)],
)
def test_bytes_are_those_of_the_file_wherever_they_begin_and_end(
    bytes_on_disk: tuple[Path, np.ndarray], offset: int, count: int
) -> None:
    path, written = bytes_on_disk
    buffer = np.zeros(count + 2, np.uint8)
    direct.fill(path, offset, buffer[1:-1])
    np.testing.assert_array_equal(buffer[1:-1], written[offset : offset + count])
    assert (buffer[0], buffer[-1]) == (0, 0)  # what lies around stays


def test_threads_do_not_share_what_they_copy_from(bytes_on_disk: tuple[Path, np.ndarray]) -> None:
    path, written = bytes_on_disk
    found = [np.zeros(1 << 20, np.uint8) for _ in range(4)]

    def read(part: int) -> None:
        for _ in range(10):
            direct.fill(path, part << 20, found[part])

    threads = [threading.Thread(target=read, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(np.concatenate(found), written[: 4 << 20])


def test_a_file_that_ends_before_is_an_error_not_old_bytes(
    bytes_on_disk: tuple[Path, np.ndarray],
) -> None:
    path, _ = bytes_on_disk
    with pytest.raises(OSError, match="ends before its rows do"):
        direct.fill(path, SIZE - 10, np.zeros(11, np.uint8))


def test_files_are_read_so_only_where_memory_cannot_keep_them(
    bytes_on_disk: tuple[Path, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = bytes_on_disk
    monkeypatch.setattr(direct, "memory", lambda: SIZE)
    assert not direct.is_better([path])
    other = tmp_path / "other"
    other.write_bytes(b"more")
    assert direct.is_better([path, other])
    monkeypatch.setattr(direct, "memory", lambda: 0)  # of a system that does not say
    assert not direct.is_better([path])


def test_a_stream_larger_than_memory_has_the_same_rows(
    activations_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_activations(activations_path) as acts:
        stream = acts.stream("joint", "image.pooled")
        wanted = np.array(stream.x[5:40])
        read: list[int] = []
        real = direct.fill
        monkeypatch.setattr(direct, "memory", lambda: 1)
        monkeypatch.setattr(direct, "fill", lambda *a: (read.append(a[1]), real(*a)))
        found = np.zeros_like(wanted)
        stream.read(5, 40, found)
    np.testing.assert_array_equal(found, wanted)
    assert len(read) == 1
