"""Languages by languages, and languages by features, as matrices that can be walked through."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Float
from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from mmfeat.corpus.languages import language_name
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.state.summary import Summary
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.views import theme
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.matrix_view import CROSS, DOT, NO_MARK, Heading, Matrix, MatrixView
from mmfeat_gui.views.panel import Area, Panel
from mmfeat_gui.workers.languages import (
    CompareLanguages,
    FeaturesByLanguage,
    FiringIn,
    LoadedFeatures,
    LoadedLanguages,
)

if TYPE_CHECKING:
    from mmfeat.atlas.language_cells import FeatureCells

_KINDS = ("languages", "features")
_SCOPES = ("all", "brushed")
_MEASURES = ("rate", "energy", "consistency")


class LanguagesPanel(Panel):
    """The matrix of languages, over all features or the brushed ones.

    Choosing a cell of two languages brushes the features that fire in both; choosing one of a
    feature opens its page.
    """

    key: ClassVar[str] = "languages"
    area: ClassVar[Area] = "maps"

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self._loaded: LoadedLanguages | LoadedFeatures | None = None
        self._stale = True
        self.kind = self._choice("show", _KINDS)
        self.scope = self._choice("over", _SCOPES)
        self.measure = self._choice("measure", _MEASURES)
        self.caption = theme.Muted(parent=self)
        self.view = MatrixView(self)
        self.view.setAccessibleName(tr("panel.languages"))
        self.sentence = QLabel(self)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setWordWrap(True)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        above = QHBoxLayout()
        for choice in (self.kind, self.scope, self.measure):
            above.addWidget(choice)
        above.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 4)
        column.setSpacing(6)
        column.addLayout(above)
        column.addWidget(self.caption)
        column.addWidget(self.view, 1)
        column.addWidget(self.sentence)
        for choice in (self.kind, self.scope, self.measure):
            choice.activated.connect(self._choose_matrix)
        self.view.chosen.connect(self._choose)
        self.view.moved.connect(self._tell)
        context.summary_changed.connect(self._take)
        context.store.changed.connect(self._follow)
        self._show()

    def first_focus(self) -> QWidget:
        """Return the matrix."""
        return self.view

    def _choice(self, name: str, keys: tuple[str, ...]) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName(tr(f"languages.{name}"))
        box.setToolTip(tr(f"languages.{name}"))
        for key in keys:
            box.addItem(tr(f"languages.{name}.{key}"), key)
        return box

    # What is asked for ----------------------------------------------------------------

    def _take(self, summary: Summary) -> None:
        self._loaded = None
        self._show_choices(self.context.store.state)
        summary.table.arrived.connect(self._name_features)
        self._show()
        self._ask()

    def _name_features(self) -> None:
        """Show the names of features that have arrived since."""
        if isinstance(self._loaded, LoadedFeatures):
            self._show()

    def _choose_matrix(self) -> None:
        chosen = tuple(str(box.currentData()) for box in (self.kind, self.scope, self.measure))
        self.context.store.change("undo.matrix", matrix=chosen)

    def _show_choices(self, state: ViewState) -> None:
        for box, key in zip((self.kind, self.scope, self.measure), state.matrix, strict=True):
            box.setCurrentIndex(max(box.findData(key), 0))

    def _follow(self, now: ViewState, before: ViewState) -> None:
        if now.matrix != before.matrix:
            self._show_choices(now)
            if now.matrix[:2] != before.matrix[:2]:
                self._ask()
            else:
                self._show()
        of_features = self.kind.currentData() == "features"
        brushed = of_features or self.scope.currentData() == "brushed"
        alone = of_features and not now.features and now.place != before.place
        if (brushed and now.features != before.features) or alone:
            self._ask()

    def showEvent(self, event: QShowEvent) -> None:
        """Read what was not worth reading while nobody saw it."""
        super().showEvent(event)
        if self._stale:
            self._ask()

    def _chosen(self) -> Selection | None:
        """Return the features to show: None for all."""
        state = self.context.store.state
        if self.kind.currentData() == "languages":
            return state.features if self.scope.currentData() == "brushed" else None
        if not state.features and state.place is not None and state.place.kind == "feature":
            return Selection.of([state.place.index])
        return state.features

    def _ask(self) -> None:
        of_features = self.kind.currentData() == "features"
        self.scope.setVisible(not of_features)
        self.measure.setVisible(of_features)
        reader, summary = self.context.reader, self.context.summary
        if summary is None or not self.isVisible():
            self._stale = True
            return
        self._stale = False
        chosen = self._chosen()
        if not summary.languages or (chosen is not None and not chosen):
            reader.forget(CompareLanguages.channel)
            self._loaded = None
            self._show()
        elif of_features and chosen is not None:
            reader.ask(FeaturesByLanguage(chosen), self._put, self._fail)
        else:
            reader.follow(CompareLanguages(chosen), self._put, failed=self._fail)

    def _put(self, loaded: LoadedLanguages | LoadedFeatures) -> None:
        self._loaded = loaded
        self._show()

    def _fail(self, sentence: str) -> None:
        self._loaded = None
        self._show()
        self.caption.setText(sentence)

    # What is shown --------------------------------------------------------------------

    def _show(self) -> None:
        loaded, summary = self._loaded, self.context.summary
        if summary is None or loaded is None:
            none = summary is not None and not summary.languages
            self.caption.setText(tr("languages.none" if none else "languages.nothing"))
            self.view.show_matrix(None)
        elif isinstance(loaded, LoadedLanguages):
            self.view.show_matrix(self._of_languages(loaded, summary))
        else:
            self.view.show_matrix(self._of_features(loaded, summary))
        self._tell()

    def _tell(self) -> None:
        # A name from right to left at its beginning does not turn the sentence around.
        self.sentence.setText("\u200e" + self.view.accessibleDescription())

    def _name(self, summary: Summary, column: int) -> str:
        """Return what a column is called in a sentence."""
        if column == 0:
            return tr("languages.pictures")
        tag = summary.languages[column - 1]
        name = language_name(tag)
        return tag if name == tag else f"{_isolated(name)} ({tag})"

    def _headings(
        self, summary: Summary, order: list[int]
    ) -> tuple[tuple[Heading, ...], tuple[Heading, ...]]:
        """Return the names of columns as rows and as columns, where there is less room."""
        rows, columns = [], []
        for at in order:
            if at == 0:
                rows.append(Heading(tr("languages.pictures")))
                columns.append(Heading(tr("languages.pictures_short")))
            else:
                tag = summary.languages[at - 1]
                name = language_name(tag)
                rows.append(Heading(name, tag, "" if name == tag else tag))
                columns.append(Heading(tag))
        return tuple(rows), tuple(columns)

    def _of_languages(self, loaded: LoadedLanguages, summary: Summary) -> Matrix:
        order = loaded.order.tolist()
        at = np.ix_(order, order)
        found = loaded.between
        values = found.mean[at]
        low, high = _ends(values)
        count = len(summary.table) if loaded.features is None else len(loaded.features)
        key = "languages.caption_all" if loaded.features is None else "languages.caption_brushed"
        self.caption.setText(tr(key, count=count, low=f"{low:.2f}", high=f"{high:.2f}"))

        def describe(row: int, column: int) -> str:
            a, b = order[row], order[column]
            if a == b:
                fires = int(found.fires[a, a])
                return tr("languages.own", name=self._name(summary, a), fires=fires)
            numbers = (float(end[a, b]) for end in (found.mean, found.low, found.high))
            value, least, most = (_number(number) for number in numbers)
            return tr(
                "languages.pair",
                one=self._name(summary, a),
                other=self._name(summary, b),
                value=value,
                low=least,
                high=most,
                compared=int(found.compared[a, b]),
                consistent=int(found.consistent[a, b]),
                fires=int(found.fires[a, b]),
            )

        rows, columns = self._headings(summary, order)
        return Matrix(
            rows, columns, values, low, high,
            write=lambda row, column: _short(float(values[row, column])),
            describe=describe,
        )  # fmt: skip

    def _of_features(self, loaded: LoadedFeatures, summary: Summary) -> Matrix:
        cells, order = loaded.cells, loaded.order.tolist()
        measure = str(self.measure.currentData())
        values = np.asarray(getattr(cells, measure), np.float64)[:, order]
        shown = values
        if measure != "consistency":  # features differ by orders of magnitude
            most = np.nanmax(values, axis=1, initial=0, keepdims=True)
            shown = values / np.where(most > 0, most, np.nan)
        marks = np.full(shown.shape, NO_MARK, np.int8)
        marks[loaded.shared[:, order]] = DOT
        marks[loaded.never[:, order]] = CROSS
        key = "languages.caption_features"
        if loaded.asked > len(cells.features):
            key = "languages.caption_first"
        self.caption.setText(
            tr(
                key,
                count=len(cells.features),
                asked=loaded.asked,
                measure=tr(f"languages.measure.{measure}"),
            )
            + " "
            + tr(f"languages.colour.{measure}")
        )
        features = cells.features.tolist()

        def describe(row: int, column: int) -> str:
            return self._feature_in_words(cells, row, order[column], summary)

        _, columns = self._headings(summary, order)
        write = _percent if measure == "rate" else _short
        return Matrix(
            tuple(self._feature_heading(summary, feature) for feature in features),
            columns, shown, 0.0, 1.0,
            write=lambda row, column: write(float(values[row, column])),
            describe=describe,
            marks=marks,
        )  # fmt: skip

    def _feature_heading(self, summary: Summary, feature: int) -> Heading:
        table = summary.table
        return Heading(table.title(feature), table.title_language(feature), f"#{feature}")

    def _feature_in_words(
        self, cells: FeatureCells, row: int, column: int, summary: Summary
    ) -> str:
        feature = int(cells.features[row])
        said = tr(
            "languages.feature",
            feature=feature,
            title=_isolated(summary.table.title(feature)),
            name=self._name(summary, column),
            rate=_percent(float(cells.rate[row, column])),
            energy=_number(float(cells.energy[row, column])),
            consistency=_number(float(cells.consistency[row, column])),
        )
        if column == 0:
            return said
        together, at = cells.jaccard, (row, column - 1)
        numbers = {
            "value": together.value,
            "low": together.low,
            "high": together.high,
            "p": cells.p,
            "effect": cells.effect,
        }
        texts = {name: _number(float(values[at])) for name, values in numbers.items()}
        return f"{said} {tr('languages.with_pictures', **texts)}"

    # What is done ---------------------------------------------------------------------

    def _choose(self, row: int, column: int) -> None:
        loaded = self._loaded
        if isinstance(loaded, LoadedFeatures):
            self.context.go(Place("feature", int(loaded.cells.features[row])))
        elif loaded is not None:
            pair = (int(loaded.order[row]), int(loaded.order[column]))
            self.context.reader.ask(FiringIn(pair, loaded.features), self._brush)

    def _brush(self, features: Selection) -> None:
        if features:
            self.context.store.change("undo.brush", features=features)
        else:
            self.context.say(tr("languages.no_feature"))


def _ends(values: Float[np.ndarray, "rows columns"]) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not known.size:
        return 0.0, 1.0
    return float(known.min()), max(float(known.max()), float(known.min()) + 1e-6)


def _isolated(text: str) -> str:
    """Keep the direction of a name from that of the sentence around it."""
    return f"\u2068{text}\u2069"


def _number(value: float) -> str:
    if not np.isfinite(value):
        return "–"
    return f"{value:.2g}" if abs(value) < 0.095 else f"{value:.2f}"


def _short(value: float) -> str:
    if not np.isfinite(value):
        return "–"
    return f"{value:.2f}".removeprefix("0") if abs(value) < 100 else f"{value:.0f}"


def _percent(value: float) -> str:
    if not np.isfinite(value):
        return "–"
    return f"{value:.1%}" if value < 0.0995 else f"{value:.0%}"
