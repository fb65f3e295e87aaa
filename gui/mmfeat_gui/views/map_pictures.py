"""Small pictures at the points of a map, where it is magnified enough to have room for them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPalette, QPen

from mmfeat.figures.grid import Grid
from mmfeat.figures.raster import to_pixels
from mmfeat_gui.state.viewport import Viewport
from mmfeat_gui.views import theme

SIDE = 48  # pixels
_CELL = 64  # pixels in which one picture stands
_NEAR = 3  # points in a place for a picture, on average, from which on there is room
_KEPT = 2000
_ASKED = 48  # pictures asked for at a time


class Pictures(QObject):
    """Keeps the pictures used last and says which are missing.

    Signals
    -------
    wanted(points)
        A tuple of points whose pictures are not known, those in the middle first. Whoever reads
        them answers with `put`; what is not wanted any more need not be read.
    changed()
        More are known.
    """

    wanted = Signal(object)
    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._kept: OrderedDict[int, QImage | None] = OrderedDict()
        self._asked: set[int] = set()

    def put(self, found: Mapping[int, QImage | None]) -> None:
        """Take pictures; None for a point that has none."""
        for index, image in found.items():
            if image is not None:
                image = image.scaled(
                    SIDE,
                    SIDE,
                    Qt.AspectRatioMode.KeepAspectRatio,
                    Qt.TransformationMode.SmoothTransformation,
                ).convertToFormat(QImage.Format.Format_RGB32)
            self._kept[index] = image
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        self._asked -= found.keys()
        self.changed.emit()

    def clear(self) -> None:
        """Forget all: the points are others."""
        self._kept.clear()
        self._asked.clear()

    def of(self, index: int) -> QImage | None:
        """Return the picture of a point if it is known and has one."""
        if index in self._kept:
            self._kept.move_to_end(index)
        return self._kept.get(index)

    def want(self, points: list[int]) -> None:
        """Ask for those of these that are neither known nor asked for."""
        missing = tuple(index for index in points if index not in self._kept)[:_ASKED]
        if not self._asked.issuperset(missing):
            self._asked = set(missing)
            self.wanted.emit(missing)


def places(points: Grid, view: Viewport, size: tuple[int, int]) -> dict[int, QPointF]:
    """Return which points bear a picture, and where; none where the map is too far away.

    One stands in each cell of a grid that moves with the map and doubles with its
    magnification, so that the choice stays while the map is dragged.

    Returns
    -------
    dict of int to QPointF
        In order from the middle of the canvas.
    """
    runs = points.seen(view.bounds)
    room = size[0] * size[1] / _CELL**2
    if sum(run.stop - run.start for run in runs) > 16 * _NEAR * room:
        return {}
    index = np.concatenate([points.index[run] for run in runs])
    xy = np.concatenate([np.stack([points.x[run], points.y[run]], 1) for run in runs])
    at = to_pixels(xy, view.bounds, size)
    seen = ((at >= 0) & (at <= size)).all(1)
    if not seen.any() or seen.sum() > _NEAR * room:
        return {}
    index, xy, at = index[seen], xy[seen].astype(np.float64), at[seen]
    cell = 2.0 ** np.ceil(np.log2(_CELL * (view.x1 - view.x0) / size[0]))
    order = np.argsort(index)
    _, first = np.unique(np.floor(xy[order] / cell), axis=0, return_index=True)
    chosen = order[first]
    middle = np.abs(at[chosen] - np.array(size) / 2).max(axis=1)
    found: dict[int, QPointF] = {}
    for k in chosen[np.argsort(middle, kind="stable")].tolist():
        point = QPointF(*at[k].tolist())
        if all(max(abs((point - o).x()), abs((point - o).y())) > SIDE for o in found.values()):
            found[int(index[k])] = point
    return found


def draw(
    painter: QPainter, palette: QPalette, shown: Mapping[int, QPointF], known: Pictures
) -> list[QRectF]:
    """Draw the pictures that are known, each in a thin frame around its point.

    Returns
    -------
    list of QRectF
        Where they stand.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.line(palette), 1))
    found = []
    for index, point in shown.items():
        image = known.of(index)
        if image is not None:
            corner = QPointF(point.x() - image.width() / 2, point.y() - image.height() / 2)
            rect = QRectF(corner.toPoint(), image.size())
            painter.drawImage(rect.topLeft(), image)
            painter.drawRect(rect)
            found.append(rect)
    return found
