"""A probe as it is drawn: its picture with heat maps, or its text with shaded tokens."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPalette, QTextLayout
from PySide6.QtWidgets import QSizePolicy, QWidget

from mmfeat.figures.heatmap import overlay
from mmfeat.figures.pages import CaptionExample
from mmfeat_gui.state.probe import Probed
from mmfeat_gui.state.sources import TextSource, label
from mmfeat_gui.views import theme
from mmfeat_gui.views.captions import lay_out, shading

_SMALL = 104  # pixels of a picture in a tile
_PADDING = 6


class ShownProbe:
    """Draws one probe for whatever feature; what was drawn is kept.

    Parameters
    ----------
    probed : Probed
    """

    def __init__(self, probed: Probed) -> None:
        self.probed = probed
        self._place = {f: n for n, f in enumerate(probed.fires.features.tolist())}
        self._small: dict[int, QImage] = {}
        self._pixels: np.ndarray | None = None
        if probed.picture is not None:
            small = theme.to_image(probed.picture).scaled(
                _SMALL,
                _SMALL,
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            self._pixels = _pixels(small)

    @property
    def text(self) -> str:
        """The text, or the name of the picture."""
        return label(self.probed.source)

    @property
    def language(self) -> str:
        """The language of the text; empty for a picture."""
        return self.probed.fires.language or ""

    @property
    def strongest(self) -> int | None:
        """The feature of the largest activation; None where none fires."""
        own = self.probed.fires.features
        return int(own[0]) if len(own) else None

    def activation(self, feature: int) -> float:
        """Return the activation of a feature, 0 where it is silent here."""
        place = self._place.get(feature)
        return 0.0 if place is None else float(self.probed.fires.activation[place])

    def highest(self, feature: int) -> float:
        """Return the activation that is drawn fully; 0 for a feature that is silent here."""
        place = self._place.get(feature)
        return 0.0 if place is None else float(self.probed.fires.highest[place])

    def small(self, feature: int) -> QImage | None:
        """Return the picture of a tile with a feature's heat map; None for a text."""
        if self._pixels is None:
            return None
        if feature not in self._small:
            self._small[feature] = self._heated(self._pixels, feature)
        return self._small[feature]

    def large(self, feature: int | None) -> QImage | None:
        """Return the picture, with the heat map of a feature if one is given; None for a text."""
        if self.probed.picture is None:
            return None
        if feature is None:
            return theme.to_image(self.probed.picture)
        return self._heated(self.probed.picture, feature)

    def shading(self, feature: int, palette: QPalette) -> list[QTextLayout.FormatRange]:
        """Return the shading of the text's tokens by a feature; none for a picture."""
        if not isinstance(self.probed.source, TextSource):
            return []
        tokens = self.probed.fires.tokens(feature)
        example = CaptionExample(-1, -1, "", self.text, 0.0, tokens)
        return shading(example, self.highest(feature), palette)

    def _heated(self, pixels: np.ndarray, feature: int) -> QImage:
        patches = self.probed.fires.patch_map(feature)
        if patches is None:
            return theme.to_image(pixels)
        return theme.to_image(overlay(pixels, patches, self.highest(feature)))


def _pixels(image: QImage) -> np.ndarray:
    """Return the RGB pixels of an image, whose lines are padded."""
    form = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(form.constBits(), np.uint8).reshape(form.height(), form.bytesPerLine())
    return rows[:, : 3 * form.width()].reshape(form.height(), form.width(), 3).copy()


class ProbeView(QWidget):
    """The picture or text of a probe, with what the feature looked at does on it.

    Parameters
    ----------
    tall : int
        Pixels that a picture may be high.
    parent : QWidget or None
    """

    def __init__(self, tall: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tall = tall
        self.shown: ShownProbe | None = None
        self.feature: int | None = None
        self._image: QImage | None = None
        self._layout: QTextLayout | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_probe(self, shown: ShownProbe | None, feature: int | None) -> None:
        """Show a probe and a feature on it; None shows nothing."""
        self.shown, self.feature = shown, feature
        self._image = None if shown is None else shown.large(feature)
        self.setAccessibleName("" if shown is None else shown.text)
        self.setVisible(shown is not None)
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        """Return true: a text wraps."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of the picture or of all lines."""
        if self._image is not None:
            return self._size(width).height() + 2 * _PADDING
        if self.shown is None:
            return 0
        height = self._lay_out(width).boundingRect().height()
        return int(min(height, 400)) + 2 * _PADDING

    def sizeHint(self) -> QSize:
        """Return the size at its present width."""
        return QSize(200, self.heightForWidth(max(self.width(), 200)))

    def _size(self, width: int) -> QSize:
        assert self._image is not None
        most = QSize(max(width - 2 * _PADDING, 1), self._tall)
        return self._image.size().scaled(most, Qt.AspectRatioMode.KeepAspectRatio)

    def _lay_out(self, width: int) -> QTextLayout:
        assert self.shown is not None
        inner = max(width - 2 * _PADDING, 1)
        return lay_out(self.shown.text, self.shown.language, self.font(), inner)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the picture, or the text with its shading."""
        painter = QPainter(self)
        if self._image is not None:
            size = self._size(self.width())
            left = (self.width() - size.width()) / 2
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            place = QRectF(left, _PADDING, size.width(), size.height())
            painter.drawImage(place, self._image)
        elif self.shown is not None:
            painter.setPen(self.palette().text().color())
            formats = (
                [] if self.feature is None else self.shown.shading(self.feature, self.palette())
            )
            self._lay_out(self.width()).draw(painter, QPointF(_PADDING, _PADDING), formats)
        painter.end()
