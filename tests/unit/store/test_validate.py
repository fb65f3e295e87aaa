from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.errors import MmfeatError
from mmfeat.inspection import check
from tests.unit.store.test_writer import write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "a.h5", [range(0, 2), range(2, 3), range(3, 4)])
    assert check(tmp_path / "a.h5")["whole"]
    return tmp_path / "a.h5"


def regions(path: Path) -> dict[str, tuple[int, int]]:
    """Where the data of each dataset lies in the file."""
    found = {}

    def visit(name: str, node: object) -> None:
        if isinstance(node, h5py.Dataset):
            found[name] = node.id.get_offset(), node.id.get_storage_size()

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def test_every_flipped_bit_of_data_is_found_and_named(path: Path) -> None:
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    places = regions(path)
    assert len(places) == 7 + 2 * (5 + 1 + 5 + 3) + 1 + 4
    for name, (offset, size) in places.items():
        for place in {0, size - 1, int(rng.integers(size))}:
            damaged = bytearray(whole)
            damaged[offset + place] ^= 1 << int(rng.integers(8))
            path.write_bytes(damaged)
            text = name.startswith(("items/", "languages"))
            if text and same_texts(path, name, whole):
                continue  # it points to another copy of the same text
            # HDF5 may be unable to read where texts are at all.
            with pytest.raises(MmfeatError, match="is damaged" if text else f"is damaged: {name}"):
                check(path)


def same_texts(path: Path, name: str, whole: bytes) -> bool:
    """Whether a dataset still has the texts it had."""
    try:
        with h5py.File(path) as file, h5py.File(io.BytesIO(whole)) as before:
            return bool((file[name][:] == before[name][:]).all())
    except (OSError, RuntimeError, ValueError, MemoryError):
        return False


def test_a_letter_that_changed_is_named(path: Path) -> None:
    whole = path.read_bytes()
    place = whole.index(b"train")
    path.write_bytes(whole[:place] + b"trail" + whole[place + 5 :])
    with pytest.raises(MmfeatError, match="is damaged: items/split changed since it was written"):
        check(path)


def test_the_rows_of_a_damaged_block_are_named(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["hooks/vision.blocks.1/image.patch/x"][12, 1] += 1
    with pytest.raises(MmfeatError, match=r"image.patch/x rows 10 to 13 changed since"):
        check(path)


def test_an_attribute_that_changed_is_found(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["backbone"] = "another"
    with pytest.raises(MmfeatError, match="is not what was written"):
        check(path)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.8, 0.97, 0.999])
def test_a_truncated_file_is_told(path: Path, share: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(MmfeatError, match=r"a.h5 is (truncated|not a readable HDF5 file)"):
        check(path)
