"""What fires on one picture or text, against the rows that the atlas holds of the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmfeat.atlas.encoder import Encoder, open_encoder
from mmfeat.atlas.lookup import picture_of
from mmfeat.atlas.probe import Fires, fires_on_picture, fires_on_text
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.sae.interop import TrainedSAE


@pytest.fixture(scope="module")
def atlas(atlas_path: Path) -> Iterator[Atlas]:
    with Atlas(atlas_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def encoder(atlas: Atlas) -> Encoder:
    return open_encoder(atlas, device="cpu")


def only(encoder: Encoder, *streams: str) -> Encoder:
    """Return an encoder whose SAE knows these streams alone."""
    known = {name: encoder.trained.streams[name] for name in streams}
    trained: TrainedSAE = replace(encoder.trained, streams=known)
    return Encoder(encoder.backbone, trained, encoder.hook, encoder.languages)


def assert_fires_as_kept(found: np.ndarray, atlas: Atlas, stream: str, row: int) -> None:
    """Hold the codes of a row, [d_sae], against the atlas's, which are of half precision.

    Where two latents are as good as tied for the last place of the k, either may have it.
    """
    kept = atlas.codes_of_rows(stream, row, row + 1).toarray()[0]
    one_alone = (found > 0) != (kept > 0)
    last = kept[kept > 0].min()
    np.testing.assert_allclose(np.maximum(found, kept)[one_alone], last, rtol=3e-3)
    np.testing.assert_allclose(found[~one_alone], kept[~one_alone], rtol=3e-3)


def cells_of(found: Fires, cell: int, d_sae: int) -> np.ndarray:
    """Return what fires on a patch or token, [d_sae]."""
    codes = np.zeros(d_sae, np.float32)
    own = found.cell == cell
    codes[found.cell_feature[own]] = found.cell_activation[own]
    return codes


def whole_of(found: Fires, d_sae: int) -> np.ndarray:
    """Return what fires on the whole, [d_sae]."""
    codes = np.zeros(d_sae, np.float32)
    codes[found.features] = found.activation
    return codes


def test_a_picture_fires_as_its_rows_in_the_atlas_do(atlas: Atlas, encoder: Encoder) -> None:
    scores, some = atlas.features(), 0
    for item in range(0, atlas.n_items, 29):
        found = fires_on_picture(atlas, encoder, picture_of(atlas, item))
        (row,) = atlas.rows_of_item("image.pooled", item)
        assert_fires_as_kept(whole_of(found, atlas.d_sae), atlas, "image.pooled", row)
        assert (np.diff(found.activation) <= 0).all()
        most = scores["max_activation_image"][found.features]
        np.testing.assert_allclose(found.share, found.activation / most, rtol=1e-5)
        assert found.language is None and found.spans is None
        assert found.grid is not None
        patches = list(atlas.rows_of_item("image.patch", item))
        assert len(patches) == found.grid[0] * found.grid[1]
        for cell, patch in enumerate(patches):
            codes = cells_of(found, cell, atlas.d_sae)
            assert_fires_as_kept(codes, atlas, "image.patch", patch)
            some += int((codes > 0).sum())
        for feature, highest in zip(found.features.tolist(), found.highest, strict=True):
            shown = found.patch_map(feature)
            assert shown is not None
            assert shown.ravel().tolist() == [
                cells_of(found, cell, atlas.d_sae)[feature] for cell in range(len(patches))
            ]
            largest = atlas.largest_code("image.patch", feature)
            assert highest == pytest.approx(max(largest, shown.max()), rel=2e-3)
    assert some > 100


def test_a_text_fires_as_its_rows_in_the_atlas_do(atlas: Atlas, encoder: Encoder) -> None:
    scores, some = atlas.features(), 0
    for caption in atlas.captions(range(0, atlas.n_captions, 211)):
        found = fires_on_text(atlas, encoder, caption.text, caption.language)
        (row,) = atlas.rows_of_caption("text.pooled", caption.index)
        assert found.language == caption.language and found.grid is None
        assert_fires_as_kept(whole_of(found, atlas.d_sae), atlas, "text.pooled", row)
        most = scores["max_activation_text"][found.features]
        np.testing.assert_allclose(found.share, found.activation / most, rtol=1e-5)
        assert found.spans is not None
        for cell, token in enumerate(atlas.rows_of_caption("text.token", caption.index)):
            codes = cells_of(found, cell, atlas.d_sae)
            assert_fires_as_kept(codes, atlas, "text.token", token)
            some += int((codes > 0).sum())
        for feature in found.features.tolist():
            kept, tokens = atlas.token_activations(feature, caption.index), found.tokens(feature)
            assert [(t.start, t.end) for t in tokens] == [(t.start, t.end) for t in kept]
            assert [t.activation for t in tokens] == [
                cells_of(found, cell, atlas.d_sae)[feature] for cell in range(len(tokens))
            ]
    assert some > 100


def test_a_language_is_guessed_by_script_or_given(atlas: Atlas, encoder: Encoder) -> None:
    assert fires_on_text(atlas, encoder, "빨간 불").language == "ko"
    given = fires_on_text(atlas, encoder, "pain", "fr")
    assert given.language == "fr"
    english = fires_on_text(atlas, encoder, "pain")
    assert english.language == "en"
    assert not np.array_equal(english.activation, given.activation)
    with pytest.raises(MmfeatError, match="no captions in xx"):
        fires_on_text(atlas, encoder, "pain", "xx")


def test_without_pooled_rows_a_feature_counts_by_its_largest_patch_or_token(
    atlas: Atlas, encoder: Encoder
) -> None:
    picture = picture_of(atlas, 8)
    found = fires_on_picture(atlas, only(encoder, "image.patch"), picture)
    rows = encoder.images([picture], "image.patch").codes
    most = rows.max(axis=0).toarray().ravel()
    assert set(found.features.tolist()) == set(np.flatnonzero(most > 0).tolist())
    np.testing.assert_allclose(found.activation, most[found.features], rtol=1e-5)
    assert found.grid is not None


def test_without_single_rows_there_are_no_maps(atlas: Atlas, encoder: Encoder) -> None:
    pooled = only(encoder, "image.pooled", "text.pooled")
    picture = fires_on_picture(atlas, pooled, picture_of(atlas, 8))
    assert picture.patch_map(int(picture.features[0])) is None
    assert not len(picture.cell)
    text = fires_on_text(atlas, pooled, "fire")
    assert text.tokens(int(text.features[0])) == [] and text.spans is None


def test_an_sae_without_rows_of_a_kind_refuses_it(atlas: Atlas, encoder: Encoder) -> None:
    with pytest.raises(MmfeatError, match="knows no rows of a text at joint; give a picture"):
        fires_on_text(atlas, only(encoder, "image.pooled"), "fire")
    with pytest.raises(MmfeatError, match="knows no rows of a picture at joint; give a text"):
        fires_on_picture(atlas, only(encoder, "text.pooled"), Image.new("RGB", (8, 8)))


def test_a_text_must_be_one_and_not_a_book(atlas: Atlas, encoder: Encoder) -> None:
    for text, said in ((" \n", "There is no text"), ("a " * 5001, "10,002 characters")):
        with pytest.raises(MmfeatError, match=said):
            fires_on_text(atlas, encoder, text)
