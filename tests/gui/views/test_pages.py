from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QFont, QFontDatabase, QHelpEvent, QImage
from PySide6.QtWidgets import QApplication, QLabel, QToolTip
from pytestqt.qtbot import QtBot

from mmfeat.atlas.records import TokenActivation
from mmfeat.corpus.languages import is_rtl, language_name
from mmfeat.figures.pages import CaptionExample
from mmfeat_gui.state.history import Place
from mmfeat_gui.views.captions import CaptionColumn, ColumnContent, lay_out
from mmfeat_gui.views.feature_page import FeaturePageView
from mmfeat_gui.views.fonts import font_for, missing_fonts
from mmfeat_gui.views.main_window import MainWindow

Settle = Callable[[MainWindow], None]


@pytest.fixture
def page(opened: MainWindow, truth: Any, settle: Settle) -> FeaturePageView:
    opened.open_feature(truth.with_pictures_and_captions())
    settle(opened)
    return opened.feature_page


def _column(text: str, tokens: list[TokenActivation], language: str = "en") -> CaptionColumn:
    example = CaptionExample(0, 0, "train", text, 1.0, tokens)
    return CaptionColumn(ColumnContent(language, "name", 0.5, [example], 2.0))


def test_a_feature_page_has_a_column_for_each_language(page: FeaturePageView, truth: Any) -> None:
    assert page.loaded is not None
    feature = page.loaded.page.feature
    assert [column.content.language for column in page.columns.columns] == truth.languages
    for place, column in enumerate(page.columns.columns):
        assert column.content.name == truth.names[feature, place]
        assert column.content.rate == pytest.approx(truth.rate[feature, place])
    assert page.columns.widget().width() > page.columns.viewport().width()
    assert page.columns.horizontalScrollBar().maximum() > 0
    heads = {column.head for column in page.columns.columns}
    assert len(heads) == 1


def test_pictures_are_labelled_with_activation_and_split(page: FeaturePageView, truth: Any) -> None:
    assert page.loaded is not None
    feature = page.loaded.page.feature
    rows, values = truth.top_picture[feature], truth.top_activation[feature]
    items = truth.picture_item[rows[rows >= 0]]
    expected = [
        f"{value:.2f} · {truth.split[item]}" for item, value in zip(items, values, strict=False)
    ]
    assert [tile.label for tile in page.pictures.flow._tiles] == expected
    assert all(tile.image is not None for tile in page.pictures.flow._tiles)


def test_heat_maps_can_be_turned_off(page: FeaturePageView) -> None:
    def pixels() -> list[QImage]:
        return [tile.image for tile in page.pictures.flow._tiles if tile.image is not None]

    assert page.loaded is not None
    heated = pixels()
    page.heat.setChecked(False)
    plain = pixels()
    changed = [a != b for a, b in zip(heated, plain, strict=True)]
    fired = [
        example.patch_map is not None and bool(example.patch_map.any())
        for example in page.loaded.page.pictures
    ]
    assert changed == fired
    assert any(fired)


def test_a_picture_opens_its_item_and_an_item_its_features(
    qtbot: QtBot, opened: MainWindow, page: FeaturePageView, settle: Settle
) -> None:
    assert page.loaded is not None
    feature, item = page.loaded.page.feature, page.loaded.page.pictures[0].item
    spot = page.pictures.flow.tile_rect(0).center()
    qtbot.mouseClick(page.pictures.flow, Qt.MouseButton.LeftButton, pos=spot)
    settle(opened)
    assert opened.history.current == Place("item", item)
    both = opened.item_page.groups["both"].flow
    place = [tile.feature for tile in both._tiles].index(feature)
    both._current = place
    qtbot.keyClick(both, Qt.Key.Key_Return)
    settle(opened)
    assert opened.history.current == Place("feature", feature)


def test_a_caption_opens_its_item(
    qtbot: QtBot, opened: MainWindow, page: FeaturePageView, settle: Settle
) -> None:
    column = next(column for column in page.columns.columns if column.content.examples)
    spot = column._boxes[0].center()
    qtbot.mouseClick(column, Qt.MouseButton.LeftButton, pos=spot)
    assert opened.history.current == Place("item", column.content.examples[0].item)


def test_a_neighbour_opens_its_page(
    qtbot: QtBot, opened: MainWindow, page: FeaturePageView, settle: Settle
) -> None:
    assert page.loaded is not None
    near = page.loaded.page.neighbours[1].feature
    spot = page.neighbours.tile_rect(1).center()
    qtbot.mouseClick(page.neighbours, Qt.MouseButton.LeftButton, pos=spot)
    settle(opened)
    assert opened.history.current == Place("feature", near)
    assert page.loaded.page.feature == near


def test_a_press_that_ends_elsewhere_is_no_click(
    qtbot: QtBot, opened: MainWindow, page: FeaturePageView
) -> None:
    before = opened.history.current
    flow = page.neighbours
    qtbot.mousePress(flow, Qt.MouseButton.LeftButton, pos=flow.tile_rect(0).center())
    qtbot.mouseRelease(flow, Qt.MouseButton.LeftButton, pos=flow.tile_rect(1).center())
    assert opened.history.current == before


def test_arrow_keys_walk_the_tiles(qtbot: QtBot, opened: MainWindow, page: FeaturePageView) -> None:
    flow = page.neighbours
    columns = flow.columns(flow.width())
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Left):
        qtbot.keyClick(flow, key)
    assert flow._current == columns - 1
    qtbot.keyClick(flow, Qt.Key.Key_Space)
    assert opened.history.current == Place("feature", flow.feature(columns - 1))


def test_numbers_explain_themselves(page: FeaturePageView) -> None:
    assert page.loaded is not None
    shown = [*page.verdict._numbers, *page.numbers._numbers]
    expected = {(n.label, n.text, n.explanation) for n in page.loaded.page.numbers}
    assert set(shown) == expected
    spot = page.numbers.tile_rect(0).center()
    event = QHelpEvent(QEvent.Type.ToolTip, spot, page.numbers.mapToGlobal(spot))
    QApplication.sendEvent(page.numbers, event)
    assert page.numbers._numbers[0][2].split(":")[0] in QToolTip.text()


def test_bars_tell_their_values(page: FeaturePageView, truth: Any) -> None:
    assert page.loaded is not None
    feature = page.loaded.page.feature
    image, text = truth.features["energy_image"][feature], truth.features["energy_text"][feature]
    share = image / (image + text)
    assert page.modality.labels() == (f"pictures {share:.0%}", f"captions {1 - share:.0%}")
    rates = page.rates._rates
    assert rates[0].rate == pytest.approx(truth.features["firing_rate_image"][feature])
    assert [rate.label for rate in rates[1:]] == truth.languages
    assert [rate.rate for rate in rates[1:]] == pytest.approx(truth.rate[feature].tolist())


def test_a_silent_feature_has_a_page(opened: MainWindow, settle: Settle, truth: Any) -> None:
    rates = truth.features["firing_rate_image"] + truth.features["firing_rate_text"]
    quiet = int(rates.argmin())
    opened.open_feature(quiet)
    settle(opened)
    assert opened.feature_page.loaded is not None
    assert opened.feature_page.loaded.page.feature == quiet
    opened.grab()


def test_captions_of_all_levels_replace_the_strongest(page: FeaturePageView) -> None:
    assert page.loaded is not None
    page.all_captions.setChecked(True)
    for column in page.columns.columns:
        bands = page.loaded.page.column_bands[column.content.language]
        expected = [example.caption for band in bands for example in band]
        assert [example.caption for example in column.content.examples] == expected


def test_an_item_page_shows_its_captions_and_groups(
    opened: MainWindow, truth: Any, settle: Settle
) -> None:
    item = 3
    opened.open_item_id(truth.item_id[item])
    settle(opened)
    page = opened.item_page
    own = np.flatnonzero(truth.caption_item == item)
    shown = "\n".join(label.text() for label in page._captions.findChildren(QLabel))
    for caption in own:
        assert truth.caption_text[caption] in shown
        assert language_name(truth.languages[truth.caption_language[caption]]) in shown
    assert f"item: {truth.item_id[item]}" in page.facts.text()
    assert truth.split[item] in page.facts.text()
    assert not page.picture.pixmap().isNull()
    assert page.loaded is not None
    loaded = page.loaded.page
    single = [one for group in loaded.language_only.values() for one in group]
    for key, features in (
        ("both", loaded.both),
        ("several", loaded.several_languages),
        ("picture_only", loaded.image_only),
        ("single_only", single),
    ):
        group = page.groups[key]
        assert f"({len(features)})" in group.heading.text()
        assert [tile.feature for tile in group.flow._tiles] == [one.feature for one in features]


def test_right_to_left_captions_of_an_item_read_so(
    opened: MainWindow, settle: Settle, truth: Any
) -> None:
    opened.open_item(0)
    settle(opened)
    texts = {
        truth.caption_text[caption]: truth.languages[truth.caption_language[caption]]
        for caption in np.flatnonzero(truth.caption_item == 0)
    }
    labels = {label.text(): label for label in opened.item_page._captions.findChildren(QLabel)}
    rtl = [text for text, language in texts.items() if is_rtl(language)]
    assert rtl
    for text in rtl:
        assert labels[text].layoutDirection() == Qt.LayoutDirection.RightToLeft
        assert labels[text].alignment() & Qt.AlignmentFlag.AlignRight


# Captions ---------------------------------------------------------------------------


def test_token_shading_counts_in_utf16(qtbot: QtBot) -> None:
    text = "🐕 dog 🐈 cat"
    tokens = [
        TokenActivation(0, 1, 1.0),
        TokenActivation(2, 5, 0.0),
        TokenActivation(6, 7, 2.0),
        TokenActivation(8, 11, 0.5),
    ]
    column = _column(text, tokens)
    qtbot.addWidget(column)
    units = text.encode("utf-16-le")
    shaded = [
        units[2 * entry.start : 2 * (entry.start + entry.length)].decode("utf-16-le")
        for entry in column.formats(0)
    ]
    assert shaded == ["🐕", "🐈", "cat"]


def test_stronger_tokens_are_shaded_darker_on_light_ground(qtbot: QtBot) -> None:
    column = _column("a b", [TokenActivation(0, 1, 0.2), TokenActivation(2, 3, 2.0)])
    qtbot.addWidget(column)
    weak, strong = (entry.format.background().color() for entry in column.formats(0))
    ground = column.palette().base().color()
    assert ground.lightness() > weak.lightness() > strong.lightness()


def test_shading_is_drawn(qtbot: QtBot) -> None:
    plain = _column("word word", [TokenActivation(0, 4, 0.0)])
    shaded = _column("word word", [TokenActivation(0, 4, 2.0)])
    for column in (plain, shaded):
        qtbot.addWidget(column)
        column.resize(column.sizeHint())
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
    column = _column("a very long caption " * 8 + "x" * 200, [])
    qtbot.addWidget(column)
    layout = column.layouts[0]
    assert layout.lineCount() > 6
    assert layout.boundingRect().width() <= column.width()


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


def test_the_wheel_scrolls_the_page_over_the_columns(qtbot: QtBot, page: FeaturePageView) -> None:
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QWheelEvent

    def turn(modifier: Qt.KeyboardModifier) -> QWheelEvent:
        return QWheelEvent(
            QPointF(20, 20),
            QPointF(20, 20),
            QPoint(0, 0),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            modifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )

    plain = turn(Qt.KeyboardModifier.NoModifier)
    page.columns.wheelEvent(plain)
    assert not plain.isAccepted()
    page.columns.wheelEvent(turn(Qt.KeyboardModifier.ShiftModifier))
    assert page.columns.horizontalScrollBar().value() == 120
