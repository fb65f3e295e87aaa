"""Files and picture folders of corpora."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from mmfeat.corpus.model import ImportOptions
from mmfeat.corpus.sources import (
    PictureFolder,
    caption_problem,
    common_folder,
    language_of,
    name_problem,
    named,
    open_text,
)
from mmfeat.errors import MmfeatError


@pytest.mark.parametrize(
    "data",
    [
        "고양이\r\nb\n".encode(),
        "고양이\r\nb\n".encode("utf-8-sig"),
        "고양이\r\nb\n".encode("utf-16"),
        gzip.compress("고양이\r\nb\n".encode()),
        gzip.compress("고양이\r\nb\n".encode("utf-8-sig")),
    ],
)
def test_texts_are_read_whatever_their_wrapping(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "t"
    path.write_bytes(data)
    with open_text(path, newline="\n") as text:
        assert text.read() == "고양이\r\nb\n"


def test_bytes_that_are_not_text_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(b"\xff\xffa")
    with open_text(path) as text:
        assert caption_problem(text.read(), "ko") == (
            "the caption holds bytes that are not UTF-8 text (ko)"
        )


def test_files_that_cannot_be_read_are_a_sentence(tmp_path: Path) -> None:
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(bytes(range(256)) * 999)[:-40])
    broken = tmp_path / "broken.gz"
    broken.write_bytes(b"\x1f\x8b" + b"nothing of the kind")
    for path, message in [
        (cut, "cut.gz is truncated or damaged; copy it again"),
        (broken, "broken.gz is truncated or damaged; copy it again"),
        (tmp_path, "is not a file; check the path"),
    ]:
        with pytest.raises(MmfeatError, match=message), open_text(path) as text:
            text.read()


def test_sources_are_named_from_their_common_folder(tmp_path: Path) -> None:
    one, two = tmp_path / "a" / "x.json", tmp_path / "a" / "b" / "x.json"
    assert common_folder([one, two]) == (tmp_path / "a").resolve()
    assert list(named([one, two])) == [("x.json", one), ("b/x.json", two)]
    assert list(named([two])) == [("x.json", two)]


def test_languages_are_english_unless_given() -> None:
    assert language_of(ImportOptions()) == "en"
    assert language_of(ImportOptions(language="jp")) == "ja"


def test_problems_of_captions_and_names() -> None:
    assert caption_problem(" x ", "en") is None and name_problem("a b/사진.jpg") is None
    assert caption_problem("\ufeff\u3000", "en") == "the caption is empty (en)"
    assert caption_problem(5, "en") == "the caption is not text (en)"
    for name in ("", " ", None, 3):
        assert name_problem(name) == "the row names no picture"
    for name in ("../x.jpg", "a/../../x.jpg", "/x.jpg", "C:\\x.jpg", "..\\x.jpg"):
        assert name_problem(name) == "the picture lies outside the folder of the pictures"
    assert name_problem("a\0.jpg") == "the row holds bytes that are not UTF-8 text"


def test_pictures_are_found_in_the_folder_and_one_folder_deep(tmp_path: Path) -> None:
    for name in ("flat.jpg", "train/a.jpg", "val/b.jpg", "val/deep/c.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    folder = PictureFolder(tmp_path)
    assert [folder.find(name) for name in ("b.jpg", "flat.jpg", "a.jpg", "b.jpg")] == [
        "val/b.jpg",
        "flat.jpg",
        "train/a.jpg",
        "val/b.jpg",
    ]
    assert folder.find("deep/c.jpg") == "val/deep/c.jpg"
    assert folder.find("none/a.jpg", "a.jpg") == "train/a.jpg"
    assert folder.find("c.jpg") == "c.jpg"  # two folders deep: not looked for
    assert folder.find("./x//y.jpg", "z.jpg") == "x/y.jpg"
    with pytest.raises(MmfeatError, match=r"folder of pictures .*none cannot be read"):
        PictureFolder(tmp_path / "none")
