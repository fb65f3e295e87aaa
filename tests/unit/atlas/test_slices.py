from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.atlas.reader import Atlas
from mmfeat.atlas.slices import Slices
from mmfeat.errors import MmfeatError


@pytest.fixture
def atlas(atlas_path: Path) -> Iterator[Atlas]:
    with Atlas(atlas_path) as opened:
        yield opened


def test_slices_are_those_of_the_file(atlas: Atlas, atlas_path: Path) -> None:
    slices = atlas.part(Slices)
    with h5py.File(atlas_path) as file:
        names, scores = slices.names(3, 9)
        assert names == file["names/text"].asstr()[3:9].tolist()
        assert np.array_equal(scores, file["names/score"][3:9], equal_nan=True)
        assert slices.item_ids(5, 8) == file["items/item_id"].asstr()[5:8].tolist()
        assert slices.captions(10, 30) == file["captions/text"].asstr()[10:30].tolist()
        start = file["codes/text.pooled/rows/caption_start"][()]
        assert slices.caption_rows("text.pooled", 10, 30).tolist() == start[10:31].tolist()
        assert slices.rows("text.pooled") == len(file["codes/text.pooled/rows/item"])
        top = file["examples/text.pooled/top"][4:7]
        assert slices.top_rows("text.pooled", 4, 7).tolist() == top.reshape(3, -1).tolist()
        assert slices.pictures().tolist() == file["by_language/level"][:, 0].tolist()


def test_every_score_that_the_parts_hold_is_read(atlas: Atlas, atlas_path: Path) -> None:
    slices = atlas.part(Slices)
    groups = {"reach": "by_language", "entropy": "by_language", "n_pairs": "by_pair"}
    groups |= {"interference_rms": "geometry", "linearity_text": "geometry"}
    with h5py.File(atlas_path) as file:
        for name, group in groups.items():
            expected = file[f"{group}/{name}"][()]
            assert np.array_equal(slices.score(name), expected, equal_nan=True)
        across = file["concepts/monosemanticity/across"][()]
    assert np.array_equal(slices.score("monosemanticity_across"), across, equal_nan=True)
    assert len(slices.scores) == 15


def test_scores_that_an_atlas_lacks_are_not_listed(tmp_path: Path, atlas_path: Path) -> None:
    own = Path(shutil.copy(atlas_path, tmp_path))
    with h5py.File(own, "r+") as file:
        del file["geometry"], file["by_language/entropy"]
    with Atlas(own) as atlas:
        found = atlas.part(Slices).scores
    assert "reach" in found and "entropy" not in found and "interference_max" not in found


@pytest.mark.parametrize("values", [np.zeros(3, np.float32), np.array([b"x"] * 96)])
def test_a_damaged_score_is_named(tmp_path: Path, atlas_path: Path, values: np.ndarray) -> None:
    own = Path(shutil.copy(atlas_path, tmp_path))
    with h5py.File(own, "r+") as file:
        del file["by_language/entropy"]
        file["by_language/entropy"] = values
    with Atlas(own) as atlas, pytest.raises(MmfeatError, match="by_language/entropy"):
        atlas.part(Slices).score("entropy")


def test_rows_that_do_not_exist_are_refused(tmp_path: Path, atlas_path: Path) -> None:
    own = Path(shutil.copy(atlas_path, tmp_path))
    with h5py.File(own, "r+") as file:
        file["examples/text.pooled/top"][2, 0, 0] = 1 << 30
        file["codes/text.pooled/rows/caption_start"][7] = -5
    with Atlas(own) as atlas:
        slices = atlas.part(Slices)
        with pytest.raises(MmfeatError, match=r"examples/text\.pooled/top"):
            slices.top_rows("text.pooled", 0, 4)
        with pytest.raises(MmfeatError, match="caption_start"):
            slices.caption_rows("text.pooled", 5, 9)
        assert len(slices.top_rows("text.pooled", 3, 4)) == 1
