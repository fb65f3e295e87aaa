"""The window: what is open, which page is shown, and the way from one to the next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QMainWindow,
    QMenu,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.history import History, Place
from mmfeat_gui.state.session import SUFFIX, Session, last_session_path, load_session, save_session
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views import window_state
from mmfeat_gui.views.actions import draw_icons, make_actions, update_actions
from mmfeat_gui.views.comparison import Comparison
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.fonts import missing_fonts
from mmfeat_gui.views.notice import Notice
from mmfeat_gui.views.panel import Panel
from mmfeat_gui.views.registry import ACTIONS, PAGES, PANELS
from mmfeat_gui.views.welcome import Welcome
from mmfeat_gui.views.window_input import WindowInput
from mmfeat_gui.views.windows import open_window
from mmfeat_gui.views.workbench import Workbench
from mmfeat_gui.workers.table import FindItem

_SIZE = QSize(1440, 900)


class MainWindow(QMainWindow):
    """One window of the viewer.

    Parameters
    ----------
    settings : Settings
        What is remembered; changed as the user works.

    Signals
    -------
    settled()
        Everything asked for is shown.
    closed()
        The window has gone.
    """

    settled = Signal()
    closed = Signal()
    # Named here for the actions, whose module is loaded first.
    context: Context
    history: History
    bench: Workbench
    comparison: Comparison

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.infos = ACTIONS
        self.context = Context(settings, self)
        self.history = History()
        self._wanted: tuple[int | None, str | None, Path | None] = (None, None, None)
        self._session: Session | None = None
        self._walking = self._stays = False
        self._build()
        self._connect()
        self.setWindowTitle("mmfeat")
        self.resize(_SIZE)
        window_state.restore(settings.geometry, settings.splitters, self, self.splitters())
        self.update_actions()

    # Construction -------------------------------------------------------------------

    def _build(self) -> None:
        self.notice = Notice(self)
        self.welcome = Welcome(self)
        self.welcome.show_recent(self.settings.recent)
        self.bench = Workbench(self.context, PANELS, self)
        self.comparison = Comparison(self.context, self)
        self.stack = QStackedWidget(self)
        for part in (self.welcome, self.bench, self.comparison):
            self.stack.addWidget(part)
        self.pages = {kind: made(self.context, self) for kind, made in PAGES.items()}
        for page in self.pages.values():
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
        self.actions_by_key, menus = make_actions(self, ACTIONS)
        self.recent_menu = QMenu(tr("menu.recent"), self)
        self.recent_menu.aboutToShow.connect(self._fill_recent)
        menus["file"].insertMenu(self.actions_by_key["reload"], self.recent_menu)
        for menu in menus.values():
            menu.aboutToShow.connect(self.update_actions)
        bar = self.addToolBar(tr("menu.go"))
        bar.setObjectName("toolbar")
        bar.setMovable(False)
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        for info in ACTIONS:
            if info.icon:
                bar.addAction(self.actions_by_key[info.key])
        draw_icons(ACTIONS, self.actions_by_key, self.palette())
        WindowInput(self)

    def _connect(self) -> None:
        context = self.context
        context.reader.opened.connect(self._show_atlas)
        context.reader.beside_ready.connect(self._show_beside)
        context.reader.failed.connect(self._fail)
        context.tasks.failed.connect(context.refuse)
        for worker in (context.reader, context.tasks, context.engine):
            worker.idle.connect(self._tell_idle)
        context.said.connect(self.notice.say)
        context.store.changed.connect(self._follow)
        context.store.steps_changed.connect(self.update_actions)
        self.welcome.open_wanted.connect(self.actions_by_key["open"].trigger)
        self.welcome.demo_wanted.connect(self.actions_by_key["make_demo"].trigger)
        self.welcome.last_wanted.connect(lambda: self.open_file(last_session_path()))
        self.welcome.recent_chosen.connect(lambda name: self.open_atlas(Path(name)))
        self.comparison.feature_activated.connect(self._open_compared)

    def panel(self, made: type[Panel]) -> Panel:
        """Return the window's panel of a type."""
        return self.bench.panel(made.key)

    def bring(self, key: str) -> None:
        """Bring a panel to the front, and the keyboard to it."""
        if not self.shows_atlas and self.context.summary is not None:
            self.go_to_atlas()
        self.bench.bring(key)

    def splitters(self) -> dict[str, QSplitter]:
        """Return the parts that share the window's room, by name."""
        return {"bench": self.bench, "explorer": self.bench.explorer}

    # Files --------------------------------------------------------------------------

    @property
    def summary(self) -> Summary | None:
        """The open atlas."""
        return self.context.summary

    @property
    def busy(self) -> bool:
        """Whether something asked for is still to come."""
        context = self.context
        return context.reader.busy or context.tasks.busy or context.engine.busy

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
        self._session = None
        self._ask_for(path)

    def restore_session(self, session: Session) -> None:
        """Open the atlas of a session, and show what it showed."""
        window_state.restore(session.geometry, session.splitters, self, self.splitters())
        if session.atlas:
            beside = Path(session.beside) if session.beside else None
            self._wanted = (None, None, beside)
            self._session = session
            self._ask_for(Path(session.atlas))

    def open_file(
        self,
        path: Path,
        feature: int | None = None,
        item: str | None = None,
        beside: Path | None = None,
        *,
        resized: bool = True,
    ) -> None:
        """Open an atlas as `open_atlas` does, or restore a session, whichever the file is.

        The page or atlas asked for is shown in place of a session's, and where the window is not
        to be `resized`, it keeps its size.
        """

        def restore(session: Session) -> None:
            self.restore_session(session if resized else replace(session, geometry=""))
            self._wanted = (feature, item, beside or self._wanted[2])

        if path.suffix == SUFFIX:
            self.context.tasks.run(lambda: load_session(path), restore)
        else:
            self.open_atlas(path, feature, item, beside)

    def session(self) -> Session:
        """Return the window as it is now."""
        return window_state.session_of(self)

    def open_beside(self, path: Path, *, stay: bool = False) -> None:
        """Compare the present atlas with another one, or only have it at hand."""
        self._stays = stay
        self._status.setText(tr("status.opening", file=path.name))
        self.context.reader.open_beside(path)

    def reload(self) -> None:
        """Read the atlas again, and stay where one is."""
        if self.context.summary is not None:
            self.restore_session(replace(self.session(), fingerprint=""))

    def new_window(self) -> None:
        """Open another window of the same atlas."""
        open_window(self.settings, replace(self.session(), geometry=""))

    def _ask_for(self, path: Path) -> None:
        self._status.setText(tr("status.opening", file=path.name))
        self.context.reader.open(path)

    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        for name in self.settings.recent:
            action = self.recent_menu.addAction(name)
            action.triggered.connect(lambda _=False, chosen=name: self.open_atlas(Path(chosen)))
        if not self.settings.recent:
            self.recent_menu.addAction(tr("menu.no_recent")).setEnabled(False)

    # Answers ------------------------------------------------------------------------

    def _show_atlas(self, summary: Summary) -> None:
        feature, item, beside = self._wanted
        session, self._session = self._session, None
        self._wanted = (None, None, None)
        self.settings.opened(summary.path)
        self.welcome.show_recent(self.settings.recent)
        self.notice.hide()
        fits = feature is None or 0 <= feature < len(summary.table)
        first = feature if feature is not None and fits else summary.table.first()
        if session is not None:
            state = session.view.fitting(len(summary.table), summary.n_items)
        else:
            panels = self.context.store.state.panels
            unfolded = tuple(self.settings.unfolded)
            state = ViewState(colouring=self.settings.colouring, unfolded=unfolded, panels=panels)
        if state.place is None or (feature is not None and fits):
            state = replace(state, place=Place("feature", first))
        self.context.show_atlas(summary, state)
        self._show_status()
        self._say_of_opening(summary, session)
        self.history.clear()
        if beside is None and summary.path in self.comparison.paths:
            self.history.visit(Place("comparison"))  # the way back to where both are seen
        elif beside is None:
            self.comparison.forget()
        if state.place is not None:
            self.history.visit(state.place)
        self._show_page()
        if feature is not None and not fits:
            self.context.go(Place("feature", feature))  # which says why not
        if item is not None:
            self.open_item_id(item)
        if beside is not None:
            kept = session is not None and beside == Path(session.beside)
            self.open_beside(beside, stay=kept and not self.shows("comparison"))
        if self.shows_atlas:
            self.bench.panel("table").first_focus().setFocus()
        self.update_actions()

    def _say_of_opening(self, summary: Summary, session: Session | None) -> None:
        """Say what of the file or of this machine is not as it should be."""
        if session is not None and session.fingerprint not in ("", summary.fingerprint):
            self.context.say(tr("session.other_content", file=summary.path.name))
        lacking = missing_fonts(summary.languages)
        if lacking:
            self.context.say(lacking)

    def _show_beside(self, summary: Summary) -> None:
        assert self.context.summary is not None
        self.notice.hide()
        self._show_status()
        self.comparison.show_summaries(self.context.summary, summary)
        self.update_actions() if self._stays else self.show_comparison()

    def _show_status(self) -> None:
        summary = self.context.summary
        self._status.setText("" if summary is None else summary.line())

    def _fail(self, sentence: str) -> None:
        self._show_status()
        self.context.refuse(sentence)

    def _tell_idle(self) -> None:
        if not self.busy:
            self.settled.emit()

    # Pages --------------------------------------------------------------------------

    def shows(self, kind: str) -> bool:
        """Return whether a kind of page is shown."""
        place = self.context.store.state.place
        return place is not None and place.kind == kind

    @property
    def shows_atlas(self) -> bool:
        """Whether the pages of the open atlas are shown."""
        place = self.context.store.state.place
        return place is not None and place.of_atlas

    def open_feature(self, feature: int) -> None:
        """Go to the page of a feature."""
        self.context.go(Place("feature", feature))

    def open_item(self, item: int) -> None:
        """Go to the page of an item."""
        self.context.go(Place("item", item))

    def open_item_id(self, name: str) -> None:
        """Go to the page of an item by its id."""
        self.context.reader.ask(FindItem(name), self.open_item)

    def show_comparison(self) -> None:
        """Go to the comparison, if two atlases are compared."""
        if self.comparison.paths:
            self.context.store.change("undo.place", merge="place", place=Place("comparison"))

    def go_to_atlas(self) -> None:
        """Go to the page of the open atlas that was seen last, or to its first feature."""
        summary = self.context.summary
        if summary is not None:
            place = self.history.last_of_atlas() or Place("feature", summary.table.first())
            self.context.go(place)

    def _open_compared(self, path: Path, feature: int) -> None:
        """Go to the page of a feature of either atlas compared."""
        if path == self.context.path:
            self.open_feature(feature)
        else:
            self.open_atlas(path, feature)

    def go_back(self) -> None:
        """Go to the page before."""
        if self.history.can_go_back:
            self._walk(self.history.back())

    def go_forward(self) -> None:
        """Go to the page that was left by going back."""
        if self.history.can_go_forward:
            self._walk(self.history.forward())

    def _walk(self, place: Place | None) -> None:
        self._walking = True
        self.context.store.change("undo.place", merge="place", place=place)
        self._walking = False
        self.update_actions()

    def _follow(self, now: ViewState, before: ViewState) -> None:
        self.settings.colouring, self.settings.unfolded = now.colouring, list(now.unfolded)
        if now.place != before.place:
            if now.place is not None and not self._walking:
                self.history.visit(before.place or Place("welcome"))
                self.history.visit(now.place)
            self._show_page()
        self.update_actions()

    def _show_page(self) -> None:
        """Show what the present place is about."""
        place, summary = self.context.store.state.place, self.context.summary
        if place is None or place.kind == "welcome":
            self.stack.setCurrentWidget(self.welcome)
        elif place.kind == "comparison":
            self.stack.setCurrentWidget(self.comparison)
            self.setWindowTitle(f"{self.comparison.title()} – mmfeat")
            self.comparison.setFocus()
        elif place.kind in self.pages:
            self.stack.setCurrentWidget(self.pages[place.kind])
            self.setWindowTitle("mmfeat")
        elif summary is not None:
            self.stack.setCurrentWidget(self.bench)
            self.setWindowTitle(f"{summary.name} – mmfeat")

    def update_actions(self) -> None:
        """Switch the actions as they can be done now, and name what can be undone."""
        update_actions(self, ACTIONS, self.actions_by_key)
        store = self.context.store
        for key, label in (("undo", store.undo_label), ("redo", store.redo_label)):
            what = f": {tr(label)}" if label else ""
            self.actions_by_key[key].setText(tr(f"action.{key}") + what)

    def escape(self) -> None:
        """Close the notice, else clear the filters, else go to the table."""
        store = self.context.store
        if self.notice.isVisible():
            self.notice.hide()
        elif self.shows("comparison"):
            self.comparison.setFocus()
        elif store.state.query.filters:
            store.change("undo.filter", query=store.state.query.cleared())
        elif self.shows_atlas:
            self.bench.panel("table").first_focus().setFocus()

    def changeEvent(self, event: QEvent) -> None:
        """Draw the icons in the colours of another palette."""
        if event.type() == QEvent.Type.PaletteChange:
            draw_icons(ACTIONS, self.actions_by_key, self.palette())
        super().changeEvent(event)

    # The end ------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember the window, and wait for its threads."""
        for page in self.pages.values():
            if not page.may_close():
                event.ignore()
                return
        session = self.session()
        self.settings.geometry, self.settings.splitters = session.geometry, session.splitters
        if session.atlas:
            self.context.tasks.run(lambda: save_session(session, last_session_path()))
        self.context.close()
        super().closeEvent(event)
        self.closed.emit()
        QApplication.removePostedEvents(self.context)
