"""What the colours of a map mean; categories are switched off and ranges drawn in it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, UInt8
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QIcon,
    QKeyEvent,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QGridLayout,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from mmfeat.figures.palettes import Colouring, bounds
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.painting import category_name, number_text
from mmfeat_gui.views import theme

_COLUMNS = 3
_STEPS = 33  # of a gradient
_BAR = 10  # pixels
_WIDEST = 220
_NOTCH = 0.02  # share of the scale that an arrow key moves an end by


class ScaleBar(QWidget):
    """The palette between the values of its ends, in which a range can be drawn.

    Dragging over it draws one; arrow keys move its lower end, with Shift the upper one; Escape,
    Delete or a double click takes it away.

    Signals
    -------
    range_changed(low, high)
        In units of the scale; infinite where it is open.
    """

    range_changed = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen: Colouring | None = None
        self._languages = 1
        self._range = (0.0, 1.0)  # shares of the scale
        self._from: float | None = None
        self._filters = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_colouring(self, chosen: Colouring, n_languages: int, filters: bool) -> None:
        """Show the palette of numbers."""
        self._chosen, self._languages, self._filters = chosen, n_languages, filters
        policy = Qt.FocusPolicy.StrongFocus if filters else Qt.FocusPolicy.NoFocus
        self.setFocusPolicy(policy)
        self.setCursor(Qt.CursorShape.IBeamCursor if filters else Qt.CursorShape.ArrowCursor)
        self.setToolTip(tr("legend.range_tip") if filters else "")
        self.show_range(-math.inf, math.inf)

    def show_range(self, low: float, high: float) -> None:
        """Show what of the scale is kept."""
        self._range = (self._share(low), self._share(high))
        self.setAccessibleName(" – ".join(self._ends()))
        self.update()

    def sizeHint(self) -> QSize:
        """Return one line."""
        return QSize(200, self.fontMetrics().height() + 8)

    def _scale(self) -> tuple[float, float]:
        assert self._chosen is not None
        low, high = bounds(self._chosen, self._languages)
        return (math.log10(low), math.log10(high)) if self._chosen.kind == "log" else (low, high)

    def _share(self, value: float) -> float:
        assert self._chosen is not None
        if math.isinf(value):
            return float(value > 0)
        low, high = self._scale()
        if self._chosen.kind == "log":
            value = math.log10(value) if value > 0 else low
        return min(max((value - low) / (high - low), 0.0), 1.0)

    def _value(self, share: float) -> float:
        """Return the value at a place of the scale; open at its ends, whole where values are."""
        assert self._chosen is not None
        if not 0 < share < 1:
            return math.copysign(math.inf, share - 0.5)
        low, high = self._scale()
        value = low + share * (high - low)
        if self._chosen.kind == "log":
            return float(10**value)
        return float(round(value)) if self._chosen.key.startswith("n_") else value

    def _ends(self) -> tuple[str, str]:
        """Return what stands at the ends: values, of a range those of its ends."""
        assert self._chosen is not None
        edges = bounds(self._chosen, self._languages)
        drawn = [self._value(share) for share in self._range]
        if self._chosen.kind == "diverging" and all(map(math.isinf, drawn)):
            return tr("legend.text"), tr("legend.image")
        values = [edge if math.isinf(own) else own for own, edge in zip(drawn, edges, strict=True)]
        low, high = (number_text(self._chosen, value) for value in values)
        return low, high

    def bar(self) -> QRectF:
        """Return where the palette is drawn, once there is one."""
        metrics = self.fontMetrics()
        # Room that does not change while a range is drawn.
        least = metrics.averageCharWidth() * 7
        before, after = (max(metrics.horizontalAdvance(text), least) for text in self._ends())
        left = before + 10.0
        width = min(_WIDEST, max(self.width() - left - after - 14, 20))
        return QRectF(left, (self.height() - _BAR) / 2, width, _BAR)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the palette, pale where points are left out."""
        if self._chosen is None:
            return
        painter, palette, bar = QPainter(self), self.palette(), self.bar()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        low, high = self._scale()
        values = np.linspace(low, high, _STEPS)
        values = 10**values if self._chosen.kind == "log" else values
        colours = theme.feature_colours(self._chosen, values, self._languages, palette)
        gradient = QLinearGradient(bar.left(), 0, bar.right(), 0)
        for at, colour in zip(np.linspace(0, 1, _STEPS).tolist(), colours.tolist(), strict=True):
            gradient.setColorAt(at, QColor(*colour))
        painter.setPen(palette.text().color())
        flags = Qt.AlignmentFlag.AlignVCenter
        whole, (low_text, high_text) = self.rect().toRectF(), self._ends()
        before = QRectF(0, 0, bar.left() - 6, self.height())
        painter.drawText(before, flags | Qt.AlignmentFlag.AlignRight, low_text)
        painter.drawText(whole.adjusted(bar.right() + 6, 0, 0, 0), flags, high_text)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        painter.drawRoundedRect(bar, 3, 3)
        ground = QColor(palette.window().color())
        ground.setAlpha(215)
        one, other = (bar.left() + share * bar.width() for share in self._range)
        painter.setBrush(ground)
        for left, right in ((bar.left(), one), (other, bar.right())):
            painter.drawRect(QRectF(left, bar.top() - 1, right - left, bar.height() + 2))
        if self._range != (0.0, 1.0):
            painter.setPen(QPen(palette.text().color(), 2))
            for x in (one, other):
                painter.drawLine(int(x), int(bar.top()) - 3, int(x), int(bar.bottom()) + 3)
        if self.hasFocus():
            theme.draw_focus(painter, bar.adjusted(-4, -5, 4, 5), palette)
        painter.end()

    def _draw(self, one: float, other: float) -> None:
        low, high = min(max(min(one, other), 0.0), 1.0), min(max(one, other, 0.0), 1.0)
        self._range = (low, high) if low < high else (0.0, 1.0)
        self.setAccessibleName(" – ".join(self._ends()))
        self.update()
        self.range_changed.emit(self._value(self._range[0]), self._value(self._range[1]))

    def _at(self, event: QMouseEvent) -> float:
        bar = self.bar()
        return (event.position().x() - bar.left()) / bar.width()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a range."""
        if self._filters and event.button() == Qt.MouseButton.LeftButton:
            self._from = self._at(event)
        else:
            event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Draw it to the cursor."""
        if self._from is not None:
            self._draw(self._from, self._at(event))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End it."""
        self._from = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Take the range away."""
        if self._filters:
            self._draw(0.0, 1.0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move an end, or take the range away."""
        steps = {Qt.Key.Key_Left: -_NOTCH, Qt.Key.Key_Right: _NOTCH}
        key, (low, high) = Qt.Key(event.key()), self._range
        if not self._filters:
            super().keyPressEvent(event)
        elif key in steps and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._draw(low, max(min(high + steps[key], 1.0), low + _NOTCH))
        elif key in steps:
            self._draw(min(max(low + steps[key], 0.0), high - _NOTCH), high)
        elif self._range != (0.0, 1.0) and key in (Qt.Key.Key_Escape, Qt.Key.Key_Delete):
            self._draw(0.0, 1.0)
        else:
            super().keyPressEvent(event)


class Legend(QWidget):
    """What the colours of a map mean.

    Parameters
    ----------
    parent : QWidget or None
    filters : bool
        Whether categories can be switched off and ranges drawn.

    Signals
    -------
    hidden_changed(categories)
        A frozenset of those switched off.
    range_changed(low, high)
        What of the scale is to be kept; infinite where it is open.
    """

    hidden_changed = Signal(object)
    range_changed = Signal(float, float)

    def __init__(self, parent: QWidget | None = None, *, filters: bool = False) -> None:
        super().__init__(parent)
        self._filters = filters
        self._chosen: Colouring | None = None
        self._table: UInt8[np.ndarray, "k 3"] | None = None
        self.scale = ScaleBar(self)
        self.scale.range_changed.connect(self.range_changed)
        self._boxes: list[QAbstractButton] = []
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(14)
        self._grid.setColumnStretch(_COLUMNS, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 0, 2, 0)
        column.addWidget(self.scale)
        column.addLayout(self._grid)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def boxes(self) -> tuple[QAbstractButton, ...]:
        """The categories, in their order."""
        return tuple(self._boxes)

    def show_colouring(
        self,
        chosen: Colouring,
        n_languages: int,
        *,
        table: UInt8[np.ndarray, "k 3"] | None = None,
        names: Sequence[str] = (),
        counts: Int[np.ndarray, " k"] | None = None,
        ranges: bool = True,
    ) -> None:
        """Show the palette of a colouring.

        Parameters
        ----------
        chosen : Colouring
        n_languages : int
        table : array [k, 3] or None
            The colours of categories; None for those of the colouring.
        names : sequence of str
            Of the categories, for people; by default those of the colouring.
        counts : array [k] or None
            How many points each category has.
        ranges : bool
            Whether a range can be drawn, where the legend filters at all.
        """
        self._chosen, self._table = chosen, table
        categories = chosen.kind == "category"
        self.scale.setVisible(not categories)
        for box in self._boxes:
            self._grid.removeWidget(box)
            box.deleteLater()
        self._boxes = []
        if categories:
            texts = names or [category_name(chosen, label) for label in chosen.labels]
            for at, text in enumerate(texts):
                shown = text if counts is None else tr("legend.count", name=text, count=counts[at])
                self._add(shown.replace("&", "&&"), at)
            self._draw_swatches()
            self.setAccessibleName(" – ".join(texts))
        else:
            self.scale.show_colouring(chosen, n_languages, self._filters and ranges)
            self.setAccessibleName(self.scale.accessibleName())

    def show_hidden(self, hidden: frozenset[str]) -> None:
        """Show which categories are switched off."""
        if self._chosen is not None:
            for box, label in zip(self._boxes, self._chosen.labels, strict=False):
                box.blockSignals(True)
                box.setChecked(label not in hidden)
                box.blockSignals(False)

    def _add(self, text: str, at: int) -> None:
        box: QAbstractButton
        if self._filters:
            box = QCheckBox(text, self)
            box.setChecked(True)
            box.setToolTip(tr("legend.hide_tip"))
            box.toggled.connect(self._tell_hidden)
        else:  # a colour and its name, not a choice
            box = QToolButton(self)
            box.setText(text)
            box.setAutoRaise(True)
            box.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            box.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            box.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._grid.addWidget(box, at // _COLUMNS, at % _COLUMNS)
        self._boxes.append(box)

    def _tell_hidden(self) -> None:
        assert self._chosen is not None
        pairs = zip(self._boxes, self._chosen.labels, strict=True)
        self.hidden_changed.emit(frozenset(label for box, label in pairs if not box.isChecked()))

    def _draw_swatches(self) -> None:
        if self._chosen is None or not self._boxes:
            return
        palette = self.palette()
        if self._table is None:
            every = np.arange(len(self._boxes), dtype=float)
            colours = theme.feature_colours(self._chosen, every, 1, palette)
        else:
            colours = theme.in_back(self._table, palette)
        for box, colour in zip(self._boxes, colours.tolist(), strict=True):
            dot = QPixmap(24, 24)
            dot.setDevicePixelRatio(2)
            dot.fill(Qt.GlobalColor.transparent)
            painter = QPainter(dot)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.muted(palette), 1))
            painter.setBrush(QColor(*colour))
            painter.drawEllipse(QRectF(1, 1, 10, 10))
            painter.end()
            box.setIcon(QIcon(dot))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette."""
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_swatches()
        super().changeEvent(event)
