"""Flows of painted tiles: pictures and links to features, one widget for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.views import theme
from mmfeat_gui.views.captions import reveal, tip
from mmfeat_gui.views.pointing import PartedWidget
from mmfeat_gui.workers.pages import Picture

_GAP = 8


class TileFlow(PartedWidget):
    """Tiles of one size, in rows as wide as the widget.

    Subclasses paint a tile. Arrow keys move between tiles, and each is spoken as the
    description of the widget; Enter, Space or a click activates one.

    Signals
    -------
    activated(index)
    pointed(index)
        The cursor or the keyboard is at another tile; -1 for none.
    """

    activated = Signal(int)
    pointed = Signal(int)

    def __init__(self, tile: QSize, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tile = tile
        self._count = 0
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    @property
    def count(self) -> int:
        """How many tiles there are."""
        return self._count

    def set_count(self, count: int) -> None:
        """Show so many tiles."""
        self._count, self._current, self._hovered = count, 0, -1
        self.setVisible(count > 0)
        self.updateGeometry()
        self.update()

    def paint_tile(self, painter: QPainter, rect: QRect, index: int) -> None:
        """Draw one tile within `rect`."""
        raise NotImplementedError

    def describe(self, index: int) -> str:
        """Return a tile in words."""
        raise NotImplementedError

    def tip(self, index: int) -> str:
        """Return the tool tip of a tile."""
        return tip(self.describe(index))

    def say(self, index: int) -> None:
        """Show the tool tip of a tile, for those who have no cursor."""
        corner = self.mapToGlobal(self.tile_rect(index).bottomLeft())
        QToolTip.showText(corner, self.tip(index), self)

    def columns(self, width: int) -> int:
        """Return how many tiles stand in a row of a widget so wide."""
        return max(1, (width + _GAP) // (self._tile.width() + _GAP))

    def tile_rect(self, index: int) -> QRect:
        """Return where a tile is."""
        row, column = divmod(index, self.columns(self.width()))
        if self.layoutDirection() == Qt.LayoutDirection.RightToLeft:
            column = self.columns(self.width()) - 1 - column
        corner = QPoint(column * (self._tile.width() + _GAP), row * (self._tile.height() + _GAP))
        return QRect(corner, self._tile)

    def part_at(self, point: QPoint) -> int:
        """Return the tile under a point, or -1."""
        return next((i for i in range(self._count) if self.tile_rect(i).contains(point)), -1)

    def row_size(self) -> QSize:
        """Return the size of all tiles in one row."""
        width = self._count * (self._tile.width() + _GAP) - _GAP
        return QSize(max(width, 0), self._tile.height())

    def hasHeightForWidth(self) -> bool:
        """Rows wrap, so the height follows the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all rows."""
        rows = -(-self._count // self.columns(width))
        return max(0, rows * (self._tile.height() + _GAP) - _GAP)

    def sizeHint(self) -> QSize:
        """Return a size that holds all tiles at the present width."""
        width = max(self.width(), self._tile.width())
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """Return the size of one column."""
        return self._tile if self._count else QSize(0, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the tiles that are seen."""
        painter = QPainter(self)
        for index in range(self._count):
            rect = self.tile_rect(index)
            if rect.intersects(event.rect()):
                painter.save()
                theme.draw_card(
                    painter, QRectF(rect), self.palette(), hovered=index == self._hovered
                )
                self.paint_tile(painter, rect, index)
                if self.hasFocus() and index == self._current:
                    theme.draw_focus(painter, QRectF(rect), self.palette())
                painter.restore()
        painter.end()

    def _hover(self, index: int) -> None:
        if index != self._hovered:
            self.pointed.emit(index)
        super()._hover(index)

    def choose(self, index: int) -> None:
        """Activate a tile."""
        self.activated.emit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move between tiles and activate them."""
        columns = self.columns(self.width())
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -columns,
            Qt.Key.Key_Down: columns,
        }
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._count:
            self.choose(self._current)
        elif (
            key in steps
            and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            and 0 <= self._current + steps[key] < self._count
        ):
            self._current += steps[key]
            reveal(self, self.tile_rect(self._current))
            self.setAccessibleDescription(self.describe(self._current))
            self.pointed.emit(self._current)
            self.update()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Show the tool tip of the tile under the cursor."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            index = self.part_at(event.pos())
            if index >= 0:
                QToolTip.showText(event.globalPos(), self.tip(index), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)


def picture_image(picture: Picture | None, *, heated: bool) -> QImage | None:
    """Return a picture to draw, with its heat map where there is one."""
    if picture is None:
        return None
    pixels = picture.heated if heated and picture.heated is not None else picture.plain
    return theme.to_image(pixels)


@dataclass(frozen=True)
class PictureTile:
    """A picture with the line under it."""

    image: QImage | None
    label: str
    tip: str


class PictureFlow(TileFlow):
    """Pictures, each with its activation and split."""

    def __init__(self, side: int, parent: QWidget | None = None) -> None:
        self._side = side
        self._tiles: Sequence[PictureTile] = ()
        super().__init__(QSize(side + 12, side + 32), parent)

    def show_tiles(self, tiles: Sequence[PictureTile]) -> None:
        """Show these pictures."""
        self._tiles = tiles
        self.set_count(len(tiles))

    def describe(self, index: int) -> str:
        """Return what is known of a picture."""
        return self._tiles[index].tip

    def paint_tile(self, painter: QPainter, rect: QRect, index: int) -> None:
        """Draw the picture and its label."""
        tile = self._tiles[index]
        frame = QRect(rect.x() + 6, rect.y() + 6, self._side, self._side)
        painter.setFont(theme.sized(self.font(), 0.86))
        painter.setPen(theme.muted(self.palette()))
        if tile.image is None:
            painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, "?")
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(frame, tile.image)
        painter.setPen(self.palette().text().color())
        below = QRect(rect.x() + 2, frame.bottom() + 2, rect.width() - 4, 22)
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, tile.label)


@dataclass(frozen=True)
class FeatureTile:
    """A link to a feature; those that are brushed are marked."""

    feature: int
    title: str
    detail: str
    tip: str = ""
    marked: bool = False


class FeatureFlow(TileFlow):
    """Links to features: their names, with a line of detail."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._tiles: Sequence[FeatureTile] = ()
        super().__init__(QSize(200, 46), parent)

    def show_tiles(self, tiles: Sequence[FeatureTile]) -> None:
        """Show these features."""
        self._tiles = tiles
        self.set_count(len(tiles))

    def feature(self, index: int) -> int:
        """Return the feature of a tile."""
        return self._tiles[index].feature

    def describe(self, index: int) -> str:
        """Return the whole of what a tile may have cut."""
        tile = self._tiles[index]
        brushed = f"\n{tr('page.brushed')}" if tile.marked else ""
        return f"{tile.title}\n{tile.tip or tile.detail}{brushed}"

    def paint_tile(self, painter: QPainter, rect: QRect, index: int) -> None:
        """Draw the name over the detail."""
        tile = self._tiles[index]
        inner = rect.adjusted(10, 4, -10, -4)
        half = inner.height() // 2
        if tile.marked:
            self._draw_mark(painter, rect)
            inner.setLeft(inner.left() + 8)
        name, below = theme.sized(self.font(), 1.0, bold=True), theme.sized(self.font(), 0.86)
        strong, faded = self.palette().text().color(), theme.muted(self.palette())
        for font, colour, text, top in (
            (name, strong, tile.title, 0),
            (below, faded, tile.detail, half),
        ):
            painter.setFont(font)
            painter.setPen(colour)
            cut = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, inner.width())
            place = QRect(inner.x(), inner.y() + top, inner.width(), half)
            # Names in any script start where the tile starts.
            flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignAbsolute
            painter.drawText(place, flags | Qt.AlignmentFlag.AlignVCenter, cut)

    def _draw_mark(self, painter: QPainter, rect: QRect) -> None:
        """Draw the bar at the side of a brushed feature."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().highlight())
        painter.drawRoundedRect(QRect(rect.left() + 4, rect.top() + 6, 5, rect.height() - 12), 2, 2)
