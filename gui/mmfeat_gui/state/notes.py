"""What people write down about features: names, comments, tags, a star, and whether they are done.

Notes are kept beside the atlas, never in it; `notes_file` reads and writes them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import psygnal

from mmfeat_gui.state.selection import Selection
from mmfeat_gui.state.store import Store

MOST_NAME, MOST_COMMENT = 200, 20_000  # characters
MOST_TAGS, MOST_TAG = 64, 60  # tags of a feature, characters of one
SEPARATOR = ";"  # between tags where they stand on one line


@dataclass(frozen=True)
class Note:
    """What was written down about a feature.

    `Note.of` makes one of what was typed or read.

    Attributes
    ----------
    name, comment : str
    tags : tuple of str
        In order, each once.
    starred : bool
    reviewed : bool
        Whether it was looked at and is done, with or without a tag.
    """

    name: str = ""
    comment: str = ""
    tags: tuple[str, ...] = ()
    starred: bool = False
    reviewed: bool = False

    @staticmethod
    def of(
        name: str = "",
        comment: str = "",
        tags: Iterable[str] = (),
        starred: bool = False,
        reviewed: bool = False,
    ) -> Note:
        """Return a note of texts by people: made printable, and cut where they are too long."""
        own = dict.fromkeys(filter(None, map(tag_of, tags)))
        return Note(
            one_line(name)[:MOST_NAME].strip(),
            _printable(comment, keep="\n\t")[:MOST_COMMENT].strip(),
            tuple(sorted(list(own)[:MOST_TAGS], key=_order)),
            starred,
            reviewed,
        )

    @property
    def labelled(self) -> bool:
        """Whether someone made up his mind about it: it is done, or has a tag."""
        return self.reviewed or bool(self.tags)

    def __bool__(self) -> bool:
        return self != _NOTHING


_NOTHING = Note()


def one_line(text: str) -> str:
    """Return a text on one line, composed, without what cannot be printed."""
    return " ".join(_printable(unicodedata.normalize("NFC", text)).split())


def tag_of(text: str) -> str:
    """Return a text as a tag: on one line, without the sign that stands between tags."""
    return one_line(text.replace(SEPARATOR, " "))[:MOST_TAG].strip()


def tags_of(line: str) -> list[str]:
    """Return the tags of a line in which they are separated by semicolons."""
    return [tag for tag in map(tag_of, line.split(SEPARATOR)) if tag]


def _printable(text: str, keep: str = "") -> str:
    # Joiners shape letters and emoji; a lone surrogate cannot be written to a file.
    kept = f"\u200c\u200d{keep}"
    return "".join(c if c.isprintable() or c in kept else " " for c in text)


def _order(tag: str) -> tuple[str, str]:
    return tag.casefold(), tag


class Notes:
    """The notes on one SAE's features, in memory; for the thread of the window.

    Parameters
    ----------
    fingerprint : str
        Tells whose features they are on.
    d_sae : int
        Number of features.
    known : mapping of int to Note
        What was written down before.

    Attributes
    ----------
    changed : signal ()
        Something else is noted now.
    """

    changed: ClassVar[psygnal.Signal] = psygnal.Signal()

    def __init__(
        self, fingerprint: str, d_sae: int, known: Mapping[int, Note] | None = None
    ) -> None:
        self.fingerprint, self.d_sae = fingerprint, d_sae
        self._notes = {feature: note for feature, note in (known or {}).items() if note}
        self._chosen: dict[str, Selection] = {}

    def of(self, feature: int) -> Note:
        """Return the note on a feature; an empty one where nothing was written down."""
        return self._notes.get(feature, _NOTHING)

    def all(self) -> dict[int, Note]:
        """Return all notes that say something, by feature."""
        return dict(self._notes)

    def put(self, notes: Mapping[int, Note]) -> None:
        """Replace the notes on some features.

        Raises
        ------
        IndexError
            If there is no such feature.
        """
        for feature in notes:
            if not 0 <= feature < self.d_sae:
                raise IndexError(f"There is no feature {feature} to take a note of.")
        if all(self.of(feature) == note for feature, note in notes.items()):
            return
        for feature, note in notes.items():
            if note:
                self._notes[feature] = note
            else:
                self._notes.pop(feature, None)
        self._chosen.clear()
        self.changed.emit()

    def tags(self) -> list[str]:
        """Return all tags in use, in alphabetic order."""
        return sorted({tag for note in self._notes.values() for tag in note.tags}, key=_order)

    def tagged(self, tag: str) -> Selection:
        """Return the features with a tag."""
        return self._choose(f"tag {tag}", lambda note: tag in note.tags)

    def starred(self) -> Selection:
        """Return the features with a star."""
        return self._choose("starred", lambda note: note.starred)

    def labelled(self) -> Selection:
        """Return the features about which someone made up his mind."""
        return self._choose("labelled", lambda note: note.labelled)

    def noted(self) -> Selection:
        """Return the features of which anything is noted."""
        return self._choose("noted", bool)

    def _choose(self, key: str, test: Callable[[Note], bool]) -> Selection:
        if key not in self._chosen:
            found = [feature for feature, note in self._notes.items() if test(note)]
            self._chosen[key] = Selection.of(found)
        return self._chosen[key]


def edit(store: Store, label: str, notes: Notes, changes: Mapping[int, Note]) -> bool:
    """Change notes as a step that can be undone; return whether anything changed.

    Parameters
    ----------
    store : Store
        Of the window.
    label : str
        The id of the text that names the step.
    notes : Notes
    changes : mapping of int to Note
        The new note of each feature.
    """
    after = {feature: note for feature, note in changes.items() if notes.of(feature) != note}
    if not after:
        return False
    before = {feature: notes.of(feature) for feature in after}
    store.do(label, lambda: notes.put(after), lambda: notes.put(before))
    return True
