from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mmfeat.errors import MmfeatError
from mmfeat.figures.pages import title_of
from mmfeat_gui.resources import strings
from mmfeat_gui.state.features import FeatureTable
from mmfeat_gui.state.names import READ, NameBlock, fold
from mmfeat_gui.state.query import Order, Query
from mmfeat_gui.workers import table as requests
from mmfeat_gui.workers.atlases import Atlases
from mmfeat_gui.workers.table import (
    CaptionHits,
    Cells,
    CopyRows,
    FindItem,
    NameRanks,
    RankNames,
    ReadNames,
    ReadScores,
    SearchCaptions,
    WriteRows,
)


@pytest.fixture
def atlases(atlas_path: Path) -> Iterator[Atlases]:
    strings.use("en")
    opened = Atlases()
    opened.open(atlas_path)
    yield opened
    opened.close()


@pytest.fixture
def table(atlases: Atlases, atlas_path: Path) -> FeatureTable:
    """A table to which everything has come."""
    found = atlases.open(atlas_path).table
    for scores in ReadScores().slices(atlases):
        found.put_scores(scores)
    for block in ReadNames().slices(atlases):
        if isinstance(block, NameBlock):
            found.put_names(block)
        else:
            found.put_ranks(block.key, block.ranks)
    return found


def test_names_come_in_slices_as_they_stand_in_the_file(
    monkeypatch: pytest.MonkeyPatch, atlases: Atlases, truth: Any
) -> None:
    monkeypatch.setattr(requests, "block_size", lambda languages: 7)
    *blocks, ranked = ReadNames().slices(atlases)
    assert len(blocks) == -(-truth.count // 7)
    names = [block.names(block.start + k) for block in blocks for k in range(len(block))]
    assert names == truth.names.tolist()
    score = np.concatenate([block.score for block in blocks])
    assert np.array_equal(score, truth.name_scores, equal_nan=True)
    assert isinstance(ranked, NameRanks)
    titles = [block.title(block.start + k)[0] for block in blocks for k in range(len(block))]
    known = [k for k, title in enumerate(titles) if title]
    assert np.flatnonzero(np.isfinite(ranked.ranks)).tolist() == known
    expected = sorted(known, key=lambda k: (fold(titles[k]), k))
    assert sorted(known, key=lambda k: (ranked.ranks[k], k)) == expected


def test_titles_are_those_of_the_pages(table: FeatureTable, truth: Any) -> None:
    for feature in range(truth.count):
        pairs = zip(truth.names[feature], truth.name_scores[feature].tolist(), strict=True)
        names = dict(zip(truth.languages, pairs, strict=True))
        assert table.title(feature) == title_of(names, feature)


def test_names_of_a_language_are_put_in_order(
    atlases: Atlases, table: FeatureTable, truth: Any
) -> None:
    assert not table.ranked("name[ko]") and np.isnan(table.column("name[ko]")).all()
    *_, found = RankNames(table, "ko").slices(atlases)
    assert found is not None
    table.put_ranks(found.key, found.ranks)
    names = truth.names[:, truth.languages.index("ko")]
    rows = table.select(Query(order=(Order("name[ko]"),))).tolist()
    expected = sorted(range(truth.count), key=lambda k: (names[k] == "", fold(names[k]), k))
    assert rows == expected


def test_scores_of_all_parts_come(table: FeatureTable, atlas_path: Path) -> None:
    with h5py.File(atlas_path) as file:
        expected = {
            "reach": file["by_language/reach"][()],
            "mean_jaccard": file["by_pair/mean_jaccard"][()],
            "interference_max": file["geometry/interference_max"][()],
            "monosemanticity_across": file["concepts/monosemanticity/across"][()],
        }
        level, reach = file["by_language/level"][:, 0], file["by_language/reach"][()]
    for name, values in expected.items():
        assert np.array_equal(table.scores[name], values, equal_nan=True), name
    assert table.scores["pictures_only"].tolist() == ((reach == 0) & (level == 2)).tolist()
    assert table.scores["one_language"].tolist() == (reach == 1).tolist()


def test_an_item_is_found_by_its_id(atlases: Atlases, truth: Any) -> None:
    for index in (0, len(truth.item_id) // 2, len(truth.item_id) - 1):
        assert FindItem(truth.item_id[index]).read(atlases) == index
    with pytest.raises(MmfeatError, match=r"atlas\.h5 has no item 'none such'"):
        FindItem("none such").read(atlases)


def _with_caption(path: Path, text: str) -> list[int]:
    """Return the features with a top caption that holds a text, found with h5py alone."""
    with h5py.File(path) as file:
        top = file["examples/text.pooled/top"][()]
        caption = file["codes/text.pooled/rows/caption"][()]
        holds = [fold(text) in fold(own) for own in file["captions/text"].asstr()[()]]
    hit = np.append(np.array(holds)[caption], False)  # -1 is none
    return np.flatnonzero(hit[top].any(axis=(1, 2))).tolist()


@pytest.mark.parametrize("text", ["dog", "DOG", "a", "개", "ف", "no caption holds this"])
def test_features_are_found_by_their_top_captions(
    atlases: Atlases, atlas_path: Path, text: str
) -> None:
    found = [hits for hits in SearchCaptions(text).slices(atlases) if hits is not None]
    assert np.flatnonzero(found[-1].features).tolist() == _with_caption(atlas_path, text)
    assert found[-1].share == 1


def test_captions_are_searched_slice_by_slice_with_results_on_the_way(
    monkeypatch: pytest.MonkeyPatch, atlases: Atlases, atlas_path: Path, truth: Any
) -> None:
    monkeypatch.setattr(requests, "READ", 100)
    answers = list(SearchCaptions("a").slices(atlases))
    hits = [hit for hit in answers if isinstance(hit, CaptionHits)]
    shares = [hit.share for hit in hits]
    assert len(hits) > 3 and shares == sorted(shares) and shares[0] < 0.2
    for one, other in pairwise(hits):
        assert not (one.features & ~other.features).any()
    assert np.flatnonzero(hits[-1].features).tolist() == _with_caption(atlas_path, "a")
    assert len(answers) >= len(truth.caption_text) / 100


def test_captions_with_any_letters_are_searched(tmp_path: Path, atlas_path: Path) -> None:
    own = tmp_path / "atlas.h5"
    shutil.copy(atlas_path, own)
    with h5py.File(own, "r+") as file:
        texts = file["captions/text"].asstr()[()]
        top = int(file["codes/text.pooled/rows/caption"][file["examples/text.pooled/top"][:].max()])
        texts[top] = "one\x1etwo"
        del file["captions/text"]
        file["captions"].create_dataset("text", data=texts, dtype=h5py.string_dtype())
    atlases = Atlases()
    atlases.open(own)
    *_, last = SearchCaptions("two").slices(atlases)
    atlases.close()
    assert last is not None
    assert np.flatnonzero(last.features).tolist() == _with_caption(own, "two")


def test_fewer_texts_are_read_at_a_time_than_would_hold_the_interpreter(
    monkeypatch: pytest.MonkeyPatch, atlases: Atlases
) -> None:
    sizes = []
    texts = type(atlases.main._data).texts

    def counted(self: Any, name: str, start: int, stop: int) -> list[Any]:
        found = texts(self, name, start, stop)
        sizes.append(sum(len(row) if isinstance(row, list) else 1 for row in found))
        return found

    monkeypatch.setattr(type(atlases.main._data), "texts", counted)
    list(ReadNames().slices(atlases))
    list(SearchCaptions("dog").slices(atlases))
    assert len(sizes) > 2 and max(sizes) <= READ


COLUMNS = ("feature", "shared", "n_languages", "shared_q", "p[ko]", "name[ar]", "name_score[en]")


def _cells(table: FeatureTable, columns: tuple[str, ...]) -> Cells:
    rows = np.arange(len(table))[::-3]
    return Cells(table, rows, columns, {int(rows[1]): "animal, =1+1"}, frozenset({int(rows[0])}))


def test_a_file_is_what_the_command_exports(
    tmp_path: Path, atlases: Atlases, atlas_path: Path, table: FeatureTable
) -> None:
    from mmfeat.figures.kinds.table import TableSettings, write

    cells = _cells(table, COLUMNS)
    out, expected = tmp_path / "own.csv", tmp_path / "expected.csv"
    *_, path = WriteRows(cells, out).slices(atlases)
    assert path == out
    settings = TableSettings(feature=tuple(cells.rows.tolist()), column=COLUMNS[1:])
    write(atlas_path, settings, expected, "csv", "{}")
    assert out.read_text("utf-8") == expected.read_text("utf-8")
    assert sorted(tmp_path.iterdir()) == [expected, out]


def test_rows_are_copied_with_tabs_between_them(atlases: Atlases, table: FeatureTable) -> None:
    cells = _cells(table, ("title", "star", "tags", "feature"))
    *_, text = CopyRows(cells).slices(atlases)
    assert text is not None
    head, *lines = csv.reader(io.StringIO(text), delimiter="\t")
    assert head == ["title", "star", "tags", "feature"]
    assert [int(line[3]) for line in lines] == cells.rows.tolist()
    assert [line[0] for line in lines] == [table.title(row) for row in cells.rows.tolist()]
    assert [line[1] for line in lines] == ["true", *["false"] * (len(lines) - 1)]
    assert lines[1][2] == "animal, =1+1"


def test_texts_that_a_spreadsheet_would_compute_are_guarded(
    atlases: Atlases, table: FeatureTable
) -> None:
    cells = Cells(table, np.array([4]), ("tags",), {4: "=cmd()"}, frozenset())
    *_, text = CopyRows(cells).slices(atlases)
    assert text == "tags\n'=cmd()\n"


def test_a_file_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, atlases: Atlases, table: FeatureTable
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MmfeatError, match="file"):
        list(WriteRows(_cells(table, COLUMNS), tmp_path / "file" / "own.csv").slices(atlases))


def test_writing_that_is_given_up_leaves_nothing(
    tmp_path: Path, atlases: Atlases, table: FeatureTable
) -> None:
    slices = WriteRows(_cells(table, COLUMNS), tmp_path / "own.csv").slices(atlases)
    next(slices)
    slices.close()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []
