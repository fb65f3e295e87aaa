from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mmfeat.errors import MmfeatError
from mmfeat_gui.resources import strings
from mmfeat_gui.state import notes_file
from mmfeat_gui.state.notes import Note
from mmfeat_gui.state.notes_file import beside, kept_elsewhere, open_notes, read, save, write

MARK = "a1b2" * 16
KNOWN = {
    3: Note("사자", "one\ntwo", ("animal", "고양이"), True, True),
    0: Note(tags=("قطة",)),
}


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strings.use("en")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def atlas(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "atlas.h5"
    path.write_bytes(b"an atlas")
    return path


def plain(notes: Any, **changes: Any) -> str:
    whole = {"encoding-type": "mmfeat-notes", "encoding-version": "1", "fingerprint": MARK}
    return json.dumps({**whole, "notes": notes, **changes})


def test_notes_are_read_as_they_were_written(atlas: Path) -> None:
    opened = open_notes(atlas, MARK, 9)
    assert (opened.notes.all(), opened.file, opened.said) == ({}, beside(atlas), "")
    write(opened.file, MARK, KNOWN)
    assert read(opened.file, MARK, 9) == KNOWN
    assert open_notes(atlas, MARK, 9).notes.all() == KNOWN
    assert atlas.read_bytes() == b"an atlas"
    lines = opened.file.read_text("utf-8").splitlines()
    assert json.loads(opened.file.read_text("utf-8"))["fingerprint"] == MARK
    assert [line.partition(":")[0] for line in lines if "tags" in line] == ['"0"', '"3"']


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is no file of notes"),
        ("[" * 100_000, "is no file of notes"),
        ("[]", "is no file of notes"),
        ('"notes"', "is no file of notes"),
        (plain({}, **{"encoding-type": "x"}), "is no file of notes"),
        (plain({}, **{"encoding-version": "2"}), "or of a newer version"),
        (plain([]), "is no file of notes"),
        (plain({}, fingerprint=3), "is no file of notes"),
        (plain({"-1": {}}), "note on feature -1"),
        (plain({"٣": {}}), "note on feature"),
        (plain({"9": {}}), "note on feature 9"),
        (plain({"1" * 5000: {}}), "note on feature 1111"),
        (plain({"1": []}), "note on feature 1"),
        (plain({"1": {"name": 3}}), "note on feature 1"),
        (plain({"1": {"tags": "a"}}), "note on feature 1"),
        (plain({"1": {"tags": [1]}}), "note on feature 1"),
        (plain({"1": {"starred": 1}}), "note on feature 1"),
        (plain({}, fingerprint="other"), "notes on other features"),
    ],
)
def test_a_file_that_cannot_be_used_is_left_alone(atlas: Path, text: str, reason: str) -> None:
    own = beside(atlas)
    own.write_text(text, "utf-8")
    opened = open_notes(atlas, MARK, 9)
    assert reason in opened.said and str(kept_elsewhere(MARK).parent) in opened.said
    assert opened.file == kept_elsewhere(MARK)
    assert opened.notes.all() == {}
    assert save(opened.file, MARK, 9, {}, KNOWN) == KNOWN
    assert own.read_text("utf-8") == text
    assert open_notes(atlas, MARK, 9).notes.all() == KNOWN


def test_a_large_file_is_not_read(atlas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(beside(atlas), MARK, KNOWN)
    monkeypatch.setattr(notes_file, "_LARGEST", 20)
    with pytest.raises(MmfeatError, match="is larger than"):
        read(beside(atlas), MARK, 9)


def test_where_the_folder_may_not_be_written_to_the_data_folder_is(
    atlas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(beside(atlas), MARK, {0: Note("here"), 1: Note("here")})
    write(kept_elsewhere(MARK), MARK, {1: Note("there"), 2: Note("there")})
    opened = open_notes(atlas, MARK, 9)
    assert (opened.file, opened.said) == (beside(atlas), "")
    assert {f: note.name for f, note in opened.notes.all().items()} == {
        0: "here", 1: "here", 2: "there",
    }  # fmt: skip
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    opened = open_notes(atlas, MARK, 9)
    assert opened.file == kept_elsewhere(MARK)
    assert "may not be written to" in opened.said
    assert opened.notes.of(1) == Note("there")


def test_a_damaged_file_in_the_data_folder_is_put_aside_when_it_is_needed(
    atlas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = kept_elsewhere(MARK)
    there.parent.mkdir(parents=True)
    there.write_text("broken", "utf-8")
    assert open_notes(atlas, MARK, 9).said == ""
    assert there.read_text("utf-8") == "broken"
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    opened = open_notes(atlas, MARK, 9)
    aside = there.with_name(f"{there.name}.broken")
    assert str(aside) in opened.said
    assert aside.read_text("utf-8") == "broken"
    assert opened.file == there and not there.exists()


def test_what_others_wrote_meanwhile_stays(atlas: Path) -> None:
    file = beside(atlas)
    before = {0: Note("a"), 1: Note("b"), 2: Note("c")}
    write(file, MARK, {**before, 1: Note("theirs"), 5: Note("new"), 2: Note("c2")})
    now = {0: Note("mine"), 1: Note("b")}
    merged = save(file, MARK, 9, before, now)
    assert merged == {0: Note("mine"), 1: Note("theirs"), 5: Note("new")}
    assert read(file, MARK, 9) == merged


def test_notes_that_did_not_change_are_not_written_again(atlas: Path) -> None:
    file = beside(atlas)
    save(file, MARK, 9, {}, KNOWN)
    stamp = file.stat().st_mtime_ns, file.stat().st_ino
    assert save(file, MARK, 9, KNOWN, KNOWN) == KNOWN
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == stamp


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(MmfeatError, match="cannot be (written|read)"):
        save(tmp_path / "file" / "x.json", MARK, 9, {}, KNOWN)
