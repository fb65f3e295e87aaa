"""Captions in their columns: shading, direction, keys; without a window."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QFont,
    QFontDatabase,
    QGuiApplication,
)
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from mmfeat.atlas.records import TokenActivation
from mmfeat.figures.pages import CaptionExample
from mmfeat_gui.views.captions import lay_out, shading, tip
from mmfeat_gui.views.feature_caption_layout import ColumnContent, RowItem
from mmfeat_gui.views.feature_caption_layout import Place as Spot
from mmfeat_gui.views.feature_captions import CaptionGrid
from mmfeat_gui.views.fonts import font_for, missing_fonts
from tests.gui.views.hints import tip_at


def example(
    text: str, tokens: Sequence[TokenActivation] = (), item: int = 0, activation: float = 1.0
) -> CaptionExample:
    return CaptionExample(0, item, "train", text, activation, list(tokens))


def column(language: str, *examples: CaptionExample) -> ColumnContent:
    return ColumnContent(language, "name", 0.5, examples, 2.0)


def grid_of(qtbot: QtBot, *columns: ColumnContent, rows: Sequence[RowItem] = ()) -> CaptionGrid:
    grid = CaptionGrid()
    qtbot.addWidget(grid)
    grid.show_columns(columns, rows)
    qtbot.waitUntil(lambda: not grid.pending)
    grid.resize(grid.sizeHint())
    return grid


# Captions ---------------------------------------------------------------------------


def test_token_shading_counts_in_utf16(qtbot: QtBot) -> None:
    text = "🐕 dog 🐈 cat"
    tokens = [
        TokenActivation(0, 1, 1.0),
        TokenActivation(2, 5, 0.0),
        TokenActivation(6, 7, 2.0),
        TokenActivation(8, 11, 0.5),
    ]
    units = text.encode("utf-16-le")
    shaded = [
        units[2 * entry.start : 2 * (entry.start + entry.length)].decode("utf-16-le")
        for entry in shading(example(text, tokens), 2.0, QApplication.palette())
    ]
    assert shaded == ["🐕", "🐈", "cat"]


def test_stronger_tokens_are_shaded_darker_on_light_ground(qtbot: QtBot) -> None:
    tokens = [TokenActivation(0, 1, 0.2), TokenActivation(2, 3, 2.0)]
    palette = QApplication.palette()
    weak, strong = (
        entry.format.background().color() for entry in shading(example("a b", tokens), 2.0, palette)
    )
    ground = palette.base().color()
    assert ground.lightness() > weak.lightness() > strong.lightness()


def test_shading_is_drawn(qtbot: QtBot) -> None:
    plain = grid_of(qtbot, column("en", example("word word", [TokenActivation(0, 4, 0.0)])))
    shaded = grid_of(qtbot, column("en", example("word word", [TokenActivation(0, 4, 2.0)])))
    assert plain.grab().toImage() != shaded.grab().toImage()


@pytest.mark.parametrize("language", ["ar", "fa", "he", "en", "ko"])
def test_lines_begin_where_the_language_does(qtbot: QtBot, language: str) -> None:
    text = {"ar": "كلب صغير", "fa": "سگ کوچک", "he": "כלב קטן"}.get(language, "a dog")
    layout = lay_out(text, language, QFont(), 300.0)
    line = layout.lineAt(0).naturalTextRect()
    if language in ("ar", "fa", "he"):
        assert line.right() == pytest.approx(300.0, abs=1.0)
        assert line.left() > 100
        assert layout.textOption().textDirection() == Qt.LayoutDirection.RightToLeft
    else:
        assert line.left() == pytest.approx(0.0, abs=1.0)
        assert layout.textOption().textDirection() == Qt.LayoutDirection.LeftToRight


def test_a_latin_word_in_an_arabic_caption_still_stands_right(qtbot: QtBot) -> None:
    layout = lay_out("OK زر", "ar", QFont(), 300.0)
    assert layout.lineAt(0).naturalTextRect().right() == pytest.approx(300.0, abs=1.0)


def test_long_captions_wrap_within_the_column(qtbot: QtBot) -> None:
    grid = grid_of(qtbot, column("en", example("a very long caption " * 8 + "x" * 200)))
    layout = grid.layout_of.texts(0)[0]
    assert layout.lineCount() > 6
    assert layout.boundingRect().width() <= grid.width()


def test_arrow_keys_walk_captions_over_columns_without_any(qtbot: QtBot) -> None:
    grid = grid_of(
        qtbot,
        column("en", example("one", item=1), example("two", item=2)),
        column("ko"),
        column("ar", example("ثلاثة", item=3)),
    )
    opened: list[int] = []
    grid.activated.connect(opened.append)
    qtbot.keyClick(grid, Qt.Key.Key_Down)
    qtbot.keyClick(grid, Qt.Key.Key_Right)
    qtbot.keyClick(grid, Qt.Key.Key_Return)
    qtbot.keyClick(grid, Qt.Key.Key_Left)
    qtbot.keyClick(grid, Qt.Key.Key_Return)
    assert opened == [3, 1]
    assert grid.accessibleDescription().startswith("en: one")
    qtbot.keyClick(grid, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().startswith("en: one")


def test_in_rows_of_items_keys_go_to_the_same_item(qtbot: QtBot) -> None:
    rows = [RowItem(7, None, "seven"), RowItem(8, None, "eight")]
    grid = grid_of(
        qtbot,
        column("en", example("a", item=7), example("b", item=7), example("c", item=8)),
        column("de", example("d", item=8)),
        rows=rows,
    )
    opened: list[int] = []
    grid.activated.connect(opened.append)
    grid._current = [grid.layout_of.places.index(Spot(0, 2))][0]
    qtbot.keyClick(grid, Qt.Key.Key_Right)
    assert grid.layout_of.places[grid._current] == Spot(1, 0)
    for _ in range(2):
        qtbot.keyClick(grid, Qt.Key.Key_Left)
    assert grid.layout_of.places[grid._current] == Spot(-1, 1)
    qtbot.keyClick(grid, Qt.Key.Key_Return)
    assert opened == [8]
    box = grid.layout_of.box
    assert box(Spot(0, 2)).top() == box(Spot(1, 0)).top() > box(Spot(0, 1)).bottom()


def test_a_caption_that_looks_like_markup_is_shown_as_it_is(qtbot: QtBot) -> None:
    grid = grid_of(qtbot, column("en", example("<b>bold</b> & <img src='x'>")))
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; &lt;img" in tip("<b>bold</b> & <img src='x'>")
    spot = grid.layout_of.box(Spot(0, 0)).center()
    assert "&lt;b&gt;bold" in tip_at(grid, spot)


def test_han_characters_use_the_letter_forms_of_their_language(qtbot: QtBot) -> None:
    font = QFont()
    font.setFamilies(["Noto Sans", "Noto Sans CJK KR", "DejaVu Sans"])
    assert font_for("ja", font).families()[1] == "Noto Sans CJK JP"
    assert font_for("zh-Hans", font).families()[1] == "Noto Sans CJK SC"
    assert font_for("ko", font).families()[1] == "Noto Sans CJK KR"
    assert font_for("de", font).families() == font.families()


def test_missing_fonts_name_the_package(qtbot: QtBot) -> None:
    system = QFontDatabase.WritingSystem
    assert missing_fonts(["en", "de"], lambda _: []) == ""
    none = missing_fonts(["ko", "ja", "ar", "en"], lambda _: [])
    assert "ko, ja, ar" in none
    assert "fonts-noto-cjk" in none and "fonts-noto-core" in none
    only = missing_fonts(["ko", "ar"], lambda s: [] if s == system.Korean else ["x"])
    assert "ko" in only and "fonts-noto-cjk" in only and "fonts-noto-core" not in only


def test_a_hostile_text_is_cut_before_it_is_laid_out(qtbot: QtBot) -> None:
    tokens = [TokenActivation(1990, 900_000, 1.0)]
    grid = grid_of(qtbot, column("en", example("x" * 1_000_000, tokens)))
    text = grid.layout_of.texts(0)[0].text()
    assert len(text) == 2000 and text.endswith("…")
    grid.grab()
