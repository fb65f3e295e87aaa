"""One column a language: captions whose tokens are shaded by activation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFont,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QTextCharFormat,
    QTextLayout,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QToolTip, QWidget

from mmfeat.corpus.languages import is_rtl, language_name
from mmfeat.figures.pages import CaptionExample
from mmfeat_gui.resources.strings import split_name, tr
from mmfeat_gui.state.text import utf16_spans
from mmfeat_gui.views import theme
from mmfeat_gui.views.fonts import font_for
from mmfeat_gui.views.pointing import PartedWidget

WIDTH = 174
_PADDING = 10


def alignment(language: str) -> Qt.AlignmentFlag:
    """Return the side on which a language's lines begin."""
    side = Qt.AlignmentFlag.AlignRight if is_rtl(language) else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignAbsolute


def lay_out(text: str, language: str, font: QFont, width: float) -> QTextLayout:
    """Return a text of a language broken into lines of `width`, in its own direction."""
    # One layout for the whole text: joined scripts and mixed directions break otherwise.
    layout = QTextLayout(text, font_for(language, font))
    option = QTextOption(alignment(language))
    rtl = is_rtl(language)
    option.setTextDirection(
        Qt.LayoutDirection.RightToLeft if rtl else Qt.LayoutDirection.LeftToRight
    )
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    layout.beginLayout()
    top = 0.0
    while (row := layout.createLine()).isValid():
        row.setLineWidth(width)
        row.setPosition(QPointF(0, top))
        top += row.height()
    layout.endLayout()
    return layout


@dataclass(frozen=True)
class ColumnContent:
    """What a column shows.

    Attributes
    ----------
    language : str
    name : str
        The feature's name in that language, perhaps empty.
    rate : float
        Share of the language's captions on which the feature fires.
    examples : sequence of CaptionExample
        The captions with the largest activations.
    highest_token : float
        The activation that is shaded fully.
    """

    language: str
    name: str
    rate: float
    examples: Sequence[CaptionExample]
    highest_token: float


class CaptionColumn(PartedWidget):
    """A language: its own name, the feature's name in it, how often it fires, and captions.

    Signals
    -------
    activated(item)
    """

    activated = Signal(int)

    def __init__(self, content: ColumnContent, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.content = content
        self.setFixedWidth(WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Minimum)
        if content.examples:
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(
            tr("column.accessible", language=content.language, count=len(content.examples))
        )
        self._arrange(0)

    def _arrange(self, head: int) -> None:
        """Lay out all texts; their places depend on the font and the height of the head."""
        content, inner = self.content, WIDTH - 2 * _PADDING
        large = theme.sized(self.font(), 1.05, bold=bool(content.name))
        name = content.name or tr("column.no_name")
        self._name = lay_out(name, content.language if content.name else "en", large, inner)
        small = QFontMetrics(theme.sized(self.font(), 0.86)).height()
        self._title_height = QFontMetrics(font_for(content.language, self.font())).height() + 2
        top: float = _PADDING + self._title_height + 4
        self._name_top = top
        top += self._name.boundingRect().height() + 6
        self._rate_top = top
        self.head = max(int(top) + small + 8, head)
        top = self.head + 8
        self._small = small
        self.layouts: list[QTextLayout] = []
        self._boxes: list[QRect] = []
        for example in content.examples:
            layout = lay_out(example.text, content.language, self.font(), inner)
            height = layout.boundingRect().height() + small + 8
            self.layouts.append(layout)
            self._boxes.append(QRect(2, int(top), WIDTH - 4, int(height)))
            top += height + 2
        if not content.examples:
            top += small + 8
        self._height = int(top) + _PADDING
        self.updateGeometry()

    def align_head(self, head: int) -> None:
        """Begin the captions where those of the other columns begin."""
        self._arrange(head)

    def sizeHint(self) -> QSize:
        """Return the size of all captions."""
        return QSize(WIDTH, self._height)

    def minimumSizeHint(self) -> QSize:
        """Return the size of all captions: the page scrolls, not the column."""
        return self.sizeHint()

    def formats(self, index: int) -> list[QTextLayout.FormatRange]:
        """Return the shading of a caption's tokens, in UTF-16 units."""
        example, highest = self.content.examples[index], self.content.highest_token
        fired = [token for token in example.tokens if token.activation > 0 and highest > 0]
        spans = utf16_spans(example.text, [(token.start, token.end) for token in fired])
        ranges = []
        for token, (start, length) in zip(fired, spans, strict=True):
            shading = QTextCharFormat()
            shading.setBackground(theme.shade(self.palette(), token.activation / highest))
            entry = QTextLayout.FormatRange()
            entry.start, entry.length, entry.format = start, length, shading
            ranges.append(entry)
        return ranges

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the head and the captions."""
        painter, palette, content = QPainter(self), self.palette(), self.content
        theme.draw_card(painter, QRectF(self.rect()), palette, hovered=False)
        inner = WIDTH - 2 * _PADDING
        side = alignment(content.language)
        other = (
            Qt.AlignmentFlag.AlignLeft if is_rtl(content.language) else Qt.AlignmentFlag.AlignRight
        )
        title = QRect(_PADDING, _PADDING, inner, self._title_height)
        painter.setPen(theme.muted(palette))
        painter.setFont(font_for(content.language, self.font()))
        painter.drawText(title, side, language_name(content.language))
        painter.setFont(theme.sized(self.font(), 0.86))
        painter.drawText(title, other | Qt.AlignmentFlag.AlignAbsolute, content.language)
        painter.setPen(palette.text().color() if content.name else theme.muted(palette))
        self._name.draw(painter, QPointF(_PADDING, self._name_top))
        self._draw_rate(painter, inner)
        painter.setPen(theme.line(palette))
        painter.drawLine(QPointF(1, self.head), QPointF(WIDTH - 2, self.head))
        if not content.examples:
            painter.setPen(theme.muted(palette))
            painter.setFont(theme.sized(self.font(), 0.86))
            place = QRect(_PADDING, int(self.head) + 8, inner, self._small)
            painter.drawText(place, side, tr("column.silent"))
        for index, (layout, box) in enumerate(zip(self.layouts, self._boxes, strict=True)):
            if box.intersects(event.rect()):
                self._draw_caption(painter, index, layout, box)
        painter.end()

    def _draw_rate(self, painter: QPainter, inner: int) -> None:
        palette, content = self.palette(), self.content
        painter.setFont(theme.sized(self.font(), 0.86))
        painter.setPen(theme.muted(palette))
        place = QRect(_PADDING, int(self._rate_top), inner, self._small)
        painter.drawText(place, alignment(content.language), tr("column.rate", rate=content.rate))

    def _draw_caption(self, painter: QPainter, index: int, layout: QTextLayout, box: QRect) -> None:
        palette, example = self.palette(), self.content.examples[index]
        if index == self._hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.faint(palette))
            painter.drawRoundedRect(box, 4, 4)
        painter.setPen(palette.text().color())
        layout.draw(painter, QPointF(_PADDING, box.top() + 3), self.formats(index))
        painter.setFont(theme.sized(self.font(), 0.86))
        painter.setPen(theme.muted(palette))
        below = QRect(_PADDING, box.bottom() - self._small - 2, WIDTH - 2 * _PADDING, self._small)
        label = tr("example.label", activation=example.activation, split=split_name(example.split))
        painter.drawText(below, alignment(self.content.language), label)
        if self.hasFocus() and index == self._current:
            theme.draw_focus(painter, QRectF(box), palette)

    def part_at(self, point: QPoint) -> int:
        """Return the caption under a point, or -1."""
        return next((i for i, box in enumerate(self._boxes) if box.contains(point)), -1)

    def choose(self, index: int) -> None:
        """Open the item of a caption."""
        self.activated.emit(self.content.examples[index].item)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move between captions and open their items."""
        key, step = event.key(), {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        moved = self._current + step.get(Qt.Key(key), 0)
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.choose(self._current)
        elif moved != self._current and 0 <= moved < len(self._boxes):
            self._current = moved
            self.update()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Tell each token's activation; follow a change of font."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            index = self.part_at(event.pos())
            if index >= 0:
                QToolTip.showText(event.globalPos(), self._tip(index), self)
            elif event.pos().y() < self.head:
                QToolTip.showText(event.globalPos(), tr("column.rate_tip"), self)
            else:
                QToolTip.hideText()
            return True
        if event.type() == QEvent.Type.FontChange:
            self._arrange(self.head)
        return super().event(event)

    def _tip(self, index: int) -> str:
        example = self.content.examples[index]
        tokens = "   ".join(
            f"{example.text[token.start : token.end].strip()} {token.activation:.2f}"
            for token in example.tokens
            if token.activation > 0
        )
        text = example.text
        return f"{text}\n{tokens}" if tokens else text


class LanguageColumns(QScrollArea):
    """The columns of all languages beside each other, scrolled sideways.

    Signals
    -------
    item_activated(item)
    """

    item_activated = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.columns: list[CaptionColumn] = []

    def show_columns(self, contents: Sequence[ColumnContent]) -> None:
        """Show these languages."""
        inside = QWidget()
        row = QHBoxLayout(inside)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.columns = []
        for content in contents:
            column = CaptionColumn(content, inside)
            column.activated.connect(self.item_activated)
            row.addWidget(column)
            self.columns.append(column)
        row.addStretch(1)
        head = max((column.head for column in self.columns), default=0)
        for column in self.columns:
            column.align_head(head)
        self.setWidget(inside)
        tallest = max((column.sizeHint().height() for column in self.columns), default=0)
        self.setFixedHeight(tallest + self.horizontalScrollBar().sizeHint().height() + 2)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll sideways here; leave up and down to the page."""
        turn = event.angleDelta()
        sideways = abs(turn.x()) > abs(turn.y())
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or sideways:
            bar = self.horizontalScrollBar()
            bar.setValue(bar.value() - (turn.x() if sideways else turn.y()))
            event.accept()
        else:
            event.ignore()
