"""Searches of an atlas against dense codes, and with the bundled backbone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.atlas.encoder import Encoder, open_encoder
from mmfeat.atlas.reader import Atlas
from mmfeat.atlas.search import Caption, FoundByExamples, Item, Search, Text
from mmfeat.errors import MmfeatError

POOLED = ("image.pooled", "text.pooled")


@pytest.fixture(scope="module")
def atlas(atlas_path: Path) -> Iterator[Atlas]:
    with Atlas(atlas_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def encoder(atlas: Atlas) -> Encoder:
    return open_encoder(atlas)


@pytest.fixture(scope="module")
def dense(atlas_path: Path) -> dict[str, np.ndarray]:
    found = {}
    with h5py.File(atlas_path) as file:
        for stream in POOLED:
            group = file[f"codes/{stream}/by_row"]
            indptr = group["indptr"][:]
            codes = np.zeros((len(indptr) - 1, int(file.attrs["d_sae"])))
            row = np.repeat(np.arange(len(codes)), np.diff(indptr))
            codes[row, group["indices"][:]] = group["data"][:]
            found[stream] = codes
    return found


@pytest.fixture(scope="module")
def rows(atlas_path: Path) -> dict[str, dict[str, np.ndarray]]:
    with h5py.File(atlas_path) as file:
        return {
            stream: {name: file[f"codes/{stream}/rows/{name}"][:] for name in ("item", "language")}
            for stream in POOLED
        }


def expected_contrast(
    positives: dict[tuple[str, int], np.ndarray],
    negatives: dict[tuple[str, int], np.ndarray],
    maximum: dict[str, np.ndarray],
) -> np.ndarray:
    """Average contrasts over languages, then over streams, from dense rows."""
    streams: dict[str, list[np.ndarray]] = {}
    for key, own in positives.items():
        difference = own.mean(axis=0) - negatives[key].mean(axis=0)
        top = maximum[key[0]]
        scaled = np.where(top > 0, difference / np.where(top > 0, top, 1), 0)
        streams.setdefault(key[0], []).append(scaled)
    return np.mean([np.mean(parts, axis=0) for parts in streams.values()], axis=0)


def check(found: list[FoundByExamples], score: np.ndarray) -> None:
    """Check that what was found is in order, and that nothing better was left out."""
    assert found
    got = np.array([own.score for own in found])
    assert (np.diff(got) <= 0).all()
    np.testing.assert_allclose(got, [score[own.feature] for own in found], atol=1e-5)
    left = np.delete(score, [own.feature for own in found])
    assert got[-1] >= left.max() - 1e-5 or got[-1] <= 1e-5


def test_an_item_is_contrasted_with_the_other_pictures_and_captions_of_its_languages(
    atlas: Atlas, dense: dict[str, np.ndarray], rows: dict[str, dict[str, np.ndarray]]
) -> None:
    maximum = {stream: codes.max(axis=0) for stream, codes in dense.items()}
    for item in (0, atlas.n_items // 2):
        own, rest = {}, {}
        for stream in POOLED:
            for tag in np.unique(rows[stream]["language"]):
                here = rows[stream]["language"] == tag
                own[stream, tag] = dense[stream][here & (rows[stream]["item"] == item)]
                rest[stream, tag] = dense[stream][here]  # fewer than a sample: all of them
        found = Search(atlas).by_item(item, top=10)
        check(found, expected_contrast(own, rest, maximum))
        best = found[0]
        values = np.concatenate([part[:, best.feature] for part in own.values()])
        assert best.activations == (pytest.approx(values.max(), rel=1e-3),)
        assert best.image_rate == pytest.approx((dense["image.pooled"][:, best.feature] > 0).mean())


def test_a_caption_is_contrasted_with_captions_of_its_language(
    atlas: Atlas, dense: dict[str, np.ndarray], rows: dict[str, dict[str, np.ndarray]]
) -> None:
    caption = 9
    (row,) = atlas.rows_of_caption("text.pooled", caption)
    codes, language = dense["text.pooled"], rows["text.pooled"]["language"]
    own, rest = codes[row], codes[language == language[row]]
    top = codes.max(axis=0)
    score = np.where(top > 0, (own - rest.mean(axis=0)) / np.where(top > 0, top, 1), 0)
    found = Search(atlas).by_caption(caption)
    check(found, score)
    first = found[0]
    assert first.positive == pytest.approx(own[first.feature])
    assert first.negative == pytest.approx(rest[:, first.feature].mean())
    assert first.negative_rate == pytest.approx((rest[:, first.feature] > 0).mean())
    assert first.positive_rate == 1.0


def test_negatives_that_are_given_take_the_place_of_the_atlas_s_own(
    atlas: Atlas, dense: dict[str, np.ndarray], rows: dict[str, dict[str, np.ndarray]]
) -> None:
    maximum = {stream: codes.max(axis=0) for stream, codes in dense.items()}

    def of(items: list[int]) -> dict[tuple[str, int], np.ndarray]:
        return {
            (stream, tag): dense[stream][
                (rows[stream]["language"] == tag) & np.isin(rows[stream]["item"], items)
            ]
            for stream in POOLED
            for tag in np.unique(rows[stream]["language"])
        }

    found = Search(atlas).by_examples([Item(3), Item(40)], [Item(4), Item(41), Item(42)], top=8)
    check(found, expected_contrast(of([3, 40]), of([4, 41, 42]), maximum))
    assert len(found[0].activations) == 2


def test_negatives_of_another_stream_count_against_what_fires_on_them(
    atlas: Atlas, encoder: Encoder
) -> None:
    search = Search(atlas, encoder)
    plain = {own.feature: own.score for own in search.by_caption(9, top=96)}
    codes = encoder.texts(["sun"], ["en"]).codes.toarray()[0]
    against = {
        own.feature: own.score
        for own in search.by_examples([Caption(9)], [Text("sun", "en")], top=96)
    }
    for feature in set(plain) & set(against):
        if codes[feature] == 0:
            assert against[feature] > plain[feature] / 2 - 1e-6  # not against it
    fires = [f for f in plain if codes[f] > 0]
    assert all(against.get(f, 0) < plain[f] for f in fires)


def test_an_attribute_is_contrasted_with_the_items_without_it(
    atlas: Atlas, dense: dict[str, np.ndarray], rows: dict[str, dict[str, np.ndarray]]
) -> None:
    has = np.array([group == "flags" for group in atlas.items().attributes["group"]])
    assert 1 < has.sum() <= 256
    maximum = {stream: codes.max(axis=0) for stream, codes in dense.items()}
    sides: list[dict[tuple[str, int], np.ndarray]] = []
    for wanted in (has, ~has):
        sides.append(
            {
                (stream, tag): dense[stream][
                    (rows[stream]["language"] == tag) & wanted[rows[stream]["item"]]
                ]
                for stream in POOLED
                for tag in np.unique(rows[stream]["language"])
            }
        )
    found = Search(atlas).by_attribute("group", "flags", top=5)
    check(found, expected_contrast(sides[0], sides[1], maximum))
    assert found[0].positive_rate > 3 * found[0].negative_rate


def test_near_features_have_the_largest_cosine_or_fire_on_the_same_rows(
    atlas: Atlas, atlas_path: Path, dense: dict[str, np.ndarray]
) -> None:
    fires = {stream: codes > 0 for stream, codes in dense.items()}
    feature = next(
        f for f in range(atlas.d_sae) if all(2 < on[:, f].sum() <= 256 for on in fires.values())
    )
    jaccard = np.mean(
        [
            [
                (on[:, feature] & on[:, f]).sum() / max(1, (on[:, feature] | on[:, f]).sum())
                for f in range(atlas.d_sae)
            ]
            for on in fires.values()
        ],
        axis=0,
    )
    jaccard[feature] = 0
    together = Search(atlas).by_feature(feature, "cofiring", top=5)
    best = np.sort(jaccard)[::-1][:5]
    np.testing.assert_allclose([own.score for own in together], best, atol=1e-6)
    with h5py.File(atlas_path) as file:
        unit = file["sae/decoder"][:].astype(float)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    cosine = unit @ unit[feature]
    cosine[feature] = -1
    near = Search(atlas).by_feature(feature, top=5)
    assert [own.feature for own in near] == np.argsort(-cosine)[:5].tolist()
    np.testing.assert_allclose([own.score for own in near], np.sort(-cosine)[:5] * -1, atol=1e-5)
    assert near[0].cofiring == pytest.approx(jaccard[near[0].feature], abs=1e-6)


def test_a_picture_finds_what_its_item_finds(atlas: Atlas, encoder: Encoder) -> None:
    from mmfeat.corpus.openmoji import render

    item = next(i for i, s in enumerate(atlas.items().attributes["subgroup"]) if "animal" in s)
    row = atlas.rows_of_item("image.pooled", item).start
    stored = atlas.codes_of_rows("image.pooled", row, row + 1).toarray()[0]
    name = atlas.items().item_id[item]
    picture = render(f"{name}.svg", encoder.backbone.image_size)
    found = Search(atlas, encoder).by_examples([picture], top=96)
    for own in found:
        assert own.activations[0] == pytest.approx(stored[own.feature], abs=0.02)
    # A feature that fires on it more than on the others is found.
    assert {own.feature for own in found} <= set(np.flatnonzero(stored))


def test_a_text_is_encoded_in_its_language_or_the_one_its_script_tells(
    atlas: Atlas, encoder: Encoder
) -> None:
    search = Search(atlas, encoder)
    stated = search.by_examples([Text("고양이", "ko")], top=5)
    assert stated == search.by_examples([Text("고양이")], top=5)
    assert stated != search.by_examples([Text("고양이", "ja")], top=5)


def test_the_same_search_gives_the_same_answer_in_any_order(atlas: Atlas, encoder: Encoder) -> None:
    examples = [Text("cat", "en"), Item(7), Text("개", "ko")]
    first = Search(atlas, encoder).by_examples(examples, top=10)
    again = Search(atlas, encoder).by_examples(examples[::-1], top=10)
    assert [own.feature for own in first] == [own.feature for own in again]
    assert [own.activations for own in first] == [
        pytest.approx(own.activations[::-1]) for own in again
    ]


def test_what_cannot_be_searched_by_is_said(atlas: Atlas) -> None:
    search = Search(atlas)
    for call, message in (
        (lambda: search.by_examples([]), "at least one positive"),
        (lambda: search.by_examples([Text("cat", "en")]), "backbone, which is not at hand"),
        (lambda: search.by_item(10**6), "no item"),
        (lambda: search.by_attribute("colour", "red"), "no attribute 'colour'; they have "),
        (lambda: search.by_attribute("group", "none such"), "No items have group=none such"),
        (lambda: search.by_feature(-1), "no feature -1"),
    ):
        with pytest.raises(MmfeatError, match=message):
            call()


def test_items_without_pictures_are_searched_by_their_captions(
    atlas_path: Path, tmp_path: Path
) -> None:
    import shutil

    path = tmp_path / "texts.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        group = file["codes/image.pooled"]
        for name in ("by_row/indices", "by_row/data", "by_feature/rows", "by_feature/data"):
            kind = group[name].dtype
            del group[name]
            group[name] = np.zeros(0, kind)
        features = len(group["by_feature/indptr"])
        for name, size in (("by_row/indptr", 1), ("by_feature/indptr", features)):
            del group[name]
            group[name] = np.zeros(size, np.int64)
        for name in ("item", "caption", "language", "position"):
            kind = group[f"rows/{name}"].dtype
            del group[f"rows/{name}"]
            group[f"rows/{name}"] = np.zeros(0, kind)
        group["rows/item_start"][...] = 0
        for name in ("firing_rate_image", "max_activation_image"):
            file[f"features/{name}"][...] = 0
    with Atlas(path) as atlas:
        found = Search(atlas).by_item(5)
        assert found
        assert found[0].image_rate == 0
        assert Search(atlas).by_attribute("group", "flags")
        near = Search(atlas).by_feature(found[0].feature, "cofiring")
        assert near[0].cofiring > 0


def test_the_background_is_read_once_and_bounded(atlas: Atlas) -> None:
    search = Search(atlas)
    search.by_item(0)
    sample = search._samples
    search.by_item(1)
    assert search._samples is sample
    assert all(part.codes.shape[0] <= 1024 for part in sample.values())
