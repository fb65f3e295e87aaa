from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.analysis.sharing import units
from mmfeat.atlas.build import build_atlas
from mmfeat.atlas.map import add_map
from mmfeat.corpus.file import open_corpus
from mmfeat.errors import MmfeatError
from mmfeat.hdf5 import stored_digest
from mmfeat.store.activations import open_activations


def dense_codes(file: h5py.File, stream: str) -> np.ndarray:
    group = file[f"codes/{stream}/by_row"]
    indptr = group["indptr"][:]
    dense = np.zeros((len(indptr) - 1, int(file.attrs["d_sae"])), np.float32)
    dense[np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)), group["indices"][:]] = group[
        "data"
    ][:]
    return dense


def test_features_equal_values_taken_from_the_dense_codes(atlas_path: Path) -> None:
    with h5py.File(atlas_path) as file:
        image, text = dense_codes(file, "image.pooled"), dense_codes(file, "text.pooled")
        language = file["codes/text.pooled/rows/language"][:]
        features = {k: v[:] for k, v in file["features"].items() if k != "by_language"}
        by_language = {k: v[:] for k, v in file["features/by_language"].items()}
    per_language = [text[language == i] for i in range(14)]
    energy = np.stack([(part.astype(float) ** 2).mean(0) for part in per_language], 1)
    np.testing.assert_allclose(by_language["energy"], energy, rtol=1e-5)
    np.testing.assert_allclose(features["energy_text"], energy.mean(1), rtol=1e-5)
    energy_image = (image.astype(float) ** 2).mean(0)
    with np.errstate(invalid="ignore"):
        score = energy_image / (energy_image + energy.mean(1))
    np.testing.assert_allclose(features["modality_score"], score, rtol=1e-5)
    np.testing.assert_allclose(features["firing_rate_image"], (image > 0).mean(0), rtol=1e-6)
    count = np.stack([(part > 0).sum(0) for part in per_language], 1)
    assert features["n_languages"].tolist() == (count >= 5).sum(1).tolist()
    np.testing.assert_array_equal(features["max_activation_image"], image.max(0))


def test_sharing_equals_the_test_on_units_taken_by_hand(
    atlas_path: Path, activations_path: Path
) -> None:
    from scipy.stats import fisher_exact

    with open_activations(activations_path) as acts, h5py.File(atlas_path) as file:
        chosen = units(acts.item_id, acts.concept, acts.split.tolist(), acts.picture, 0)
        image, text = dense_codes(file, "image.pooled"), dense_codes(file, "text.pooled")
        rows = file["codes/text.pooled/rows"]
        item, language = rows["item"][:], rows["language"][:]
        p = file["features/by_language/p"][:]
        assert len(set(np.array(acts.concept)[chosen])) == len(chosen)
        for feature in range(0, 96, 7):
            on_image = image[chosen, feature] > 0
            for tag in (0, 8):
                own = [np.flatnonzero((item == u) & (language == tag)) for u in chosen]
                on_text = np.array([(text[r, feature] > 0).any() for r in own])
                table = [
                    [(on_image & on_text).sum(), (on_image & ~on_text).sum()],
                    [(~on_image & on_text).sum(), (~on_image & ~on_text).sum()],
                ]
                expected = fisher_exact(table, alternative="greater").pvalue
                assert p[feature, tag] == pytest.approx(expected, rel=1e-6)


def test_patch_and_token_codes_point_at_their_item_and_caption(atlas_path: Path) -> None:
    with h5py.File(atlas_path) as file:
        rows = file["codes/image.patch/rows"]
        start, item = rows["item_start"][:], rows["item"][:]
        assert (np.diff(start) == 64).all()
        assert (item[start[:-1]] == np.arange(len(start) - 1)).all()
        assert file["codes/image.patch"].attrs["grid"].tolist() == [8, 8]
        tokens = file["codes/text.token/rows"]
        first = tokens["caption_start"][:]
        for caption in range(0, len(first) - 1, 211):
            part = slice(first[caption], first[caption + 1])
            assert set(tokens["caption"][part]) == {caption}
            text = file["captions/text"].asstr()[caption]
            assert tokens["end"][part].max() <= len(text)


def test_the_atlas_holds_captions_pictures_and_attribution_of_the_corpus(
    atlas_path: Path, corpus_path: Path
) -> None:
    with h5py.File(atlas_path) as file, open_corpus(corpus_path) as corpus:
        assert file["captions/text"].asstr()[:].tolist() == corpus.captions.text
        assert bytes(file["thumbnails/image"][3]) == corpus.thumbnails[3]
        assert "OpenMoji" in file.attrs["attribution"]
        assert file["items/attributes/emoji"].asstr()[3] == corpus.attributes["emoji"][3]


def test_the_same_parts_give_the_same_atlas(
    atlas_path: Path, activations_path: Path, sae_path: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again.h5"
    build_atlas(activations_path, sae_path, again)
    add_map(again)
    assert stored_digest(again) == stored_digest(atlas_path)


def test_pictures_can_be_left_out(activations_path: Path, sae_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.h5"
    build_atlas(activations_path, sae_path, path, thumbnails=False)
    with h5py.File(path) as file:
        assert "thumbnails" not in file


def test_a_corpus_that_is_missing_or_another_is_named(
    activations_path: Path, sae_path: Path, corpus_path: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "activations.h5"
    shutil.copy(activations_path, moved)
    with pytest.raises(MmfeatError, match="say where it is with --corpus"):
        build_atlas(moved, sae_path, tmp_path / "atlas.h5")
    other = tmp_path / "corpus.h5"
    shutil.copy(corpus_path, other)
    with h5py.File(other, "r+") as file:
        file.attrs["content-digest"] = "0"
    with pytest.raises(MmfeatError, match="is not the corpus that"):
        build_atlas(moved, sae_path, tmp_path / "atlas.h5", corpus=other)
    assert not (tmp_path / "atlas.h5").exists()


def test_an_sae_of_other_languages_or_another_backbone_is_refused(
    activations_path: Path, sae_path: Path, tmp_path: Path
) -> None:
    import json

    for key, value in (("languages", ["ko"]), ("model_name", "open_clip:other")):
        folder = tmp_path / key
        shutil.copytree(sae_path, folder)
        config = json.loads((folder / "cfg.json").read_text())
        config["metadata"][key] = value
        (folder / "cfg.json").write_text(json.dumps(config))
        with pytest.raises(MmfeatError, match=f"was trained with {key}"):
            build_atlas(activations_path, folder, tmp_path / "atlas.h5")
