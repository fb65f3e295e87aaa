"""One column a language: captions whose tokens are shaded by activation, in one painted widget."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QTextLayout,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QToolTip, QWidget

from mmfeat.corpus.languages import is_rtl, language_name
from mmfeat.figures.pages import CaptionExample
from mmfeat_gui.resources.strings import split_name, tr
from mmfeat_gui.views import theme
from mmfeat_gui.views.captions import alignment, reveal, tip, token_lines
from mmfeat_gui.views.feature_caption_layout import (
    ITEM,
    PADDING,
    WIDTH,
    CaptionLayout,
    ColumnContent,
    Place,
    RowItem,
)
from mmfeat_gui.views.fonts import font_for
from mmfeat_gui.views.pointing import PartedWidget


class CaptionGrid(PartedWidget):
    """Columns of captions, or rows of items with their captions in every column.

    Texts are laid out when their column is seen, the others in the pauses after: fonts of many
    scripts are slow, and most columns stand outside the window.

    Signals
    -------
    activated(item)
    arranged()
        All texts are laid out.
    resized()
        It needs another size.
    """

    activated = Signal(int)
    arranged = Signal()
    resized = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layout_of = CaptionLayout()
        self.layout_of.style(self.font(), self.palette())
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._arrange_more)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def show_columns(self, contents: Sequence[ColumnContent], rows: Sequence[RowItem] = ()) -> None:
        """Show these languages; with `rows`, captions stand beside their item."""
        self._current, self._hovered, self._pressed = 0, -1, -1
        self.layout_of.show(contents, rows)
        count = sum(len(content.examples) for content in contents)
        self.setAccessibleName(tr("column.grid", captions=count, languages=len(contents)))
        self._arrange()

    @property
    def contents(self) -> Sequence[ColumnContent]:
        """The columns."""
        return self.layout_of.contents

    @property
    def pending(self) -> bool:
        """Whether columns wait to be laid out."""
        return self.layout_of.next >= 0

    def _arrange(self) -> None:
        """Lay out the heads and what is seen; the rest follows in the pauses."""
        layout = self.layout_of
        layout.style(self.font(), self.palette())
        for column in layout.columns_in(self.visibleRegion().boundingRect()):
            layout.texts(column)
        self._fit()
        if self.pending:
            self._timer.start()
        else:
            self._timer.stop()
            self.arranged.emit()

    def _arrange_more(self) -> None:
        """Lay out one more column."""
        layout = self.layout_of
        if layout.next >= 0:
            layout.texts(layout.next)
        if not self.pending:
            self._timer.stop()
            self._fit()
            self.arranged.emit()

    def _fit(self) -> None:
        self.updateGeometry()
        self.resized.emit()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size of all captions."""
        return self.layout_of.size()

    def part_at(self, point: QPoint) -> int:
        """Return the caption under a point, or -1."""
        return self.layout_of.part_at(point)

    def choose(self, index: int) -> None:
        """Open the item of a caption."""
        self.activated.emit(self.layout_of.item(self.layout_of.places[index]))

    # Drawing --------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what is seen."""
        painter, layout = QPainter(self), self.layout_of
        columns = layout.columns_in(event.rect())
        for column in columns:
            layout.texts(column)  # scrolled to before its turn
        if layout.rows:
            self._draw_rows(painter, event.rect())
        for column in columns:
            self._draw_column(painter, column, event.rect())
        painter.end()

    def _draw_rows(self, painter: QPainter, seen: QRect) -> None:
        palette, layout = self.palette(), self.layout_of
        for number, row in enumerate(layout.rows):
            place = Place(-1, number)
            box = layout.box(place)
            if number:
                painter.setPen(theme.line(palette))
                painter.drawLine(0, box.top() - 5, self.width(), box.top() - 5)
            if not box.intersects(seen):
                continue
            self._draw_ground(painter, place, box)
            frame = QRect(box.left() + 6, box.top() + 2, ITEM - 20, ITEM - 20)
            painter.setPen(theme.muted(palette))
            if row.image is None:
                painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, "?")
            else:
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
                painter.drawImage(frame, row.image)
            painter.setFont(layout.small_font)
            below = QRect(box.left(), frame.bottom() + 2, box.width(), layout.small)
            cut = QFontMetrics(layout.small_font).elidedText(
                row.label, Qt.TextElideMode.ElideRight, below.width()
            )
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, cut)

    def _draw_column(self, painter: QPainter, column: int, seen: QRect) -> None:
        palette, layout = self.palette(), self.layout_of
        content, left, inner = layout.contents[column], layout.left(column), WIDTH - 2 * PADDING
        if not layout.rows:
            card = QRectF(left, 0, WIDTH, self.height())
            theme.draw_card(painter, card, palette, hovered=False)
        if seen.top() < layout.head:
            self._draw_head(painter, column)
        if not content.examples:
            painter.setPen(theme.muted(palette))
            painter.setFont(layout.small_font)
            place = QRect(left + PADDING, layout.head + 8, inner, layout.small)
            painter.drawText(place, alignment(content.language), tr("column.silent"))
        for number, text in enumerate(layout.texts(column)):
            box = layout.box(Place(column, number))
            if box.intersects(seen):
                self._draw_caption(painter, Place(column, number), text, box)

    def _draw_head(self, painter: QPainter, column: int) -> None:
        palette, layout = self.palette(), self.layout_of
        content, left, inner = layout.contents[column], layout.left(column), WIDTH - 2 * PADDING
        language, side = content.language, alignment(content.language)
        rtl = is_rtl(language)
        other = Qt.AlignmentFlag.AlignLeft if rtl else Qt.AlignmentFlag.AlignRight
        title = QRect(left + PADDING, PADDING, inner, layout.title)
        painter.setPen(theme.muted(palette))
        painter.setFont(font_for(language, self.font()))
        painter.drawText(title, side, language_name(language))
        painter.setFont(layout.small_font)
        painter.drawText(title, other | Qt.AlignmentFlag.AlignAbsolute, language)
        painter.setPen(palette.text().color() if content.name else theme.muted(palette))
        layout.names[column].draw(painter, QPointF(left + PADDING, layout.name_top))
        painter.setPen(theme.muted(palette))
        place = QRect(left + PADDING, layout.rate_top, inner, layout.small)
        painter.drawText(place, side, tr("column.rate", rate=content.rate))
        painter.setPen(theme.line(palette))
        painter.drawLine(left + 1, layout.head, left + WIDTH - 2, layout.head)

    def _draw_ground(self, painter: QPainter, place: Place, box: QRect) -> None:
        index = self.layout_of.number(place)
        if index == self._hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.faint(self.palette()))
            painter.drawRoundedRect(box, 4, 4)
        if self.hasFocus() and index == self._current:
            theme.draw_focus(painter, QRectF(box), self.palette())

    def _draw_caption(self, painter: QPainter, place: Place, text: QTextLayout, box: QRect) -> None:
        palette, layout = self.palette(), self.layout_of
        example, language = layout.example(place), layout.contents[place.column].language
        self._draw_ground(painter, place, box)
        silent = example.activation <= 0
        painter.setPen(theme.muted(palette) if silent else palette.text().color())
        text.draw(painter, QPointF(layout.left(place.column) + PADDING, box.top() + 3))
        painter.setFont(layout.small_font)
        painter.setPen(theme.muted(palette))
        foot = box.bottom() - layout.small - 2
        below = QRect(box.left() + PADDING - 2, foot, WIDTH - 2 * PADDING, layout.small)
        painter.drawText(below, alignment(language), _label(example))

    # Keyboard and tips ----------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move between captions, open their items, copy one."""
        places = self.layout_of.places
        key = Qt.Key(event.key())
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if places and event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self._text(self._current))
        elif not places or not plain:
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.choose(self._current)
        elif (moved := self.layout_of.moved(self._current, key)) is not None:
            self._current = moved
            reveal(self, self.layout_of.box(places[moved]))
            self.setAccessibleDescription(self._text(moved))
            self.update()
        else:
            super().keyPressEvent(event)

    def _text(self, index: int) -> str:
        """Return a caption in words."""
        layout = self.layout_of
        place = layout.places[index]
        if place.column < 0:
            return layout.rows[place.number].label
        example, language = layout.example(place), layout.contents[place.column].language
        return f"{language}: {example.text} ({_label(example)})"

    def event(self, event: QEvent) -> bool:
        """Tell each token's activation; follow a change of font and colours."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            layout, index = self.layout_of, self.part_at(event.pos())
            if index >= 0 and (place := layout.places[index]).column >= 0:
                text = tip(token_lines(layout.example(place)))
                QToolTip.showText(event.globalPos(), text, self)
            elif index < 0 and event.pos().y() < layout.head:
                QToolTip.showText(event.globalPos(), tr("column.rate_tip"), self)
            else:
                QToolTip.hideText()
            return True
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.PaletteChange):
            self._arrange()
        return super().event(event)


def _label(example: CaptionExample) -> str:
    split = split_name(example.split)
    if example.activation <= 0:
        return tr("column.not_here", split=split)
    return tr("example.label", activation=example.activation, split=split)


class LanguageColumns(QScrollArea):
    """The columns of all languages beside each other, scrolled sideways.

    Signals
    -------
    item_activated(item)
    arranged()
    """

    item_activated = Signal(int)
    arranged = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.grid = CaptionGrid(self)
        self.grid.activated.connect(self.item_activated)
        self.grid.arranged.connect(self.arranged)
        self.grid.resized.connect(self._fit)
        self.setWidget(self.grid)

    def show_columns(self, contents: Sequence[ColumnContent], rows: Sequence[RowItem] = ()) -> None:
        """Show these languages; with `rows`, captions stand beside their item."""
        self.grid.show_columns(contents, rows)
        self._fit()

    def _fit(self) -> None:
        size = self.grid.sizeHint()
        self.grid.resize(size)
        self.setFixedHeight(size.height() + self.horizontalScrollBar().sizeHint().height() + 2)

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
