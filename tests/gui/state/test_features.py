from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from mmfeat_gui.state.features import FeatureTable, Query, fold

NAMES = [
    ["dog", "개", "كلب", "Hund"],
    ["cat", "고양이", "قط", "Straße"],
    ["", "", "", ""],
    ["Dogma", "나무", "شجرة", "İz"],
]


@pytest.fixture
def table() -> FeatureTable:
    scores = {
        "shared": np.array([True, False, False, True]),
        "n_languages": np.array([14, 3, 0, 9], np.int16),
        "modality_score": np.array([0.5, np.nan, np.nan, 0.1], np.float32),
        "firing_rate_image": np.array([0.2, 0.1, 0.0, 0.2]),
        "firing_rate_text": np.zeros(4),
        "shared_q": np.array([0.01, np.nan, np.nan, 0.001]),
    }
    return FeatureTable(scores, NAMES, ["dog", "cat", "feature 2", "Dogma"])


def test_without_filters_all_features_come_in_their_order(table: FeatureTable) -> None:
    assert table.select(Query()).tolist() == [0, 1, 2, 3]
    assert not Query(text="  ").filters


def test_filters_combine(table: FeatureTable) -> None:
    assert table.select(Query(shared_only=True)).tolist() == [0, 3]
    assert table.select(Query(min_languages=9)).tolist() == [0, 3]
    assert table.select(Query(min_languages=10, shared_only=True)).tolist() == [0]
    assert table.select(Query(text="나무", shared_only=True)).tolist() == [3]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("DOG", [0, 3]),
        ("고양", [1]),
        (unicodedata.normalize("NFD", "고양이"), [1]),
        ("كلب", [0]),
        ("STRASSE", [1]),
        (" شجرة ", [3]),
        ("#3", [3]),
        ("#99999999999999999999", []),
        ("no such name", []),
        ("dog\n개", [0]),
    ],
)
def test_search_finds_names_of_any_language_casefolded(
    table: FeatureTable, text: str, found: list[int]
) -> None:
    assert table.select(Query(text=text)).tolist() == found


def test_sorting_puts_missing_values_last_in_both_directions(table: FeatureTable) -> None:
    assert table.select(Query(sort="modality_score")).tolist() == [3, 0, 1, 2]
    assert table.select(Query(sort="modality_score", descending=True)).tolist() == [0, 3, 1, 2]


def test_ties_keep_the_order_of_features(table: FeatureTable) -> None:
    assert table.select(Query(sort="firing_rate_image", descending=True)).tolist() == [0, 3, 1, 2]


def test_names_sort_without_regard_to_case(table: FeatureTable) -> None:
    assert table.select(Query(sort="title")).tolist() == [1, 0, 3, 2]


def test_begins_with_the_first_shared_feature(table: FeatureTable) -> None:
    assert table.first() == 0
    table.scores["shared"] = np.array([False, False, False, True])
    assert table.first() == 3
    table.scores["shared"] = np.zeros(4, bool)
    assert table.first() == 0


def test_folding_is_stable() -> None:
    assert fold("é") == fold("É") == fold("E\N{COMBINING ACUTE ACCENT}")
    assert fold(fold("Straße")) == fold("STRASSE")


def test_selecting_from_many_features_agrees_with_brute_force() -> None:
    rng = np.random.default_rng(0)
    count = 65_536
    scores = {
        "shared": rng.random(count) < 0.3,
        "n_languages": rng.integers(0, 15, count),
        "shared_q": np.where(rng.random(count) < 0.5, rng.random(count), np.nan),
    }
    names = [[f"name {k}", f"이름 {k}"] for k in range(count)]
    table = FeatureTable(scores, names, [row[0] for row in names])
    query = Query("이름 12", True, 5, "shared_q", True)
    keep = [
        k
        for k in range(count)
        if scores["shared"][k] and scores["n_languages"][k] >= 5 and f"{k}".startswith("12")
    ]
    q = scores["shared_q"]
    expected = sorted(keep, key=lambda k: (np.isnan(q[k]), -q[k] if q[k] == q[k] else 0, k))
    assert table.select(query).tolist() == expected
