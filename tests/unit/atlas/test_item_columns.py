from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import pytest

from mmfeat.atlas.item_columns import ItemColumns
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError


def test_columns_are_the_split_and_the_attributes(atlas_path: Path) -> None:
    with h5py.File(atlas_path) as file:
        attributes = sorted(file["items/attributes"])
        group = file["items/attributes/group"].asstr()[:].tolist()
        split = file["items/split"].asstr()[:].tolist()
    with Atlas(atlas_path) as atlas:
        columns = atlas.part(ItemColumns)
        assert columns.names == ("split", *attributes)
        assert columns.items == len(split)
        assert columns.texts("split", 0, len(split)) == split
        assert columns.texts("group", 5, 25) == group[5:25]


def test_an_atlas_without_attributes_has_its_split(atlas_path: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(atlas_path, tmp_path / "bare.h5"))
    with h5py.File(path, "r+") as file:
        del file["items/attributes"]
    with Atlas(path) as atlas:
        assert atlas.part(ItemColumns).names == ("split",)


def test_an_attribute_of_another_length_is_refused(atlas_path: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(atlas_path, tmp_path / "short.h5"))
    with h5py.File(path, "r+") as file:
        hdf = file["items/attributes"]
        hdf.create_dataset("odd", data=["a"], dtype=h5py.string_dtype())
    with Atlas(path) as atlas, pytest.raises(MmfeatError, match="/items/attributes/odd"):
        atlas.part(ItemColumns)
