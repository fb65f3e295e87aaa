"""The synthetic atlas is true to itself, and the viewer's measurements run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.sparse import csr_array

from mmfeat.atlas.item_map import ItemMap
from mmfeat.atlas.reader import Atlas
from mmfeat.atlas.summary import of_feature, of_sae
from tests.gui.synthetic import write_synthetic

BENCH = Path(__file__).parents[2] / "scripts" / "bench"
FEATURES, ITEMS, LANGUAGES = 80, 150, ("ar", "en", "ko")


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic")
    return write_synthetic(folder / "synthetic.h5", FEATURES, ITEMS, LANGUAGES)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=BENCH.parents[1],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def _dense(group: h5py.Group, features: int) -> np.ndarray:
    """Return the codes of a stream by row [rows, features]."""
    code, rows = group["by_row"], len(group["rows/item"])
    data = code["data"][:].astype(np.float32), code["indices"][:], code["indptr"][:]
    return csr_array(data, shape=(rows, features)).toarray()


@pytest.mark.parametrize("stream", ["image.pooled", "image.patch", "text.pooled", "text.token"])
def test_both_orders_hold_the_same_codes(synthetic: Path, stream: str) -> None:
    with h5py.File(synthetic) as file:
        group = file[f"codes/{stream}"]
        dense, code = _dense(group, FEATURES), group["by_feature"]
        data = code["data"][:].astype(np.float32), code["rows"][:], code["indptr"][:]
        turned = csr_array(data, shape=(FEATURES, len(dense)))
        np.testing.assert_array_equal(turned.toarray().T, dense)
        assert turned.has_sorted_indices
        assert (dense > 0).sum() == len(code["rows"]) > 500


@pytest.mark.parametrize("stream", ["image.pooled", "text.pooled"])
def test_examples_and_counts_are_those_of_the_codes(synthetic: Path, stream: str) -> None:
    picture = stream.startswith("image")
    groups = 1 if picture else len(LANGUAGES)
    with h5py.File(synthetic) as file:
        group = file[f"codes/{stream}"]
        dense = _dense(group, FEATURES)
        own = np.zeros(len(dense), int) if picture else group["rows/language"][:]
        examples, features = file[f"examples/{stream}"], file["features"]
        top = examples["top_activation"][:].reshape(FEATURES, groups, -1)
        rows = examples["bands"][:].reshape(FEATURES, groups, 4, -1)
        values = examples["bands_activation"][:].reshape(rows.shape)
        for language in range(groups):
            truth = -np.sort(-dense[own == language], axis=0)[: top.shape[2]].T
            np.testing.assert_allclose(top[:, language, : truth.shape[1]], truth)
        known = rows >= 0
        feature = np.broadcast_to(np.arange(FEATURES)[:, None, None, None], rows.shape)
        np.testing.assert_allclose(dense[rows[known], feature[known]], values[known])
        largest = top[:, :, :1, None] * np.array([0.75, 0.5, 0.25, 0])[:, None]
        assert (values[known] >= np.broadcast_to(largest, rows.shape)[known] - 1e-3).all()
        kind = "image" if picture else "text"
        np.testing.assert_allclose(features[f"max_activation_{kind}"][:], dense.max(0))
        rate = np.stack([(dense[own == at] > 0).mean(0) for at in range(groups)]).mean(0)
        np.testing.assert_allclose(features[f"firing_rate_{kind}"][:], rate, rtol=1e-5)


def test_every_part_of_it_can_be_read(synthetic: Path) -> None:
    with Atlas(synthetic) as atlas:
        assert (atlas.d_sae, atlas.n_items, atlas.languages) == (FEATURES, ITEMS, LANGUAGES)
        assert of_sae(atlas)["d_sae"] == FEATURES
        for feature in range(FEATURES):
            assert of_feature(atlas, feature, "ko")["sentence"]
        for caption in range(0, atlas.n_captions, 7):
            text = atlas.caption(caption).text
            tokens = atlas.token_activations(3, caption)
            assert "".join(text[token.start : token.end] for token in tokens) == text
        assert atlas.patch_map(0, 5).shape == (14, 14)
        assert atlas.trained_sae() is not None


def test_items_of_one_picture_are_near_each_other_on_the_map_of_samples(tmp_path: Path) -> None:
    few = write_synthetic(tmp_path / "few.h5", FEATURES, 4000, ("en",))
    with h5py.File(few) as file, Atlas(few) as atlas:
        silent = (_dense(file["codes/image.pooled"], FEATURES) == 0).all(1)
        places, attributes = file["maps/items"][:], dict(file["maps/items"].attrs)
        assert places.dtype == np.float32 and places.shape == (4000, 2)
        np.testing.assert_array_equal(np.isnan(places), np.stack([silent, silent], 1))
        assert attributes == dict(file["maps/umap"].attrs)
        emoji = file["items/attributes/emoji"].asstr()[:]
        read = atlas.part(ItemMap).places
        assert read is not None
    own = places[(emoji == emoji[0]) & ~silent]
    assert own.std(0).max() < np.nanstd(places, 0).min() / 3


def test_it_is_the_same_file_again_and_validates(synthetic: Path, tmp_path: Path) -> None:
    again = write_synthetic(tmp_path / "again.h5", FEATURES, ITEMS, LANGUAGES)
    with h5py.File(synthetic) as one, h5py.File(again) as other:
        assert one.attrs["content-digest"] == other.attrs["content-digest"]
    done = _run("-m", "mmfeat", "validate", str(again), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["whole"] is True


def test_too_few_features_are_one_sentence(tmp_path: Path) -> None:
    done = _run(str(BENCH / "big_atlas.py"), "--out", str(tmp_path / "a.h5"), "--features", "3")
    assert done.returncode == 1
    assert (
        done.stderr.strip() == "big_atlas.py: give 64 features, 64 items and a language, or more."
    )
    assert not (tmp_path / "a.h5").exists()


def test_the_map_is_measured_without_an_atlas() -> None:
    done = _run(str(BENCH / "viewer.py"), "--only", "map", "--points", "5000", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["bar"]) == {"frame_ms_median", "frame_ms_p99", "hover_ms", "lasso_ms"}
    assert found["bar"].keys() == found["ratio"].keys()
    assert found["points"] == 5000 and 0 < found["lasso_share"] < 1
    assert found["platform"] == "offscreen"


def test_pages_and_filters_are_measured(synthetic: Path) -> None:
    arguments = ["--only", "page", "filter", "--atlas", str(synthetic), "--json"]
    done = _run(str(BENCH / "viewer.py"), *arguments)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["page_ms_median"] > 0 and found["filter_ms"] > 0
    assert found["filter_kept_min"] < FEATURES


def test_what_needs_an_atlas_says_so() -> None:
    done = _run(str(BENCH / "viewer.py"), "--only", "page")
    assert done.returncode == 2
    assert "--atlas is needed" in done.stderr
