"""The ``karpathy`` importer on the split files as they are handed round."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmfeat.corpus.file import open_corpus
from mmfeat.corpus.importers import import_corpus
from mmfeat.corpus.karpathy import read
from mmfeat.corpus.model import ImportOptions, ItemRow, Skipped
from mmfeat.errors import MmfeatError
from tests.unit.corpus.defects import CAPTIONS, clean, encoded, pictures, write_pictures
from tests.unit.corpus.growth import linux, peak


def image(number: int, name: Any, texts: list[Any], split: Any = "train", **more: Any) -> Any:
    first = 5 * number
    sentences = [
        {
            "tokens": str(text).lower().split(),
            "raw": text,
            "imgid": number,
            "sentid": first + index,
        }
        for index, text in enumerate(texts)
    ]
    ids = [sentence["sentid"] for sentence in sentences]
    return {
        "sentids": ids,
        "imgid": number,
        "sentences": sentences,
        "split": split,
        "filename": name,
        **more,
    }


def write(path: Path, images: list[Any], dataset: str = "flickr30k") -> Path:
    path.write_text(json.dumps({"images": images, "dataset": dataset}), "utf-8")
    return path


def test_coco_with_its_folders_and_restval(tmp_path: Path) -> None:
    photos = list(pictures().values())
    words = {"train": "train", "restval": "train", "val": "test", "test": "test"}
    images = []
    for n, split in enumerate(words):
        folder = "train2014" if split == "train" else "val2014"
        name = f"COCO_{folder}_{n:012d}.jpg"
        (tmp_path / "coco" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "coco" / folder / name).write_bytes(photos[n][0])
        texts = [f"caption {n}.{k}" for k in range(5 + n % 2)]  # some have more than five
        images.append(image(n, name, texts, split, filepath=folder, cocoid=391895 + n))
    path = write(tmp_path / "dataset_coco.json", images, "coco")
    out = tmp_path / "c.h5"
    summary = import_corpus("karpathy", [path], out, ImportOptions(images=tmp_path / "coco"))
    assert summary.items == 4 and summary.captions == {"en": 22} and summary.skipped == {}
    with open_corpus(out) as corpus:
        assert corpus.split == list(words.values())
        assert corpus.attributes == {
            "split": list(words),
            "cocoid": ["391895", "391896", "391897", "391898"],
        }
        assert corpus.item_id[1] == "COCO_val2014_000000000001.jpg"
        assert corpus.captions.item.tolist() == [0] * 5 + [1] * 6 + [2] * 5 + [3] * 6
        assert corpus.captions.text[5] == "caption 1.0"
        assert corpus.image(1).size == (32, 24)


def test_pictures_all_in_one_folder_although_the_file_names_two(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(pictures()["plain.jpg"][0])
    path = write(tmp_path / "d.json", [image(0, "a.jpg", ["x"], filepath="val2014")])
    (row,) = read([path], ImportOptions())
    assert isinstance(row, ItemRow) and row.image == "a.jpg" and row.row == 1


def test_every_defect_is_skipped_with_its_place_and_reason(tmp_path: Path) -> None:
    usable = write_pictures(tmp_path / "images")
    texts = list(CAPTIONS.values())
    names = [*usable, "missing.jpg"]
    images: list[Any] = [
        image(n, name, texts[: 1 + n % len(texts)], "test") for n, name in enumerate(names)
    ]
    start = len(images)
    images += [
        image(50, "../d.json", ["x"]),
        image(51, "grey.jpg", ["x"], filepath="../.."),
        image(52, "plain.jpg", ["x"]),
        image(53, None, ["x"]),
        "no object",
        {"filename": "a.jpg", "split": "train"},
        {"filename": "a.jpg", "sentences": []},
    ]
    images[0]["sentences"] += [{"raw": ""}, {"tokens": ["x"]}, "no object", {"raw": "\udc80"}]
    path = tmp_path / "dataset.json"
    text = json.dumps({"images": images, "dataset": "flickr30k"}, indent=2)
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    out = tmp_path / "c.h5"
    options = ImportOptions(images=tmp_path / "images", language="mul")
    summary = import_corpus("karpathy", [path], out, options)
    with open_corpus(out) as corpus:
        assert corpus.item_id == [clean(name) for name, good in usable.items() if good]
        assert corpus.split == ["test"] * len(corpus)
        n = names.index("été (1), n#2 100%.jpg")
        index = corpus.item_id.index("été (1), n#2 100%.jpg")
        found = [
            text
            for item, text in zip(corpus.captions.item, corpus.captions.text, strict=True)
            if item == index
        ]
        assert found == [clean(text) for text in texts[: 1 + n % len(texts)]]
        log = corpus._file["import_log"]
        assert set(log["source"].asstr()[:]) == {"dataset.json"}
        rows = list(zip(log["row"][:].tolist(), log["reason"].asstr()[:].tolist(), strict=True))
    assert summary.captions["mul"] == sum(
        1 + n % len(texts) for n, name in enumerate(names) if usable.get(name)
    )
    bad = {names.index(name) + 1 for name in names if not usable.get(name)}
    assert {row for row, _ in rows if 1 < row <= start} == bad
    assert [reason for row, reason in rows if row == 1] == [
        "the caption is empty (mul)",
        "the caption is not text (mul)",
        "the caption is not text (mul)",
        "the caption holds bytes that are not UTF-8 text (mul)",
    ]
    outside = "the picture lies outside the folder of the pictures"
    assert [(row - start, reason) for row, reason in rows if row > start] == [
        (1, outside),
        (2, outside),
        (3, "the item id is a duplicate"),
        (4, "the row names no picture"),
        (5, "the entry is not a JSON object"),
        (6, "the row has no list of sentences"),
        (7, "the row names no split"),
    ]
    assert dict(rows)[names.index("missing.jpg") + 1] == "the picture is missing; check the path"
    assert dict(rows)[names.index("zero.jpg") + 1].startswith("the picture is empty (zero bytes)")


def test_a_document_that_breaks_off_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(pictures()["plain.jpg"][0])
    path = write(tmp_path / "d.json", [image(n, "a.jpg", ["x"]) for n in range(50)])
    text = path.read_text()
    path.write_text(text[: len(text) // 2])
    with pytest.raises(MmfeatError, match=r"d\.json breaks off, or is no JSON.*near character"):
        import_corpus("karpathy", [path], tmp_path / "c.h5")
    path.write_text('{"annotations": []}')
    with pytest.raises(MmfeatError, match='has no list "images"'):
        import_corpus("karpathy", [path], tmp_path / "c.h5")
    assert not (tmp_path / "c.h5").exists()


def test_several_files_of_one_name_are_told_apart_in_the_log(tmp_path: Path) -> None:
    for folder in "ab":
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "dataset.json", [image(0, "", ["x"])])
    sources = [tmp_path / folder / "dataset.json" for folder in "ab"]
    assert [row.source for row in read(sources, ImportOptions()) if isinstance(row, Skipped)] == [
        "a/dataset.json",
        "b/dataset.json",
    ]


_MEASURE = """
import json, os, re, sys
from pathlib import Path
from mmfeat.corpus.importers import import_corpus
folder, count = Path(sys.argv[1]), int(sys.argv[2])
path = folder / "dataset.json"
with path.open("w", encoding="utf-8") as file:
    file.write('{"images": [')
    for i in range(count // 20):
        if not (link := folder / "pictures" / f"{i}.jpg").exists():
            os.link(folder / "dot.png", link)
        raw = f"number {i}, " + "words " * 10
        sentence = {"raw": raw, "tokens": raw.split(), "imgid": i, "sentid": i}
        entry = {"filename": f"{i}.jpg", "imgid": i, "split": "val", "sentences": [sentence] * 20}
        file.write(json.dumps(entry) + ("," if i < count // 20 - 1 else ""))
    file.write('], "dataset": "flickr30k"}')
summary = import_corpus("karpathy", [path], folder / "c.h5")
# Not getrusage: its peak is inherited from the process that started this one.
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(summary.captions["en"], int(peak) // 1024)
"""


@linux
def test_memory_does_not_grow_with_a_hundred_thousand_captions(tmp_path: Path) -> None:
    (tmp_path / "dot.png").write_bytes(encoded(Image.new("RGB", (1, 1))))
    (tmp_path / "pictures").mkdir()
    peaks = []
    for count in (10_000, 100_000):
        captions, megabytes = peak(_MEASURE, tmp_path, str(count))
        assert captions == count
        peaks.append(megabytes)
    assert peaks[1] - peaks[0] < 25, peaks  # the document is 25 MB on disk
