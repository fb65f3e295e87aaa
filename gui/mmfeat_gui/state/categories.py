"""Items by the value of one of their attributes, as numbers that colours are looked up by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32, UInt16

MOST = 11  # values with a colour of their own; the rarer ones share one


@dataclass(frozen=True)
class Categories:
    """The commonest values of a column, and which of them each item has.

    Attributes
    ----------
    column : str
    names : tuple of str
        By falling count, at most `MOST`; an empty text stands for items that have none.
    counts : tuple of int
        Items of each, and at last those of all other values.
    codes : uint16 [n]
        The index into `names`, or their number for an item of another value.
    values : int
        Different values in all.
    """

    column: str
    names: tuple[str, ...]
    counts: tuple[int, ...]
    codes: UInt16[np.ndarray, " n"]
    values: int


class Coding:
    """Numbers the values of a column as they come, a slice at a time.

    Parameters
    ----------
    column : str
    size : int
        Items in all.
    """

    def __init__(self, column: str, size: int) -> None:
        self._column = column
        self._number: dict[str, int] = {}
        self._codes: Int32[np.ndarray, " n"] = np.zeros(size, np.int32)
        self._at = 0

    def add(self, texts: Sequence[str]) -> None:
        """Take the values of the next items."""
        number = self._number
        coded = [number.setdefault(text, len(number)) for text in texts]
        self._codes[self._at : self._at + len(coded)] = coded
        self._at += len(coded)

    def categories(self) -> Categories:
        """Return what the items were; equal counts stand in the order in which they came."""
        counts = np.bincount(self._codes[: self._at], minlength=len(self._number))
        order = np.argsort(-counts, kind="stable")[:MOST]
        rank = np.full(len(counts), len(order), np.uint16)
        rank[order] = np.arange(len(order), dtype=np.uint16)
        names = list(self._number)
        own = [int(counts[index]) for index in order]
        return Categories(
            column=self._column,
            names=tuple(names[index] for index in order.tolist()),
            counts=(*own, self._at - sum(own)),
            codes=rank[self._codes[: self._at]],
            values=len(names),
        )
