"""Captions gathered by item."""

from __future__ import annotations

from mmfeat.corpus.grouping import Groups
from mmfeat.corpus.model import ItemRow
from mmfeat.corpus.scratch import scratch_database


def test_items_and_captions_keep_their_order_and_the_first_row_counts() -> None:
    first = ItemRow("b", "b.jpg", (), "c", "test", {"k": "v"}, "s", 7)
    with scratch_database() as database:
        groups = Groups(database)
        b, a = groups.item(first), groups.item(ItemRow("a"))
        assert groups.add(a, "en", "one") and groups.add(b, "ko", "하나")
        assert groups.item(ItemRow("b", "other.jpg", row=9)) == b != a
        assert groups.add(b, "en", "two")
        rows = list(groups.rows())
    assert rows == [
        ItemRow("b", "b.jpg", (("ko", "하나"), ("en", "two")), "c", "test", {"k": "v"}, "s", 7),
        ItemRow("a", captions=(("en", "one"),)),
    ]


def test_a_key_counts_once_an_item_and_captions_without_key_always() -> None:
    with scratch_database() as database:
        groups = Groups(database)
        a, b = groups.item(ItemRow("a")), groups.item(ItemRow("b"))
        added = [groups.add(item, "en", "x", key) for item in (a, b) for key in ("1", "1", None)]
        assert added == [True, False, True, True, False, True]
        assert groups.add(a, "en", "x")
        assert [len(row.captions) for row in groups.rows()] == [3, 2]
