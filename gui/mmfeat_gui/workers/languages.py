"""What the matrix of languages asks of an atlas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Bool, Int

from mmfeat_gui.state.selection import Selection
from mmfeat_gui.workers.atlases import Atlases

if TYPE_CHECKING:
    from mmfeat.atlas.language_cells import Between, FeatureCells, LanguageCells

MOST_FEATURES = 500  # rows of the matrix of features


@dataclass(frozen=True)
class LoadedLanguages:
    """Languages by languages.

    Attributes
    ----------
    features : Selection or None
        The features they are compared over; None for all.
    between : Between
    order : int [columns]
        Columns, the most alike beside each other.
    """

    features: Selection | None
    between: Between
    order: Int[np.ndarray, " columns"]


@dataclass(frozen=True)
class LoadedFeatures:
    """Languages by features.

    Attributes
    ----------
    cells : FeatureCells
    order : int [columns]
        Columns, those beside each other that are most alike over all features.
    shared, never : bool [features, columns]
        Whether it fires on captions of a language and on their pictures alike (exact p <= 0.05
        and a lower bound >= 0.1), and whether it never fires.
    asked : int
        Features asked for; more than there are cells of, where they were too many.
    """

    cells: FeatureCells
    order: Int[np.ndarray, " columns"]
    shared: Bool[np.ndarray, "features columns"]
    never: Bool[np.ndarray, "features columns"]
    asked: int


@dataclass(frozen=True)
class CompareLanguages:
    """Compare every two languages over some features, or over all."""

    channel: ClassVar[str] = "languages"
    features: Selection | None

    def slices(self, atlases: Atlases) -> Iterator[LoadedLanguages | None]:
        """Read it."""
        from mmfeat.analysis.languages import similarity

        kept: dict[None, LoadedLanguages] = atlases.cached("languages of all features", dict)
        if self.features is None and None in kept:
            yield kept[None]
            return
        chosen = None if self.features is None else self.features.mask(atlases.main.d_sae)
        between: Between | None = None
        for between in _cells(atlases).between(chosen):
            if between is None:
                yield None
        assert between is not None, "it ends with what was found"
        above = np.triu_indices(len(between.mean) - 1, 1)
        pairs = list(zip(*(side.tolist() for side in above), strict=True))
        order = similarity(between.mean[0, 1:], between.mean[1:, 1:][above], pairs).order
        found = LoadedLanguages(self.features, between, order)
        if self.features is None:
            kept[None] = found
        yield found


@dataclass(frozen=True)
class FeaturesByLanguage:
    """Read in which languages some features fire, of many the first."""

    channel: ClassVar[str] = "languages"
    features: Selection

    def read(self, atlases: Atlases) -> LoadedFeatures:
        """Read it."""
        from mmfeat.analysis.consistency import ALPHA, MIN_EFFECT
        from mmfeat.analysis.languages import Level
        from mmfeat.atlas.language_table import LanguageTable

        wanted = self.features.indices[: np.searchsorted(self.features.indices, atlases.main.d_sae)]
        cells = _cells(atlases).of_features(wanted[:MOST_FEATURES])
        order = atlases.cached(
            "order of languages", lambda: atlases.main.part(LanguageTable).similarity().order
        )
        shared = np.zeros(cells.level.shape, bool)
        shared[:, 1:] = (cells.p <= ALPHA) & (cells.effect >= MIN_EFFECT)
        return LoadedFeatures(
            cells=cells,
            order=order,
            shared=shared,
            never=cells.level == Level.NEVER,
            asked=len(self.features),
        )


@dataclass(frozen=True)
class FiringIn:
    """Find the features that fire in all of some columns, among some features or all."""

    channel: ClassVar[str] = "languages_brush"
    columns: tuple[int, ...]
    features: Selection | None

    def read(self, atlases: Atlases) -> Selection:
        """Read them."""
        found = Selection.of_mask(_cells(atlases).firing_in(self.columns))
        return found if self.features is None else found.intersect(self.features)


def _cells(atlases: Atlases) -> LanguageCells:
    from mmfeat.atlas.language_cells import LanguageCells

    return atlases.cached("language cells", lambda: atlases.main.part(LanguageCells))
