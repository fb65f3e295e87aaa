"""JSON documents of any size: the lists of the top object, one element at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from mmfeat.corpus.sources import open_text
from mmfeat.errors import MmfeatError

MAX_ELEMENT = 4 << 20  # characters
_CHUNK = 1 << 16
_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def elements(source: Path, lists: Sequence[str]) -> Iterator[tuple[str, int, Any]]:
    """Yield the elements of lists of a document's top object.

    Parameters
    ----------
    source : Path
        A document such as ``{"images": [...], "annotations": [...]}``; the lists
        may come in any order, other members are passed over.
    lists : sequence of str
        The members to yield.

    Yields
    ------
    name, number, element
        The list, the element's number in it from 1, and the element.

    Raises
    ------
    MmfeatError
        If the document is malformed, breaks off, lacks a list, or has an element
        of more than `MAX_ELEMENT` characters.
    """
    with open_text(source, newline="") as handle:
        yield from _elements(source, _Window(source, handle), lists)


def _elements(source: Path, text: _Window, lists: Sequence[str]) -> Iterator[tuple[str, int, Any]]:
    there = set()
    if text.expect("{[") == "[":
        raise _no_list(source, lists[0])
    after = text.take_if("}") or ","
    while after == ",":
        name = text.value()
        if not isinstance(name, str):
            raise text.malformed()
        text.expect(":")
        if text.take_if("["):
            there.add(name)
            for number, element in _list(text):
                if name in lists:
                    yield name, number, element
        else:
            text.value()
        after = text.expect(",}")
    text.end()
    for name in lists:
        if name not in there:
            raise _no_list(source, name)


def _list(text: _Window) -> Iterator[tuple[int, Any]]:
    number = 0
    after = text.take_if("]") or ","
    while after == ",":
        number += 1
        yield number, text.value()
        after = text.expect(",]")


def _no_list(source: Path, name: str) -> MmfeatError:
    return MmfeatError(
        f'{source} has no list "{name}" in an object at its top; check that it is the captions '
        "file of this format."
    )


class _Window:
    """The part of a document that is in memory: from the next character on."""

    def __init__(self, source: Path, handle: TextIO) -> None:
        self._source, self._handle = source, handle
        self._text, self._at, self._before = "", 0, 0

    def _more(self, count: int) -> bool:
        """Read on, forget what was taken; return False at the end of the document."""
        added = self._handle.read(count)
        self._before += self._at
        self._text, self._at = self._text[self._at :] + added, 0
        return bool(added)

    def _peek(self) -> str:
        """Return the next character that is no white space, or nothing at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(_CHUNK):
                return ""

    def take_if(self, character: str) -> str:
        """Take the next character if it is this one; return what was taken."""
        if self._peek() != character:
            return ""
        self._at += 1
        return character

    def expect(self, characters: str) -> str:
        """Take and return the next character, which must be one of these."""
        for character in characters:
            if self.take_if(character):
                return character
        raise self.malformed()

    def value(self) -> Any:
        """Take the next value."""
        self._peek()
        while True:
            wrong = 0  # characters from here to what is wrong
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                wrong = error.pos - self._at
            except (ValueError, RecursionError):  # a number or a nesting beyond all bounds
                pass
            else:
                end = _SPACE.match(self._text, end).end()  # type: ignore[union-attr]
                # Without what follows it, a number may be the beginning of a longer one.
                if self._text[end : end + 1] in (",", "]", "}", ":"):
                    self._at = end
                    return value
                wrong = end - self._at
            size = len(self._text) - self._at
            # Doubled, so that a long element is not decoded once for every chunk.
            if size > MAX_ELEMENT or not self._more(max(size, _CHUNK)):
                self._at += wrong
                raise self.malformed()

    def end(self) -> None:
        """Check that nothing follows."""
        if self._peek():
            raise self.malformed()

    def malformed(self) -> MmfeatError:
        """Return the error of a document that is wrong here."""
        return MmfeatError(
            f"{self._source} breaks off, or is no JSON, or has an element of more than "
            f"{MAX_ELEMENT >> 20} million characters, near character {self._before + self._at:,}; "
            "check that it is the right file, or download it again."
        )
