"""The map of the items, linked with the features that fire on them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from jaxtyping import Int64, UInt8, UInt16
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QImage, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from mmfeat_gui.resources import strings
from mmfeat_gui.resources.strings import split_name, tr
from mmfeat_gui.state.brushing import Contrast
from mmfeat_gui.state.categories import Categories
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.selection import NOTHING, Selection
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views import theme
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.map_canvas import MapCanvas
from mmfeat_gui.views.map_pictures import Pictures
from mmfeat_gui.views.map_tools import MapTools
from mmfeat_gui.views.panel import Area, Panel
from mmfeat_gui.views.sample_card import SampleCard
from mmfeat_gui.views.samples_side import (
    BANDS,
    DistinctFeatures,
    Entry,
    SamplesLegend,
    band_colours,
    category_colours,
)
from mmfeat_gui.workers.samples import (
    Activation,
    ColourByActivation,
    ColourByColumn,
    FeaturesOf,
    Fired,
    ItemPictures,
    ItemsOf,
    LoadedSamples,
    LoadSamples,
    LookAtItem,
)

_ACTIVATION = "activation"
_LONGEST = 80  # characters of a value of an attribute
_PREFERRED = "group"  # the attribute to begin with, where there is one of that name


class SamplesPanel(Panel):
    """Items as dots, those of similar codes beside each other.

    Brushed items are outlined, and the features that tell them from the others listed; where
    features were brushed last, the items on which they fire are outlined instead.
    """

    key: ClassVar[str] = "samples"
    area: ClassVar[Area] = "maps"

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._summary: Summary | None = None
        self._items = 0
        self._colours: Categories | Activation | None = None
        self._codes: UInt16[np.ndarray, " items"] = np.zeros(0, np.uint16)
        self._entries: tuple[Entry, ...] = ()
        self._lit = NOTHING  # items that are outlined
        self._by_features = False  # whether they are those of brushed features
        self._behind = {"map", "colours", "brush"}  # what is to be read when the panel is seen
        self._build()
        self._connect()

    def first_focus(self) -> QWidget:
        """Return the map."""
        return self.canvas

    def _build(self) -> None:
        self.canvas = MapCanvas(self, nothing=tr("samples.no_map"))
        self.canvas.setAccessibleName(tr("samples.map"))
        self.pictures = Pictures(self)
        self.canvas.show_pictures(self.pictures)
        self.card = SampleCard(self.canvas)
        self.tools = MapTools(self.canvas)
        self.colouring = QComboBox(self)
        self.colouring.setAccessibleName(tr("samples.colour_by"))
        self.colouring.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.colouring.setMinimumContentsLength(8)
        label = QLabel(tr("samples.colour_by"), self)
        label.setBuddy(self.colouring)
        self.legend = SamplesLegend(self)
        self.distinct = DistinctFeatures(self)
        self.said = theme.Muted(parent=self)
        self.every = QCheckBox(tr("samples.every"), self)
        self.every.setToolTip(tr("samples.every_tip"))
        self.take = QPushButton(tr("samples.brush_items"), self)
        side = QWidget(self)
        beside = QVBoxLayout(side)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(6)
        colour = QHBoxLayout()
        colour.addWidget(label)
        colour.addWidget(self.colouring, 1)
        beside.addLayout(colour)
        beside.addWidget(self.legend, 1)
        beside.addWidget(self.distinct, 2)
        self.halves = QSplitter(Qt.Orientation.Horizontal, self)
        self.halves.addWidget(self.canvas)
        self.halves.addWidget(side)
        self.halves.setStretchFactor(0, 1)
        self.halves.setSizes([380, 190])
        below = QHBoxLayout()
        below.addWidget(self.said, 1)
        below.addWidget(self.every)
        below.addWidget(self.take)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 4)
        column.setSpacing(6)
        column.addWidget(self.tools)
        column.addWidget(self.halves, 1)
        column.addLayout(below)
        self._say()

    def _connect(self) -> None:
        self.canvas.hovered.connect(self._hover)
        self.canvas.activated.connect(lambda item: self.context.go(Place("item", item)))
        self.canvas.selection_made.connect(self._select)
        self.canvas.viewport_changed.connect(self._move)
        self.tools.cleared.connect(self._clear)
        self.tools.inverted.connect(lambda: self._brush(self._lit.invert(self._items)))
        self.pictures.wanted.connect(self._want_pictures)
        self.colouring.activated.connect(self._choose_colouring)
        self.legend.chosen.connect(self._brush_entry)
        self.every.clicked.connect(
            lambda on: self.context.store.change("undo.brush", samples_every=on)
        )
        self.take.clicked.connect(lambda: self._brush(self._lit))
        self.distinct.opened.connect(lambda feature: self.context.go(Place("feature", feature)))
        self.distinct.brushed.connect(self._brush_features)
        self.context.summary_changed.connect(self._take_summary)
        self.context.store.changed.connect(self._follow)

    # What is read ---------------------------------------------------------------------

    def _take_summary(self, summary: Summary) -> None:
        self._summary, self._items = summary, summary.n_items
        self._colours, self._lit = None, NOTHING
        state = self.context.store.state
        self._by_features = bool(state.features) and not state.items
        self.card.dismiss()
        self.pictures.clear()
        self.canvas.show_points(None)
        self.colouring.clear()
        self.legend.show_entries((), np.zeros((0, 3), np.uint8))
        self.distinct.show_contrast(None, summary.table)
        summary.table.arrived.connect(self._name_features)
        self._behind = {"map", "colours", "brush"}
        self._catch_up()

    def showEvent(self, event: QShowEvent) -> None:
        """Read what was not worth reading while nobody saw it."""
        super().showEvent(event)
        self._catch_up()

    def _catch_up(self) -> None:
        if self._summary is None or not self.isVisible():
            return
        if "map" in self._behind:
            self._behind.discard("map")
            self.context.reader.ask(LoadSamples(), self._put_map, self._fail)
        elif self._behind and self.colouring.count():
            behind, self._behind = self._behind, set()
            if "colours" in behind:
                self._ask_colours()
            if "brush" in behind:
                self._ask_brush()

    def _fail(self, sentence: str) -> None:
        self.said.setText(sentence)

    def _put_map(self, loaded: LoadedSamples) -> None:
        self.canvas.show_points(loaded.grid)
        for name in loaded.columns:
            self.colouring.addItem(tr("samples.split") if name == "split" else name, name)
        self.colouring.addItem(tr("samples.activation"), _ACTIVATION)
        state = self.context.store.state
        self._show_choices(state)
        self.canvas.show_viewport(state.samples_viewport)
        self._ring(state)
        self._catch_up()

    def _follow(self, now: ViewState, before: ViewState) -> None:
        """Show what another state says."""
        if now.samples_every != before.samples_every:
            self._later("brush")
        if now.samples_colouring != before.samples_colouring:
            self._show_choices(now)
            self._later("colours")
        if now.items != before.items:
            self._by_features = not now.items and bool(now.features)
            self._later("brush")
        elif now.features != before.features:
            self._by_features = bool(now.features)
            self._later("brush")
        if now.place != before.place:
            self._ring(now)
            feature = now.place is not None and now.place.kind == "feature"
            if feature and self.colouring.currentData() == _ACTIVATION:
                self._later("colours")
        if now.samples_viewport not in (before.samples_viewport, self.canvas.part):
            self.canvas.show_viewport(now.samples_viewport)

    def _later(self, what: str) -> None:
        self._behind.add(what)
        self._catch_up()

    def _ring(self, state: ViewState) -> None:
        place = state.place
        item = place.index if place is not None and place.kind == "item" else -1
        self.canvas.select(item if item < self._items else -1)

    # Colours --------------------------------------------------------------------------

    def _show_choices(self, state: ViewState) -> None:
        """Show what items are coloured by: where nothing is said, the attribute preferred."""
        self.colouring.setCurrentIndex(
            max(self.colouring.findData(state.samples_colouring or _PREFERRED), 0)
        )

    def _choose_colouring(self) -> None:
        chosen = str(self.colouring.currentData())
        self.context.store.change("undo.colouring", samples_colouring=chosen)

    def _ask_colours(self) -> None:
        chosen = self.colouring.currentData()
        reader = self.context.reader
        if chosen != _ACTIVATION:
            reader.follow(ColourByColumn(str(chosen)), self._put_colours, failed=self._fail)
            return
        place = self.context.store.state.place
        if place is None or place.kind != "feature":
            self.said.setText(tr("samples.no_feature"))
        else:
            reader.follow(ColourByActivation(place.index), self._put_colours, failed=self._fail)

    def _put_colours(self, found: Categories | Activation) -> None:
        self._colours = found
        if isinstance(found, Activation):
            self._codes = _bands(found)
            counts = np.bincount(self._codes, minlength=BANDS + 1).tolist()
            top = float(found.values.max(initial=0))
            names = [
                f"{top * (BANDS - band - 1) / BANDS:.2g} – {top * (BANDS - band) / BANDS:.2g}"
                for band in range(BANDS)
            ]
            names.append(tr("samples.silent"))
        else:
            self._codes = found.codes
            counts = list(found.counts)
            named = split_name if found.column == "split" else _one_line
            names = [named(name) if name else tr("samples.unset") for name in found.names]
            names.append(tr("samples.other", count=found.values - len(found.names)))
        self._entries = tuple(Entry(*pair) for pair in zip(names, counts, strict=True))
        self._paint()

    def _paint(self) -> None:
        if self._colours is None:
            return
        table = self._table()
        self.canvas.show_colours(self._codes, table)
        self.legend.show_entries(self._entries, table)

    def _table(self) -> UInt8[np.ndarray, "k 3"]:
        if isinstance(self._colours, Activation):
            return band_colours(self.palette())
        return category_colours(len(self._entries) - 1, self.palette())

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette."""
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "canvas"):
            self._paint()
        super().changeEvent(event)

    def _value(self, item: int) -> str:
        """Return what the colour of an item stands for, in words."""
        found = self._colours
        if found is None or item >= len(self._codes) or self._summary is None:
            return ""
        if isinstance(found, Activation):
            title = tr("samples.activation_of", title=self._summary.table.title(found.feature))
            return tr("samples.card_value", column=title, value=f"{found.values[item]:.2f}")
        entry = self._entries[int(self._codes[item])]
        column = tr("samples.split") if found.column == "split" else found.column
        return tr("samples.card_value", column=column, value=entry.name)

    # Brushing -------------------------------------------------------------------------

    def _select(self, items: Int64[np.ndarray, " chosen"], mode: str) -> None:
        self._brush(self._lit.brushed(Selection.of(items), mode))

    def _brush(self, items: Selection) -> None:
        self.context.store.change("undo.brush", items=items)
        # The same items may have been those of features before.
        if self._by_features:
            self._by_features = False
            self._later("brush")

    def _clear(self) -> None:
        """Brush nothing; features too, else the items on which they fire would stay outlined."""
        self.context.store.change("undo.brush", items=NOTHING, features=NOTHING)

    def _brush_entry(self, code: int) -> None:
        self._brush(Selection.of_mask(self._codes == code))

    def _brush_features(self, features: Selection) -> None:
        self.context.store.change("undo.brush", features=features)

    def _ask_brush(self) -> None:
        state, reader = self.context.store.state, self.context.reader
        if self._by_features:
            request = ItemsOf(state.features, state.samples_every)
            reader.follow(request, self._put_fired, failed=self._fail)
        else:
            reader.forget(ItemsOf.channel)
            self._light(state.items)

    def _put_fired(self, found: Fired) -> None:
        self._light(found.items)

    def _light(self, items: Selection) -> None:
        """Outline items, and ask for the features that tell them from the others."""
        self._lit = items
        self.canvas.show_selection(items.mask(self._items) if items else None)
        self._say()
        if items and not self._by_features and len(items) < self._items:
            self.context.reader.follow(FeaturesOf(items), self._put_contrast, failed=self._fail)
        else:
            self.context.reader.forget(FeaturesOf.channel)
            self._put_contrast(None)

    def _put_contrast(self, contrast: Contrast | None) -> None:
        if self._summary is not None:
            self.distinct.show_contrast(contrast, self._summary.table)

    def _name_features(self) -> None:
        """Show the names of features that have arrived since."""
        if self.distinct.contrast is not None:
            self._put_contrast(self.distinct.contrast)

    def _say(self) -> None:
        """Say what is outlined."""
        state = self.context.store.state
        if self._by_features:
            key = "samples.all_fire" if state.samples_every else "samples.any_fire"
            text = tr(key, count=len(self._lit), features=len(state.features))
        elif self._lit:
            text = tr("samples.brushed", count=len(self._lit))
        else:
            text = tr("samples.nothing")
        self.said.setText(text)
        self.every.setChecked(state.samples_every)
        self.every.setVisible(self._by_features)
        self.take.setVisible(self._by_features and bool(self._lit))

    # Pointing and moving --------------------------------------------------------------

    def _hover(self, item: int, at: QPoint) -> None:
        reader = self.context.reader
        if item < 0:
            if self.card.isVisible():
                self.card.dismiss()
                reader.forget(LookAtItem.channel)
            return
        if item != self.card.feature:
            preferred = tuple(dict.fromkeys((strings.language(), "en")))
            reader.ask(LookAtItem(item, preferred), self.card.show_facts, self._fail)
        self.card.show_item(item, self._value(item), at)

    def _want_pictures(self, items: tuple[int, ...]) -> None:
        reader = self.context.reader
        reader.follow(ItemPictures(items), self._put_pictures, failed=self._fail)

    def _put_pictures(self, found: dict[int, UInt8[np.ndarray, "h w 3"] | None]) -> None:
        images: dict[int, QImage | None] = {
            item: None if pixels is None else theme.to_image(pixels)
            for item, pixels in found.items()
        }
        self.pictures.put(images)

    def _move(self, viewport: object) -> None:
        self.context.store.change(
            "undo.viewport", merge="samples_viewport", samples_viewport=viewport
        )


def _one_line(text: str) -> str:
    """Return a text of a file as a line, whatever stands in it."""
    return " ".join(text.split())[:_LONGEST]


def _bands(found: Activation) -> UInt16[np.ndarray, " items"]:
    """Return the band of each item, the highest first, and last that of no activation."""
    top = float(found.values.max(initial=0))
    if top <= 0:
        return np.full(len(found.values), BANDS, np.uint16)
    band = BANDS - np.ceil(found.values / top * BANDS)
    return np.asarray(np.clip(band, 0, BANDS), np.uint16)
