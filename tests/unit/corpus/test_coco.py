"""The ``coco`` importer on captions files as COCO and its translations have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmfeat.corpus.coco import image_root, read
from mmfeat.corpus.file import open_corpus
from mmfeat.corpus.importers import import_corpus
from mmfeat.corpus.model import ImportOptions, ItemRow, Skipped
from mmfeat.errors import MmfeatError
from tests.unit.corpus.defects import CAPTIONS, clean, encoded, pictures, write_pictures
from tests.unit.corpus.growth import linux, peak

Entry = dict[str, Any]


def image(number: int | str, name: str) -> Entry:
    return {
        "license": 3,
        "file_name": name,
        "coco_url": f"http://images.cocodataset.org/val2017/{name}",
        "height": 24,
        "width": 32,
        "date_captured": "2013-11-14 11:18:45",
        "flickr_url": "http://farm9.staticflickr.com/8186/8119368305_4e622c8349_z.jpg",
        "id": number,
    }


def caption(number: int | str, of: int | str, text: Any) -> Entry:
    return {"image_id": of, "id": number, "caption": text}


def write(path: Path, images: list[Any], annotations: list[Any], **changes: Any) -> Path:
    document = {
        "info": {"description": "COCO 2017 Dataset", "year": 2017},
        "licenses": [{"url": "http://creativecommons.org", "id": 1, "name": "Attribution"}],
        "images": images,
        "annotations": annotations,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(changes or document, ensure_ascii=False), "utf-8")
    return path


def log_of(path: Path) -> list[tuple[str, int, str]]:
    with open_corpus(path) as corpus:
        log = corpus._file["import_log"]
        columns = (log["source"].asstr()[:], log["row"][:], log["reason"].asstr()[:])
        return [(str(s), int(r), str(t)) for s, r, t in zip(*columns, strict=True)]


def test_files_of_two_splits_laid_out_as_coco_unpacks(tmp_path: Path) -> None:
    photo = pictures()["plain.jpg"][0]
    for folder, name in (("train2017", "000000000009.jpg"), ("val2017", "000000397133.jpg")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(photo)
    train = write(
        tmp_path / "annotations" / "captions_train2017.json",
        [image(9, "000000000009.jpg")],
        [caption(661611, 9, "Closeup of bins of food."), caption(661977, 9, " Two lines\n ")],
    )
    val = write(
        tmp_path / "annotations" / "captions_val2017.json",
        [image(397133, "000000397133.jpg")],
        [caption(370509, 397133, "A man is in a kitchen making pizzas.")],
    )
    out = tmp_path / "c.h5"
    summary = import_corpus("coco", [train, val], out)
    assert summary.items == 2 and summary.captions == {"en": 3} and summary.skipped == {}
    with open_corpus(out) as corpus:
        assert corpus.item_id == ["000000000009.jpg", "000000397133.jpg"]
        assert corpus.split == ["train", "test"]
        assert corpus.attributes == {"image_id": ["9", "397133"], "split": ["train", "val"]}
        assert corpus.captions.text[:2] == ["Closeup of bins of food.", "Two lines"]
        assert corpus.captions.item.tolist() == [0, 0, 1]
        assert corpus.image(1).size == (32, 24)


def test_splits_are_drawn_where_the_names_do_not_tell_train_from_test(tmp_path: Path) -> None:
    entries = [image(n, f"{n}.jpg") for n in range(200)]
    val = write(tmp_path / "captions_val2017.json", entries, [])
    other = write(tmp_path / "captions.json", [image(1, "x.jpg")], [])
    for sources in ([val], [val, other]):
        rows = [row for row in read(sources, ImportOptions()) if isinstance(row, ItemRow)]
        assert {row.split for row in rows} == {None}
        assert [row.attributes["split"] for row in rows][:200] == ["val"] * 200


def test_a_translation_with_its_language_and_captions_before_images(tmp_path: Path) -> None:
    (tmp_path / "COCO_val2014_000000000042.jpg").write_bytes(pictures()["plain.jpg"][0])
    path = tmp_path / "stair_captions_v1.2_val.json"
    path.write_text(
        json.dumps(
            {
                "annotations": [caption(1, 42, "猫が靴の上で寝ている"), caption(2, 42, "靴と猫")],
                "images": [image(42, "COCO_val2014_000000000042.jpg")],
                "type": "captions",
            }
        ),
        "utf-8-sig",
    )
    out = tmp_path / "c.h5"
    summary = import_corpus("coco", [path], out, ImportOptions(language="jp"))
    assert summary.captions == {"ja": 2}
    with open_corpus(out) as corpus:
        assert corpus.captions.text == ["猫が靴の上で寝ている", "靴と猫"]


def test_image_ids_count_within_their_file_and_pictures_across_files(tmp_path: Path) -> None:
    # Collections in COCO's layout often count from 1 in every file.
    one = write(tmp_path / "one.json", [image(1, "a.jpg")], [caption(1, 1, "of a")])
    two = write(
        tmp_path / "two.json",
        [image(1, "b.jpg"), image(2, "a.jpg")],
        [caption(1, 1, "of b"), caption(2, 2, "of a, again"), caption(1, 2, "of a")],
    )
    rows = list(read([one, two], ImportOptions()))
    items = {row.item_id: row.captions for row in rows if isinstance(row, ItemRow)}
    assert items == {"a.jpg": (("en", "of a"), ("en", "of a, again")), "b.jpg": (("en", "of b"),)}
    assert [row for row in rows if isinstance(row, Skipped)] == [
        Skipped("two.json (annotations)", 3, "the caption id is a duplicate")
    ]


def test_every_defect_is_skipped_with_its_place_and_reason(tmp_path: Path) -> None:
    usable = write_pictures(tmp_path / "images")
    names = [*usable, "missing.jpg"]
    images: list[Any] = [image(n, name) for n, name in enumerate(names, 1)]
    start = len(images)
    images += [
        image(100, "../secret.jpg"),
        image(101, "/etc/passwd"),
        image(1, "other.jpg"),
        image(102, "plain.jpg"),
        {"id": 103},
        {"file_name": "grey.jpg"},
        "no object",
        image(104, "nul\0.jpg"),
    ]
    texts = list(CAPTIONS.values())
    annotations: list[Any] = [
        caption(n, n, texts[n % len(texts)]) for n in range(1, len(names) + 1)
    ]
    annotations += [caption(50, 1, texts[0]), caption(51, 1, "second"), caption(51, 1, "third")]
    first = len(annotations)
    annotations += [
        caption(60, 1, ""),
        caption(61, 1, " \u3000\ufeff"),
        caption(62, 1, None),
        caption(63, 999, "of nothing"),
        caption(64, 100, "of a picture outside"),
        {"id": 65, "caption": "of what?"},
        ["no object"],
        caption(66, 1, "broken \ud800"),
    ]
    path = tmp_path / "captions.json"
    text = json.dumps({"images": images, "annotations": annotations}, indent=1)
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    (tmp_path / "secret.jpg").write_bytes(pictures()["plain.jpg"][0])
    out = tmp_path / "out" / "c.h5"
    summary = import_corpus("coco", [path], out, ImportOptions(images=tmp_path / "images"))
    with open_corpus(out) as corpus:
        assert corpus.item_id == [clean(name) for name, good in usable.items() if good]
        found: dict[str, list[str]] = {name: [] for name in corpus.item_id}
        for item, caption_text in zip(corpus.captions.item, corpus.captions.text, strict=True):
            found[corpus.item_id[item]].append(caption_text)
    for n, (name, good) in enumerate(usable.items(), 1):
        extra = [clean(texts[0]), "second"] if n == 1 else []
        if good:
            assert found[clean(name)] == [clean(texts[n % len(texts)]), *extra]
    assert summary.items == sum(usable.values())
    log = log_of(out)
    reasons = {(source, row): reason for source, row, reason in log}
    assert len(reasons) == len(log) == sum(summary.skipped.values())
    of_images, of_captions = "captions.json (images)", "captions.json (annotations)"
    bad = {n: name for n, name in enumerate(names, 1) if not usable.get(name)}
    assert {row for source, row in reasons if source == of_images and row <= start} == set(bad)
    by_name = {name: reasons[of_images, n] for n, name in bad.items()}
    assert by_name["missing.jpg"] == "the picture is missing; check the path"
    assert by_name["zero.jpg"] == "the picture is empty (zero bytes); copy it again"
    assert by_name["truncated.jpg"] == "the picture is truncated; copy it again"
    assert "pixels" in by_name["bomb.jpg"] and "not a readable" in by_name["page.jpg"]
    outside = "the picture lies outside the folder of the pictures"
    assert [reasons[of_images, start + n] for n in range(1, 9)] == [
        outside,
        outside,
        "the image id is a duplicate",
        "the item id is a duplicate",
        "the row names no picture",
        "the id is missing",
        "the entry is not a JSON object",
        "the row holds bytes that are not UTF-8 text",
    ]
    assert reasons[of_captions, first] == "the caption id is a duplicate"
    assert [reasons[of_captions, first + n] for n in range(1, 9)] == [
        "the caption is empty (en)",
        "the caption is empty (en)",
        "the caption is not text (en)",
        "the caption's image is not listed or was skipped",
        "the caption's image is not listed or was skipped",
        "the caption does not say its image",
        "the entry is not a JSON object",
        "the caption holds bytes that are not UTF-8 text (en)",
    ]


def test_damaged_and_foreign_documents_are_refused_and_leave_no_file(tmp_path: Path) -> None:
    good = json.dumps({"images": [image(1, "a.jpg")] * 3, "annotations": []})
    out = tmp_path / "c.h5"
    for text, message in [
        (good[:200], "near character"),
        (good + "}", "near character"),
        (json.dumps([caption(1, 1, "x")]), 'has no list "images"'),
        (json.dumps({"images": []}), 'has no list "annotations"'),
        (json.dumps({"images": [], "annotations": []}), "there are no rows"),
    ]:
        path = tmp_path / "captions.json"
        path.write_text(text)
        with pytest.raises(MmfeatError, match=message):
            import_corpus("coco", [path], out)
    path.write_text(good)
    with pytest.raises(MmfeatError, match="none is not a folder; give that of the pictures"):
        import_corpus("coco", [path], out, ImportOptions(images=tmp_path / "none"))
    with pytest.raises(MmfeatError, match="is not a language tag"):
        import_corpus("coco", [path], out, ImportOptions(language="english"))
    assert not out.exists()


def test_where_pictures_are_looked_for(tmp_path: Path) -> None:
    sources = [tmp_path / "annotations" / "a.json", tmp_path / "annotations" / "b.json"]
    assert image_root(sources, ImportOptions()) == tmp_path.resolve()
    assert image_root([tmp_path / "a.json"], ImportOptions()) == tmp_path.resolve()
    assert image_root(sources, ImportOptions(images=Path("p"))) == Path("p")


_MEASURE = """
import os, re, sys
from pathlib import Path
from mmfeat.corpus.importers import import_corpus
folder, count = Path(sys.argv[1]), int(sys.argv[2])
path, items = folder / "captions.json", count // 20
for i in range(items):
    if not (link := folder / "pictures" / f"{i:012d}.jpg").exists():
        os.link(folder / "dot.png", link)
with path.open("w", encoding="utf-8") as file:
    file.write('{"images": [')
    file.write(",".join(f'{{"id": {i}, "file_name": "{i:012d}.jpg"}}' for i in range(items)))
    file.write('], "annotations": [')
    for i in range(count):
        text = f'{{"id": {i}, "image_id": {i % items}, "caption": "number {i}, {"words " * 20}"}}'
        file.write(text + ("" if i == count - 1 else ","))
    file.write("]}")
summary = import_corpus("coco", [path], folder / "c.h5")
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
    assert peaks[1] - peaks[0] < 25, peaks  # the 100,000 captions alone are 18 MB on disk
