"""The page of a feature: what it fires for, in pictures and in every language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QButtonGroup,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from mmfeat.corpus.languages import language_name
from mmfeat.figures.pages import CaptionExample, FeaturePage
from mmfeat_gui.resources.strings import language, number_texts, tr
from mmfeat_gui.state.settings import UNFOLDED
from mmfeat_gui.views import theme
from mmfeat_gui.views.bars import ModalityBar, Rate, RateBars
from mmfeat_gui.views.feature_bodies import (
    BridgeBody,
    ConsistencyBody,
    MeaningBody,
    NamesBody,
    ProbesBody,
    SplittingBody,
)
from mmfeat_gui.views.feature_caption_layout import ColumnContent, RowItem
from mmfeat_gui.views.feature_captions import LanguageColumns
from mmfeat_gui.views.feature_fold import Fold
from mmfeat_gui.views.feature_histograms import ActivationHistograms
from mmfeat_gui.views.feature_languages import LanguageChooser, shown_languages
from mmfeat_gui.views.feature_numbers import NumberFlow
from mmfeat_gui.views.feature_pictures import FeaturePictures, HeatKey
from mmfeat_gui.views.tiles import FeatureFlow, FeatureTile, picture_image
from mmfeat_gui.workers.pages import FeatureRequest, LoadedFeature

# The numbers that decide whether a feature is shared stand at the top.
_VERDICT = ("shared_q", "shared_effect")
_LONGEST = 300  # characters of a title
_WIDE = 700  # from here on the two drawings at the top stand side by side
_ROW = 600  # and what can be chosen beside the heading of a section
_OF_PAGE = ("numbers", "neighbours")  # sections whose content comes with every page


class FeaturePageView(QScrollArea):
    """Shows one feature.

    Signals
    -------
    feature_activated(feature), item_activated(item)
        What was clicked.
    range_brushed(language, low, high, mode)
        The items whose activation lies in a range, as `ActivationHistograms.brushed` tells it.
    heat_chosen(bool), captions_chosen(bool, bool), languages_chosen(tuple of str)
        What is to be shown otherwise.
    unfolded_chosen(tuple of str)
        The sections that are unfolded are others.
    wanted()
        Something is unfolded that was not read yet.
    completed()
        All that is unfolded is shown.
    """

    feature_activated = Signal(int)
    item_activated = Signal(int)
    range_brushed = Signal(str, float, float, str)
    heat_chosen = Signal(bool)
    captions_chosen = Signal(bool, bool)
    languages_chosen = Signal(object)
    unfolded_chosen = Signal(object)
    wanted = Signal()
    completed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.loaded: LoadedFeature | None = None
        self._chosen: tuple[str, ...] = ()
        self._drawn: tuple[object, ...] = ()
        self._headings: list[QBoxLayout] = []
        inside = QWidget(self)
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(16, 12, 16, 16)
        self._column.setSpacing(8)
        self._add_head()
        self._add_pictures()
        self._add_captions()
        self.folds: dict[str, Fold] = {}
        self._add_sections()
        self._column.addStretch(1)
        inside.hide()
        self._inside = inside
        self.setWidget(inside)

    @property
    def complete(self) -> bool:
        """Whether all that is unfolded is shown, captions outside the window laid out too."""
        return self.loaded is not None and not self.columns.grid.pending

    def unfold_all(self, unfolded: bool) -> None:
        """Unfold or fold all sections."""
        for fold in self.folds.values():
            fold.unfold(unfolded)
        self._tell_unfolded()

    def _tell_unfolded(self) -> None:
        unfolded = tuple(key for key, fold in self.folds.items() if fold.unfolded)
        self.unfolded_chosen.emit(unfolded)

    def request(self, feature: int) -> FeatureRequest:
        """Return what must be read of a feature to show what is unfolded."""
        sections = tuple(
            key for key, fold in self.folds.items() if fold.unfolded and key not in _OF_PAGE
        )
        return FeatureRequest(
            feature, self.all_captions.isChecked(), self.same_items.isChecked(), sections
        )

    def content_size(self) -> QSize:
        """Return the size of all that is on the page."""
        return self._inside.size()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put things under each other that do not fit side by side."""
        width = event.size().width()
        side, under = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._bars.setDirection(side if width >= _WIDE else under)
        for row in self._headings:
            row.setDirection(side if width >= _ROW else under)
        super().resizeEvent(event)

    # Making ---------------------------------------------------------------------------

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
        self.sentence.setTextInteractionFlags(
            flags | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._column.addWidget(self.sentence)
        self.modality = ModalityBar()
        self.rates = RateBars()
        self.verdict = NumberFlow()
        self.verdict.setAccessibleName(tr("page.verdict"))
        shares, rates = QWidget(), QWidget()
        of_rates = theme.Muted(tr("page.rates"))
        of_rates.setToolTip(tr("page.rates_tip"))
        for box, widgets in (
            (shares, (theme.Muted(tr("page.modality")), self.modality, self.verdict)),
            (rates, (of_rates, self.rates)),
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
        self.heat.toggled.connect(self.heat_chosen)
        self.heat_key = HeatKey()
        self.pictures = FeaturePictures()
        self.pictures.item_activated.connect(self.item_activated)
        self._add_heading("page.pictures", self.heat_key, self.heat)
        self._column.addWidget(self.pictures)

    def _add_heading(self, key: str, *choices: QWidget) -> None:
        """Add the heading of a section, with what can be chosen there."""
        beside = QHBoxLayout()
        for widget in choices:
            beside.addWidget(widget)
        beside.addStretch(1)
        row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        row.addWidget(theme.heading(tr(key)), 1)
        row.addLayout(beside)
        self._headings.append(row)
        self._column.addSpacing(6)
        self._column.addLayout(row)

    def _add_captions(self) -> None:
        self.top_captions = QRadioButton(tr("page.captions_top"))
        self.all_captions = QRadioButton(tr("page.captions_bands"))
        self.same_items = QRadioButton(tr("page.captions_same"))
        self.top_captions.setToolTip(tr("page.captions_top_tip"))
        self.all_captions.setToolTip(tr("page.captions_bands_tip"))
        self.same_items.setToolTip(tr("page.captions_same_tip"))
        self.top_captions.setChecked(True)
        self._modes = QButtonGroup(self)
        self.languages = LanguageChooser()
        self.languages.chosen.connect(self.languages_chosen)
        self.columns = LanguageColumns()
        self.columns.item_activated.connect(self.item_activated)
        self.columns.arranged.connect(self._arranged)
        buttons = (self.top_captions, self.all_captions, self.same_items)
        for button in buttons:
            self._modes.addButton(button)
        self._modes.buttonClicked.connect(self._choose_mode)
        self._add_heading("page.captions", *buttons, self.languages)
        self._column.addWidget(self.columns)

    def _add_sections(self) -> None:
        self._fold("activations", ActivationHistograms, lambda b, c: b.show_activations(c))
        self._fold("numbers", self._make_numbers, lambda b, c: b.show_numbers(c))
        self._fold("consistency", ConsistencyBody, lambda b, c: b.show_content(c))
        self._fold("neighbours", self._make_neighbours, lambda b, c: b.show_tiles(c))
        self._fold("bridge", BridgeBody, lambda b, c: b.show_content(c, self._feature))
        self._fold("names", NamesBody, lambda b, c: b.show_content(c))
        self._fold("meaning", MeaningBody, lambda b, c: b.show_content(c))
        self._fold("splitting", SplittingBody, lambda b, c: b.show_content(c, self._feature))
        self._fold("probes", ProbesBody, lambda b, c: b.show_content(c))

    def _make_numbers(self) -> NumberFlow:
        made = NumberFlow()
        made.setAccessibleName(tr("page.numbers"))
        return made

    def _make_neighbours(self) -> FeatureFlow:
        made = FeatureFlow()
        made.setAccessibleName(tr("page.neighbours"))
        made.activated.connect(lambda index: self.feature_activated.emit(made.feature(index)))
        return made

    def _fold(self, key: str, make: Any, show: Any) -> None:
        def made() -> QWidget:
            body: QWidget = make()
            if isinstance(body, BridgeBody | SplittingBody):
                body.feature_activated.connect(self.feature_activated)
            if isinstance(body, ActivationHistograms):
                body.brushed.connect(self.range_brushed)
            return body

        fold = Fold(key, made, show, unfolded=key in UNFOLDED)
        fold.wanted.connect(self.wanted)
        fold.turned.connect(self._tell_unfolded)
        self.folds[key] = fold
        self._column.addWidget(fold)

    # Content --------------------------------------------------------------------------

    @property
    def _feature(self) -> int:
        assert self.loaded is not None
        return self.loaded.page.feature

    def show_choices(
        self,
        *,
        heat: bool,
        bands: bool,
        aligned: bool,
        languages: Sequence[str],
        unfolded: Sequence[str],
    ) -> None:
        """Follow what was chosen to be shown; what must be read first is not waited for."""
        self._chosen = tuple(languages)
        self.heat.blockSignals(True)
        self.heat.setChecked(heat)
        self.heat.blockSignals(False)
        other = self.all_captions if bands else self.top_captions
        (self.same_items if aligned else other).setChecked(True)
        for key, fold in self.folds.items():
            if fold.unfolded != (key in unfolded):
                fold.unfold(key in unfolded)
        if self.loaded is not None and self._choices() != self._drawn:
            self._draw_examples()

    def _choices(self) -> tuple[object, ...]:
        same = self.same_items.isChecked()
        return self.heat.isChecked(), self.all_captions.isChecked(), same, self._chosen

    def show_feature(self, loaded: LoadedFeature) -> None:
        """Show a feature, from the top of its page if it is another one."""
        again = self.loaded is not None and self._feature == loaded.page.feature
        self.loaded = loaded
        self.setUpdatesEnabled(False)
        self._inside.show()
        page = loaded.page
        self.title.setText(page.title[:_LONGEST])
        self.number.setText(tr("page.feature_number", feature=page.feature))
        self.sentence.setText(page.sentence("ko" if language() == "ko" else "en"))
        self.modality.show_energy(page.energy_image, page.energy_text)
        self.rates.show_rates(_rates(page))
        texts = {one.key: number_texts(one) for one in page.numbers}
        self.verdict.show_numbers([texts[key] for key in _VERDICT if key in texts])
        self._draw_examples()
        of_page = {
            "numbers": [text for key, text in texts.items() if key not in _VERDICT],
            "neighbours": [
                FeatureTile(
                    near.feature,
                    near.title,
                    tr("page.cosine", cosine=near.cosine),
                    tr("page.cosine_tip", cosine=near.cosine),
                )
                for near in page.neighbours
            ],
        }
        for key, fold in self.folds.items():
            fold.show_content(of_page[key] if key in of_page else loaded.sections.get(key))
        if not again:
            self.verticalScrollBar().setValue(0)
        self.setUpdatesEnabled(True)
        if self.complete:
            self.completed.emit()

    def _draw_examples(self) -> None:
        self._drawn = self._choices()
        self._draw_pictures()
        self._draw_captions()

    def _draw_pictures(self) -> None:
        assert self.loaded is not None
        heat, bands = self.heat.isChecked(), self.all_captions.isChecked()
        self.pictures.show_pictures(self.loaded, heat=heat, bands=bands)
        self.heat_key.show_highest(self.loaded.page.max_patch if heat else 0.0)

    def _draw_captions(self) -> None:
        assert self.loaded is not None
        page, parallel = self.loaded.page, self.loaded.parallel
        if self.all_captions.isChecked() and not page.column_bands:
            return  # they are still being read
        self.languages.show_languages(tuple(page.columns), self._chosen)
        contents = [
            ColumnContent(
                tag,
                page.names.get(tag, ("", 0.0))[0],
                page.firing_by_language.get(tag, 0.0),
                self._captions(tag),
                page.max_token,
            )
            for tag in shown_languages(tuple(page.columns), self._chosen)
        ]
        rows = []
        if self.same_items.isChecked():
            heat = self.heat.isChecked()
            for own in parallel:
                picture = self.loaded.pictures.get(own.picture.item)
                rows.append(
                    RowItem(
                        own.picture.item,
                        picture_image(picture, heated=heat),
                        own.picture.item_id,
                    )
                )
        self.columns.show_columns(contents, rows)

    def _captions(self, tag: str) -> list[CaptionExample]:
        assert self.loaded is not None
        page = self.loaded.page
        if self.same_items.isChecked():
            return [one for own in self.loaded.parallel for one in own.captions.get(tag, [])]
        if self.all_captions.isChecked():
            return [example for band in page.column_bands.get(tag, []) for example in band]
        return page.columns[tag]

    def _choose_mode(self) -> None:
        """Ask for what another choice of captions needs."""
        self.captions_chosen.emit(self.all_captions.isChecked(), self.same_items.isChecked())

    def _arranged(self) -> None:
        if self.complete:
            self.completed.emit()


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
            Rate(tag, rate, tr("rates.tip", name=language_name(tag), rate=rate))
            for tag, rate in page.firing_by_language.items()
        ),
    ]
