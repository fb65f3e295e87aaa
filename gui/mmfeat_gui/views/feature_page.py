"""The page of a feature: what it fires for, in pictures and in every language."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QImage, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QButtonGroup,
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from mmfeat.corpus.languages import language_name
from mmfeat.figures.pages import CaptionExample, FeaturePage, PictureExample
from mmfeat_gui.resources.strings import language, number_texts, split_name, tr
from mmfeat_gui.views import theme
from mmfeat_gui.views.bars import ModalityBar, Rate, RateBars
from mmfeat_gui.views.captions import ColumnContent, LanguageColumns
from mmfeat_gui.views.tiles import (
    FeatureFlow,
    FeatureTile,
    PictureFlow,
    PictureTile,
    TileFlow,
)
from mmfeat_gui.workers.pages import LoadedFeature, Picture

# The numbers that decide whether a feature is shared stand at the top.
_VERDICT = ("shared_q", "shared_effect")
_WIDE = 700  # from here on the two drawings at the top stand side by side


class NumberFlow(TileFlow):
    """Scores with their names; the tool tip tells the formula."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._numbers: Sequence[tuple[str, str, str]] = ()
        super().__init__(QSize(130, 46), parent)

    def show_numbers(self, numbers: Sequence[tuple[str, str, str]]) -> None:
        """Show (name, value, explanation) of each."""
        self._numbers = numbers
        self.set_count(len(numbers))

    def describe(self, index: int) -> str:
        """Return the explanation of a number."""
        label, value, explanation = self._numbers[index]
        return f"<p><b>{escape(label)}: {escape(value)}</b></p><p>{escape(explanation)}</p>"

    def paint_tile(self, painter: QPainter, rect: QRect, index: int) -> None:
        """Draw the name over the value."""
        label, value, _ = self._numbers[index]
        inner = rect.adjusted(8, 3, -6, -3)
        small = theme.sized(self.font(), 0.82)
        painter.setFont(small)
        painter.setPen(theme.muted(self.palette()))
        cut = QFontMetrics(small).elidedText(label, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, cut)
        painter.setFont(theme.sized(self.font(), 1.0, bold=True))
        painter.setPen(self.palette().text().color())
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, value)


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
        self.flow.show_tiles(tiles)
        self.flow.resize(self.flow.row_size())
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


class FeaturePageView(QScrollArea):
    """Shows one feature.

    Signals
    -------
    feature_activated(feature), item_activated(item)
        What was clicked.
    """

    feature_activated = Signal(int)
    item_activated = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.loaded: LoadedFeature | None = None
        inside = QWidget(self)
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(16, 12, 16, 16)
        self._column.setSpacing(8)
        self._add_head()
        self._add_pictures()
        self._add_captions()
        self._add_bands()
        self.numbers = NumberFlow()
        self._add_section(tr("page.numbers"), self.numbers)
        self.neighbours = FeatureFlow()
        self.neighbours.setAccessibleName(tr("page.neighbours"))
        self.neighbours.activated.connect(
            lambda index: self.feature_activated.emit(self.neighbours.feature(index))
        )
        self._add_section(tr("page.neighbours"), self.neighbours)
        self._column.addStretch(1)
        inside.hide()
        self._inside = inside
        self.setWidget(inside)

    def content_size(self) -> QSize:
        """Return the size of all that is on the page."""
        return self._inside.size()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the two drawings under each other where they do not fit side by side."""
        wide = event.size().width() >= _WIDE
        side, under = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._bars.setDirection(side if wide else under)
        super().resizeEvent(event)

    def _add_section(self, title: str, *widgets: QWidget) -> None:
        self._column.addSpacing(6)
        self._column.addWidget(theme.heading(title))
        for widget in widgets:
            self._column.addWidget(widget)

    def _add_head(self) -> None:
        self.title = QLabel()
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setFont(theme.sized(self.font(), 1.9, bold=True))
        self.title.setWordWrap(True)
        self.number = theme.Muted()
        self.number.setWordWrap(False)
        row = QHBoxLayout()
        row.addWidget(self.title, 1)
        row.addWidget(self.number, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        self._column.addLayout(row)
        self.sentence = QLabel()
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setWordWrap(True)
        flags = Qt.TextInteractionFlag.TextSelectableByMouse
        self.sentence.setTextInteractionFlags(flags)
        self._column.addWidget(self.sentence)
        self.modality = ModalityBar()
        self.rates = RateBars()
        self.verdict = NumberFlow()
        shares, rates = QWidget(), QWidget()
        for box, widgets in (
            (shares, (theme.Muted(tr("page.modality")), self.modality, self.verdict)),
            (rates, (theme.Muted(tr("page.rates")), self.rates)),
        ):
            inner = QVBoxLayout(box)
            inner.setContentsMargins(0, 0, 0, 0)
            for widget in widgets:
                inner.addWidget(widget)
            inner.addStretch(1)
        self._bars = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._bars.setSpacing(24)
        self._bars.addWidget(shares, 2)
        self._bars.addWidget(rates, 3)
        self._column.addLayout(self._bars)

    def _add_pictures(self) -> None:
        self.heat = QCheckBox(tr("page.heat"))
        self.heat.setToolTip(tr("page.heat_tip"))
        self.heat.setChecked(True)
        self.heat.toggled.connect(self._draw_pictures)
        self.pictures = PictureStrip(76)
        self.pictures.flow.setAccessibleName(tr("page.pictures"))
        self.pictures.flow.activated.connect(self._open_picture)
        self.no_pictures = theme.Muted(tr("page.no_pictures"))
        self._column.addSpacing(6)
        row = QHBoxLayout()
        row.addWidget(theme.heading(tr("page.pictures")))
        row.addStretch(1)
        row.addWidget(self.heat)
        self._column.addLayout(row)
        self._column.addWidget(self.pictures)
        self._column.addWidget(self.no_pictures)

    def _add_captions(self) -> None:
        self.top_captions = QRadioButton(tr("page.captions_top"))
        self.all_captions = QRadioButton(tr("page.captions_bands"))
        self.all_captions.setToolTip(tr("page.captions_bands_tip"))
        self.top_captions.setChecked(True)
        group = QButtonGroup(self)
        group.addButton(self.top_captions)
        group.addButton(self.all_captions)
        self.all_captions.toggled.connect(self._draw_captions)
        self.columns = LanguageColumns()
        self.columns.item_activated.connect(self.item_activated)
        self._column.addSpacing(6)
        row = QHBoxLayout()
        row.addWidget(theme.heading(tr("page.captions")))
        row.addStretch(1)
        row.addWidget(self.top_captions)
        row.addWidget(self.all_captions)
        self._column.addLayout(row)
        self._column.addWidget(self.columns)

    def _add_bands(self) -> None:
        self.bands: list[tuple[QLabel, PictureFlow]] = []
        self.bands_box = QWidget()
        grid = QGridLayout(self.bands_box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(8)
        for index in range(4):
            label, flow = theme.Muted(), PictureFlow(60)
            flow.activated.connect(lambda k, band=index: self._open_band(band, k))
            row, column = divmod(index, 2)
            grid.addWidget(label, 2 * row, column)
            grid.addWidget(flow, 2 * row + 1, column, Qt.AlignmentFlag.AlignTop)
            grid.setColumnStretch(column, 1)
            self.bands.append((label, flow))
        self.bands_heading = theme.heading(tr("page.bands"))
        self.bands_heading.setToolTip(tr("page.bands_tip"))
        self._column.addSpacing(6)
        self._column.addWidget(self.bands_heading)
        self._column.addWidget(self.bands_box)

    # Content ------------------------------------------------------------------------

    def show_feature(self, loaded: LoadedFeature) -> None:
        """Show a feature from the top of its page."""
        self.loaded = loaded
        self._inside.show()
        page = loaded.page
        self.title.setText(page.title)
        self.number.setText(tr("page.feature_number", feature=page.feature))
        self.sentence.setText(page.sentence(language()))
        self.modality.show_energy(page.energy_image, page.energy_text)
        self.rates.show_rates(_rates(page))
        for flow, wanted in ((self.verdict, True), (self.numbers, False)):
            flow.show_numbers(
                [number_texts(one) for one in page.numbers if (one.key in _VERDICT) == wanted]
            )
        self.neighbours.show_tiles(
            [
                FeatureTile(near.feature, near.title, tr("page.cosine", cosine=near.cosine))
                for near in page.neighbours
            ]
        )
        self._draw_pictures()
        self._draw_captions()
        self.verticalScrollBar().setValue(0)

    def _draw_pictures(self) -> None:
        if self.loaded is None:
            return
        page = self.loaded.page
        self.pictures.show_tiles([self._tile(example) for example in page.pictures])
        self.no_pictures.setVisible(not page.pictures)
        shown = any(page.bands)
        self.bands_heading.setVisible(shown)
        self.bands_box.setVisible(shown)
        count = len(self.bands)
        for index, (label, flow) in enumerate(self.bands):
            band = page.bands[index] if index < len(page.bands) else []
            low, high = ((count - index - 1) / count, (count - index) / count)
            label.setText(tr("page.band", low=low, high=high, count=len(band)))
            flow.setAccessibleName(label.text())
            flow.show_tiles([self._tile(example) for example in band])

    def _tile(self, example: PictureExample) -> PictureTile:
        assert self.loaded is not None
        picture = self.loaded.pictures.get(example.item)
        label = tr("example.label", activation=example.activation, split=split_name(example.split))
        image = picture_image(picture, heated=self.heat.isChecked())
        return PictureTile(image, label, f"{example.item_id}\n{label}")

    def _draw_captions(self) -> None:
        if self.loaded is None:
            return
        page = self.loaded.page
        contents = [
            ColumnContent(
                language,
                page.names.get(language, ("", 0.0))[0],
                page.firing_by_language.get(language, 0.0),
                self._captions(language),
                page.max_token,
            )
            for language in page.columns
        ]
        self.columns.show_columns(contents)

    def _captions(self, language: str) -> list[CaptionExample]:
        assert self.loaded is not None
        page = self.loaded.page
        if self.top_captions.isChecked():
            return page.columns[language]
        return [example for band in page.column_bands.get(language, []) for example in band]

    def _open_picture(self, index: int) -> None:
        assert self.loaded is not None
        self.item_activated.emit(self.loaded.page.pictures[index].item)

    def _open_band(self, band: int, index: int) -> None:
        assert self.loaded is not None
        self.item_activated.emit(self.loaded.page.bands[band][index].item)


def picture_image(picture: Picture | None, *, heated: bool) -> QImage | None:
    """Return a picture to draw, with its heat map where there is one."""
    if picture is None:
        return None
    pixels: np.ndarray = picture.plain
    if heated and picture.heated is not None:
        pixels = picture.heated
    return theme.to_image(pixels)


def _rates(page: FeaturePage) -> list[Rate]:
    picture = Rate(
        tr("rates.picture"),
        page.firing_image,
        tr("rates.tip", name=tr("rates.pictures"), rate=page.firing_image),
        picture=True,
    )
    return [
        picture,
        *(
            Rate(language, rate, tr("rates.tip", name=language_name(language), rate=rate))
            for language, rate in page.firing_by_language.items()
        ),
    ]
