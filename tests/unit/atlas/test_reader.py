"""The reader against h5py alone, and against files that lie."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.atlas.checked import CheckedFile
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures.pages import feature_page, item_page

STREAMS = ("image.pooled", "image.patch", "text.pooled", "text.token")


@pytest.fixture(scope="module")
def atlas(atlas_path: Path) -> Iterator[Atlas]:
    with Atlas(atlas_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def file(atlas_path: Path) -> Iterator[h5py.File]:
    with h5py.File(atlas_path, "r") as opened:
        yield opened


@pytest.fixture(scope="module")
def dense(file: h5py.File) -> dict[str, np.ndarray]:
    """Codes of every stream as [rows, d_sae], filled in a plain loop from the CSR."""
    found = {}
    for stream in STREAMS:
        group = file[f"codes/{stream}/by_row"]
        indptr, indices, data = group["indptr"][:], group["indices"][:], group["data"][:]
        codes = np.zeros((len(indptr) - 1, int(file.attrs["d_sae"])), np.float32)
        for row in range(len(codes)):
            for at in range(indptr[row], indptr[row + 1]):
                codes[row, indices[at]] = data[at]
        found[stream] = codes
    return found


def busiest(dense: dict[str, np.ndarray], stream: str) -> int:
    """Return the feature that fires most often in a stream."""
    return int((dense[stream] > 0).sum(axis=0).argmax())


def test_opening_tells_what_the_atlas_is(atlas: Atlas, file: h5py.File) -> None:
    assert (atlas.d_sae, atlas.d_in) == (file.attrs["d_sae"], file.attrs["d_in"])
    assert (atlas.name, atlas.attribution) == (file.attrs["name"], file.attrs["attribution"])
    assert (atlas.backbone, atlas.hook) == (file.attrs["backbone"], file.attrs["hook"])
    assert atlas.digest == file.attrs["content-digest"]
    assert atlas.languages == tuple(tag.decode() for tag in file["languages"][:])
    assert atlas.streams == STREAMS
    assert atlas.n_items == len(file["items/item_id"])
    assert atlas.n_captions == len(file["captions/text"])
    assert isinstance(atlas.provenance, dict)
    assert isinstance(atlas.scores, dict)


def test_scores_are_all_datasets_of_features(atlas: Atlas, file: h5py.File) -> None:
    names = [name for name, node in file["features"].items() if isinstance(node, h5py.Dataset)]
    assert sorted(atlas.features()) == sorted(names)
    for name, values in atlas.features().items():
        np.testing.assert_array_equal(values, file[f"features/{name}"][:])
    assert sorted(atlas.by_language()) == sorted(file["features/by_language"])
    for name, values in atlas.by_language().items():
        np.testing.assert_array_equal(values, file[f"features/by_language/{name}"][:])
    with pytest.raises(ValueError, match="read-only"):
        atlas.features()["shared"][0] = True


def test_items_and_captions_are_those_of_the_file(atlas: Atlas, file: h5py.File) -> None:
    items = atlas.items()
    for name in ("item_id", "concept", "split"):
        assert getattr(items, name) == [t.decode() for t in file[f"items/{name}"][:]]
    assert sorted(items.attributes) == sorted(file["items/attributes"])
    owner, language = file["captions/item"][:], file["captions/language"][:]
    for item in (0, atlas.n_items // 2, atlas.n_items - 1):
        own = atlas.captions_of(item)
        assert [caption.index for caption in own] == np.flatnonzero(owner == item).tolist()
        for caption in own:
            assert caption.item == item
            assert caption.language == atlas.languages[language[caption.index]]
            assert caption.text == file["captions/text"][caption.index].decode()
            assert atlas.caption(caption.index) == caption
    assert [c.index for c in atlas.captions([3, 1, 3])] == [3, 1, 3]


def test_thumbnail_is_the_stored_png(atlas: Atlas, file: h5py.File) -> None:
    picture = atlas.thumbnail(1)
    assert picture is not None
    assert picture == file["thumbnails/image"][1].tobytes()
    assert picture.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", picture[16:24])
    assert max(width, height) <= 96


@pytest.mark.parametrize("stream", STREAMS)
def test_both_orders_give_the_same_codes(
    stream: str, atlas: Atlas, dense: dict[str, np.ndarray]
) -> None:
    codes = dense[stream]
    for feature in (0, busiest(dense, stream), atlas.d_sae - 1):
        rows, values = atlas.codes_of_feature(stream, feature)
        np.testing.assert_array_equal(rows, np.flatnonzero(codes[:, feature]))
        np.testing.assert_array_equal(values, codes[rows, feature])
        assert (rows.dtype, values.dtype) == (np.int32, np.float32)
        assert atlas.largest_code(stream, feature) == codes[:, feature].max()
    found = atlas.codes_of_rows(stream, 2, 9)
    np.testing.assert_array_equal(found.toarray(), codes[2:9])
    assert atlas.codes_of_rows(stream, 4, 4).shape == (0, atlas.d_sae)


@pytest.mark.parametrize("stream", STREAMS)
def test_rows_of_an_item_are_all_its_rows(stream: str, atlas: Atlas, file: h5py.File) -> None:
    rows = file[f"codes/{stream}/rows"]
    for item in (0, 7, atlas.n_items - 1):
        own = list(atlas.rows_of_item(stream, item))
        assert own == np.flatnonzero(rows["item"][:] == item).tolist()
        assert own
    if stream.startswith("text"):
        own = list(atlas.rows_of_caption(stream, 5))
        assert own == np.flatnonzero(rows["caption"][:] == 5).tolist()


def test_image_examples_are_the_largest_activations(
    atlas: Atlas, file: h5py.File, dense: dict[str, np.ndarray]
) -> None:
    codes, item = dense["image.pooled"], file["codes/image.pooled/rows/item"][:]
    feature = busiest(dense, "image.pooled")
    found = atlas.image_examples(feature)
    largest = -np.sort(-codes[:, feature])[: file["examples/image.pooled/top"].shape[1]]
    np.testing.assert_allclose(
        [example.activation for example in found], largest[largest > 0], rtol=2e-3
    )
    by_item = dict(zip(item.tolist(), codes[:, feature].tolist(), strict=True))
    assert all(abs(by_item[e.item] - e.activation) <= 2e-3 * e.activation for e in found)
    assert {example.caption for example in found} == {-1}


def test_bands_go_from_the_highest_to_the_lowest(
    atlas: Atlas, dense: dict[str, np.ndarray]
) -> None:
    feature = busiest(dense, "image.pooled")
    bands = atlas.image_bands(feature)
    top = dense["image.pooled"][:, feature].max()
    assert len(bands) == 4
    for index, band in enumerate(bands):
        for example in band:
            low, high = (3 - index) / 4 * top, (4 - index) / 4 * top
            assert low * 0.998 <= example.activation <= high * 1.002


def test_text_examples_are_of_their_language(
    atlas: Atlas, file: h5py.File, dense: dict[str, np.ndarray]
) -> None:
    rows, codes = file["codes/text.pooled/rows"], dense["text.pooled"]
    feature = busiest(dense, "text.pooled")
    found, bands = atlas.text_examples(feature), atlas.text_bands(feature)
    assert tuple(found) == tuple(bands) == atlas.languages
    for index, language in enumerate(atlas.languages):
        own = codes[rows["language"][:] == index, feature]
        activations = [example.activation for example in found[language]]
        np.testing.assert_allclose(
            activations, -np.sort(-own[own > 0])[: len(activations)], rtol=2e-3
        )
        assert len(activations) == min(10, (own > 0).sum())
        for example in [*found[language], *(e for band in bands[language] for e in band)]:
            assert atlas.caption(example.caption).language == language
            assert atlas.caption(example.caption).item == example.item


def test_patch_map_puts_each_patch_in_its_place(
    atlas: Atlas, file: h5py.File, dense: dict[str, np.ndarray]
) -> None:
    high, wide = file["codes/image.patch"].attrs["grid"]
    rows, codes = file["codes/image.patch/rows"], dense["image.patch"]
    feature = busiest(dense, "image.patch")
    item = int(rows["item"][codes[:, feature].argmax()])
    expected = np.zeros((high, wide), np.float32)
    for row in np.flatnonzero(rows["item"][:] == item):
        position = rows["position"][row]
        expected[position // wide, position % wide] = codes[row, feature]
    found = atlas.patch_map(feature, item)
    assert found is not None
    assert found.dtype == np.float32
    assert found.max() > 0
    np.testing.assert_array_equal(found, expected)


def test_token_activations_cover_every_token_of_the_caption(
    atlas: Atlas, file: h5py.File, dense: dict[str, np.ndarray]
) -> None:
    rows, codes = file["codes/text.token/rows"], dense["text.token"]
    feature = busiest(dense, "text.token")
    caption = int(rows["caption"][codes[:, feature].argmax()])
    own = np.flatnonzero(rows["caption"][:] == caption)
    found = atlas.token_activations(feature, caption)
    assert [(t.start, t.end, np.float32(t.activation)) for t in found] == [
        (rows["start"][r], rows["end"][r], codes[r, feature]) for r in own
    ]
    assert max(token.activation for token in found) > 0


def test_names_and_neighbours_are_those_of_the_file(atlas: Atlas, file: h5py.File) -> None:
    names, scores = atlas.all_names()
    for feature in (0, atlas.d_sae - 1):
        texts = [text.decode() for text in file["names/text"][feature]]
        assert names[feature] == texts
        assert [text for text, _ in atlas.names(feature).values()] == texts
        assert tuple(atlas.names(feature)) == atlas.languages
        index = file["neighbours/index"][feature]
        assert [i for i, _ in atlas.neighbours(feature)] == index[index >= 0].tolist()
    np.testing.assert_array_equal(scores, file["names/score"][:])
    umap = atlas.map()
    assert umap is not None
    np.testing.assert_array_equal(umap, file["maps/umap"][:])
    assert atlas.map("elsewhere") is None


def test_a_page_never_reads_all_codes(atlas_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: dict[str, int] = {}
    plain = CheckedFile.rows

    def counting(self: CheckedFile, name: str, start: int, stop: int) -> np.ndarray:
        found = plain(self, name, start, stop)
        read[name] = max(read.get(name, 0), np.size(found))
        return found

    with Atlas(atlas_path) as atlas, h5py.File(atlas_path, "r") as file:
        monkeypatch.setattr(CheckedFile, "rows", counting)
        feature_page(atlas, 0)
        item_page(atlas, 0)
        codes = {n: size for n, size in read.items() if n.startswith("codes") and "/by_" in n}
        assert len(codes) > 5
        for name, size in codes.items():
            assert size < len(file[name]) / 4, name


def test_rows_are_read_past_hdf5_as_hdf5_reads_them(atlas_path: Path) -> None:
    names = ("codes/text.pooled/by_feature/indptr", "names/score", "by_pair/jaccard")
    with h5py.File(atlas_path, "r") as file:
        data = CheckedFile(atlas_path, str(file.attrs["encoding-type"]))
        for name in names:
            data.dataset(name, "biuf", file[name].shape)
            for start, stop in ((0, 0), (0, 5), (7, 8), (90, 96)):
                found = data.rows(name, start, stop)
                assert found.dtype == file[name].dtype and found.flags.writeable
                np.testing.assert_array_equal(found, file[name][start:stop])
            picked = data.pick(name, np.array([9, 2, 2, 40]))
            np.testing.assert_array_equal(picked, file[name][:][[9, 2, 2, 40]])
        data.close()


def test_a_file_cut_while_it_is_open_is_refused(atlas_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "atlas.h5"
    shutil.copy(atlas_path, path)
    with Atlas(path) as atlas:
        with h5py.File(path, "r") as file:
            begins = file["codes/text.token/by_feature/rows"].id.get_offset()
        with path.open("r+b") as file:
            file.truncate(begins)
        with pytest.raises(MmfeatError, match="damaged at /codes/text.token/by_feature/rows"):
            for feature in range(atlas.d_sae):
                atlas.codes_of_feature("text.token", feature)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: a.names(-1), "no feature -1"),
        (lambda a: a.names(a.d_sae), r"no feature \d+; give one from 0 to"),
        (lambda a: a.caption(a.n_captions), "no caption"),
        (lambda a: a.thumbnail(a.n_items), "no item"),
        (lambda a: a.codes_of_rows("image.pooled", 0, 10**9), "rows of image.pooled"),
        (lambda a: a.codes_of_rows("audio", 0, 1), "no codes of the stream audio"),
    ],
)
def test_what_is_not_there_is_said(
    call: Callable[[Atlas], object], message: str, atlas: Atlas
) -> None:
    with pytest.raises(MmfeatError, match=message):
        call(atlas)
