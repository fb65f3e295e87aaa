from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.errors import MmfeatError
from mmfeat.figures import heatmap, pages
from mmfeat_gui.workers.atlases import Atlases
from mmfeat_gui.workers.pages import (
    SECTIONS,
    CardRequest,
    FeatureRequest,
    ItemRequest,
    OnItemRequest,
    Probes,
    Refused,
    Splittings,
)


@pytest.fixture
def atlases(atlas_path: Path) -> Iterator[Atlases]:
    own = Atlases()
    own.open(atlas_path)
    yield own
    own.close()


def busy(path: Path) -> int:
    with h5py.File(path) as file:
        languages = (file["features/by_language/firing_rate"][:] > 0).sum(1)
        return int((languages + file["features/firing_rate_image"][:]).argmax())


def test_a_page_has_its_pictures_decoded_under_one_scale(
    atlases: Atlases, atlas_path: Path
) -> None:
    loaded = FeatureRequest(busy(atlas_path)).read(atlases)
    assert {one.item for one in loaded.page.pictures} == set(loaded.pictures)
    for one in loaded.page.pictures:
        picture = loaded.pictures[one.item]
        assert one.thumbnail is not None and one.patch_map is not None
        plain = heatmap.decode_png(one.thumbnail)
        np.testing.assert_array_equal(picture.plain, plain)
        expected = heatmap.overlay(plain, one.patch_map, loaded.page.max_patch)
        np.testing.assert_array_equal(picture.heated, expected)
    assert loaded.page.column_bands == {} and loaded.sections == {}


def test_only_what_is_asked_for_is_read(
    atlases: Atlases, atlas_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    make = pages.feature_page

    def counted(atlas: object, feature: int, *, bands: bool) -> pages.FeaturePage:
        asked.append(bands)
        return make(atlas, feature, bands=bands)  # type: ignore[arg-type]

    monkeypatch.setattr("mmfeat_gui.workers.pages.feature_page", counted)
    feature = busy(atlas_path)
    first = FeatureRequest(feature, sections=("bridge",)).read(atlases)
    assert FeatureRequest(feature, sections=("bridge",)).read(atlases) is first
    assert FeatureRequest(feature, bands=True, parallel=True).read(atlases).parallel
    assert asked == [False, True]
    assert set(first.sections) == {"bridge"}


def test_a_missing_part_leaves_the_rest_of_the_page(atlas_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "atlas.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "a") as file:
        del file["bridge"]
    own = Atlases()
    own.open(path)
    sections = FeatureRequest(0, sections=tuple(SECTIONS)).read(own).sections
    own.close()
    refused = {key for key, content in sections.items() if isinstance(content, Refused)}
    assert refused == {"bridge"}
    broken = sections["bridge"]
    assert isinstance(broken, Refused) and str(path) in broken.sentence
    assert sections["splitting"] == Splittings(())
    assert sections["probes"] == Probes(False, ())


def test_a_card_shows_the_strongest_picture(atlases: Atlases, atlas_path: Path) -> None:
    feature = busy(atlas_path)
    card = CardRequest(feature).read(atlases)
    with h5py.File(atlas_path) as file:
        row = file["examples/image.pooled/top"][feature, 0]
        item = file["codes/image.pooled/rows/item"][row]
        thumbnail = file["thumbnails/image"][item].tobytes()
    assert card.picture is not None
    np.testing.assert_array_equal(card.picture.plain, heatmap.decode_png(thumbnail))


def test_a_feature_on_an_item_comes_with_its_heat_map(atlases: Atlases, atlas_path: Path) -> None:
    feature = busy(atlas_path)
    item = FeatureRequest(feature).read(atlases).page.pictures[0].item
    found = OnItemRequest(item, feature).read(atlases)
    assert (found.item, found.found.feature) == (item, feature)
    assert found.picture is not None and found.picture.heated is not None
    plain = ItemRequest(item).read(atlases).picture
    assert plain is not None
    np.testing.assert_array_equal(found.picture.plain, plain.plain)


def test_what_is_not_there_is_refused(atlases: Atlases) -> None:
    with pytest.raises(MmfeatError, match="no feature"):
        FeatureRequest(10**6).read(atlases)
    with pytest.raises(MmfeatError, match="no item"):
        ItemRequest(-1).read(atlases)
