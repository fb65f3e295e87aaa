from __future__ import annotations

import pytest

from mmfeat_gui.state.text import utf16_offsets, utf16_spans


@pytest.mark.parametrize("text", ["", "dog", "🐕 dog", "한국어 🇰🇷 말", "𐍈é👩‍🔬", "سلام 🌍"])
def test_offsets_are_those_of_the_text_in_utf16(text: str) -> None:
    expected = [len(text[:i].encode("utf-16-le")) // 2 for i in range(len(text) + 1)]
    assert utf16_offsets(text) == expected


def test_spans_after_astral_characters_move() -> None:
    text = "🐕 dog 🐈"
    spans = utf16_spans(text, [(0, 1), (2, 5), (6, 7)])
    assert spans == [(0, 2), (3, 3), (7, 2)]
    units = text.encode("utf-16-le")
    start, length = spans[1]
    assert units[2 * start : 2 * (start + length)].decode("utf-16-le") == "dog"


def test_spans_outside_the_text_are_cut() -> None:
    assert utf16_spans("ab", [(-3, 1), (1, 99), (5, 3)]) == [(0, 1), (1, 1), (2, 0)]
