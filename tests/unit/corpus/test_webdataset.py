"""The ``webdataset`` importer on shards as img2dataset and others write them."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmfeat.corpus.file import open_corpus
from mmfeat.corpus.importers import import_corpus
from mmfeat.corpus.model import ImportOptions, ItemRow, Skipped
from mmfeat.corpus.pictures import decode
from mmfeat.corpus.webdataset import image_root, read
from mmfeat.errors import MmfeatError
from tests.unit.corpus import defects

ENGLISH = ImportOptions(language="en")
DAMAGED = "the shard is truncated or damaged here; it and what follows are left out"


def picture(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (5, 7, 3), np.uint8)
    return defects.encoded(Image.fromarray(pixels))


def write_shard(path: Path, files: dict[str, bytes | str | tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            if isinstance(data, tarfile.TarInfo):
                data.name = name
                tar.addfile(data)
                continue
            body = data.encode() if isinstance(data, str) else data
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return path


def sample(key: str, seed: int, caption: str, **facts: object) -> dict[str, bytes | str]:
    """Build the files of one sample as img2dataset writes them."""
    known = {
        "url": f"https://example.org/{seed}.jpg",
        "caption": caption,
        "key": key,
        "status": "success",
        "error_message": None,
        "width": 7,
        "height": 5,
        "original_width": 7,
        "original_height": 5,
        "exif": "{}",
        "sha256": "0" * 64,
    }
    return {
        f"{key}.jpg": picture(seed),
        f"{key}.json": json.dumps({**known, **facts}),
        f"{key}.txt": caption,
    }


def reasons(rows: list[ItemRow | Skipped]) -> list[tuple[int, str]]:
    return [(row.row, row.reason) for row in rows if isinstance(row, Skipped)]


def items(rows: list[ItemRow | Skipped]) -> list[ItemRow]:
    return [row for row in rows if isinstance(row, ItemRow)]


def test_shards_of_img2dataset_become_a_corpus_and_pictures_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "laion"
    folder.mkdir()
    for shard in range(2):
        files: dict[str, bytes | str] = {}
        for index in range(3):
            number = 3 * shard + index
            files |= sample(f"{shard:05d}{index:04d}", number, f"caption {number}")
        write_shard(folder / f"{shard:05d}.tar", files)
        (folder / f"{shard:05d}_stats.json").write_text("{}")
    out = tmp_path / "out" / "c.h5"
    options = ImportOptions(language="en", attribute=("url", "width"))
    summary = import_corpus("webdataset", [folder], out, options)
    assert summary.skipped == {} and summary.captions == {"en": 6}
    with open_corpus(out) as corpus:
        assert corpus.item_id == [f"{s:05d}{i:04d}" for s in range(2) for i in range(3)]
        assert corpus.captions.text == [f"caption {number}" for number in range(6)]
        assert corpus.attributes["url"][4] == "https://example.org/4.jpg"
        assert corpus.attributes["width"] == ["7"] * 6
        for index in (5, 0, 3, 2):
            expected = np.asarray(decode(picture(index)))
            np.testing.assert_array_equal(np.asarray(corpus.image(index)), expected)


def test_captions_by_language_in_names_and_json(tmp_path: Path) -> None:
    shard = write_shard(
        tmp_path / "a.tar",
        {
            "a.PNG": picture(1),
            "a.ko.txt": "\ufeff고양이\r\n",
            "a.jp.txt": "猫",
            "a.caption.txt": "not by language",
            "b.png": picture(2),
            "b.json": json.dumps({"caption": {"en": ["one", "two"], "ar": "قطة", "xx-y-": "?"}}),
            "c.png": picture(3),
            "c.json": json.dumps({"caption": ["eins", "zwei", ""], "lang": "de"}),
            "d.png": picture(4),
            "d.json": json.dumps({"caption": [1, {"text": "x"}], "LANGUAGE": "en"}),
            "e.png": picture(5),
            "e.json": json.dumps({"caption": None}),
            "f.png": picture(6),
            "f.txt": "chat",
            "f.json": json.dumps({"caption": " chat ", "language": "fr"}),
        },
    )
    rows = list(read([shard], ImportOptions()))
    assert {row.item_id: row.captions for row in items(rows)} == {
        "a": (("ko", "고양이"), ("ja", "猫")),
        "b": (("en", "one"), ("en", "two"), ("ar", "قطة")),
        "c": (("de", "eins"), ("de", "zwei"), ("de", "")),
        "d": (),
        "e": (),
        "f": (("fr", "chat"),),
    }
    assert reasons(rows) == [
        (1, "the language is not a language tag"),
        (2, "the language is not a language tag"),
        (4, "the caption is not text (en)"),
    ]


def test_captions_without_a_language_need_one(tmp_path: Path) -> None:
    shard = write_shard(tmp_path / "a.tar", sample("0", 0, "a cat"))
    with pytest.raises(MmfeatError, match=r"a\.tar has captions that do not say .* --language TAG"):
        import_corpus("webdataset", [shard], tmp_path / "c.h5")
    with pytest.raises(MmfeatError, match="not a language tag"):
        read([shard], ImportOptions(language="english"))
    files = sample("0", 0, "a cat", language=None) | sample("1", 1, "chat", language="fr")
    write_shard(shard, files)
    rows = list(read([shard], ImportOptions()))
    assert [row.captions for row in items(rows)] == [(), (("fr", "chat"),)]
    assert set(reasons(rows)) == {(1, "the language is not a language tag")}


def test_every_picture_defect_is_listed_and_the_rest_is_kept(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {}
    for number, (name, (data, _)) in enumerate(defects.pictures().items()):
        files[f"{name.removesuffix('.jpg')}.jpg"] = data
        tag, text = list(defects.CAPTIONS.items())[number % len(defects.CAPTIONS)]
        files[f"{name.removesuffix('.jpg')}.{tag}.txt"] = text
    files |= {"nothing.txt": "no picture", "bytes.jpg": picture(1), "bytes.en.txt": b"\xff\xfe"}
    out = tmp_path / "c.h5"
    shard = write_shard(tmp_path / "모음 1@2+3.tar", files)
    summary = import_corpus("webdataset", [shard], out)
    usable = [name for name, (_, good) in defects.pictures().items() if good]
    with open_corpus(out) as corpus:
        # A name's first dot ends the key.
        assert corpus.item_id == [name.removesuffix(".jpg") for name in usable] + ["bytes"]
        for index, name in enumerate(usable):
            expected = decode(defects.pictures()[name][0])
            np.testing.assert_array_equal(np.asarray(corpus.image(index)), np.asarray(expected))
        texts = {defects.clean(text) for text in defects.CAPTIONS.values()}
        assert set(corpus.captions.text) == texts
    assert summary.skipped["the sample has no picture"] == 1
    assert summary.skipped["the caption holds bytes that are not UTF-8 text (en)"] == 1
    broken = sum(n for reason, n in summary.skipped.items() if reason.startswith("the picture "))
    assert broken == len(defects.pictures()) - len(usable)


def test_failed_downloads_and_unusable_json_are_listed(tmp_path: Path) -> None:
    files = sample("0", 0, "x", status="failed_to_download") | sample("1", 1, "y")
    files |= {"2.jpg": picture(2), "2.json": "{", "3.jpg": picture(3), "3.json": "[]"}
    files |= {"4.jpg": picture(4), "4.json": "[" * 100_000, "5.json": '{"status": "success"}'}
    files |= {"6.jpg": picture(6), "6.png": picture(7), "6.en.txt": "two pictures"}
    files |= {"7.jpg": picture(8), "7.txt": "x" * (1 << 20) + "y"}
    rows = list(read([write_shard(tmp_path / "a.tar", files)], ENGLISH))
    assert [row.item_id for row in items(rows)] == ["1", "6", "7"]
    assert items(rows)[2].captions == ()
    assert reasons(rows) == [
        (1, "the download was not a success"),
        (3, "the sample's JSON cannot be read"),
        (4, "the sample's JSON is not an object"),
        (5, "the sample's JSON cannot be read"),
        (6, "the sample has no picture"),
        (7, "the sample has a second picture; its first is taken"),
        (8, "the sample has a text of more than 1 MiB, or more than 256"),
    ]


def test_hostile_members_are_passed_over(tmp_path: Path) -> None:
    link, hard, device = (tarfile.TarInfo() for _ in range(3))
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard.type, hard.linkname = tarfile.LNKTYPE, "ok.jpg"
    device.type = tarfile.CHRTYPE
    folder = tarfile.TarInfo()
    folder.type = tarfile.DIRTYPE
    files: dict[str, bytes | str | tarfile.TarInfo] = {
        "./d": folder,
        "./d/ok.jpg": picture(1),
        "link.jpg": link,
        "hard.jpg": hard,
        "device.jpg": device,
        "/etc/absolute.jpg": picture(2),
        "../climbs.jpg": picture(3),
        ".hidden.jpg": picture(4),
        "last.jpg": picture(5),
    }
    shard = write_shard(tmp_path / "a.tar", files)
    rows = list(read([shard], ENGLISH))
    assert [row.item_id for row in items(rows)] == ["d/ok", "last"]
    assert [reason for _, reason in reasons(rows)] == [
        *["a file of the shard is a link, a device or sparse"] * 3,
        *["a file of the shard has a name that leaves its folder"] * 2,
        "a file of the shard has a name that begins with a dot",
    ]


def test_samples_before_a_truncation_are_kept(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {}
    for index in range(4):
        files |= sample(f"{index}", index, f"caption {index}")
    whole = write_shard(tmp_path / "whole.tar", files).read_bytes()
    with tarfile.open(tmp_path / "whole.tar") as tar:
        places = {member.name: member for member in tar}
    cut = tmp_path / "cut.tar"
    for length, kept in [
        (places["2.jpg"].offset_data + 20, 2),  # in a picture
        (places["2.json"].offset_data + 20, 2),  # in a text
        (places["2.txt"].offset + 100, 2),  # in a header
        (places["2.txt"].offset_data + 512, 2),  # whole, but nothing says that it ends here
        (places["0.jpg"].offset_data + 3, 0),
    ]:
        cut.write_bytes(whole[:length])
        rows = list(read([cut], ENGLISH))
        assert [row.item_id for row in items(rows)] == ["0", "1"][:kept]
        assert reasons(rows) == [(kept + 1, DAMAGED)]
    garbled = bytearray(whole)
    garbled[places["1.json"].offset : places["1.json"].offset + 512] = b"\x07" * 512
    cut.write_bytes(garbled)
    out = tmp_path / "c.h5"
    summary = import_corpus("webdataset", [cut, tmp_path / "whole.tar"], out, ENGLISH)
    assert summary.items == 5 and summary.skipped == {DAMAGED: 1}


@pytest.mark.parametrize(
    "size", [b"\x80" + b"\0" * 6 + b"\xff" * 5, b"\xff" * 12, b"77777777777\0"]
)
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_sizes_that_only_a_hostile_header_states(tmp_path: Path, size: bytes, kind: bytes) -> None:
    good = write_shard(tmp_path / "a.tar", {"a.jpg": picture(1), "b.jpg": picture(2)})
    with tarfile.open(good) as tar:
        place = tar.getmember("b.jpg").offset
    data = bytearray(good.read_bytes())
    header = data[place : place + 512]
    header[124:136], header[156:157], header[148:156] = size, kind, b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    data[place : place + 512] = header
    good.write_bytes(data)
    rows = list(read([good], ENGLISH))
    # Where the name can be believed, it says that the sample before was whole.
    whole = ["a"] if kind == tarfile.REGTYPE else []
    assert [row.item_id for row in items(rows)] == whole
    assert reasons(rows) == [(len(whole) + 1, DAMAGED)]


def test_keys_that_repeat_over_shards_get_the_shard_name(tmp_path: Path) -> None:
    one = write_shard(tmp_path / "one.tar", {"0.jpg": picture(0), "1.jpg": picture(1)})
    (tmp_path / "b").mkdir()
    two = write_shard(tmp_path / "b" / "two.tar", {"2.jpg": picture(2), "1.jpg": picture(3)})
    assert image_root([one, two], ENGLISH) == tmp_path.resolve()
    rows = list(read([one, two], ENGLISH))
    assert [row.item_id for row in items(rows)] == ["one/0", "one/1", "b/two/2", "b/two/1"]
    assert [row.item_id for row in items(list(read([one], ENGLISH)))] == ["0", "1"]
    write_shard(two, {"2.jpg": picture(2), "3.jpg": picture(3), "2.png": picture(4)})
    out = tmp_path / "c.h5"
    summary = import_corpus("webdataset", [one, two], out)
    with open_corpus(out) as corpus:
        assert corpus.item_id == ["0", "1", "2", "3"]
    assert summary.skipped == {"the item id is a duplicate": 1}


def test_concepts_and_splits_come_from_the_json(tmp_path: Path) -> None:
    files = sample("0", 0, "a", kind="cat", part="Train") | sample("1", 1, "b", kind=7, part="test")
    files |= sample("2", 2, "c", kind=["x"])
    shard = write_shard(tmp_path / "a.tar", files)
    options = ImportOptions(language="en", concept="kind", split_column="part")
    rows = list(read([shard], options))
    assert [(row.concept, row.split) for row in items(rows)] == [("cat", "train"), ("7", "test")]
    assert reasons(rows) == [(3, "a value of the JSON is neither text nor a number")]
    with pytest.raises(MmfeatError, match="No sample's JSON has colour; there is url, caption"):
        list(read([shard], ImportOptions(language="en", attribute=("colour",))))


def test_sources_that_are_no_shards_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    packed, page, nothing = (tmp_path / name for name in ("a.tar.gz", "page.tar", "zero.tar"))
    shard = write_shard(tmp_path / "a.tar", {"0.jpg": picture(0)})
    packed.write_bytes(gzip.compress(shard.read_bytes()))
    page.write_bytes(b"<html>404</html>" * 100)
    nothing.touch()
    for source, message in [
        (folder, "has no file ending in .tar"),
        (packed, "is not an uncompressed tar file"),
        (page, "is not an uncompressed tar file"),
        (nothing, "is not an uncompressed tar file"),
        (tmp_path / "none.tar", "does not exist"),
    ]:
        with pytest.raises(MmfeatError, match=message):
            import_corpus("webdataset", [source], tmp_path / "c.h5", ENGLISH)
    (folder / "link.tar").symlink_to(shard)
    with pytest.raises(MmfeatError, match="is a link that leaves its folder"):
        import_corpus("webdataset", [folder], tmp_path / "c.h5", ENGLISH)
    given = list(read([folder / "link.tar"], ENGLISH))  # named by the user, so followed
    assert [row.item_id for row in items(given)] == ["0"]


MEMORY = """
import sys, tarfile
from pathlib import Path
from mmfeat.corpus.model import ImportOptions
from mmfeat.corpus.webdataset import read

def used():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

path, before = Path(sys.argv[1]), 0
for number, row in enumerate(read([path], ImportOptions(language="en")), 1):
    if number == 20_000:
        before = used()
print(number, row.item_id, row.captions, used() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    info = tarfile.TarInfo("000000.jpg")
    info.size = 5
    header = bytearray(info.tobuf())
    with path.open("wb") as file:
        for index in range(100_000):
            for extension in (b"jpg", b"txt") if index % 10 == 9 else (b"jpg",):
                header[:10] = b"%06d." % index + extension
                header[148:156] = b" " * 8
                header[148:156] = b"%06o\0 " % sum(header)
                file.write(header + b"a cat" + bytes(507))
        file.write(bytes(1024))
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, path], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("100000 099999 (('en', 'a cat'),)")
    assert int(done.stdout.split()[-1]) < 4_000  # KiB, for 80,000 samples
