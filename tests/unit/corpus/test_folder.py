"""Pictures with text files beside them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mmfeat.corpus.file import open_corpus
from mmfeat.corpus.folder import image_root, read
from mmfeat.corpus.importers import import_corpus
from mmfeat.corpus.model import ImportOptions, ItemRow, Skipped
from mmfeat.errors import MmfeatError
from tests.unit.corpus.defects import CAPTIONS, clean, pictures, write_pictures
from tests.unit.corpus.growth import check_growth, linux

PHOTO = pictures()["plain.jpg"][0]
KOREAN = ImportOptions(language="ko")


def put(path: Path, data: bytes | str = PHOTO) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def found(folder: Path, options: ImportOptions = KOREAN) -> dict[str, tuple[tuple[str, str], ...]]:
    rows = list(read([folder], options))
    assert all(isinstance(row, ItemRow) for row in rows), rows
    return {row.item_id: row.captions for row in rows}


def test_captions_are_those_beside_the_picture(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    put(root / "cat.jpg")
    put(root / "cat.txt", "고양이\r\n\r\n야옹이\n")
    put(root / "cat.en.txt", "a cat")
    put(root / "cat.zh_hans.txt", "猫")
    put(root / "cats.jpg")
    put(root / "dogs" / "cat.PNG")
    put(root / "dogs" / "cat.jp.TXT", "犬")
    put(root / ".hidden" / "x.jpg")
    put(root / "._cat.jpg")
    put(root / "notes.md", "not ours")
    assert found(root) == {
        "cat.jpg": (("en", "a cat"), ("ko", "고양이"), ("ko", "야옹이"), ("zh-Hans", "猫")),
        "cats.jpg": (),
        "dogs/cat.PNG": (("ja", "犬"),),
    }


def test_dots_in_names_do_not_confuse(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg")
    put(tmp_path / "a.en.jpg")
    put(tmp_path / "a.en.txt", "of a.en.jpg")
    put(tmp_path / "a.en.ko.txt", "또한")
    put(tmp_path / "a.de.txt", "von a.jpg")
    put(tmp_path / "v1.2 final.png")
    put(tmp_path / "v1.2 final.fr.txt", "fini")
    assert found(tmp_path, ImportOptions(language="en")) == {
        "a.en.jpg": (("ko", "또한"), ("en", "of a.en.jpg")),
        "a.jpg": (("de", "von a.jpg"),),
        "v1.2 final.png": (("fr", "fini"),),
    }


def test_two_pictures_of_one_name_share_the_captions(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg")
    put(tmp_path / "a.webp")
    put(tmp_path / "a.ko.txt", "가")
    assert found(tmp_path, ImportOptions()) == {"a.jpg": (("ko", "가"),), "a.webp": (("ko", "가"),)}


def test_several_folders_are_one_corpus(tmp_path: Path) -> None:
    put(tmp_path / "one" / "a.jpg")
    put(tmp_path / "two" / "a.jpg")
    sources = [tmp_path / "two", tmp_path / "one"]
    assert image_root(sources, ImportOptions()) == tmp_path.resolve()
    out = tmp_path / "out" / "c.h5"
    assert import_corpus("folder", sources, out).pictures == 2
    with open_corpus(out) as corpus:
        assert corpus.item_id == ["one/a.jpg", "two/a.jpg"]
        assert corpus.image(1).size == (32, 24)


def test_awkward_pictures_and_texts(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    usable = write_pictures(root)
    for name in usable:
        for tag, text in CAPTIONS.items():
            put(root / f"{Path(name).stem}.{tag}.txt", f"\ufeff{text}\r\n")
    put(root / "missing.ko.txt", "그림 없음")
    put(root / "plain.tr.txt", "\ufeff \r\n")
    (root / "loop").symlink_to(root)
    (root / "outside.jpg").symlink_to(tmp_path / "secret.jpg")
    put(tmp_path / "secret.jpg")
    out = tmp_path / "c.h5"
    summary = import_corpus("folder", [root], out)
    with open_corpus(out) as corpus:
        assert corpus.item_id == sorted(clean(name) for name, fine in usable.items() if fine)
        tags = [corpus.languages[language] for language in corpus.captions.language]
        expected = {(tag, clean(text)) for tag, text in CAPTIONS.items()}
        assert set(zip(tags, corpus.captions.text, strict=True)) == expected
        assert len(corpus.captions.text) == len(corpus) * len(CAPTIONS)
    reasons = {reason.split(";")[0]: count for reason, count in summary.skipped.items()}
    assert reasons == {
        "the picture is truncated": 1,
        "the picture is empty (zero bytes)": 1,
        "the picture is not a readable picture": 1,
        "the picture has more than 64,000,000 pixels": 1,
        "the picture lies outside the corpus's folder": 1,
        "the caption is empty (tr)": 1,
        "the text file has no picture beside it": 1,
    }


def test_what_is_wrong_with_a_text_is_said_with_its_file_and_line(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg")
    put(tmp_path / "a.ko.txt", b"ok\n" + b"x" * (17 << 20) + b"\n\xff\nfine")
    rows = list(read([tmp_path], ImportOptions()))
    assert rows[0] == Skipped("a.ko.txt", 2, "the line is longer than 16 MiB")
    assert isinstance(rows[1], ItemRow)
    assert rows[1].captions == (("ko", "ok"), ("ko", "\udcff"), ("ko", "fine"))
    summary = import_corpus("folder", [tmp_path], tmp_path / "out" / "c.h5")
    assert summary.captions == {"ko": 2}
    assert summary.skipped["the caption holds bytes that are not UTF-8 text (ko)"] == 1


def test_a_name_in_another_encoding_is_skipped(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg")
    try:
        put(tmp_path / b"\xe9t\xe9.jpg".decode(errors="surrogateescape"))
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    skipped, item = read([tmp_path], ImportOptions())
    assert isinstance(skipped, Skipped) and "name holds bytes that are not UTF-8" in skipped.reason
    assert isinstance(item, ItemRow) and item.item_id == "a.jpg"


def test_a_text_of_unknown_language_and_wrong_sources_are_refused(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg")
    put(tmp_path / "a.txt", "고양이")
    put(tmp_path / "empty" / "README.txt", "nothing here")
    for source, options, message in [
        (tmp_path, ImportOptions(), r"a\.txt does not say its language; give --language, or name"),
        (tmp_path, ImportOptions(language="korean"), "is not a language tag"),
        (tmp_path / "a.jpg", KOREAN, "is not a folder"),
        (tmp_path / "empty", KOREAN, "Nothing was imported"),
    ]:
        with pytest.raises(MmfeatError, match=message):
            import_corpus("folder", [source], tmp_path / "c.h5", options)


@linux
def test_memory_does_not_grow(tmp_path: Path) -> None:
    def write(folder: Path, count: int) -> list[Path]:
        inside, name = folder / "files", "a rather long name, as cameras and people give them " * 4
        inside.mkdir()
        suffixes = ("bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "png", "tif", "tiff", "webp")
        for number in range(count // len(suffixes)):
            stem = f"{inside}/{name}{number:09d}"
            if number % 10 == 0:
                Path(f"{stem}.en.txt").write_text("a cat on a mat")
            for suffix in suffixes:
                os.close(os.open(f"{stem}.{suffix}", os.O_CREAT | os.O_WRONLY))
        return [inside]

    # Making files is slow: fewer, and with names of over 200 bytes.
    check_growth(tmp_path, "folder", write, 6, (3_000, 30_000))
