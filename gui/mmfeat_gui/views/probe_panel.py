"""Probing: which features fire on a picture or text of one's own, and on another one beside it."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QToolButton, QVBoxLayout, QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.probe import Difference, Firing, Probed, compare, search_command
from mmfeat_gui.state.sources import Source
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views import theme
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.panel import Area
from mmfeat_gui.views.probe_engine import EnginePanel
from mmfeat_gui.views.probe_features import SIDES, FiringGroup
from mmfeat_gui.views.probe_input import SourceInput
from mmfeat_gui.views.probe_search import SearchSection
from mmfeat_gui.views.probe_shown import ShownProbe
from mmfeat_gui.workers.probe import ProbeRequest, SearchRequest

_WIDE = 620  # from here on the two inputs stand side by side
_TOP = 20  # features of a search


class ProbePanel(EnginePanel):
    """Two inputs, the features that fire on them, and the search that they are examples of."""

    key: ClassVar[str] = "probe"
    area: ClassVar[Area] = "pages"

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.inputs = (SourceInput(SIDES[0]), SourceInput(SIDES[1]))
        self._shown: list[ShownProbe | None] = [None, None]
        self._pointed: int | None = None
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self.examples: list[QToolButton] = []
        for side, given in enumerate(self.inputs):
            given.changed.connect(lambda source, side=side: self._probe(side, source))
            given.item_wanted.connect(
                lambda given=given: self.ask_item(lambda item: given.set_source(item))
            )
            given.refused.connect(context.say)
            for key, against in (("probe.example", False), ("probe.negative", True)):
                button = QToolButton()
                button.setText(tr(key))
                what = tr(f"{key}_tip")
                button.setToolTip(what)
                button.setAccessibleName(tr("probe.of_side", what=what, side=SIDES[side]))
                button.setEnabled(False)
                button.clicked.connect(
                    lambda _=False, given=given, against=against: self._take_example(given, against)
                )
                given.extra.addWidget(button)
                self.examples.append(button)
            given.extra.addStretch(1)
            self._row.addWidget(given, 1)
        self.hint = theme.Muted(tr("probe.hint"))
        self.summary = theme.Muted()
        self.groups = (FiringGroup(), FiringGroup(), FiringGroup())
        self.search = SearchSection()
        column = QVBoxLayout(self.inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self._row)
        column.addWidget(self.hint)
        column.addWidget(self.summary)
        for group in self.groups:
            group.activated.connect(self.open_feature)
            group.pointed.connect(self._point)
            column.addWidget(group)
        column.addWidget(self.search)
        column.addStretch(1)
        self.search.activated.connect(self.open_feature)
        self.search.examples_changed.connect(self._search)
        context.store.changed.connect(self._follow)
        if context.summary is not None:
            self._offer(context.summary)
        self._show()

    def first_focus(self) -> QWidget:
        """Return the first text."""
        return self.inputs[0].editor if self.ready else self.backbone.place

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the inputs under each other where they do not fit side by side."""
        wide = event.size().width() >= _WIDE
        side, under = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._row.setDirection(side if wide else under)
        super().resizeEvent(event)

    def probe(self, side: int, source: Source | None) -> None:
        """Probe with a picture, text or item on a side."""
        self.inputs[side].set_source(source)

    def take_item(self) -> None:
        """Probe with the item whose page is shown."""
        self.ask_item(self.inputs[0].set_source)

    def forget(self) -> None:
        """Forget what fires, but not what was given: it can be probed in another atlas."""
        self._shown = [None, None]
        self._pointed = None
        self.search.clear()
        if self.context.summary is not None:
            self._offer(self.context.summary)
        self._show()

    def show_names(self) -> None:
        """Write names that have only now been read."""
        for group in self.groups:
            group.flow.update()

    def resume(self) -> None:
        """Probe with what is there already."""
        for side, given in enumerate(self.inputs):
            if given.source is not None and self._shown[side] is None:
                self._probe(side, given.source)

    def _offer(self, summary: Summary) -> None:
        for given in self.inputs:
            given.set_languages(summary.languages)

    def _probe(self, side: int, source: Source | None) -> None:
        for button in self.examples[2 * side : 2 * side + 2]:
            button.setEnabled(source is not None)
        model = self.model
        if self._shown[side] is not None:
            self._shown[side] = None
            self._show()
        if source is None:
            self.cancel(f"probe {SIDES[side]}")
        elif model is not None and self.ready:
            self.ask(
                ProbeRequest(model, source, SIDES[side]), lambda found: self._take(side, found)
            )

    def _take(self, side: int, probed: Probed) -> None:
        self._shown[side] = ShownProbe(probed)
        self._pointed = None
        self._show()

    def difference(self) -> Difference:
        """Return what the two probes have in common and what not."""
        fires = [None if shown is None else shown.probed.fires for shown in self._shown]
        return compare(fires[0], fires[1])

    def _show(self) -> None:
        """Show the features of one probe, or what two have in common and what not."""
        found = self.difference()
        shown = (self._shown[0], self._shown[1])
        some = [probe is not None for probe in shown]
        titles = (
            tr("probe.both", count=len(found.both)),
            tr("probe.only" if all(some) else "probe.all", side="A", count=len(found.first)),
            tr("probe.only" if all(some) else "probe.all", side="B", count=len(found.second)),
        )
        parts: tuple[list[Firing], ...] = (found.both, found.first, found.second)
        # What is silent on a side is not drawn there.
        drawn = (shown, (shown[0], None), (None, shown[1]))
        seen = (all(some), *some)
        for number, group in enumerate(self.groups):
            group.show_firing(titles[number], parts[number], drawn[number], self.title)
            group.setVisible(seen[number])
        self.hint.setVisible(not any(some))
        self.summary.setVisible(all(some))
        if all(some):
            self.summary.setText(
                tr(
                    "probe.summary",
                    both=len(found.both),
                    first=len(found.first),
                    second=len(found.second),
                    overlap=found.overlap,
                )
            )
        self._point(-1)

    def _point(self, feature: int) -> None:
        """Show what a feature does on the inputs; of none, what the strongest does."""
        wanted = feature if feature >= 0 else self._pointed
        for given, shown in zip(self.inputs, self._shown, strict=True):
            looked = None
            if shown is not None and self.context.store.state.heat:
                looked = shown.strongest if wanted is None else wanted
            given.show_probe(shown, looked, "" if looked is None else self.title(looked))
        self._pointed = wanted

    def _follow(self, now: ViewState, before: ViewState) -> None:
        if now.heat != before.heat:
            self._point(-1)

    def _take_example(self, given: SourceInput, against: bool) -> None:
        if given.source is not None:
            self.search.add(given.source, against=against)

    def _search(self) -> None:
        model, (positives, negatives) = self.model, self.search.sides
        if model is None or not self.ready or not positives:
            self.cancel("search")
            return
        command = search_command(
            model.atlas, model.backbone, positives, negatives, self._languages(), _TOP
        )
        request = SearchRequest(model, tuple(positives), tuple(negatives), _TOP)
        self.ask(request, lambda hits: self.search.show_hits(hits, self.title, command))

    def _languages(self) -> tuple[str, ...]:
        return () if self.context.summary is None else self.context.summary.languages
