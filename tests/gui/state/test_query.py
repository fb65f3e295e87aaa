from __future__ import annotations

import math

from mmfeat_gui.state.query import COLUMNS, Choice, Limit, Order, Query


def test_a_new_query_hides_nothing() -> None:
    assert not Query().filters
    assert not Query(text="  ").filters
    assert not Query(order=(Order("title"),)).filters
    assert Query(columns=("title",)).cleared() == Query(columns=("title",))


def test_every_filter_counts_as_one() -> None:
    for query in (
        Query(text="dog"),
        Query().limited(Limit("p[ko]", high=0.05)),
        Query().chosen(Choice("shared", (1,))),
        Query(tags=("animal",)),
        Query(starred=True),
        Query(selected=True),
    ):
        assert query.filters
        assert query.cleared() == Query()


def test_a_column_has_one_range() -> None:
    query = Query().limited(Limit("n_languages", 3)).limited(Limit("modality_score", 0.1, 0.9))
    query = query.limited(Limit("n_languages", 5))
    assert query.limits == (Limit("n_languages", 5), Limit("modality_score", 0.1, 0.9))
    assert query.limit("n_languages") == Limit("n_languages", 5, math.inf)
    query = query.limited(Limit("n_languages"))
    assert query.limits == (Limit("modality_score", 0.1, 0.9),)
    assert query.limit("n_languages") is None


def test_a_column_has_one_choice_and_none_stands_for_all() -> None:
    query = Query().chosen(Choice("reach", (3, 4))).chosen(Choice("reach", (4,)))
    assert query.choices == (Choice("reach", (4,)),)
    assert query.chosen(Choice("reach", ())) == Query()


def test_sorting_by_a_column_again_turns_it() -> None:
    query = Query().sorted_by("shared_q", descending_first=False)
    assert query.order == (Order("shared_q", False),)
    assert query.sorted_by("shared_q", descending_first=False).order == (Order("shared_q", True),)
    other = query.sorted_by("n_languages", descending_first=True)
    assert other.order == (Order("n_languages", True),)


def test_sorting_by_further_columns_keeps_the_first_ones_more_important() -> None:
    query = Query().sorted_by("shared", True).sorted_by("n_languages", True, also=True)
    query = query.sorted_by("title", False, also=True)
    assert query.order == (Order("shared", True), Order("n_languages", True), Order("title"))
    turned = query.sorted_by("n_languages", True, also=True)
    assert turned.order == (Order("shared", True), Order("n_languages"), Order("title"))


def test_clearing_keeps_order_columns_and_histograms() -> None:
    query = Query(
        text="x", order=(Order("title"),), columns=("title", "p[ko]"), histograms=("p[ko]",)
    )
    cleared = query.cleared()
    assert (cleared.order, cleared.columns) == (query.order, query.columns)
    assert cleared.histograms == ("p[ko]",)
    assert Query().columns == COLUMNS
