"""The panel of pages: the feature or the item that the window is at."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QFrame, QStackedWidget, QVBoxLayout, QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views import theme
from mmfeat_gui.views.actions import Action
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.feature_page import FeaturePageView
from mmfeat_gui.views.item_page import ItemPageView
from mmfeat_gui.views.panel import Area, Panel
from mmfeat_gui.workers.pages import ItemRequest, LoadedFeature, LoadedItem, OnItem, OnItemRequest
from mmfeat_gui.workers.samples import ItemsBetween

if TYPE_CHECKING:
    from mmfeat_gui.views.main_window import MainWindow


class PagePanel(Panel):
    """Shows the page of the place that the state is at, and whom its pictures are by."""

    key: ClassVar[str] = "page"
    area: ClassVar[Area] = "pages"

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.feature_page = FeaturePageView(self)
        self.item_page = ItemPageView(self)
        self._last_feature = -1
        self._pages = QStackedWidget(self)
        self.empty = theme.Muted(tr("page.empty"))
        self.empty.setContentsMargins(16, 16, 16, 16)
        for page in (self.empty, self.feature_page, self.item_page):
            self._pages.addWidget(page)
        self.attribution = theme.Muted(parent=self)
        self.attribution.setContentsMargins(16, 4, 16, 6)
        rule = QFrame(self)
        rule.setFrameShape(QFrame.Shape.HLine)
        rule.setFrameShadow(QFrame.Shadow.Sunken)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._pages, 1)
        column.addWidget(rule)
        column.addWidget(self.attribution)
        feature, item, store = self.feature_page, self.item_page, context.store
        for page in (feature, item):
            page.feature_activated.connect(lambda index: context.go(Place("feature", index)))
        feature.item_activated.connect(lambda index: context.go(Place("item", index)))
        feature.heat_chosen.connect(lambda on: store.change("undo.heat", heat=on))
        feature.captions_chosen.connect(
            lambda bands, aligned: store.change("undo.bands", bands=bands, aligned=aligned)
        )
        feature.languages_chosen.connect(
            lambda tags: store.change("undo.languages", merge="languages", languages=tags)
        )
        feature.unfolded_chosen.connect(
            lambda keys: store.change("undo.unfolded", merge="unfolded", unfolded=keys)
        )
        feature.range_brushed.connect(self._brush_range)
        feature.wanted.connect(self._ask)
        item.feature_chosen.connect(self._ask_on_item)
        store.changed.connect(self._follow)
        context.summary_changed.connect(self._take_summary)
        self._show_choices(store.state)

    def first_focus(self) -> QWidget:
        """Return the page that is shown."""
        return self.shown or self

    def content_size(self) -> QSize | None:
        """Return the size of all that is on the page."""
        shown = self._pages.currentWidget()
        if isinstance(shown, FeaturePageView | ItemPageView):
            return shown.content_size()
        return None

    @property
    def shown(self) -> FeaturePageView | ItemPageView | None:
        """The page in front; None before the first."""
        page = self._pages.currentWidget()
        return page if isinstance(page, FeaturePageView | ItemPageView) else None

    # Following the state --------------------------------------------------------------

    def _take_summary(self, summary: Summary) -> None:
        self.attribution.setText(summary.attribution)
        self.attribution.setVisible(bool(summary.attribution))
        self._last_feature = -1
        self._pages.setCurrentWidget(self.empty)
        self._show_choices(self.context.store.state)
        self._ask()

    def _follow(self, now: ViewState, before: ViewState) -> None:
        if _choices(now) != _choices(before):
            self._show_choices(now)
        if now.features != before.features and self.shown is self.item_page:
            self.item_page.show_brushed(now.features)
        read = (now.place, now.bands, now.aligned) != (before.place, before.bands, before.aligned)
        if read:
            self._ask()

    def _show_choices(self, state: ViewState) -> None:
        self.feature_page.show_choices(
            heat=state.heat,
            bands=state.bands,
            aligned=state.aligned,
            languages=state.languages,
            unfolded=state.unfolded,
        )
        self.item_page.show_heat(state.heat)

    # Asking ---------------------------------------------------------------------------

    def _ask(self) -> None:
        """Ask for the page of the place; older ones that were not read yet are dropped."""
        place, reader = self.context.store.state.place, self.context.reader
        if place is None or self.context.summary is None:
            return
        if place.kind == "feature":
            reader.ask(self.feature_page.request(place.index), self._show_feature)
        elif place.kind == "item":
            reader.ask(ItemRequest(place.index), self._show_item)

    def _brush_range(self, language: str, low: float, high: float, mode: str) -> None:
        """Brush the items on which the feature fires within a range."""
        loaded, store = self.feature_page.loaded, self.context.store
        if loaded is None:
            return

        def take(found: Selection) -> None:
            store.change("undo.brush", items=store.state.items.brushed(found, mode))

        request = ItemsBetween(loaded.page.feature, language, low, high)
        self.context.reader.follow(request, take)

    def _ask_on_item(self, feature: int) -> None:
        loaded, reader = self.item_page.loaded, self.context.reader
        if loaded is None:
            return
        if feature < 0:
            reader.forget(OnItemRequest.channel)
            self._show_on_item(None)
        else:
            reader.ask(OnItemRequest(loaded.page.item, feature), self._show_on_item)

    def _show_feature(self, loaded: LoadedFeature) -> None:
        self._last_feature = loaded.page.feature
        self._pages.setCurrentWidget(self.feature_page)
        self.feature_page.show_feature(loaded)

    def _show_item(self, loaded: LoadedItem) -> None:
        self._pages.setCurrentWidget(self.item_page)
        self.item_page.show_item(loaded, self.context.store.state.features, self._last_feature)

    def _show_on_item(self, found: OnItem | None) -> None:
        self.item_page.show_on_item(found, heat=self.context.store.state.heat)


def _panel(window: MainWindow) -> PagePanel:
    panel = window.panel(PagePanel)
    assert isinstance(panel, PagePanel)
    return panel


def _choices(state: ViewState) -> tuple[object, ...]:
    return state.heat, state.bands, state.aligned, state.languages, state.unfolded


def _same_items(window: MainWindow) -> None:
    store = window.context.store
    store.change("undo.bands", bands=False, aligned=not store.state.aligned)


def _bands(window: MainWindow) -> None:
    store = window.context.store
    store.change("undo.bands", bands=not store.state.bands, aligned=False)


ACTIONS: tuple[Action, ...] = (
    Action("bands", "view", _bands, checked=lambda window: window.context.store.state.bands),
    Action(
        "same_items",
        "view",
        _same_items,
        checked=lambda window: window.context.store.state.aligned,
    ),
    Action("unfold_all", "view", lambda window: _panel(window).feature_page.unfold_all(True)),
    Action("fold_all", "view", lambda window: _panel(window).feature_page.unfold_all(False)),
)
