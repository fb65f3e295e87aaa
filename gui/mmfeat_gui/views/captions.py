"""Captions as they are read: broken into lines in their own direction, tokens shaded."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QFont, QPalette, QTextCharFormat, QTextLayout, QTextOption
from PySide6.QtWidgets import QScrollArea, QWidget

from mmfeat.corpus.languages import is_rtl
from mmfeat.figures.pages import CaptionExample
from mmfeat_gui.state.text import utf16_spans
from mmfeat_gui.views import theme
from mmfeat_gui.views.fonts import font_for

LONGEST = 2000  # characters of a text that are drawn


def alignment(language: str) -> Qt.AlignmentFlag:
    """Return the side on which a language's lines begin."""
    side = Qt.AlignmentFlag.AlignRight if is_rtl(language) else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignAbsolute


def lay_out(
    text: str,
    language: str,
    font: QFont,
    width: float,
    formats: Sequence[QTextLayout.FormatRange] = (),
) -> QTextLayout:
    """Return a text of a language broken into lines of `width`, in its own direction.

    A file may hold anything: of a text that nobody would read to its end, the rest is cut.
    """
    # One layout for the whole text: joined scripts and mixed directions break otherwise.
    layout = QTextLayout(_cut(text), font_for(language, font))
    option = QTextOption(alignment(language))
    rtl = is_rtl(language)
    option.setTextDirection(
        Qt.LayoutDirection.RightToLeft if rtl else Qt.LayoutDirection.LeftToRight
    )
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    if formats:
        layout.setFormats(formats)
    layout.beginLayout()
    top = 0.0
    while (row := layout.createLine()).isValid():
        row.setLineWidth(width)
        row.setPosition(QPointF(0, top))
        top += row.height()
    layout.endLayout()
    return layout


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def shading(
    example: CaptionExample, highest: float, palette: QPalette
) -> list[QTextLayout.FormatRange]:
    """Return the shading of a caption's tokens, in UTF-16 units; `highest` is shaded fully."""
    fired = [token for token in example.tokens if token.activation > 0 and highest > 0]
    spans = utf16_spans(_cut(example.text), [(token.start, token.end) for token in fired])
    ranges = []
    for token, (start, length) in zip(fired, spans, strict=True):
        own = QTextCharFormat()
        own.setBackground(theme.shade(palette, token.activation / highest))
        entry = QTextLayout.FormatRange()
        entry.start, entry.length, entry.format = start, length, own
        ranges.append(entry)
    return ranges


def token_lines(example: CaptionExample) -> str:
    """Return a caption with the activation of each token that fires, in words."""
    tokens = "   ".join(
        f"{example.text[token.start : token.end].strip()} {token.activation:.2f}"
        for token in example.tokens
        if token.activation > 0
    )
    return f"{example.text}\n{tokens}" if tokens else example.text


def tip(text: str) -> str:
    """Return a text as a tool tip shows it: as it is, whatever it holds."""
    return f"<p style='white-space:pre-wrap'>{escape(text)}</p>"


def reveal(widget: QWidget, part: QRect) -> None:
    """Scroll whatever a part of a widget stands in so that the part is seen."""
    inside = widget.parentWidget()
    while inside is not None:
        within = inside.widget() if isinstance(inside, QScrollArea) else None
        if isinstance(inside, QScrollArea) and within is not None:
            spot = widget.mapTo(within, part.center())
            inside.ensureVisible(spot.x(), spot.y(), part.width() // 2 + 4, part.height() // 2 + 4)
        inside = inside.parentWidget()
