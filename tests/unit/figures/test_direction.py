from __future__ import annotations

import random

import pytest
from matplotlib import font_manager
from matplotlib.ft2font import LoadFlags

from mmfeat.figures import direction, output

WORDS = ["قطة", "سوداء", "abc", "New York", "12", "12,5", "10%", "3-4", "(", "گربه", "،", ".", "٣٤"]
WORDS += ["שלום", "-", "cat!", "黑猫", "고양이"]


def as_drawn(text: str) -> str:
    """The characters of a line from left to right, as the library that draws it orders them."""
    with output.style():
        fonts = font_manager.fontManager._find_fonts_by_props(font_manager.FontProperties())
        font = font_manager.get_font(fonts)
        return "".join(item.char for item in font._layout(text, LoadFlags.NO_HINTING))


@pytest.mark.parametrize("rtl", [False, True])
def test_stretches_stand_as_the_line_is_drawn(rtl: bool) -> None:
    draws = random.Random(0)
    for _ in range(150):
        text = " ".join(draws.choice(WORDS) for _ in range(draws.randint(1, 7)))
        if draws.random() < 0.3:
            text = text.replace(" ", "", 1)
        found = ""
        for start, stop, backwards in direction.runs(text, rtl):
            found += text[start:stop][::-1] if backwards else text[start:stop]
        drawn = as_drawn(direction.directed(text, rtl))
        assert drawn.translate({0x200E: None, 0x200F: None}) == found, text


def test_every_character_is_in_one_stretch() -> None:
    text = "abc قطة (12) سوداء 黑猫"
    for rtl in (False, True):
        places = [at for start, stop, _ in direction.runs(text, rtl) for at in range(start, stop)]
        assert sorted(places) == list(range(len(text)))
    assert direction.runs("", True) == []


def test_a_line_gets_a_mark_only_where_it_begins_otherwise() -> None:
    assert direction.directed("قطة abc", True) == "قطة abc"
    assert direction.directed("abc قطة", True) == "\u200fabc قطة"
    assert direction.directed("12", True) == "\u200f12"
    assert direction.directed("قطة", False) == "\u200eقطة"
    assert direction.directed("12", False) == "12"


def test_joiners_stay_and_what_is_not_for_print_is_a_space() -> None:
    assert direction.printable("می\u200cرود\n\x01") == "می\u200cرود  "
    assert output.plain("می\u200cرود\n\x01 x") == "می\u200cرود x"
