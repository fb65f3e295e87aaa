"""What panels have in common that ask the engine: whether its backbone is at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QSize
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.sources import ItemSource
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.panel import Panel
from mmfeat_gui.views.probe_status import BackboneRow, EngineStatus
from mmfeat_gui.workers.engine_child import EngineRequest, Model
from mmfeat_gui.workers.probe import BackboneCheck, ItemName


class EnginePanel(Panel):
    """A panel in a scroll area that works when the atlas's backbone is at hand.

    The backbone is looked for when the panel is first seen, since that starts the engine. Until
    it is found, `inside` cannot be used.

    Parameters
    ----------
    context : Context
    parent : QWidget or None

    Attributes
    ----------
    inside : QWidget
        What a subclass fills.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.ready = False
        self._checked: Model | None = None
        self._running: set[str] = set()  # channels in which an answer is awaited
        self.backbone = BackboneRow()
        self.status = EngineStatus()
        self.inside = QWidget()
        self._content = QWidget()
        column = QVBoxLayout(self._content)
        column.setContentsMargins(16, 12, 16, 16)
        column.addWidget(self.backbone)
        column.addWidget(self.status)
        column.addWidget(self.inside, 1)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setAccessibleName(tr(f"panel.{self.key}"))
        area.setWidget(self._content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)
        self.inside.setEnabled(False)
        self.status.cancelled.connect(self.cancel_all)
        self.backbone.pointed.connect(self._look_there)
        context.summary_changed.connect(self._take_atlas)
        context.engine.backbones_changed.connect(self._check)
        context.engine.missing.connect(self._explain)

    def content_size(self) -> QSize:
        """Return the size of all that is in the panel."""
        return self._content.size()

    @property
    def model(self) -> Model | None:
        """The open atlas, and where its backbone is if the user has said so."""
        summary = self.context.summary
        if summary is None:
            return None
        return Model(summary.path, self.context.engine.backbones.get(summary.backbone, ""))

    def forget(self) -> None:
        """Forget what was shown: another atlas was opened."""

    def resume(self) -> None:
        """Ask for what is to be shown: the backbone is at hand now."""

    def show_names(self) -> None:
        """Write names that have only now been read."""
        self.update()

    def title(self, feature: int) -> str:
        """Return the name of a feature of the open atlas."""
        summary = self.context.summary
        return str(feature) if summary is None else summary.table.title(feature)

    def ask(self, request: EngineRequest[Any], done: Callable[[Any], None]) -> None:
        """Ask the engine, and show how far it is."""
        channel = request.channel

        def take(result: Any) -> None:
            self._end(channel)
            done(result)

        def fail(sentence: str) -> None:
            self._end(channel)
            self.status.fail(sentence)

        self._running.add(channel)
        self.status.begin()
        self.context.engine.ask(request, take, fail, self.status.follow)

    def cancel(self, channel: str) -> None:
        """Take back what was asked for in a channel."""
        if channel in self._running:
            self.context.engine.cancel(channel)
            self._end(channel)

    def cancel_all(self) -> None:
        """Take back all that was asked for."""
        for channel in tuple(self._running):
            self.cancel(channel)

    def _end(self, channel: str) -> None:
        self._running.discard(channel)
        if not self._running:
            self.status.clear()

    def open_feature(self, feature: int) -> None:
        """Go to the page of a feature."""
        self.context.go(Place("feature", feature))

    def ask_item(self, done: Callable[[ItemSource], None]) -> None:
        """Give the item whose page is shown, or say that there is none."""
        place = self.context.store.state.place
        if place is None or place.kind != "item":
            self.context.say(tr("probe.no_item"))
            return
        request = ItemName(place.index)
        self.context.reader.ask(request, lambda name: done(ItemSource(name)))

    def showEvent(self, event: QShowEvent) -> None:
        """Look for the backbone when the panel is first seen."""
        super().showEvent(event)
        self._check()

    def _take_atlas(self, summary: Summary) -> None:
        self.ready, self._checked = False, None
        self.inside.setEnabled(False)
        self.backbone.hide()
        self.cancel_all()
        self.status.clear()
        summary.table.arrived.connect(self.show_names)
        self.forget()
        self._check()

    def _look_there(self, place: str) -> None:
        summary = self.context.summary
        if summary is None:
            return

        def found(spec: str) -> None:
            self.status.clear()
            self.context.engine.point(summary.backbone, spec)

        self.status.begin()
        request = BackboneCheck(Model(summary.path, place), f"{self.key}'s place")
        self.context.engine.ask(request, found, self._explain, self.status.follow)

    def _check(self) -> None:
        model = self.model
        if model is None or model == self._checked or not self.isVisible():
            return
        self._checked = model
        self.context.engine.ask(BackboneCheck(model, self.key), self._found, self._explain)

    def _found(self, spec: str) -> None:
        self.ready = True
        self.backbone.hide()
        self.inside.setEnabled(True)
        self.resume()

    def _explain(self, sentence: str) -> None:
        self.ready = False
        self.inside.setEnabled(False)
        self.status.clear()
        self.backbone.explain(sentence)
