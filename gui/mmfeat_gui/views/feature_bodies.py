"""What stands in the sections of a feature's page: matrix, bridge, names, meaning, tree, probes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from mmfeat.corpus.languages import language_name
from mmfeat_gui.resources.strings import number_texts, tr
from mmfeat_gui.views import theme
from mmfeat_gui.views.feature_numbers import NumberFlow
from mmfeat_gui.views.feature_table import Cell, PageTable
from mmfeat_gui.views.matrix_view import DOT, NO_MARK, Heading, Matrix, MatrixView
from mmfeat_gui.views.tiles import FeatureFlow, FeatureTile
from mmfeat_gui.workers.pages import Probes, Splittings

if TYPE_CHECKING:
    from mmfeat.analysis.splitting import Node
    from mmfeat.figures.companions import Chain
    from mmfeat.figures.sections import Bridge, Consistency, Meaning, NameEvidence

_CONSISTENT = (0.05, 0.1)  # largest p, least lower bound
_MOST_ROWS = 400  # of a table
_BANDS = 4
_NUMBER = 200  # pixels of a number with a long name


def _text(value: float | None, form: str = ".3g") -> str:
    return "–" if value is None or not np.isfinite(value) else format(value, form)


class Body(QWidget):
    """A column of widgets.

    Signals
    -------
    feature_activated(feature)
    """

    feature_activated = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(6)

    def _note(self, key: str) -> theme.Muted:
        """Add a line that says what stands below."""
        label = theme.Muted(tr(key))
        self.column.addWidget(label)
        return label

    def _table(self, name: str, heads: Sequence[str]) -> PageTable:
        """Add a table; `heads` are the keys of its columns."""
        table = PageTable(name, heads)
        table.feature_activated.connect(self.feature_activated)
        self.column.addWidget(table)
        return table


class ConsistencyBody(Body):
    """Pictures and languages against each other, with the means over pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = NumberFlow(_NUMBER)
        self.numbers.setAccessibleName(tr("page.consistency"))
        self.column.addWidget(self.numbers)
        self._note("consistency.note")
        self.matrix = MatrixView()
        self.matrix.setAccessibleName(tr("consistency.matrix"))
        self.column.addWidget(self.matrix)

    def show_content(self, shown: Consistency) -> None:
        """Show a feature's."""
        self.numbers.show_numbers([number_texts(one) for one in shown.numbers])
        own = shown.pairs
        most, least = _CONSISTENT
        passed = (own.p <= most) & (own.effect >= least)
        heads = tuple(
            Heading(tr("rates.picture")) if not at else Heading(tag, "", language_name(tag))
            for at, tag in enumerate(own.columns)
        )

        def name(at: int) -> str:
            return language_name(own.columns[at]) if at else tr("rates.pictures")

        def describe(a: int, b: int) -> str:
            if a == b:
                return name(a)
            parts = [
                tr("consistency.cell", one=name(a), other=name(b), value=_text(own.jaccard[a, b])),
                tr("consistency.null", p=_text(own.p[a, b])),
                tr("consistency.bound", low=_text(own.effect[a, b])),
            ]
            if 0 in (a, b):
                estimate, at = own.with_pictures, max(a, b) - 1
                low, high = _text(float(estimate.low[at])), _text(float(estimate.high[at]))
                parts.insert(1, tr("consistency.interval", low=low, high=high))
            return "\n".join([*parts, tr("consistency.formula")])

        def write(a: int, b: int) -> str:
            return f"{own.jaccard[a, b]:.2f}".removeprefix("0") if a != b else ""

        marks = np.where(passed, DOT, NO_MARK).astype(np.int8)
        count = len(own.columns)
        plain = tuple(Heading(head.text, head.language) for head in heads)
        self.matrix.show_matrix(Matrix(heads, plain, own.jaccard, 0.0, 1.0, write, describe, marks))
        line = self.fontMetrics().height() + 8
        self.matrix.setFixedHeight((min(count, 40) + 1) * line + 6)


class BridgeBody(Body):
    """Partners on the other side of the bridge."""

    def __init__(self) -> None:
        super().__init__()
        self.flows: dict[str, FeatureFlow] = {}
        for side in ("image", "text"):
            self._note(f"bridge.{side}")
            flow = FeatureFlow()
            flow.setAccessibleName(tr(f"bridge.{side}"))
            flow.activated.connect(
                lambda index, own=flow: self.feature_activated.emit(own.feature(index))
            )
            self.column.addWidget(flow)
            self.flows[side] = flow
        self.none = self._note("bridge.none")

    def show_content(self, shown: Bridge, feature: int) -> None:
        """Show a feature's partners."""
        for side, flow in self.flows.items():
            flow.show_tiles(
                [
                    FeatureTile(
                        one.feature,
                        tr("bridge.itself")
                        if one.feature == feature
                        else shown.titles[one.feature],
                        tr("bridge.detail", value=one.value, z=_text(one.z)),
                        tr("bridge.tip", value=one.value, z=_text(one.z), p=_text(one.p)),
                    )
                    for one in shown.partners.get(side, [])
                ]
            )
        self.none.setVisible(not any(shown.partners.values()))


class NamesBody(Body):
    """Names in every language, with what speaks for each and what it predicts."""

    HEADS = (
        "language", "name", "score", "auroc", "nearest", "dissect", "ngrams",
        "auroc_image", "auroc_text", "simulation_image", "simulation_text",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.explained = theme.Muted()
        self.column.addWidget(self.explained)
        self.table = self._table("names", [f"names.{head}" for head in self.HEADS])

    def show_content(self, shown: NameEvidence) -> None:
        """Show a feature's names: the best of a language first."""
        said = shown.explanation
        self.explained.setVisible(said is not None)
        if said is not None:
            rubric = ", ".join(_text(value, ".0f") for value in said.rubric)
            text = tr(
                "names.explained",
                name=said.name,
                model=said.model,
                confidence=_text(said.confidence),
                rubric=rubric,
            )
            self.explained.setText(text)
        rows = []
        for tag, candidates in shown.candidates.items():
            measured = shown.measured.get(tag, {})
            if not candidates:
                rows.append([Cell(tag, tip=language_name(tag)), Cell(tr("column.no_name"))])
            for place, own in enumerate(candidates):
                held_out = [
                    Cell(_text(measured.get(key)) if not place else "") for key in self.HEADS[7:]
                ]
                rows.append(
                    [
                        Cell(tag if not place else "", tip=language_name(tag)),
                        Cell(own.text, tag, strong=not place),
                        Cell(_text(own.score)),
                        Cell(_text(own.auroc)),
                        *(Cell(_text(own.methods.get(method))) for method in self.HEADS[4:7]),
                        *held_out,
                    ]
                )
        self.table.show_rows(rows[:_MOST_ROWS])


class MeaningBody(Body):
    """Monosemanticity and other numbers, purity by band, labels and neurons."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = NumberFlow(_NUMBER)
        self.numbers.setAccessibleName(tr("page.meaning"))
        self.column.addWidget(self.numbers)
        self.purity_note = self._note("purity.note")
        bands = [f"purity.band{at}" for at in range(_BANDS)]
        self.purity = self._table(
            "purity", ["purity.stream", "purity.value", "purity.base", *bands, "purity.monotone"]
        )
        self.labels_note = self._note("labels.note")
        heads = ("label", "column", "f1", "precision", "recall", "p", "q")
        self.labels = self._table("labels", [f"labels.{head}" for head in heads])
        self.neurons_note = self._note("neurons.note")
        places = ("hook", "stream", "neuron", "r")
        self.neurons = self._table("neurons", [f"neurons.{place}" for place in places])

    def show_content(self, shown: Meaning) -> None:
        """Show a feature's."""
        self.numbers.show_numbers([number_texts(one) for one in shown.numbers])
        purity = [
            [
                Cell(tr(f"purity.{stream.partition('.')[0]}")),
                Cell(f"{one.attribute}: {one.value}"),
                Cell(_text(100 * one.base, ".2g")),
                *(
                    Cell(
                        _text(100 * share, ".3g"),
                        tip=tr("purity.tip", rows=int(rows), purity=_text(pure)),
                    )
                    for share, rows, pure in zip(
                        one.share.tolist(), one.rows.tolist(), one.purity.tolist(), strict=True
                    )
                ),
                Cell(_text(one.monotone)),
            ]
            for stream, own in shown.purity.items()
            for one in own
        ]
        labels = [
            [
                Cell(f"{one.attribute}: {one.value}", strong=one.has),
                Cell(one.column if one.column != "image" else tr("rates.pictures")),
                *(Cell(_text(v)) for v in (one.f1, one.precision, one.recall, one.p, one.q)),
            ]
            for one in shown.labels
        ]
        neurons = [
            [Cell(one.hook), Cell(one.stream), Cell(str(one.neuron)), Cell(_text(one.correlation))]
            for one in shown.neurons
        ]
        for note, table, rows in (
            (self.purity_note, self.purity, purity),
            (self.labels_note, self.labels, labels),
            (self.neurons_note, self.neurons, neurons),
        ):
            table.show_rows(rows[:_MOST_ROWS])
            note.setVisible(bool(rows))


class SplittingBody(Body):
    """The trees of the feature in the comparisons beside the atlas."""

    def __init__(self) -> None:
        super().__init__()
        self.note = self._note("splitting.note")
        heads = ("feature", "size", "cosine", "contained")
        self.table = self._table("splitting", [f"splitting.{head}" for head in heads])
        self.none = self._note("splitting.none")

    def show_content(self, shown: Splittings, feature: int) -> None:
        """Show the trees."""
        rows = [
            self._row(one.chain, node, depth, one.titles, feature)
            for one in shown.trees
            for node, depth in _walk(one.tree)
        ]
        self.table.show_rows(rows[:_MOST_ROWS])
        self.note.setVisible(bool(rows))
        self.none.setVisible(not rows)

    def _row(
        self, chain: Chain, node: Node, depth: int, titles: object, feature: int
    ) -> list[Cell]:
        assert isinstance(titles, dict)
        atlas, own = chain.atlases[node.level], node.level == chain.level
        title = titles.get(
            (node.level, node.feature), tr("page.feature_number", feature=node.feature)
        )
        here = own and node.feature == feature
        return [
            Cell(
                "    " * depth + ("↳ " if depth else "") + title,
                strong=here,
                tip=tr("splitting.tip", feature=node.feature, file=atlas.file),
                feature=node.feature if own else -1,
            ),
            Cell(f"{atlas.d_sae:,}", tip=atlas.file),
            Cell(_text(node.cosine)),
            Cell(_text(node.contained)),
        ]


class ProbesBody(Body):
    """Categories of probes among whose best features it is."""

    def __init__(self) -> None:
        super().__init__()
        self.caution = self._note("probes.caution")
        heads = ("category", "rank", "score", "languages", "image", "p", "q", "controls")
        self.table = self._table("probes", [f"probes.{head}" for head in heads])
        self.none = self._note("probes.none")
        self.unknown = self._note("probes.unknown")

    def show_content(self, shown: Probes) -> None:
        """Show what probes found of a feature."""
        rows = [
            [
                Cell(one.category, tip=one.description),
                Cell(str(one.rank)),
                Cell(_text(one.score)),
                Cell(
                    _text(float(np.mean(known))) if known else "–",
                    tip="   ".join(f"{tag} {_text(value)}" for tag, value in one.auroc.items()),
                ),
                Cell(_text(one.image)),
                Cell(_text(one.p)),
                Cell(_text(one.q)),
                Cell(_text(one.above_controls)),
            ]
            for one in shown.found
            for known in [[value for value in one.auroc.values() if value is not None]]
        ]
        self.table.show_rows(rows[:_MOST_ROWS])
        self.caution.setVisible(bool(rows))
        self.none.setVisible(shown.reported and not rows)
        self.unknown.setVisible(not shown.reported)


def _walk(tree: Node) -> list[tuple[Node, int]]:
    """Return the features of a tree with their depth, each before those that come from it."""
    found: list[tuple[Node, int]] = []
    waiting = [(tree, 0)]
    while waiting and len(found) < _MOST_ROWS:
        node, depth = waiting.pop()
        found.append((node, depth))
        waiting += [(child, depth + 1) for child in reversed(node.children)]
    return found
