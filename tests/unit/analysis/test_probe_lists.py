from __future__ import annotations

from pathlib import Path

import pytest

from mmfeat.analysis.probe_lists import (
    ProbeList,
    bundled_probes,
    check_distinct,
    pictures_of,
    read_probe,
)
from mmfeat.errors import MmfeatError

ALL = {"ar", "de", "en", "es", "fa", "fr", "id", "it", "ja", "ko", "pt", "ru", "tr", "zh"}
FIVE = {"en", "ko", "es", "ar", "zh"}
DEMONSTRATION = {"weapons", "alcohol", "death", "anger"}
VISION = {"violence", "nudity", "weapons", "privacy", "hate-symbols"}
PAPER = {"unsafe-code", "bias", "sycophancy", "deception", "dangerous-content"}


def test_every_bundled_list_is_whole_and_named_after_its_category() -> None:
    probes = {path.stem: read_probe(path) for path in bundled_probes()}
    assert set(probes) == DEMONSTRATION | VISION | PAPER
    for name, probe in probes.items():
        assert probe.category == name
        assert set(probe.texts) >= (ALL if name in DEMONSTRATION else FIVE)
        for tag, texts in probe.texts.items():
            assert len(texts.positive) == len(texts.negative) >= 8, (name, tag)
            assert len({*texts.positive, *texts.negative}) == 2 * len(texts.positive), (name, tag)
    check_distinct(list(probes.values()))


GOOD = "category: a\ntexts:\n  en: {positive: [p, q], negative: [r, s]}\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "list.yaml"
    path.write_text(text, "utf-8")
    return path


def test_tags_are_normalised(tmp_path: Path) -> None:
    probe = read_probe(written(tmp_path, GOOD + "  jp: {positive: [p, q], negative: [r, s]}\n"))
    assert list(probe.texts) == ["en", "ja"]
    assert probe.images is None


BAD = {
    "a value that is no text": (GOOD.replace("[p, q]", "[p, no]"), "texts.en.positive.1: .*string"),
    "a language that is no tag": (GOOD.replace("en:", "a b:"), "not a language tag"),
    "a language twice": (GOOD + "  EN: {positive: [p, q], negative: [r, s]}\n", "comes twice"),
    "languages of other sizes": (
        GOOD + "  ko: {positive: [p, q, t], negative: [r, s]}\n",
        "ko has 3 positive and 2 negative texts, but en has 2 and 2",
    ),
    "a text on both sides": (GOOD.replace("r, s", "r, q"), "'q' is both positive and negative"),
    "one text": (GOOD.replace("[p, q]", "[p]"), "texts.en.positive: .*at least 2"),
    "too many texts": (
        GOOD.replace("[p, q]", str([f"t{n}" for n in range(65)])),
        "texts.en.positive: .*at most 64",
    ),
    "a long text": (GOOD.replace("[p,", f"[{'x' * 301},"), "at most 300"),
    "an unknown field": (GOOD + "extra: 1\n", "extra: "),
    "a category with a path": (GOOD.replace("category: a", "category: ../a"), "category: "),
    "aliases": ("category: &x a\ntexts: *x\n", "aliases"),
    "python objects": ("category: !!python/object/apply:os.getcwd []\n", "not a YAML file"),
    "no mapping": ("- a\n", "ProbeList"),
    "broken": ("category: [a\n", "not a YAML file"),
    "nothing": ("", "mend that value"),
    "deep": ("[" * 20_000, "not a YAML file"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_list_that_is_not_understood_is_refused(name: str, tmp_path: Path) -> None:
    text, message = BAD[name]
    path = written(tmp_path, text)
    with pytest.raises(MmfeatError, match=message) as caught:
        read_probe(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_binary_and_huge_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MmfeatError, match="does not exist"):
        read_probe(tmp_path / "none.yaml")
    path = tmp_path / "list.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MmfeatError, match="cannot be read"):
        read_probe(path)
    path.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(MmfeatError, match="more than 1 MiB"):
        read_probe(path)


def test_pictures_are_those_of_the_folders_beside_the_list(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD + "images: {positive: yes-pictures, negative: others}\n")
    images = read_probe(path).images
    assert images is not None
    with pytest.raises(MmfeatError, match="no folder"):
        pictures_of(path, images)
    for folder in ("yes-pictures", "others"):
        (tmp_path / folder).mkdir()
    with pytest.raises(MmfeatError, match="has no pictures"):
        pictures_of(path, images)
    for name in ("b.PNG", "a.jpg", "notes.txt"):
        (tmp_path / "yes-pictures" / name).write_bytes(b"")
    (tmp_path / "others" / "c.webp").write_bytes(b"")
    positive, negative = pictures_of(path, images)
    assert [file.name for file in positive] == ["a.jpg", "b.PNG"]
    assert [file.name for file in negative] == ["c.webp"]


def test_two_lists_of_one_category_are_refused() -> None:
    probe = ProbeList.model_validate(
        {"category": "a", "texts": {"en": {"positive": ["p", "q"], "negative": ["r", "s"]}}}
    )
    with pytest.raises(MmfeatError, match="Two probe lists are of category a"):
        check_distinct([probe, probe])
