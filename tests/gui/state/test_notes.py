from __future__ import annotations

from dataclasses import replace

import pytest

from mmfeat_gui.state.notes import MOST_COMMENT, MOST_NAME, MOST_TAG, MOST_TAGS, Note, Notes, edit
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.state.store import Store


def test_what_people_type_is_made_printable_and_has_an_end() -> None:
    note = Note.of(" a\nb\x00\ud800 ", "one\r\n\ttwo\x1b ", ["B;b", "a", " a ", "", "\u202ec"])
    assert note.name == "a b"
    assert note.comment == "one \n\ttwo"
    assert note.tags == ("a", "B b", "c")
    assert Note.of("e\u0301").name == "é"  # composed, so that the same name compares equal
    assert Note.of("می\u200cخواهم").name == "می\u200cخواهم"
    long = Note.of("n" * 999, "c" * 99_999, [f"{n}" + "t" * 99 for n in range(99)])
    assert (len(long.name), len(long.comment)) == (MOST_NAME, MOST_COMMENT)
    assert (len(long.tags), max(map(len, long.tags))) == (MOST_TAGS, MOST_TAG)


def test_a_note_that_says_nothing_is_none() -> None:
    assert not Note()
    assert all([Note("a"), Note(comment="a"), Note(tags=("a",)), Note(starred=True)])
    assert Note(reviewed=True).labelled and Note(tags=("a",)).labelled
    assert not Note("a", "b", starred=True).labelled
    notes = Notes("", 3, {0: Note(), 1: Note("a")})
    notes.put({1: Note()})
    assert notes.all() == {}


def test_notes_are_found_by_tag_star_and_label() -> None:
    notes = Notes("f", 9, {4: Note(tags=("b", "A")), 2: Note(starred=True), 7: Note("x")})
    assert notes.tags() == ["A", "b"]
    assert notes.tagged("b") == Selection.of([4])
    assert notes.tagged("none") == Selection.of([])
    assert notes.starred() == Selection.of([2])
    assert notes.labelled() == Selection.of([4])
    assert notes.noted() == Selection.of([2, 4, 7])
    notes.put({2: Note(tags=("b",), reviewed=True)})
    assert notes.tagged("b") == notes.labelled() == Selection.of([2, 4])
    assert not notes.starred()


def test_who_listens_is_told_once_of_what_changed() -> None:
    notes, told = Notes("f", 5), []
    notes.changed.connect(lambda: told.append(notes.all()))
    notes.put({1: Note("a"), 2: Note("b")})
    notes.put({1: Note("a")})
    assert told == [{1: Note("a"), 2: Note("b")}]
    for feature in (-1, 5):
        with pytest.raises(IndexError, match=f"no feature {feature}"):
            notes.put({0: Note("z"), feature: Note("a")})
    assert notes.of(0) == Note()


def test_an_edit_is_a_step_to_undo() -> None:
    store, notes = Store(), Notes("f", 5, {1: Note("old")})
    assert edit(store, "undo.note", notes, {1: Note("new"), 2: Note(starred=True)})
    assert not edit(store, "undo.note", notes, {1: Note("new")})
    assert store.undo_label == "undo.note"
    store.undo()
    assert notes.all() == {1: Note("old")}
    assert not store.can_undo
    store.redo()
    assert notes.all() == {1: Note("new"), 2: replace(Note(), starred=True)}
