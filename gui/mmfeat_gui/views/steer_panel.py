"""Steering: features of a picture or text are changed, and it is seen what that does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from mmfeat.backbones.base import JOINT
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.probe import compare
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.state.sources import Source, TextSource
from mmfeat_gui.state.steering import FEATURES, Steer, retrieval, steer_command
from mmfeat_gui.views import theme
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.panel import Area
from mmfeat_gui.views.probe_engine import EnginePanel
from mmfeat_gui.views.probe_input import SourceInput
from mmfeat_gui.views.probe_search import CommandLine
from mmfeat_gui.views.probe_shown import ShownProbe
from mmfeat_gui.views.steer_results import GalleryView
from mmfeat_gui.views.steer_settings import AmountChoice, FeatureChoice, LanguageChoice
from mmfeat_gui.views.steer_written import WrittenView
from mmfeat_gui.views.tiles import FeatureFlow, FeatureTile
from mmfeat_gui.workers.probe import ProbeRequest
from mmfeat_gui.workers.steer import Steered, SteerRequest

_REST = 250  # ms in which nothing is changed, before it is steered
_TALL = 128  # pixels of the query's picture
_FIRING = 8  # features of the query that are offered
_USUAL = ("en", "ko")  # languages shown at first, where the atlas has them


class SteerPanel(EnginePanel):
    """A query, the features to change in it, and what it retrieves before and after.

    With the atlas of a model that writes, what that writes; that takes a while, and so begins
    with a button.
    """

    key: ClassVar[str] = "steer"
    area: ClassVar[Area] = "pages"

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.steered: Steered | None = None
        self.query = SourceInput(tr("steer.query"), _TALL)
        self.shown: ShownProbe | None = None
        self.firing = FeatureFlow()
        self.firing.setAccessibleName(tr("steer.firing"))
        self.firing_title = theme.Muted(tr("steer.firing"))
        self.features = FeatureChoice()
        self.features.name_by(self.title)
        self.amount = AmountChoice()
        self.languages = LanguageChoice()
        self.prompt = QLineEdit()
        self.prompt.setPlaceholderText(tr("steer.prompt"))
        self.prompt.setAccessibleName(tr("steer.prompt"))
        self.write = QPushButton(tr("steer.write"))
        self.hint = theme.Muted()
        self.results = QWidget()
        self.views: list[QWidget] = []
        QVBoxLayout(self.results).setContentsMargins(0, 0, 0, 0)
        self.command = CommandLine()
        asked = QHBoxLayout()
        asked.addWidget(self.prompt, 1)
        asked.addWidget(self.write)
        change = QHBoxLayout()
        change.addWidget(self.amount, 1)
        change.addWidget(self.languages)
        column = QVBoxLayout(self.inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.query)
        column.addLayout(asked)
        column.addWidget(self.features)
        column.addWidget(self.firing_title)
        column.addWidget(self.firing)
        column.addLayout(change)
        column.addWidget(self.hint)
        column.addWidget(self.results)
        column.addWidget(self.command)
        column.addStretch(1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REST)
        self._timer.timeout.connect(self._steer)
        self.query.changed.connect(self._take_query)
        self.firing.activated.connect(lambda index: self.add_features([self.firing.feature(index)]))
        self.query.item_wanted.connect(lambda: self.ask_item(self.query.set_source))
        self.query.refused.connect(context.say)
        self.features.changed.connect(self._take_features)
        self.features.shown_wanted.connect(self.add_shown)
        self.features.brushed_wanted.connect(self.add_brushed)
        self.features.typed.connect(self.add_features)
        self.amount.changed.connect(self._wait)
        self.languages.changed.connect(self._wait)
        self.prompt.textChanged.connect(lambda _: self._show_command())
        self.prompt.returnPressed.connect(self._write)
        self.write.clicked.connect(self._write)
        self.forget()

    def first_focus(self) -> QWidget:
        """Return the text of the query."""
        return self.query.editor if self.ready else self.backbone.place

    @property
    def writes(self) -> bool:
        """Whether the atlas is of rows that a model writes from, not of those it retrieves by."""
        summary = self.context.summary
        return summary is not None and summary.hook != JOINT

    def steer(self) -> Steer | None:
        """Return what is to be done; None where something is still to be chosen."""
        source, features = self.query.source, self.features.features
        prompt = self.prompt.text().strip() if self.writes else ""
        if not features or (source is None and not prompt) or (self.writes and not prompt):
            return None
        languages = () if isinstance(source, TextSource) else self.languages.languages
        return Steer(source, features, self.amount.kind, self.amount.amount, languages, prompt)

    def add_features(self, features: Sequence[int]) -> None:
        """Change these features too, as far as the atlas has them."""
        summary = self.context.summary
        if summary is None:
            return
        strange = [one for one in features if not 0 <= one < len(summary.table)]
        if strange:
            last, file = len(summary.table) - 1, summary.path.name
            self.context.say(tr("error.feature", feature=strange[0], file=file, last=last))
        known = [one for one in features if one not in strange]
        chosen = list(dict.fromkeys([*self.features.features, *known]))
        if len(chosen) > FEATURES:
            self.context.say(tr("steer.too_many", count=len(chosen), most=FEATURES))
            return
        self.features.choose(chosen)

    def forget(self) -> None:
        """Forget features and results of another atlas."""
        summary = self.context.summary
        self._timer.stop()
        self.features.choose(())
        self._show(None)
        self._show_query(None)
        if summary is not None:
            self.query.set_languages(summary.languages)
            wanted = self.context.store.state.languages or _USUAL
            own = [tag for tag in wanted if tag in summary.languages]
            self.languages.offer(summary.languages, own or summary.languages[:2])
        for widget in (self.prompt, self.write):
            widget.setVisible(self.writes)
        self.languages.setVisible(not self.writes)
        self._show_command()

    def show_names(self) -> None:
        """Write names that have only now been read."""
        self.features.show_names()
        self._show_query(self.shown)

    def resume(self) -> None:
        """Steer with what was chosen already."""
        if self.steered is None:
            self._take_query(self.query.source)

    def add_shown(self) -> None:
        """Change the feature whose page is shown too."""
        place = self.context.store.state.place
        if place is None or place.kind != "feature":
            self.context.say(tr("steer.no_feature"))
        else:
            self.add_features([place.index])

    def add_brushed(self) -> None:
        """Change the brushed features too."""
        brushed: Selection = self.context.store.state.features
        if not brushed:
            self.context.say(tr("steer.no_brushed"))
        elif len(brushed) > FEATURES:
            self.context.say(tr("steer.too_many", count=len(brushed), most=FEATURES))
        else:
            self.add_features(brushed.indices.tolist())

    def _take_query(self, source: Source | None) -> None:
        """See which features fire on the query, of which some may be changed."""
        self._show_query(None)
        model = self.model
        if source is not None and model is not None and self.ready:
            request = ProbeRequest(model, source, "query")
            self.ask(request, lambda probed: self._show_query(ShownProbe(probed)))
        self._wait()

    def _take_features(self) -> None:
        self._show_query(self.shown)
        self._wait()

    def _show_query(self, shown: ShownProbe | None) -> None:
        self.shown = shown
        chosen = self.features.features
        looked = chosen[-1] if chosen else None
        self.query.show_probe(shown, looked, "" if looked is None else self.title(looked))
        firing = [] if shown is None else compare(shown.probed.fires, None).first[:_FIRING]
        self.firing.show_tiles(
            [
                FeatureTile(
                    one.feature,
                    self.title(one.feature),
                    tr("steer.fires", activation=one.activations[0], share=one.shares[0]),
                    marked=one.feature in chosen,
                )
                for one in firing
            ]
        )
        self.firing_title.setVisible(bool(firing))

    def _wait(self) -> None:
        self._show_command()
        self._timer.start()

    def _steer(self) -> None:
        """Steer as soon as nothing is changed any more; writing waits for the button."""
        if not self.writes:
            self._ask()

    def _write(self) -> None:
        if self.writes:
            self._ask()

    def _ask(self) -> None:
        steer, model = self.steer(), self.model
        if steer is None or model is None or not self.ready:
            self.cancel(SteerRequest.channel)
            self._show(None)
        else:
            self.ask(SteerRequest(model, steer), self._show)

    def _show_command(self) -> None:
        steer, model = self.steer(), self.model
        known = steer is not None and model is not None
        self.command.show_command(
            steer_command(model.atlas, model.backbone, steer) if model and steer else ""
        )
        self.hint.setText(tr("steer.hint_writes" if self.writes else "steer.hint"))
        self.hint.setVisible(not known)

    def _show(self, steered: Steered | None) -> None:
        """Show results in place of those before."""
        self.steered = steered
        column = self.results.layout()
        assert column is not None
        for view in self.views:
            column.removeWidget(view)
            view.deleteLater()
        self.views = []
        if steered is None:
            return
        if steered.steer.prompt:
            self.views = [WrittenView(steered.result)]
        else:
            pictures = {name: theme.to_image(own) for name, own in steered.pictures.items()}
            for tag, found in steered.result["results"].items():
                view = GalleryView(tag, retrieval(found), pictures)
                view.item_wanted.connect(self._open_item)
                self.views.append(view)
        for view in self.views:
            column.addWidget(view)

    def _open_item(self, item_id: str) -> None:
        if self.steered is not None:
            self.context.go(Place("item", self.steered.items[item_id]))
