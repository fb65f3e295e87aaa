"""Texts of any script in figures: measured, cut, folded into lines, and shaded by activation.

Sizes of type are factors of the style's; lengths are inches.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mmfeat.figures import direction, palettes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mmfeat.atlas.records import TokenActivation

LEAST = 5.0  # points that can still be read in print
_LINE = 1.4  # of the size of type: Arabic and Hangul need more than Latin
_EM = 100.0  # points at which texts are measured
_JOINER = "\u200d"
# What begins no line, in scripts that break anywhere.
_CLOSING = frozenset("、。，．,.!?！？：；:;)]}）］｝」』】〉》”’・ーゃゅょっャュョッ々…%％")


def points(factor: float = 1.0) -> float:
    """Return a size of type in points, relative to that of the style."""
    from matplotlib import rcParams

    return max(LEAST, factor * float(rcParams["font.size"]))


def line(factor: float = 1.0) -> float:
    """Return the height of a line of such type in inches."""
    return points(factor) * _LINE / 72


def wide(text: str, factor: float = 1.0, weight: str = "normal") -> float:
    """Return the inches that a text takes across."""
    from matplotlib import rcParams

    return points(factor) / 72 * _ems(text, weight, tuple(rcParams["font.family"]))


@lru_cache(maxsize=1 << 14)
def _ems(text: str, weight: str, families: tuple[str, ...]) -> float:
    """Return the width of a text as a multiple of the size of type."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family=list(families), weight=weight, size=_EM)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) / _EM


def clip(text: str, width: float, factor: float = 1.0, weight: str = "normal") -> str:
    """Return a text cut, with an ellipsis, to what so many inches hold."""
    if wide(text, factor, weight) <= width:
        return text
    ends = [at for at in range(len(text)) if _whole(text, at)]
    fits = _last(ends, lambda at: wide(f"{text[:at].rstrip()}…", factor, weight) <= width)
    return f"{text[: fits or 0].rstrip()}…"


def fold(text: str, width: float, factor: float = 1.0, most: int | None = None) -> list[str]:
    """Return a text in lines of at most so many inches, the last of `most` cut with an ellipsis.

    Lines break at spaces, between Han characters and kana anywhere, and inside a word only
    where it is wider than a line.
    """
    return [shown for shown, _ in _lines(text, width, factor, most)]


def _lines(text: str, width: float, factor: float, most: int | None) -> list[tuple[str, int]]:
    """Return lines, and where in the text each begins."""
    found: list[tuple[str, int]] = []
    start = len(text) - len(text.lstrip())
    while start < len(text):
        rest = text[start:].rstrip()
        if most is not None and len(found) == most - 1:
            return [*found, (clip(rest, width, factor), start)]

        def fits(at: int, rest: str = rest) -> bool:
            return wide(rest[:at].rstrip(), factor) <= width

        breaks = [at for at in range(1, len(rest)) if _breaks(rest, at)]
        whole = [at for at in range(1, len(rest)) if _whole(rest, at)]
        end = _last([*breaks, len(rest)], fits) or _last(whole, fits) or (whole or [len(rest)])[0]
        found.append((rest[:end].rstrip(), start))
        start += end
        start += len(text[start:]) - len(text[start:].lstrip())
    return found


def _last(values: Sequence[int], holds: Any) -> int | None:
    """Return the last of ascending values for which something holds that then fails for good."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if holds(values[middle]):
            low = middle + 1
        else:
            high = middle
    return values[low - 1] if low else None


def _whole(text: str, at: int) -> bool:
    """Return whether a text can be cut here without parting a mark from its letter."""
    return not (unicodedata.combining(text[at]) or _JOINER in text[at - 1 : at + 1])


def _breaks(text: str, at: int) -> bool:
    """Return whether a line may end before this character."""
    before, after = text[at - 1], text[at]
    if before.isspace():
        return not after.isspace()
    return (_is_free(before) or _is_free(after)) and after not in _CLOSING and not after.isspace()


def _is_free(character: str) -> bool:
    """Return whether lines break at every character of this script."""
    return unicodedata.name(character, "").startswith(("CJK UNIFIED", "HIRAGANA", "KATAKANA"))


def caption(
    figure: Figure,
    x: float,
    y: float,
    text: str,
    tokens: Sequence[TokenActivation] = (),
    *,
    width: float,
    rtl: bool = False,
    largest: float = 0.0,
    factor: float = 1.0,
    most: int = 3,
    **style: Any,
) -> float:
    """Write a caption whose tokens are shaded by activation, and return its height in inches.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Whose size is final.
    x, y : float
        Inches from the left and from the top of the figure.
    text : str
        What is not for print counts as a space.
    tokens : sequence of TokenActivation
        Code points of the text, and the activation there.
    width : float
        Inches that it may take across; a text from right to left ends at the right.
    rtl : bool
        Whether it is written from right to left.
    largest : float
        The activation that is shaded most.
    factor, most : float, int
        Size of type; lines.
    **style
        Of `matplotlib.text.Text`.
    """
    from matplotlib.patches import Rectangle

    text = direction.printable(text)
    across, high = figure.get_size_inches()
    step = line(factor)
    lines = _lines(text, width, factor, most)
    for at, (shown, start) in enumerate(lines):
        left = x + (width - wide(shown, factor) if rtl else 0.0)
        top = y + at * step
        for token in tokens if largest > 0 else ():
            low, stop = max(token.start - start, 0), min(token.end - start, len(shown))
            if low >= stop or not token.activation > 0:
                continue
            colour = palettes.shade(np.array([token.activation / largest]))[0] / 255
            for begin, end in spans(shown, low, stop, rtl, factor):
                corner = (left + begin) / across, 1 - (top + step) / high
                size = (end - begin) / across, step / high
                figure.add_artist(
                    Rectangle(corner, *size, color=colour, lw=0, transform=figure.transFigure)
                )
        figure.text(
            (x + width if rtl else x) / across,
            1 - (top + 0.78 * step) / high,
            direction.directed(shown, rtl),
            ha="right" if rtl else "left",
            va="baseline",
            fontsize=points(factor),
            **style,
        )
    return len(lines) * step


def spans(
    text: str, start: int, stop: int, rtl: bool, factor: float = 1.0
) -> list[tuple[float, float]]:
    """Return where characters of a line stand: inches from its left, a pair for each stretch."""
    found, left = [], 0.0
    for low, high, backwards in direction.runs(text, rtl):
        whole = wide(text[low:high], factor)
        begin, end = (min(max(at, low), high) for at in (start, stop))
        if begin < end:
            a, b = (_partly(text, low, at, factor) for at in (begin, end))
            pair = (left + whole - b, left + whole - a) if backwards else (left + a, left + b)
            found.append(pair)
        left += whole
    return found


def _partly(text: str, start: int, stop: int, factor: float) -> float:
    """Return the width of a stretch of a line as it is when the rest stands beside it."""
    joined = stop < len(text) and all(
        unicodedata.bidirectional(one) == "AL" for one in text[stop - 1 : stop + 1]
    )
    return wide(text[start:stop] + _JOINER * joined, factor)
