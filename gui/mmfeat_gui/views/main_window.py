"""The window: map and table beside the page, and what leads from one to the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QMouseEvent
from PySide6.QtWidgets import QLabel, QMainWindow, QMenu, QStackedWidget, QVBoxLayout, QWidget

from mmfeat_gui.models.features import FeatureModel
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.history import History, Place
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.views.actions import draw_icons, make_actions
from mmfeat_gui.views.comparison import Comparison
from mmfeat_gui.views.desk import Desk
from mmfeat_gui.views.dialogs import ask_for_atlas
from mmfeat_gui.views.feature_page import picture_image
from mmfeat_gui.views.fonts import missing_fonts
from mmfeat_gui.views.notice import Notice
from mmfeat_gui.views.welcome import Welcome
from mmfeat_gui.views.window_state import remember, restore
from mmfeat_gui.workers.pages import Card, LoadedFeature, LoadedItem
from mmfeat_gui.workers.reader import Reader

_SIZE = QSize(1440, 900)


class MainWindow(QMainWindow):
    """The viewer.

    Parameters
    ----------
    settings : Settings
        What was remembered; changed as the user works.

    Signals
    -------
    settled()
        Everything asked for is shown.
    refused(sentence)
        Something asked for cannot be shown.
    """

    settled = Signal()
    refused = Signal(str)

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.summary: Summary | None = None
        self.history = History()
        self._wanted: tuple[int | None, str | None, Path | None] = (None, None, None)
        self.reader = Reader(self)
        self.model = FeatureModel(self)
        self._build()
        self._connect()
        self.setAcceptDrops(True)
        self.setWindowTitle("mmfeat")
        self.resize(_SIZE)
        restore(self.settings, self, self.desk)
        self._update_actions()

    # Construction -------------------------------------------------------------------

    def _build(self) -> None:
        self.notice = Notice(self)
        self.welcome = Welcome(self)
        self.welcome.show_recent(self.settings.recent)
        self.desk = Desk(self.model, self)
        self.map, self.list = self.desk.map, self.desk.list
        self.feature_page, self.item_page = self.desk.feature_page, self.desk.item_page
        self.map.choose(self.settings.colouring)
        self.comparison = Comparison(self)
        self.stack = QStackedWidget(self)
        for page in (self.welcome, self.desk, self.comparison):
            self.stack.addWidget(page)
        middle = QWidget(self)
        outer = QVBoxLayout(middle)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.notice)
        outer.addWidget(self.stack, 1)
        self.setCentralWidget(middle)
        self._status = QLabel(self)
        self.statusBar().addWidget(self._status, 1)
        self.actions_by_key = make_actions(
            self,
            {
                "open": self.choose_file,
                "reload": self.reload,
                "quit": self.close,
                "back": self.go_back,
                "forward": self.go_forward,
                "comparison": self.show_comparison,
                "compare": self.choose_beside,
                "find": self._find,
                "next_pane": self.desk.next_pane,
                "escape": self._escape,
                "fit": self._fit,
                "heat": self.feature_page.heat.toggle,
            },
        )
        self.recent_menu = QMenu(tr("menu.recent"), self)
        self.recent_menu.aboutToShow.connect(self._fill_recent)
        file_menu = self.actions_by_key["reload"].associatedObjects()[0]
        assert isinstance(file_menu, QMenu)
        file_menu.insertMenu(self.actions_by_key["reload"], self.recent_menu)
        bar = self.addToolBar(tr("menu.go"))
        bar.setObjectName("toolbar")
        bar.setMovable(False)
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        for key in ("back", "forward", "open", "compare"):
            bar.addAction(self.actions_by_key[key])
        draw_icons(self.actions_by_key, self.palette())

    def _connect(self) -> None:
        reader = self.reader
        reader.opened.connect(self._show_atlas)
        reader.beside_ready.connect(self._show_beside)
        reader.feature_ready.connect(self._show_feature)
        reader.item_ready.connect(self._show_item)
        reader.card_ready.connect(self._show_card)
        reader.failed.connect(self._fail)
        reader.idle.connect(self.settled)
        self.welcome.open_wanted.connect(self.choose_file)
        self.welcome.recent_chosen.connect(self._open_name)
        self.map.feature_activated.connect(self.open_feature)
        self.map.card_wanted.connect(self._want_card)
        self.map.colouring_chosen.connect(self._remember_colouring)
        self.list.feature_activated.connect(self.open_feature)
        self.model.query_changed.connect(self._show_matches)
        self.feature_page.feature_activated.connect(self.open_feature)
        self.feature_page.item_activated.connect(self.open_item)
        self.item_page.feature_activated.connect(self.open_feature)
        self.comparison.feature_activated.connect(self._open_compared)
        self.comparison.card_wanted.connect(self._want_card)
        # The table would take the mouse's back and forward buttons for itself.
        self.list.view.viewport().installEventFilter(self)

    # Files --------------------------------------------------------------------------

    def open_atlas(
        self,
        path: Path,
        feature: int | None = None,
        item: str | None = None,
        beside: Path | None = None,
    ) -> None:
        """Open an atlas; the one shown stays until the other is read.

        Parameters
        ----------
        path : Path
        feature : int or None
            The feature to begin with; by default the first shared one.
        item : str or None
            The id of the item to begin with.
        beside : Path or None
            An atlas to compare it with.
        """
        self._wanted = (feature, item, beside)
        self._status.setText(tr("status.opening", file=path.name))
        self.reader.open(path)

    def choose_file(self) -> None:
        """Ask which atlas to open."""
        path = ask_for_atlas(self, tr("open.title"), self.summary)
        if path is not None:
            self.open_atlas(path)

    def choose_beside(self) -> None:
        """Ask which atlas to compare the present one with."""
        path = ask_for_atlas(self, tr("compare.title"), self.summary)
        if path is not None:
            self.open_beside(path)

    def open_beside(self, path: Path) -> None:
        """Compare the present atlas with another one."""
        self._status.setText(tr("status.opening", file=path.name))
        self.reader.open_beside(path)

    def reload(self) -> None:
        """Read the atlas again, and stay at the same page."""
        if self.summary is not None:
            place = self.history.current
            names = list(self.summary.item_index)
            if place is not None and place.kind == "comparison":
                other = next(p for p in self.comparison.paths if p != self.summary.path)
                self.open_atlas(self.summary.path, beside=other)
            elif place is None or place.kind == "feature":
                self.open_atlas(self.summary.path, feature=None if place is None else place.index)
            else:
                self.open_atlas(self.summary.path, item=names[place.index])

    def _open_name(self, name: str) -> None:
        self.open_atlas(Path(name))

    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        for name in self.settings.recent:
            action = self.recent_menu.addAction(name)
            action.triggered.connect(lambda _=False, chosen=name: self._open_name(chosen))
        if not self.settings.recent:
            self.recent_menu.addAction(tr("menu.no_recent")).setEnabled(False)

    # Answers of the reader ----------------------------------------------------------

    def _show_atlas(self, summary: Summary) -> None:
        self.summary = summary
        self.settings.opened(summary.path)
        self.welcome.show_recent(self.settings.recent)
        self.history.clear()
        self.notice.hide()
        self._show_status()
        self.desk.show_summary(summary)
        self._show_page(self.desk, summary.name)
        lacking = missing_fonts(summary.languages)
        if lacking:
            self.notice.say(lacking)
        feature, item, beside = self._wanted
        self._wanted = (None, None, None)
        if summary.path in self.comparison.paths and beside is None:
            self.history.visit(Place("comparison"))  # the way back to where both are seen
        else:
            self.comparison.forget()
        if item is not None:
            self.open_item_id(item)
        else:
            self.open_feature(summary.table.first() if feature is None else feature)
        self.list.view.setFocus()
        if beside is not None:
            self.open_beside(beside)

    def _show_beside(self, summary: Summary) -> None:
        assert self.summary is not None
        self.notice.hide()
        self._show_status()
        self.comparison.show_summaries(self.summary, summary)
        self.show_comparison()

    def _show_status(self) -> None:
        self._status.setText("" if self.summary is None else self.summary.line())

    def _show_feature(self, loaded: LoadedFeature) -> None:
        self.desk.show_feature(loaded)

    def _show_item(self, loaded: LoadedItem) -> None:
        self.desk.show_item(loaded)

    def _show_card(self, card: Card) -> None:
        picture = picture_image(card.picture, heated=False)
        for shown in (self.map.card, *self.comparison.cards):
            shown.show_picture(card.feature, picture)

    def _fail(self, channel: str, sentence: str) -> None:
        if channel == "card":  # a card without its picture says enough
            return
        self._show_status()
        self._refuse(sentence)

    def _refuse(self, sentence: str) -> None:
        self.notice.say(sentence)
        self.refused.emit(sentence)

    # Pages --------------------------------------------------------------------------

    def open_feature(self, feature: int) -> None:
        """Go to the page of a feature."""
        if self.summary is None:
            return
        if not 0 <= feature < len(self.summary.table):
            last = len(self.summary.table) - 1
            file = self.summary.path.name
            self._refuse(tr("error.feature", feature=feature, file=file, last=last))
            return
        self.history.visit(Place("feature", feature))
        self._go()

    def open_item(self, item: int) -> None:
        """Go to the page of an item."""
        self.history.visit(Place("item", item))
        self._go()

    def open_item_id(self, name: str) -> None:
        """Go to the page of an item by its id."""
        if self.summary is None:
            return
        if name not in self.summary.item_index:
            self._refuse(tr("error.item", item=name, file=self.summary.path.name))
            return
        self.open_item(self.summary.item_index[name])

    def show_comparison(self) -> None:
        """Go to the comparison, if two atlases are compared."""
        if self.comparison.paths:
            self.history.visit(Place("comparison"))
            self._go()

    def _open_compared(self, path: Path, feature: int) -> None:
        """Go to the page of a feature of either atlas compared."""
        if self.summary is not None and path == self.summary.path:
            self.open_feature(feature)
        else:
            self.open_atlas(path, feature)

    def go_back(self) -> None:
        """Go to the page before."""
        if self.history.can_go_back:
            self.history.back()
            self._go()

    def go_forward(self) -> None:
        """Go to the page that was left by going back."""
        if self.history.can_go_forward:
            self.history.forward()
            self._go()

    def _go(self) -> None:
        """Ask for the page of the present place, and mark it on map and table."""
        place = self.history.current
        if place is not None and place.kind == "comparison":
            self._show_page(self.comparison, self.comparison.title())
            self.comparison.setFocus()
        elif place is not None and self.summary is not None:
            self._show_page(self.desk, self.summary.name)
            feature = place.index if place.kind == "feature" else -1
            self.desk.select(feature)
            ask: Callable[[int], None] = self.reader.show_item
            if place.kind == "feature":
                ask = self.reader.show_feature
            ask(place.index)
        self._update_actions()

    def _show_page(self, page: QWidget, title: str) -> None:
        self.stack.setCurrentWidget(page)
        self.setWindowTitle(f"{title} – mmfeat")

    def _update_actions(self) -> None:
        self.actions_by_key["back"].setEnabled(self.history.can_go_back)
        self.actions_by_key["forward"].setEnabled(self.history.can_go_forward)
        opened, compared = self.summary is not None, self._compares
        for key in ("reload", "fit", "compare"):
            self.actions_by_key[key].setEnabled(opened)
        for key in ("find", "next_pane", "heat"):
            self.actions_by_key[key].setEnabled(opened and not compared)
        self.actions_by_key["comparison"].setEnabled(bool(self.comparison.paths) and not compared)

    @property
    def _compares(self) -> bool:
        """Whether the comparison is shown."""
        place = self.history.current
        return place is not None and place.kind == "comparison"

    def _show_matches(self) -> None:
        if self.model.table is not None:
            self.map.show_matches(self.model.table.matches(self.model.query))

    def _want_card(self, feature: int, path: Path | None = None) -> None:
        if feature < 0:
            self.reader.forget_card()
        elif self.summary is None or path in (None, self.summary.path):
            self.reader.show_card(feature)
        else:
            self.reader.show_card_beside(feature)

    def _fit(self) -> None:
        if self._compares:
            self.comparison.fit()
        else:
            self.map.canvas.fit()

    def _remember_colouring(self, key: str) -> None:
        self.settings.colouring = key

    # Keys and mouse -----------------------------------------------------------------

    def _find(self) -> None:
        self.list.search.setFocus()
        self.list.search.selectAll()

    def _escape(self) -> None:
        """Close the notice, else clear the filters, else go to the table."""
        for card in (self.map.card, *self.comparison.cards):
            card.dismiss()
        if self.notice.isVisible():
            self.notice.hide()
        elif self._compares:
            self.comparison.setFocus()
        elif self.model.query.filters:
            self.list.clear_filters()
        else:
            self.list.view.setFocus()

    def changeEvent(self, event: QEvent) -> None:
        """Draw the icons in the colours of another palette."""
        if event.type() == QEvent.Type.PaletteChange:
            draw_icons(self.actions_by_key, self.palette())
        super().changeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Follow the mouse's back and forward buttons."""
        if event.button() == Qt.MouseButton.BackButton:
            self.go_back()
        elif event.button() == Qt.MouseButton.ForwardButton:
            self.go_forward()
        else:
            super().mousePressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the mouse's back and forward buttons from the table."""
        if event.type() == QEvent.Type.MouseButtonPress and isinstance(event, QMouseEvent):
            sides = (Qt.MouseButton.BackButton, Qt.MouseButton.ForwardButton)
            if event.button() in sides:
                self.mousePressEvent(event)
                return True
        return super().eventFilter(watched, event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the first file that was dropped."""
        for url in event.mimeData().urls():
            if url.isLocalFile():
                event.acceptProposedAction()
                self.open_atlas(Path(url.toLocalFile()))
                return

    # Remembering --------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember the window and wait for the reading thread."""
        remember(self.settings, self, self.desk)
        self.reader.close()
        super().closeEvent(event)
