from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import h5py
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from mmfeat.corpus.languages import is_rtl
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.views.item_page import ItemPageView
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.views.page_panel import PagePanel

Settle = Callable[[MainWindow], None]
ITEM = 3


@pytest.fixture
def page(opened: MainWindow, settle: Settle) -> ItemPageView:
    opened.context.go(Place("item", ITEM))
    settle(opened)
    return cast("PagePanel", opened.bench.panel("page")).item_page


def test_an_item_page_shows_its_captions_and_groups(page: ItemPageView, truth: Any) -> None:
    own = np.flatnonzero(truth.caption_item == ITEM)
    cards = page.captions.cards()
    shown = {(tag, text.text()) for tag, _, texts in cards for text in texts}
    expected = {(truth.languages[truth.caption_language[at]], truth.caption_text[at]) for at in own}
    assert shown == expected
    assert f"item: {truth.item_id[ITEM]}" in page.facts.text()
    assert truth.split[ITEM] in page.facts.text()
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


def test_right_to_left_captions_of_an_item_read_so(page: ItemPageView) -> None:
    directions = {
        tag: text.textOption().textDirection()
        for tag, _, texts in page.captions.cards()
        for text in texts
    }
    assert any(is_rtl(tag) for tag in directions)
    for tag, direction in directions.items():
        expected = Qt.LayoutDirection.RightToLeft if is_rtl(tag) else Qt.LayoutDirection.LeftToRight
        assert direction == expected


def test_a_chosen_feature_is_shown_on_picture_and_captions(
    qtbot: QtBot, opened: MainWindow, page: ItemPageView, settle: Settle, atlas_path: Any
) -> None:
    assert page.loaded is not None
    feature = page.loaded.page.both[0].feature
    plain = page.picture.pixmap().toImage()
    page.chooser.setCurrentIndex(page.chooser.findData(feature))
    page.chooser.activated.emit(page.chooser.currentIndex())
    settle(opened)
    assert page.on_item is not None and page.on_item.found.feature == feature
    assert page.picture.pixmap().toImage() != plain
    with h5py.File(atlas_path) as file:
        codes = file["codes/text.pooled"]
        low, high = codes["by_feature/indptr"][feature : feature + 2]
        rows, values = codes["by_feature/rows"][low:high], codes["by_feature/data"][low:high]
        caption = codes["rows/caption"][:][rows]
    expected = dict(zip(caption.tolist(), values.tolist(), strict=True))
    for number, one in page.captions.fired.items():
        assert one.activation == pytest.approx(expected.get(number, 0.0), rel=1e-3)
    fires = sum(number in expected for number in page.captions.fired)
    assert f"fires on {fires} of {len(page.captions.fired)}" in page.said.text()
    page.chooser.setCurrentIndex(0)
    page.chooser.activated.emit(0)
    settle(opened)
    assert page.on_item is None and page.picture.pixmap().toImage() == plain


def test_pointing_at_a_feature_shows_it_for_a_moment(
    qtbot: QtBot, opened: MainWindow, page: ItemPageView, settle: Settle
) -> None:
    flow = page.groups["both"].flow
    flow.pointed.emit(0)
    settle(opened)
    assert page.on_item is not None and page.on_item.found.feature == flow.feature(0)
    flow.pointed.emit(-1)
    settle(opened)
    assert page.on_item is None


def test_the_feature_one_came_from_is_chosen(
    opened: MainWindow, page: ItemPageView, settle: Settle
) -> None:
    assert page.loaded is not None
    feature = page.loaded.page.both[1].feature
    opened.context.go(Place("feature", feature))
    settle(opened)
    opened.context.go(Place("item", ITEM))
    settle(opened)
    assert page.chosen == feature
    assert page.on_item is not None and page.on_item.found.feature == feature


def test_brushed_features_are_marked_in_words_too(opened: MainWindow, page: ItemPageView) -> None:
    flow = page.groups["both"].flow
    chosen = [flow.feature(0), flow.feature(2)]
    opened.context.store.change("undo.select_features", features=Selection.of(chosen))
    assert [tile.marked for tile in flow._tiles[:3]] == [True, False, True]
    assert "2 brushed" in page.groups["both"].heading.text()
    assert "brushed" in flow.describe(0)


def test_keys_walk_the_cards_and_copy_one(qtbot: QtBot, page: ItemPageView) -> None:
    cards = page.captions.cards()
    qtbot.keyClick(page.captions, Qt.Key.Key_Right)
    qtbot.keyClick(page.captions, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "\n".join(text.text() for text in cards[1][2])
    assert cards[1][2][0].text() in page.captions.accessibleDescription()


def test_cards_wrap_with_the_width(page: ItemPageView) -> None:
    assert page.captions.heightForWidth(200) > page.captions.heightForWidth(900)
    boxes = [box for _, box, _ in page.captions.cards()]
    for one in range(len(boxes)):
        for other in range(one):
            assert not boxes[one].intersects(boxes[other])
