"""What the cells of a matrix of languages are made of: pairs of columns, and features by column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Int, Int8

from mmfeat.analysis.cofiring import Estimate
from mmfeat.analysis.consistency import ALPHA, MIN_EFFECT
from mmfeat.analysis.languages import Level
from mmfeat.analysis.statistics import NORMAL_95
from mmfeat.atlas.checked import CheckedFile
from mmfeat.atlas.language_table import PICTURES, LanguageTable

_BLOCK = 4096  # features read at a time


@dataclass(frozen=True)
class Between:
    """How every two columns agree over some features; pictures are column 0.

    Attributes
    ----------
    mean, low, high : float64 [columns, columns]
        Mean Jaccard of firing on the same test items over the features that fire in either, and
        its 95 % interval over those features. NaN where there are none; the diagonal is NaN.
    compared : int64 [columns, columns]
        Those features.
    consistent : int64 [columns, columns]
        Of them, those that fire on the same items by more than chance: exact p <= 0.05 and a
        lower bound of the smaller conditional probability >= 0.1.
    fires : int64 [columns, columns]
        Features that fire in both columns; in one, on the diagonal.
    """

    mean: Float[np.ndarray, "columns columns"]
    low: Float[np.ndarray, "columns columns"]
    high: Float[np.ndarray, "columns columns"]
    compared: Int[np.ndarray, "columns columns"]
    consistent: Int[np.ndarray, "columns columns"]
    fires: Int[np.ndarray, "columns columns"]


@dataclass(frozen=True)
class FeatureCells:
    """Some features by column, in the order asked for; columns are pictures and languages.

    Attributes
    ----------
    features : int64 [features]
    rate, energy, consistency : [features, columns]
        As in `LanguageRow`.
    level : int8 [features, columns]
        A `Level`.
    jaccard : Estimate [features, languages]
        Of pictures with captions.
    p, effect : [features, languages]
        Exact p of it, and the lower bound of min(P(T | I), P(I | T)).
    """

    features: Int[np.ndarray, "features"]
    rate: Float[np.ndarray, "features columns"]
    energy: Float[np.ndarray, "features columns"]
    consistency: Float[np.ndarray, "features columns"]
    level: Int8[np.ndarray, "features columns"]
    jaccard: Estimate
    p: Float[np.ndarray, "features languages"]
    effect: Float[np.ndarray, "features languages"]


class LanguageCells:
    """Reads the languages of many features at once, from the parts of `LanguageTable`.

    Raises
    ------
    MmfeatError
        If a part is missing or damaged.
    """

    def __init__(self, data: CheckedFile, features: int, languages: tuple[str, ...]) -> None:
        self._table = LanguageTable(data, features, languages)  # checks what is read here
        self._data, self._features = data, features
        self.columns = (PICTURES, *languages)
        self._pairs = np.array(list(combinations(range(len(languages)), 2)), np.int64)
        self._pairs = self._pairs.reshape(-1, 2) + 1

    @cached_property
    def levels(self) -> Int8[np.ndarray, "features columns"]:
        """The `Level` of every feature in every column; read once, not writable."""
        found = self._data.rows("by_language/level", 0, self._features).astype(np.int8)
        found.flags.writeable = False
        return found

    def firing_in(self, columns: Sequence[int]) -> Bool[np.ndarray, "features"]:
        """Return which features fire in all of some columns."""
        return np.asarray((self.levels[:, list(columns)] == Level.FIRES).all(1))

    def between(
        self, chosen: Bool[np.ndarray, "features"] | None = None
    ) -> Iterator[Between | None]:
        """Compare every two columns over the chosen features, or over all.

        Yields
        ------
        Between or None
            None after each slice, then what was found.
        """
        if chosen is None:
            chosen = np.ones(self._features, bool)
        n = len(self.columns)
        total, square = np.zeros((n, n)), np.zeros((n, n))
        compared, consistent = np.zeros((n, n), np.int64), np.zeros((n, n), np.int64)
        pictures = np.stack([np.zeros(n - 1, np.int64), np.arange(1, n)], 1)
        sources = (
            (pictures, "by_language/jaccard_value", "features/by_language/p",
             "features/by_language/effect"),
            (self._pairs, "by_pair/jaccard", "by_pair/p", "by_pair/lower"),
        )  # fmt: skip
        for start in range(0, self._features, _BLOCK):
            own = chosen[start : start + _BLOCK]
            if not own.any():
                continue
            for pairs, *names in sources:
                jaccard, p, lower = (
                    self._data.rows(name, start, start + len(own))[own].astype(np.float64)
                    for name in names
                )
                at = tuple(pairs.T)
                total[at] += np.nansum(jaccard, 0)
                square[at] += np.nansum(jaccard**2, 0)
                compared[at] += np.isfinite(jaccard).sum(0)
                consistent[at] += ((p <= ALPHA) & (lower >= MIN_EFFECT)).sum(0)
                yield None
        some = np.where(compared > 0, compared, np.nan)
        mean = total / some
        spread = np.sqrt(np.maximum(square / some - mean**2, 0) / np.maximum(some - 1, 1))
        spread[compared < 2] = np.nan  # one feature says nothing of others
        fires = (self.levels[chosen] == Level.FIRES).astype(np.int64)
        yield Between(
            mean=_mirrored(mean),
            low=_mirrored(np.maximum(mean - NORMAL_95 * spread, 0)),
            high=_mirrored(np.minimum(mean + NORMAL_95 * spread, 1)),
            compared=compared + compared.T,
            consistent=consistent + consistent.T,
            fires=fires.T @ fires,
        )

    def of_features(self, features: Sequence[int] | Int[np.ndarray, "features"]) -> FeatureCells:
        """Return the cells of some features."""
        wanted = np.asarray(features, np.int64)
        pick = self._data.pick

        def with_pictures(score: str) -> np.ndarray:
            first = pick(f"features/{score}_image", wanted)[:, None]
            name = "firing_rate" if score == "firing_rate" else "energy"
            return np.hstack([first, pick(f"features/by_language/{name}", wanted)])

        ends = (pick(f"by_language/jaccard_{end}", wanted) for end in ("value", "low", "high"))
        return FeatureCells(
            features=wanted,
            rate=with_pictures("firing_rate"),
            energy=with_pictures("energy"),
            consistency=pick("by_language/consistency", wanted),
            level=self.levels[wanted],
            jaccard=Estimate(*ends),
            p=pick("features/by_language/p", wanted),
            effect=pick("features/by_language/effect", wanted),
        )


def _mirrored(upper: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """Return a matrix whose lower half is as its upper one; the diagonal is NaN."""
    n = len(upper)
    found = np.full((n, n), np.nan)
    above = np.triu_indices(n, 1)
    found[above] = upper[above]
    found.T[above] = upper[above]
    return found
