"""What the rows of a stream in an atlas stand for."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int32

from mmfeat.atlas.checked import CheckedFile

COLUMNS = ("item", "caption", "language", "position")


class Coordinates:
    """Reads ``/codes/STREAM/rows`` of an atlas, a block of rows at a time.

    Streams are those that the atlas has.
    """

    def __init__(self, data: CheckedFile, features: int, languages: tuple[str, ...]) -> None:
        self._data = data
        self.items = data.length("items/item_id")
        self._below = {
            "item": self.items,
            "caption": data.length("captions/text"),
            "language": len(languages),
        }

    def rows(self, stream: str) -> int:
        """Return the number of rows of a stream."""
        return self._data.length(f"codes/{stream}/rows/item")

    def entries(self, stream: str) -> int:
        """Return the number of activations that are not 0.

        Raises
        ------
        MmfeatError
            If not all of them belong to a row.
        """
        where, rows = f"codes/{stream}/by_row", self.rows(stream)
        ends = [int(self._data.rows(f"{where}/indptr", at, at + 1)[0]) for at in (0, rows)]
        count = self._data.length(f"{where}/data")
        if ends != [0, count]:
            raise self._data.damaged(f"/{where}/indptr", f"rows {ends[0]} to {ends[1]} of {count}")
        return count

    def column(self, stream: str, name: str, start: int, stop: int) -> Int32[np.ndarray, " rows"]:
        """Return one of `COLUMNS` for some rows; -1 where it does not apply.

        Raises
        ------
        MmfeatError
            If it names an item, caption or language that does not exist.
        """
        where = f"codes/{stream}/rows/{name}"
        found = self._data.rows(where, start, stop).astype(np.int64)
        below = self._below.get(name, 1 << 31)
        if found.size and (found.min() < (0 if name == "item" else -1) or found.max() >= below):
            raise self._data.damaged(f"/{where}", f"rows whose {name} does not exist")
        return found.astype(np.int32)

    def item_ids(self, start: int, stop: int) -> list[str]:
        """Return the ids of some items."""
        return self._data.texts("items/item_id", start, stop)
