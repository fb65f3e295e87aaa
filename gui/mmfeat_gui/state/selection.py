"""A set of features or items, chosen on a map, in the table or by what they share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from jaxtyping import Bool, Int64

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler


class Selection:
    """Indices in ascending order, each once; never changed once made.

    Compared by value, and cheap for millions: an array, not a set of objects.

    Parameters
    ----------
    indices : array [n]
        Ascending and unique, as `of` and `of_mask` make them.

    Attributes
    ----------
    indices : array [n]
        int64, not writable.
    """

    __slots__ = ("indices",)

    def __init__(self, indices: Int64[np.ndarray, " n"]) -> None:
        self.indices = indices
        self.indices.flags.writeable = False

    @staticmethod
    def of(indices: Iterable[int] | np.ndarray) -> Selection:
        """Return a selection of these, in whatever order and however often they come."""
        found = indices if isinstance(indices, np.ndarray) else np.fromiter(indices, np.int64)
        return Selection(_each_once(np.sort(found.astype(np.int64))))

    @staticmethod
    def of_mask(mask: Bool[np.ndarray, " size"]) -> Selection:
        """Return the selection of what is true."""
        return Selection(np.flatnonzero(mask).astype(np.int64))

    def __len__(self) -> int:
        return len(self.indices)

    def __contains__(self, index: int) -> bool:
        at = int(np.searchsorted(self.indices, index))
        return at < len(self.indices) and int(self.indices[at]) == index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Selection) and np.array_equal(self.indices, other.indices)

    def __hash__(self) -> int:
        return hash((len(self.indices), self.indices[:8].tobytes()))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> Any:
        """Describe how a session holds a selection: as the list of its indices."""
        from pydantic import PlainSerializer, PlainValidator

        def read(value: object) -> Selection:
            if isinstance(value, Selection):
                return value
            found = np.asarray(value, np.int64) if isinstance(value, list) else None
            if found is None or found.ndim != 1 or (found < 0).any():
                raise ValueError("not a list of indices")
            return Selection.of(found)

        def write(selection: Selection) -> list[int]:
            found: list[int] = selection.indices.tolist()
            return found

        return handler.generate_schema(
            Annotated[Any, PlainValidator(read), PlainSerializer(write, list[int])]
        )

    def __repr__(self) -> str:
        return f"Selection({self.indices.tolist() if len(self) <= 8 else len(self)})"

    def mask(self, size: int) -> Bool[np.ndarray, " size"]:
        """Return which of `size` are selected; what lies beyond them is left out."""
        found = np.zeros(size, bool)
        found[self.within(size).indices] = True
        return found

    def within(self, size: int) -> Selection:
        """Return what of this is below `size`."""
        low, high = np.searchsorted(self.indices, (0, size))
        return self if (low, high) == (0, len(self)) else Selection(self.indices[low:high].copy())

    def add(self, other: Selection) -> Selection:
        """Return what is in either."""
        both = np.concatenate([self.indices, other.indices])
        return Selection(_each_once(np.sort(both, kind="stable")))  # merges what is sorted

    def subtract(self, other: Selection) -> Selection:
        """Return what is in this but not in the other."""
        return Selection(self.indices[~self._is_in(other)])

    def intersect(self, other: Selection) -> Selection:
        """Return what is in both."""
        return Selection(self.indices[self._is_in(other)])

    def brushed(self, other: Selection, mode: str) -> Selection:
        """Return what is chosen after another brush: ``replace``, ``add`` or ``subtract``."""
        if mode == "add":
            return self.add(other)
        return self.subtract(other) if mode == "subtract" else other

    def _is_in(self, other: Selection) -> Bool[np.ndarray, " n"]:
        at = np.searchsorted(other.indices, self.indices)
        found = np.zeros(len(self), bool)
        within = at < len(other)
        found[within] = other.indices[at[within]] == self.indices[within]
        return found

    def invert(self, size: int) -> Selection:
        """Return what of `size` is not in this."""
        return Selection.of_mask(~self.mask(size))


def _each_once(ascending: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " m"]:
    """Return what differs from the one before it; NumPy's own `unique` loads its masked arrays."""
    first = np.ones(len(ascending), bool)
    np.not_equal(ascending[1:], ascending[:-1], out=first[1:])
    return np.asarray(ascending[first])


NOTHING = Selection(np.zeros(0, np.int64))
