"""The rules every corpus follows."""

from __future__ import annotations

import hashlib
import unicodedata

import pytest

from mmfeat.corpus.model import clean_text, column_tags, is_text, split_of
from mmfeat.errors import MmfeatError


def test_split_is_the_documented_hash() -> None:
    for concept in ("cat", "고양이", "1F408"):
        number = int(hashlib.sha256(f"7:{concept}".encode()).hexdigest()[:16], 16)
        assert split_of(concept, 7) == ("test" if number < 2**63 else "train")


def test_half_of_the_concepts_are_for_testing_and_the_seed_matters() -> None:
    splits = [[split_of(f"concept {i}", seed) for i in range(4000)] for seed in (0, 1)]
    for split in splits:
        assert abs(split.count("test") - 2000) < 130  # four standard deviations
    assert splits[0] != splits[1]


def test_text_is_nfc_with_single_spaces() -> None:
    assert clean_text(unicodedata.normalize("NFD", "고양이")) == "고양이"
    assert clean_text("\ufeff a\t b\r\n\u3000c ") == "a b c"
    assert clean_text("مرحبا\u200fبك") == "مرحبا\u200fبك"  # direction marks are part of the text
    assert clean_text("👩\u200d🚒") == "👩\u200d🚒"


def test_what_a_file_cannot_hold_is_not_text() -> None:
    assert is_text("한") and is_text("")
    assert not is_text("a\0b")
    assert not is_text(b"\xff".decode(errors="surrogateescape"))


def test_columns_and_tags_are_read() -> None:
    assert column_tags(("title=en", "a=b=jp")) == {"title": "en", "a=b": "ja"}
    for wrong in (("en",), ("=en",), ("a=en", "a=de")):
        with pytest.raises(MmfeatError):
            column_tags(wrong)
