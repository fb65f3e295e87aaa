"""Crossmodal-3600 in its real layout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmfeat.corpus.file import open_corpus
from mmfeat.corpus.importers import import_corpus
from mmfeat.corpus.model import ImportOptions, ItemRow, Skipped
from mmfeat.corpus.xm3600 import read
from mmfeat.errors import MmfeatError
from tests.unit.corpus.defects import CAPTIONS, clean, pictures, write_pictures
from tests.unit.corpus.growth import check_growth, linux


def line(key: object, captions: dict[str, list[str]], locale: str = "ko") -> str:
    """Build a line as Crossmodal-3600 has it."""
    fields = {"image/key": key, "image/locale": locale}
    for tag, texts in captions.items():
        fields[tag] = {
            "caption": texts,
            "caption/tokenized": [" ".join(text) for text in texts],
            "caption/tokenized/lowercase": [" ".join(text).lower() for text in texts],
        }
    return json.dumps(fields, ensure_ascii=False)


def dataset(folder: Path, lines: list[str], start: bytes = b"", end: str = "\n") -> Path:
    folder.mkdir(exist_ok=True)
    text = end.join((*lines, ""))
    (folder / "captions.jsonl").write_bytes(start + text.encode(errors="surrogateescape"))
    return folder


def test_every_language_of_a_line_is_read_with_all_its_captions(tmp_path: Path) -> None:
    data = pictures()["plain.jpg"][0]
    source = dataset(
        tmp_path / "xm3600",
        [
            line(
                "000411001ff7dd4f", {"fil": ["isa", "dalawa"], "quz": ["huk"], "zh": ["一"]}, "fil"
            ),
            line("00d2a8dbcf7a5d9f", {"en": ["one", "two", "three"]}, "en"),
        ],
    )
    (source / "images").mkdir()
    for key in ("000411001ff7dd4f", "00d2a8dbcf7a5d9f"):
        (source / "images" / f"{key}.jpg").write_bytes(data)
    out = tmp_path / "c.h5"
    for given in (source, source / "captions.jsonl"):
        summary = import_corpus("xm3600", [given], out)
        assert summary.captions == {"en": 3, "fil": 2, "quz": 1, "zh": 1}
        assert summary.pictures == summary.items == 2 and summary.skipped == {}
        with open_corpus(out) as corpus:
            assert corpus.item_id == ["000411001ff7dd4f", "00d2a8dbcf7a5d9f"]
            assert corpus.captions.text == ["isa", "dalawa", "huk", "一", "one", "two", "three"]
            assert corpus.attributes == {"locale": ["fil", "en"]}
            assert corpus.image(1).size == (32, 24)


def test_awkward_pictures_and_texts(tmp_path: Path) -> None:
    usable = write_pictures(tmp_path / "elsewhere")
    lines = [
        line(name.removesuffix(".jpg"), {tag: [text] for tag, text in CAPTIONS.items()})
        for name in (*usable, "missing.jpg")
    ]
    source = dataset(tmp_path / "xm3600", lines, b"\xef\xbb\xbf", "\r\n")
    out = tmp_path / "c.h5"
    options = ImportOptions(images=tmp_path / "elsewhere")
    summary = import_corpus("xm3600", [source], out, options)
    with open_corpus(out) as corpus:
        good = [name.removesuffix(".jpg") for name, fine in usable.items() if fine]
        assert corpus.item_id == good
        first = {
            corpus.languages[language]: text
            for language, text in zip(corpus.captions.language, corpus.captions.text, strict=True)
        }
        assert first == {tag: clean(text) for tag, text in CAPTIONS.items()}
    reasons = {reason.split(";")[0]: count for reason, count in summary.skipped.items()}
    assert reasons == {
        "the picture is truncated": 1,
        "the picture is empty (zero bytes)": 1,
        "the picture is not a readable picture": 1,
        "the picture has more than 64,000,000 pixels": 1,
        "the picture is missing": 1,
    }


def test_bad_lines_are_named(tmp_path: Path) -> None:
    good = line("a" * 16, {"ko": ["가"]})
    source = dataset(
        tmp_path / "xm3600",
        [
            "{",
            "[1]",
            "",
            '{"ko": {"caption": ["x"]}}',
            line("../../etc/passwd", {"ko": ["x"]}),
            line("b", {"korean": ["x"], "ko": ["", "나"]}),
            '{"image/key": "c", "ko": "x", "en": {"caption": {}}, "de": {"caption": [1, null]}}',
            line("d", {"ko": ["\udcff"]}),
            "[" * 100_000,
            good,
            good,
        ],
    )
    rows = list(read([source], ImportOptions()))
    assert [(row.row, row.reason) for row in rows if isinstance(row, Skipped)] == [
        (1, "the line is not JSON"),
        (2, "the line is not a JSON object"),
        (4, "the row names no picture"),
        (5, "the picture lies outside the folder of the pictures"),
        (6, "the language is not a language tag"),
        (6, "the caption is empty (ko)"),
        (7, "the caption is not text (ko)"),
        (7, "the caption is not text (en)"),
        (7, "the caption is not text (de)"),
        (7, "the caption is not text (de)"),
        (8, "the caption holds bytes that are not UTF-8 text (ko)"),
        (9, "the line is not JSON"),
    ]
    assert [row.row for row in rows if isinstance(row, ItemRow)] == [6, 7, 8, 10, 11]
    summary = import_corpus("xm3600", [source], tmp_path / "c.h5")
    assert summary.items == 2 and summary.pictures == 0
    assert summary.skipped["the item id is a duplicate"] == 1
    assert summary.skipped["the item has neither a picture nor a caption"] == 2


def test_a_monstrous_line_is_skipped_alone(tmp_path: Path) -> None:
    source = dataset(tmp_path / "xm3600", ["x" * (17 << 20), line("a", {"ko": ["가"]})])
    skipped, item = read([source], ImportOptions())
    assert isinstance(skipped, Skipped) and skipped.reason == "the line is longer than 16 MiB"
    assert isinstance(item, ItemRow) and (item.item_id, item.row) == ("a", 2)


def test_wrong_sources_are_refused(tmp_path: Path) -> None:
    source = dataset(tmp_path / "xm3600", [line("a", {"ko": ["가"]})])
    for sources, options, message in [
        ([tmp_path], None, "has no captions.jsonl"),
        ([source, source], None, "Give one source"),
        ([source], ImportOptions(images=tmp_path / "none"), "is not a folder"),
        ([source], ImportOptions(language="ko"), "does not take --language"),
    ]:
        with pytest.raises(MmfeatError, match=message):
            import_corpus("xm3600", sources, tmp_path / "c.h5", options)


@linux
def test_memory_does_not_grow(tmp_path: Path) -> None:
    def write(folder: Path, count: int) -> list[Path]:
        with (folder / "captions.jsonl").open("w", encoding="utf-8") as file:
            for number in range(count):
                print(line(f"{number:016x}", {"ko": ["고양이 " * 20], "en": ["cat"]}), file=file)
        return [folder]

    check_growth(tmp_path, "xm3600", write)
