from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from filelock import FileLock

from mmfeat import hdf5
from mmfeat.errors import MmfeatError

KIND = "mmfeat-corpus"


def write(path: Path, values: np.ndarray, note: str = "a") -> None:
    with hdf5.create(path, KIND, "{}") as file:
        file["x"] = values
        file["x"].attrs["note"] = note
        hdf5.write_strings(file, "names", ["사과", "تفاحة"])


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_failed_write_leaves_the_earlier_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write(path, np.arange(3))
    with pytest.raises(ZeroDivisionError), hdf5.create(path, KIND, "{}") as file:
        file["x"] = np.arange(9)
        raise ZeroDivisionError
    with h5py.File(path) as file:
        assert file["x"][:].tolist() == [0, 1, 2]
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_a_kill_in_the_middle_of_a_write_leaves_no_file_under_the_name(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    script = """
        import sys, time, numpy as np
        from pathlib import Path
        from mmfeat import hdf5
        with hdf5.create(Path(sys.argv[1]), "mmfeat-corpus", "{}") as file:
            file["x"] = np.zeros(100_000)
            print("writing", flush=True)
            time.sleep(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(path)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not path.exists()
    write(path, np.arange(3))  # the dead writer's lock is no obstacle
    assert path.exists()


def test_a_second_writer_is_told_to_wait(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with (
        FileLock(f"{path}.lock"),
        pytest.raises(MmfeatError, match=r"a\.h5 is being written by another process; wait"),
    ):
        write(path, np.arange(3))


@pytest.mark.skipif(os.name != "posix", reason="file size limits are POSIX")
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    script = """
        import resource, sys, numpy as np
        from pathlib import Path
        from mmfeat import hdf5
        from mmfeat.errors import MmfeatError
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
        try:
            with hdf5.create(Path(sys.argv[1]), "mmfeat-corpus", "{}") as file:
                file["x"] = np.random.default_rng(0).random(1_000_000)
        except MmfeatError as error:
            print(error)
    """
    done = run(script, str(tmp_path / "a.h5"))
    assert "disk is full" in done.stdout and "run the same command again" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(MmfeatError, match=r"a\.h5 cannot be written; choose a folder"):
        write(tmp_path / "file" / "a.h5", np.arange(3))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: p.unlink(), "does not exist"),
        (lambda p: p.write_bytes(b""), "is empty"),
        (lambda p: p.write_bytes(p.read_bytes()[:2000]), "is truncated"),
        (lambda p: p.write_text("id,caption\n"), "is not a readable HDF5 file"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, damage, message: str) -> None:
    path = tmp_path / "a.h5"
    write(path, np.arange(3))
    damage(path)
    with pytest.raises(MmfeatError, match=message):
        hdf5.open_checked(path, KIND)


def test_foreign_other_and_future_files_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = [1]
    with pytest.raises(MmfeatError, match="was not written by mmfeat"):
        hdf5.open_checked(path, KIND)
    with pytest.raises(MmfeatError, match="was not written by mmfeat"):
        hdf5.kind_of(path)
    path.unlink()
    write(path, np.arange(3))
    with pytest.raises(MmfeatError, match="is of kind 'mmfeat-corpus', but 'mmfeat-atlas'"):
        hdf5.open_checked(path, "mmfeat-atlas")
    with h5py.File(path, "r+") as file:
        file.attrs["encoding-version"] = "2.0"
    with pytest.raises(MmfeatError, match=r"encoding-version 2\.0.*install a newer mmfeat"):
        hdf5.open_checked(path, KIND)


def test_the_digest_sees_every_value_and_attribute_and_nothing_else(tmp_path: Path) -> None:
    def digest(values: np.ndarray, note: str = "a") -> str:
        path = tmp_path / f"{time.monotonic_ns()}.h5"
        write(path, values, note)
        return hdf5.stored_digest(path)

    first = digest(np.arange(3))
    assert digest(np.arange(3)) == first
    assert digest(np.array([0, 1, 3])) != first
    assert digest(np.arange(3), "b") != first
    assert digest(np.arange(3).astype(np.int32)) != first


def test_the_digest_does_not_depend_on_how_hdf5_stored_it(tmp_path: Path) -> None:
    values = np.arange(12.0).reshape(4, 3)
    with h5py.File(tmp_path / "a.h5", "w") as a, h5py.File(tmp_path / "b.h5", "w") as b:
        a["x"], a["y"] = values, [1]
        b["y"] = [1]
        b.create_dataset("x", data=values, chunks=(1, 3), compression="gzip")
        assert hdf5.content_digest(a) == hdf5.content_digest(b)


def test_changing_a_copy_keeps_the_file_when_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write(path, np.arange(3))
    before = hdf5.stored_digest(path)
    with pytest.raises(ZeroDivisionError), hdf5.modify(path, KIND) as file:
        del file["x"]
        raise ZeroDivisionError
    assert hdf5.stored_digest(path) == before
    with hdf5.modify(path, KIND) as file:
        file["y"] = [1]
    with hdf5.open_checked(path, KIND) as file:
        assert hdf5.content_digest(file) == hdf5.stored_digest(path) != before


@pytest.mark.parametrize("kind", ["csv", "other", "folder"])
def test_something_else_is_never_written_over(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mine"
    if kind == "csv":
        path.write_text("id,caption\n")
    elif kind == "folder":
        path.mkdir()
    else:
        write(path, np.arange(3))
    before = path.read_bytes() if path.is_file() else None
    with (
        pytest.raises(MmfeatError, match="would be lost; choose another|is a folder; give"),
        hdf5.create(path, "mmfeat-atlas", "{}"),
    ):
        raise AssertionError("nothing may be begun")
    assert (path.read_bytes() if path.is_file() else None) == before


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / ".a.h5.99999.tmp"
    left.write_bytes(b"half")
    write(tmp_path / "a.h5", np.arange(3))
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_a_dataset_declared_larger_than_its_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write(path, np.arange(3))
    with h5py.File(path, "r+") as file:
        file.create_dataset("huge", (10**12,), np.int32)
    with pytest.raises(MmfeatError, match="huge is declared larger than the file"):
        hdf5.open_checked(path, KIND)
