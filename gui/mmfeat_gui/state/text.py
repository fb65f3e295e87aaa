"""Offsets of texts: Python counts code points, Qt counts UTF-16 units."""

from __future__ import annotations

from collections.abc import Iterable


def utf16_offsets(text: str) -> list[int]:
    """Return where each code point begins in UTF-16 units, and the length at the end."""
    offsets = [0]
    for character in text:
        offsets.append(offsets[-1] + (2 if ord(character) > 0xFFFF else 1))
    return offsets


def utf16_spans(text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Turn (start, end) in code points into (start, length) in UTF-16 units.

    Spans are cut to the text, since a file may hold anything.
    """
    offsets, last = utf16_offsets(text), len(text)
    found = []
    for start, end in spans:
        start = min(max(start, 0), last)
        end = min(max(end, start), last)
        found.append((offsets[start], offsets[end] - offsets[start]))
    return found
