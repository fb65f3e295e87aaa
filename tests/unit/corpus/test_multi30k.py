"""Multi30k in its real layout."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest

from mmfeat.corpus.file import open_corpus
from mmfeat.corpus.filters import Filters
from mmfeat.corpus.importers import import_corpus
from mmfeat.corpus.model import ImportOptions, ItemRow, Skipped
from mmfeat.corpus.multi30k import read
from mmfeat.errors import MmfeatError
from tests.unit.corpus.defects import CAPTIONS, clean, pictures, write_pictures
from tests.unit.corpus.growth import check_growth, linux

PHOTO = pictures()["plain.jpg"][0]


def put(path: Path, lines: Sequence[str], end: str = "\n", start: bytes = b"") -> None:
    """Write lines, gzipped where the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = start + "".join(line + end for line in lines).encode(errors="surrogateescape")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


@pytest.fixture
def task1(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "task1"
    put(folder / "image_splits" / "train.txt", ["1000092795.jpg", "10002456.jpg"])
    put(folder / "image_splits" / "val.txt", ["1018148011.jpg"])
    put(folder / "image_splits" / "test_2016_flickr.txt", ["1007129816.jpg"])
    put(
        folder / "image_splits" / "test_2017_mscoco.txt",
        ["COCO_train2014_000000117071.jpg#367178"],
    )
    put(folder / "raw" / "train.en.gz", ["Two young men.", "Men at work."])
    put(folder / "raw" / "train.de.gz", ["Zwei junge Männer.", "Männer bei der Arbeit."])
    put(folder / "raw" / "train.cs.gz", ["Dva muži.", "Muži pracují."])
    put(folder / "raw" / "val.en", ["A person."])
    put(folder / "raw" / "test_2016_flickr.en.gz", ["A man."])
    put(folder / "raw" / "test_2016_flickr.fr.gz", ["Un homme."])
    put(folder / "raw" / "test_2017_mscoco.de.gz", ["Ein Zug."])
    put(folder / "tok" / "train.lc.norm.tok.en", ["two young men .", "men at work ."])
    put(folder / "pairs", ["1 2"])
    put(folder / "README.md", ["about"])
    return folder


def test_all_splits_and_languages_of_task_1(tmp_path: Path, task1: Path) -> None:
    flickr, coco = task1 / "images" / "flickr30k-images", task1 / "images" / "train2014"
    flickr.mkdir(parents=True)
    coco.mkdir()
    for name in ("1000092795", "10002456", "1018148011", "1007129816"):
        (flickr / f"{name}.jpg").write_bytes(PHOTO)
    (coco / "COCO_train2014_000000117071.jpg").write_bytes(PHOTO)
    out = tmp_path / "c.h5"
    summary = import_corpus("multi30k", [task1], out)
    assert summary.items == summary.pictures == 5 and summary.skipped == {}
    assert summary.captions == {"cs": 2, "de": 3, "en": 4, "fr": 1}
    with open_corpus(out) as corpus:
        assert corpus.name == "task1"
        assert corpus.item_id == [
            "1000092795.jpg",
            "10002456.jpg",
            "1018148011.jpg",
            "1007129816.jpg",
            "COCO_train2014_000000117071.jpg",
        ]
        assert corpus.attributes["split"] == [
            "train",
            "train",
            "val",
            "test_2016_flickr",
            "test_2017_mscoco",
        ]
        assert corpus.split == ["train", "train", "test", "test", "test"]
        assert corpus.captions.text[3:6] == [
            "Muži pracují.",
            "Männer bei der Arbeit.",
            "Men at work.",
        ]
        assert corpus.image(4).size == (32, 24)


def test_without_pictures_the_captions_are_imported_alone(tmp_path: Path, task1: Path) -> None:
    summary = import_corpus("multi30k", [task1], tmp_path / "c.h5")
    assert (summary.items, summary.pictures, summary.skipped) == (5, 0, {})


def test_task_2_has_five_captions_an_item_and_language(tmp_path: Path) -> None:
    folder = tmp_path / "task2"
    put(folder / "image_splits" / "train_images.txt", ["1.jpg", "2.jpg"])
    for number in range(1, 6):
        put(folder / "raw" / f"train.{number}.en.gz", [f"one {number}", f"two {number}"])
        put(folder / "raw" / f"train.{number}.de.gz", [f"eins {number}", f"zwei {number}"])
    rows = list(read([folder], ImportOptions()))
    assert all(isinstance(row, ItemRow) for row in rows) and len(rows) == 2
    assert rows[1].captions == tuple(
        (tag, f"{word} {number}")
        for tag, word in (("de", "zwei"), ("en", "two"))
        for number in range(1, 6)
    )
    assert rows[0].attributes == {"split": "train"} and rows[0].split == "train"


def test_files_of_different_length_lose_only_the_surplus(tmp_path: Path) -> None:
    folder = tmp_path / "task1"
    put(folder / "image_splits" / "train.txt", ["1.jpg", "2.jpg", "", "4.jpg"])
    put(folder / "raw" / "train.en", ["one", "two", "three", "four", "five", "", " "])
    put(folder / "raw" / "train.de", ["eins", ""])
    put(folder / "raw" / "train.fr", ["x" * (17 << 20), "deux", "trois", "quatre"])
    put(folder / "raw" / "val.en", ["no list"])
    rows = list(read([folder], ImportOptions()))
    assert [(row.source, row.row, row.reason) for row in rows if isinstance(row, Skipped)] == [
        ("raw/val.en", 0, "the file of captions has no list of pictures"),
        ("raw/train.fr", 1, "the line is longer than 16 MiB (fr)"),
        ("raw/train.en", 3, "the line has no picture in the list (en)"),
        ("raw/train.fr", 3, "the line has no picture in the list (fr)"),
        ("raw/train.de", 4, "the file ends before the list of pictures (de)"),
        ("raw/train.en", 5, "the line has no picture in the list (en)"),
    ]
    assert [(row.item_id, row.captions) for row in rows if isinstance(row, ItemRow)] == [
        ("1.jpg", (("de", "eins"), ("en", "one"))),
        ("2.jpg", (("de", ""), ("en", "two"), ("fr", "deux"))),
        ("4.jpg", (("en", "four"), ("fr", "quatre"))),
    ]
    summary = import_corpus("multi30k", [folder], tmp_path / "c.h5")
    assert summary.items == 3 and summary.skipped["the caption is empty (de)"] == 1


def test_awkward_pictures_and_texts(tmp_path: Path) -> None:
    folder = tmp_path / "task1"
    usable = write_pictures(tmp_path / "elsewhere" / "flickr30k-images")
    names = [*usable, "missing.jpg", "../climbs.jpg", "/etc/passwd", "plain.jpg"]
    put(folder / "image_splits" / "train.txt", names, "\r\n", b"\xef\xbb\xbf")
    for tag in ("en", "ko", "fr", "ar", "he", "ja", "de"):
        put(folder / "raw" / f"train.{tag}.gz", [CAPTIONS[tag]] * len(names), "\r\n")
    # What Unicode and Python count as line ends must not put the files out of step.
    put(folder / "raw" / "train.ru.gz", ["а\u2028б\x0bв\x85г"] * len(names), "\n", b"\xef\xbb\xbf")
    out = tmp_path / "c.h5"
    options = ImportOptions(images=tmp_path / "elsewhere")
    summary = import_corpus("multi30k", [folder], out, options)
    with open_corpus(out) as corpus:
        assert corpus.item_id == [clean(name) for name, fine in usable.items() if fine]
        tags = [corpus.languages[language] for language in corpus.captions.language]
        texts = set(zip(tags, corpus.captions.text, strict=True))
        expected = {(tag, clean(text)) for tag, text in CAPTIONS.items() if tag != "zh-Hans"}
        assert texts == expected | {("ru", "а б в г")}
    assert summary.skipped["the picture lies outside the folder of the pictures"] == 2
    assert summary.skipped["the item id is a duplicate"] == 1
    assert sum(summary.skipped.values()) == 4 + 1 + 2 + 1


def test_a_split_of_the_source_is_split_anew(tmp_path: Path) -> None:
    folder = tmp_path / "task1"
    put(folder / "image_splits" / "train.txt", ["a.jpg"])
    put(folder / "image_splits" / "test_2016_flickr.txt", [f"{i}.jpg" for i in range(40)])
    put(folder / "raw" / "train.en", ["a"])
    put(folder / "raw" / "test_2016_flickr.en", ["b"] * 40)
    out = tmp_path / "c.h5"
    import_corpus("multi30k", [folder], out, filters=Filters(split="test_2016_flickr"))
    with open_corpus(out) as corpus:
        assert set(corpus.attributes["split"]) == {"test_2016_flickr"} and len(corpus) == 40
        assert set(corpus.split) == {"train", "test"}
    with pytest.raises(MmfeatError, match="the source has test_2016_flickr, train; give one"):
        import_corpus("multi30k", [folder], out, filters=Filters(split="test"))


def test_wrong_sources_are_refused(tmp_path: Path, task1: Path) -> None:
    empty = tmp_path / "empty"
    (empty / "image_splits").mkdir(parents=True)
    put(tmp_path / "silent" / "image_splits" / "train.txt", ["a.jpg"])
    for source, message in [
        (task1.parent, "has no folder image_splits; give the folder task1 or task2"),
        (task1 / "raw" / "val.en", "has no folder image_splits"),
        (empty, "lacks lists of pictures"),
        (tmp_path / "silent", "lacks captions"),
    ]:
        with pytest.raises(MmfeatError, match=message):
            import_corpus("multi30k", [source], tmp_path / "c.h5")
    cut = task1 / "raw" / "train.de.gz"
    cut.write_bytes(cut.read_bytes()[:-9])
    with pytest.raises(MmfeatError, match=r"train\.de\.gz is truncated or damaged"):
        import_corpus("multi30k", [task1], tmp_path / "c.h5")
    assert not (tmp_path / "c.h5").exists()


@linux
def test_memory_does_not_grow(tmp_path: Path) -> None:
    def write(folder: Path, count: int) -> list[Path]:
        put(folder / "image_splits" / "train.txt", [f"{i:020d}.jpg" for i in range(count)])
        put(folder / "raw" / "train.en", [f"{i} two young men " * 9 for i in range(count)])
        put(folder / "raw" / "train.de.gz", [f"{i} zwei Männer " * 9 for i in range(count)])
        return [folder]

    check_growth(tmp_path, "multi30k", write)
