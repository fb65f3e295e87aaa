from __future__ import annotations

import math

import numpy as np
import pytest

from mmfeat_gui.resources import strings
from mmfeat_gui.state.columns import column_of
from mmfeat_gui.state.features import FeatureTable, Outside, known
from mmfeat_gui.state.names import block_size, make_block, ranks, sorting_keys
from mmfeat_gui.state.query import Choice, Limit, Order, Query
from mmfeat_gui.state.selection import NOTHING, Selection

LANGUAGES = ("en", "ko", "ar", "de")
NAMES = [
    ["dog", "개", "كلب", "Hund"],
    ["cat", "고양이", "قط", "Straße"],
    ["", "", "", ""],
    ["Dogma", "나무", "شجرة", "İz"],
]


def _named(table: FeatureTable, names: list[list[str]]) -> None:
    size, titles = block_size(len(table.languages)), []
    for start in range(0, len(names), size):
        own = names[start : start + size]
        score = np.full((len(own), len(table.languages)), 0.5, np.float32)
        block = make_block(start, own, score, table.languages)
        table.put_names(block)
        titles += [block.title(start + at)[0] for at in range(len(own))]
    table.put_ranks("title", ranks(sorting_keys(titles)))


@pytest.fixture
def table() -> FeatureTable:
    scores = {
        "shared": np.array([True, False, False, True]),
        "n_languages": np.array([14, 3, 0, 9], np.int16),
        "modality_score": np.array([0.5, np.nan, np.nan, 0.1], np.float32),
        "firing_rate_image": np.array([0.2, 0.1, 0.0, 0.2]),
    }
    by_language = {"p": np.arange(16.0).reshape(4, 4) / 16}
    found = FeatureTable(scores, by_language, LANGUAGES)
    _named(found, NAMES)
    return found


def _sorted(table: FeatureTable, *order: Order) -> list[int]:
    return table.select(Query(order=order)).tolist()


def test_without_filters_all_features_come_in_their_order(table: FeatureTable) -> None:
    assert table.select(Query()).tolist() == [0, 1, 2, 3]


def test_filters_combine(table: FeatureTable) -> None:
    shared = Query().chosen(Choice("shared", (1,)))
    assert table.select(shared).tolist() == [0, 3]
    assert table.select(Query().limited(Limit("n_languages", 9))).tolist() == [0, 3]
    assert table.select(shared.limited(Limit("n_languages", 10))).tolist() == [0]
    assert table.select(Query(text="나무").chosen(Choice("shared", (1,)))).tolist() == [3]
    assert table.select(Query().chosen(Choice("shared", (0, 1)))).tolist() == [0, 1, 2, 3]


def test_ranges_have_both_ends_and_leave_out_what_is_missing(table: FeatureTable) -> None:
    assert table.select(Query().limited(Limit("n_languages", 3, 9))).tolist() == [1, 3]
    assert table.select(Query().limited(Limit("modality_score", high=1.0))).tolist() == [0, 3]
    assert table.select(Query().limited(Limit("p[ko]", 0.3, 0.6))).tolist() == [1, 2]


def test_a_filter_of_a_column_that_is_not_there_hides_nothing(table: FeatureTable) -> None:
    query = Query().limited(Limit("p[xx]", 5)).chosen(Choice("reach", (4,)))
    assert table.select(query.limited(Limit("title", 2))).tolist() == [0, 1, 2, 3]


def test_numbers_are_found_after_a_sign(table: FeatureTable) -> None:
    assert table.select(Query(text=" #3 ")).tolist() == [3]
    assert table.select(Query(text="#99999999999999999999")).tolist() == []


def test_a_text_in_captions_counts_where_it_is_asked_for(table: FeatureTable) -> None:
    outside = Outside(in_captions=Selection.of([2]))
    assert table.select(Query(text="dog"), outside).tolist() == [0, 3]
    assert table.select(Query(text="dog", in_captions=True), outside).tolist() == [0, 2, 3]


def test_notes_and_brushes_filter(table: FeatureTable) -> None:
    tags = {"b": Selection.of([1, 2]), "a": Selection.of([2, 3])}
    outside = Outside(
        selected=Selection.of([1, 3, 99]),
        starred=Selection.of([0]),
        tags=("a", "b"),
        tagged=lambda tag: tags.get(tag, NOTHING),
    )
    assert table.select(Query(selected=True), outside).tolist() == [1, 3]
    assert table.select(Query(starred=True), outside).tolist() == [0]
    assert table.select(Query(tags=("a",)), outside).tolist() == [2, 3]
    assert table.select(Query(tags=("a", "b")), outside).tolist() == [1, 2, 3]
    assert table.select(Query(tags=("none",)), outside).tolist() == []
    by_tag = Query(order=(Order("tags"),))
    assert table.select(by_tag, outside).tolist() == [2, 3, 1, 0]
    assert table.select(Query(order=(Order("star", True),)), outside).tolist() == [0, 1, 2, 3]


def test_sorting_puts_missing_values_last_in_both_directions(table: FeatureTable) -> None:
    assert _sorted(table, Order("modality_score")) == [3, 0, 1, 2]
    assert _sorted(table, Order("modality_score", True)) == [0, 3, 1, 2]
    assert _sorted(table, Order("title")) == [1, 0, 3, 2]
    assert _sorted(table, Order("title", True)) == [3, 0, 1, 2]


def test_ties_keep_the_order_of_the_next_column(table: FeatureTable) -> None:
    assert _sorted(table, Order("firing_rate_image", True)) == [0, 3, 1, 2]
    both = (Order("firing_rate_image", True), Order("n_languages"))
    assert _sorted(table, *both) == [3, 0, 1, 2]
    assert _sorted(table, Order("shared"), Order("n_languages", True)) == [1, 2, 0, 3]


def test_applying_a_query_tells_when_other_rows_are_shown(table: FeatureTable) -> None:
    heard: list[list[int]] = []
    table.filtered.connect(lambda: heard.append(table.rows.tolist()))
    table.apply(Query())
    assert heard == []
    table.apply(Query(text="dog"))
    table.apply(Query(text="do"))
    table.apply(Query(text="dog", order=(Order("feature", True),)))
    assert heard == [[0, 3], [3, 0]]
    assert table.passing.tolist() == [True, False, False, True]


def test_names_are_known_by_language(table: FeatureTable) -> None:
    assert table.title(1) == "cat" and table.title_language(1) == "en"
    assert table.title(2) == "feature 2" and table.title_language(2) == ""
    assert table.names_of(0) == dict(zip(LANGUAGES, NAMES[0], strict=True))
    assert table.names_of(2) == {}


def test_before_names_arrive_features_are_called_by_number() -> None:
    table = FeatureTable({"shared": np.zeros(3, bool)}, {}, ("en",))
    assert table.title(2) == "feature 2" and table.names_of(2) == {} and not table.named
    assert not table.search("feature").any()
    _named(table, [["a"], ["b"], ["c"]])
    assert table.named and table.title(2) == "c"


def test_a_column_is_called_by_the_words_of_the_page_where_it_has_no_shorter_ones() -> None:
    strings.use("en")
    assert column_of("shared_q").label == strings.tr("table.shared_q")
    spread = column_of("patch_entropy")
    assert not strings.has("table.patch_entropy")
    assert (spread.label, spread.tip) == (
        strings.tr("number.patch_entropy"),
        strings.tr("number.patch_entropy_tip"),
    )
    assert column_of("own_score[ko]").label == "own score (ko)"


def test_every_column_is_described(table: FeatureTable) -> None:
    kinds = {}
    for key in table.column_keys():
        column = table.describe(key)
        assert column is not None, key
        assert column.label and column.tip
        kinds[key] = column.kind
    assert kinds["shared"] == "flag" and kinds["n_languages"] == "count"
    assert kinds["firing_rate_image"] == "share" and kinds["name[ko]"] == "name"
    assert kinds["p[ar]"] == "number" and kinds["tags"] == "tags"
    assert set(kinds) >= {"title", "feature", "star", "name_score[de]", "p[en]"}


@pytest.mark.parametrize(
    "key", ["", "[", "p", "p[", "p[xx]", "p[]", "title[en]", "nothing", "name"]
)
def test_a_column_that_is_not_there_is_none(table: FeatureTable, key: str) -> None:
    assert table.describe(key) is None
    query = Query(columns=(key, "title"), histograms=(key,), order=(Order(key), Order("shared")))
    own = known(query, table)
    assert (own.columns, own.histograms, own.order) == (("title",), (), (Order("shared"),))


def test_scores_that_arrive_can_be_shown_and_filtered(table: FeatureTable) -> None:
    assert table.describe("reach") is None
    table.put_scores({"reach": np.array([4, 3, 0, 4], np.int8), "shared": np.zeros(4)})
    column = table.describe("reach")
    assert column is not None and column.kind == "category"
    assert [text for _, text in column.values()] == [column.text(k) for k in range(5)]
    assert table.select(Query().chosen(Choice("reach", (4, 3)))).tolist() == [0, 1, 3]
    assert table.scores["shared"].tolist() == [True, False, False, True]


def test_values_are_written_as_their_kind_asks(table: FeatureTable) -> None:
    def text(key: str, value: float) -> str:
        column = table.describe(key)
        assert column is not None
        return column.text(value)

    assert text("modality_score", 0.5) == "0.50"
    assert text("modality_score", math.nan) == "–"
    assert text("firing_rate_image", 0.1234) == "12.34%"
    assert text("shared", 1) == "✓" and text("shared", 0) == ""
    assert text("n_languages", 14) == "14"
    assert text("p[en]", 0.000123) == "0.00012"
    assert text("p[en]", math.inf) == "+∞"


def test_begins_with_the_first_shared_feature(table: FeatureTable) -> None:
    assert table.first() == 0
    table.scores["shared"] = np.array([False, False, False, True])
    assert table.first() == 3
    table.scores["shared"] = np.zeros(4, bool)
    assert table.first() == 0


def test_selecting_from_many_features_agrees_with_brute_force() -> None:
    rng = np.random.default_rng(0)
    count = 65_536
    scores = {
        "shared": rng.random(count) < 0.3,
        "n_languages": rng.integers(0, 15, count),
        "shared_q": np.where(rng.random(count) < 0.5, rng.random(count).round(2), np.nan),
    }
    table = FeatureTable(scores, {}, ("en", "ko"))
    _named(table, [[f"name {k}", f"이름 {k}"] for k in range(count)])
    query = Query(text="이름 12", order=(Order("shared_q", True), Order("n_languages")))
    query = query.chosen(Choice("shared", (1,))).limited(Limit("n_languages", 5))
    n, q = scores["n_languages"], scores["shared_q"]
    keep = [k for k in range(count) if scores["shared"][k] and n[k] >= 5]
    keep = [k for k in keep if f"{k}".startswith("12")]
    expected = sorted(keep, key=lambda k: (np.isnan(q[k]), -q[k] if q[k] == q[k] else 0, n[k], k))
    assert table.select(query).tolist() == expected
