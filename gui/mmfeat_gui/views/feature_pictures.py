"""The pictures of a feature: the strongest in a strip, or random ones from bands of activation."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QLinearGradient,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from mmfeat.figures.heatmap import colours
from mmfeat.figures.pages import PictureExample
from mmfeat_gui.resources.strings import split_name, tr
from mmfeat_gui.views import theme
from mmfeat_gui.views.tiles import PictureFlow, PictureTile, picture_image
from mmfeat_gui.workers.pages import LoadedFeature

_BANDS = 4
_STEPS = 16  # of the gradient of the key


class PictureStrip(QScrollArea):
    """Pictures in one row, scrolled sideways where they are many."""

    def __init__(self, side: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.flow = PictureFlow(side, self)
        self.setWidget(self.flow)

    def show_tiles(self, tiles: Sequence[PictureTile]) -> None:
        """Show these pictures beside each other."""
        again = len(tiles) == self.flow.count
        self.flow.show_tiles(tiles)
        self.flow.resize(self.flow.row_size())
        if not again:
            self.horizontalScrollBar().setValue(0)
        self.setVisible(bool(tiles))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave room for the scroll bar where it is needed."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        size = self.flow.row_size()
        bar = self.horizontalScrollBar().sizeHint().height() + 4
        self.setFixedHeight(size.height() + (bar if size.width() > self.width() else 0))


class HeatKey(QWidget):
    """What the colours of heat maps stand for: from 0 to the largest activation on a patch."""

    _ACROSS = 72

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._highest = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setToolTip(tr("page.heat_key_tip"))

    def show_highest(self, highest: float) -> None:
        """Show the key of another feature; none where there is no map."""
        self._highest = highest
        self.setVisible(highest > 0)
        self.setAccessibleName(tr("page.heat_key", highest=highest))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return a bar between two numbers."""
        metrics = QFontMetrics(theme.sized(self.font(), 0.82))
        ends = metrics.horizontalAdvance("0") + metrics.horizontalAdvance(f"{self._highest:.3g}")
        return QSize(self._ACROSS + ends + 10, metrics.height() + 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the bar and its ends."""
        painter, small = QPainter(self), theme.sized(self.font(), 0.82)
        painter.setFont(small)
        metrics = QFontMetrics(small)
        left = metrics.horizontalAdvance("0") + 4
        gradient = QLinearGradient(QPointF(left, 0), QPointF(left + self._ACROSS, 0))
        table = colours()
        for step in range(_STEPS + 1):
            at = step / _STEPS
            gradient.setColorAt(at, QColor(*table[round(at * (len(table) - 1))].tolist()))
        painter.setPen(theme.muted(self.palette()))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(self.rect(), middle | Qt.AlignmentFlag.AlignLeft, "0")
        painter.drawText(self.rect(), middle | Qt.AlignmentFlag.AlignRight, f"{self._highest:.3g}")
        painter.fillRect(QRectF(left, self.height() / 2 - 4, self._ACROSS, 8), gradient)
        painter.end()


class FeaturePictures(QWidget):
    """The pictures on which a feature fires, with or without heat maps.

    Signals
    -------
    item_activated(item)
    """

    item_activated = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loaded: LoadedFeature | None = None
        self.strip = PictureStrip(76)
        self.strip.flow.setAccessibleName(tr("page.pictures"))
        self.strip.flow.activated.connect(self._open_top)
        self.none = theme.Muted(tr("page.no_pictures"))
        self.bands: list[tuple[QLabel, PictureFlow]] = []
        self.bands_box = QWidget()
        grid = QGridLayout(self.bands_box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(8)
        for index in range(_BANDS):
            label, flow = theme.Muted(), PictureFlow(60)
            label.setToolTip(tr("page.bands_tip"))
            flow.setAccessibleName(tr("page.bands"))
            flow.activated.connect(lambda k, band=index: self._open_band(band, k))
            row, column = divmod(index, 2)
            grid.addWidget(label, 2 * row, column)
            grid.addWidget(flow, 2 * row + 1, column, Qt.AlignmentFlag.AlignTop)
            grid.setColumnStretch(column, 1)
            self.bands.append((label, flow))
        column_of = QVBoxLayout(self)
        column_of.setContentsMargins(0, 0, 0, 0)
        for widget in (self.strip, self.bands_box, self.none):
            column_of.addWidget(widget)

    def show_pictures(self, loaded: LoadedFeature, *, heat: bool, bands: bool) -> None:
        """Show the strongest pictures, or those of all bands."""
        self._loaded = loaded
        page = loaded.page
        in_bands = bands and any(page.bands)
        top = page.pictures if not in_bands else []
        self.strip.show_tiles([self._tile(example, heat) for example in top])
        self.bands_box.setVisible(in_bands)
        self.none.setVisible(not page.pictures)
        for index, (label, flow) in enumerate(self.bands if in_bands else ()):
            band = page.bands[index] if index < len(page.bands) else []
            low, high = ((_BANDS - index - 1) / _BANDS, (_BANDS - index) / _BANDS)
            label.setText(tr("page.band", low=low, high=high, count=len(band)))
            flow.setAccessibleName(label.text())
            flow.show_tiles([self._tile(example, heat) for example in band])

    def _tile(self, example: PictureExample, heat: bool) -> PictureTile:
        assert self._loaded is not None
        picture = self._loaded.pictures.get(example.item)
        label = tr("example.label", activation=example.activation, split=split_name(example.split))
        image = picture_image(picture, heated=heat)
        return PictureTile(image, label, f"{example.item_id}\n{label}")

    def _open_top(self, index: int) -> None:
        assert self._loaded is not None
        self.item_activated.emit(self._loaded.page.pictures[index].item)

    def _open_band(self, band: int, index: int) -> None:
        assert self._loaded is not None
        self.item_activated.emit(self._loaded.page.bands[band][index].item)
