"""The map of an atlas's features with the card that tells of the one under the cursor."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from mmfeat.figures.grid import Grid
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.painting import Painting, paint_scores
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.views import theme
from mmfeat_gui.views.hover_card import HoverCard
from mmfeat_gui.views.map_canvas import MapCanvas


class MapPane(QWidget):
    """The map of an atlas.

    Signals
    -------
    feature_activated(feature)
    card_wanted(feature)
        The cursor rests on a feature; -1 when it has left.
    """

    feature_activated = Signal(int)
    card_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._summary: Summary | None = None
        self._key = ""
        self.painting: Painting | None = None
        self.points: Grid | None = None
        self.canvas = MapCanvas(self, nothing=tr("map.none"))
        self.canvas.setAccessibleName(tr("map.accessible"))
        self.card = HoverCard(self.canvas)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.canvas, 1)
        self.canvas.hovered.connect(self._hover)
        self.canvas.activated.connect(self.feature_activated)

    def show_summary(self, summary: Summary) -> None:
        """Show the map of an atlas."""
        self._summary = summary
        self.card.dismiss()
        self.points = None if summary.xy is None else Grid(summary.xy)
        self.canvas.show_points(self.points)
        self.choose(self._key)

    def choose(self, key: str) -> None:
        """Colour by a score, by the usual one if there is none of that name."""
        self._key = key
        if self._summary is not None:
            summary = self._summary
            self.paint(paint_scores(key, summary.table.scores, len(summary.languages)))

    def paint(self, painting: Painting) -> None:
        """Draw features in other colours."""
        self.painting = painting
        self.canvas.show_colours(painting.codes, theme.in_back(painting.table, self.palette()))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette."""
        if event.type() == QEvent.Type.PaletteChange and self.painting is not None:
            self.paint(self.painting)
        super().changeEvent(event)

    def _hover(self, feature: int, at: QPoint) -> None:
        summary, painting = self._summary, self.painting
        if feature < 0 or summary is None or painting is None:
            if self.card.feature >= 0:
                self.card.dismiss()
                self.card_wanted.emit(-1)
            return
        if feature != self.card.feature:
            self.card_wanted.emit(feature)
        table = summary.table
        languages = ", ".join(summary.languages_of(feature)) or tr("card.no_language")
        facts = [f"#{feature}", painting.text(feature), tr("card.languages", languages=languages)]
        title = (table.title(feature), table.title_language(feature))
        self.card.show_feature(feature, title, facts, at)
