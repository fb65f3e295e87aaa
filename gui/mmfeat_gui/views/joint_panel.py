"""The map that several SAEs share, coloured by the SAE that each feature is of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Bool, Int64
from PySide6.QtCore import QEvent, QPoint
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.painting import SOURCE, Painting, paint_sources
from mmfeat_gui.state.selection import NOTHING, Selection
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views import theme
from mmfeat_gui.views.actions import Action
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.hover_card import HoverCard
from mmfeat_gui.views.legend import Legend
from mmfeat_gui.views.map_canvas import MapCanvas
from mmfeat_gui.views.map_tools import MapTools
from mmfeat_gui.views.panel import Area, Panel
from mmfeat_gui.workers.map import FindJointMap, JointMap

if TYPE_CHECKING:
    from mmfeat_gui.views.main_window import MainWindow


class JointPanel(Panel):
    """The joint map of a comparison: that beside the atlas, or one that was chosen."""

    key: ClassVar[str] = "joint"
    area: ClassVar[Area] = "maps"

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._joint: JointMap | None = None
        self._painting: Painting | None = None
        self._looked: str | None = None  # for what the state names; None before anyone sees it
        self.canvas = MapCanvas(self, nothing=tr("joint.none"))
        self.canvas.setAccessibleName(tr("joint.accessible"))
        self.card = HoverCard(self.canvas)
        self.tools = MapTools(self.canvas, self)
        self.legend = Legend(self, filters=True)
        self.said = theme.Muted(parent=self)
        self.choose = QPushButton(tr("joint.choose"), self)
        self.choose.setToolTip(tr("joint.choose_tip"))
        above = QHBoxLayout()
        above.addWidget(self.said, 1)
        above.addWidget(self.choose)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 4)
        column.setSpacing(6)
        column.addLayout(above)
        column.addWidget(self.tools)
        column.addWidget(self.canvas, 1)
        column.addWidget(self.legend)
        self.choose.clicked.connect(lambda _=False: self.choose_file())
        self.canvas.hovered.connect(self._hover)
        self.canvas.activated.connect(self._open)
        self.canvas.selection_made.connect(self._select)
        self.canvas.viewport_changed.connect(
            lambda view: context.store.change("undo.viewport", merge="joint", joint_viewport=view)
        )
        self.tools.cleared.connect(lambda: self._brush(NOTHING))
        self.tools.inverted.connect(self._invert)
        self.legend.hidden_changed.connect(self._hide)
        context.summary_changed.connect(self._take_summary)
        context.store.changed.connect(self._follow)

    def first_focus(self) -> QWidget:
        """Return the map, or the button that chooses one."""
        return self.choose if self._joint is None else self.canvas

    def choose_file(self) -> None:
        """Ask which comparison to show the map of."""
        near = "" if self.context.path is None else str(self.context.path.parent)
        kinds = f"{tr('joint.filter')} (*.h5 *.hdf5);;{tr('open.all')} (*)"
        name, _ = QFileDialog.getOpenFileName(self, tr("joint.choose"), near, kinds)
        if name:
            self.open_file(Path(name))

    def open_file(self, path: Path) -> None:
        """Show the map of a comparison; where it has none, what is shown stays."""
        chosen = path.absolute()

        def take(joint: JointMap) -> None:
            self._looked = str(chosen)
            self.context.store.change("undo.joint", joint=str(chosen), joint_viewport=None)
            self._put(joint)

        self.context.reader.ask(FindJointMap(chosen), take, self.context.refuse)

    def _take_summary(self, summary: Summary) -> None:
        self._put(None)
        self._looked = None
        self._look()

    def showEvent(self, event: QShowEvent) -> None:
        """Look for a comparison now that somebody sees it."""
        super().showEvent(event)
        self._look()

    def _look(self) -> None:
        """Read the map that the state names, or look for one beside the atlas."""
        wanted = self.context.store.state.joint
        if self.isVisible() and wanted != self._looked and self.context.summary is not None:
            self._looked = wanted
            self._put(None)
            path = Path(wanted) if wanted else None
            self.context.reader.ask(FindJointMap(path), self._put, self.context.refuse)

    # What is shown ------------------------------------------------------------------

    def _put(self, joint: JointMap | None) -> None:
        self._joint = joint
        self.card.dismiss()
        self.legend.setVisible(joint is not None)
        self.said.setText("" if joint is None else tr("joint.of", file=joint.path.name))
        self.canvas.show_points(None if joint is None else joint.points)
        if joint is None:
            return
        names = tuple(atlas.name or Path(atlas.file).stem for atlas in joint.atlases)
        self._painting = paint_sources(names, joint.source)
        self.legend.show_colouring(
            self._painting.chosen,
            1,
            table=self._painting.table,
            names=names,
            counts=self._painting.counts(),
        )
        self._paint()
        state = self.context.store.state
        self.canvas.show_viewport(state.joint_viewport)
        self._show_hidden(state)
        self._show_selection(state)
        self._ring(state)

    def _follow(self, now: ViewState, before: ViewState) -> None:
        if now.joint != before.joint:
            self._look()
        if self._joint is not None:
            if now.hidden != before.hidden:
                self._show_hidden(now)
            if now.features is not before.features:
                self._show_selection(now)
            if now.place is not before.place:
                self._ring(now)
            if now.joint_viewport not in (before.joint_viewport, self.canvas.part):
                self.canvas.show_viewport(now.joint_viewport)

    def _paint(self) -> None:
        if self._painting is not None:
            table = theme.in_back(self._painting.table, self.palette())
            self.canvas.show_colours(self._painting.codes, table)

    def _show_hidden(self, state: ViewState) -> None:
        assert self._painting is not None
        self.legend.show_hidden(state.hidden)
        self.canvas.show_matches(self._painting.shown(state.hidden))

    def _show_selection(self, state: ViewState) -> None:
        chosen = self._points(state.features)
        self.canvas.show_selection(chosen if chosen.any() else None)

    def _points(self, features: Selection) -> Bool[np.ndarray, " n"]:
        """Return which points are these features of the open atlas."""
        assert self._joint is not None
        found = np.zeros(len(self._joint.source), bool)
        first = self._joint.point(0)
        if first >= 0:
            size = self._joint.atlases[self._joint.own].d_sae
            found[first : first + size] = features.mask(size)
        return found

    def _ring(self, state: ViewState) -> None:
        place = state.place
        shown = self._joint is not None and place is not None and place.kind == "feature"
        self.canvas.select(self._joint.point(place.index) if shown else -1)  # type: ignore[union-attr]

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette."""
        if event.type() == QEvent.Type.PaletteChange:
            self._paint()
        super().changeEvent(event)

    # What the user does -------------------------------------------------------------

    def _open(self, point: int) -> None:
        """Open the page of a feature of this atlas; of another one say where it is."""
        assert self._joint is not None
        source, feature = int(self._joint.source[point]), self._joint.feature(point)
        if source == self._joint.own:
            self.context.go(Place("feature", feature))
        else:
            file = self._joint.file_of(source)
            self.context.say(tr("joint.other", feature=feature, file=file))

    def _select(self, points: Int64[np.ndarray, " k"], mode: str) -> None:
        """Brush the features of this atlas among the points."""
        if self._joint is None:  # a box drawn where no map is shown
            return
        own = points[self._joint.source[points] == self._joint.own]
        found = Selection.of(own - max(self._joint.point(0), 0))
        self._brush(self.context.store.state.features.brushed(found, mode))

    def _invert(self) -> None:
        if self.context.summary is not None:
            count = len(self.context.summary.table)
            self._brush(self.context.store.state.features.invert(count))

    def _brush(self, features: Selection) -> None:
        self.context.store.change("undo.select_features", features=features)

    def _hide(self, hidden: frozenset[str]) -> None:
        before = self.context.store.state.hidden
        other = frozenset(label for label in before if not label.startswith(SOURCE))
        self.context.store.change("undo.hidden", hidden=hidden | other)

    def _hover(self, point: int, at: QPoint) -> None:
        joint, summary = self._joint, self.context.summary
        if point < 0 or joint is None or self._painting is None or summary is None:
            self.card.dismiss()
            return
        source, feature = int(joint.source[point]), joint.feature(point)
        title, language = tr("joint.feature", feature=feature), ""
        if source == joint.own:
            title, language = summary.table.title(feature), summary.table.title_language(feature)
        facts = [f"#{feature}", self._painting.names[source]]
        self.card.show_feature(point, (title, language), facts, at)


ACTIONS: tuple[Action, ...] = (Action("joint", "view", lambda window: _choose(window)),)


def _choose(window: MainWindow) -> None:
    window.bring(JointPanel.key)
    panel = window.panel(JointPanel)
    assert isinstance(panel, JointPanel)
    panel.choose_file()
