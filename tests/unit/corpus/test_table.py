"""The ``table`` importer on the files people have."""

from __future__ import annotations

import csv
import json
import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mmfeat.corpus.file import open_corpus
from mmfeat.corpus.importers import import_corpus
from mmfeat.corpus.model import ImportOptions, ItemRow, Skipped
from mmfeat.corpus.table import image_root, read
from mmfeat.errors import MmfeatError
from tests.unit.corpus.defects import CAPTIONS as AWKWARD
from tests.unit.corpus.defects import clean, write_pictures

ITEMS = ImportOptions(id="id", lang=("en=en", "ko=ko"))
CAPTIONS = ImportOptions(id="id", language_column="lang", caption_column="text")


def items_of(source: Path, options: ImportOptions) -> list[ItemRow]:
    rows = list(read([source], options))
    assert [row for row in rows if isinstance(row, Skipped)] == []
    return [row for row in rows if isinstance(row, ItemRow)]


def parquet(path: Path, columns: dict[str, object]) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=2)
    return path


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet"])
def test_every_form_gives_the_same_items(tmp_path: Path, form: str) -> None:
    rows = [
        {"id": "a", "en": "a cat, sitting", "ko": "고양이", "kind": "animal"},
        {"id": "b", "en": 'the "big"\ndog', "ko": "개", "kind": ""},
    ]
    path = tmp_path / f"t.{form}"
    if form == "jsonl":
        path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    elif form == "parquet":
        parquet(path, {key: [row[key] for row in rows] for key in rows[0]})
    else:
        mark = "," if form == "csv" else "\t"
        cells = [list(rows[0]), *(list(row.values()) for row in rows)]
        quoted = [['"' + cell.replace('"', '""') + '"' for cell in line] for line in cells]
        path.write_text("\n".join(mark.join(line) for line in quoted), "utf-8")
    options = ImportOptions(id="id", lang=("en=en", "ko=ko"), attribute=("kind",))
    first, second = items_of(path, options)
    assert first.item_id == "a" and first.attributes == {"kind": "animal"}
    assert first.captions == (("en", "a cat, sitting"), ("ko", "고양이"))
    assert second.captions[0] == ("en", 'the "big"\ndog')
    assert (first.source, first.row, second.row) == (path.name, 1, 2)


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("\ufeffid,en,ko\r\n1,a,가\r\n\r\n2,b,나\r\n".encode())
    assert [(row.item_id, row.captions) for row in items_of(path, ITEMS)] == [
        ("1", (("en", "a"), ("ko", "가"))),
        ("2", (("en", "b"), ("ko", "나"))),
    ]
    path.write_bytes("\ufeffid\ten\tko\r\n1\ta\t가\r\n".encode("utf-16-le"))
    tsv = path.rename(tmp_path / "t.tsv")
    assert items_of(tsv, ITEMS)[0].captions == (("en", "a"), ("ko", "가"))
    lines = tmp_path / "t.jsonl"
    lines.write_bytes('\ufeff{"id": 7, "en": "a", "ko": null}\r\n'.encode())
    assert items_of(lines, ITEMS)[0].item_id == "7"
    assert items_of(lines, ITEMS)[0].captions == (("en", "a"),)


def test_bad_rows_of_a_csv_are_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    huge = b"x" * 200_000
    path.write_bytes(
        b"id,en,ko\n"
        b"1,good,\xea\xb0\x80\n"
        b"2,only two\n"
        b"3,a,b,c,d\n"
        b"4,bad bytes \xff\xfe,\xea\xb0\x80\n"
        b"5,nul \x00 inside,\xea\xb0\x80\n"
        b"6," + huge + b",\xea\xb0\x80\n"
        b"7,,\xea\xb0\x80\n"
        b"8\xff,a,b\n"
        b"1,again,b\n"
        b"9,last,\xea\xb0\x80\n"
    )
    out = tmp_path / "c.h5"
    summary = import_corpus("table", [path], out, ITEMS)
    with open_corpus(out) as corpus:
        assert corpus.item_id == ["1", "4", "5", "7", "9"]
        assert [corpus.captions.text[i] for i in (0, 1, 2, 3, 4)] == [
            "good",
            "가",
            "가",
            "가",
            "가",
        ]
    assert summary.skipped == {
        "the row has not as many cells as the header": 2,
        "the caption holds bytes that are not UTF-8 text (en)": 2,
        "a cell is longer than 131,072 characters or a quote is not closed": 1,
        "the caption is empty (en)": 1,
        "the row holds bytes that are not UTF-8 text": 1,
        "the item id is a duplicate": 1,
    }


def test_bad_lines_of_json_are_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(
        b'{"id": "1", "en": "x", "ko": ["a", "b", "c"]}\n'
        b"not json\n"
        b'["a list"]\n' + b"[" * 100_000 + b"\n"
        b'{"id": {"a": 1}, "en": "x"}\n'
        b'{"id": "2", "en": {"caption": 1}, "ko": "y"}\n'
        b'{"id": "3", "en": "\\ud800", "ko": "\\u0000"}\n'
        b'{"id": "4", "en": [], "ko": ["", "z"]}\n'
    )
    rows = list(read([path], ITEMS))
    assert [(row.row, row.reason) for row in rows if isinstance(row, Skipped)] == [
        (2, "the line is not JSON"),
        (3, "the line is not a JSON object"),
        (4, "the line is not JSON"),
        (5, "a cell holds neither text nor a number"),
        (6, "the caption is not text (en)"),
    ]
    out = tmp_path / "c.h5"
    summary = import_corpus("table", [path], out, ITEMS)
    assert summary.captions == {"en": 1, "ko": 5}
    with open_corpus(out) as corpus:
        assert corpus.item_id == ["1", "2", "4"]
        assert corpus.captions.text == ["x", "a", "b", "c", "y", "z"]


def test_parquet_with_lists_missing_values_and_broken_text(tmp_path: Path) -> None:
    broken = pa.array([b"ok", b"\xff\xfe", b"ok"]).view(pa.string())
    path = parquet(
        tmp_path / "t.parquet",
        {
            "id": [1, 2, 3],
            "en": broken,
            "ko": pa.array([["가", "나"], None, []], pa.list_(pa.string())),
            "score": [0.5, float("nan"), None],
        },
    )
    out = tmp_path / "c.h5"
    options = ImportOptions(id="id", lang=("en=en", "ko=ko"), attribute=("score",))
    summary = import_corpus("table", [path], out, options)
    with open_corpus(out) as corpus:
        assert corpus.item_id == ["1", "3"]
        assert corpus.captions.text == ["ok", "가", "나", "ok"]
        assert corpus.attributes == {"score": ["0.5", ""]}
    assert summary.skipped["the caption holds bytes that are not UTF-8 text (en)"] == 1


def test_captions_of_an_item_need_not_be_adjacent_or_in_one_file(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "고양이")
    one, two = tmp_path / "one.csv", tmp_path / "two.tsv"
    one.write_text(f"id,lang,text\na,en,cat\nb,en,dog\na,ko,{decomposed}\na,en,kitten\n", "utf-8")
    two.write_text("text\tid\tlang\nقطة\ta\tar\n犬\tb\tjp\n", "utf-8")
    out = tmp_path / "c.h5"
    import_corpus("table", [one, two], out, CAPTIONS)
    with open_corpus(out) as corpus:
        assert corpus.item_id == ["a", "b"] and corpus.languages == ["ar", "en", "ja", "ko"]
        assert corpus.captions.text == ["cat", "고양이", "kitten", "قطة", "dog", "犬"]
        assert corpus.captions.item.tolist() == [0, 0, 0, 0, 1, 1]


def test_bad_caption_rows_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(
        b"id,lang,text,kind\n"
        b"a,en,cat,x\n"
        b"a,english,cat,x\n"
        b"a,,cat,x\n"
        b"a,ko, ,x\n"
        b"a,ko,\xff,x\n"
        b"a,ko,ok,y\n"
        b"a,ko,ok,x\n"
    )
    options = ImportOptions(id="id", language_column="lang", caption_column="text", concept="kind")
    rows = list(read([path], options))
    assert [(row.row, row.reason) for row in rows if isinstance(row, Skipped)] == [
        (2, "the language is not a language tag"),
        (3, "the language is not a language tag"),
        (4, "the caption is empty (ko)"),
        (5, "the row holds bytes that are not UTF-8 text"),
        (6, "the row has another picture, concept or split than its item"),
    ]
    (item,) = [row for row in rows if isinstance(row, ItemRow)]
    assert item.captions == (("en", "cat"), ("ko", "ok")) and item.concept == "x" and item.row == 1


def test_pictures_are_found_beside_their_table(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b" / "사진 1").mkdir(parents=True)
    Image.new("RGB", (5, 5), "red").save(tmp_path / "a" / "x.png")
    Image.new("RGB", (6, 6), "blue").save(tmp_path / "b" / "사진 1" / "x y.png")
    (tmp_path / "a" / "t.csv").write_text(
        "file,en\nx.png,red\n../b/t.csv,climbs\n/etc/passwd,absolute\n,nothing\nnone.png,gone\n",
        "utf-8",
    )
    (tmp_path / "b" / "t.csv").write_text("file,en\n사진 1/x y.png,blue\n", "utf-8")
    sources = [tmp_path / "a" / "t.csv", tmp_path / "b" / "t.csv"]
    assert image_root(sources) == tmp_path.resolve()
    out = tmp_path / "out" / "c.h5"
    summary = import_corpus("table", sources, out, ImportOptions(image="file", lang=("en=en",)))
    with open_corpus(out) as corpus:
        # A row without a picture is a text alone.
        assert corpus.item_id == ["a/x.png", "a/t.csv:4", "b/사진 1/x y.png"]
        assert [bool(picture) for picture in corpus.picture] == [True, False, True]
        assert corpus.image(2).size == (6, 6)
    assert summary.skipped == {
        "the picture lies outside the table's folder": 2,
        "the picture is missing; check the path": 1,
    }


def test_splits_and_concepts_come_from_columns(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,c,s,en\n1,cat,Train,a\n2,cat,,b\n3,dog,test,c\n4,,val,d\n", "utf-8")
    options = ImportOptions(id="id", concept="c", split_column="s", lang=("en=en",))
    out = tmp_path / "c.h5"
    summary = import_corpus("table", [path], out, options)
    with open_corpus(out) as corpus:
        assert corpus.concept == ["cat", "cat", "dog"]
        assert corpus.split == ["train", "train", "test"]
    assert summary.skipped == {"the split is neither train nor test": 1}


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet"])
def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"t.{form}"
    if form == "jsonl":
        path.write_text('{"id": "1", "text": "x"}\n')
    elif form == "parquet":
        parquet(path, {"id": ["1"], "text": ["x"]})
    else:
        path.write_text("id,text\n1,x\n".replace(",", "," if form == "csv" else "\t"))
    out = tmp_path / "c.h5"
    with pytest.raises(MmfeatError, match="has no column en, ko; it has id, text"):
        import_corpus("table", [path], out, ITEMS)
    assert not out.exists()


def test_unusable_sources_and_options_are_refused(tmp_path: Path) -> None:
    good = tmp_path / "t.csv"
    good.write_text("id,en\n1,x\n")
    empty, other, fake = (tmp_path / name for name in ("e.csv", "t.xlsx", "t.parquet"))
    empty.touch()
    other.touch()
    fake.write_bytes(b"PAR1 not parquet")
    one = ImportOptions(id="id", lang=("en=en",))
    for sources, options, message in [
        ([empty], one, "is empty; a table needs a header"),
        ([other], one, "must end in one of .csv, .tsv"),
        ([fake], one, "not a readable Parquet file"),
        ([tmp_path / "none.csv"], one, "does not exist"),
        ([tmp_path], one, "is not a file"),
        ([], one, "needs at least one source"),
        ([good], ImportOptions(id="id"), "either --lang"),
        ([good], ImportOptions(id="id", language_column="en"), "either --lang"),
        ([good], ImportOptions(lang=("en=en",), language_column="a", caption_column="b"), "either"),
        ([good], ImportOptions(language_column="id", caption_column="en"), "need --id or --image"),
        ([good], ImportOptions(id="id", lang=("en=english",)), "is not a language tag"),
    ]:
        with pytest.raises(MmfeatError, match=message):
            import_corpus("table", sources, tmp_path / "c.h5", options)
    assert not (tmp_path / "c.h5").exists()


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet"])
def test_awkward_pictures_and_texts(tmp_path: Path, form: str) -> None:
    usable = write_pictures(tmp_path / "photos")
    rows = [
        {"id": name, "image": f"photos/{name}", **AWKWARD}
        for name in (*usable, "missing.jpg", "plain.jpg")
    ]
    path = tmp_path / f"t.{form}"
    if form == "jsonl":
        path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    elif form == "parquet":
        parquet(path, {key: [row[key] for row in rows] for key in rows[0]})
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]), delimiter="," if form == "csv" else "\t")
            table.writeheader()
            table.writerows(rows)
    lang = tuple(f"{tag}={tag}" for tag in AWKWARD)
    out = tmp_path / "c.h5"
    summary = import_corpus("table", [path], out, ImportOptions(id="id", image="image", lang=lang))
    with open_corpus(out) as corpus:
        assert corpus.item_id == [clean(name) for name, fine in usable.items() if fine]
        tags = [corpus.languages[language] for language in corpus.captions.language]
        expected = {(tag, clean(text)) for tag, text in AWKWARD.items()}
        assert set(zip(tags, corpus.captions.text, strict=True)) == expected
        assert len(corpus.captions.text) == len(corpus) * len(AWKWARD)
    reasons = {reason.split(";")[0]: count for reason, count in summary.skipped.items()}
    assert reasons == {
        "the picture is truncated": 1,
        "the picture is empty (zero bytes)": 1,
        "the picture is not a readable picture": 1,
        "the picture has more than 64,000,000 pixels": 1,
        "the picture is missing": 1,
        "the item id is a duplicate": 1,
    }
