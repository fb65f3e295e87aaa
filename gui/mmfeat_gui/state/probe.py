"""What was probed, how two probes differ, and the search that follows from them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from mmfeat.atlas.probe import Fires
from mmfeat.corpus.languages import guess_language
from mmfeat_gui.state.sources import Source, TextSource, option


@dataclass(frozen=True, eq=False)
class Probed:
    """A picture or text with the features that fire on it.

    Attributes
    ----------
    source : Source
        What it is.
    fires : Fires
        The features.
    picture : array [h, w, 3] or None
        What is shown of a picture, uint8.
    """

    source: Source
    fires: Fires
    picture: UInt8[np.ndarray, "h w 3"] | None


@dataclass(frozen=True)
class Firing:
    """A feature with what it does on two probes; 0 where it is silent."""

    feature: int
    activations: tuple[float, float]
    shares: tuple[float, float]


@dataclass(frozen=True)
class Difference:
    """Which features fire on two probes.

    Attributes
    ----------
    both : list of Firing
        By the smaller of the two shares of their maxima, descending: what fires strongly on both.
    first, second : list of Firing
        Those that fire on one alone, by activation, descending.
    """

    both: list[Firing]
    first: list[Firing]
    second: list[Firing]

    @property
    def overlap(self) -> float:
        """Features of both over features of either (Jaccard); NaN where none fires."""
        either = len(self.both) + len(self.first) + len(self.second)
        return len(self.both) / either if either else float("nan")


def compare(first: Fires | None, second: Fires | None) -> Difference:
    """Return what two probes have in common and what not; with one of them, all is its own."""
    tables = [_table(fires) for fires in (first, second)]

    def firing(feature: int) -> Firing:
        (a, share_a), (b, share_b) = (table.get(feature, (0.0, 0.0)) for table in tables)
        return Firing(feature, (a, b), (share_a, share_b))

    both = [firing(feature) for feature in tables[0] if feature in tables[1]]
    both.sort(key=lambda one: (-min(one.shares), one.feature))
    own = [
        [firing(feature) for feature in table if feature not in other]
        for table, other in (tables, tables[::-1])
    ]
    return Difference(both, own[0], own[1])


def _table(fires: Fires | None) -> dict[int, tuple[float, float]]:
    """Return activation and share of every feature, in the order of the probe."""
    if fires is None:
        return {}
    shares = np.nan_to_num(fires.share)
    values = zip(fires.activation.tolist(), shares.tolist(), strict=True)
    return dict(zip(fires.features.tolist(), values, strict=True))


@dataclass(frozen=True)
class Hit:
    """A feature that was found by examples (`mmfeat.atlas.search.FoundByExamples`)."""

    feature: int
    score: float
    positive: float
    negative: float
    positive_rate: float
    negative_rate: float
    image_rate: float
    text_rate: float


def search_command(
    atlas: Path,
    backbone: str,
    positives: Sequence[Source],
    negatives: Sequence[Source],
    languages: Sequence[str],
    top: int,
) -> str:
    """Return the command line that searches by the same examples; `languages`: the atlas's."""
    words = ["mmfeat", "search", str(atlas)]
    texts = [source for source in positives if isinstance(source, TextSource)]
    for source in positives:
        words += option(source)
    if any(text.language is not None for text in texts):
        for text in texts:
            words += ["--language", text.language or guess_language(text.text, languages)]
    for source in negatives:
        words += option(source, against=True)
    words += ["--backbone", backbone] if backbone else []
    return shlex.join([*words, "--top", str(top)])
