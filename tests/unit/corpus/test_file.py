"""Writing and reading ``corpus.h5``."""

from __future__ import annotations

import io
import subprocess
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from mmfeat.corpus.file import (
    Corpus,
    CorpusSummary,
    open_corpus,
    validate_corpus,
    write_corpus,
)
from mmfeat.corpus.model import ItemRow, Skipped, split_of
from mmfeat.corpus.pictures import PictureError, picture_hash
from mmfeat.errors import MmfeatError


def write(
    path: Path, rows: Iterable[ItemRow | Skipped], root: Path | None = None, seed: int = 0
) -> CorpusSummary:
    return write_corpus(
        path,
        rows,
        name="tiny",
        attribution="Pictures: me",
        image_root=root,
        provenance="{}",
        seed=seed,
    )


def reasons(path: Path) -> list[tuple[str, int, str]]:
    with h5py.File(path) as file:
        log = file["import_log"]
        columns = (log["source"].asstr()[:], log["row"][:].tolist(), log["reason"].asstr()[:])
        return list(zip(*columns, strict=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    root.mkdir()
    Image.new("RGB", (200, 100), "red").save(root / "red.png")
    Image.new("RGB", (200, 100), "red").save(root / "also red.bmp")
    Image.new("L", (20, 10), 77).save(root / "회색.png")
    (root / "zero.png").touch()
    (root / "cut.png").write_bytes((root / "red.png").read_bytes()[:70])
    return root


def test_a_file_is_what_the_documentation_says(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "corpus.h5"
    summary = write(
        path,
        [
            ItemRow("a", "red.png", (("ko", "빨강"), ("en", "red  thing")), "colour", "train"),
            ItemRow("b", "회색.png", (("jp", "灰"),), attributes={"group": "x"}),
            ItemRow("c", "", (("en", "no picture"), ("en", "twice"))),
        ],
        folder,
    )
    assert summary.items == 3
    assert summary.captions == {"en": 3, "ja": 1, "ko": 1} and summary.skipped == {}
    with h5py.File(path) as file:
        assert file.attrs["encoding-type"] == "mmfeat-corpus"
        assert file.attrs["name"] == "tiny" and file.attrs["attribution"] == "Pictures: me"
        groups: list[h5py.Group] = []
        file.visititems(lambda _, node: groups.append(node) if hasattr(node, "keys") else None)
        assert {group.name for group in groups} == {
            "/items",
            "/items/attributes",
            "/captions",
            "/import_log",
        }
        assert all({"encoding-type", "encoding-version"} <= set(group.attrs) for group in groups)
        items = file["items"]
        assert items.attrs["image_root"] == "pictures"
        assert items["item_id"].asstr()[:].tolist() == ["a", "b", "c"]
        assert items["concept"].asstr()[:].tolist() == ["colour", "b", "c"]
        assert items["split"].asstr()[:].tolist() == ["train", split_of("b", 0), split_of("c", 0)]
        assert items["image"].asstr()[:].tolist() == ["red.png", "회색.png", ""]
        assert items["picture"].asstr()[2] == ""
        assert items["picture"].asstr()[0] == picture_hash(Image.new("RGB", (200, 100), "red"))
        assert items["attributes/group"].asstr()[:].tolist() == ["", "x", ""]
        small = Image.open(io.BytesIO(items["thumbnail"][0].tobytes()))
        assert small.format == "PNG" and small.size == (96, 48)
        assert len(items["thumbnail"][2]) == 0
        assert file["languages"].asstr()[:].tolist() == ["en", "ja", "ko"]
        captions = file["captions"]
        assert captions["item"].dtype == np.int32 and captions["language"].dtype == np.int16
        assert captions["item"][:].tolist() == [0, 0, 1, 2, 2]
        assert captions["language"][:].tolist() == [2, 0, 1, 0, 0]
        assert captions["text"].asstr()[0:2].tolist() == ["빨강", "red thing"]


def test_what_was_written_is_read(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "corpus.h5"
    decomposed = unicodedata.normalize("NFD", "고양이")
    write(
        path,
        [
            ItemRow(
                "a", "red.png", (("ko", decomposed), ("ar", " قطة  كبيرة ")), attributes={"k": "v"}
            ),
            ItemRow("b", "also red.bmp"),
            ItemRow("t", "", (("ko", "글"),)),
        ],
        folder,
    )
    with open_corpus(path) as corpus:
        assert isinstance(corpus, Corpus) and len(corpus) == 3
        assert (corpus.name, corpus.attribution) == ("tiny", "Pictures: me")
        assert corpus.item_id == ["a", "b", "t"] == corpus.concept
        assert corpus.languages == ["ar", "ko"]
        assert corpus.captions.item.tolist() == [0, 0, 2]
        assert corpus.captions.language.tolist() == [1, 0, 1]
        assert corpus.captions.text == ["고양이", "قطة كبيرة", "글"]
        assert corpus.attributes == {"k": ["v", "", ""]}
        assert corpus.picture[0] == corpus.picture[1] != corpus.picture[2] == ""
        assert corpus.image(0).getpixel((3, 3)) == (255, 0, 0)
        assert len(corpus.thumbnails) == 3 and corpus.thumbnails[1].startswith(b"\x89PNG")
        assert [bool(png) for png in corpus.thumbnails[1:]] == [True, False]
        with pytest.raises(PictureError, match="Item t has no picture"):
            corpus.image(2)


def test_info_counts_items_languages_and_coverage(tmp_path: Path) -> None:
    path = tmp_path / "corpus.h5"
    write(
        path,
        [
            ItemRow("a", "", (("ko", "가"), ("ko", "나"), ("en", "a"))),
            ItemRow("b", "", (("ko", "다"), ("en", " "))),
            ItemRow("c", "", (("ko", "라"),)),
            ItemRow("d", "", (("ko", "마"),), concept="a"),
            ItemRow("a", "", (("ko", "바"),)),
        ],
    )
    with open_corpus(path) as corpus:
        info = corpus.info()
    assert info["items"] == 4 and info["concepts"] == 3 and info["pictures"] == 0
    assert info["captions"] == {"en": 1, "ko": 5}
    assert info["coverage"] == {"en": 0.25, "ko": 1.0}
    assert info["skipped"] == {"the caption is empty (en)": 1, "the item id is a duplicate": 1}
    assert info["examples"][0] == {"item_id": "a", "captions": {"ko": ["가", "나"], "en": ["a"]}}
    assert sum(info["splits"].values()) == 4 and len(info["digest"]) == 64


def test_captions_of_unequal_number_and_items_without_pictures_or_texts_are_legal(
    tmp_path: Path, folder: Path
) -> None:
    path = tmp_path / "corpus.h5"
    rows = [
        ItemRow("many", "red.png", (("en", "a"), ("en", "a"), ("ko", "가"), ("en", "b"))),
        ItemRow("silent", "회색.png"),
        ItemRow("one", "red.png", (("ja", "あ"),), attributes={"k": "v"}),
        ItemRow("unseen", "", (("ko", "나"), ("ko", "다")), "many"),
    ]
    summary = write(path, rows, folder)
    assert summary.captions == {"en": 3, "ja": 1, "ko": 3} and summary.skipped == {}
    assert (summary.items, summary.pictures) == (4, 3)
    with open_corpus(path) as corpus:
        assert corpus.captions.item.tolist() == [0, 0, 0, 0, 2, 3, 3]
        assert [(row.item_id, row.image, row.captions) for row in corpus.rows()] == [
            (row.item_id, row.image, row.captions) for row in rows
        ]
        found = list(corpus.rows())
        assert [row.concept for row in found] == ["many", "silent", "one", "many"]
        assert [row.split for row in found] == corpus.split
        assert [dict(row.attributes) for row in found] == [{}, {}, {"k": "v"}, {}]
        assert [row.row for row in found] == [1, 2, 3, 4]
        assert corpus.info()["pictures"] == 2 and corpus.image_root == folder.resolve()


def test_info_agrees_with_brute_force(tmp_path: Path) -> None:
    # More captions than are read at once, and an item that goes on over the border.
    rng = np.random.default_rng(0)
    tags = ["ar", "en", "ko", "zh-Hant"]
    rows = []
    for number in range(6_000):
        chosen = rng.choice(tags, rng.integers(1, 4), p=[0.1, 0.5, 0.3, 0.1])
        texts = tuple((str(tag), "x" * int(rng.integers(1, 90))) for tag in chosen)
        rows.append(ItemRow(str(number), "", texts * (3_000 if number == 2_000 else 1)))
    path = tmp_path / "corpus.h5"
    write(path, rows)
    with open_corpus(path) as corpus:
        info = corpus.info()
    assert info["languages"] == tags
    for tag in tags:
        lengths = [len(text) for row in rows for other, text in row.captions if other == tag]
        assert info["captions"][tag] == len(lengths)
        assert info["lengths"][tag] == {
            "median": pytest.approx(np.median(lengths)),
            "p95": pytest.approx(np.quantile(lengths, 0.95)),
            "longest": max(lengths),
        }
        for other in tags:
            both = sum({tag, other} <= {found for found, _ in row.captions} for row in rows)
            assert info["coverage_matrix"][tag][other] == pytest.approx(both / 6_000)
        assert info["coverage"][tag] == info["coverage_matrix"][tag][tag]


def test_info_of_a_corpus_of_pictures_alone(tmp_path: Path, folder: Path) -> None:
    write(tmp_path / "c.h5", [ItemRow("a", "red.png"), ItemRow("b", "also red.bmp")], folder)
    with open_corpus(tmp_path / "c.h5") as corpus:
        info = corpus.info()
    assert info["captions"] == info["coverage"] == info["lengths"] == info["coverage_matrix"] == {}
    assert (info["items"], info["pictures"], info["languages"]) == (2, 1, [])
    assert info["examples"] == [{"item_id": "a", "captions": {}}, {"item_id": "b", "captions": {}}]


def test_what_cannot_be_used_is_skipped_and_logged(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "corpus.h5"
    ok = (("en", "x"),)
    bad = b"\xff".decode(errors="surrogateescape")
    summary = write(
        path,
        [
            ItemRow("good", "red.png", ok, "one", "train", source="f.csv", row=1),
            ItemRow("good", "회색.png", ok, source="f.csv", row=2),
            ItemRow("zero", "zero.png", ok, source="f.csv", row=3),
            ItemRow("cut", "cut.png", ok, source="f.csv", row=4),
            ItemRow("none", "none.png", ok, source="f.csv", row=5),
            ItemRow("out", "../corpus.h5", ok, source="f.csv", row=6),
            ItemRow("silent", "", (("en", " \t"),), source="f.csv", row=7),
            ItemRow("partly", "red.png", (("en", ""), ("ko", "가")), source="f.csv", row=8),
            ItemRow(f"x{bad}", "red.png", ok, source="f.csv", row=9),
            ItemRow("nul", "red.png", (("en", "a\0b"), ("ko", bad)), source="f.csv", row=10),
            ItemRow("", "red.png", ok, source="f.csv", row=11),
            ItemRow("val", "red.png", ok, split="val", source="f.csv", row=12),
            ItemRow("torn", "red.png", ok, "one", "test", source="f.csv", row=13),
            Skipped("g.csv", 14, "the line is not JSON"),
        ],
        folder,
    )
    log = reasons(path)
    assert [(row, reason.split(";")[0]) for _, row, reason in log] == [
        (2, "the item id is a duplicate"),
        (3, "the picture is empty (zero bytes)"),
        (4, "the picture is truncated"),
        (5, "the picture is missing"),
        (6, "the picture lies outside the corpus's folder"),
        (7, "the caption is empty (en)"),
        (7, "the item has neither a picture nor a caption"),
        (8, "the caption is empty (en)"),
        (9, "the row holds bytes that are not UTF-8 text"),
        (10, "the caption holds bytes that are not UTF-8 text (en)"),
        (10, "the caption holds bytes that are not UTF-8 text (ko)"),
        (11, "the item id is empty"),
        (12, "the split is neither train nor test"),
        (13, "the item's concept is already in the other split"),
        (14, "the line is not JSON"),
    ]
    assert log[-1][0] == "g.csv"
    assert sum(summary.skipped.values()) == len(log)
    with open_corpus(path) as corpus:
        assert corpus.item_id == ["good", "partly", "nul"]


def test_a_good_row_may_follow_a_broken_one_of_the_same_id(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "corpus.h5"
    write(path, [ItemRow("a", "zero.png"), ItemRow("a", "red.png")], folder)
    with open_corpus(path) as corpus:
        assert corpus.item_id == ["a"] and corpus.image(0).size == (200, 100)


def test_items_of_a_concept_follow_the_split_given_first(tmp_path: Path) -> None:
    path = tmp_path / "corpus.h5"
    for split in ("train", "test"):
        rows = [ItemRow("a", "", (("en", "x"),), "c", split), ItemRow("b", "", (("en", "x"),), "c")]
        write(path, rows)
        with open_corpus(path) as corpus:
            assert corpus.split == [split, split]


@pytest.mark.parametrize("rows", [[], [Skipped("f", 1, "it is bad")], [ItemRow("a")]])
def test_nothing_usable_fails_and_leaves_nothing(
    tmp_path: Path, rows: list[ItemRow | Skipped]
) -> None:
    with pytest.raises(MmfeatError, match="Nothing was imported"):
        write(tmp_path / "corpus.h5", rows)
    assert list(tmp_path.iterdir()) == []


def test_a_failing_importer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "corpus.h5"
    write(path, [ItemRow("a", "", (("en", "x"),))])
    before = path.read_bytes()

    def rows() -> Iterable[ItemRow]:
        for number in range(1000):
            yield ItemRow(str(number), "", (("en", "x"),))
        raise MmfeatError("the source broke")

    with pytest.raises(MmfeatError, match="the source broke"):
        write(path, rows())
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["corpus.h5"]


def test_attributes_and_languages_may_first_appear_late(tmp_path: Path) -> None:
    path = tmp_path / "corpus.h5"
    count = 1500  # several chunks of the writer
    write(
        path,
        (
            ItemRow(
                str(i),
                "",
                (("en", f"text {i}"),) + ((("ar", "نص"),) if i == 1400 else ()),
                attributes={"a/b": f"v{i}"} if i == 700 else {"late": "y"} if i == 1400 else {},
            )
            for i in range(count)
        ),
    )
    with open_corpus(path) as corpus:
        assert corpus.item_id == [str(i) for i in range(count)]
        assert corpus.attributes["a_b"] == ["v700" if i == 700 else "" for i in range(count)]
        assert corpus.attributes["late"] == ["y" if i == 1400 else "" for i in range(count)]
        assert corpus.languages == ["ar", "en"]
        arabic = np.flatnonzero(corpus.captions.language == 0)
        assert corpus.captions.item[arabic].tolist() == [1400]
        assert corpus.captions.text[1399] == "text 1399"


def test_the_same_rows_give_the_same_digest_and_another_seed_another(tmp_path: Path) -> None:
    digests = []
    for name, seed in (("a.h5", 0), ("b.h5", 0), ("c.h5", 1)):
        rows = [ItemRow(str(i), "", (("en", "x"),)) for i in range(50)]
        write(tmp_path / name, rows, seed=seed)
        with open_corpus(tmp_path / name) as corpus:
            digests.append(corpus.digest)
    assert digests[0] == digests[1] != digests[2]


def test_corpus_and_pictures_can_be_moved_together(tmp_path: Path, folder: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    folder.rename(old / "pictures")
    write(old / "corpus.h5", [ItemRow("a", "red.png")], old / "pictures")
    old.rename(new)
    with open_corpus(new / "corpus.h5") as corpus:
        assert corpus.image(0).size == (200, 100)
    (new / "pictures" / "red.png").unlink()
    with open_corpus(new / "corpus.h5") as corpus, pytest.raises(PictureError, match="is missing"):
        corpus.image(0)


def _set(file: h5py.File, name: str, index: int | slice, value: object) -> None:
    file[name][index] = value


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: f["items/split"].resize((1,)), "differ in length"),
        (lambda f: f["items/attributes/k"].resize((1,)), "differ in length"),
        (lambda f: _set(f, "captions/item", 1, 9), "points to what is not there"),
        (lambda f: _set(f, "captions/item", slice(None), [1, 0]), "not sorted by item"),
        (lambda f: _set(f, "captions/language", 0, -1), "points to what is not there"),
        (lambda f: _set(f, "items/split", 0, "val"), "neither train nor test"),
        (lambda f: f["items"].pop("concept"), "lacks a part"),
        (lambda f: f["items"].attrs.pop("image_root"), "lacks a part"),
    ],
)
def test_a_damaged_file_is_refused_when_opened(tmp_path: Path, damage, message: str) -> None:
    path = tmp_path / "corpus.h5"
    rows = [ItemRow(i, "", (("en", i),), attributes={"k": "v"}) for i in ("a", "b")]
    write(path, rows)
    with h5py.File(path, "r+") as file:
        damage(file)
    with pytest.raises(MmfeatError, match=message) as error:
        open_corpus(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: _set(f, "items/item_id", 1, "a"), "an item id twice"),
        (lambda f: _set(f, "items/split", slice(None), ["train", "test"]), "both splits"),
        (lambda f: _set(f, "captions/text", 0, "changed"), "was changed"),
        (lambda f: _set(f, "languages", 0, "EN"), "not sorted tags"),
    ],
)
def test_validate_finds_what_opening_does_not_look_for(
    tmp_path: Path, damage, message: str
) -> None:
    path = tmp_path / "corpus.h5"
    write(path, [ItemRow(i, "", (("en", i),), concept="same") for i in ("a", "b")])
    assert validate_corpus(path)["valid"] is True
    with h5py.File(path, "r+") as file:
        damage(file)
    with pytest.raises(MmfeatError, match=message):
        validate_corpus(path)


_MEASURE = """
import re, sys
from pathlib import Path
from mmfeat.corpus.model import ImportOptions
from mmfeat.corpus.importers import import_corpus
table, count, layout = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
with table.open("w", encoding="utf-8") as file:
    print("id,lang,text", file=file)
    for i in range(count):
        item = f"item-with-a-long-name-{i if layout == 'item' else i % (count // 2):09d}"
        language = "en" if 2 * i < count else "ko"
        print(f'{item},{language},"caption {i}, with {"words " * 20}"', file=file)
options = (
    ImportOptions(id="id", lang=("text=en",), attribute=("lang",))
    if layout == "item"
    else ImportOptions(id="id", language_column="lang", caption_column="text")
)
summary = import_corpus("table", [table], table.with_suffix(".h5"), options)
# Not getrusage: its peak is inherited from the process that started this one.
status = Path("/proc/self/status").read_text()
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1024
print(summary.items, sum(summary.captions.values()), peak)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize("layout", ["item", "caption"])
def test_memory_does_not_grow_with_a_hundred_thousand_rows(tmp_path: Path, layout: str) -> None:
    peaks = []
    for count in (2_000, 100_000):
        command = [sys.executable, "-c", _MEASURE, str(tmp_path / "t.csv"), str(count), layout]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
        items, captions, peak = map(int, done.stdout.split())
        assert (items, captions) == (count if layout == "item" else count // 2, count)
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 25, peaks  # the 100,000 captions alone are 15 MB on disk
