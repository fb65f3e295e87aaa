"""What of a source is imported."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest

from mmfeat.corpus.file import open_corpus
from mmfeat.corpus.filters import Filters
from mmfeat.corpus.importers import import_corpus
from mmfeat.corpus.model import ImportOptions, ItemRow, Skipped, split_of
from mmfeat.errors import MmfeatError


def kept(filters: Filters, rows: list[ItemRow | Skipped]) -> list[str]:
    return [row.item_id for row in filters.apply(iter(rows)) if isinstance(row, ItemRow)]


MANY: list[ItemRow | Skipped] = [ItemRow(f"i{n}", "", (("en", "x"),), row=n) for n in range(500)]
MIXED: list[ItemRow | Skipped] = [
    ItemRow("both", "a.jpg", (("en", "x"), ("zh_hans", "中"), ("en", "y"))),
    Skipped("f", 2, "broken"),
    ItemRow("english", "", (("en", "x"),)),
    ItemRow("picture", "b.jpg", (("en", "x"),)),
    ItemRow("chinese", "", (("zh-Hans", "文"),)),
    ItemRow("nothing"),
]


def test_without_filters_all_rows_pass_as_they_are() -> None:
    assert list(Filters().apply(iter(MIXED))) == MIXED


def test_captions_of_other_languages_are_dropped_and_items_they_leave_bare() -> None:
    rows = list(Filters(languages=("ZH-hans",)).apply(iter(MIXED)))
    assert [row.item_id for row in rows if isinstance(row, ItemRow)] == [
        "both",
        "picture",
        "chinese",
        "nothing",  # had none before: the writer says so
    ]
    assert isinstance(rows[0], ItemRow) and rows[0].captions == (("zh-Hans", "中"),)
    assert isinstance(rows[2], ItemRow) and rows[2].captions == ()
    assert MIXED[1] in rows


def test_a_language_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(MmfeatError, match="No caption is in kr; the source has en, zh-Hans; give"):
        kept(Filters(languages=("en", "kr")), MIXED)
    with pytest.raises(MmfeatError, match="'english' is not a language tag"):
        Filters(languages=("english",))


def test_a_split_is_the_sources_own_word_and_is_drawn_anew() -> None:
    rows: list[ItemRow | Skipped] = [
        ItemRow("a", split="train", attributes={"split": "train"}),
        ItemRow("b", split="train", attributes={"split": "restval"}),
        ItemRow("c", split="test", attributes={"split": "val"}),
        ItemRow("d", split="test", attributes={"split": "test"}),
        ItemRow("e", split="test"),
        ItemRow("f"),
    ]
    assert kept(Filters(split="train"), rows) == ["a"]
    assert kept(Filters(split="restval"), rows) == ["b"]
    assert kept(Filters(split="test"), rows) == ["d", "e"]
    (row,) = Filters(split="val").apply(iter(rows))
    assert isinstance(row, ItemRow) and row.split is None and row.attributes == {"split": "val"}
    with pytest.raises(MmfeatError, match="of the split dev; the source has restval, test, train,"):
        kept(Filters(split="dev"), rows)
    with pytest.raises(MmfeatError, match="of the split dev; the source says nothing of splits"):
        kept(Filters(split="dev"), MANY)


def test_the_first_items_are_taken_and_no_row_more_is_read() -> None:
    read = []

    def rows() -> Iterator[ItemRow | Skipped]:
        for row in MIXED:
            read.append(row)
            yield row

    assert list(Filters(limit=2).apply(rows())) == MIXED[:3] == read
    assert kept(Filters(limit=9999), MANY) == [row.item_id for row in MANY]


def test_a_sample_has_the_smallest_hashes_in_the_order_of_the_source() -> None:
    def hashed(item: str) -> str:
        return hashlib.sha256(f"sample:7:{item}".encode()).hexdigest()

    names = [f"i{n}" for n in range(500)]
    chosen = sorted(sorted(names, key=hashed)[:20], key=names.index)
    assert kept(Filters(limit=20, sample=7), MANY) == chosen
    assert kept(Filters(limit=20, sample=8), MANY) != chosen
    assert set(kept(Filters(limit=10, sample=7), MANY)) < set(chosen)
    assert kept(Filters(limit=20, sample=7), MIXED) == kept(Filters(), MIXED)
    assert MIXED[1] in list(Filters(limit=1, sample=7).apply(iter(MIXED)))


def test_a_sample_is_of_both_splits_whatever_its_seed() -> None:
    for seed in range(5):
        chosen = kept(Filters(limit=100, sample=seed), MANY)
        share = sum(split_of(item, seed) == "test" for item in chosen) / 100
        assert 0.3 < share < 0.7


def test_every_item_is_as_likely_to_be_chosen() -> None:
    counts = dict.fromkeys((f"i{n}" for n in range(50)), 0)
    for seed in range(400):
        for item in kept(Filters(limit=10, sample=seed), MANY[:50]):
            counts[item] += 1
    assert all(50 < count < 115 for count in counts.values()), counts  # 80 expected, sd 8


def test_filters_work_together() -> None:
    rows: list[ItemRow | Skipped] = [
        ItemRow(str(n), "", (("ko" if n % 2 else "en", "x"),), split="test" if n > 10 else "train")
        for n in range(40)
    ]
    filters = Filters(languages=("ko",), split="test", limit=3)
    assert kept(filters, rows) == ["11", "13", "15"]


def test_wrong_numbers_are_refused() -> None:
    for limit in (0, -3):
        with pytest.raises(MmfeatError, match=f"--limit {limit} leaves nothing"):
            Filters(limit=limit)
    with pytest.raises(MmfeatError, match="--sample needs --limit"):
        Filters(sample=0)


def test_filters_are_applied_to_any_format_and_noted(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    lines = [f"{n},{'train' if n < 50 else 'test'},cat {n},고양이 {n}" for n in range(100)]
    table.write_text("\n".join(("id,s,en,ko", *lines)), "utf-8")
    options = ImportOptions(id="id", lang=("en=en", "ko=ko"), split_column="s")
    filters = Filters(("ko",), "test", 30, 1)
    out = tmp_path / "c.h5"
    summary = import_corpus("table", [table], out, options, filters=filters)
    assert summary.captions == {"ko": 30} and summary.skipped == {}
    with open_corpus(out) as corpus:
        numbers = [int(item) for item in corpus.item_id]
        assert min(numbers) >= 50 and numbers == sorted(numbers)
        assert set(corpus.split) == {"train", "test"}
    with h5py.File(out) as file:
        settings = json.loads(file.attrs["provenance"])["settings"]
    assert settings["filters"] == {"languages": ["ko"], "split": "test", "limit": 30, "sample": 1}
