"""Where notes are kept: a JSON file beside the atlas, which itself is never changed.

The file may come from a colleague, so its size is bounded and every value is checked. What
cannot be used is never written over: notes go to the user's data folder then.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from mmfeat.errors import MmfeatError
from mmfeat.files import whole_file
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.notes import Note, Notes

SUFFIX = ".notes.json"
_LARGEST = 64 << 20  # bytes


@dataclass(frozen=True, eq=False)
class Opened:
    """The notes of an atlas.

    Attributes
    ----------
    notes : Notes
    file : Path
        Where they are kept from now on.
    said : str
        Why that is not beside the atlas; empty where it is.
    """

    notes: Notes
    file: Path
    said: str = ""


class _Foreign(MmfeatError):
    """A file of notes on other features."""


def beside(atlas: Path) -> Path:
    """Return where the notes on an atlas are, if nothing speaks against it."""
    return atlas.with_name(atlas.name + SUFFIX)


def kept_elsewhere(fingerprint: str) -> Path:
    """Return where notes are kept that cannot be beside the atlas (``XDG_DATA_HOME``)."""
    folder = Path(platformdirs.user_data_path("mmfeat", appauthor=False))
    return folder / "notes" / f"{fingerprint[:32] or 'unknown'}{SUFFIX}"


def open_notes(atlas: Path, fingerprint: str, d_sae: int) -> Opened:
    """Read the notes on an atlas and say where they are to be kept.

    That is beside it; or else in the user's data folder, where its folder may not be written
    to, or the file there is damaged or on other features.
    """
    own, other = beside(atlas), kept_elsewhere(fingerprint)
    here: dict[int, Note] = {}
    said = ""
    try:
        here = read(own, fingerprint, d_sae)
    except _Foreign:
        said = tr("notes.foreign", file=own.name, folder=other.parent)
    except MmfeatError as error:
        said = tr("notes.unreadable", reason=str(error), folder=other.parent)
    if not said and not os.access(own.parent, os.W_OK):
        said = tr("notes.elsewhere", folder=other.parent)
    try:
        there = read(other, fingerprint, d_sae)
    except MmfeatError as error:
        there = {}
        if said:  # it is needed, and not thrown away
            aside = other.with_name(f"{other.name}.broken")
            other.replace(aside)
            said = tr("notes.aside", reason=str(error), file=aside)
    # Of a feature with notes in both, those in the file that is kept from now on are newer.
    known = {**here, **there} if said else {**there, **here}
    return Opened(Notes(fingerprint, d_sae, known), other if said else own, said)


def read(file: Path, fingerprint: str = "", d_sae: int = 0) -> dict[int, Note]:
    """Read notes; none where there is no such file.

    Parameters
    ----------
    file : Path
    fingerprint : str
        Of the features they are to be on; empty: of any.
    d_sae : int
        Number of features; 0: not known.

    Raises
    ------
    MmfeatError
        If the file is no file of notes, or one on other features.
    """
    try:
        with file.open("rb") as handle:
            data = handle.read(_LARGEST + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        reason = error.strerror or str(error)
        raise MmfeatError(tr("notes.error_read", file=file.name, reason=reason)) from None
    if len(data) > _LARGEST:
        raise MmfeatError(tr("notes.error_large", file=file.name, size=_LARGEST >> 20))
    try:
        found = json.loads(data)
        if found["encoding-type"] != "mmfeat-notes" or found["encoding-version"] != "1":
            raise ValueError
        notes, whose = found["notes"], found["fingerprint"]
        if not (isinstance(notes, dict) and isinstance(whose, str)):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise MmfeatError(tr("notes.error_kind", file=file.name)) from None
    if fingerprint and whose != fingerprint:
        raise _Foreign(tr("notes.error_foreign", file=file.name))
    return dict(_entry(file, key, value, d_sae) for key, value in notes.items())


def _entry(file: Path, key: str, value: Any, d_sae: int) -> tuple[int, Note]:
    """Return a feature and the note on it."""
    fits = key.isascii() and key.isdigit() and len(key) < 10 and isinstance(value, dict)
    if not fits or (d_sae and int(key) >= d_sae):
        raise MmfeatError(tr("notes.error_entry", file=file.name, feature=key[:40]))
    name, comment = value.get("name", ""), value.get("comment", "")
    starred, reviewed = value.get("starred", False), value.get("reviewed", False)
    tags = value.get("tags", [])
    if not (
        isinstance(tags, list)
        and all(isinstance(text, str) for text in (name, comment, *tags))
        and all(isinstance(flag, bool) for flag in (starred, reviewed))
    ):
        raise MmfeatError(tr("notes.error_entry", file=file.name, feature=key))
    return int(key), Note.of(name, comment, tags, starred, reviewed)


def write(file: Path, fingerprint: str, notes: Mapping[int, Note]) -> None:
    """Write notes; the file appears under its name when it is whole.

    Raises
    ------
    MmfeatError
        If it cannot be written there.
    """
    entries = ",\n".join(
        f'"{feature}": {json.dumps(_plain(notes[feature]), ensure_ascii=False)}'
        for feature in sorted(notes)
        if notes[feature]
    )
    head = {"encoding-type": "mmfeat-notes", "encoding-version": "1", "fingerprint": fingerprint}
    # A line a feature: people compare and merge such files.
    text = f'{json.dumps(head, indent=0)[:-2]},\n"notes": {{\n{entries}\n}}\n}}\n'
    try:
        with whole_file(file) as temporary:
            temporary.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise MmfeatError(tr("notes.error_write", file=file.name, reason=reason)) from None


def _plain(note: Note) -> dict[str, Any]:
    """Return what a note says, without what it does not."""
    values = {"name": note.name, "comment": note.comment, "tags": list(note.tags)}
    flags = {"starred": note.starred, "reviewed": note.reviewed}
    return {name: value for name, value in {**values, **flags}.items() if value}


def save(
    file: Path, fingerprint: str, d_sae: int, before: Mapping[int, Note], now: Mapping[int, Note]
) -> dict[int, Note]:
    """Write what changed since the file was read or written, and keep what others changed there.

    Parameters
    ----------
    file : Path
    fingerprint, d_sae
        As of `read`.
    before : mapping of int to Note
        What the file said when it was read or written last.
    now : mapping of int to Note
        What is noted now. Of a feature that changed here and there this counts.

    Returns
    -------
    dict of int to Note
        What the file says now.

    Raises
    ------
    MmfeatError
        If the file became something else, or cannot be written.
    """
    there = read(file, fingerprint, d_sae)
    nothing = Note()
    ours = [f for f in {**before, **now} if before.get(f, nothing) != now.get(f, nothing)]
    merged = {**there, **{feature: now.get(feature, nothing) for feature in ours}}
    merged = {feature: note for feature, note in merged.items() if note}
    if merged != there or not file.exists():
        write(file, fingerprint, merged)
    return merged
