"""The map with what belongs to it: the choice of colours, their legend, the hover card."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool
from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QLinearGradient, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from mmfeat.figures.palettes import COLOURINGS, Colouring, bounds, values_of
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.views import theme
from mmfeat_gui.views.hover_card import HoverCard
from mmfeat_gui.views.map_canvas import MapCanvas


def value_text(chosen: Colouring, value: float) -> str:
    """Return what a colour stands for, in words: colour is never the only sign."""
    name = tr(f"colour.{chosen.key}")
    if np.isnan(value):
        return f"{name}: –"
    if chosen.kind == "category":
        return tr(f"shared.{chosen.labels[int(value)].replace(' ', '_')}")
    if chosen.kind == "log":
        return f"{name}: {value:.2%}"
    return f"{name}: {value:.2f}" if chosen.kind == "diverging" else f"{name}: {value:.0f}"


class Legend(QWidget):
    """What the colours of the map mean."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen: Colouring | None = None
        self._languages = 1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_colouring(self, chosen: Colouring, n_languages: int) -> None:
        """Show the palette of a colouring."""
        self._chosen, self._languages = chosen, n_languages
        self.setAccessibleName(" – ".join(self._ends()))
        self.update()

    def sizeHint(self) -> QSize:
        """Return one line."""
        return QSize(200, QFontMetrics(self.font()).height() + 8)

    def _ends(self) -> tuple[str, ...]:
        chosen = self._chosen
        assert chosen is not None
        if chosen.kind == "category":
            return tuple(tr(f"shared.{name.replace(' ', '_')}") for name in chosen.labels)
        if chosen.kind == "diverging":
            return tr("legend.text"), tr("legend.image")
        low, high = bounds(chosen, self._languages)
        if chosen.kind == "log":
            return f"{low:.2%}", f"{high:.0%}"
        return f"{low:.0f}", f"{high:.0f}"

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the palette between the names of its ends, or a dot before each category."""
        if self._chosen is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.sized(self.font(), 0.9))
        metrics = painter.fontMetrics()
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        x, high = 2, self.height()
        ends = self._ends()
        if self._chosen.kind == "category":
            colours = theme.feature_colours(
                self._chosen, np.arange(len(ends), dtype=float), 1, self.palette()
            )
            for name, colour in zip(ends, colours.tolist(), strict=True):
                painter.setPen(QPen(theme.muted(self.palette()), 1))
                painter.setBrush(QColor(*colour))
                painter.drawEllipse(QRect(x, high // 2 - 5, 10, 10))
                painter.setPen(self.palette().text().color())
                wide = metrics.horizontalAdvance(name)
                painter.drawText(QRect(x + 16, 0, wide + 4, high), flags, name)
                x += wide + 34
        else:
            low, top = bounds(self._chosen, self._languages)
            logarithmic = self._chosen.kind == "log"
            values = np.geomspace(low, top, 33) if logarithmic else np.linspace(low, top, 33)
            colours = theme.feature_colours(self._chosen, values, self._languages, self.palette())
            left, right = (metrics.horizontalAdvance(name) for name in ends)
            bar = QRect(x + left + 8, high // 2 - 5, min(160, self.width() - left - right - 24), 10)
            gradient = QLinearGradient(bar.left(), 0, bar.right(), 0)
            for at, colour in zip(np.linspace(0, 1, 33).tolist(), colours.tolist(), strict=True):
                gradient.setColorAt(at, QColor(*colour))
            painter.setPen(self.palette().text().color())
            painter.drawText(QRect(x, 0, left + 4, high), flags, ends[0])
            painter.drawText(QRect(bar.right() + 8, 0, right + 4, high), flags, ends[1])
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(gradient)
            painter.drawRoundedRect(bar, 3, 3)
        painter.end()


class MapPane(QWidget):
    """The map of an atlas.

    Parameters
    ----------
    parent : QWidget or None
    controls : bool
        Whether the choice of colours and their legend stand around the map.

    Signals
    -------
    feature_activated(feature)
    card_wanted(feature)
        The cursor rests on a feature; -1 when it has left.
    colouring_chosen(key)
    """

    feature_activated = Signal(int)
    card_wanted = Signal(int)
    colouring_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None, *, controls: bool = True) -> None:
        super().__init__(parent)
        self._summary: Summary | None = None
        self.canvas = MapCanvas(self)
        self.canvas.setAccessibleName(tr("map.accessible"))
        self.card = HoverCard(self.canvas)
        self.legend = Legend(self)
        self.colouring = QComboBox(self)
        self.colouring.setAccessibleName(tr("map.colour_by"))
        for key in COLOURINGS:
            self.colouring.addItem(tr(f"colour.{key}"), key)
        label = QLabel(tr("map.colour_by"), self)
        label.setBuddy(self.colouring)
        fit = QToolButton(self)
        fit.setText(tr("map.fit"))
        fit.setToolTip(tr("map.fit_tip"))
        fit.clicked.connect(self.canvas.fit)
        above = QWidget(self)
        top = QHBoxLayout(above)
        top.setContentsMargins(0, 0, 0, 0)
        top.addWidget(label)
        top.addWidget(self.colouring)
        top.addStretch(1)
        top.addWidget(fit)
        column = QVBoxLayout(self)
        if controls:
            column.setContentsMargins(8, 8, 8, 4)
        else:
            column.setContentsMargins(0, 0, 0, 0)
            above.hide()
            self.legend.hide()
        column.setSpacing(6)
        column.addWidget(above)
        column.addWidget(self.canvas, 1)
        column.addWidget(self.legend)
        self.canvas.hovered.connect(self._hover)
        self.canvas.activated.connect(self.feature_activated)
        self.colouring.currentIndexChanged.connect(self._recolour)

    def show_summary(self, summary: Summary) -> None:
        """Show the map of an atlas."""
        self._summary = summary
        self.card.dismiss()
        colours = np.zeros((len(summary.table), 3), np.uint8)
        self.canvas.show_points(summary.xy, colours)
        self._recolour()

    def show_matches(self, keep: Bool[np.ndarray, " f"]) -> None:
        """Dim what the filters hide."""
        self.canvas.show_matches(keep)

    def choose(self, key: str) -> None:
        """Colour by another score, if there is one of that name."""
        index = self.colouring.findData(key)
        if index >= 0:
            self.colouring.setCurrentIndex(index)

    def _chosen(self) -> Colouring:
        return COLOURINGS[self.colouring.currentData()]

    def _recolour(self) -> None:
        chosen, summary = self._chosen(), self._summary
        self.colouring_chosen.emit(chosen.key)
        if summary is None:
            return
        count = len(summary.languages)
        values = values_of(chosen, summary.table.scores)
        self.canvas.show_colours(theme.feature_colours(chosen, values, count, self.palette()))
        self.legend.show_colouring(chosen, count)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette."""
        if event.type() == QEvent.Type.PaletteChange:
            self._recolour()
        super().changeEvent(event)

    def _hover(self, feature: int, at: QPoint) -> None:
        if feature < 0 or self._summary is None:
            if self.card.isVisible():
                self.card.dismiss()
                self.card_wanted.emit(-1)
            return
        if feature != self.card.feature:
            self.card_wanted.emit(feature)
        chosen = self._chosen()
        value = float(values_of(chosen, self._summary.table.scores)[feature])
        self.card.show_feature(
            feature,
            self._summary.table.titles[feature],
            value_text(chosen, value),
            self._summary.languages_of(feature),
            at,
        )
