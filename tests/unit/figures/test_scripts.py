"""Every script of a corpus, read back from the page by programs that did not draw it."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import h5py
import pymupdf
import pytest

from mmfeat.figures import export

# A word each: joined letters, a joiner that separates, syllables, both kanas and Han, Cyrillic.
WORDS = {
    "ar": "قطة سوداء",
    "fa": "گربه‌ی سیاه",
    "ko": "검은 고양이",
    "ja": "くろい・ネコ",
    "zh": "黑色的猫",
    "ru": "чёрная кошка",
}


@pytest.fixture(scope="module")
def named(atlas_path: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """An atlas with a feature whose names and strongest captions are `WORDS`."""
    path = tmp_path_factory.mktemp("scripts") / "named.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        tags = [tag.decode() for tag in file["languages"][:]]
        top = file["examples/text.pooled/top"][:]
        feature = int((top[:, :, 0] >= 0).all(1).nonzero()[0][0])
        caption = file["codes/text.pooled/rows/caption"][:]
        for tag, word in WORDS.items():
            file["names/text"][feature, tags.index(tag)] = word
            file["captions/text"][int(caption[top[feature, tags.index(tag), 0]])] = word
        # Tokens end where texts do.
        for name in ("start", "end"):
            file[f"codes/text.token/rows/{name}"][:] = 0
    return path, feature


def bare(text: str) -> str:
    """Without spaces and joiners, which programs read differently."""
    return "".join(text.replace("\u200c", "").split())


def lines_of_pdf(path: Path) -> list[str]:
    with pymupdf.open(path) as document:
        return [
            "".join(span["text"] for span in line["spans"])
            for block in document[0].get_text("dict", flags=0)["blocks"]
            for line in block["lines"]
        ]


def lines_of_svg(path: Path) -> list[str]:
    root = ElementTree.parse(path).getroot()
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("extension", ["pdf", "svg"])
def test_text_in_every_script_is_read_back(
    extension: str, named: tuple[Path, int], tmp_path: Path
) -> None:
    path, feature = named
    out = tmp_path / f"page.{extension}"
    found = export("feature", path, out, feature=feature, language=tuple(WORDS), dpi=60)
    if found["missing_fonts"]:
        pytest.skip(f"no fonts here for {found['missing_fonts']}")
    lines = lines_of_pdf(out) if extension == "pdf" else lines_of_svg(out)
    text = bare(" ".join(lines))
    for tag, word in WORDS.items():
        # A right-to-left line may be read in the order in which it is drawn. Once each stands
        # as the name in that language, once as a caption.
        times = text.count(bare(word)) + text.count(bare(word)[::-1])
        assert times >= 2, (tag, lines)
    assert "\ufffd" not in text and "\x00" not in text
