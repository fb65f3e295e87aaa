from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
import pytest

from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat_gui.resources import strings
from mmfeat_gui.state import brushing
from mmfeat_gui.state.brushing import Distinct, ItemFirings, ranked

T = TypeVar("T")


def result(slices: Generator[None, None, T]) -> T:
    """Return what a generator of slices ends with."""
    while True:
        try:
            assert next(slices) is None
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


class Firing:
    """Which feature fires on which item, and how strongly, by h5py alone."""

    def __init__(self, path: Path) -> None:
        with h5py.File(path) as file:
            shape = (len(file["items/item_id"]), int(file.attrs["d_sae"]))
            self.largest = np.zeros(shape, np.float32)
            for stream in ("image.pooled", "text.pooled"):
                group = file[f"codes/{stream}"]
                item = group["rows/item"][:]
                row = np.repeat(np.arange(len(item)), np.diff(group["by_row/indptr"][:]))
                at = (item[row], group["by_row/indices"][:])
                np.maximum.at(self.largest, at, group["by_row/data"][:].astype(np.float32))
        self.fires = self.largest > 0


@pytest.fixture
def firing(atlas_path: Path) -> Firing:
    return Firing(atlas_path)


@pytest.fixture
def reader(atlas_path: Path) -> Iterator[ItemFirings]:
    with Atlas(atlas_path) as atlas:
        yield ItemFirings(atlas)


def common(firing: Firing, count: int) -> np.ndarray:
    """Return features that fire on many items, in no order."""
    return np.argsort(-firing.fires.sum(0))[:count].astype(np.int64)


@pytest.mark.parametrize("count", [0, 1, 2, 12])
def test_items_on_which_any_or_all_of_some_features_fire(
    reader: ItemFirings, firing: Firing, count: int
) -> None:
    features = common(firing, count)
    anyone = result(reader.fired_on(features, every=False))
    assert np.array_equal(anyone, firing.fires[:, features].any(1))
    every = result(reader.fired_on(features, every=True))
    expected = firing.fires[:, features].all(1) if count else np.zeros(len(every), bool)
    assert np.array_equal(every, expected)
    if count == 2:
        assert 0 < every.sum() < anyone.sum()


def test_features_that_fire_too_often_are_refused_in_a_sentence(
    reader: ItemFirings, firing: Firing, monkeypatch: pytest.MonkeyPatch
) -> None:
    strings.use("en")
    monkeypatch.setattr(brushing, "MOST_ENTRIES", 100)
    with pytest.raises(MmfeatError, match=r"atlas\.h5 holds too many .* of 12 features .* fewer"):
        result(reader.fired_on(common(firing, 12), every=False))


def test_the_largest_activation_of_a_feature_on_each_item(
    reader: ItemFirings, firing: Firing
) -> None:
    feature = int(common(firing, 1)[0])
    assert np.array_equal(result(reader.largest(feature)), firing.largest[:, feature])


@pytest.mark.parametrize("language", ["", "ko", "ar"])
def test_items_on_which_a_feature_fires_within_a_range(
    reader: ItemFirings,
    firing: Firing,
    atlas_path: Path,
    language: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(brushing, "_SLICE", 50)
    with h5py.File(atlas_path) as file:
        languages = file["languages"].asstr()[:].tolist()
        group = file["codes/text.pooled" if language else "codes/image.pooled"]
        item, tag = group["rows/item"][:], group["rows/language"][:]
        row = np.repeat(np.arange(len(item)), np.diff(group["by_row/indptr"][:]))
        feature, value = group["by_row/indices"][:], group["by_row/data"][:].astype(np.float32)
    language = language if language in languages else language and languages[0]
    seen = 0
    for chosen in common(firing, 5).tolist():
        own = feature == chosen
        if language:
            own &= tag[row] == languages.index(language)
        if not own.any():
            continue
        middle = float(np.median(value[own]))
        for low, high in ((0.0, middle), (middle, np.inf), (0.0, np.inf), (middle, middle)):
            kept = own & (value >= low) & (value < high)
            found = result(reader.between(chosen, language, low, high))
            assert np.flatnonzero(found).tolist() == sorted(set(item[row[kept]].tolist()))
            seen += int(found.sum())
    assert seen > 10


@pytest.mark.parametrize("items", [[], [3], [0, 1, 2, 40, 41], "all"])
def test_which_features_fire_on_some_items(
    reader: ItemFirings, firing: Firing, items: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brushing, "_ROWS", 50)
    monkeypatch.setattr(brushing, "_GAP", 3)
    chosen = np.arange(len(firing.fires)) if items == "all" else np.array(items, np.int64)
    found = result(reader.on(chosen))
    assert np.array_equal(found.items, chosen)
    dense = np.zeros((len(chosen), firing.fires.shape[1]), int)
    np.add.at(dense, (found.at, found.feature), 1)
    assert np.array_equal(dense, firing.fires[chosen])
    kept = np.arange(len(chosen)) % 2 == 0
    assert np.array_equal(found.counts(kept), firing.fires[chosen[kept]].sum(0))


def test_brushed_items_are_told_by_the_features_that_fire_on_them_more(
    reader: ItemFirings, firing: Firing, atlas_path: Path
) -> None:
    with h5py.File(atlas_path) as file:
        group = file["items/attributes/group"].asstr()[:]
    items = np.flatnonzero(group == "flags").astype(np.int64)
    assert 3 < len(items) < len(group) / 2
    found = result(reader.contrast(items, most=5))
    own = np.zeros(len(group), bool)
    own[items] = True
    inside, outside = firing.fires[own].mean(0), firing.fires[~own].mean(0)
    best = np.argsort(-(inside - outside), kind="stable")[:5]
    assert [one.feature for one in found.features] == best.tolist()
    assert [one.inside for one in found.features] == pytest.approx(inside[best].tolist())
    assert [one.outside for one in found.features] == pytest.approx(outside[best].tolist())
    assert (found.inside, found.outside) == (found.brushed, found.others)
    assert (found.brushed, found.others) == (len(items), len(group) - len(items))


def test_of_many_items_a_sample_is_counted_and_said_to_be_one(
    atlas_path: Path, firing: Firing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brushing, "EXACT", 50)
    monkeypatch.setattr(brushing, "SAMPLE", 40)
    total = len(firing.fires)
    items = np.arange(0, total, 2, dtype=np.int64)
    with Atlas(atlas_path) as atlas:
        reader = ItemFirings(atlas)
        found = result(reader.contrast(items, most=1000))
        again = result(ItemFirings(atlas).contrast(items, most=1000))
        few = result(reader.contrast(items[:7], most=3))
    assert found == again
    assert found.inside == 40 and found.brushed == len(items)
    assert 0 < found.outside < 40 and found.others == total - len(items)
    for one in found.features:
        assert one.inside == pytest.approx(firing.fires[items, one.feature].mean(), abs=0.3)
    assert few.inside == few.brushed == 7
    shares = firing.fires[items[:7]].mean(0)
    assert all(one.inside == pytest.approx(shares[one.feature]) for one in few.features)


def test_features_are_ranked_by_the_excess_of_their_share() -> None:
    inside, outside = np.array([4, 4, 0, 2, 1]), np.array([50, 0, 10, 50, 0])
    found = ranked(inside, 4, outside, 100, most=3)
    assert found == (Distinct(1, 1.0, 0.0), Distinct(0, 1.0, 0.5), Distinct(4, 0.25, 0.0))
    assert ranked(np.zeros(3, int), 0, np.ones(3, int), 5, most=3) == ()
