from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.state.notes import Note
from mmfeat_gui.state.notes_file import Opened, beside, open_notes, read, write
from mmfeat_gui.workers.notes import NotesKeeper

MARK = "abc" * 20


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    strings.use("en")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    atlas = tmp_path / "atlas" / "a.h5"
    atlas.parent.mkdir()
    return open_notes(atlas, MARK, 9)


@pytest.fixture
def keeper(qtbot: QtBot, opened: Opened) -> Iterator[NotesKeeper]:
    made = NotesKeeper(opened)
    made._timer.setInterval(1)
    yield made
    made.close()
    assert not any(thread.name.startswith("mmfeat-notes") for thread in threading.enumerate())


def test_notes_are_written_a_moment_after_they_changed(
    qtbot: QtBot, keeper: NotesKeeper, opened: Opened
) -> None:
    with qtbot.waitSignal(keeper.saved, timeout=10_000):
        opened.notes.put({1: Note("a")})
        opened.notes.put({2: Note("b")})
        assert not opened.file.exists()  # not on this thread
    assert read(opened.file, MARK, 9) == {1: Note("a"), 2: Note("b")}


def test_what_is_not_written_yet_is_when_it_closes(qtbot: QtBot, opened: Opened) -> None:
    keeper = NotesKeeper(opened)
    opened.notes.put({1: Note("a")})
    keeper.close()
    assert read(opened.file, MARK, 9) == {1: Note("a")}
    opened.notes.put({1: Note("b")})  # nobody listens any more
    assert read(opened.file, MARK, 9) == {1: Note("a")}


def test_what_others_wrote_is_taken_over_but_where_it_was_changed_here(
    qtbot: QtBot, keeper: NotesKeeper, opened: Opened
) -> None:
    write(opened.file, MARK, {1: Note("theirs"), 2: Note("theirs")})
    with qtbot.waitSignal(keeper.saved, timeout=10_000):
        opened.notes.put({1: Note("mine")})
    both = {1: Note("mine"), 2: Note("theirs")}
    assert opened.notes.all() == read(opened.file, MARK, 9) == both


def test_a_failure_is_said_and_tried_again_with_the_next_change(
    qtbot: QtBot, keeper: NotesKeeper, opened: Opened
) -> None:
    beside(opened.file).parent.mkdir(exist_ok=True)
    opened.file.write_text("no notes", "utf-8")
    with qtbot.waitSignal(keeper.said, timeout=10_000) as said:
        opened.notes.put({1: Note("a")})
    assert "is no file of notes" in said.args[0]
    assert opened.file.read_text("utf-8") == "no notes"
    opened.file.unlink()
    with qtbot.waitSignal(keeper.saved, timeout=10_000):
        opened.notes.put({2: Note("b")})
    assert read(opened.file, MARK, 9) == {1: Note("a"), 2: Note("b")}
