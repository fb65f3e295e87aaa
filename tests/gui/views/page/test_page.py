from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import (
    QImage,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip
from pytestqt.qtbot import QtBot

from mmfeat_gui.state.history import Place
from mmfeat_gui.views.feature_caption_layout import Place as Spot
from mmfeat_gui.views.feature_numbers import NumberFlow
from mmfeat_gui.views.feature_page import FeaturePageView
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.views.page_panel import ACTIONS
from mmfeat_gui.views.tiles import FeatureFlow
from tests.gui.views.hints import tip_at
from tests.gui.views.page.hand import panel_of

Settle = Callable[[MainWindow], None]


def _neighbours(page: FeaturePageView) -> FeatureFlow:
    body = page.folds["neighbours"].body
    assert isinstance(body, FeatureFlow)
    return body


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
