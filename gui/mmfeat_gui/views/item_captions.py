"""The captions of an item: a card a language, shaded where a feature fires, one painted widget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QFontMetrics,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextLayout,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from mmfeat.atlas.records import Caption
from mmfeat.corpus.languages import is_rtl, language_name
from mmfeat.figures.pages import CaptionExample
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.views import theme
from mmfeat_gui.views.captions import alignment, lay_out, reveal, shading, tip, token_lines
from mmfeat_gui.views.fonts import font_for
from mmfeat_gui.views.pointing import PartedWidget

_LEAST, _GAP, _PADDING = 190, 8, 10  # least width of a card, between cards, within a card


@dataclass(frozen=True)
class _Card:
    """A language's captions, laid out in a card."""

    language: str
    captions: Sequence[Caption]
    texts: Sequence[QTextLayout]
    tops: Sequence[int]
    box: QRect


class CaptionCards(PartedWidget):
    """Cards in rows as wide as the widget; arrow keys walk, Ctrl+C copies."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._captions: Mapping[str, Sequence[Caption]] = {}
        self._fired: Mapping[int, CaptionExample] = {}
        self._highest = 0.0
        self._cards: list[_Card] = []
        self._width = -1
        self._height = 0
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def show_captions(self, captions: Mapping[str, Sequence[Caption]]) -> None:
        """Show the captions of another item, by language; languages without any are left out."""
        self._captions = {tag: own for tag, own in captions.items() if own}
        self._fired, self._highest, self._current, self._hovered = {}, 0.0, 0, -1
        self.setAccessibleName(tr("item.cards", languages=len(self._captions)))
        self._again()

    def shade(self, fired: Mapping[int, CaptionExample], highest: float) -> None:
        """Shade what a feature does on the tokens, by the number of the caption."""
        self._fired, self._highest = fired, highest
        self._again()

    @property
    def fired(self) -> Mapping[int, CaptionExample]:
        """What the feature does that is shown, by the number of the caption."""
        return self._fired

    def cards(self) -> list[tuple[str, QRect, Sequence[QTextLayout]]]:
        """Return language, place and texts of each card."""
        self._arrange(self.width())
        return [(card.language, card.box, card.texts) for card in self._cards]

    def _again(self) -> None:
        self._width = -1
        self.updateGeometry()
        self.update()

    def _arrange(self, width: int) -> None:
        """Lay out all cards for a width."""
        if width == self._width:
            return
        self._width, self._cards = width, []
        per_row = max(1, (width + _GAP) // (_LEAST + _GAP))
        wide = (width - (per_row - 1) * _GAP) // per_row
        small = QFontMetrics(theme.sized(self.font(), 0.86)).height()
        top, entries = 0, list(self._captions.items())
        for start in range(0, len(entries), per_row):
            row, tallest = [], 0
            for tag, captions in entries[start : start + per_row]:
                texts, tops = [], []
                head = QFontMetrics(font_for(tag, self.font())).height()
                below = _PADDING // 2 + head + 4
                for caption in captions:
                    own = self._fired.get(caption.index)
                    formats = shading(own, self._highest, self.palette()) if own else []
                    inner = wide - 2 * _PADDING
                    text = lay_out(caption.text, tag, self.font(), inner, formats)
                    texts.append(text)
                    tops.append(below)
                    below += int(text.boundingRect().height()) + (small if own else 0) + 4
                row.append((tag, captions, texts, tops))
                tallest = max(tallest, below + _PADDING // 2)
            for at, (tag, captions, texts, tops) in enumerate(row):
                box = QRect(at * (wide + _GAP), top, wide, tallest)
                self._cards.append(_Card(tag, captions, texts, tops, box))
            top += tallest + _GAP
        self._height = max(top - _GAP, 0)

    def hasHeightForWidth(self) -> bool:
        """Cards wrap, so the height follows the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all rows."""
        self._arrange(width)
        return self._height

    def sizeHint(self) -> QSize:
        """Return a size that holds all cards at the present width."""
        width = max(self.width(), _LEAST)
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """Return the width of one card."""
        return QSize(_LEAST, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the cards out anew."""
        self._arrange(self.width())
        super().resizeEvent(event)

    def part_at(self, point: QPoint) -> int:
        """Return the card under a point, or -1."""
        self._arrange(self.width())
        return next((i for i, card in enumerate(self._cards) if card.box.contains(point)), -1)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the cards that are seen."""
        self._arrange(self.width())
        painter = QPainter(self)
        for index, card in enumerate(self._cards):
            if card.box.intersects(event.rect()):
                self._draw(painter, index, card)
        painter.end()

    def _draw(self, painter: QPainter, index: int, card: _Card) -> None:
        palette, box, tag = self.palette(), card.box, card.language
        theme.draw_card(painter, QRectF(box), palette, hovered=index == self._hovered)
        if self.hasFocus() and index == self._current:
            theme.draw_focus(painter, QRectF(box), palette)
        small = theme.sized(self.font(), 0.86)
        head = QRect(
            box.left() + _PADDING, box.top() + _PADDING // 2, box.width() - 2 * _PADDING, 0
        )
        head.setHeight(QFontMetrics(font_for(tag, self.font())).height())
        painter.setPen(theme.muted(palette))
        painter.setFont(font_for(tag, self.font()))
        painter.drawText(head, alignment(tag), language_name(tag))
        painter.setFont(small)
        other = Qt.AlignmentFlag.AlignLeft if is_rtl(tag) else Qt.AlignmentFlag.AlignRight
        painter.drawText(head, other | Qt.AlignmentFlag.AlignAbsolute, tag)
        for caption, text, top in zip(card.captions, card.texts, card.tops, strict=True):
            painter.setPen(palette.text().color())
            corner = QPointF(box.left() + _PADDING, box.top() + top)
            text.draw(painter, corner)
            own = self._fired.get(caption.index)
            if own is not None:
                painter.setFont(small)
                painter.setPen(theme.muted(palette))
                foot = QRect(head)
                foot.moveTop(int(corner.y() + text.boundingRect().height()))
                painter.drawText(foot, alignment(tag), _activation(own))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move between cards, copy the captions of one."""
        key = Qt.Key(event.key())
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if self._cards and event.matches(QKeySequence.StandardKey.Copy):
            texts = [caption.text for caption in self._cards[self._current].captions]
            QGuiApplication.clipboard().setText("\n".join(texts))
        elif key in steps and 0 <= self._current + steps[key] < len(self._cards):
            self._current += steps[key]
            reveal(self, self._cards[self._current].box)
            self.setAccessibleDescription(self._words(self._current))
            self.update()
        else:
            super().keyPressEvent(event)

    def _words(self, index: int) -> str:
        """Return a card in words."""
        card = self._cards[index]
        lines = [language_name(card.language)]
        for caption in card.captions:
            own = self._fired.get(caption.index)
            lines.append(f"{token_lines(own)} ({_activation(own)})" if own else caption.text)
        return "\n".join(lines)

    def event(self, event: QEvent) -> bool:
        """Tell each token's activation; follow a change of font and colours."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            index = self.part_at(event.pos())
            if index >= 0:
                QToolTip.showText(event.globalPos(), tip(self._words(index)), self)
            else:
                QToolTip.hideText()
            return True
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.PaletteChange):
            self._again()
        return super().event(event)


def _activation(own: CaptionExample) -> str:
    if own.activation <= 0:
        return tr("item.silent")
    return tr("item.fires", activation=own.activation)
