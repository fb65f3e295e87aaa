"""What a feature's page says beyond its examples, a section at a time, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from mmfeat.atlas.bridge import SIDES, BridgeReader, Partner
from mmfeat.atlas.concepts import AttributePurity, Concepts
from mmfeat.atlas.coordinates import Coordinates
from mmfeat.atlas.geometry import COLUMNS, GeometryReader, Neuron
from mmfeat.atlas.language_table import PICTURES, ColumnPairs, LanguageTable
from mmfeat.atlas.names import FeatureExplanation, NameCandidate, Names
from mmfeat.atlas.positions import FeaturePositions, Positions
from mmfeat.atlas.reader import Atlas
from mmfeat.figures.pages import Number, number_text, title_of

BINS = 24
_BLOCK = 1 << 20  # rows whose language is read at a time

EXPLANATIONS = {
    "monosemanticity_image": (
        "monosemanticity, pictures",
        "Mean cosine of the embeddings of all pairs of test pictures on which it fires, weighted "
        "by activation; embeddings are centred, so that 0 is chance and 1 identical pictures.",
    ),
    "monosemanticity_text": (
        "monosemanticity, captions",
        "Mean cosine of the embeddings of all pairs of test captions on which it fires, weighted "
        "by activation; embeddings are centred, so that 0 is chance.",
    ),
    "monosemanticity_across": (
        "monosemanticity, across",
        "The same over all pairs of a picture and a caption. High within and low across: two "
        "concepts in one feature.",
    ),
    "monosemanticity_image_second": (
        "monosemanticity, pictures, second encoder",
        "The same with embeddings of the pictures by another encoder.",
    ),
    "monosemanticity_text_second": (
        "monosemanticity, captions, second encoder",
        "The same over captions, each with the embedding of its item's picture by another encoder.",
    ),
    "monosemanticity_across_second": (
        "monosemanticity, across, second encoder",
        "The same over pairs of a picture and a caption, by another encoder of pictures.",
    ),
    "interference_max": (
        "interference, largest",
        "Largest |cosine| of its decoder row with that of another alive feature.",
    ),
    "interference_rms": (
        "interference, RMS",
        "Root mean square cosine of its decoder row with those of all other alive features; of "
        "random directions in d dimensions it is 1 / sqrt(d).",
    ),
    "linearity_image": (
        "linearity, pictures",
        "R^2 of its activation against the dose of its direction that is added to pictures.",
    ),
    "linearity_text": (
        "linearity, captions",
        "R^2 of its activation against the dose of its direction that is added to captions.",
    ),
    "patch_concentration": (
        "concentration on patches",
        "Mean share of its activation on a picture that falls on one patch, the strongest: 1 for "
        "one patch alone.",
    ),
    "patch_entropy": (
        "spread over patches",
        "Mean entropy of its activation over the patches of a picture, by the largest possible: "
        "0 for one patch alone, 1 for all alike.",
    ),
    "token_concentration": (
        "concentration on tokens",
        "Mean share of its activation on a caption that falls on one token, the strongest: 1 for "
        "one token alone.",
    ),
    "token_entropy": (
        "spread over tokens",
        "Mean entropy of its activation over the tokens of a caption, by the largest possible: "
        "0 for one token alone, 1 for all alike.",
    ),
    "mean_jaccard": (
        "consistency of languages",
        "Mean Jaccard n_AB / (n_A + n_B - n_AB) of the test concepts whose captions it fires on in "
        "two languages, over all pairs of languages in which it fires; identical strings left out.",
    ),
    "mean_within_script": (
        "consistency within a script",
        "The same over pairs of languages written in one script. Far above that between scripts, "
        "it follows the spelling.",
    ),
    "mean_between_scripts": (
        "consistency between scripts",
        "The same over pairs of languages written in two scripts.",
    ),
    "consistent_pairs": (
        "consistent pairs",
        "Pairs of languages with an exact p <= 0.05 under random pairing and a lower 95 % bound "
        "of min(P(A given B), P(B given A)) >= 0.1; not corrected for the number of pairs.",
    ),
    "entropy": (
        "language entropy",
        "H = -sum p log p in nats of its firing rates by language, divided by their sum.",
    ),
    "relative_entropy": (
        "relative language entropy",
        "Language entropy / log of the number of languages: 0 for one language, 1 for all alike.",
    ),
}


@dataclass(frozen=True, eq=False)
class Histogram:
    """How strongly a feature fires on pictures, or on captions of a language.

    Attributes
    ----------
    language : str
        Empty for pictures.
    rows, firing : int
        Rows of the column, and those on which it fires.
    counts : int [bins]
        The latter by activation, in even bins between 0 and the largest of all columns.
    median, largest : float
        Of the activations above 0; 0 where there are none.
    """

    language: str
    rows: int
    firing: int
    counts: Int[np.ndarray, "bins"]
    median: float
    largest: float


@dataclass(frozen=True)
class Activations:
    """Histograms of all columns over one axis from 0 to `highest`."""

    highest: float
    columns: tuple[Histogram, ...]


@dataclass(frozen=True, eq=False)
class Consistency:
    """Columns against columns, with the numbers of the feature over all languages."""

    pairs: ColumnPairs
    numbers: list[Number]


@dataclass(frozen=True)
class Bridge:
    """Partners by side, and the titles of all that are named."""

    partners: Mapping[str, list[Partner]]
    titles: Mapping[int, str]


@dataclass(frozen=True)
class NameEvidence:
    """Names in every language with what speaks for them, and what they predict on test concepts."""

    candidates: Mapping[str, list[NameCandidate]]
    measured: Mapping[str, Mapping[str, float]]
    explanation: FeatureExplanation | None


@dataclass(frozen=True)
class LabelFound:
    """A value of an attribute of items, or a concept, whose feature this one is in a column.

    `precision`, `recall`, `f1` and the permutation-free exact `p`, `q` are of rows that did not
    choose it; `has` says whether it passes the bar of completeness.
    """

    attribute: str
    value: str
    column: str
    f1: float
    precision: float
    recall: float
    p: float
    q: float
    has: bool


@dataclass(frozen=True)
class Meaning:
    """Monosemanticity, purity, labels, places and neurons."""

    numbers: list[Number]
    purity: Mapping[str, list[AttributePurity]]
    labels: list[LabelFound]
    neurons: list[Neuron]
    positions: Mapping[str, FeaturePositions]


class Sections:
    """Reads sections of features; what all of them need is read once.

    Parameters
    ----------
    atlas : Atlas
        Stays open as long as this is used.

    Raises
    ------
    MmfeatError
        From every method: if there is no such feature, or the atlas is damaged or lacks the part.
    """

    def __init__(self, atlas: Atlas) -> None:
        self.atlas = atlas

    @cached_property
    def _coordinates(self) -> Coordinates:
        return self.atlas.part(Coordinates)

    @cached_property
    def _table(self) -> LanguageTable:
        return self.atlas.part(LanguageTable)

    @cached_property
    def _bridge(self) -> BridgeReader:
        return self.atlas.part(BridgeReader)

    @cached_property
    def _names(self) -> Names:
        return self.atlas.part(Names)

    @cached_property
    def _concepts(self) -> Concepts:
        return self.atlas.part(Concepts)

    @cached_property
    def _geometry(self) -> tuple[GeometryReader, dict[str, np.ndarray]]:
        reader = self.atlas.part(GeometryReader)
        return reader, {name: reader.column(name) for name in COLUMNS}

    @cached_property
    def _positions(self) -> Positions:
        return self.atlas.part(Positions)

    @cached_property
    def _monosemanticity(self) -> dict[str, Float[np.ndarray, "features"]]:
        return self._concepts.monosemanticity()

    @cached_property
    def _found(self) -> dict[str, np.ndarray]:
        return self._concepts.found()

    @cached_property
    def _rows_by_language(self) -> tuple[Int[np.ndarray, "rows"], Int[np.ndarray, "languages"]]:
        """Return the language of every caption's row, and how many rows each has."""
        rows = self._coordinates.rows("text.pooled")
        language, count = np.empty(rows, np.int16), np.zeros(len(self.atlas.languages), np.int64)
        for start in range(0, rows, _BLOCK):
            stop = min(start + _BLOCK, rows)
            own = self._coordinates.column("text.pooled", "language", start, stop)
            language[start:stop] = own
            count += np.bincount(own[own >= 0], minlength=len(count))
        return language, count

    def activations(self, feature: int) -> Activations:
        """Return how strongly it fires on pictures, and on captions of each language."""
        atlas, found = self.atlas, []
        values: list[tuple[str, int, np.ndarray]] = []
        if "image.pooled" in atlas.streams:
            rows = self._coordinates.rows("image.pooled")
            values.append(("", rows, atlas.codes_of_feature("image.pooled", feature)[1]))
        if "text.pooled" in atlas.streams:
            language, count = self._rows_by_language
            rows_of, own = atlas.codes_of_feature("text.pooled", feature)
            tag = language[rows_of]
            values += [
                (name, int(count[at]), own[tag == at])
                for at, name in enumerate(atlas.languages)
                if count[at]
            ]
        values = [(name, total, own[np.isfinite(own)]) for name, total, own in values]
        highest = float(max((own.max(initial=0) for _, _, own in values), default=0.0))
        edges = np.linspace(0, highest or 1.0, BINS + 1)
        for name, total, own in values:
            counts = np.histogram(own, edges)[0]
            median = float(np.median(own)) if len(own) else 0.0
            found.append(
                Histogram(name, total, len(own), counts, median, float(own.max(initial=0)))
            )
        return Activations(highest, tuple(found))

    def consistency(self, feature: int) -> Consistency:
        """Return its co-firing in every two columns, and the means over pairs of languages."""
        own, scores = self._table.pairs(feature), self._table.scores
        keys = (
            "mean_jaccard",
            "mean_within_script",
            "mean_between_scripts",
            "entropy",
            "relative_entropy",
        )
        numbers = _numbers({key: float(scores[key][feature]) for key in keys}, EXPLANATIONS)
        pairs, passed = (int(scores[key][feature]) for key in ("n_pairs", "n_consistent"))
        label, explanation = EXPLANATIONS["consistent_pairs"]
        text = f"{passed} / {pairs}"
        share = passed / pairs if pairs else float("nan")
        numbers.append(Number("consistent_pairs", label, share, text, explanation))
        return Consistency(own, numbers)

    def bridge(self, feature: int) -> Bridge:
        """Return its strongest partners on the other side."""
        partners = {side: self._bridge.partners(feature, side) for side in SIDES}
        named = sorted({one.feature for own in partners.values() for one in own})
        names = zip(named, self.atlas.names_of(named), strict=True)
        return Bridge(partners, {other: title_of(own, other) for other, own in names})

    def names(self, feature: int) -> NameEvidence:
        """Return names in every language, with their evidence."""
        names = self._names
        return NameEvidence(
            names.candidates(feature), names.measured(feature), names.explanation(feature)
        )

    def meaning(self, feature: int) -> Meaning:
        """Return how specific it is, and to what."""
        geometry, columns = self._geometry
        values = {
            f"monosemanticity_{name}": float(column[feature])
            for name, column in self._monosemanticity.items()
        }
        positions = {
            stream: self._positions.of(stream, feature) for stream in self._positions.streams
        }
        for stream, short in (("image.patch", "patch"), ("text.token", "token")):
            if stream in positions:
                values[f"{short}_concentration"] = positions[stream].concentration
                values[f"{short}_entropy"] = positions[stream].entropy
        values |= {name: float(column[feature]) for name, column in columns.items()}
        return Meaning(
            _numbers(values, EXPLANATIONS),
            {
                stream: self._concepts.purity(stream, feature)
                for stream in ("image.pooled", "text.pooled")
            },
            self._labels(feature),
            geometry.neurons(feature),
            positions,
        )

    def _labels(self, feature: int) -> list[LabelFound]:
        """Return the labels whose feature it is, the best found first."""
        found, columns = self._found, (PICTURES, *self.atlas.languages)
        own = np.argwhere(found["feature"] == feature)
        labels = []
        for label, column in own.tolist():
            f1, precision, recall, p, q = (float(found[name][label, column]) for name in _OF_LABEL)
            has = bool(found["has"][label, column])
            named = (*self._concepts.labels[label], columns[column])
            labels.append(LabelFound(*named, f1, precision, recall, p, q, has))
        return sorted(labels, key=lambda one: -one.f1 if one.f1 == one.f1 else 1.0)


_OF_LABEL = ("f1", "precision", "recall", "p", "q")


def _numbers(
    values: Mapping[str, float], explanations: Mapping[str, tuple[str, str]]
) -> list[Number]:
    return [
        Number(key, explanations[key][0], value, number_text(value), explanations[key][1])
        for key, value in values.items()
    ]
