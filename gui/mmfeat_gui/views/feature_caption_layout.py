"""Where captions of many languages stand: columns, or rows of items; laid out when needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QImage, QPalette, QTextLayout

from mmfeat.figures.pages import CaptionExample
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.views import theme
from mmfeat_gui.views.captions import lay_out, shading
from mmfeat_gui.views.fonts import font_for

WIDTH, GAP = 174, 8  # of a column, and between columns
PADDING = 10
ITEM = 92  # width of the pictures beside aligned captions
FIRST = 6  # columns that are laid out before any was ever seen


@dataclass(frozen=True)
class ColumnContent:
    """What a column shows.

    Attributes
    ----------
    language : str
    name : str
        The feature's name in that language, perhaps empty.
    rate : float
        Share of the language's captions on which the feature fires.
    examples : sequence of CaptionExample
        From the top.
    highest_token : float
        The activation that is shaded fully.
    """

    language: str
    name: str
    rate: float
    examples: Sequence[CaptionExample]
    highest_token: float


@dataclass(frozen=True)
class RowItem:
    """An item whose captions stand beside each other in all columns."""

    item: int
    image: QImage | None
    label: str


@dataclass(frozen=True)
class Place:
    """A caption: its column, and its number within it; column -1 for the item of a row."""

    column: int
    number: int


class CaptionLayout:
    """Places of captions; texts of a column are laid out when the column is asked for.

    Attributes
    ----------
    contents : sequence of ColumnContent
    rows : sequence of RowItem
        Items whose captions stand side by side; none where each column is a list of its own.
    places : list of Place
        Everything that can be pointed at, in the order of reading.
    names : list of QTextLayout
        The feature's name in each column.
    head : int
        Pixels above the first caption.
    """

    def __init__(self) -> None:
        self.contents: Sequence[ColumnContent] = ()
        self.rows: Sequence[RowItem] = ()
        self.places: list[Place] = []
        self.names: list[QTextLayout] = []
        self.row_tops: list[int] = []
        self.head = self.title = self.name_top = self.rate_top = self._bottom = 0
        self._number_of: dict[Place, int] = {}
        self._texts: dict[int, list[QTextLayout]] = {}
        self._boxes: dict[Place, QRect] = {}
        self._placed = False

    def show(self, contents: Sequence[ColumnContent], rows: Sequence[RowItem]) -> None:
        """Take other captions; `style` follows."""
        self.contents, self.rows = contents, rows
        self.places = [Place(-1, number) for number in range(len(rows))]
        self.places += [
            Place(column, number)
            for column, content in enumerate(contents)
            for number in range(len(content.examples))
        ]
        self._number_of = {place: index for index, place in enumerate(self.places)}

    def style(self, font: QFont, palette: QPalette) -> None:
        """Take font and colours: everything is laid out anew when it is asked for."""
        self.font, self.palette = font, palette
        self.small_font = theme.sized(font, 0.86)
        self.small = QFontMetrics(self.small_font).height()
        self._texts, self._boxes, self.names, self._placed = {}, {}, [], False
        plain, bold = theme.sized(font, 1.05), theme.sized(font, 1.05, bold=True)
        name_height, title = 0.0, 0
        for content in self.contents:
            name, language = content.name, content.language
            own = lay_out(
                name or tr("column.no_name"),
                language if name else "en",
                bold if name else plain,
                WIDTH - 2 * PADDING,
            )
            self.names.append(own)
            name_height = max(name_height, own.boundingRect().height())
            title = max(title, QFontMetrics(font_for(language, font)).height())
        self.title = title + 2
        self.name_top = PADDING + self.title + 4
        self.rate_top = int(self.name_top + name_height + 6)
        self.head = self.rate_top + self.small + 8

    @property
    def next(self) -> int:
        """The first column that is not laid out yet, or -1."""
        return next((c for c in range(len(self.contents)) if c not in self._texts), -1)

    def texts(self, column: int) -> list[QTextLayout]:
        """Return the texts of a column, laid out."""
        if column not in self._texts:
            content = self.contents[column]
            self._texts[column] = [
                lay_out(
                    example.text,
                    content.language,
                    self.font,
                    WIDTH - 2 * PADDING,
                    shading(example, content.highest_token, self.palette),
                )
                for example in content.examples
            ]
            self._placed = False
        return self._texts[column]

    def box(self, place: Place) -> QRect:
        """Return where a caption or an item is."""
        if place.column >= 0:
            self.texts(place.column)
        return self._all()[place]

    def size(self) -> QSize:
        """Return the size of all that is laid out."""
        self._all()
        width = self.left(len(self.contents)) - (GAP if self.contents else 0)
        return QSize(max(width, 0), self._bottom + PADDING)

    def left(self, column: int) -> int:
        """Return where a column begins."""
        return column * (WIDTH + GAP) + (ITEM + GAP if self.rows else 0)

    def columns_in(self, rect: QRect) -> range:
        """Return the columns of which something is in a rectangle; some where it is empty."""
        if rect.isEmpty():
            return range(min(FIRST, len(self.contents)))
        first = self.left(0)
        low = max((rect.left() - first) // (WIDTH + GAP), 0)
        high = (rect.right() - first) // (WIDTH + GAP) + 1
        return range(low, min(max(high, low), len(self.contents)))

    def part_at(self, point: QPoint) -> int:
        """Return the place under a point, or -1."""
        for place, box in self._all().items():
            if box.contains(point):
                return self._number_of[place]
        return -1

    def example(self, place: Place) -> CaptionExample:
        """Return the caption at a place."""
        return self.contents[place.column].examples[place.number]

    def item(self, place: Place) -> int:
        """Return the item of a place."""
        return self.rows[place.number].item if place.column < 0 else self.example(place).item

    def number(self, place: Place) -> int | None:
        """Return the number of a place in the order of reading; None where there is none."""
        return self._number_of.get(place)

    # Moving ---------------------------------------------------------------------------

    def moved(self, index: int, key: Qt.Key) -> int | None:
        """Return where an arrow key leads from a place; None where it leads nowhere."""
        here = self.places[index]
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(key, 0)
        if step:
            return self.number(Place(here.column, here.number + step))
        aside = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(key, 0)
        column = here.column + aside
        while aside and -1 <= column < len(self.contents):
            found = self._beside(here, column)
            if found is not None:
                return self.number(found)
            column += aside
        return None

    def _beside(self, here: Place, column: int) -> Place | None:
        """Return what stands in another column where a place is."""
        item = self.item(here)
        if column < 0:
            own = [number for number, row in enumerate(self.rows) if row.item == item]
            return Place(-1, own[0]) if own else None
        examples = self.contents[column].examples
        if not self.rows:
            return Place(column, min(here.number, len(examples) - 1)) if examples else None
        own = [number for number, example in enumerate(examples) if example.item == item]
        return Place(column, own[0]) if own else None

    # Placing --------------------------------------------------------------------------

    def _all(self) -> dict[Place, QRect]:
        """Return where everything is that is laid out."""
        if not self._placed:
            self._boxes, self._placed = {}, True
            if self.rows:
                self._place_rows()
            else:
                self._bottom = self.head + 8 + self.small + 8
                for column, layouts in self._texts.items():
                    top = self.head + 8
                    for number, layout in enumerate(layouts):
                        top = self._put(Place(column, number), layout, top)
                    self._bottom = max(self._bottom, top)
        return self._boxes

    def _put(self, place: Place, layout: QTextLayout, top: int) -> int:
        height = int(layout.boundingRect().height()) + self.small + 8
        self._boxes[place] = QRect(self.left(place.column) + 2, top, WIDTH - 4, height)
        return top + height + 2

    def _place_rows(self) -> None:
        number_of = {row.item: at for at, row in enumerate(self.rows)}
        own: list[list[Place]] = [[] for _ in self.rows]
        for column in self._texts:
            for number, example in enumerate(self.contents[column].examples):
                own[number_of[example.item]].append(Place(column, number))
        top, self.row_tops = self.head + 8, []
        least = ITEM - 12 + self.small + 8
        for at, captions in enumerate(own):
            self.row_tops.append(top)
            bottoms: dict[int, int] = {}
            for place in captions:
                begin = bottoms.get(place.column, top)
                layout = self._texts[place.column][place.number]
                bottoms[place.column] = self._put(place, layout, begin)
            self._boxes[Place(-1, at)] = QRect(2, top, ITEM - 4, least)
            top = max(top + least, *bottoms.values(), 0) + 8
        self._bottom = top
