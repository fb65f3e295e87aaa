"""In which order the parts of a line stand where left-to-right and right-to-left meet.

A line's own direction is known from its language; digits and foreign words in it keep theirs.
This is the part of the Unicode bidirectional algorithm (UAX #9) that a line without explicit
marks needs; brackets are not paired.
"""

from __future__ import annotations

import unicodedata
from itertools import groupby

_MARKS = {False: "\u200e", True: "\u200f"}
_KEPT = "\u200c\u200d"  # joiners, which change the shape of letters and of emoji


def printable(text: str) -> str:
    """Return a text of the same length with spaces where a character is not for print."""
    return "".join(c if c.isprintable() or c in _KEPT else " " for c in text)


def directed(text: str, rtl: bool) -> str:
    """Return a line that is drawn in this direction.

    A mark that is not seen goes first where the line begins in the other direction.
    """
    first = next((own for own in map(_strong, text) if own is not None), False)
    return text if first == rtl else _MARKS[rtl] + text


def runs(text: str, rtl: bool) -> list[tuple[int, int, bool]]:
    """Return the stretches of a line of one direction, from left to right.

    Each is where it starts, where it ends, and whether it is written from right to left.
    """
    levels = _levels(text, rtl)
    found = [
        (own[0][0], own[-1][0] + 1, level)
        for level, group in groupby(enumerate(levels), key=lambda pair: pair[1])
        for own in [list(group)]
    ]
    for least in range(max(levels, default=0), 0, -1):  # rule L2
        turned: list[tuple[int, int, int]] = []
        for high, stretch in groupby(found, key=lambda one: one[2] >= least):
            own = list(stretch)
            turned += own[::-1] if high else own
        found = turned
    return [(start, stop, level % 2 == 1) for start, stop, level in found]


def _strong(character: str) -> bool | None:
    """Return whether a letter is written from right to left; None for what is no letter."""
    return {"L": False, "R": True, "AL": True}.get(unicodedata.bidirectional(character))


def _levels(text: str, rtl: bool) -> list[int]:
    """Return the embedding level of each character: odd ones are from right to left."""
    kinds = _kinds(text, rtl)
    found = []
    for at, kind in enumerate(kinds):
        if kind == " ":  # between two of a kind like them, else like the line (N1, N2)
            sides = {
                next((k for k in side if k != " "), "R" if rtl else "L")
                for side in (kinds[at:], kinds[at::-1])
            }
            sides = {"R" if side == "N" else side for side in sides}
            kind = sides.pop() if len(sides) == 1 else "R" if rtl else "L"
        found.append({"R": 1, "N": 2, "L": 2 * rtl}[kind])
    # Spaces at the end belong to the line (L1).
    end = len(text.rstrip())
    return found[:end] + [int(rtl)] * (len(text) - end)


def _kinds(text: str, rtl: bool) -> list[str]:
    """Return L or R, N for digits in text from right to left, or a space for what is neither."""
    own = [unicodedata.bidirectional(character) for character in text]
    found: list[str] = []
    strong = "R" if rtl else "L"
    for at, kind in enumerate(own):
        if kind == "NSM":  # W1
            found.append(found[-1] if found else " ")
            continue
        around = own[max(at - 1, 0) : at] + own[at + 1 : at + 2]
        # A point within a number (W4); elsewhere than in Arabic also a sign in or beside one (W5).
        if (
            (kind == "CS" and around in (["EN", "EN"], ["AN", "AN"]))
            or (kind == "ES" and around == ["EN", "EN"] and strong != "AL")
            or (kind == "ET" and "EN" in around and strong != "AL")
        ):
            kind = around[0] if kind == "CS" else "EN"
        if kind in ("L", "R", "AL"):
            strong = kind
        shown = {"L": "L", "R": "R", "AL": "R", "AN": "N"}.get(kind, " ")
        if kind == "EN":  # W7
            shown = "L" if strong == "L" else "N"
        found.append(shown)
    return found
