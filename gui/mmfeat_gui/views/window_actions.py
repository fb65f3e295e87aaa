"""What a window itself can do: files, sessions, undo, pages, panels, appearance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog, QMessageBox

import mmfeat
from mmfeat_gui.resources import strings
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.session import save_session
from mmfeat_gui.views.actions import Action, always, has_atlas, plain
from mmfeat_gui.views.dialogs import (
    ask_for_atlas,
    ask_for_folder,
    ask_for_session,
    ask_for_session_file,
)
from mmfeat_gui.views.palette import CommandPalette
from mmfeat_gui.views.panel import Panel
from mmfeat_gui.views.shortcuts import ShortcutsPage
from mmfeat_gui.views.windows import SCHEMES, switch_language, use_scheme, windows
from mmfeat_gui.workers.jobs import shared_jobs, start_demo

if TYPE_CHECKING:
    from mmfeat_gui.views.main_window import MainWindow


def _choose_file(window: MainWindow) -> None:
    path = ask_for_atlas(window, tr("open.title"), window.context.path)
    if path is not None:
        window.open_file(path)


def _choose_beside(window: MainWindow) -> None:
    path = ask_for_atlas(window, tr("compare.title"), window.context.path)
    if path is not None:
        window.open_beside(path)


def _choose_session(window: MainWindow) -> None:
    path = ask_for_session(window, window.context.path)
    if path is not None:
        window.open_file(path)


def _choose_session_file(window: MainWindow) -> None:
    path = ask_for_session_file(window, window.context.path)
    if path is not None:
        session = window.session()
        window.context.tasks.run(lambda: save_session(session, path))


def _make_demo(window: MainWindow) -> None:
    folder = ask_for_folder(window, tr("demo.folder"))
    if folder is not None:
        start_demo(shared_jobs(), folder / "mmfeat-demo")
        window.context.store.change("undo.place", merge="place", place=Place("runs"))


def _ask_for_place(window: MainWindow) -> None:
    """Ask for the number of a feature or the id of an item, and go there."""
    title = plain(tr("action.go_to"))
    text, given = QInputDialog.getText(window, title, tr("goto.label"))
    text = text.strip()
    if given and text.removeprefix("#").isdecimal():
        window.open_feature(int(text.removeprefix("#")))
    elif given and text:
        window.open_item_id(text)


def _show_palette(window: MainWindow) -> None:
    window.update_actions()
    CommandPalette(window.infos, window.actions_by_key, window).open()


def _show_shortcuts(window: MainWindow) -> None:
    ShortcutsPage(window.infos, window).open()


def _show_about(window: MainWindow) -> None:
    box = QMessageBox(window)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle(plain(tr("action.about")))
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(tr("about.text", version=mmfeat.__version__))
    box.open()


def _use_scheme(window: MainWindow, scheme: str) -> None:
    window.settings.appearance = scheme
    use_scheme(scheme)
    window.update_actions()


def _quit(window: MainWindow) -> None:
    for other in {window, *windows()}:
        other.close()


def panel_actions(panels: Sequence[type[Panel]]) -> tuple[Action, ...]:
    """Return an action for each panel that brings it to the front: Ctrl+1, Ctrl+2, ..."""
    return tuple(
        Action(
            f"panel_{panel.key}",
            "go",
            lambda window, key=panel.key: window.bring(key),  # type: ignore[misc]
            (f"Ctrl+{number}",) if number <= 9 else (),
            enabled=has_atlas,
            text=f"panel.{panel.key}",
        )
        for number, panel in enumerate(panels, 1)
    )


def _appearance(scheme: str) -> Action:
    return Action(
        f"appearance_{scheme}",
        "view",
        lambda window: _use_scheme(window, scheme),
        enabled=always,
        checked=lambda window: window.settings.appearance == scheme,
    )


def _language(language: str) -> Action:
    return Action(
        f"language_{language}",
        "view",
        lambda window: switch_language(window, language),
        enabled=always,
        checked=lambda window: strings.language() == language,
    )


def _toggle(key: str, field: str, keys: str) -> Action:
    def run(window: MainWindow) -> None:
        store = window.context.store
        turned: dict[str, Any] = {field: not getattr(store.state, field)}
        store.change(f"undo.{field}", **turned)

    return Action(
        key, "view", run, (keys,), checked=lambda window: getattr(window.context.store.state, field)
    )


ACTIONS = (
    Action("open", "file", _choose_file, ("Ctrl+O",), True, always),
    Action("new_window", "file", lambda w: w.new_window(), ("Ctrl+N",), enabled=always),
    Action("make_demo", "file", _make_demo, enabled=always),
    Action("reload", "file", lambda w: w.reload(), ("F5", "Ctrl+R"), enabled=has_atlas),
    Action("open_session", "file", _choose_session, ("Ctrl+Shift+O",), enabled=always),
    Action("save_session", "file", _choose_session_file, ("Ctrl+S",), enabled=has_atlas),
    Action("close", "file", lambda w: w.close(), ("Ctrl+W",), enabled=always),
    Action("quit", "file", _quit, ("Ctrl+Q",), enabled=always),
    Action(
        "undo",
        "edit",
        lambda w: w.context.store.undo(),
        ("Ctrl+Z",),
        enabled=lambda w: w.context.store.can_undo,
    ),
    Action(
        "redo",
        "edit",
        lambda w: w.context.store.redo(),
        ("Ctrl+Shift+Z", "Ctrl+Y"),
        enabled=lambda w: w.context.store.can_redo,
    ),
    Action(
        "back",
        "go",
        lambda w: w.go_back(),
        ("Alt+Left", "Back"),
        True,
        lambda w: w.history.can_go_back,
    ),
    Action(
        "forward",
        "go",
        lambda w: w.go_forward(),
        ("Alt+Right", "Forward"),
        True,
        lambda w: w.history.can_go_forward,
    ),
    Action("go_to", "go", _ask_for_place, ("Ctrl+G",)),
    Action(
        "comparison",
        "go",
        lambda w: w.show_comparison(),
        ("Ctrl+Shift+B",),
        enabled=lambda w: bool(w.comparison.paths) and not w.shows("comparison"),
    ),
    Action("next_pane", "go", lambda w: w.bench.next_pane(), ("F6",)),
    Action(
        "compare",
        "view",
        _choose_beside,
        ("Ctrl+B",),
        True,
        has_atlas,
    ),
    Action("escape", "view", lambda w: w.escape(), ("Esc",), enabled=always),
    _toggle("heat", "heat", "Ctrl+H"),
    *(_appearance(scheme) for scheme in SCHEMES),
    *(_language(language) for language in strings.LANGUAGES),
    Action("palette", "help", _show_palette, ("Ctrl+Shift+P",), enabled=always),
    Action("shortcuts", "help", _show_shortcuts, ("F1",), enabled=always),
    Action("about", "help", _show_about, enabled=always),
)
