"""Languages and modalities as one table: the part of an atlas that compares them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import h5py
import numpy as np
from jaxtyping import Bool, Float, Int, Int8

from mmfeat import hdf5
from mmfeat.analysis.cofiring import AVERAGED, MEASURES, CoFiring, Estimate, cofiring
from mmfeat.analysis.consistency import (
    Consistency,
    ConsistencySummary,
    consistency,
    known_mean,
    summarise,
)
from mmfeat.analysis.firing import firing
from mmfeat.analysis.languages import (
    Level,
    Reach,
    Similarity,
    classes,
    consistency_by_column,
    language_entropy,
    language_specificity,
    levels,
    mean_activation,
    reach,
    similarity,
    weakest,
)
from mmfeat.analysis.sentences import Facts
from mmfeat.analysis.units import same_text
from mmfeat.atlas.checked import FLOAT, INTEGER, NUMBER, CheckedFile
from mmfeat.atlas.evidence import IMAGE, TEXT, Evidence
from mmfeat.errors import MmfeatError
from mmfeat.progress import Progress

PICTURES = "image"  # the name of the first column, before the languages
_CHUNK = 1 << 14  # numbers a chunk holds: a page reads one chunk a dataset
_BLOCK = 4096  # features read at a time
_ENDS = ("value", "low", "high")


@dataclass(frozen=True)
class LanguageRow:
    """What is known of one feature by column: pictures, then each language.

    Attributes
    ----------
    columns : tuple of str
        `PICTURES` and the tags of the languages.
    rate, energy : [columns]
        Share of rows on which it fires, and mean squared activation.
    level : int8 [columns]
        A `Level`.
    consistency : [columns]
        Mean Jaccard with the captions of every other language.
    specificity : [languages]
        Mean activation less that of the other languages.
    measures : mapping of str to Estimate [languages]
        Co-firing of pictures with captions, each of `MEASURES`.
    p, effect : [languages]
        Exact p of it, and the lower bound of min(P(T | I), P(I | T)).
    entropy, relative_entropy : float
        Of firing rates over languages: H in nats, and H / log n.
    reach : Reach
        In which languages it fires.
    jaccard, pair_p : [columns, columns]
        Jaccard and exact p of every two columns; the diagonal is NaN.
    """

    columns: tuple[str, ...]
    rate: Float[np.ndarray, "columns"]
    energy: Float[np.ndarray, "columns"]
    level: Int8[np.ndarray, "columns"]
    consistency: Float[np.ndarray, "columns"]
    specificity: Float[np.ndarray, "languages"]
    measures: dict[str, Estimate]
    p: Float[np.ndarray, "languages"]
    effect: Float[np.ndarray, "languages"]
    entropy: float
    relative_entropy: float
    reach: Reach
    jaccard: Float[np.ndarray, "columns columns"]
    pair_p: Float[np.ndarray, "columns columns"]


@dataclass(frozen=True)
class ColumnPairs:
    """Every two columns of one feature: pictures, then each language.

    Attributes
    ----------
    columns : tuple of str
        As in `LanguageRow`.
    jaccard, p, effect : [columns, columns]
        Jaccard, exact p, and lower bound of min(P(A | B), P(B | A)); the diagonal is NaN.
    with_pictures : Estimate [languages]
        Jaccard of pictures with captions, with its interval.
    """

    columns: tuple[str, ...]
    jaccard: Float[np.ndarray, "columns columns"]
    p: Float[np.ndarray, "columns columns"]
    effect: Float[np.ndarray, "columns columns"]
    with_pictures: Estimate


def write(file: h5py.File, evidence: Evidence, progress: Progress) -> None:
    """Write ``/by_language``, ``/by_pair`` and ``/language_similarity``."""
    units, test = evidence.units, evidence.test
    same = test.same_text if test else same_text(evidence.acts, evidence.corpus.captions.text)
    with progress.stage("comparing languages", len(evidence.languages) + 1) as advance:
        together = cofiring(units, evidence.sharing, advance=advance)
        between = consistency(units.text, units.has_text, same)
        advance(1)
    with_image = together.measures["jaccard"].value
    found = similarity(known_mean(with_image, 0), known_mean(between.jaccard, 0), between.pairs)
    group = hdf5.encode_group(file.create_group("language_similarity"), "language-similarity")
    group["matrix"], group["order"] = found.matrix, found.order

    _write_by_language(file, evidence, together, between)
    _write_by_pair(file, between, summarise(between, evidence.languages))


def _write_by_language(
    file: h5py.File, evidence: Evidence, together: CoFiring, between: Consistency
) -> None:
    image, text = evidence.streams[IMAGE], evidence.streams[TEXT]
    languages = len(evidence.languages)
    on_image = firing(evidence.codes[IMAGE], image.group, 1)
    on_text = firing(evidence.codes[TEXT], text.group, languages)
    level = levels(
        np.concatenate([on_image.count, on_text.count], 1),
        np.concatenate([on_image.rate, on_text.rate], 1),
    )
    entropy, relative = language_entropy(on_text.rate)
    mean = mean_activation(evidence.codes[TEXT], text.group, languages)
    by_column = consistency_by_column(
        together.measures["jaccard"].value, between.jaccard, between.pairs
    )
    group = hdf5.encode_group(file.create_group("by_language"), "language-table")
    group["level"], group["reach"] = level, reach(level[:, 1:], evidence.languages)
    group["entropy"] = entropy.astype(np.float32)
    group["relative_entropy"] = relative.astype(np.float32)
    _write_rows(group, "specificity", language_specificity(mean).astype(np.float32))
    _write_rows(group, "consistency", by_column.astype(np.float32))
    for name, estimate in together.measures.items():
        for end in ("value", "low", "high"):
            _write_rows(group, f"{name}_{end}", getattr(estimate, end))
    means = hdf5.encode_group(group.create_group("means"), "language-means")
    for name, estimate in together.means.items():
        for end in ("value", "low", "high"):
            means[f"{name}_{end}"] = getattr(estimate, end)
        means[f"{name}_features"] = together.counted[name]


def _write_by_pair(file: h5py.File, between: Consistency, summary: ConsistencySummary) -> None:
    group = hdf5.encode_group(file.create_group("by_pair"), "language-pairs")
    group["languages"] = np.array(between.pairs, np.int16).reshape(-1, 2)
    for name in ("jaccard", "p", "lower"):
        _write_rows(group, name, getattr(between, name))
    for name in ("jaccard", "within_script", "between_scripts"):
        group[f"mean_{name}"] = getattr(summary, name).astype(np.float32)
    for name in ("n_pairs", "n_consistent"):
        group[name] = getattr(summary, name).astype(np.int32)


def _write_rows(group: h5py.Group, name: str, values: np.ndarray) -> None:
    """Write rows of features so that few of them are read for one."""
    if not values.size:
        group[name] = values
        return
    rows = min(len(values), max(1, _CHUNK // values.shape[1]))
    # Most is NaN, 0 or 1, which the fastest level packs, too.
    group.create_dataset(
        name,
        data=values,
        chunks=(rows, values.shape[1]),
        compression="gzip",
        compression_opts=1,
        shuffle=True,
    )


class LanguageTable:
    """Reads what `write` wrote.

    Raises
    ------
    MmfeatError
        If a part is missing or damaged.
    """

    def __init__(self, data: CheckedFile, features: int, languages: tuple[str, ...]) -> None:
        self._data, self._features, self.languages = data, features, languages
        self.columns = (PICTURES, *languages)
        self._pairs = list(combinations(range(len(languages)), 2))
        n, columns = len(languages), len(self.columns)
        data.dataset("by_language/level", INTEGER, (features, columns))
        data.dataset("by_language/reach", INTEGER, (features,))
        for name in ("entropy", "relative_entropy"):
            data.dataset(f"by_language/{name}", FLOAT, (features,))
        data.dataset("by_language/consistency", FLOAT, (features, columns))
        cofired = [f"{name}_{end}" for name in MEASURES for end in ("value", "low", "high")]
        for name in ("specificity", *cofired):
            data.dataset(f"by_language/{name}", FLOAT, (features, n))
        for name in ("jaccard", "p", "lower"):
            data.dataset(f"by_pair/{name}", FLOAT, (features, len(self._pairs)))
        for name in ("mean_jaccard", "mean_within_script", "mean_between_scripts"):
            data.dataset(f"by_pair/{name}", FLOAT, (features,))
        for name in ("n_pairs", "n_consistent"):
            data.dataset(f"by_pair/{name}", INTEGER, (features,))
        stored = data.whole("by_pair/languages", INTEGER, (len(self._pairs), 2))
        if stored.tolist() != [list(pair) for pair in self._pairs]:
            raise data.damaged("/by_pair/languages", "these are not the pairs of its languages")
        for name in ("firing_rate_image", "energy_image", "testable", "shared"):
            data.dataset(f"features/{name}", NUMBER, (features,))
        for name in ("firing_rate", "energy", "p", "effect", "shared"):
            data.dataset(f"features/by_language/{name}", NUMBER, (features, n))

    # Of features ----------------------------------------------------------------------

    def row(self, feature: int) -> LanguageRow:
        """Return the row of one feature, and its language by language matrices."""
        at = self._index(feature)
        of_language = {
            name: self._one(f"features/by_language/{name}", at)
            for name in ("firing_rate", "energy", "p", "effect")
        }
        measures = {
            name: Estimate(
                *(self._one(f"by_language/{name}_{end}", at) for end in ("value", "low", "high"))
            )
            for name in MEASURES
        }
        level = self._levels(at, at + 1)[0]
        return LanguageRow(
            columns=self.columns,
            rate=self._with_pictures("firing_rate_image", of_language["firing_rate"], at),
            energy=self._with_pictures("energy_image", of_language["energy"], at),
            level=level,
            consistency=self._one("by_language/consistency", at),
            specificity=self._one("by_language/specificity", at),
            measures=measures,
            p=of_language["p"],
            effect=of_language["effect"],
            entropy=float(self._one("by_language/entropy", at)),
            relative_entropy=float(self._one("by_language/relative_entropy", at)),
            reach=self._reach(at, at + 1)[0],
            jaccard=self._square(measures["jaccard"].value, self._one("by_pair/jaccard", at)),
            pair_p=self._square(of_language["p"], self._one("by_pair/p", at)),
        )

    def pairs(self, feature: int) -> ColumnPairs:
        """Return every two columns of one feature: less to be read than a `row`."""
        at = self._index(feature)
        value, low, high = (self._one(f"by_language/jaccard_{end}", at) for end in _ENDS)
        p, effect = (self._one(f"features/by_language/{name}", at) for name in ("p", "effect"))
        return ColumnPairs(
            columns=self.columns,
            jaccard=self._square(value, self._one("by_pair/jaccard", at)),
            p=self._square(p, self._one("by_pair/p", at)),
            effect=self._square(effect, self._one("by_pair/lower", at)),
            with_pictures=Estimate(value, low, high),
        )

    def facts(self, start: int, stop: int) -> list[Facts]:
        """Return what the sentences of features `start` to `stop` say.

        `mmfeat.analysis.sentences.sentence` says it.
        """
        if not 0 <= start <= stop <= self._features:
            raise MmfeatError(
                f"{self._data.path} has {self._features} features, not {start} to {stop}."
            )
        level = [[Level(value) for value in row] for row in self._levels(start, stop).tolist()]
        weak = weakest(self._data.rows("features/by_language/firing_rate", start, stop))
        testable, shared = (
            self._data.rows(f"features/{name}", start, stop).astype(bool).tolist()
            for name in ("testable", "shared")
        )
        in_languages = self._data.rows("features/by_language/shared", start, stop).astype(bool)
        return [
            Facts(
                pictures=level[i][0],
                captions=dict(zip(self.languages, level[i][1:], strict=True)),
                reach=own,
                weakest=self.languages[weak[i]] if weak[i] >= 0 else None,
                testable=testable[i],
                shared=shared[i],
                shared_languages=int(in_languages[i].sum()),
            )
            for i, own in enumerate(self._reach(start, stop))
        ]

    @cached_property
    def scores(self) -> Mapping[str, np.ndarray]:
        """Every score that is one number a feature, each [features]; read once, not writable."""
        names = {name: f"by_language/{name}" for name in ("entropy", "relative_entropy", "reach")}
        pairs = ("mean_jaccard", "mean_within_script", "mean_between_scripts", "n_pairs")
        names |= {name: f"by_pair/{name}" for name in (*pairs, "n_consistent")}
        found = {key: self._data.rows(name, 0, self._features) for key, name in names.items()}
        for values in found.values():
            values.flags.writeable = False
        return found

    @cached_property
    def classes(self) -> Mapping[str, Bool[np.ndarray, "features"]]:
        """The features of the four kinds of `analysis.languages.classes`; read once."""
        pictures = self._data.rows("by_language/level", 0, self._features)[:, 0]
        return classes(pictures, self.scores["reach"])

    # Of the whole SAE -----------------------------------------------------------------

    def means(self) -> dict[str, tuple[Estimate, Int[np.ndarray, "languages"]]]:
        """Return the means of co-firing [languages], and over how many features they are."""
        shape = (len(self.languages),)
        found = {}
        for name in AVERAGED:
            ends = (
                self._data.whole(f"by_language/means/{name}_{end}", FLOAT, shape)
                for end in ("value", "low", "high")
            )
            counted = self._data.whole(f"by_language/means/{name}_features", INTEGER, shape)
            found[name] = Estimate(*ends), counted
        return found

    def similarity(self) -> Similarity:
        """Return how alike pictures and languages are, over all features."""
        n = len(self.columns)
        matrix = self._data.whole("language_similarity/matrix", FLOAT, (n, n))
        order = self._data.whole("language_similarity/order", INTEGER, (n,))
        if sorted(order.tolist()) != list(range(n)):
            raise self._data.damaged("/language_similarity/order", "it is no order of its columns")
        return Similarity(matrix, order)

    def similarity_of(self, selection: Int[np.ndarray, "chosen"]) -> Similarity:
        """Return the same over some features, in any order; one given twice counts once."""
        chosen = np.zeros(self._features, bool)
        for feature in selection:
            chosen[self._index(int(feature))] = True
        names = ("by_language/jaccard_value", "by_pair/jaccard")
        total = [np.zeros(width) for width in (len(self.languages), len(self._pairs))]
        known = [np.zeros(len(values), np.int64) for values in total]
        for start in range(0, self._features, _BLOCK):
            own = chosen[start : start + _BLOCK]
            for i, name in enumerate(names if own.any() else ()):
                rows = self._data.rows(name, start, start + len(own))[own]
                total[i] += np.nansum(rows, 0, np.float64)
                known[i] += (~np.isnan(rows)).sum(0)
        with_image, between = (
            values / np.where(count > 0, count, np.nan)
            for values, count in zip(total, known, strict=True)
        )
        return similarity(with_image, between, self._pairs)

    # Reading --------------------------------------------------------------------------

    def _index(self, feature: int) -> int:
        if not 0 <= feature < self._features:
            raise MmfeatError(
                f"{self._data.path} has no feature {feature}; give one from 0 to "
                f"{self._features - 1}."
            )
        return int(feature)

    def _one(self, name: str, feature: int) -> np.ndarray:
        return np.asarray(self._data.rows(name, feature, feature + 1)[0])

    def _with_pictures(self, name: str, languages: np.ndarray, feature: int) -> np.ndarray:
        return np.concatenate([[self._one(f"features/{name}", feature)], languages])

    def _square(self, with_image: np.ndarray, between: np.ndarray) -> np.ndarray:
        found = np.full((len(self.columns),) * 2, np.nan)
        found[0, 1:] = found[1:, 0] = with_image
        for (a, b), value in zip(self._pairs, between, strict=True):
            found[a + 1, b + 1] = found[b + 1, a + 1] = value
        return found

    def _levels(self, start: int, stop: int) -> np.ndarray:
        found = self._data.rows("by_language/level", start, stop)
        if not np.isin(found, list(Level)).all():
            raise self._data.damaged("/by_language/level", "a value that means nothing")
        return found

    def _reach(self, start: int, stop: int) -> list[Reach]:
        found = self._data.rows("by_language/reach", start, stop)
        if not np.isin(found, list(Reach)).all():
            raise self._data.damaged("/by_language/reach", "a value that means nothing")
        return [Reach(value) for value in found.tolist()]
