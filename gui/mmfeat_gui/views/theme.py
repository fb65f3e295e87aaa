"""Colours and small pieces of drawing that follow the palette, light or dark."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPalette, QPen
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from mmfeat.figures.palettes import CATEGORIES, MISSING, SERIES, Colouring, colour_values

RADIUS = 6
# What has boxes to tick. Fusion draws their frames in the colour of the window, but darker.
_TICKED = ("QCheckBox", "QRadioButton", "QMenu", "QTreeView", "QListView")
_DARKER = 1.4
_DIM = np.array([0x6C, 0x6C, 0x6C], np.uint8)
_VIOLET = np.array([0xC8, 0x9A, 0xE4], np.uint8)


def mix(one: QColor, other: QColor, share: float) -> QColor:
    """Return `one` with `share` of `other` in it."""
    return QColor.fromRgbF(
        one.redF() + (other.redF() - one.redF()) * share,
        one.greenF() + (other.greenF() - one.greenF()) * share,
        one.blueF() + (other.blueF() - one.blueF()) * share,
    )


def is_dark(palette: QPalette) -> bool:
    """Return whether text is lighter than its background."""
    return palette.text().color().lightnessF() > palette.base().color().lightnessF()


def muted(palette: QPalette) -> QColor:
    """Colour of text that is read second; at least 4.5 to 1 on the usual palettes."""
    return mix(palette.text().color(), palette.base().color(), 0.36)


def line(palette: QPalette) -> QColor:
    """Colour of borders and rules."""
    return mix(palette.text().color(), palette.base().color(), 0.82)


def faint(palette: QPalette) -> QColor:
    """Colour of empty bars and of what is hovered."""
    return mix(palette.text().color(), palette.base().color(), 0.91)


def shade(palette: QPalette, strength: float) -> QColor:
    """Background of a token: from nothing to a full tint that keeps its text readable."""
    base = palette.base().color()
    tint = QColor("#9a5b00") if is_dark(palette) else QColor("#f5a623")
    return mix(base, tint, 0.08 + 0.82 * min(max(strength, 0.0), 1.0))


def image_bar(palette: QPalette) -> QColor:
    """Colour of what pictures contribute."""
    return QColor("#f0a04b") if is_dark(palette) else QColor("#d9730d")


def text_bar(palette: QPalette) -> QColor:
    """Colour of what captions contribute."""
    return QColor("#6aa9e9") if is_dark(palette) else QColor("#2f6db5")


def use_clear_frames(palette: QPalette) -> None:
    """Let the frames of boxes to tick be seen in a palette, light or dark: 3 to 1 or more."""
    own, usual = QPalette(palette), QPalette.ColorGroup
    frame = mix(palette.text().color(), palette.base().color(), 0.45)
    for group in (usual.Active, usual.Inactive):
        own.setColor(group, QPalette.ColorRole.Window, frame.lighter(round(100 * _DARKER)))
    for kind in _TICKED:
        QApplication.setPalette(own, kind)


def feature_colours(
    chosen: Colouring, values: Float[np.ndarray, " n"], n_languages: int, palette: QPalette
) -> UInt8[np.ndarray, "n 3"]:
    """Colour features as a colouring says; what is untestable or missing stays in the back."""
    return in_back(colour_values(chosen, values, n_languages), palette)


def in_back(colours: UInt8[np.ndarray, "n 3"], palette: QPalette) -> UInt8[np.ndarray, "n 3"]:
    """Return colours as they are on dark ground: the pale do not stand out, the dark are seen."""
    found = colours.copy()
    if is_dark(palette):
        for own, other in ((CATEGORIES[0], _DIM), (MISSING, _DIM), (SERIES[2], _VIOLET)):
            found[(colours == own).all(axis=1)] = other
    return found


def sized(font: QFont, factor: float, bold: bool = False) -> QFont:
    """Return a font scaled and perhaps bold."""
    scaled = QFont(font)
    scaled.setPointSizeF(max(font.pointSizeF() * factor, 6.0))
    scaled.setBold(bold)
    return scaled


def heading(text: str, parent: QWidget | None = None) -> QLabel:
    """Return the title of a section of a page."""
    label = QLabel(text, parent)
    label.setFont(sized(label.font(), 1.05, bold=True))
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


class Muted(QLabel):
    """Plain text that is read second, wrapped."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.setWordWrap(True)


def draw_card(painter: QPainter, rect: QRectF, palette: QPalette, *, hovered: bool) -> None:
    """Draw the rounded background of a tile."""
    base = palette.base().color()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(palette.highlight().color() if hovered else line(palette), 1))
    painter.setBrush(mix(base, palette.highlight().color(), 0.08) if hovered else base)
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)


def draw_focus(painter: QPainter, rect: QRectF, palette: QPalette) -> None:
    """Draw the ring that shows where the keyboard is."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(palette.highlight().color(), 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), RADIUS, RADIUS)


def to_image(pixels: UInt8[np.ndarray, "h w c"]) -> QImage:
    """Return an RGB or RGBA array as a QImage that owns its pixels."""
    pixels = np.ascontiguousarray(pixels)
    height, width, channels = pixels.shape
    form = QImage.Format.Format_RGB888 if channels == 3 else QImage.Format.Format_RGBA8888
    return QImage(pixels.data, width, height, channels * width, form).copy()
