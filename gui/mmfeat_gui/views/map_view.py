"""A map of points as it is seen: what is drawn, which part of it, and what lies where."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int64, UInt8, UInt16
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from mmfeat.figures.grid import Grid
from mmfeat.figures.raster import pick, to_pixels
from mmfeat_gui.state.lasso import in_box, in_polygon
from mmfeat_gui.state.map_labels import Clusters
from mmfeat_gui.state.viewport import Viewport
from mmfeat_gui.views import map_pictures, theme
from mmfeat_gui.views.map_drawing import MapDrawing
from mmfeat_gui.views.map_layers import Labels, draw_outline, draw_ring
from mmfeat_gui.views.map_pictures import Pictures

_NEAR = 1.5  # magnification from which on pictures may stand on the map
_REACH = 9  # pixels around the cursor in which a point is found
_SETTLE_MS = 120
_MOST_AT_REST, _MOST_MOVING = 4.5e7, 2.8e7  # nanoseconds that a picture may take
_LEARNED = 0.2  # share of what is expected of a picture that the last one says


class MapView(QWidget):
    """Draws points as dots, and answers which are where.

    Parameters
    ----------
    parent : QWidget or None
    nothing : str
        The sentence shown while there are no points.

    Signals
    -------
    viewport_changed(viewport)
        A `Viewport`, None for everything; when the map has come to rest after a move.
    """

    viewport_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None, *, nothing: str = "") -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)
        self._nothing = nothing
        self._drawing: MapDrawing | None = None
        self._labels: Labels | None = None
        self._pictures: Pictures | None = None
        self._selected = self._pointed = -1
        self._places: dict[int, tuple[float, float] | None] = {}
        self._view = self._whole = Viewport()
        self._wanted: Viewport | None = None  # the part that was to be shown, until it is moved
        self._size = (0, 0)
        self._corners: list[QPointF] = []  # of the line that is being drawn
        self._image: QImage | None = None
        self._moving = False
        self._pace = 1.0  # how long pictures take, for what is expected
        # Dots are drawn at twice the size and smoothed once the map rests.
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._rest)

    # What is shown ------------------------------------------------------------------

    @property
    def view(self) -> Viewport:
        """The part of the map that is seen."""
        return self._view

    @property
    def shows_everything(self) -> bool:
        """Whether the part that is seen is all of the map."""
        return self._view == self._whole

    @property
    def part(self) -> Viewport | None:
        """The part that is seen; None for all of the map."""
        return None if self.shows_everything else self._view

    def show_points(self, points: Grid | None) -> None:
        """Show other points, all of them in view and alike."""
        self._drawing = None if points is None else MapDrawing(points)
        self._labels = self._wanted = None
        self._selected = self._pointed = -1
        self._places.clear()
        self._corners = []
        if self._pictures is not None:
            self._pictures.clear()
        self.fit()
        self._redraw()

    def show_colours(
        self, codes: UInt16[np.ndarray, " n"], table: UInt8[np.ndarray, "k 3"]
    ) -> None:
        """Show point i in the colour ``table[codes[i]]``."""
        if self._drawing is not None:
            self._drawing.show_colours(codes, table)
            self._redraw()

    def show_matches(self, keep: Bool[np.ndarray, " n"]) -> None:
        """Dim the others, which then cannot be pointed at."""
        if self._drawing is not None:
            self._drawing.show_matches(keep)
            self._redraw()

    def show_selection(self, chosen: Bool[np.ndarray, " n"] | None) -> None:
        """Outline these points and fade the others; None or none of them fades nothing."""
        if self._drawing is not None:
            self._drawing.show_selection(chosen)
            self._redraw()

    def show_sizes(self, sizes: Float[np.ndarray, " n"] | None) -> None:
        """Draw points by their sizes in [0, 1], the smallest where not a number; None: alike."""
        if self._drawing is not None:
            self._drawing.show_sizes(sizes)
            self._redraw()

    def show_labels(self, clusters: Clusters | None) -> None:
        """Write the names of clusters, more of them the nearer the map is."""
        self._labels = None if clusters is None else Labels(clusters, self.font())
        self.update()

    def show_pictures(self, pictures: Pictures | None) -> None:
        """Draw pictures at points once the map is near; None draws none."""
        if self._pictures is not None:
            self._pictures.changed.disconnect(self.update)
        self._pictures = pictures
        if pictures is not None:
            pictures.changed.connect(self.update)
        self.update()

    def select(self, index: int) -> None:
        """Ring a point; -1 for none."""
        self._selected = index
        self.update()

    def show_viewport(self, viewport: Viewport | None) -> None:
        """Show a part of the map, as large as there is room; None shows everything.

        So does what no map of these points can have shown, such as a view of a broken session.
        """
        self._settle.stop()
        self._moving = False
        if viewport is not None and not viewport.fits(self._whole):
            viewport = None
        self._wanted = viewport
        self._view = self._whole if viewport is None else viewport.fitted(self._canvas())
        self._redraw()

    def fit(self) -> None:
        """Show all points."""
        if self._drawing is not None:
            self._size = self._canvas()
            self._whole = self._everything()
            self._move(self._whole)

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Magnify around a pixel, or around the middle."""
        point = at if at is not None else QPointF(self.width() / 2, self.height() / 2)
        self._move(self._view.zoomed(factor, (point.x(), point.y()), self._canvas(), self._whole))

    def pan(self, dx: float, dy: float) -> None:
        """Move the map by pixels, as dragging it does."""
        self._move(self._view.panned(dx, dy, self._canvas()))

    # Answers ------------------------------------------------------------------------

    def position_of(self, index: int) -> QPointF | None:
        """Return the pixel of a point, or None where it has no place."""
        if self._drawing is None or index < 0:
            return None
        if index not in self._places:
            self._places.clear()
            self._places[index] = self._drawing.points.place(index)
        place = self._places[index]
        return None if place is None else QPointF(*self._view.to_screen(place, self._canvas()))

    def point_at(self, at: QPointF) -> int:
        """Return the point nearest to a pixel, of those that are not dimmed, or -1."""
        if self._drawing is None:
            return -1
        place = (at.x(), at.y())
        return pick(self._drawing.kept, self._view.bounds, self._canvas(), place, _REACH)

    def within(self, corners: Sequence[QPointF]) -> Int64[np.ndarray, " k"]:
        """Return the points inside a closed line of pixels, of those that are not dimmed."""
        if self._drawing is None:
            return np.zeros(0, np.int64)
        size = self._canvas()
        polygon = [self._view.to_data((corner.x(), corner.y()), size) for corner in corners]
        return in_polygon(self._drawing.kept, polygon)

    def between(self, one: QPointF, other: QPointF) -> Int64[np.ndarray, " k"]:
        """Return the points in the box of two pixels, of those that are not dimmed."""
        if self._drawing is None:
            return np.zeros(0, np.int64)
        size = self._canvas()
        ends = [self._view.to_data((point.x(), point.y()), size) for point in (one, other)]
        (x0, x1), (y0, y1) = (sorted(axis) for axis in zip(*ends, strict=True))
        return in_box(self._drawing.kept, (x0, y0, x1, y1))

    def point_beside(self, index: int, dx: int, dy: int) -> int:
        """Return the nearest point in sight in a direction from another; that one if there is none.

        From a point that is out of sight, the one in the middle.

        Parameters
        ----------
        index : int
        dx, dy : int
            To the right and downwards: one of them 1 or -1, the other 0.
        """
        start = self.position_of(index)
        size = self._canvas()
        if self._drawing is None or start is None or not self.rect().contains(start.toPoint()):
            return self._middle()
        kept = self._drawing.kept
        runs = kept.seen(self._view.bounds)
        own = np.concatenate([kept.index[run] for run in runs])
        xy = np.concatenate([np.stack([kept.x[run], kept.y[run]], 1) for run in runs])
        at = to_pixels(xy, self._view.bounds, size)
        way = at - (start.x(), start.y())
        along, across = way @ [dx, dy], np.abs(way @ [dy, dx])
        ahead = (
            (own != index)
            & (along > 1e-6)
            & (along >= across)
            & (at >= 0).all(1)
            & (at <= size).all(1)
        )
        if not ahead.any():
            return index
        return int(own[np.argmin(np.where(ahead, along + 2 * across, np.inf))])

    def _middle(self) -> int:
        """Return the point nearest to the middle of the canvas, -1 if none is in sight."""
        if self._drawing is None:
            return -1
        (width, height), reach = self._canvas(), math.hypot(*self._canvas()) / 2
        middle = (width / 2, height / 2)
        return pick(self._drawing.kept, self._view.bounds, (width, height), middle, reach)

    def radius(self) -> float:
        """Return the radius of a dot: smaller where there are many, larger where magnified."""
        count = 0 if self._drawing is None else len(self._drawing.points)
        many = 4.5 - 0.55 * np.log2(max(count / 1500, 0.5))
        return float(np.clip(max(many, 1.0) + 0.8 * np.log2(self._magnified), 1.0, 8.0))

    @property
    def _magnified(self) -> float:
        """How much larger the map is than when all of it is seen."""
        return (self._whole.x1 - self._whole.x0) / (self._view.x1 - self._view.x0)

    # Drawing ------------------------------------------------------------------------

    def _canvas(self) -> tuple[int, int]:
        return max(self.width(), 1), max(self.height(), 1)

    def _everything(self) -> Viewport:
        assert self._drawing is not None
        points = self._drawing.points
        ends = [(float(a.min()), float(a.max())) for a in (points.x, points.y) if len(a)]
        corners = np.array(ends).T if ends else np.zeros((0, 2))
        return Viewport.around(corners, self._canvas())

    def _redraw(self) -> None:
        self._image = None
        self.update()

    def _move(self, view: Viewport) -> None:
        if self._drawing is None or view == self._view:
            return
        self._view, self._wanted = view, None
        self._moving = True
        self._settle.start()
        self._redraw()

    def _rest(self) -> None:
        self._moving = False
        self._redraw()
        self.viewport_changed.emit(self.part)

    def _render(self, drawing: MapDrawing) -> QImage:
        """Draw the points: finely at rest; while the map moves as finely as this machine can."""
        size, radius, plain = self._canvas(), self.radius(), self.devicePixelRatioF()

        def work(scale: float) -> float:
            return drawing.work(self._view.bounds, size, scale, radius)

        if self._moving:
            scale = 1.0 if work(1.0) * self._pace <= _MOST_MOVING else 0.5
        else:
            scale = max(plain, 2.0) if work(max(plain, 2.0)) <= _MOST_AT_REST else plain
        pixels = (round(size[0] * scale), round(size[1] * scale))
        begin = time.perf_counter_ns()
        image = drawing.image(self._view.bounds, pixels, scale, radius, self.palette())
        pace = (time.perf_counter_ns() - begin) / work(scale)
        self._pace += _LEARNED * (min(max(pace, 0.2), 5.0) - self._pace)
        return image

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the points and what lies over them."""
        painter = QPainter(self)
        if self._drawing is None:
            painter.fillRect(self.rect(), self.palette().base())
            painter.setPen(theme.muted(self.palette()))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(24, 24, -24, -24), flags, self._nothing)
            painter.end()
            return
        if self._image is None:
            self._image = self._render(self._drawing)
        if self._image.size() == self.size():
            painter.drawImage(0, 0, self._image)
        else:
            smooth = QPainter.RenderHint.SmoothPixmapTransform
            painter.setRenderHint(smooth, not self._moving)
            painter.drawImage(QRectF(self.rect()), self._image)
        self._draw_over(painter, self._drawing)
        painter.end()

    def _draw_over(self, painter: QPainter, drawing: MapDrawing) -> None:
        palette, size, taken = self.palette(), self._canvas(), []
        if self._pictures is not None and self._magnified >= _NEAR:
            shown = map_pictures.places(drawing.kept, self._view, size)
            taken = map_pictures.draw(painter, palette, shown, self._pictures)
            if shown and not self._moving:
                self._pictures.want(list(shown))
        if self._labels is not None:
            self._labels.draw(painter, palette, self._view, size, taken)
        for index, space in ((self._selected, 4), (self._pointed, 8)):
            centre = self.position_of(index)
            if centre is not None:
                draw_ring(painter, palette, centre, self.radius() + space)
        if len(self._corners) > 1:
            draw_outline(painter, palette, self._corners)
        if self.hasFocus():
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(palette.highlight().color(), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(520, 400)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep what is seen in the middle; begin with everything."""
        if self._drawing is not None:
            whole = self.shows_everything
            new = self._canvas()
            self._whole = self._everything()
            if self._wanted is not None:
                self._view = self._wanted.fitted(new)
            else:
                self._view = self._whole if whole else self._view.resized(self._size, new)
            self._size = new
        self._redraw()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette."""
        if event.type() == QEvent.Type.PaletteChange:
            self._redraw()
        super().changeEvent(event)
