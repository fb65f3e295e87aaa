"""The columns of the table of features: what they are called, and how their values are written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mmfeat_gui.resources.strings import has, tr

Kind = Literal["title", "name", "tags", "star", "flag", "category", "count", "share", "number"]
CATEGORIES = {"reach": 5}
_SHARES = ("firing_rate", "firing_rate_image", "firing_rate_text")
_NOTES: tuple[Literal["tags", "star"], ...] = ("tags", "star")
# Of what is read for its small values.
_ASCENDING_FIRST = ("feature", "title", "name", "tags", "shared_p", "shared_q", "p")


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes
    ----------
    key : str
        Its name in queries: ``firing_rate[ko]``.
    base : str
        The score: ``firing_rate``.
    language : str
        Of a score a language; else empty.
    kind : str
        How its values are written.
    """

    key: str
    base: str
    language: str
    kind: Kind

    @property
    def label(self) -> str:
        """Its title for people; a score that we do not know is called by its own name."""
        own = tr(self._words) if self._words else self.base.replace("_", " ")
        return f"{own} ({self.language})" if self.language else own

    @property
    def tip(self) -> str:
        """What it means."""
        return tr(f"{self._words}_tip") if self._words else tr("table.unknown_tip", name=self.base)

    @property
    def _words(self) -> str:
        """The id of its title: that of a table, or of the page where it has no short one."""
        ids = (f"table.{self.base}", f"number.{self.base}")
        return next((own for own in ids if has(f"{own}_tip")), "")

    @property
    def is_text(self) -> bool:
        """Whether its cells are texts, so that it has no histogram."""
        return self.kind in ("title", "name", "tags")

    @property
    def is_chosen(self) -> bool:
        """Whether single values of it are chosen, not a range."""
        return self.kind in ("flag", "category", "star")

    @property
    def descending_first(self) -> bool:
        """Whether sorting begins with the largest."""
        return self.base not in _ASCENDING_FIRST

    def values(self) -> tuple[tuple[int, str], ...]:
        """Return the values to choose from, with their names."""
        if self.kind == "category":
            count = CATEGORIES[self.base]
            return tuple((k, tr(f"table.{self.base}_{k}")) for k in range(count))
        return ((1, tr("table.yes")), (0, tr("table.no")))

    def text(self, value: float) -> str:
        """Write a value; a dash where it is missing."""
        if self.kind in ("flag", "star"):
            return ("★" if self.kind == "star" else "✓") if value == 1 else ""
        if not math.isfinite(value):
            return "–" if math.isnan(value) else f"{value:+}".replace("inf", "∞")
        if self.kind == "category":
            known = 0 <= value < CATEGORIES[self.base]
            return tr(f"table.{self.base}_{value:.0f}") if known else f"{value:.0f}"
        if self.kind == "count":
            return f"{value:.0f}"
        if self.kind == "share":
            return f"{value:.2%}"
        return f"{value:.2f}" if self.base == "modality_score" else f"{value:.2g}"


def column_of(key: str, dtype: np.dtype[np.generic] | None = None) -> Column:
    """Return the column of a name.

    Parameters
    ----------
    key : str
    dtype : dtype or None
        Of its values; None where they are texts.
    """
    base, _, tag = key.partition("[")
    language = tag.removesuffix("]")
    kind: Kind = "number"
    if base == "title":
        kind = "title"
    elif base == "name":
        kind = "name"
    elif base in _NOTES:
        kind = "tags" if base == "tags" else "star"
    elif base in CATEGORIES:
        kind = "category"
    elif base in _SHARES:
        kind = "share"
    elif dtype is not None and dtype.kind == "b":
        kind = "flag"
    elif dtype is not None and dtype.kind in "iu":
        kind = "count"
    return Column(key, base, language, kind)
