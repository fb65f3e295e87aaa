from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import h5py
import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QFont, QFontDatabase, QGuiApplication, QHelpEvent, QImage, QWheelEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from mmfeat.atlas.records import TokenActivation
from mmfeat.figures.pages import CaptionExample
from mmfeat.figures.sections import EXPLANATIONS
from mmfeat_gui.resources.strings import tables
from mmfeat_gui.state.history import Place
from mmfeat_gui.views.captions import lay_out, shading, tip
from mmfeat_gui.views.feature_bodies import BridgeBody, ConsistencyBody, MeaningBody, NamesBody
from mmfeat_gui.views.feature_caption_layout import ColumnContent, RowItem
from mmfeat_gui.views.feature_caption_layout import Place as Spot
from mmfeat_gui.views.feature_captions import CaptionGrid
from mmfeat_gui.views.feature_histograms import ActivationHistograms
from mmfeat_gui.views.feature_numbers import NumberFlow
from mmfeat_gui.views.feature_page import FeaturePageView
from mmfeat_gui.views.fonts import font_for, missing_fonts
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.views.page_panel import ACTIONS, PagePanel
from mmfeat_gui.views.tiles import FeatureFlow

Settle = Callable[[MainWindow], None]


def _neighbours(page: FeaturePageView) -> FeatureFlow:
    body = page.folds["neighbours"].body
    assert isinstance(body, FeatureFlow)
    return body


def panel_of(window: MainWindow) -> PagePanel:
    return cast("PagePanel", window.bench.panel("page"))


@pytest.fixture
def page(qtbot: QtBot, opened: MainWindow, truth: Any, settle: Settle) -> FeaturePageView:
    opened.open_feature(truth.with_pictures_and_captions())
    settle(opened)
    shown = panel_of(opened).feature_page
    qtbot.waitUntil(lambda: shown.complete)
    return shown


@pytest.fixture
def go(qtbot: QtBot, opened: MainWindow, settle: Settle) -> Callable[[Place], None]:
    def to(place: Place) -> None:
        opened.context.go(place)
        settle(opened)

    return to


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


def tip_at(widget: QWidget, spot: QPoint) -> str:
    QApplication.sendEvent(widget, QHelpEvent(QEvent.Type.ToolTip, spot, widget.mapToGlobal(spot)))
    return QToolTip.text()


# The page ---------------------------------------------------------------------------


def test_a_feature_page_has_a_column_for_each_language(page: FeaturePageView, truth: Any) -> None:
    assert page.loaded is not None
    feature = page.loaded.page.feature
    contents = page.columns.grid.contents
    assert [content.language for content in contents] == truth.languages
    for place, content in enumerate(contents):
        assert content.name == truth.names[feature, place]
        assert content.rate == pytest.approx(truth.rate[feature, place])
    assert page.columns.grid.width() > page.columns.viewport().width()
    assert page.columns.horizontalScrollBar().maximum() > 0


def test_pictures_are_labelled_with_activation_and_split(page: FeaturePageView, truth: Any) -> None:
    assert page.loaded is not None
    feature = page.loaded.page.feature
    rows, values = truth.top_picture[feature], truth.top_activation[feature]
    items = truth.picture_item[rows[rows >= 0]]
    expected = [
        f"{value:.2f} · {truth.split[item]}" for item, value in zip(items, values, strict=False)
    ]
    tiles = page.pictures.strip.flow._tiles
    assert [tile.label for tile in tiles] == expected
    assert all(tile.image is not None for tile in tiles)


def test_heat_maps_can_be_turned_off_and_it_can_be_undone(
    opened: MainWindow, page: FeaturePageView
) -> None:
    def pixels() -> list[QImage]:
        tiles = page.pictures.strip.flow._tiles
        return [tile.image for tile in tiles if tile.image is not None]

    assert page.loaded is not None
    heated = pixels()
    page.heat.click()
    assert not opened.context.store.state.heat
    plain = pixels()
    changed = [a != b for a, b in zip(heated, plain, strict=True)]
    fired = [
        own.patch_map is not None and bool(own.patch_map.any()) for own in page.loaded.page.pictures
    ]
    assert changed == fired
    assert any(fired)
    assert page.heat_key.isHidden()
    opened.context.store.undo()
    assert page.heat.isChecked() and pixels() == heated


def test_a_picture_opens_its_item_and_an_item_its_features(
    qtbot: QtBot, opened: MainWindow, page: FeaturePageView, settle: Settle
) -> None:
    assert page.loaded is not None
    feature, item = page.loaded.page.feature, page.loaded.page.pictures[0].item
    flow = page.pictures.strip.flow
    qtbot.mouseClick(flow, Qt.MouseButton.LeftButton, pos=flow.tile_rect(0).center())
    settle(opened)
    assert opened.context.store.state.place == Place("item", item)
    both = panel_of(opened).item_page.groups["both"].flow
    both._current = [tile.feature for tile in both._tiles].index(feature)
    qtbot.keyClick(both, Qt.Key.Key_Return)
    settle(opened)
    assert opened.context.store.state.place == Place("feature", feature)


def test_a_caption_opens_its_item(qtbot: QtBot, opened: MainWindow, page: FeaturePageView) -> None:
    grid = page.columns.grid
    at = next(at for at, content in enumerate(grid.contents) if content.examples)
    spot = grid.layout_of.box(Spot(at, 0)).center()
    qtbot.mouseClick(grid, Qt.MouseButton.LeftButton, pos=spot)
    expected = Place("item", grid.contents[at].examples[0].item)
    assert opened.context.store.state.place == expected


def test_a_neighbour_opens_its_page(
    qtbot: QtBot, opened: MainWindow, page: FeaturePageView, settle: Settle
) -> None:
    assert page.loaded is not None
    near = page.loaded.page.neighbours[1].feature
    spot = _neighbours(page).tile_rect(1).center()
    qtbot.mouseClick(_neighbours(page), Qt.MouseButton.LeftButton, pos=spot)
    settle(opened)
    assert opened.context.store.state.place == Place("feature", near)
    assert page.loaded.page.feature == near


def test_a_press_that_ends_elsewhere_is_no_click(
    qtbot: QtBot, opened: MainWindow, page: FeaturePageView
) -> None:
    before = opened.context.store.state.place
    flow = _neighbours(page)
    qtbot.mousePress(flow, Qt.MouseButton.LeftButton, pos=flow.tile_rect(0).center())
    qtbot.mouseRelease(flow, Qt.MouseButton.LeftButton, pos=flow.tile_rect(1).center())
    assert opened.context.store.state.place == before


def test_arrow_keys_walk_the_tiles_and_say_where_they_are(
    qtbot: QtBot, opened: MainWindow, page: FeaturePageView
) -> None:
    flow = _neighbours(page)
    columns = flow.columns(flow.width())
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Left):
        qtbot.keyClick(flow, key)
    assert flow._current == columns - 1
    assert flow._tiles[columns - 1].title in flow.accessibleDescription()
    qtbot.keyClick(flow, Qt.Key.Key_Space)
    assert opened.context.store.state.place == Place("feature", flow.feature(columns - 1))


def test_numbers_explain_themselves_to_cursor_and_keyboard(
    qtbot: QtBot, page: FeaturePageView
) -> None:
    assert page.loaded is not None
    numbers = page.folds["numbers"].body
    assert isinstance(numbers, NumberFlow)
    shown = {*page.verdict.numbers, *numbers.numbers}
    assert shown == {(n.label, n.text, n.explanation) for n in page.loaded.page.numbers}
    explanation = numbers.numbers[0][2].split(":")[0]
    assert explanation in tip_at(numbers, numbers.tile_rect(0).center())
    QToolTip.hideText()
    numbers._current = 1
    qtbot.keyClick(numbers, Qt.Key.Key_Return)
    assert numbers.numbers[1][2].split(":")[0] in QToolTip.text()


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


def test_a_silent_feature_has_a_page(
    opened: MainWindow, go: Callable[[Place], None], truth: Any
) -> None:
    rates = truth.features["firing_rate_image"] + truth.features["firing_rate_text"]
    quiet = int(rates.argmin())
    go(Place("feature", quiet))
    loaded = panel_of(opened).feature_page.loaded
    assert loaded is not None and loaded.page.feature == quiet
    opened.grab()


def test_examples_of_all_levels_replace_the_strongest(
    opened: MainWindow, page: FeaturePageView, settle: Settle
) -> None:
    page.all_captions.click()
    settle(opened)
    assert opened.context.store.state.bands
    assert page.loaded is not None
    for content in page.columns.grid.contents:
        bands = page.loaded.page.column_bands[content.language]
        expected = [one.caption for band in bands for one in band]
        assert [one.caption for one in content.examples] == expected
    assert not page.pictures.bands_box.isHidden() and page.pictures.strip.isHidden()
    shown = [len(flow._tiles) for _, flow in page.pictures.bands]
    assert shown == [len(band) for band in page.loaded.page.bands]
    opened.context.store.undo()
    settle(opened)
    assert page.top_captions.isChecked() and not page.pictures.strip.isHidden()


def test_captions_of_one_item_stand_in_one_row(
    opened: MainWindow, page: FeaturePageView, settle: Settle, truth: Any
) -> None:
    page.same_items.click()
    settle(opened)
    grid = page.columns.grid
    assert page.loaded is not None and grid.layout_of.rows
    items = [row.item for row in grid.layout_of.rows]
    assert items == [one.picture.item for one in page.loaded.parallel]
    tops: dict[int, set[int]] = {item: set() for item in items}
    for at, content in enumerate(grid.contents):
        own = {n for n in range(len(truth.caption_item)) if truth.caption_item[n] in items}
        language = truth.languages.index(content.language)
        expected = {n for n in own if truth.caption_language[n] == language}
        assert {one.caption for one in content.examples} == expected
        seen: set[int] = set()
        for number, one in enumerate(content.examples):
            if one.item not in seen:
                tops[one.item].add(grid.layout_of.box(Spot(at, number)).top())
            seen.add(one.item)
    assert all(len(own) == 1 for own in tops.values())


def test_only_the_languages_that_are_ticked_have_a_column(
    opened: MainWindow, page: FeaturePageView, truth: Any
) -> None:
    actions = page.languages._actions
    for tag in truth.languages[2:]:
        actions[tag].trigger()
    state = opened.context.store.state
    assert state.languages == tuple(truth.languages[:2])
    assert [one.language for one in page.columns.grid.contents] == truth.languages[:2]
    page.languages._all.trigger()
    assert len(page.columns.grid.contents) == len(truth.languages)


# Sections ---------------------------------------------------------------------------


def test_a_section_is_read_when_it_is_unfolded(
    opened: MainWindow, page: FeaturePageView, settle: Settle
) -> None:
    fold = page.folds["names"]
    assert page.loaded is not None and "names" not in page.loaded.sections
    assert fold.body is None
    fold.button.click()
    settle(opened)
    assert isinstance(fold.body, NamesBody) and not fold.body.isHidden()
    assert "names" in page.loaded.sections
    fold.button.click()
    assert fold.body.isHidden()
    assert "folded" in fold.button.accessibleName()


def test_histograms_count_the_activations_of_the_file(
    page: FeaturePageView, atlas_path: Any, truth: Any
) -> None:
    assert page.loaded is not None
    feature = page.loaded.page.feature
    body = page.folds["activations"].body
    assert isinstance(body, ActivationHistograms) and body.shown is not None
    with h5py.File(atlas_path) as file:
        group = file["codes/text.pooled"]
        low, high = group["by_feature/indptr"][feature : feature + 2]
        rows, values = group["by_feature/rows"][low:high], group["by_feature/data"][low:high]
        language = group["rows/language"][:]
    for own in body.shown.columns[1:]:
        tag = truth.languages.index(own.language)
        mine = values[language[rows] == tag].astype(np.float32)
        assert own.firing == len(mine) == own.counts.sum()
        assert own.rows == (language == tag).sum()
        edges = np.linspace(0, body.shown.highest, len(own.counts) + 1)
        np.testing.assert_array_equal(own.counts, np.histogram(mine, edges)[0])
    assert "median" in body.describe(0)


def test_the_matrix_tells_jaccard_p_bound_and_interval(
    page: FeaturePageView, atlas_path: Any, truth: Any
) -> None:
    assert page.loaded is not None
    feature = page.loaded.page.feature
    body = page.folds["consistency"].body
    assert isinstance(body, ConsistencyBody) and body.matrix.matrix is not None
    with h5py.File(atlas_path) as file:
        jaccard = float(file["by_language/jaccard_value"][feature, 0])
        low = float(file["by_language/jaccard_low"][feature, 0])
        pair = float(file["by_pair/jaccard"][feature, 0])
        bound = float(file["by_pair/lower"][feature, 0])
    matrix = body.matrix.matrix
    assert matrix.values[0, 1] == matrix.values[1, 0] == pytest.approx(jaccard)
    assert matrix.values[1, 2] == pytest.approx(pair)
    assert f"{jaccard:.3g}" in matrix.describe(0, 1) and f"{low:.3g}" in matrix.describe(0, 1)
    assert f"{bound:.3g}" in matrix.describe(1, 2)
    assert "exact p" in matrix.describe(1, 2)


def test_partners_of_the_bridge_open_their_pages(
    qtbot: QtBot, opened: MainWindow, page: FeaturePageView, atlas_path: Any
) -> None:
    assert page.loaded is not None
    feature = page.loaded.page.feature
    body = page.folds["bridge"].body
    assert isinstance(body, BridgeBody)
    with h5py.File(atlas_path) as file:
        index = file["bridge/image/index"][feature]
    flow = body.flows["image"]
    assert [tile.feature for tile in flow._tiles] == index[index >= 0].tolist()
    last = len(flow._tiles) - 1
    flow._current = last
    qtbot.keyClick(flow, Qt.Key.Key_Return)
    assert opened.context.store.state.place == Place("feature", int(index[index >= 0][-1]))


def test_names_stand_with_their_evidence(
    opened: MainWindow, page: FeaturePageView, settle: Settle, truth: Any
) -> None:
    page.folds["names"].button.click()
    settle(opened)
    assert page.loaded is not None
    feature = page.loaded.page.feature
    body = page.folds["names"].body
    assert isinstance(body, NamesBody)
    first = {row[0]: row for row in body.table.texts() if row[0]}
    assert list(first) == truth.languages
    for at, tag in enumerate(truth.languages):
        name = truth.names[feature, at]
        assert first[tag][1] == (name or "no good name")
        if name:
            assert first[tag][2] == f"{truth.name_scores[feature, at]:.3g}"


def test_specificity_shows_the_scores_of_the_file(
    opened: MainWindow, page: FeaturePageView, settle: Settle, atlas_path: Any
) -> None:
    page.folds["meaning"].button.click()
    settle(opened)
    assert page.loaded is not None
    feature = page.loaded.page.feature
    body = page.folds["meaning"].body
    assert isinstance(body, MeaningBody)
    with h5py.File(atlas_path) as file:
        score = float(file["concepts/monosemanticity/image"][feature])
    shown = {label: value for label, value, _ in body.numbers.numbers}
    assert shown["monosemanticity, pictures"] == (f"{score:.3g}" if np.isfinite(score) else "–")


def test_numbers_of_sections_say_what_the_library_says() -> None:
    english = tables()["en"]
    for key, (label, explanation) in EXPLANATIONS.items():
        assert english[f"number.{key}"] == label
        assert english[f"number.{key}_tip"] == explanation


def test_everything_that_takes_the_keyboard_has_a_name(
    opened: MainWindow, page: FeaturePageView, settle: Settle
) -> None:
    for fold in page.folds.values():
        fold.unfold(True)
    settle(opened)
    unnamed = [
        type(widget).__name__
        for widget in page.widget().findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not widget.isHidden()
        and not (widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text()))
        and type(widget).__name__ not in ("QLabel", "QHeaderView")
    ]
    assert unnamed == []


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


def test_the_wheel_scrolls_the_page_over_the_columns(qtbot: QtBot, page: FeaturePageView) -> None:
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


def test_an_atlas_that_is_opened_brings_its_view(
    opened: MainWindow, page: FeaturePageView, settle: Settle, truth: Any
) -> None:
    assert opened.summary is not None
    state = replace(
        opened.context.store.state, heat=False, bands=True, languages=tuple(truth.languages[:3])
    )
    opened.context.show_atlas(opened.summary, state)
    settle(opened)
    assert not page.heat.isChecked() and page.all_captions.isChecked()
    assert [one.language for one in page.columns.grid.contents] == truth.languages[:3]
    assert page.loaded is not None and page.loaded.page.column_bands


def test_actions_do_what_the_page_does(
    opened: MainWindow, page: FeaturePageView, settle: Settle
) -> None:
    actions = {action.key: action for action in ACTIONS}
    actions["unfold_all"].run(opened)
    settle(opened)
    assert all(fold.unfolded and fold.body is not None for fold in page.folds.values())
    actions["fold_all"].run(opened)
    assert all(fold.body is not None and fold.body.isHidden() for fold in page.folds.values())
    actions["bands"].run(opened)
    settle(opened)
    assert page.all_captions.isChecked() and page.loaded is not None and page.loaded.page.bands
    actions["same_items"].run(opened)
    settle(opened)
    checked = actions["same_items"].checked
    assert checked is not None and checked(opened)
    assert not opened.context.store.state.bands and page.columns.grid.layout_of.rows


def test_a_hostile_text_is_cut_before_it_is_laid_out(qtbot: QtBot) -> None:
    tokens = [TokenActivation(1990, 900_000, 1.0)]
    grid = grid_of(qtbot, column("en", example("x" * 1_000_000, tokens)))
    text = grid.layout_of.texts(0)[0].text()
    assert len(text) == 2000 and text.endswith("…")
    grid.grab()
