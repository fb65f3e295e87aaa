"""A map of the items of an atlas: the codes it is made of, and its places."""

from __future__ import annotations

from collections.abc import Iterator

import h5py
import numpy as np
from jaxtyping import Float, Int

from mmfeat.analysis.item_map import Block, item_map
from mmfeat.analysis.maps import MapSettings
from mmfeat.atlas.checked import FLOAT, CheckedFile
from mmfeat.atlas.coordinates import Coordinates
from mmfeat.atlas.evidence import IMAGE, TEXT
from mmfeat.atlas.reader import Atlas
from mmfeat.progress import Advance

NAME = "items"
_ROWS = 1 << 15  # codes read at a time


def write(file: h5py.File, atlas: Atlas, settings: MapSettings, advance: Advance) -> None:
    """Write ``/maps/items``; an earlier map gives way.

    Parameters
    ----------
    file : h5py.File
        The file to write into.
    atlas : Atlas
        What it is made from.
    settings : MapSettings
    advance : callable
        Told how many items have their place.
    """
    places = item_map(lambda: blocks(atlas), atlas.n_items, settings, advance)
    maps = file["maps"]
    if NAME in maps:
        del maps[NAME]
    maps[NAME] = places
    for name, value in settings.model_dump().items():
        maps[NAME].attrs[name] = value


def blocks(atlas: Atlas) -> Iterator[Block]:
    """Give the codes of all items that have any rows, some at a time, each item once.

    Those of an item's picture; where it has none, the sum over its captions, for a direction
    needs no mean.
    """
    from scipy.sparse import csr_array

    coordinates = atlas.part(Coordinates)
    known = np.zeros(atlas.n_items, bool)
    for stream in (IMAGE, TEXT):
        if stream not in atlas.streams:
            continue
        item = coordinates.column(stream, "item", 0, coordinates.rows(stream))
        wanted = ~known[item]
        known[item] = True
        for start, stop in _spans(item):
            row = np.flatnonzero(wanted[start:stop])
            if not len(row):
                continue
            items, own = np.unique(item[start:stop][row], return_inverse=True)
            ones = np.ones(len(row), np.float32)
            member = csr_array((ones, (own, row)), (len(items), stop - start))
            codes = csr_array(member @ atlas.codes_of_rows(stream, start, stop))
            yield items.astype(np.int64), codes


def _spans(item: Int[np.ndarray, "rows"]) -> Iterator[tuple[int, int]]:
    """Cut rows into spans that no item's rows are torn apart by."""
    ends = np.append(np.flatnonzero(np.diff(item)) + 1, len(item))
    start = 0
    while start < len(item):
        last = int(np.searchsorted(ends, start + _ROWS, "right")) - 1
        if last < 0 or ends[last] <= start:  # an item with more rows than that
            last = int(np.searchsorted(ends, start, "right"))
        yield start, int(ends[last])
        start = int(ends[last])


class ItemMap:
    """Reads what `write` wrote.

    Attributes
    ----------
    places : float32 [items, 2] or None
        NaN for an item of which no feature fires; None where the map was not made.

    Raises
    ------
    MmfeatError
        If it is damaged.
    """

    def __init__(self, data: CheckedFile, features: int, languages: tuple[str, ...]) -> None:
        name, items = f"maps/{NAME}", data.length("items/item_id")
        self.places: Float[np.ndarray, "items 2"] | None = None
        if name in data.file:
            self.places = data.whole(name, FLOAT, (items, 2))
