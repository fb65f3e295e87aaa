"""What the user asked to see of the features: which, in which order, with which columns."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

COLUMNS = (
    "title",
    "feature",
    "shared",
    "n_languages",
    "modality_score",
    "firing_rate_image",
    "firing_rate_text",
    "shared_q",
    "star",
    "tags",
)
HISTOGRAMS = (
    "modality_score",
    "n_languages",
    "firing_rate_image",
    "firing_rate_text",
    "shared_effect",
)


@dataclass(frozen=True)
class Limit:
    """A range of the values of a column.

    Attributes
    ----------
    column : str
    low, high : float
        Both included; a feature without a value never passes.
    """

    column: str
    low: float = -math.inf
    high: float = math.inf

    @property
    def bounded(self) -> bool:
        """Whether anything may be hidden."""
        return self.low > -math.inf or self.high < math.inf


@dataclass(frozen=True)
class Choice:
    """Some values of a column of flags (0 and 1) or of categories."""

    column: str
    values: tuple[int, ...]


@dataclass(frozen=True)
class Order:
    """A column to sort by."""

    column: str
    descending: bool = False


@dataclass(frozen=True)
class Query:
    """Filters, order and columns of the table of features.

    Columns are named as ``mmfeat export table`` does: ``shared_q``, ``p[ko]``, ``name[ko]``; and
    ``title`` for the name that is shown, ``tags`` and ``star`` of the notes.

    Attributes
    ----------
    text : str
        Part of a name in any language, or the number of a feature after ``#``.
    in_captions : bool
        The text may stand in one of a feature's top captions instead.
    limits : tuple of Limit
        At most one a column.
    choices : tuple of Choice
        At most one a column.
    tags : tuple of str
        Show features with any of these tags.
    starred : bool
        Show starred features only.
    selected : bool
        Show brushed features only.
    order : tuple of Order
        The columns to sort by, the most important first; empty for the order of the SAE.
    columns : tuple of str
        The columns shown, in their order.
    histograms : tuple of str
        The columns whose histograms are shown.
    """

    text: str = ""
    in_captions: bool = False
    limits: tuple[Limit, ...] = ()
    choices: tuple[Choice, ...] = ()
    tags: tuple[str, ...] = ()
    starred: bool = False
    selected: bool = False
    order: tuple[Order, ...] = ()
    columns: tuple[str, ...] = COLUMNS
    histograms: tuple[str, ...] = HISTOGRAMS

    @property
    def filters(self) -> bool:
        """Whether anything may be hidden."""
        chosen = self.limits or self.choices or self.tags or self.starred or self.selected
        return bool(self.text.strip() or chosen)

    def cleared(self) -> Query:
        """Return the same order and columns without filters."""
        return Query(order=self.order, columns=self.columns, histograms=self.histograms)

    def limit(self, column: str) -> Limit | None:
        """Return the range of a column, or None without one."""
        return next((limit for limit in self.limits if limit.column == column), None)

    def limited(self, limit: Limit) -> Query:
        """Return the query with a range in place of another one of its column."""
        kept = tuple(limit if own.column == limit.column else own for own in self.limits)
        found = kept if limit in kept else (*kept, limit)
        return replace(self, limits=tuple(own for own in found if own.bounded))

    def choice(self, column: str) -> Choice | None:
        """Return the values of a column that are shown, or None for all."""
        return next((choice for choice in self.choices if choice.column == column), None)

    def chosen(self, choice: Choice) -> Query:
        """Return the query with these values of a column shown; with all where there are none."""
        kept = tuple(choice if own.column == choice.column else own for own in self.choices)
        found = kept if choice in kept else (*kept, choice)
        return replace(self, choices=tuple(own for own in found if own.values))

    def sorted_by(self, column: str, descending_first: bool, *, also: bool = False) -> Query:
        """Return the query sorted by a column, or the other way where it is already.

        Parameters
        ----------
        column : str
        descending_first : bool
            Which way it is sorted by first.
        also : bool
            Columns sorted by before stay the more important ones.
        """
        before = next((own for own in self.order if own.column == column), None)
        down = descending_first if before is None else not before.descending
        order = Order(column, down)
        if not also:
            return replace(self, order=(order,))
        kept = [order if own.column == column else own for own in self.order]
        return replace(self, order=tuple(kept) if before else (*kept, order))
