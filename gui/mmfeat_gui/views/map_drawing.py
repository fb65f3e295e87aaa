"""Turns points with colours, sizes and states into the picture of a map."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8, UInt16, UInt32
from PySide6.QtGui import QColor, QImage, QPalette

from mmfeat.figures.grid import SIDE, Grid, View
from mmfeat.figures.raster import LEVELS, Layer, draw, outlined, paint
from mmfeat_gui.views import theme

_FACTORS = (0.6, 1.0, 1.6, 2.4)  # radius of a dot by its size, in shares of the usual one
_USUAL = 1
_FADED = 0.68  # share of the ground in what a brush left out
_OUTLINE = 1.5  # pixels around what it took
_BLOCKS = 64  # along either axis, of which it is told how crowded a map is
_DENSE = 99  # percentile of those that is as bright as can be


class MapDrawing:
    """What is drawn of a map: points behind that are hidden, then those kept, then those brushed.

    Each `show_...` keeps everything else. Colours are put together when they are needed, so that
    several changes cost what one does.

    Parameters
    ----------
    points : Grid
    """

    def __init__(self, points: Grid) -> None:
        self.points = points
        self.kept = points
        self._keep: Bool[np.ndarray, " n"] = np.ones(points.size, bool)
        self._chosen: Bool[np.ndarray, " n"] | None = None
        self._sizes: Int[np.ndarray, " n"] | None = None
        self._codes: UInt16[np.ndarray, " n"] = np.zeros(points.size, np.uint16)
        self._table: UInt8[np.ndarray, "k 3"] = np.zeros((1, 3), np.uint8)
        self._parts: list[tuple[Grid, float, str]] | None = None
        self._all_codes: UInt16[np.ndarray, " m"] | None = None
        cells = np.diff(points.start).reshape(_BLOCKS, SIDE // _BLOCKS, _BLOCKS, SIDE // _BLOCKS)
        blocks = cells.sum(axis=(1, 3))
        crowd = float(np.percentile(blocks[blocks > 0], _DENSE)) if len(points) else 0.0
        self._density = crowd / (float(points.step.prod()) * (SIDE // _BLOCKS) ** 2)

    def show_colours(
        self, codes: UInt16[np.ndarray, " n"], table: UInt8[np.ndarray, "k 3"]
    ) -> None:
        """Draw point i in the colour ``table[codes[i]]``."""
        self._codes, self._table, self._all_codes = codes, table, None

    def show_matches(self, keep: Bool[np.ndarray, " n"]) -> None:
        """Draw the others behind, in the colour of lines."""
        self._keep, self._parts = keep, None
        self.kept = self.points.part(keep)

    def show_selection(self, chosen: Bool[np.ndarray, " n"] | None) -> None:
        """Draw these in front and outlined, and fade the others; None fades none."""
        self._chosen = chosen if chosen is not None and chosen.any() else None
        self._parts = None

    def show_sizes(self, sizes: Float[np.ndarray, " n"] | None) -> None:
        """Draw points by their sizes in [0, 1]; None draws all alike."""
        self._parts = self._sizes = None
        if sizes is not None:
            known = np.nan_to_num(np.asarray(sizes, np.float64))
            self._sizes = np.clip(known * len(_FACTORS), 0, len(_FACTORS) - 1).astype(np.uint8)

    def image(
        self, view: View, size: tuple[int, int], scale: float, radius: float, palette: QPalette
    ) -> QImage:
        """Return the picture of a part of the map.

        Parameters
        ----------
        view : tuple of float
            Left, bottom, right and top.
        size : tuple of int
            Width and height in pixels of the picture.
        scale : float
            Its pixels in one of the screen's own units.
        radius : float
            Of a usual dot, in those units.
        palette : QPalette
        """
        parts = self._split()
        layers = [Layer(points, _pixels(radius * factor * scale)) for points, factor, _ in parts]
        unit = (view[2] - view[0]) / size[0]
        crowd = self._density * unit * unit
        winner, level = draw(layers, view, size, crowd)
        codes = self._gathered(parts)
        if self._chosen is not None:
            brushed = sum(len(points) for points, _, kind in parts if kind != "plain")
            winner = outlined(winner, brushed, _pixels(_OUTLINE * scale), len(codes) - 2)
        pixels = paint(winner, level, codes, self._colours(palette))
        height, width = pixels.shape
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        return image.copy()  # which owns its pixels

    def work(self, view: View, size: tuple[int, int], scale: float, radius: float) -> float:
        """Return about how many nanoseconds a picture takes."""
        pixels, found = size[0] * size[1] * scale * scale, 0.0
        dots: dict[int, int] = {}
        for points, factor, _ in self._split():
            seen = sum(run.stop - run.start for run in points.seen(view))
            dot = _pixels(radius * factor * scale)
            dots[dot] = dots.get(dot, 0) + seen
        for dot, seen in dots.items():
            found += 12 * seen + min(0.6 * pixels * (4 * dot + 4), 30 * seen * dot * dot)
        return found + 12 * pixels

    def _split(self) -> list[tuple[Grid, float, str]]:
        """Return the points layer by layer: points, factor of their radius, and what they are.

        Of a layer, large dots lie behind small ones.
        """
        if self._parts is None:
            chosen = self._chosen
            groups = [("hidden", self.points.part(~self._keep))]
            if chosen is None:
                groups.append(("plain", self.kept))
            else:
                groups.append(("faded", self.kept.part(~chosen)))
                groups.append(("plain", self.kept.part(chosen)))
            self._parts = [
                (points, factor, kind)
                for kind, group in groups
                for points, factor in ([(group, 1.0)] if kind == "hidden" else self._by_size(group))
                if len(points)
            ]
            self._all_codes = None
        return self._parts

    def _by_size(self, points: Grid) -> list[tuple[Grid, float]]:
        if self._sizes is None:
            return [(points, _FACTORS[_USUAL])]
        falling = range(len(_FACTORS) - 1, -1, -1)
        return [(points.part(self._sizes == step), _FACTORS[step]) for step in falling]

    def _gathered(self, parts: list[tuple[Grid, float, str]]) -> UInt16[np.ndarray, " m"]:
        """Return the columns of the table of colours: of all points, of the line, and of none."""
        if self._all_codes is None:
            count = len(self._table)
            hidden, line, empty = 2 * count, 2 * count + 1, 2 * count + 2
            found = []
            for points, _, kind in parts:
                if kind == "hidden":
                    found.append(np.full(len(points), hidden, np.uint16))
                else:
                    own = self._codes[points.index]
                    found.append(own if kind == "plain" else own + np.uint16(count))
            self._all_codes = np.concatenate([*found, np.array([line, empty], np.uint16)])
        return self._all_codes

    def _colours(self, palette: QPalette) -> UInt32[np.ndarray, "levels k"]:
        """Return the colours at every brightness: usual, faded, hidden, of outlines, and none."""
        ground = _rgb(palette.base().color())
        table = self._table.astype(np.float64)
        faded = table + (ground - table) * _FADED
        usual = np.concatenate([table, faded])
        share = np.linspace(0, 1, LEVELS)[:, None, None]
        dots = ground + (usual - ground) * share
        fixed = np.stack([_rgb(theme.line(palette)), _rgb(palette.text().color()), ground])
        whole = np.concatenate([dots, np.broadcast_to(fixed, (LEVELS, 3, 3))], axis=1)
        red, green, blue = np.moveaxis(whole.round().astype(np.uint32), -1, 0)
        packed: np.ndarray = np.uint32(0xFF000000) | red << 16 | green << 8 | blue
        return packed


def _rgb(colour: QColor) -> Float[np.ndarray, "3"]:
    return np.array([colour.red(), colour.green(), colour.blue()], np.float64)


def _pixels(radius: float) -> int:
    return max(round(radius), 1)
