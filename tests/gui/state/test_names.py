from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from mmfeat.figures.pages import title_of
from mmfeat_gui.state.names import Names, block_size, fold, make_block, ranks, sorting_keys

LANGUAGES = ("ko", "en", "ar", "de")
NAMES = [
    ["개", "dog", "كلب", "Hund"],
    ["고양이", "cat", "قط", "Straße"],
    ["", "", "", ""],
    ["나무", "", "شجرة", "İz"],
]
SCORE = np.array(
    [[0.1, 0.2, 0.3, 0.9], [0.5, 0.5, 0.5, 0.5], [np.nan] * 4, [0.4, np.nan, 0.4, 0.2]], np.float32
)


@pytest.fixture
def names() -> Names:
    found = Names(4, LANGUAGES)
    found.put(make_block(0, NAMES, SCORE, LANGUAGES))
    return found


def _found(names: Names, text: str) -> list[int]:
    return np.flatnonzero(names.search(text)).tolist()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("DOG", [0]),
        ("고양", [1]),
        (unicodedata.normalize("NFD", "고양이"), [1]),
        ("كلب", [0]),
        ("STRASSE", [1]),
        ("شجرة", [3]),
        ("ﻛﻠﺐ", [0]),  # in presentation forms
        ("ｄｏｇ", [0]),  # in full width
        ("no such name", []),
        ("dog\n개", []),
        ("dog\x1f", []),
        ("\x1e", []),
    ],
)
def test_names_of_any_language_are_found_casefolded(
    names: Names, text: str, found: list[int]
) -> None:
    assert _found(names, text) == found


def test_names_are_kept_as_they_are(names: Names) -> None:
    block = names.block(3)
    assert block is not None
    assert [block.names(feature) for feature in range(4)] == NAMES
    assert np.array_equal(block.score, SCORE, equal_nan=True)


def test_titles_are_those_of_the_page(names: Names) -> None:
    block = names.block(0)
    assert block is not None
    for feature in range(4):
        pairs = zip(NAMES[feature], SCORE[feature].tolist(), strict=True)
        expected = title_of(dict(zip(LANGUAGES, pairs, strict=True)), feature)
        title, language = block.title(feature)
        assert (title or f"feature {feature}") == expected
        if title:
            assert NAMES[feature][language] == title
    assert block.title(0) == ("dog", 1)
    assert block.title(2) == ("", -1)


def test_names_may_hold_what_stands_between_them() -> None:
    odd = [["a\x1fb", "c\x1ed", "", "\x1f"], ["e", "f", "g", "h"]]
    block = make_block(0, odd, np.full((2, 4), 0.5, np.float32), LANGUAGES)
    assert block.names(0) == ["a b", "c d", "", " "]
    assert block.names(1) == odd[1]
    names = Names(2, LANGUAGES)
    names.put(block)
    assert _found(names, "b") == [0] and _found(names, "h") == [1]


def test_a_surrogate_that_stands_alone_is_no_harm() -> None:
    block = make_block(0, [["\ud800x", "", "", ""]], np.full((1, 4), 0.5, np.float32), LANGUAGES)
    assert block.names(0)[0].endswith("x")


def test_names_are_found_as_soon_as_they_are_there() -> None:
    size = block_size(14)
    languages = tuple(f"l{k}" for k in range(14))
    names = Names(3 * size, languages)
    rows = [[f"name {k}"] + [""] * 13 for k in range(3 * size)]
    score = np.full((size, 14), 0.5, np.float32)
    assert not names.search("name").any() and not names.complete
    for start in (2 * size, 0, size):
        names.put(make_block(start, rows[start : start + size], score, languages))
    assert names.complete and names.search("NAME").all()
    assert np.flatnonzero(names.search(f"name {2 * size + 1}")).tolist() == [2 * size + 1]


def test_searching_agrees_with_brute_force() -> None:
    rng = np.random.default_rng(0)
    letters = list("abcdeгд가나猫ي")
    languages = ("en", "ko", "ar")
    rows = [
        ["".join(rng.choice(letters, rng.integers(0, 6))) for _ in languages] for _ in range(3000)
    ]
    size, names = block_size(3), Names(3000, languages)
    for start in range(0, 3000, size):
        own = rows[start : start + size]
        names.put(make_block(start, own, np.full((len(own), 3), 0.5, np.float32), languages))
    for text in ("a", "ab", "가", "나가", "猫ي", "дг", "zz"):
        expected = [k for k, row in enumerate(rows) if any(text in name for name in row)]
        assert _found(names, text) == expected


def test_folding_is_stable() -> None:
    assert fold("é") == fold("É") == fold("E\N{COMBINING ACUTE ACCENT}")
    assert fold(fold("Straße")) == fold("STRASSE")
    assert fold("ｶﾞ") == fold("ガ")


def test_ranks_are_those_of_sorting_folded_texts() -> None:
    texts = ["dog", "Cat", "", "고양이", "cat", "Zebra", "éclair", "", "猫"]
    found = ranks(sorting_keys(texts))
    assert np.isnan(found[[2, 7]]).all() and found[1] == found[4]
    known = [k for k, text in enumerate(texts) if text]
    expected = sorted(known, key=lambda k: (fold(texts[k]), k))
    assert sorted(known, key=lambda k: (found[k], k)) == expected


def test_ranks_of_no_names_at_all_are_missing() -> None:
    assert np.isnan(ranks(sorting_keys(["", ""]))).all()
