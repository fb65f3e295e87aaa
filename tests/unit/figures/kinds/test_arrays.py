from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.errors import MmfeatError
from mmfeat.figures import export


def test_numpy_loads_what_the_atlas_holds_without_pickles(atlas_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.npz"
    result = export("arrays", atlas_path, out)
    with np.load(out, allow_pickle=False) as found, h5py.File(atlas_path) as file:
        assert sorted(found.files) == sorted(result["arrays"])
        for name, node in file["features"].items():
            if name != "by_language":
                assert found[name].dtype == node.dtype
                assert np.array_equal(found[name], node[:], equal_nan=node.dtype.kind == "f")
        for name, node in file["features/by_language"].items():
            own = found[f"by_language.{name}"]
            assert np.array_equal(own, node[:], equal_nan=node.dtype.kind == "f")
        assert np.array_equal(found["decoder"], file["sae/decoder"][:])
        assert np.array_equal(found["map"], file["maps/umap"][:])
        assert found["names"].tolist() == file["names/text"].asstr()[:].tolist()
        assert np.array_equal(found["name_scores"], file["names/score"][:], equal_nan=True)
        assert found["languages"].tolist() == file["languages"].asstr()[:].tolist()
        assert str(found["attribution"]) == file.attrs["attribution"]
        assert json.loads(str(found["provenance"]))["kind"] == "arrays"


def test_the_same_bytes_twice(atlas_path: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        export("arrays", atlas_path, tmp_path / folder / "a.npz")
    assert (tmp_path / "a/a.npz").read_bytes() == (tmp_path / "b/a.npz").read_bytes()


def test_an_atlas_without_a_map_has_none(atlas_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "bare.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        del file["maps"]
    export("arrays", path, tmp_path / "a.npz")
    assert "map" not in np.load(tmp_path / "a.npz").files


def test_a_name_that_would_fill_memory_is_refused(atlas_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        file["names/text"][0, 0] = "x" * 1_000_000
    with pytest.raises(MmfeatError, match=r"A text of 1000000 characters is too long for an array"):
        export("arrays", path, tmp_path / "a.npz")
    assert [file.name for file in tmp_path.iterdir()] == ["long.h5"]
