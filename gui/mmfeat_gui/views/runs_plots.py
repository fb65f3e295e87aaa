"""Plots of trainings; this module loads pyqtgraph, so it is imported when they are first shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols
from PySide6.QtCore import QEvent, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QVBoxLayout, QWidget

from mmfeat.analysis.scaling import Scaling
from mmfeat.analysis.sweep_runs import Run
from mmfeat.figures.palettes import SERIES
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.runs import CURVES, Curve
from mmfeat_gui.views import theme

MOST = 12  # curves that can be told apart
_DASHES = (
    Qt.PenStyle.SolidLine,
    Qt.PenStyle.DashLine,
    Qt.PenStyle.DotLine,
    Qt.PenStyle.DashDotLine,
)
_MARKS = ("o", "s", "t", "d", "p", "star", "+", "x")
_FIT = 100  # points of a fitted line
_AXIS = 64  # pixels of the numbers on the left, so that plots stand below each other
_SWATCH, _SHARP = QSize(44, 14), 2


class _LogAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """A logarithmic axis that writes only some numbers of a decade, so that none overlap."""

    def logTickStrings(
        self, values: Sequence[float], scale: float, spacing: float | None
    ) -> list[str]:
        """Return the texts of ticks, empty where none is to stand."""
        leading = (1, 3) if self.orientation == "bottom" else (1, 2, 3, 5)
        texts: list[str] = super().logTickStrings(values, scale, spacing)
        first = [round(10 ** (value - np.floor(value + 1e-6))) for value in values]
        return [text if own in leading else "" for text, own in zip(texts, first, strict=True)]


class _Plots(QWidget):
    """Some plots in the colours of the palette."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.canvas = pg.GraphicsLayoutWidget(self)
        self.canvas.setAccessibleName(name)
        self.canvas.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # lists and tables say it in words
        self.plots: list[pg.PlotItem] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.canvas)

    def _add(
        self, row: int, column: int, left: str, bottom: str = "", axis: type = pg.AxisItem
    ) -> pg.PlotItem:
        axes = {side: axis(side) for side in ("left", "bottom")}
        plot = self.canvas.addPlot(row, column, axisItems=axes)
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setLabel("left", left)
        for side in ("left", "bottom"):
            plot.getAxis(side).enableAutoSIPrefix(False)
        if bottom:
            plot.setLabel("bottom", bottom)
        plot.showGrid(x=True, y=True, alpha=0.15)
        self.plots.append(plot)
        return plot

    def _colour(self, at: int) -> QColor:
        """Return the colour of a series, light enough on dark ground."""
        colour = QColor(*(int(part) for part in SERIES[at % len(SERIES)]))
        if theme.is_dark(self.palette()) and colour.lightnessF() < 0.5:
            colour = theme.mix(colour, self.palette().text().color(), 0.45)
        return colour

    def _paint(self) -> None:
        """Take the colours of the palette."""
        palette = self.palette()
        self.canvas.setBackground(palette.base().color())
        for plot in self.plots:
            for side in ("left", "bottom"):
                axis = plot.getAxis(side)
                axis.setPen(QPen(theme.muted(palette), 1))
                axis.setTextPen(palette.text().color())
                axis.label.setDefaultTextColor(palette.text().color())
            if plot.legend is not None:
                plot.legend.setLabelTextColor(palette.text().color())

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.draw()

    def draw(self) -> None:
        """Draw all anew."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Line:
    """A training that is drawn.

    Attributes
    ----------
    style : int
        Which colour, dash and mark: 0 to `MOST` - 1.
    curve : Curve
    test : float or None
        FVU on test concepts, once it has finished.
    """

    style: int
    curve: Curve
    test: float | None


class CurvesPlot(_Plots):
    """Loss, active latents and dead share of trainings over their steps.

    Each has a colour, a dash and a mark of its own; the mark stands at its FVU on test concepts.
    The legend is the list in which trainings are ticked, see `swatch`.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("runs.curves"), parent)
        for row, key in enumerate(CURVES):
            bottom = tr("runs.steps") if row == len(CURVES) - 1 else ""
            plot = self._add(row, 0, tr(f"runs.{key}"), bottom)
            plot.getAxis("left").setWidth(_AXIS)
            plot.setDownsampling(auto=True, mode="peak")
            plot.setClipToView(True)
            plot.setLimits(yMin=0)
            if row:
                plot.setXLink(self.plots[0])
        self.canvas.ci.layout.setRowStretchFactor(0, 2)
        self._lines: Sequence[Line] = ()
        self.draw()

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Show trainings."""
        self._lines = lines
        self.draw()

    def swatch(self, style: int) -> QIcon:
        """Return how a training is drawn, for a legend."""
        pixmap = QPixmap(_SWATCH * _SHARP)
        pixmap.setDevicePixelRatio(_SHARP)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = self._colour(style)
        painter.setPen(QPen(colour, 2, _DASHES[style % len(_DASHES)]))
        middle = _SWATCH.height() / 2
        painter.drawLine(QPointF(0, middle), QPointF(_SWATCH.width() - 14, middle))
        painter.translate(_SWATCH.width() - 7, middle)
        painter.scale(9, 9)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPath(Symbols[_MARKS[style % len(_MARKS)]])
        painter.end()
        return QIcon(pixmap)

    def draw(self) -> None:
        """Draw all anew."""
        for plot in self.plots:
            plot.clear()
        for line in self._lines:
            colour = self._colour(line.style)
            pen = pg.mkPen(colour, width=2, style=_DASHES[line.style % len(_DASHES)])
            for plot, key in zip(self.plots, CURVES, strict=True):
                values = getattr(line.curve, key)
                plot.plot(line.curve.steps, values, pen=pen, connect="finite")
            if line.test is not None and len(line.curve.steps):
                self.plots[0].plot(
                    line.curve.steps[-1:],
                    np.array([line.test]),
                    pen=None,
                    symbol=_MARKS[line.style % len(_MARKS)],
                    symbolBrush=colour,
                    symbolPen=pg.mkPen(self.palette().text().color()),
                    symbolSize=11,
                )
        self._paint()


class ScalingPlot(_Plots):
    """Loss of a sweep's runs over compute with the fitted frontier, and what is best there."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("runs.scaling"), parent)
        compute = tr("runs.compute")
        for column, left in enumerate((tr("runs.test_loss"), tr("runs.optimal"))):
            plot = self._add(0, column, left, compute, _LogAxis)
            plot.setLogMode(x=True, y=True)
            plot.addLegend(offset=(8 if column else -8, 8), labelTextSize="8pt")
        self._found: Scaling | None = None
        self.draw()

    def show_scaling(self, found: Scaling | None) -> None:
        """Show the runs of a sweep and what was fitted to them; nothing for None."""
        self._found = found
        self.draw()

    def draw(self) -> None:
        """Draw all anew."""
        for plot in self.plots:
            plot.clear()
        found = self._found
        if found is not None:
            sizes = sorted({run.d_sae for run in found.best})
            for at, size in enumerate(sizes):
                of_size = sorted(
                    (run for run in found.best if run.d_sae == size), key=lambda run: run.compute
                )
                self._draw_size(at, size, of_size)
            self._draw_fit(found)
        self._paint()

    def _draw_size(self, at: int, size: int, runs: Sequence[Run]) -> None:
        colour = self._colour(at)
        self.plots[0].plot(
            np.array([run.compute for run in runs]),
            np.array([run.loss for run in runs]),
            pen=pg.mkPen(colour, width=1, style=_DASHES[at % len(_DASHES)]),
            symbol=_MARKS[at % len(_MARKS)],
            symbolBrush=colour,
            symbolPen=None,
            symbolSize=8,
            name=tr("runs.features", count=size),
        )

    def _draw_fit(self, found: Scaling) -> None:
        if found.surface is None:
            return
        compute = [run.compute for run in found.best]
        grid = np.geomspace(min(compute), max(compute), _FIT)
        loss, features, steps = found.surface.frontier(grid)
        text = self.palette().text().color()
        thick = pg.mkPen(text, width=2)
        dashed = pg.mkPen(text, width=2, style=Qt.PenStyle.DashLine)
        self.plots[0].plot(grid, loss, pen=thick, name=tr("runs.fit"))
        self.plots[1].plot(grid, features, pen=thick, name=tr("runs.best_features"))
        self.plots[1].plot(grid, steps, pen=dashed, name=tr("runs.best_steps"))
