"""The table of all features: which are shown, and in which order."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int64

SortKey = Literal[
    "feature",
    "title",
    "shared",
    "n_languages",
    "modality_score",
    "firing_rate_image",
    "firing_rate_text",
    "shared_q",
]


@dataclass(frozen=True)
class Query:
    """What the user asked to see.

    Attributes
    ----------
    text : str
        Part of a name in any language, or the number of a feature after ``#``.
    shared_only : bool
        Show shared features only.
    min_languages : int
        Show features that fire in at least so many languages.
    sort : str
        The column to sort by.
    descending : bool
    """

    text: str = ""
    shared_only: bool = False
    min_languages: int = 0
    sort: SortKey = "feature"
    descending: bool = False

    @property
    def filters(self) -> bool:
        """Whether anything may be hidden."""
        return bool(self.text.strip()) or self.shared_only or self.min_languages > 0


def fold(text: str) -> str:
    """Return a text in the form in which names are compared: casefolded NFC."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


class FeatureTable:
    """All features as columns; filters and sorting give arrays of indices.

    Parameters
    ----------
    scores : mapping of str to array [f]
        Datasets of ``/features``.
    names : sequence of sequence of str, [f][l]
        Names by language; an empty text means no good name.
    titles : sequence of str, [f]
        The name shown for each feature.
    """

    def __init__(
        self,
        scores: Mapping[str, np.ndarray],
        names: Sequence[Sequence[str]],
        titles: Sequence[str],
    ) -> None:
        self.scores = dict(scores)
        self.titles = list(titles)
        self.names = names
        # One folded text a feature: a search is one scan, in every language at once.
        self._folded = [fold("\n".join(row)) for row in names]
        titles_folded = [fold(title) for title in self.titles]
        # Equal titles share a rank, so that ties keep the order of the features.
        rank = {title: place for place, title in enumerate(sorted(set(titles_folded)))}
        self._title_rank = np.array([rank[title] for title in titles_folded], np.int64)

    def __len__(self) -> int:
        return len(self.titles)

    def column(self, key: SortKey) -> np.ndarray:
        """Return the values to sort a column by, [f]."""
        if key == "feature":
            return np.arange(len(self), dtype=np.int64)
        if key == "title":
            return self._title_rank
        return self.scores[key]

    def matches(self, query: Query) -> Bool[np.ndarray, " f"]:
        """Return which features pass the filters and the search."""
        keep = np.ones(len(self), bool)
        if query.shared_only:
            keep &= self.scores["shared"].astype(bool)
        if query.min_languages > 0:
            keep &= self.scores["n_languages"] >= query.min_languages
        text = fold(query.text.strip())
        if text.startswith("#") and text[1:].isdecimal():
            keep &= self.column("feature") == min(int(text[1:]), len(self))
        elif text:
            keep &= np.fromiter((text in row for row in self._folded), bool, len(self))
        return keep

    def select(self, query: Query) -> Int64[np.ndarray, " rows"]:
        """Return the features that pass, in the order asked for.

        Features without a value (NaN) come last in either direction; ties keep
        the order of the features.
        """
        rows = np.flatnonzero(self.matches(query))
        values = self.column(query.sort)[rows]
        missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(rows), bool)
        present = values[~missing].astype(np.float64)
        order = np.argsort(-present if query.descending else present, kind="stable")
        return np.concatenate([rows[~missing][order], rows[missing]])

    def first(self) -> int:
        """Return the feature to begin with: the first shared one, else the most multilingual."""
        shared = np.flatnonzero(self.scores["shared"])
        return int(shared[0]) if shared.size else int(np.argmax(self.scores["n_languages"]))
