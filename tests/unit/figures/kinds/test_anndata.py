from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import anndata
import h5py
import numpy as np
import pytest

from mmfeat.figures import export


@pytest.fixture(scope="module")
def written(atlas_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("anndata") / "a.h5ad"
    found = export("anndata", atlas_path, out)
    assert found["map"]
    return out


@pytest.fixture(scope="module")
def loaded(written: Path) -> anndata.AnnData:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # also where the format is an old one
        return anndata.read_h5ad(written)


def test_observations_have_all_scores_with_their_types(
    loaded: anndata.AnnData, atlas_path: Path
) -> None:
    with h5py.File(atlas_path) as file:
        features = int(file.attrs["d_sae"])
        assert loaded.obs_names.tolist() == [str(feature) for feature in range(features)]
        tags = file["languages"].asstr()[:].tolist()
        columns = {
            name: node[:] for name, node in file["features"].items() if name != "by_language"
        }
        for name, table in file["features/by_language"].items():
            columns |= {f"{name}[{tag}]": table[:, at] for at, tag in enumerate(tags)}
        scores, texts = file["names/score"][:], file["names/text"].asstr()[:]
    columns |= {f"name_score[{tag}]": scores[:, at] for at, tag in enumerate(tags)}
    assert set(loaded.obs) == {*columns, *(f"name[{tag}]" for tag in tags)}
    for name, values in columns.items():
        assert loaded.obs[name].dtype == values.dtype
        assert np.array_equal(
            loaded.obs[name].to_numpy(), values, equal_nan=values.dtype.kind == "f"
        )
    for at, tag in enumerate(tags):
        assert loaded.obs[f"name[{tag}]"].tolist() == texts[:, at].tolist()


def test_decoder_map_and_neighbours_are_the_atlases(
    loaded: anndata.AnnData, atlas_path: Path
) -> None:
    with h5py.File(atlas_path) as file:
        decoder = file["sae/decoder"][:]
        assert loaded.X.dtype == np.float32
        assert np.array_equal(loaded.X, decoder)
        assert np.array_equal(loaded.obsm["X_umap"], file["maps/umap"][:])
        dense = np.zeros((len(decoder), len(decoder)), np.float32)
        index, cosine = file["neighbours/index"][:], file["neighbours/cosine"][:]
        for own, (others, values) in enumerate(zip(index, cosine, strict=True)):
            dense[own, others[others >= 0]] = values[others >= 0]
    found = loaded.obsp["cosines"]
    assert found.has_sorted_indices
    assert np.array_equal(found.toarray(), dense)


def test_what_made_it_goes_with_it(loaded: anndata.AnnData, atlas_path: Path) -> None:
    with h5py.File(atlas_path) as file:
        for name in ("attribution", "backbone", "hook", "name"):
            assert loaded.uns[name] == file.attrs[name]
        assert loaded.uns["languages"].tolist() == file["languages"].asstr()[:].tolist()
    assert json.loads(loaded.uns["provenance"])["kind"] == "anndata"


def test_it_is_encoded_as_anndata_itself_would(
    loaded: anndata.AnnData, written: Path, tmp_path: Path
) -> None:
    loaded.copy().write_h5ad(tmp_path / "theirs.h5ad")

    def encodings(path: Path) -> dict[str, tuple[str, str]]:
        found = {}
        with h5py.File(path) as file:
            file.visititems(
                lambda name, node: found.update(
                    {name: tuple(node.attrs.get(f"encoding-{key}") for key in ("type", "version"))}
                )
            )
        return found

    ours, theirs = encodings(written), encodings(tmp_path / "theirs.h5ad")
    # AnnData saves repeated texts as categories of its own accord.
    kept = {name for name in ours if not name.startswith("obs/name[")}
    assert {name: ours[name] for name in kept} == {name: theirs[name] for name in kept}


def test_two_decoders_have_dimensions_of_their_own(atlas_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "two.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        both = np.concatenate([file["sae/decoder"][:]] * 2, axis=1)
        del file["sae/decoder"], file["maps"]
        file["sae/decoder"] = both
    export("anndata", path, tmp_path / "a.h5ad")
    found = anndata.read_h5ad(tmp_path / "a.h5ad")
    width = found.n_vars // 2
    assert found.var_names[[0, width]].tolist() == ["image.0", "text.0"]
    assert np.array_equal(found[:, "text.0"].X.ravel(), both[:, width])
    assert "X_umap" not in found.obsm


def test_the_same_bytes_twice(written: Path, atlas_path: Path, tmp_path: Path) -> None:
    export("anndata", atlas_path, tmp_path / written.name)
    assert (tmp_path / written.name).read_bytes() == written.read_bytes()
