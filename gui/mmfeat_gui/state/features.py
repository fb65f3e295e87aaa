"""The table of all features: what is known of each, which are shown, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import psygnal
from jaxtyping import Bool, Float, Int64

from mmfeat_gui.state.bars import Bars
from mmfeat_gui.state.columns import Column, column_of
from mmfeat_gui.state.names import NameBlock, Names
from mmfeat_gui.state.query import Order, Query
from mmfeat_gui.state.selection import NOTHING, Selection

_ORDERS = 4  # kept: each is an array of all features


def _nobody(tag: str) -> Selection:
    return NOTHING


@dataclass(frozen=True, eq=False)
class Outside:
    """What a query asks for that is not of the atlas.

    Attributes
    ----------
    selected : Selection
        Brushed features.
    in_captions : Selection
        Features with a top caption in which the text of the query stands.
    starred : Selection
    tags : tuple of str
        All tags in use, in their order.
    tagged : callable (str) to Selection
        The features with a tag.
    """

    selected: Selection = NOTHING
    in_captions: Selection = NOTHING
    starred: Selection = NOTHING
    tags: tuple[str, ...] = ()
    tagged: Callable[[str], Selection] = _nobody


NONE = Outside()


class FeatureTable:
    """All features as columns; filters and sorting give arrays of indices.

    Names, and scores that other parts of the atlas hold, arrive after it was opened.

    Parameters
    ----------
    scores : mapping of str to array [f]
        Datasets of ``/features``.
    by_language : mapping of str to array [f, l]
        Datasets of ``/features/by_language``.
    languages : tuple of str

    Attributes
    ----------
    scores, by_language : dict
        The same and what has arrived.
    stored : frozenset of str
        Scores of ``/features``, which every export knows.
    passing : bool array [f]
        The features that pass the filters.
    rows : int64 array [rows]
        Those, in the order asked for.
    arrived : signal ()
        More names or scores are there.
    filtered : signal ()
        `passing` or `rows` are others.
    """

    arrived = psygnal.Signal()
    filtered = psygnal.Signal()

    def __init__(
        self,
        scores: Mapping[str, np.ndarray],
        by_language: Mapping[str, np.ndarray],
        languages: tuple[str, ...],
    ) -> None:
        self.scores, self.by_language = dict(scores), dict(by_language)
        self.languages = languages
        self.stored = frozenset(scores)
        self._size = len(next(iter(scores.values())))
        self.names = Names(self._size, languages)
        self.name_score = np.full((self._size, len(languages)), np.nan, np.float32)
        self._ranks: dict[str, Float[np.ndarray, " f"]] = {}
        self._bars: dict[str, Bars] = {}
        self._orders: dict[tuple[Order, ...], Int64[np.ndarray, " f"]] = {}
        self.passing: Bool[np.ndarray, " f"] = np.ones(self._size, bool)
        self._numbers: Int64[np.ndarray, " f"] = np.arange(self._size)
        self._numbers.flags.writeable = False
        self.rows: Int64[np.ndarray, " rows"] = self._numbers

    def __len__(self) -> int:
        return self._size

    # What arrives ---------------------------------------------------------------------

    @property
    def named(self) -> bool:
        """Whether all names are there."""
        return self.names.complete

    def put_names(self, block: NameBlock) -> None:
        """Keep the names of some features."""
        self.names.put(block)
        self.name_score[block.start : block.start + len(block)] = block.score

    def put_ranks(self, key: str, ranks: Float[np.ndarray, " f"]) -> None:
        """Keep the places of the names of a column in their order; NaN for no name."""
        self._ranks[key] = ranks
        self._orders.clear()

    def ranked(self, key: str) -> bool:
        """Return whether the order of the names of a column is known."""
        return key in self._ranks

    def put_scores(self, scores: Mapping[str, np.ndarray]) -> None:
        """Keep more scores, each [f]; those of ``/features`` stay what they are."""
        self.scores |= {name: values for name, values in scores.items() if name not in self.scores}

    # Names and columns ----------------------------------------------------------------

    def has_names(self, feature: int) -> bool:
        """Return whether the names of a feature have arrived."""
        return self.names.block(feature) is not None

    def title(self, feature: int) -> str:
        """Return the name shown for a feature; its number where it has none, or none yet."""
        block = self.names.block(feature)
        title = block.title(feature)[0] if block is not None else ""
        return title or f"feature {feature}"

    def title_language(self, feature: int) -> str:
        """Return the language of `title`; empty where it is no name."""
        block = self.names.block(feature)
        at = block.title(feature)[1] if block is not None else -1
        return self.languages[at] if at >= 0 else ""

    def names_of(self, feature: int) -> dict[str, str]:
        """Return the names of a feature by language, where it has one."""
        block = self.names.block(feature)
        names = block.names(feature) if block is not None else []
        return {tag: name for tag, name in zip(self.languages, names, strict=False) if name}

    def search(self, text: str) -> Bool[np.ndarray, " f"]:
        """Return the features with a name that holds a text, in any language, casefolded."""
        return self.names.search(text)

    def column_keys(self) -> list[str]:
        """Return the names of all columns, scores a language last."""
        found = ["title", "feature", *self.scores, "star", "tags"]
        for base in ("name", "name_score", *self.by_language):
            found += [f"{base}[{tag}]" for tag in self.languages]
        return found

    def describe(self, key: str) -> Column | None:
        """Return a column by its name, or None where there is none."""
        column = column_of(key)
        if column.kind in ("title", "tags", "star"):
            return column if key == column.base else None
        if column.language:
            if column.language not in self.languages:
                return None
            if column.kind == "name":
                return column
            values = self._table(column.base)
            return None if values is None else column_of(key, values.dtype)
        values = self._numbers if key == "feature" else self.scores.get(key)
        return None if values is None else column_of(key, values.dtype)

    def _table(self, base: str) -> np.ndarray | None:
        return self.name_score if base == "name_score" else self.by_language.get(base)

    def column(self, key: str, outside: Outside = NONE) -> np.ndarray:
        """Return the numbers of a column, [f]; of names and tags their places in order.

        They are missing as long as the order of the names is not known.

        Raises
        ------
        KeyError
            If there is none of that name.
        """
        if key == "feature":
            return self._numbers
        if key == "star":
            return outside.starred.mask(self._size)
        if key == "tags":
            return self._tag_rank(outside)
        if key in self.scores:
            return self.scores[key]
        column = self.describe(key)
        if column is not None and column.is_text:
            return self._ranks.get(key, np.full(self._size, np.nan))
        values = None if column is None else self._table(column.base)
        if column is None or values is None:
            raise KeyError(key)
        return values[:, self.languages.index(column.language)]

    def _tag_rank(self, outside: Outside) -> Float[np.ndarray, " f"]:
        found = np.full(self._size, np.nan)
        for place in reversed(range(len(outside.tags))):
            found[outside.tagged(outside.tags[place]).mask(self._size)] = place
        return found

    def bars(self, key: str) -> Bars:
        """Return the bars of the histogram of a column of the atlas; cut once."""
        if key not in self._bars:
            self._bars[key] = Bars.of(self.column(key))
        return self._bars[key]

    # Filters and order ----------------------------------------------------------------

    def matches(self, query: Query, outside: Outside = NONE) -> Bool[np.ndarray, " f"]:
        """Return which features pass the filters and the search.

        A filter of a column that this atlas does not have hides nothing.
        """
        keep = np.ones(self._size, bool)
        for limit in query.limits:
            if self._is_number(limit.column):
                values = self.column(limit.column, outside)
                keep &= (values >= limit.low) & (values <= limit.high)
        for choice in query.choices:
            if self._is_number(choice.column):
                keep &= np.isin(self.column(choice.column, outside), choice.values)
        if query.tags:
            tagged = np.zeros(self._size, bool)
            for tag in query.tags:
                tagged |= outside.tagged(tag).mask(self._size)
            keep &= tagged
        if query.starred:
            keep &= outside.starred.mask(self._size)
        if query.selected:
            keep &= outside.selected.mask(self._size)
        text = query.text.strip()
        if text.startswith("#") and text[1:].isdecimal():
            keep &= self._numbers == min(int(text[1:]), self._size)
        elif text:
            found = self.search(text)
            if query.in_captions:
                found = found | outside.in_captions.mask(self._size)
            keep &= found
        return keep

    def _is_number(self, key: str) -> bool:
        column = self.describe(key)
        return column is not None and not column.is_text

    def select(self, query: Query, outside: Outside = NONE) -> Int64[np.ndarray, " rows"]:
        """Return the features that pass, in the order asked for.

        Features without a value (NaN) come last in either direction; ties keep the order of
        the next column, and in the end that of the features.
        """
        return self._in_order(self.matches(query, outside), query.order, outside)

    def apply(self, query: Query, outside: Outside = NONE) -> None:
        """Filter and sort: `passing` and `rows` become those of a query."""
        passing = self.matches(query, outside)
        rows = self._in_order(passing, query.order, outside)
        if not np.array_equal(rows, self.rows):
            self.passing, self.rows = passing, rows
            self.filtered.emit()

    def _in_order(
        self, keep: Bool[np.ndarray, " f"], orders: tuple[Order, ...], outside: Outside
    ) -> Int64[np.ndarray, " rows"]:
        if not orders:
            return np.flatnonzero(keep)
        order = self._orders.get(orders)
        if order is None:
            order = self._numbers
            for own in reversed(orders):
                if self.describe(own.column) is not None:
                    values = self.column(own.column, outside)[order].astype(np.float64)
                    # NaN comes last, and so does its negative.
                    by = np.argsort(-values if own.descending else values, kind="stable")
                    order = order[by]
            if not any(own.column in ("star", "tags") for own in orders):  # notes change
                self._orders = dict(list(self._orders.items())[1 - _ORDERS :])
                self._orders[orders] = order
        found: Int64[np.ndarray, " rows"] = order[keep[order]]
        return found

    def first(self) -> int:
        """Return the feature to begin with: the first shared one, else the most multilingual."""
        shared = np.flatnonzero(self.scores["shared"])
        return int(shared[0]) if shared.size else int(np.argmax(self.scores["n_languages"]))


def known(query: Query, table: FeatureTable) -> Query:
    """Return a query without the columns that a table does not have."""
    has = {
        key: table.describe(key) is not None
        for key in (*query.columns, *query.histograms, *(own.column for own in query.order))
    }
    return replace(
        query,
        columns=tuple(key for key in query.columns if has[key]) or ("title",),
        histograms=tuple(key for key in query.histograms if has[key]),
        order=tuple(own for own in query.order if has[own.column]),
    )
