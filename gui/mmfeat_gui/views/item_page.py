"""The page of an item: its picture, its captions, and the features that fire on them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from mmfeat.corpus.languages import is_rtl, language_name
from mmfeat.figures.pages import ItemFeature, ItemPage
from mmfeat_gui.resources.strings import split_name, tr
from mmfeat_gui.views import theme
from mmfeat_gui.views.captions import alignment
from mmfeat_gui.views.feature_page import picture_image
from mmfeat_gui.views.fonts import font_for
from mmfeat_gui.views.tiles import FeatureFlow, FeatureTile
from mmfeat_gui.workers.pages import LoadedItem

_SIDE = 168
_CARDS = 4  # languages beside each other


def _detail(one: ItemFeature) -> str:
    parts = []
    if one.image_activation > 0:
        parts.append(tr("item.picture_activation", activation=one.image_activation))
    if len(one.languages) == 1:
        language, activation = next(iter(one.languages.items()))
        parts.append(tr("item.one_language", language=language, activation=activation))
    elif one.languages:
        highest = max(one.languages.values())
        parts.append(tr("item.many_languages", count=len(one.languages), activation=highest))
    return " · ".join(parts)


def _tip(one: ItemFeature) -> str:
    lines = [tr("item.picture_activation", activation=one.image_activation)]
    lines += [
        tr("item.one_language", language=language, activation=activation)
        for language, activation in one.languages.items()
    ]
    return "\n".join(lines)


class _Group(QWidget):
    """A heading with the features under it, or a word that there are none."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key
        self.heading = theme.heading("")
        self.heading.setToolTip(tr(f"item.{key}_tip"))
        self.none = theme.Muted(tr("item.none"))
        self.flow = FeatureFlow()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.heading)
        column.addWidget(self.none)
        column.addWidget(self.flow)
        self.show_features([])

    def show_features(self, features: Sequence[ItemFeature]) -> None:
        """Show these features."""
        title = tr(f"item.{self._key}")
        self.heading.setText(f"{title} ({len(features)})")
        self.flow.setAccessibleName(title)
        self.none.setVisible(not features)
        self.flow.show_tiles(
            [FeatureTile(one.feature, one.title, _detail(one), _tip(one)) for one in features]
        )


class ItemPageView(QScrollArea):
    """Shows one item.

    Signals
    -------
    feature_activated(feature)
    """

    feature_activated = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.loaded: LoadedItem | None = None
        self.picture = QLabel()
        self.picture.setFixedSize(_SIDE, _SIDE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setFrameShape(QFrame.Shape.StyledPanel)
        self.title = QLabel()
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setFont(theme.sized(self.font(), 1.9, bold=True))
        self.title.setWordWrap(True)
        self.facts = QLabel()
        self.facts.setTextFormat(Qt.TextFormat.PlainText)
        self.facts.setWordWrap(True)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        texts = QVBoxLayout()
        texts.addWidget(self.title)
        texts.addWidget(self.facts)
        texts.addStretch(1)
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(texts, 1)
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 12, 16, 16)
        column.addLayout(head)
        column.addSpacing(8)
        column.addWidget(theme.heading(tr("item.captions")))
        self._captions = QWidget()
        self._captions_column = QVBoxLayout()
        self._captions_column.addWidget(self._captions)
        column.addLayout(self._captions_column)
        self.groups = {
            key: _Group(key) for key in ("both", "several", "picture_only", "single_only")
        }
        for group in self.groups.values():
            column.addWidget(group)
            group.flow.activated.connect(
                lambda index, flow=group.flow: self.feature_activated.emit(flow.feature(index))
            )
        column.addStretch(1)
        self._inside = inside
        self.setWidget(inside)

    def content_size(self) -> QSize:
        """Return the size of all that is on the page."""
        return self._inside.size()

    def show_item(self, loaded: LoadedItem) -> None:
        """Show an item from the top of its page."""
        self.loaded = loaded
        page = loaded.page
        self.title.setText(_title(page))
        lines = [
            tr("item.id", id=page.item_id),
            tr("item.concept", concept=page.concept),
            tr("item.split", split=split_name(page.split)),
            *(f"{name}: {value}" for name, value in page.attributes.items() if value),
        ]
        self.facts.setText("\n".join(lines))
        image = picture_image(loaded.picture, heated=False)
        if image is None:
            self.picture.setText(tr("card.no_picture"))
        else:
            inner = _SIDE - 12
            keep = Qt.AspectRatioMode.KeepAspectRatio
            mode = Qt.TransformationMode.SmoothTransformation
            self.picture.setPixmap(QPixmap.fromImage(image).scaled(inner, inner, keep, mode))
        self._show_captions(page)
        single = [one for features in page.language_only.values() for one in features]
        self.groups["both"].show_features(page.both)
        self.groups["several"].show_features(page.several_languages)
        self.groups["picture_only"].show_features(page.image_only)
        self.groups["single_only"].show_features(single)
        self.verticalScrollBar().setValue(0)

    def _show_captions(self, page: ItemPage) -> None:
        """Show the captions, a card a language."""
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(8)
        spoken = [(language, own) for language, own in page.captions.items() if own]
        for place, (language, own) in enumerate(spoken):
            row, column = divmod(place, _CARDS)
            grid.addWidget(_CaptionCard(language, [one.text for one in own]), row, column)
        for column in range(_CARDS):
            grid.setColumnStretch(column, 1)
        if not spoken:
            grid.addWidget(theme.Muted(tr("item.no_captions")), 0, 0)
        self._captions_column.replaceWidget(self._captions, box)
        self._captions.deleteLater()
        self._captions = box


class _CaptionCard(QFrame):
    """The captions of one language, in its own direction and letter forms."""

    def __init__(self, language: str, texts: Sequence[str]) -> None:
        super().__init__()
        rtl = is_rtl(language)
        name, tag = theme.Muted(language_name(language)), theme.Muted(language)
        name.setFont(font_for(language, self.font()))
        head = QHBoxLayout()
        for label in (tag, name) if rtl else (name, tag):
            label.setWordWrap(False)
            head.addWidget(label)
        head.insertStretch(1, 1)
        text = QLabel("\n".join(texts))
        text.setTextFormat(Qt.TextFormat.PlainText)
        text.setWordWrap(True)
        text.setFont(font_for(language, self.font()))
        text.setAlignment(alignment(language) | Qt.AlignmentFlag.AlignTop)
        if rtl:
            text.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 8)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(text, 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the card."""
        painter = QPainter(self)
        theme.draw_card(painter, self.rect().toRectF(), self.palette(), hovered=False)
        painter.end()


def _title(page: ItemPage) -> str:
    """Return the English caption, else the first, else the id."""
    for language in ("en", *page.captions):
        for caption in page.captions.get(language, []):
            return caption.text
    return page.item_id
