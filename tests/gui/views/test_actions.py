from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.views.actions import MENUS, plain
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.views.palette import CommandPalette, matches
from mmfeat_gui.views.registry import ACTIONS, PANELS
from mmfeat_gui.views.shortcuts import ShortcutsPage, shortcut_rows

Settle = Callable[[MainWindow], None]


def test_every_action_has_a_name_a_menu_and_keys_of_its_own() -> None:
    assert [key for key, n in Counter(info.key for info in ACTIONS).items() if n > 1] == []
    keys = Counter(QKeySequence(keys).toString() for info in ACTIONS for keys in info.shortcuts)
    assert [one for one, n in keys.items() if n > 1 or not one] == []
    assert {info.menu for info in ACTIONS} <= set(MENUS)
    for language in strings.LANGUAGES:
        strings.use(language)
        titles = Counter((info.menu, plain(info.title)) for info in ACTIONS)
        assert [title for title, n in titles.items() if n > 1 or not title[1]] == []
    strings.use("en")


def test_every_panel_has_a_title_in_both_languages() -> None:
    for panel in PANELS:
        assert strings.has(f"panel.{panel.key}")


def test_the_menus_hold_all_actions(window: MainWindow) -> None:
    held = {
        action for menu in window.menuBar().actions() for action in menu.menu().actions()
    }  # fmt: skip
    assert set(window.actions_by_key.values()) <= held
    assert set(window.actions_by_key) == {info.key for info in ACTIONS}


def test_without_an_atlas_only_what_needs_none_can_be_done(window: MainWindow) -> None:
    window.update_actions()
    enabled = {key for key, action in window.actions_by_key.items() if action.isEnabled()}
    assert {"open", "quit", "palette", "shortcuts", "language_ko"} <= enabled
    assert not enabled & {"reload", "undo", "back", "go_to", "heat", "compare"}


@pytest.mark.parametrize(
    ("words", "title", "fits"),
    [
        ("", "Undo", True),
        ("UND", "Undo", True),
        ("map whole", "Show the whole map", True),
        ("map zoo", "Show the whole map", False),
        ("지도", "지도 전체 보기", True),
    ],
)
def test_the_palette_finds_words_in_any_order(words: str, title: str, fits: bool) -> None:
    assert matches(words, title) == fits


def test_the_palette_runs_what_is_typed(qtbot: QtBot, opened: MainWindow, settle: Settle) -> None:
    ctrl_shift = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(opened, Qt.Key.Key_P, ctrl_shift)
    palette = QApplication.activeModalWidget() or opened.findChild(CommandPalette)
    assert isinstance(palette, CommandPalette)
    shown = palette.list.count()
    assert shown > 20
    before = opened.context.store.state.heat
    qtbot.keyClicks(palette.line, "heat")
    visible = [row for row in range(shown) if not palette.list.item(row).isHidden()]
    assert 0 < len(visible) < shown
    while "heat" not in palette.list.currentItem().data(Qt.ItemDataRole.UserRole):
        qtbot.keyClick(palette.line, Qt.Key.Key_Down)
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert opened.context.store.state.heat is not before


def test_the_page_of_shortcuts_lists_all_keys(window: MainWindow) -> None:
    rows = shortcut_rows(ACTIONS)
    assert len(rows) == sum(bool(info.shortcuts) for info in ACTIONS)
    page = ShortcutsPage(ACTIONS, window)
    assert page.table.rowCount() == len(rows)
    shown = {page.table.item(row, 2).text() for row in range(len(rows))}
    assert any("Ctrl+Shift+P" in keys for keys in shown)
    page.close()


def test_undo_is_named_after_what_it_undoes(opened: MainWindow) -> None:
    undo = opened.actions_by_key["undo"]
    assert not undo.isEnabled()
    opened.actions_by_key["heat"].trigger()
    assert undo.isEnabled() and undo.text().endswith(": heat maps")
    assert opened.actions_by_key["heat"].isChecked() is False
    undo.trigger()
    assert opened.context.store.state.heat and not undo.isEnabled()
    assert opened.actions_by_key["redo"].text().endswith(": heat maps")
