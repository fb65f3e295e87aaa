from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat import hdf5
from mmfeat.analysis.maps import MapSettings
from mmfeat.atlas import item_map
from mmfeat.atlas import map as maps
from mmfeat.atlas.item_map import ItemMap, blocks
from mmfeat.atlas.map import add_map, is_mapped
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError


@pytest.fixture
def copy(atlas_path: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(atlas_path, tmp_path / "atlas.h5"))


def dense(path: Path, stream: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the item and the codes of every row of a stream, by h5py alone."""
    with h5py.File(path) as file:
        group = file[f"codes/{stream}"]
        indptr = group["by_row/indptr"][:]
        codes = np.zeros((len(indptr) - 1, int(file.attrs["d_sae"])), np.float32)
        for row in range(len(codes)):
            span = slice(indptr[row], indptr[row + 1])
            codes[row, group["by_row/indices"][span]] = group["by_row/data"][span]
        return group["rows/item"][:], codes


def without_pictures(path: Path, items: dict[int, int]) -> None:
    """Take the pictures of some items out of an atlas: their rows are another item's now."""
    with h5py.File(path, "r+") as file:
        rows = file["codes/image.pooled/rows/item"]
        rows[...] = [items.get(item, item) for item in rows[:].tolist()]


@pytest.mark.parametrize("rows", [1, 7, 1 << 15])
def test_every_item_comes_once_with_the_codes_of_its_picture_or_of_its_captions(
    copy: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(item_map, "_ROWS", rows)
    silent = {4: 3, 5: 3, 30: 29}
    without_pictures(copy, silent)
    picture_item, picture = dense(copy, "image.pooled")
    caption_item, caption = dense(copy, "text.pooled")
    with Atlas(copy) as atlas:
        found = np.full((atlas.n_items, atlas.d_sae), np.nan, np.float32)
        for items, codes in blocks(atlas):
            assert np.isnan(found[items]).all()
            found[items] = codes.toarray()
    for item in range(len(found)):
        own = caption[caption_item == item] if item in silent else picture[picture_item == item]
        np.testing.assert_allclose(found[item], own.sum(0), rtol=1e-5)


def test_the_map_of_items_is_written_beside_that_of_features(copy: Path, tmp_path: Path) -> None:
    with h5py.File(copy, "r+") as file:
        del file["maps/items"]
        before = file["maps/umap"][:]
        attributes = dict(file["maps/umap"].attrs)
    assert not is_mapped(copy)
    result = add_map(copy)
    assert is_mapped(copy)
    with h5py.File(copy) as file:
        places, own = file["maps/items"][:], dict(file["maps/items"].attrs)
        assert result["items"] == len(file["items/item_id"]) == len(places)
        assert np.array_equal(file["maps/umap"][:], before)
        assert file.attrs["content-digest"] == hdf5.content_digest(file)
    assert own == attributes == MapSettings().model_dump()
    assert places.shape[1] == 2 and places.dtype == np.float32 and np.isfinite(places).all()
    again = Path(shutil.copy(copy, tmp_path / "again.h5"))
    add_map(again)
    assert hdf5.stored_digest(again) == hdf5.stored_digest(copy)
    with Atlas(copy) as atlas:
        read = atlas.part(ItemMap).places
    assert read is not None and np.array_equal(read, places)


def test_similar_items_are_nearer_than_others(atlas_path: Path) -> None:
    with h5py.File(atlas_path) as file:
        group = file["items/attributes/group"].asstr()[:]
        places = file["maps/items"][:].astype(np.float64)
    distance = np.linalg.norm(places[:, None] - places, axis=2)
    same = group[:, None] == group
    np.fill_diagonal(same, False)
    assert np.median(distance[same]) < np.median(distance[group[:, None] != group])


def test_an_atlas_without_the_map_says_so_and_a_damaged_one_is_refused(copy: Path) -> None:
    with h5py.File(copy, "r+") as file:
        del file["maps/items"]
    with Atlas(copy) as atlas:
        assert atlas.part(ItemMap).places is None
    with h5py.File(copy, "r+") as file:
        file["maps/items"] = np.zeros((3, 2), np.float32)
    with Atlas(copy) as atlas, pytest.raises(MmfeatError, match=r"/maps/items: its shape is"):
        atlas.part(ItemMap)


def test_a_layout_that_is_broken_off_leaves_the_atlas_as_it_was(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = copy.read_bytes()

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(maps.item_map, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        add_map(copy)
    assert copy.read_bytes() == before
    assert sorted(path.name for path in copy.parent.iterdir() if path.suffix == ".h5") == [
        "atlas.h5"
    ]
