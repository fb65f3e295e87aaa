from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.atlas.lookup import find_item
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import pages


@pytest.fixture(scope="module")
def atlas(atlas_path: Path) -> Iterator[Atlas]:
    with Atlas(atlas_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def file(atlas_path: Path) -> Iterator[h5py.File]:
    with h5py.File(atlas_path, "r") as opened:
        yield opened


def codes(file: h5py.File, stream: str, row: int) -> dict[int, float]:
    group = file[f"codes/{stream}/by_row"]
    low, high = group["indptr"][row : row + 2]
    pairs = zip(group["indices"][low:high].tolist(), group["data"][low:high].tolist(), strict=True)
    return {feature: value for feature, value in pairs if value > 0}


def test_a_feature_page_shows_what_the_file_holds(atlas: Atlas, file: h5py.File) -> None:
    feature = int(file["features/firing_rate_image"][:].argmax())
    page = pages.feature_page(atlas, feature)
    rows = file["examples/image.pooled/top"][feature]
    items = file["codes/image.pooled/rows/item"][:][rows[rows >= 0]]
    assert [picture.item for picture in page.pictures] == items.tolist()
    assert page.pictures
    for picture in page.pictures:
        assert picture.item_id == file["items/item_id"][picture.item].decode()
        assert picture.split == file["items/split"][picture.item].decode()
        assert picture.thumbnail == file["thumbnails/image"][picture.item].tobytes()
        assert picture.patch_map is not None
        assert picture.patch_map.max() <= page.max_patch
    assert tuple(page.columns) == tuple(page.column_bands) == atlas.languages
    for examples in page.columns.values():
        for example in examples:
            assert example.text == file["captions/text"][example.caption].decode()
            assert example.item == file["captions/item"][example.caption]
            for token in example.tokens:
                assert 0 <= token.start <= token.end <= len(example.text)
                assert token.activation <= page.max_token
    assert len(page.bands) == 4
    assert page.firing_image == file["features/firing_rate_image"][feature]
    rates = file["features/by_language/firing_rate"][feature]
    assert list(page.firing_by_language.values()) == rates.tolist()
    index = file["neighbours/index"][feature]
    assert [n.feature for n in page.neighbours] == index[index >= 0].tolist()
    numbers = {number.key: number for number in page.numbers}
    assert numbers["shared_effect"].value == pytest.approx(
        float(file["features/shared_effect"][feature]), nan_ok=True
    )
    assert all(number.label and number.explanation and number.text for number in page.numbers)


def test_a_score_without_words_is_shown_under_its_own_name(
    atlas_path: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copy(atlas_path, tmp_path))
    with h5py.File(path, "r+") as own:
        count = len(own["features/shared"])
        own["features/a_new_score"] = np.arange(count, dtype=np.float32) / 2
        own["features/a_flag"] = np.ones(count, bool)
        own["features/<b>"] = np.ones(count, np.float32)
    with Atlas(path) as changed, Atlas(atlas_path) as plain:
        numbers, before = (pages.feature_page(one, 7).numbers for one in (changed, plain))
    assert [number.key for number in numbers] == [*(n.key for n in before), "a_new_score"]
    new = numbers[-1]
    assert (new.label, new.value, new.text) == ("a new score", 3.5, "3.5")
    assert new.explanation == "The score a_new_score of the atlas."


def test_an_atlas_from_before_a_score_has_a_page_without_it(
    atlas: Atlas, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pages.feature_page(atlas, 7).numbers
    monkeypatch.setitem(pages.EXPLANATIONS, "a_new_score", ("new", "What is new."))
    assert [n.key for n in pages.feature_page(atlas, 7).numbers] == [n.key for n in before]


def test_the_title_is_the_english_name(atlas: Atlas, file: h5py.File) -> None:
    english = list(atlas.languages).index("en")
    for feature in range(atlas.d_sae):
        name = file["names/text"][feature, english].decode()
        if name:
            assert pages.feature_page(atlas, feature).title == name


def test_without_an_english_name_the_best_of_any_language_is_the_title() -> None:
    names = {"en": ("", float("nan")), "ko": ("사과", 0.4), "fr": ("pomme", 0.7)}
    assert pages.title_of(names, 3) == "pomme"
    assert pages.title_of({"ko": ("사과", 0.4)}, 3) == "사과"
    assert pages.title_of({"en": ("", float("nan"))}, 3) == "feature 3"


def test_the_sentence_of_a_page_says_where_the_file_says_it_fires(
    atlas: Atlas, file: h5py.File
) -> None:
    level = file["by_language/level"][:]
    for feature in (int(level[:, 0].argmax()), int((level == 2).sum(1).argmin())):
        page = pages.feature_page(atlas, feature)
        pictures, fires = level[feature, 0] == 2, int((level[feature, 1:] == 2).sum())
        text = page.sentence()
        assert text.startswith("Fires for pictures" if pictures else "Fires")
        if fires == len(atlas.languages):
            assert f"all {fires} languages" in text
        elif fires > 3:
            assert f"{fires} of {len(atlas.languages)} languages" in text
        assert ("shared by pictures" in text) == bool(file["features/shared"][feature])
        assert "발화" in page.sentence("ko")


def test_pages_are_loaded_without_scipy_and_torch() -> None:
    code = (
        "import sys, mmfeat.figures.pages; loaded = {'torch', 'scipy', 'umap'} & set(sys.modules); "
        "sys.exit(repr(loaded) if loaded else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_page_of_a_feature_is_read_without_torch(atlas_path: Path) -> None:
    code = (
        "import sys; from mmfeat.atlas.reader import Atlas; "
        "from mmfeat.figures.pages import feature_page; "
        "print(feature_page(Atlas(sys.argv[1]), 0).sentence()); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(atlas_path)], check=True)


def test_an_item_page_sorts_every_feature_into_one_place(atlas: Atlas, file: h5py.File) -> None:
    owner = file["captions/item"][:]
    language = file["captions/language"][:]
    for item in (0, 3, atlas.n_items - 1):
        page = pages.item_page(atlas, item)
        (row,) = np.flatnonzero(file["codes/image.pooled/rows/item"][:] == item)
        picture = codes(file, "image.pooled", int(row))
        texts: dict[int, dict[str, float]] = {}
        for caption in np.flatnonzero(owner == item):
            (row,) = np.flatnonzero(file["codes/text.pooled/rows/caption"][:] == caption)
            tag = atlas.languages[language[caption]]
            for feature, value in codes(file, "text.pooled", int(row)).items():
                own = texts.setdefault(feature, {})
                own[tag] = max(value, own.get(tag, 0.0))
        assert {f.feature for f in page.both} == picture.keys() & texts.keys()
        assert {f.feature for f in page.image_only} == picture.keys() - texts.keys()
        unseen = {f: own for f, own in texts.items() if f not in picture}
        assert {f.feature for f in page.several_languages} == {
            f for f, own in unseen.items() if len(own) > 1
        }
        for tag in atlas.languages:
            expected = {f for f, own in unseen.items() if list(own) == [tag]}
            assert {f.feature for f in page.language_only[tag]} == expected
        for shown in page.both + page.image_only:
            assert shown.image_activation == pytest.approx(picture[shown.feature])
            assert shown.languages == pytest.approx(texts.get(shown.feature, {}))
        strength = [max(f.image_activation, *f.languages.values()) for f in page.both]
        assert strength == sorted(strength, reverse=True)
        assert page.item_id == file["items/item_id"][item].decode()
        assert sum(map(len, page.captions.values())) == (owner == item).sum()
        assert set(page.attributes) == set(file["items/attributes"])


def test_an_item_is_found_by_its_id(atlas: Atlas, file: h5py.File) -> None:
    assert find_item(atlas, file["items/item_id"][4].decode()) == 4
    with pytest.raises(MmfeatError, match="no item 'nowhere'"):
        find_item(atlas, "nowhere")


def test_pages_of_what_is_not_there_are_refused(atlas: Atlas) -> None:
    with pytest.raises(MmfeatError, match="no feature"):
        pages.feature_page(atlas, atlas.d_sae)
    with pytest.raises(MmfeatError, match="no item"):
        pages.item_page(atlas, -1)
