"""The ``hf`` importer on datasets as `datasets` saves and uploads them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mmfeat.corpus.file import open_corpus
from mmfeat.corpus.huggingface import image_root, read
from mmfeat.corpus.importers import import_corpus
from mmfeat.corpus.model import ImportOptions, ItemRow, Skipped
from mmfeat.corpus.pictures import decode
from mmfeat.errors import MmfeatError
from tests.unit.corpus import defects

IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
STRING = {"dtype": "string", "_type": "Value"}
TEXT = ImportOptions(id="id", lang=("en=en",))
FEATURES: dict[str, Any] = {
    "id": {"dtype": "int64", "_type": "Value"},
    "image": {"_type": "Image"},
    "en": STRING,
    "ko": {"feature": STRING, "_type": "Sequence"},
    "label": {"names": ["cat", "dog"], "_type": "ClassLabel"},
}
TYPES = {
    "id": pa.int64(),
    "image": IMAGE,
    "en": pa.string(),
    "ko": pa.list_(pa.string()),
    "label": pa.int64(),
}


def picture(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (5, 7, 3), np.uint8)
    return defects.encoded(Image.fromarray(pixels))


def row(number: int, **cells: Any) -> dict[str, Any]:
    return {
        "id": number,
        "image": {"bytes": picture(number), "path": f"{number}.png"},
        "en": f"caption {number}",
        "ko": [f"설명 {number}", f"글 {number}"],
        "label": number % 2,
        **cells,
    }


def table(rows: list[dict[str, Any]], features: dict[str, Any] | None = None) -> pa.Table:
    """Build a table whose schema says what `datasets` says."""
    features = FEATURES if features is None else features
    kinds = {name: TYPES[name] for name in features} if set(features) <= set(TYPES) else {}
    built = pa.Table.from_pylist(rows, pa.schema(kinds) if kinds else None)
    about = {"info": {"features": features}, "fingerprint": "6ea0f5f7f8f7a1c2"}
    return built.replace_schema_metadata({"huggingface": json.dumps(about)})


def parquet(path: Path, data: pa.Table) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(data, path, row_group_size=100)
    return path


def stream(path: Path, data: pa.Table, rows: int = 1000) -> Path:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, data.schema) as writer:
        writer.write_table(data, max_chunksize=rows)
    return path


def save_to_disk(folder: Path, shards: list[pa.Table], split: str | None = None) -> Path:
    """Write the files of ``Dataset.save_to_disk``."""
    folder.mkdir(parents=True)
    names = [f"data-{n:05d}-of-{len(shards):05d}.arrow" for n in range(len(shards))]
    for name, data in zip(names, shards, strict=True):
        stream(folder / name, data, rows=2)
    features = json.loads(shards[0].schema.metadata[b"huggingface"])["info"]["features"]
    info = {"citation": "", "description": "", "features": features, "homepage": "", "license": ""}
    (folder / "dataset_info.json").write_text(json.dumps(info, indent=2))
    state = {
        "_data_files": [{"filename": name} for name in names],
        "_fingerprint": "6ea0f5f7f8f7a1c2",
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": split,
    }
    (folder / "state.json").write_text(json.dumps(state, indent=2))
    return folder


def save_dict(folder: Path, splits: dict[str, list[pa.Table]]) -> Path:
    """Write the files of ``DatasetDict.save_to_disk``."""
    for split, shards in splits.items():
        save_to_disk(folder / split, shards, split)
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": list(splits)}))
    return folder


def rows_of(source: Path, options: ImportOptions) -> tuple[list[ItemRow], list[tuple[int, str]]]:
    rows = list(read([source], options))
    items = [found for found in rows if isinstance(found, ItemRow)]
    return items, [(found.row, found.reason) for found in rows if isinstance(found, Skipped)]


@pytest.mark.parametrize("form", ["saved", "folder", "file"])
def test_datasets_become_a_corpus_and_pictures_come_back(tmp_path: Path, form: str) -> None:
    first, second = table([row(n) for n in range(5)]), table([row(n) for n in range(5, 8)])
    if form == "saved":
        sources = [save_to_disk(tmp_path / "my data", [first, second])]
    else:
        files = [
            parquet(tmp_path / "my data" / "data" / f"train-{n:05d}-of-00002.parquet", part)
            for n, part in enumerate((first, second))
        ]
        sources = files if form == "file" else [tmp_path / "my data"]
    out = tmp_path / "out" / "c.h5"
    options = ImportOptions(id="id", lang=("en=en", "ko=ko"), concept="label", attribute=("label",))
    summary = import_corpus("hf", sources, out, options)
    assert summary.skipped == {} and summary.captions == {"en": 8, "ko": 16}
    with open_corpus(out) as corpus:
        assert corpus.item_id == [str(n) for n in range(8)]
        assert corpus.concept == ["cat", "dog"] * 4 and corpus.attributes["label"][1] == "dog"
        # With one split only, concepts are split as everywhere.
        assert corpus.attributes.get("split") == (None if form == "saved" else ["train"] * 8)
        assert corpus.captions.text[:6] == [
            *("caption 0", "설명 0", "글 0", "caption 1", "설명 1", "글 1")
        ]
        for index in (7, 0, 4, 5, 1):
            expected = np.asarray(decode(picture(index)))
            np.testing.assert_array_equal(np.asarray(corpus.image(index)), expected)


def test_splits_of_a_dict_are_kept(tmp_path: Path) -> None:
    folder = save_dict(
        tmp_path / "d",
        {
            "train": [table([row(0), row(1)])],
            "validation": [table([row(2)])],
            "test": [table([row(3)])],
        },
    )
    out = tmp_path / "c.h5"
    import_corpus("hf", [folder], out, TEXT)
    with open_corpus(out) as corpus:
        assert corpus.split == ["train", "train", "test", "test"]
        assert corpus.attributes == {"split": ["train", "train", "validation", "test"]}
        np.testing.assert_array_equal(np.asarray(corpus.image(3)), np.asarray(decode(picture(3))))
    alone = save_dict(tmp_path / "alone", {"train": [table([row(n) for n in range(40)])]})
    items, _ = rows_of(alone, TEXT)
    assert {item.split for item in items} == {None}
    assert {item.attributes["split"] for item in items} == {"train"}


def test_splits_of_uploaded_files_come_from_their_names(tmp_path: Path) -> None:
    for name in ("train-00000-of-00001-0f1e2d3c4b5a6978", "test-00000-of-00001", "part-00001"):
        parquet(tmp_path / "d" / "data" / f"{name}.parquet", table([row(len(name))]))
    items, _ = rows_of(tmp_path / "d", TEXT)
    found = {item.source: (item.split, dict(item.attributes)) for item in items}
    assert found == {
        "part-00001.parquet": (None, {}),
        "test-00000-of-00001.parquet": ("test", {"split": "test"}),
        "train-00000-of-00001-0f1e2d3c4b5a6978.parquet": ("train", {"split": "train"}),
    }
    own = [row(n, en=part) for n, part in enumerate(("Train", "test", "dev", ""))]
    parquet(tmp_path / "one.parquet", table(own))
    options = ImportOptions(lang=("ko=ko",), split_column="en")
    items, _ = rows_of(tmp_path / "one.parquet", options)
    assert [item.split for item in items] == ["train", "test", "dev", None]
    assert [item.item_id for item in items] == [f"one.parquet:{n}" for n in (1, 2, 3, 4)]


@pytest.mark.parametrize("form", ["saved", "parquet"])
def test_every_defect_is_listed_and_the_rest_is_kept(tmp_path: Path, form: str) -> None:
    rows = []
    for number, (name, (data, _)) in enumerate(defects.pictures().items()):
        tag, text = list(defects.CAPTIONS.items())[number % len(defects.CAPTIONS)]
        rows.append({"id": name, "image": {"bytes": data, "path": name}, "tag": tag, "text": text})
    bare = {"bytes": None, "path": None}
    outside = {"bytes": None, "path": "../../secret.png"}
    rows += [
        {"id": "null", "image": None, "tag": "en", "text": "x"},
        {"id": "bare", "image": bare, "tag": "en", "text": "x"},
        {"id": "outside", "image": outside, "tag": "en", "text": "x"},
        {"id": "tagless", "image": rows[0]["image"], "tag": "english", "text": "x"},
        {"id": "silent", "image": rows[0]["image"], "tag": None, "text": ""},
        {"id": "empty", "image": rows[0]["image"], "tag": "en", "text": " "},
        {"id": None, "image": rows[0]["image"], "tag": "en", "text": "x"},
    ]
    features = {"id": STRING, "image": {"_type": "Image"}, "tag": STRING, "text": STRING}
    data = table(rows, features)
    if form == "saved":
        source = save_to_disk(tmp_path / "d", [data])
    else:
        source = parquet(tmp_path / "é 1@2" / "a b.parquet", data)
    out = tmp_path / "c.h5"
    options = ImportOptions(id="id", language_column="tag", caption_column="text")
    summary = import_corpus("hf", [source], out, options)
    usable = [name for name, (_, good) in defects.pictures().items() if good]
    broken = len(defects.pictures()) - len(usable)
    with open_corpus(out) as corpus:
        assert corpus.item_id == [*usable, "tagless", "silent", "empty"]
        for index, name in enumerate(usable):
            expected = decode(defects.pictures()[name][0])
            np.testing.assert_array_equal(np.asarray(corpus.image(index)), np.asarray(expected))
        texts = {defects.clean(text) for text in defects.CAPTIONS.values()}
        assert set(corpus.captions.text) == texts
    found = summary.skipped
    assert found["the picture is not in its cell; leave the row out"] == 2
    assert found["the picture lies outside the corpus's folder; move it inside"] == 1
    assert found["the language is not a language tag"] == 2
    assert found["the caption is empty (en)"] == 1
    assert found["the item id is empty"] == 1
    pictures = sum(n for reason, n in found.items() if reason.startswith("the picture "))
    assert pictures == broken + 3


def test_captions_are_texts_lists_or_missing(tmp_path: Path) -> None:
    broken = pa.array([b"ok", b"\xff\xfe", b"ok", b""]).view(pa.string())
    lists = pa.array([["a", "b", ""], None, [], ["c", None]], pa.large_list(pa.string()))
    data = pa.table(
        {"id": [1, 2, 3, 4], "en": broken, "ko": lists, "n": [0.5, float("nan"), None, 2]}
    )
    options = ImportOptions(id="id", lang=("en=en", "ko=ko"), attribute=("n",))
    for source in (
        parquet(tmp_path / "a.parquet", data),
        stream(tmp_path / "a.arrow", data, rows=3),
    ):
        items, skipped = rows_of(source, options)
        assert [item.captions for item in items] == [
            (("en", "ok"), ("ko", "a"), ("ko", "b"), ("ko", "")),
            (("en", "\udcff\udcfe"),),
            (("en", "ok"),),
            (("en", ""), ("ko", "c"), ("ko", "")),
        ]
        assert [item.attributes for item in items] == [{"n": n} for n in ("0.5", "", "", "2.0")]
        assert skipped == [] and [item.image for item in items] == [""] * 4
    summary = import_corpus("hf", [tmp_path / "a.arrow"], tmp_path / "c.h5", options)
    assert summary.items == 3 and summary.captions == {"en": 2, "ko": 3}
    assert summary.skipped == {
        "the caption is empty (ko)": 2,
        "the caption holds bytes that are not UTF-8 text (en)": 1,
        "the item has neither a picture nor a caption": 1,
        "the caption is empty (en)": 1,
    }


def test_captions_of_one_item_in_several_rows_are_joined(tmp_path: Path) -> None:
    parts = [
        (1, "en", "cat"),
        (2, "en", "dog"),
        (1, "jp", "猫"),
        (1, "en", "kitten"),
        (2, "ko", "개"),
    ]
    rows = [row(number, tag=tag, text=text) for number, tag, text in parts]
    features = {**FEATURES, "tag": STRING, "text": STRING}
    source = parquet(tmp_path / "a.parquet", table(rows, features))
    options = ImportOptions(id="id", language_column="tag", caption_column="text")
    items, skipped = rows_of(source, options)
    assert skipped == []
    assert [(item.item_id, item.captions, item.image, item.row) for item in items] == [
        ("1", (("en", "cat"), ("ja", "猫"), ("en", "kitten")), "parquet://a.parquet@0/image", 1),
        ("2", (("en", "dog"), ("ko", "개")), "parquet://a.parquet@1/image", 2),
    ]
    one = ImportOptions(id="id", caption_column="text", language="EN")
    assert [item.captions[0] for item in rows_of(source, one)[0]] == [("en", "cat"), ("en", "dog")]
    each = ImportOptions(caption_column="text", language="en")
    assert [item.captions for item in rows_of(source, each)[0]] == [
        (("en", text),) for _, _, text in parts
    ]


def test_class_labels_give_their_names(tmp_path: Path) -> None:
    rows = [row(1, label=1), row(2, label=0), row(3, label=None), row(4, label=-1), row(5, label=9)]
    source = parquet(tmp_path / "a.parquet", table(rows))
    items, _ = rows_of(source, ImportOptions(id="id", lang=("label=en",)))
    assert [item.captions for item in items] == [(("en", "dog"),), (("en", "cat"),), (), (), ()]


def test_the_column_of_pictures_is_found_or_chosen(tmp_path: Path) -> None:
    cell = {"bytes": picture(1), "path": None}
    rows = [{"id": 1, "en": "x", "sound": cell, "b": cell, "raw": picture(2)}]
    plain = parquet(tmp_path / "plain.parquet", pa.Table.from_pylist(rows))
    with pytest.raises(MmfeatError, match=r"several columns of pictures, sound, b; .* --image"):
        rows_of(plain, TEXT)
    kinds = {"sound": {"sampling_rate": 16000, "_type": "Audio"}, "b": {"_type": "Image"}}
    told = parquet(tmp_path / "told.parquet", table(rows, {"id": STRING, "en": STRING, **kinds}))
    assert rows_of(told, TEXT)[0][0].image == "parquet://told.parquet@0/b"
    chosen = ImportOptions(id="id", lang=("en=en",), image="raw")
    out = tmp_path / "c.h5"
    import_corpus("hf", [plain], out, chosen)
    with open_corpus(out) as corpus:
        np.testing.assert_array_equal(np.asarray(corpus.image(0)), np.asarray(decode(picture(2))))
    with pytest.raises(MmfeatError, match="has no column face; it has id, en, sound, b, raw"):
        rows_of(plain, ImportOptions(lang=("en=en",), image="face"))


@pytest.mark.parametrize("about", ["{", "[]", '{"info": null}', '{"info": {"features": [1]}}'])
def test_metadata_of_another_form_says_nothing(tmp_path: Path, about: str) -> None:
    data = table([row(1)]).replace_schema_metadata({"huggingface": about})
    items, _ = rows_of(parquet(tmp_path / "a.parquet", data), TEXT)
    assert items[0].image == "parquet://a.parquet@0/image"


def test_pictures_that_are_paths_lie_beside_their_file(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    Image.new("RGB", (3, 2), "red").save(folder / "고양이 1.png")
    cells = [{"bytes": None, "path": path} for path in ("고양이 1.png", "none.png", "/etc/passwd")]
    source = parquet(folder / "a.parquet", table([row(n, image=c) for n, c in enumerate(cells)]))
    summary = import_corpus("hf", [source], tmp_path / "c.h5", TEXT)
    assert summary.items == 1 and sorted(summary.skipped) == [
        "the picture is missing; check the path",
        "the picture lies outside the corpus's folder; move it inside",
    ]
    with open_corpus(tmp_path / "c.h5") as corpus:
        assert corpus.image(0).size == (3, 2)


def test_rows_before_damage_are_kept(tmp_path: Path) -> None:
    path = stream(tmp_path / "a.arrow", table([row(n) for n in range(9)]), rows=3)
    path.write_bytes(path.read_bytes()[:-700])
    damage = "the file is damaged here; what follows is left out"
    items, skipped = rows_of(path, TEXT)
    assert [item.item_id for item in items] == [str(n) for n in range(6)]
    assert skipped == [(7, damage)]
    summary = import_corpus("hf", [path], tmp_path / "c.h5", TEXT)
    assert summary.items == 6 and summary.skipped == {damage: 1}


def test_garbled_files_give_rows_or_a_sentence(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    options = ImportOptions(id="id", lang=("en=en", "ko=ko"), concept="label")
    for form in ("arrow", "parquet"):
        path = tmp_path / f"a.{form}"
        whole = table([row(n, image=None) for n in range(20)])
        data = (parquet if form == "parquet" else stream)(path, whole).read_bytes()
        for _ in range(60):
            broken = bytearray(data)
            for place in generator.integers(0, len(data), 8):
                broken[place] = generator.integers(256)
            path.unlink()  # a mapped file must not change under its reader
            path.write_bytes(broken)
            try:
                assert len(list(read([path], options))) <= 10_000
            except MmfeatError as error:
                assert str(path) in str(error)


def test_unusable_sources_and_options_are_refused(tmp_path: Path) -> None:
    good = parquet(tmp_path / "good.parquet", table([row(1)]))
    fake, other, empty = (tmp_path / name for name in ("fake.arrow", "a.csv", "empty"))
    fake.write_bytes(b"<html>404</html>")
    other.touch()
    empty.mkdir()
    short = save_to_disk(tmp_path / "short", [table([row(1)]), table([row(2)])])
    (short / "data-00001-of-00002.arrow").unlink()
    climbs = save_to_disk(tmp_path / "climbs", [table([row(1)])])
    (climbs / "state.json").write_text('{"_data_files": [{"filename": "../good.parquet"}]}')
    broken = save_dict(tmp_path / "broken", {"train": [table([row(1)])]})
    (broken / "dataset_dict.json").write_text('{"splits": {"train"')
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "a.parquet").symlink_to(good)
    for source, options, message in [
        (fake, TEXT, "is not a readable Arrow stream"),
        (other, TEXT, "does not end in .parquet or .arrow"),
        (empty, TEXT, "is no dataset saved with save_to_disk and has no Parquet files"),
        (short, TEXT, "lacks data-00001-of-00002.arrow; copy the dataset again"),
        (climbs, TEXT, "cannot be read as part of a saved dataset"),
        (broken, TEXT, "cannot be read as part of a saved dataset"),
        (linked, TEXT, "is a link that leaves its folder"),
        (good, ImportOptions(id="id"), "either --lang COLUMN=TAG, or --caption-column"),
        (good, ImportOptions(caption_column="en"), "either --lang"),
        (good, ImportOptions(lang=("en=en",), caption_column="ko", language="ko"), "either --lang"),
        (good, ImportOptions(lang=("en=en",), language="ko"), "either --lang"),
        (good, ImportOptions(caption_column="en", language="english"), "not a language tag"),
        (good, ImportOptions(lang=("de=de", "fr=fr")), "has no column de, fr; it has id, image"),
    ]:
        with pytest.raises(MmfeatError, match=message):
            import_corpus("hf", [source], tmp_path / "c.h5", options)
    assert not (tmp_path / "c.h5").exists()
    items, _ = rows_of(linked / "a.parquet", TEXT)  # named by the user, so followed
    assert items[0].image == "parquet://good.parquet@0/image"
    assert image_root([linked / "a.parquet"], TEXT) == tmp_path.resolve()


MEMORY = """
import sys
from pathlib import Path
from mmfeat.corpus.huggingface import read
from mmfeat.corpus.model import ImportOptions
from mmfeat.corpus.packed import read_packed

def used():
    with open("/proc/self/status") as file:
        lines = dict(line.split(":", 1) for line in file)
    return int(lines["RssAnon"].split()[0])

path, before = Path(sys.argv[1]), 0
for number, row in enumerate(read([path], ImportOptions(lang=("text=en",))), 1):
    if number % 20 == 0:
        data = read_packed(row.image, path.parent, row.image)
    if number == 20_000:
        before = used()
print(number, row.captions, len(data), used() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"a.{form}"
    size, part = 300, 5000
    noise = np.random.default_rng(0)
    cells = pa.array([{"bytes": noise.bytes(size), "path": None} for _ in range(part)], IMAGE)
    batches = [
        pa.RecordBatch.from_pydict(
            {"image": cells, "text": [f"caption {number}" for number in range(start, start + part)]}
        )
        for start in range(0, 100_000, part)
    ]
    data = pa.Table.from_batches(batches)
    if form == "arrow":
        stream(path, data, rows=part)
    else:  # all in one row group
        pq.write_table(data, path, row_group_size=100_000, use_dictionary=False)
    assert path.stat().st_size > 100_000 * size
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, path], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"100000 (('en', 'caption 99999'),) {size} ")
    assert int(done.stdout.split()[-1]) < 8_000  # KiB, for 24 MB of pictures
