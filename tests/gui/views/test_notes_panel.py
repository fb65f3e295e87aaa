from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QTextEdit, QWidget
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.notes import Note
from mmfeat_gui.state.notes_file import beside, read, write
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views import notes_actions
from mmfeat_gui.views.agreement_dialog import AgreementDialog
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.views.notes_panel import NotesPanel

Wait = Callable[[], None]


@pytest.fixture
def path(atlas_path: Path, tmp_path: Path) -> Path:
    """An atlas of its own: notes are written beside it."""
    return Path(shutil.copy(atlas_path, tmp_path / "atlas.h5"))


@pytest.fixture
def context(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    strings.use("en")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    made = Context(Settings())
    yield made
    made.close()


@pytest.fixture
def wait(qtbot: QtBot, context: Context) -> Wait:
    def until_idle() -> None:
        qtbot.waitUntil(lambda: not (context.reader.busy or context.tasks.busy), timeout=30_000)
        qtbot.wait(1)

    return until_idle


@pytest.fixture
def panel(qtbot: QtBot, context: Context, wait: Wait, path: Path) -> NotesPanel:
    shown = NotesPanel(context)
    qtbot.addWidget(shown)
    shown.resize(640, 360)
    with qtbot.waitExposed(shown):
        shown.show()
    state = ViewState(place=Place("feature", 4))
    context.reader.opened.connect(lambda summary: context.show_atlas(summary, state))
    context.reader.open(path)
    wait()
    return shown


def go(context: Context, feature: int) -> None:
    context.go(Place("feature", feature))


def test_what_is_typed_is_noted_of_the_feature_that_is_shown(
    panel: NotesPanel, context: Context
) -> None:
    QTest.keyClicks(panel.name, "big cat")
    QTest.keyClicks(panel.tags, "animal; cat;")
    panel.comment.setFocus()
    QTest.keyClicks(panel.comment, "a lion ")
    go(context, 7)  # before any field was left
    assert context.notes.of(4) == Note("big cat", "a lion", ("animal", "cat"))
    assert context.notes.of(7) == Note()
    assert (panel.name.text(), panel.tags.text(), panel.comment.toPlainText()) == ("", "", "")
    go(context, 4)
    shown = (panel.name.text(), panel.tags.text(), panel.comment.toPlainText())
    assert shown == ("big cat", "animal; cat", "a lion")


def test_lines_of_a_comment_have_their_own_direction(panel: NotesPanel, context: Context) -> None:
    context.notes.put({4: Note(comment="lion\nأسد")})
    blocks = [panel.comment.document().findBlockByNumber(n) for n in (0, 1)]
    assert [block.textDirection() for block in blocks] == [
        Qt.LayoutDirection.LeftToRight,
        Qt.LayoutDirection.RightToLeft,
    ]
    assert "<" not in panel.comment.toPlainText()
    context.notes.put({4: Note(comment="<b>bold</b>")})
    assert panel.comment.toPlainText() == "<b>bold</b>"


def test_a_pause_keeps_a_comment_without_moving_the_cursor(
    qtbot: QtBot, panel: NotesPanel, context: Context
) -> None:
    panel._pause.setInterval(1)
    panel.comment.setFocus()
    QTest.keyClicks(panel.comment, "one ")
    qtbot.waitUntil(lambda: context.notes.of(4).comment == "one")
    QTest.keyClicks(panel.comment, "two")
    qtbot.waitUntil(lambda: context.notes.of(4).comment == "one two")


def test_notes_are_undone_in_the_order_of_all_other_steps(
    panel: NotesPanel, context: Context
) -> None:
    panel.toggle_star()
    context.store.change("undo.heat", heat=not context.store.state.heat)
    QTest.keyClicks(panel.name, "x")
    panel.commit()
    store = context.store
    assert store.undo_label == "undo.note"
    store.undo()
    assert context.notes.of(4) == Note(starred=True)
    assert panel.name.text() == ""
    store.undo()
    assert store.undo_label == "undo.note_star"
    store.undo()
    assert context.notes.of(4) == Note()
    assert not panel.star.isChecked()
    store.redo()
    assert panel.star.isChecked()


def test_tags_have_keys_in_the_order_in_which_they_are_listed(
    panel: NotesPanel, context: Context
) -> None:
    context.notes.put({0: Note(tags=("dog", "Cat"))})
    assert "Cat" in panel.keys.text() and "dog" in panel.keys.text()
    panel.toggle_tag(2)
    assert context.notes.of(4).tags == ("dog",)
    panel.toggle_tag(1)
    assert context.notes.of(4).tags == ("Cat", "dog")
    panel.toggle_tag(2)
    panel.toggle_tag(9)
    assert context.notes.of(4).tags == ("Cat",)


def test_the_queue_follows_the_table_and_counts(panel: NotesPanel, context: Context) -> None:
    assert context.summary is not None
    table = context.summary.table
    table.rows = np.array([9, 4, 2, 7])
    context.notes.put({2: Note(tags=("a",)), 1: Note(reviewed=True)})
    assert panel.progress.text() == "1 of 4 labelled"
    panel.go_on()
    assert context.store.state.place == Place("feature", 7)
    panel.go_on(backwards=True)
    assert context.store.state.place == Place("feature", 4)
    panel.finish()
    assert context.notes.of(4).reviewed
    assert context.store.state.place == Place("feature", 7)
    panel.finish()
    assert context.store.state.place == Place("feature", 9)
    said: list[str] = []
    context.said.connect(said.append)
    panel.finish()
    assert context.store.state.place == Place("feature", 9)
    assert said == ["All features in the table have a label."]
    assert panel.progress.text() == "4 of 4 labelled"
    assert panel.progress.value() == panel.progress.maximum()


def test_notes_are_there_again_when_the_atlas_is_opened_again(
    panel: NotesPanel, context: Context, path: Path, wait: Wait
) -> None:
    content = path.read_bytes()
    panel.toggle_star()
    context.reader.open(path)
    wait()
    assert panel.star.isChecked()
    assert read(beside(path)) == {4: Note(starred=True)}
    assert path.read_bytes() == content


def test_every_field_is_named_and_reached_by_tab(qtbot: QtBot, panel: NotesPanel) -> None:
    fields = [
        one
        for one in panel.findChildren(QWidget)
        if isinstance(one, QAbstractButton | QLineEdit | QTextEdit)
    ]
    assert fields
    for one in fields:
        assert one.accessibleName() or (isinstance(one, QAbstractButton) and one.text())
        assert one.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert panel.comment.tabChangesFocus()


def test_fields_wait_for_a_feature(qtbot: QtBot, context: Context) -> None:
    empty = NotesPanel(context)
    qtbot.addWidget(empty)
    assert not empty.name.isEnabled()
    empty.toggle_star()
    empty.finish()
    assert context.notes.all() == {}


def test_a_review_needs_no_mouse(
    qtbot: QtBot, window: MainWindow, path: Path, settle: Callable[[MainWindow], None]
) -> None:
    window.open_atlas(path, feature=4)
    settle(window)
    window.activateWindow()
    window.bring("notes")
    panel = window.panel(NotesPanel)
    assert isinstance(panel, NotesPanel)
    qtbot.waitUntil(lambda: panel.tags.hasFocus())
    control = Qt.KeyboardModifier.ControlModifier
    QTest.keyClicks(panel.tags, "cat")
    QTest.keyClick(panel.tags, Qt.Key.Key_D, control)
    QTest.keyClick(panel.tags, Qt.Key.Key_Return, control)
    notes = window.context.notes
    assert notes.of(4) == Note(tags=("cat",), starred=True, reviewed=True)
    assert window.context.store.state.place == Place("feature", 5)
    QTest.keyClick(panel.tags, Qt.Key.Key_1, Qt.KeyboardModifier.AltModifier)
    assert notes.of(5).tags == ("cat",)
    QTest.keyClick(panel.tags, Qt.Key.Key_Down, control)
    assert window.context.store.state.place == Place("feature", 6)
    window.actions_by_key["undo"].trigger()  # the walk
    window.actions_by_key["undo"].trigger()
    assert notes.of(5) == Note()


class Window:
    """As much of a window as the actions use."""

    def __init__(self, panel: NotesPanel) -> None:
        self.context, self._panel = panel.context, panel

    def panel(self, kind: type) -> NotesPanel:
        return self._panel


def test_a_table_is_taken_over_as_one_step(
    panel: NotesPanel, context: Context, wait: Wait, tmp_path: Path
) -> None:
    context.notes.put({1: Note("one"), 2: Note("two")})
    window: Any = Window(panel)
    notes_actions.export_csv(window, tmp_path / "n.csv")
    wait()
    context.notes.put({1: Note("other"), 2: Note(), 3: Note("three")})
    notes_actions.import_csv(window, tmp_path / "n.csv")
    wait()
    assert context.notes.all() == {1: Note("one"), 2: Note("two"), 3: Note("three")}
    context.store.undo()
    assert context.notes.all() == {1: Note("other"), 3: Note("three")}


def test_features_on_which_two_people_differ_are_brushed(
    qtbot: QtBot, panel: NotesPanel, context: Context, wait: Wait, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    context.notes.put({1: Note(tags=("a",)), 2: Note(tags=("a",)), 3: Note(reviewed=True)})
    theirs = {1: Note(tags=("a",)), 2: Note(reviewed=True), 3: Note(tags=("b",))}
    write(tmp_path / "theirs.notes.json", context.notes.fingerprint, theirs)
    shown: list[AgreementDialog] = []
    monkeypatch.setattr(
        notes_actions,
        "AgreementDialog",
        lambda *call: shown.append(AgreementDialog(*call[:3], panel)) or shown[-1],
    )
    window: Any = Window(panel)
    notes_actions.compare_with(window, tmp_path / "theirs.notes.json")
    wait()
    (dialog,) = shown
    assert "3 were labelled by both" in dialog.sentence.text()
    texts = [
        [dialog.table.item(row, column).text() for column in range(dialog.table.columnCount())]
        for row in range(dialog.table.rowCount())
    ]
    assert texts == [
        ["a", "0.40", "67%", "1", "1", "0", "1"],
        ["b", "0.00", "67%", "0", "0", "1", "2"],
    ]
    dialog.table.setCurrentCell(0, 0)
    with qtbot.waitSignal(dialog.finished):
        dialog.select.click()
    assert context.store.state.features == Selection.of([2])


def test_notes_of_another_sae_are_refused(
    panel: NotesPanel, context: Context, wait: Wait, tmp_path: Path
) -> None:
    write(tmp_path / "theirs.notes.json", "other", {1: Note("a")})
    failed: list[str] = []
    context.tasks.failed.connect(failed.append)
    window: Any = Window(panel)
    notes_actions.compare_with(window, tmp_path / "theirs.notes.json")
    wait()
    assert len(failed) == 1 and "another SAE" in failed[0]
