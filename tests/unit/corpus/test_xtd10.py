"""XTD10 in its real layout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mmfeat.corpus.file import open_corpus
from mmfeat.corpus.importers import import_corpus
from mmfeat.corpus.model import ImportOptions, ItemRow, Skipped
from mmfeat.corpus.xtd10 import read
from mmfeat.errors import MmfeatError
from tests.unit.corpus.defects import CAPTIONS, clean, pictures, write_pictures
from tests.unit.corpus.growth import check_growth, linux

NAMES = ("COCO_train2014_000000061844.jpg", "COCO_val2014_000000062397.jpg")


def put(path: Path, lines: Sequence[str], end: str = "\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(line + end for line in lines).encode())


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "Cross-lingual-Test-Dataset-XTD10"
    put(folder / "XTD10" / "test_image_names.txt", NAMES)
    put(folder / "XTD10" / "test_1kcaptions_ko.txt", ["가", "나"])
    put(folder / "XTD10" / "test_1kcaptions_zh.txt", ["一", "二"])
    put(folder / "MIC" / "test_1kcaptions_en.txt", ["a", "b"])
    put(folder / "STAIR" / "test_1kcaptions_jp.txt", ["あ", "い"])
    put(folder / "README.md", ["about"])
    return folder


def test_all_languages_are_found_from_the_repository_or_its_folders(
    tmp_path: Path, repository: Path
) -> None:
    coco = tmp_path / "coco"
    for name in NAMES:
        (coco / name.split("_")[1]).mkdir(parents=True)
        (coco / name.split("_")[1] / name).write_bytes(pictures()["plain.jpg"][0])
    folders = [repository / name for name in ("XTD10", "MIC", "STAIR")]
    out = tmp_path / "c.h5"
    for sources in ([repository], folders):
        summary = import_corpus("xtd10", sources, out, ImportOptions(images=coco))
        assert summary.captions == {"en": 2, "ja": 2, "ko": 2, "zh": 2}
        assert summary.items == summary.pictures == 2 and summary.skipped == {}
        with open_corpus(out) as corpus:
            assert corpus.item_id == list(NAMES)
            assert corpus.captions.text == ["a", "あ", "가", "一", "b", "い", "나", "二"]
            assert corpus.image(1).size == (32, 24)
    summary = import_corpus("xtd10", folders[:1], out)
    assert summary.captions == {"ko": 2, "zh": 2} and summary.pictures == 0


def test_the_surplus_of_a_longer_file_is_skipped(repository: Path) -> None:
    put(repository / "MIC" / "test_1kcaptions_en.txt", ["a", "b", "c", ""])
    put(repository / "STAIR" / "test_1kcaptions_jp.txt", ["あ"])
    rows = list(read([repository], ImportOptions()))
    assert [(row.source, row.row, row.reason) for row in rows if isinstance(row, Skipped)] == [
        (
            "STAIR/test_1kcaptions_jp.txt",
            2,
            "the file ends before the list of pictures (ja)",
        ),
        ("MIC/test_1kcaptions_en.txt", 3, "the line has no picture in the list (en)"),
    ]
    items = [row for row in rows if isinstance(row, ItemRow)]
    assert items[1].captions == (("en", "b"), ("ko", "나"), ("zh", "二"))
    assert items[1].split is None and (items[1].source, items[1].row) == (
        "XTD10/test_image_names.txt",
        2,
    )


def test_awkward_pictures_and_texts(tmp_path: Path) -> None:
    folder = tmp_path / "XTD10"
    usable = write_pictures(folder / "images")
    names = [*usable, "missing.jpg", "../climbs.jpg", "plain.jpg"]
    put(folder / "test_image_names.txt", names, "\r\n")
    for tag, text in CAPTIONS.items():
        put(folder / f"test_1kcaptions_{tag}.txt", [text] * len(names), "\r\n")
    put(folder / "test_1kcaptions_es.txt", ["hola", *[""] * (len(names) - 1)])
    out = tmp_path / "c.h5"
    summary = import_corpus("xtd10", [folder], out)
    with open_corpus(out) as corpus:
        good = [clean(name) for name, fine in usable.items() if fine]
        assert corpus.item_id == good
        tags = [corpus.languages[language] for language in corpus.captions.language]
        expected = {(tag, clean(text)) for tag, text in CAPTIONS.items()} | {("es", "hola")}
        assert set(zip(tags, corpus.captions.text, strict=True)) == expected
    assert summary.skipped["the caption is empty (es)"] == len(good) - 1 + 1  # and the duplicate's
    assert summary.skipped["the picture lies outside the folder of the pictures"] == 1
    assert summary.skipped["the item id is a duplicate"] == 1


def test_wrong_sources_are_refused(tmp_path: Path, repository: Path) -> None:
    for sources, message in [
        ([repository / "MIC"], "must be one test_image_names.txt .* there are 0"),
        ([repository, repository / "XTD10"], "there are 2"),
        ([repository, repository / "MIC"], "are both captions in en; leave one out"),
        ([repository / "README.md"], "is not a folder"),
    ]:
        with pytest.raises(MmfeatError, match=message):
            import_corpus("xtd10", sources, tmp_path / "c.h5")
    bare = tmp_path / "bare"
    put(bare / "test_image_names.txt", NAMES)
    with pytest.raises(MmfeatError, match="no files test_1kcaptions_LANGUAGE.txt"):
        import_corpus("xtd10", [bare], tmp_path / "c.h5")


@linux
def test_memory_does_not_grow(tmp_path: Path) -> None:
    def write(folder: Path, count: int) -> list[Path]:
        put(folder / "test_image_names.txt", [f"{i:020d}.jpg" for i in range(count)])
        for tag in ("en", "jp"):
            put(folder / f"test_1kcaptions_{tag}.txt", [f"{i} cats " * 20 for i in range(count)])
        return [folder]

    check_growth(tmp_path, "xtd10", write)
