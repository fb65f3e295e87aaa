from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import LoadFlags
from matplotlib.patches import Rectangle
from PIL import Image

from mmfeat.atlas.records import TokenActivation
from mmfeat.figures import output, palettes, typeset

TEXTS = {
    "en": "a black cat that sleeps on a very long and comfortable sofa",
    "ar": "قطة سوداء تنام على أريكة طويلة ومريحة للغاية في البيت",
    "fa": "گربهٔ سیاهی که روی مبل می\u200cخوابد و بیدار نمی\u200cشود",
    "ja": "ターバンを巻いた女性が、長いソファーの上で眠っている黒い猫。",
    "ko": "아주 길고 편안한 소파에서 자는 검은 고양이",
    "ru": "чёрная кошка спит на очень длинном и удобном диване",
    "zh": "一只黑猫睡在一张又长又舒服的沙发上，没有人叫醒它。",
}


@pytest.fixture(autouse=True)
def our_fonts() -> Iterator[None]:
    with output.style():
        yield


def inked(text: str, **style: object) -> float:
    """The inches of ink of a text, counted in pixels."""
    figure = Figure(figsize=(8, 1))
    figure.text(0.05, 0.5, text, **style)
    file = BytesIO()
    figure.savefig(file, format="png", dpi=600)
    dark = np.asarray(Image.open(file).convert("L")) < 128
    columns = np.flatnonzero(dark.any(0))
    return float(columns[-1] - columns[0] + 1) / 600


@pytest.mark.parametrize("language", TEXTS)
def test_a_text_is_as_wide_as_it_is_drawn(language: str) -> None:
    text = TEXTS[language].rstrip("。")  # which is half empty
    assert typeset.wide(text, 1.5) == pytest.approx(inked(text, fontsize=10.5), abs=0.03)
    assert typeset.wide(text, 3.0) == pytest.approx(2 * typeset.wide(text, 1.5))


@pytest.mark.parametrize("language", TEXTS)
def test_lines_hold_all_words_and_are_not_too_wide(language: str) -> None:
    text = TEXTS[language]
    lines = typeset.fold(text, 0.8)
    assert len(lines) > 1
    assert all(0 < typeset.wide(line) <= 0.8 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    if language in ("en", "ar", "ko", "ru"):
        assert " ".join(lines) == text  # no word is parted
    assert not any(line[0] in "、。，" for line in lines)


@pytest.mark.parametrize("language", TEXTS)
def test_the_last_line_is_cut_where_there_are_too_few(language: str) -> None:
    lines = typeset.fold(TEXTS[language], 0.8, most=2)
    assert len(lines) == 2
    assert lines[0] == typeset.fold(TEXTS[language], 0.8)[0]
    assert lines[1].endswith("…")
    assert typeset.wide(lines[1]) <= 0.8
    whole = typeset.clip(TEXTS[language], 10)
    assert whole == TEXTS[language]


def test_a_word_wider_than_a_line_is_parted_but_no_letter_from_its_mark() -> None:
    text = "e\u0301" * 60
    lines = typeset.fold(text, 0.5)
    assert "".join(lines) == text
    assert all(line[0] == "e" for line in lines)
    assert typeset.clip(text, 0.5)[-2] == "\u0301"
    assert typeset.fold("   ", 0.5) == []


def test_type_is_never_too_small_to_read() -> None:
    assert typeset.points(1.0) == 7
    assert typeset.points(0.1) == 5


def drawn(text: str, tokens: list[TokenActivation], **options: object) -> Figure:
    figure = Figure(figsize=(4, 1))
    height = typeset.caption(figure, 0.5, 0.1, text, tokens, **options)  # type: ignore[arg-type]
    assert height == pytest.approx(len(figure.texts) * typeset.line())
    return figure


def grounds(figure: Figure) -> list[tuple[float, float, tuple[float, ...]]]:
    found = []
    for patch in figure.findobj(Rectangle):
        if patch is not figure.patch:
            found.append((patch.get_x() * 4, patch.get_width() * 4, patch.get_facecolor()))
    return found


def test_tokens_from_left_to_right_are_shaded_where_they_stand() -> None:
    text = "a black cat"
    tokens = [TokenActivation(2, 7, 1.0), TokenActivation(8, 11, 4.0), TokenActivation(0, 1, 0.0)]
    (black, cat) = grounds(drawn(text, tokens, width=3, largest=4.0))
    assert black[0] == pytest.approx(0.5 + typeset.wide("a "), abs=0.01)
    assert black[1] == pytest.approx(typeset.wide("black"), abs=0.01)
    assert cat[0] + cat[1] == pytest.approx(0.5 + typeset.wide(text), abs=0.01)
    expected = palettes.shade(np.array([0.25, 1.0])) / 255
    np.testing.assert_allclose([black[2][:3], cat[2][:3]], expected)


def test_tokens_from_right_to_left_are_shaded_from_the_right() -> None:
    text = "قطة سوداء"
    ((left, width, _),) = grounds(
        drawn(text, [TokenActivation(0, 3, 1.0)], width=3, rtl=True, largest=1.0)
    )
    assert left + width == pytest.approx(3.5, abs=0.01)
    assert width == pytest.approx(typeset.wide("قطة"), abs=0.01)


def test_half_a_joined_word_is_as_wide_as_it_stands_in_the_word() -> None:
    fonts = font_manager.fontManager._find_fonts_by_props(font_manager.FontProperties())
    font = font_manager.get_font(fonts)
    font.set_size(100, 72)
    last, middle, _ = font._layout("قطة", LoadFlags.NO_HINTING)  # from left to right
    ((left, right),) = typeset.spans("قطة", 0, 2, True)
    assert last.char == "ة"
    assert left == pytest.approx(middle.x / 100 * 7 / 72, abs=0.002)
    assert right == pytest.approx(typeset.wide("قطة"))


def test_a_stretch_over_both_directions_has_two_grounds() -> None:
    text = "قطة abc سوداء"
    pairs = typeset.spans(text, 2, 6, True)
    assert len(pairs) == 2
    assert all(0 <= low < high <= typeset.wide(text) + 0.01 for low, high in pairs)
    widths = sum(high - low for low, high in pairs)
    assert widths < typeset.wide(text)


def test_shading_follows_a_token_over_two_lines() -> None:
    text = "one two three four five six seven eight"
    (first, *rest) = typeset.fold(text, 0.8)
    figure = drawn(text, [TokenActivation(0, len(text), 2.0)], width=0.8, largest=2.0)
    widths = [width for _, width, _ in grounds(figure)]
    lines = [first, *rest][:3]
    np.testing.assert_allclose(widths, [typeset.wide(line) for line in lines], atol=0.08)
    assert [own.get_text() for own in figure.texts] == typeset.fold(text, 0.8, most=3)
    assert not grounds(drawn(text, [TokenActivation(0, 3, 1.0)], width=3, largest=0.0))
