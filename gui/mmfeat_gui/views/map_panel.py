"""The map of features with what it is coloured and sized by, its tools and its legend."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Int64, UInt8
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from mmfeat.figures.grid import Grid
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.features import FeatureTable
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.map_labels import Clusters, cluster_names
from mmfeat_gui.state.painting import (
    SOURCE,
    TAG,
    Painting,
    colour_keys,
    paint_scores,
    paint_tag,
    score_name,
    size_keys,
    sizes_of,
)
from mmfeat_gui.state.query import Limit
from mmfeat_gui.state.selection import NOTHING, Selection
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views import theme
from mmfeat_gui.views.actions import Action
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.legend import Legend
from mmfeat_gui.views.map_canvas import Tool
from mmfeat_gui.views.map_pane import MapPane
from mmfeat_gui.views.map_pictures import Pictures
from mmfeat_gui.views.map_tools import MapTools
from mmfeat_gui.views.panel import Area, Panel
from mmfeat_gui.views.tiles import picture_image
from mmfeat_gui.workers.map import TopPictures
from mmfeat_gui.workers.pages import Card, CardRequest

if TYPE_CHECKING:
    from mmfeat_gui.views.main_window import MainWindow

_AT_ONCE = 2000  # names between two rests of the thread that gathers them


class MapPanel(Panel):
    """The map of features."""

    key: ClassVar[str] = "map"
    area: ClassVar[Area] = "maps"

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._painting: Painting | None = None
        self._clusters: Clusters | None = None
        self._gathering = False
        self.pane = MapPane(self)
        self.canvas = self.pane.canvas
        self.pictures = Pictures(self)
        self.tools = MapTools(self.canvas, self)
        self.labels = self.tools.add_switch("map.labels")
        self.thumbnails = self.tools.add_switch("map.pictures")
        self.legend = Legend(self, filters=True)
        self.colouring, self.sizing = QComboBox(self), QComboBox(self)
        self._build()
        self._connect()

    def first_focus(self) -> QWidget:
        """Return the map."""
        return self.canvas

    def _build(self) -> None:
        choices = QHBoxLayout()
        for text, box in (("map.colour_by", self.colouring), ("map.size_by", self.sizing)):
            box.setAccessibleName(tr(text))
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(9)
            label = QLabel(tr(text), self)
            label.setBuddy(box)
            choices.addWidget(label)
            choices.addWidget(box, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 4)
        column.setSpacing(6)
        column.addLayout(choices)
        column.addWidget(self.tools)
        column.addWidget(self.pane, 1)
        column.addWidget(self.legend)

    def _connect(self) -> None:
        store = self.context.store
        self.pane.feature_activated.connect(lambda at: self.context.go(Place("feature", at)))
        self.pane.card_wanted.connect(self._want_card)
        self.canvas.selection_made.connect(self._select)
        self.canvas.viewport_changed.connect(
            lambda view: store.change("undo.viewport", merge="map", viewport=view)
        )
        self.pictures.wanted.connect(self._want_pictures)
        self.tools.cleared.connect(lambda: self._brush(NOTHING))
        self.tools.inverted.connect(self._invert)
        self.labels.triggered.connect(lambda on: store.change("undo.labels", labels=on))
        self.thumbnails.triggered.connect(lambda on: store.change("undo.thumbnails", thumbnails=on))
        self.colouring.activated.connect(self._colour_by)
        self.sizing.activated.connect(
            lambda _: store.change("undo.sizing", sizing=self.sizing.currentData())
        )
        self.legend.hidden_changed.connect(
            lambda hidden: store.change("undo.hidden", hidden=hidden | self._hidden_sources())
        )
        self.legend.range_changed.connect(self._limit)
        self.context.summary_changed.connect(self._show_summary)
        self.context.notes_changed.connect(self._show_notes)
        store.changed.connect(self._follow)

    # What is shown ------------------------------------------------------------------

    def _show_summary(self, summary: Summary) -> None:
        """Show another atlas as the state says."""
        state = self.context.store.state
        self.pane.show_summary(summary)
        self.pictures.clear()
        self._clusters, self._gathering = None, False
        summary.table.filtered.connect(self._show_matches)
        summary.table.arrived.connect(self._take_arrived)
        self._fill_choices()
        self._show_colours(state)
        self._show_sizes(state)
        self._show_selection(state)
        self.canvas.select(_ringed(state))
        self.canvas.show_viewport(state.viewport)
        self._show_switches(state)
        self._take_arrived()

    def _follow(self, now: ViewState, before: ViewState) -> None:
        if self.context.summary is None:
            return
        if now.colouring != before.colouring:
            self._show_colours(now)
        elif now.hidden != before.hidden:
            self.legend.show_hidden(now.hidden)
            self._show_matches()
        elif now.query is not before.query:
            self._show_range(now)
        if now.sizing != before.sizing:
            self._show_sizes(now)
        if now.features is not before.features:
            self._show_selection(now)
        if now.place is not before.place:
            self.canvas.select(_ringed(now))
        if now.viewport not in (before.viewport, self.canvas.part):
            self.canvas.show_viewport(now.viewport)
        if (now.labels, now.thumbnails) != (before.labels, before.thumbnails):
            self._show_switches(now)

    def _show_colours(self, state: ViewState) -> None:
        summary = self.context.summary
        assert summary is not None
        if state.colouring.startswith(TAG):
            tag = state.colouring.removeprefix(TAG)
            tagged = self.context.notes.tagged(tag)
            painting = paint_tag(tag, tagged, len(summary.table))
        else:
            count = len(summary.languages)
            painting = paint_scores(state.colouring, summary.table.scores, count)
        self._painting = painting
        self.pane.paint(painting)
        categories = bool(painting.names)
        self.legend.show_colouring(
            painting.chosen,
            painting.n_languages,
            table=painting.table if categories else None,
            names=painting.names,
            counts=painting.counts() if categories else None,
            ranges=summary.table.describe(painting.chosen.key) is not None,
        )
        self.legend.show_hidden(state.hidden)
        _choose(self.colouring, state.colouring)
        self._show_range(state)
        self._show_matches()

    def _show_range(self, state: ViewState) -> None:
        if self._painting is not None and not self._painting.names:
            limit = state.query.limit(self._painting.chosen.key)
            low, high = (-math.inf, math.inf) if limit is None else (limit.low, limit.high)
            self.legend.scale.show_range(low, high)

    def _show_matches(self) -> None:
        """Dim what the filters or the legend hide."""
        summary, state = self.context.summary, self.context.store.state
        if summary is not None and self._painting is not None:
            keep = summary.table.passing & self._painting.shown(state.hidden)
            self.canvas.show_matches(keep)

    def _show_sizes(self, state: ViewState) -> None:
        assert self.context.summary is not None
        self.canvas.show_sizes(sizes_of(state.sizing, self.context.summary.table.scores))
        _choose(self.sizing, state.sizing)

    def _show_selection(self, state: ViewState) -> None:
        assert self.context.summary is not None
        count = len(self.context.summary.table)
        self.canvas.show_selection(state.features.mask(count) if len(state.features) else None)

    def _show_switches(self, state: ViewState) -> None:
        self.labels.setChecked(state.labels)
        self.thumbnails.setChecked(state.thumbnails)
        self.canvas.show_labels(self._clusters if state.labels else None)
        self.canvas.show_pictures(self.pictures if state.thumbnails else None)

    def _show_notes(self) -> None:
        """Follow the tags."""
        if self.context.summary is not None:
            self._fill_choices()
            if self.context.store.state.colouring.startswith(TAG):
                self._show_colours(self.context.store.state)

    def _fill_choices(self) -> None:
        summary, state = self.context.summary, self.context.store.state
        assert summary is not None
        colours = colour_keys(summary.table.scores)
        colours += [TAG + tag for tag in self.context.notes.tags()]
        sizes = ["", *size_keys(summary.table.scores)]
        for box, keys, chosen in (
            (self.colouring, colours, state.colouring),
            (self.sizing, sizes, state.sizing),
        ):
            if [box.itemData(at) for at in range(box.count())] != keys:
                box.clear()
                for key in keys:
                    box.addItem(score_name(key) if key else tr("map.same_size"), key)
            _choose(box, chosen)

    def _take_arrived(self) -> None:
        """Take scores and names that came from the file."""
        summary, state = self.context.summary, self.context.store.state
        if summary is None:
            return
        self._fill_choices()
        if self._painting is not None and self._painting.chosen.key != state.colouring:
            self._show_colours(state)  # its score was not there before
        points, table = self.pane.points, summary.table
        if table.named and points is not None and not self._gathering:
            self._gathering = True
            self.context.tasks.run(
                lambda: _clusters(points, table), lambda found: self._put_clusters(found, table)
            )

    def _put_clusters(self, clusters: Clusters, table: FeatureTable) -> None:
        if self.context.summary is not None and self.context.summary.table is table:
            self._clusters = clusters
            self._show_switches(self.context.store.state)

    # What the user does -------------------------------------------------------------

    def _colour_by(self) -> None:
        key = self.colouring.currentData()
        if not key.startswith(TAG):
            self.context.settings.colouring = key
        hidden = self._hidden_sources()
        self.context.store.change("undo.colouring", colouring=key, hidden=hidden)

    def _hidden_sources(self) -> frozenset[str]:
        """Return what is switched off on the joint map, which is none of this map's."""
        hidden = self.context.store.state.hidden
        return frozenset(label for label in hidden if label.startswith(SOURCE))

    def _limit(self, low: float, high: float) -> None:
        assert self._painting is not None
        column = self._painting.chosen.key
        query = self.context.store.state.query.limited(Limit(column, low, high))
        self.context.store.change("undo.filter", merge=f"limit:{column}", query=query)

    def _select(self, points: Int64[np.ndarray, " k"], mode: str) -> None:
        self._brush(self.context.store.state.features.brushed(Selection.of(points), mode))

    def _invert(self) -> None:
        if self.context.summary is not None:
            count = len(self.context.summary.table)
            self._brush(self.context.store.state.features.invert(count))

    def _brush(self, features: Selection) -> None:
        self.context.store.change("undo.select_features", features=features)

    # What is read -------------------------------------------------------------------

    def _want_card(self, feature: int) -> None:
        if feature < 0:
            self.context.reader.forget(CardRequest.channel)
        else:
            # A card without its picture says enough.
            self.context.reader.ask(CardRequest(feature), self._show_card, lambda sentence: None)

    def _show_card(self, card: Card) -> None:
        self.pane.card.show_picture(card.feature, picture_image(card.picture, heated=False))

    def _want_pictures(self, features: tuple[int, ...]) -> None:
        self.context.reader.follow(
            TopPictures(features), self._put_pictures, failed=lambda sentence: None
        )

    def _put_pictures(self, found: Mapping[int, UInt8[np.ndarray, "h w 3"] | None]) -> None:
        self.pictures.put(
            {at: None if own is None else theme.to_image(own) for at, own in found.items()}
        )

    def changeEvent(self, event: QEvent) -> None:
        """Measure names anew in another font."""
        if event.type() == QEvent.Type.FontChange and self.context.summary is not None:
            self._show_switches(self.context.store.state)
        super().changeEvent(event)


def _choose(box: QComboBox, key: str) -> None:
    box.setCurrentIndex(max(box.findData(key), 0))


def _ringed(state: ViewState) -> int:
    place = state.place
    return place.index if place is not None and place.kind == "feature" else -1


def _clusters(points: Grid, table: FeatureTable) -> Clusters:
    """Name the clusters of a map; on a thread, which rests so that the window goes on."""
    titles: list[tuple[str, str]] = []
    for start in range(0, len(table), _AT_ONCE):
        titles += _titles(table, start, min(start + _AT_ONCE, len(table)))
        time.sleep(0.001)
    names, languages = zip(*titles, strict=True) if titles else ((), ())
    return cluster_names(points, names, languages)


def _titles(table: FeatureTable, start: int, stop: int) -> Iterator[tuple[str, str]]:
    for feature in range(start, stop):
        language = table.title_language(feature)
        yield (table.title(feature), language) if language else ("", "")


def _panel(window: MainWindow) -> MapPanel:
    panel = window.panel(MapPanel)
    assert isinstance(panel, MapPanel)
    return panel


def _use(window: MainWindow, tool: Tool) -> None:
    """Bring the map to the front with a tool in hand."""
    window.bring(MapPanel.key)
    _panel(window).canvas.set_tool(tool)


ACTIONS: tuple[Action, ...] = (
    Action("fit", "view", lambda window: _panel(window).canvas.fit(), ("Ctrl+0",)),
    Action(
        "map_labels",
        "view",
        lambda window: _panel(window).labels.trigger(),
        checked=lambda window: window.context.store.state.labels,
    ),
    Action(
        "map_pictures",
        "view",
        lambda window: _panel(window).thumbnails.trigger(),
        checked=lambda window: window.context.store.state.thumbnails,
    ),
    Action("invert_features", "select", lambda window: _panel(window).tools.invert.trigger()),
    Action(
        "clear_features", "select", lambda window: _panel(window).tools.clear_selection.trigger()
    ),
    Action("use_lasso", "select", lambda window: _use_lasso(window)),
)


def _use_lasso(window: MainWindow) -> None:
    window.bring(MapPanel.key)
    _panel(window).canvas.set_tool("lasso")
