"""Tiles of features that fire on probes, each with its heat map or its shaded text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QVBoxLayout, QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.probe import Firing
from mmfeat_gui.views import theme
from mmfeat_gui.views.captions import lay_out
from mmfeat_gui.views.probe_shown import ShownProbe
from mmfeat_gui.views.tiles import TileFlow

_WIDTH, _HEAD, _STRIP, _SIDE = 198, 26, 60, 52
_MOST = 96  # tiles of a group
SIDES = ("A", "B")


class FiringFlow(TileFlow):
    """Features with what they do on one probe or two."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.firing: Sequence[Firing] = ()
        self._title: Callable[[int], str] = str
        self._shown: tuple[ShownProbe | None, ...] = ()
        super().__init__(QSize(_WIDTH, _HEAD + _STRIP), parent)

    def show_firing(
        self,
        firing: Sequence[Firing],
        shown: tuple[ShownProbe | None, ShownProbe | None],
        title: Callable[[int], str],
    ) -> None:
        """Show features on these probes, under these titles."""
        self.firing, self._shown, self._title = firing[:_MOST], shown, title
        strips = max(1, sum(probe is not None for probe in shown))
        self._tile = QSize(_WIDTH, _HEAD + strips * _STRIP + 4)
        self.set_count(len(self.firing))

    def labels(self, index: int) -> list[str]:
        """Return what is written of each probe."""
        one = self.firing[index]
        return [
            tr("probe.strip", side=side, activation=activation, share=share)
            for side, probe, activation, share in zip(
                SIDES, self._shown, one.activations, one.shares, strict=True
            )
            if probe is not None
        ]

    def describe(self, index: int) -> str:
        """Return the whole of what a tile may have cut, with the activation of each token."""
        one = self.firing[index]
        lines = [self._title(one.feature), tr("page.feature_number", feature=one.feature)]
        lines += self.labels(index)
        for probe in self._shown:
            tokens = [] if probe is None else probe.probed.fires.tokens(one.feature)
            lines += [
                f"{probe.text[token.start : token.end].strip()} {token.activation:.2f}"
                for token in tokens
                if probe is not None and token.activation > 0
            ]
        return "\n".join(lines)

    def paint_tile(self, painter: QPainter, rect: QRect, index: int) -> None:
        """Draw the name over a strip for each probe."""
        one, palette = self.firing[index], self.palette()
        font = theme.sized(self.font(), 1.0, bold=True)
        painter.setFont(font)
        painter.setPen(palette.text().color())
        head = QRect(rect.x() + 8, rect.y() + 4, rect.width() - 16, _HEAD - 6)
        title = self._title(one.feature)
        cut = QFontMetrics(font).elidedText(title, Qt.TextElideMode.ElideRight, head.width())
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignAbsolute
        painter.drawText(head, flags | Qt.AlignmentFlag.AlignVCenter, cut)
        top, labels = rect.y() + _HEAD, iter(self.labels(index))
        for side, probe in enumerate(self._shown):
            if probe is not None:
                strip = QRect(rect.x() + 8, top, rect.width() - 16, _STRIP)
                self._draw_strip(painter, strip, probe, one, side, next(labels))
                top += _STRIP

    def _draw_strip(
        self,
        painter: QPainter,
        strip: QRect,
        probe: ShownProbe,
        one: Firing,
        side: int,
        label: str,
    ) -> None:
        palette = self.palette()
        image = probe.small(one.feature)
        left = strip.x()
        if image is not None:
            size = image.size().scaled(QSize(_SIDE, _SIDE), Qt.AspectRatioMode.KeepAspectRatio)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(QRect(strip.topLeft(), size), image)
            left += _SIDE + 8
        width = strip.right() - left
        small = theme.sized(self.font(), 0.86)
        line = QFontMetrics(small).height()
        painter.setFont(small)
        painter.setPen(palette.text().color() if one.activations[side] else theme.muted(palette))
        cut = QFontMetrics(small).elidedText(label, Qt.TextElideMode.ElideRight, width)
        painter.drawText(QRect(left, strip.y(), width, line), Qt.AlignmentFlag.AlignLeft, cut)
        bar = QRectF(left, strip.y() + line + 1, width, 5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.faint(palette))
        painter.drawRect(bar)
        colour = theme.image_bar(palette) if image is not None else theme.text_bar(palette)
        painter.setBrush(colour)
        painter.drawRect(QRectF(bar.x(), bar.y(), bar.width() * min(one.shares[side], 1), 5))
        if image is None:
            below = QRectF(left, bar.bottom() + 2, width, strip.bottom() - bar.bottom() - 4)
            layout = lay_out(probe.text[:200], probe.language, small, width)
            painter.save()
            painter.setClipRect(below, Qt.ClipOperation.IntersectClip)
            painter.setPen(palette.text().color())
            layout.draw(painter, QPointF(left, below.y()), probe.shading(one.feature, palette))
            painter.restore()


class FiringGroup(QWidget):
    """A heading with features under it, or a word that there are none.

    Signals
    -------
    activated(feature)
    pointed(feature)
        The cursor or the keyboard has come to a feature; -1 when the cursor has left.
    """

    activated = Signal(int)
    pointed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = theme.heading("")
        self.none = theme.Muted(tr("probe.none"))
        self.more = theme.Muted()
        self.flow = FiringFlow()
        self.flow.pointed.connect(lambda index: self.pointed.emit(self._feature(index)))
        self.flow.activated.connect(lambda index: self.activated.emit(self._feature(index)))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 0)
        column.setSpacing(6)
        for widget in (self.heading, self.none, self.flow, self.more):
            column.addWidget(widget)

    def _feature(self, index: int) -> int:
        return self.flow.firing[index].feature if index >= 0 else -1

    def show_firing(
        self,
        title: str,
        firing: Sequence[Firing],
        shown: tuple[ShownProbe | None, ShownProbe | None],
        names: Callable[[int], str],
    ) -> None:
        """Show features under a title."""
        self.heading.setText(title)
        self.flow.setAccessibleName(title)
        self.none.setVisible(not firing)
        self.flow.show_firing(firing, shown, names)
        left = len(firing) - len(self.flow.firing)
        self.more.setText(tr("probe.more", count=left))
        self.more.setVisible(left > 0)
