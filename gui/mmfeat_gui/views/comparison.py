"""Two atlases side by side: counts, spread of modality scores and map, on the same scales."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QHideEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from mmfeat.figures.palettes import COLOURINGS
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.comparison import Headline, headline, histogram, share_text, titles
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.views import theme
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.legend import Legend
from mmfeat_gui.views.map_pane import MapPane
from mmfeat_gui.views.modality_histogram import ModalityHistogram
from mmfeat_gui.views.tiles import picture_image
from mmfeat_gui.workers.pages import Card, CardRequest

_COLOURINGS = ("shared", "modality_score")


class ElidedLabel(QLabel):
    """A line of text that is cut where there is no room: in its middle, or as told."""

    def __init__(
        self,
        parent: QWidget | None = None,
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle,
    ) -> None:
        super().__init__(parent)
        self._mode = mode
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def say(self, text: str) -> None:
        """Show a text, whole in the tool tip."""
        self.setText(text)
        self.setToolTip(text)

    def shown(self) -> str:
        """Return what of the text there is room for."""
        return self.fontMetrics().elidedText(self.text(), self._mode, self.width())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what there is room for."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(self.rect(), flags, self.shown())
        painter.end()


class Figure(QWidget):
    """A number to be read from afar, its name above and what it is of below."""

    def __init__(self, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTip(tr(f"compare.tip.{key}"))
        name = theme.Muted(tr(f"compare.name.{key}"), self)
        self.value = QLabel(self)
        self.value.setFont(theme.sized(self.font(), 2.2, bold=True))
        self.of = theme.Muted(parent=self)
        for label in (name, self.value, self.of):
            label.setWordWrap(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for label in (name, self.value, self.of):
            column.addWidget(label)

    def show_number(self, value: str, of: str) -> None:
        """Show a number."""
        self.value.setText(value)
        self.of.setText(of)


class Column(QObject):
    """The widgets of one atlas, for the rows of a grid.

    Signals
    -------
    feature_activated(path, feature)
    card_wanted(feature, path)
        The cursor rests on a feature of the map; -1 when it has left.
    """

    feature_activated = Signal(object, int)
    card_wanted = Signal(int, object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.summary: Summary | None = None
        self.head = QWidget(parent)
        self.title = ElidedLabel(self.head)
        self.title.setFont(theme.sized(parent.font(), 1.5, bold=True))
        self.facts = ElidedLabel(self.head, Qt.TextElideMode.ElideRight)
        self.facts.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.open_button = QPushButton(tr("compare.open"), self.head)
        self.open_button.setToolTip(tr("compare.open_tip"))
        self.open_button.clicked.connect(self._open)
        self.figures = {
            key: Figure(key, self.head) for key in ("features", "alive", "testable", "shared")
        }
        self.histogram = ModalityHistogram(parent)
        self.map = MapPane(parent)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self.title)
        texts.addWidget(self.facts)
        top = QHBoxLayout()
        top.addLayout(texts, 1)
        top.addWidget(self.open_button, 0, Qt.AlignmentFlag.AlignTop)
        numbers = QHBoxLayout()
        for figure in self.figures.values():
            numbers.addWidget(figure, 1)
        column = QVBoxLayout(self.head)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        column.addLayout(top)
        column.addLayout(numbers)
        self.map.feature_activated.connect(self._activate)
        self.map.card_wanted.connect(self._want_card)

    def show_summary(self, summary: Summary, title: str, highest: float) -> None:
        """Show an atlas.

        Parameters
        ----------
        summary : Summary
        title : str
            What to call it.
        highest : float
            The largest share of alive features in a bar of either histogram.
        """
        self.summary = summary
        self.title.say(title)
        facts = (summary.sae, summary.source, summary.path.name)
        self.facts.say("  |  ".join(part for part in facts if part))
        scores = summary.table.scores
        found = headline(scores)
        self._show_numbers(found)
        self.histogram.show_counts(histogram(scores), found, highest)
        self.map.show_summary(summary)

    def _show_numbers(self, found: Headline) -> None:
        self.figures["features"].show_number(f"{found.features:,}", tr("compare.all"))
        share = found.alive / found.features
        of = tr("compare.of", count=found.alive, total=found.features)
        self.figures["alive"].show_number(share_text(share), of)
        for key, count in (("testable", found.testable), ("shared", found.shared)):
            of = tr("compare.of_alive", count=count, total=found.alive)
            self.figures[key].show_number(share_text(found.share(count)), of)

    def _activate(self, feature: int) -> None:
        if self.summary is not None:
            self.map.canvas.select(feature)
            self.feature_activated.emit(self.summary.path, feature)

    def _want_card(self, feature: int) -> None:
        if self.summary is not None:
            self.card_wanted.emit(feature, self.summary.path)

    def _open(self) -> None:
        if self.summary is not None:
            self.feature_activated.emit(self.summary.path, self.summary.table.first())


class Comparison(QScrollArea):
    """Two columns, each an atlas, with rows that stand side by side.

    Parameters
    ----------
    context : Context
    parent : QWidget or None

    Signals
    -------
    feature_activated(path, feature)
        A feature of the atlas at a path is to be opened.
    """

    feature_activated = Signal(object, int)

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("compare.accessible"))
        inside = QWidget(self)
        inside.setAutoFillBackground(True)
        inside.setBackgroundRole(QPalette.ColorRole.Base)
        self.columns = (Column(inside), Column(inside))
        self._sides: tuple[Path, ...] = ()
        self.cards = tuple(column.map.card for column in self.columns)
        self.colouring = QComboBox(inside)
        for key in _COLOURINGS:
            self.colouring.addItem(tr(f"colour.{key}"), key)
        label = QLabel(tr("compare.colour_maps"), inside)
        label.setBuddy(self.colouring)
        self._categories, self._scale = Legend(inside), Legend(inside)
        self._categories.show_colouring(COLOURINGS["shared"], 1)
        self._scale.show_colouring(COLOURINGS["modality_score"], 1)
        choice = QHBoxLayout()
        choice.setSpacing(8)
        choice.addWidget(label)
        choice.addWidget(self.colouring)
        choice.addWidget(self._scale, 1)
        choice.addStretch()
        grid = QGridLayout(inside)
        grid.setContentsMargins(20, 16, 20, 8)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(12)
        rule = QFrame(inside)
        rule.setFrameShape(QFrame.Shape.VLine)
        rule.setFrameShadow(QFrame.Shadow.Sunken)
        for place, column in zip((0, 2), self.columns, strict=True):
            grid.setColumnStretch(place, 1)
            for row, widget in enumerate((column.head, column.histogram, None, column.map)):
                if widget is not None:
                    grid.addWidget(widget, row, place)
            column.feature_activated.connect(self.feature_activated)
            column.card_wanted.connect(self._want_card)
        grid.addWidget(rule, 0, 1, 4, 1)
        grid.addWidget(self._categories, 2, 0)
        grid.addLayout(choice, 2, 2)
        grid.setRowStretch(1, 4)
        grid.setRowStretch(3, 5)
        self.setWidget(inside)
        self.colouring.currentIndexChanged.connect(self._recolour)
        self._recolour()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files of the atlases shown; none before the first comparison."""
        return tuple(column.summary.path for column in self.columns if column.summary is not None)

    def show_summaries(self, one: Summary, other: Summary) -> None:
        """Show two atlases, the bars of both on one scale; shown before, they keep their sides."""
        pair = (one, other) if (other.path, one.path) != self._sides else (other, one)
        self._sides = (pair[0].path, pair[1].path)
        highest = max(_highest(summary) for summary in pair)
        for column, summary, title in zip(self.columns, pair, titles(*pair), strict=True):
            column.show_summary(summary, title, highest)

    def title(self) -> str:
        """Return the names of both atlases."""
        return " | ".join(column.title.text() for column in self.columns)

    def forget(self) -> None:
        """Show nothing any more."""
        for column in self.columns:
            column.summary = None

    def fit(self) -> None:
        """Show the whole of both maps."""
        for column in self.columns:
            column.map.canvas.fit()

    def _want_card(self, feature: int, path: Path) -> None:
        """Ask for the picture of the feature under the cursor."""
        reader = self.context.reader
        if feature < 0:
            reader.forget(CardRequest.channel)
        else:
            beside = path != self.context.path
            reader.ask(CardRequest(feature, beside), self._show_card, lambda sentence: None)

    def _show_card(self, card: Card) -> None:
        picture = picture_image(card.picture, heated=False)
        for shown in self.cards:
            shown.show_picture(card.feature, picture)

    def _recolour(self) -> None:
        key = self.colouring.currentData()
        self._scale.setVisible(key == "modality_score")
        for column in self.columns:
            column.map.choose(key)

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing is hovered any more."""
        for card in self.cards:
            card.dismiss()
        super().hideEvent(event)


def _highest(summary: Summary) -> float:
    """Return the largest share of alive features in a bar."""
    scores = summary.table.scores
    return float(histogram(scores).sum(axis=1).max()) / max(headline(scores).alive, 1)
