"""The page of an item: its picture, its captions, and the features that fire on them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from mmfeat.figures.pages import ItemFeature, ItemPage
from mmfeat_gui.resources.strings import split_name, tr
from mmfeat_gui.state.selection import NOTHING, Selection
from mmfeat_gui.views import theme
from mmfeat_gui.views.item_captions import CaptionCards
from mmfeat_gui.views.tiles import FeatureFlow, FeatureTile, picture_image
from mmfeat_gui.workers.pages import LoadedItem, OnItem, Picture

_SIDE = 208
_LONGEST = 300  # characters of a title
_TITLE = 46  # characters of a name in the list of features


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
        self._features: Sequence[ItemFeature] = ()
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
        self.show_features([], NOTHING)

    def show_features(self, features: Sequence[ItemFeature], brushed: Selection) -> None:
        """Show these features; those that are brushed are marked."""
        self._features = features
        title = tr(f"item.{self._key}")
        count = sum(one.feature in brushed for one in features) if brushed else 0
        marked = tr("item.brushed", count=count) if count else ""
        self.heading.setText(f"{title} ({len(features)}){marked}")
        self.flow.setAccessibleName(title)
        self.none.setVisible(not features)
        self.flow.show_tiles(
            [
                FeatureTile(one.feature, one.title, _detail(one), _tip(one), one.feature in brushed)
                for one in features
            ]
        )

    def mark(self, brushed: Selection) -> None:
        """Mark other features."""
        self.show_features(self._features, brushed)


class ItemPageView(QScrollArea):
    """Shows one item.

    Signals
    -------
    feature_activated(feature)
    feature_chosen(feature)
        Whose heat map and shading are wanted; -1 for none.
    """

    feature_activated = Signal(int)
    feature_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.loaded: LoadedItem | None = None
        self.on_item: OnItem | None = None
        self.picture = QLabel()
        self.picture.setFixedSize(_SIDE, _SIDE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setFrameShape(QFrame.Shape.StyledPanel)
        self.picture.setAccessibleName(tr("item.picture"))
        self._column = QVBoxLayout()
        self._column.setContentsMargins(16, 12, 16, 16)
        self._column.addLayout(self._head())
        self._column.addSpacing(8)
        self._column.addWidget(theme.heading(tr("item.captions")))
        self.captions = CaptionCards()
        self.no_captions = theme.Muted(tr("item.no_captions"))
        self._column.addWidget(self.captions)
        self._column.addWidget(self.no_captions)
        self.groups = {
            key: _Group(key) for key in ("both", "several", "picture_only", "single_only")
        }
        for group in self.groups.values():
            self._column.addWidget(group)
            flow = group.flow
            flow.activated.connect(
                lambda index, own=flow: self.feature_activated.emit(own.feature(index))
            )
            flow.pointed.connect(lambda index, own=flow: self._point(own, index))
        self._column.addStretch(1)
        inside = QWidget(self)
        inside.setLayout(self._column)
        self._inside = inside
        self.setWidget(inside)

    def _head(self) -> QHBoxLayout:
        self.title = QLabel()
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setFont(theme.sized(self.font(), 1.9, bold=True))
        self.title.setWordWrap(True)
        self.facts = QLabel()
        self.facts.setTextFormat(Qt.TextFormat.PlainText)
        self.facts.setWordWrap(True)
        flags = Qt.TextInteractionFlag.TextSelectableByMouse
        self.facts.setTextInteractionFlags(flags | Qt.TextInteractionFlag.TextSelectableByKeyboard)
        self.chooser = QComboBox()
        self.chooser.setAccessibleName(tr("item.show"))
        self.chooser.setToolTip(tr("item.show_tip"))
        self.chooser.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        adjust = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.chooser.setSizeAdjustPolicy(adjust)
        self.chooser.setMinimumContentsLength(10)
        self.chooser.setMaxVisibleItems(24)
        self.chooser.activated.connect(lambda: self.feature_chosen.emit(self.chosen))
        self.said = theme.Muted()
        row = QHBoxLayout()
        label = theme.Muted(tr("item.show"))
        label.setWordWrap(False)
        label.setBuddy(self.chooser)
        row.addWidget(label)
        row.addWidget(self.chooser, 1)
        texts = QVBoxLayout()
        texts.addWidget(self.title)
        texts.addWidget(self.facts)
        texts.addLayout(row)
        texts.addWidget(self.said)
        texts.addStretch(1)
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(texts, 1)
        return head

    def content_size(self) -> QSize:
        """Return the size of all that is on the page."""
        return self._inside.size()

    @property
    def chosen(self) -> int:
        """The feature whose heat map and shading are shown; -1 for none."""
        feature = self.chooser.currentData()
        return -1 if feature is None else int(feature)

    def show_item(self, loaded: LoadedItem, brushed: Selection, feature: int) -> None:
        """Show an item from the top of its page.

        Parameters
        ----------
        loaded : LoadedItem
        brushed : Selection
            Features that are marked.
        feature : int
            The feature to be chosen, if it fires on the item; -1 for none.
        """
        self.loaded, self.on_item = loaded, None
        page = loaded.page
        self.title.setText(_title(page)[:_LONGEST])
        lines = [
            tr("item.id", id=page.item_id),
            tr("item.concept", concept=page.concept),
            tr("item.split", split=split_name(page.split)),
            *(f"{name}: {value}" for name, value in page.attributes.items() if value),
        ]
        self.facts.setText("\n".join(lines))
        self.captions.show_captions(page.captions)
        self.captions.setVisible(any(page.captions.values()))
        self.no_captions.setVisible(not any(page.captions.values()))
        for key, features in _by_group(page).items():
            self.groups[key].show_features(features, brushed)
        self._fill_chooser(page, feature)
        self.said.setText("")
        self._draw_picture(loaded.picture, heated=False)
        self.verticalScrollBar().setValue(0)
        if self.chosen >= 0:
            self.feature_chosen.emit(self.chosen)

    def show_brushed(self, brushed: Selection) -> None:
        """Mark other features."""
        for group in self.groups.values():
            group.mark(brushed)

    def show_on_item(self, found: OnItem | None, *, heat: bool) -> None:
        """Show what a feature does on the item; None for none."""
        if self.loaded is None or (found is not None and found.item != self.loaded.page.item):
            return
        self.on_item = found
        if found is None:
            self.captions.shade({}, 0.0)
            self.said.setText("")
            self._draw_picture(self.loaded.picture, heated=False)
            return
        own = found.found
        self.captions.shade(own.captions, own.largest_token)
        fires = sum(one.activation > 0 for one in own.captions.values())
        self.said.setText(
            tr(
                "item.on_item",
                feature=own.feature,
                picture=own.picture.activation,
                count=fires,
                captions=len(own.captions),
            )
        )
        self._draw_picture(found.picture or self.loaded.picture, heated=heat)

    def show_heat(self, heat: bool) -> None:
        """Show or hide the heat map."""
        if self.on_item is not None:
            self.show_on_item(self.on_item, heat=heat)

    def _fill_chooser(self, page: ItemPage, feature: int) -> None:
        chooser = self.chooser
        chooser.setUpdatesEnabled(False)
        chooser.clear()
        chooser.addItem(tr("item.show_none"), -1)
        for features in _by_group(page).values():
            for one in features:
                title = one.title if len(one.title) <= _TITLE else one.title[: _TITLE - 1] + "…"
                chooser.addItem(f"{title} · {_detail(one)}", one.feature)
        chooser.setCurrentIndex(max(chooser.findData(feature), 0))
        chooser.setUpdatesEnabled(True)

    def _point(self, flow: FeatureFlow, index: int) -> None:
        """Show a feature as long as it is pointed at."""
        self.feature_chosen.emit(flow.feature(index) if index >= 0 else self.chosen)

    def _draw_picture(self, picture: Picture | None, *, heated: bool) -> None:
        image = picture_image(picture, heated=heated)
        if image is None:
            self.picture.setText(tr("card.no_picture"))
            return
        inner = _SIDE - 12
        keep = Qt.AspectRatioMode.KeepAspectRatio
        mode = Qt.TransformationMode.SmoothTransformation
        self.picture.setPixmap(QPixmap.fromImage(image).scaled(inner, inner, keep, mode))


def _by_group(page: ItemPage) -> dict[str, list[ItemFeature]]:
    return {
        "both": page.both,
        "several": page.several_languages,
        "picture_only": page.image_only,
        "single_only": [one for own in page.language_only.values() for one in own],
    }


def _title(page: ItemPage) -> str:
    """Return the English caption, else the first, else the id."""
    for language in ("en", *page.captions):
        for caption in page.captions.get(language, []):
            return caption.text
    return page.item_id
