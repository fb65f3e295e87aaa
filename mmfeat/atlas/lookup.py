"""Items of an atlas by id, and pictures given as files or held in the atlas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from mmfeat.atlas.checked import TEXT
from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from PIL.Image import Image

    from mmfeat.atlas.reader import Atlas


def find_item(atlas: Atlas, item_id: str) -> int:
    """Return the index of an item.

    Raises
    ------
    MmfeatError
        If the atlas has no item of that id.
    """
    try:
        return atlas.items().item_id.index(item_id)
    except ValueError:
        raise MmfeatError(
            f"{atlas.path} has no item {item_id!r}; give the id of one of its items."
        ) from None


def of_items(atlas: Atlas, column: str, items: Sequence[int]) -> list[str]:
    """Return what a few items have in a column, without reading it whole.

    Parameters
    ----------
    atlas : Atlas
    column : str
        ``item_id``, ``concept`` or ``split``.
    items : sequence of int

    Raises
    ------
    MmfeatError
        If there is no such item, or the atlas is damaged.
    """
    wanted = np.array([check_item(atlas, item) for item in items], np.int64)
    found: list[str] = atlas._data.pick(f"items/{column}", wanted).tolist()
    return found


def attributes_of(atlas: Atlas, item: int) -> dict[str, str]:
    """Return the attributes of one item, without reading those of all.

    Raises
    ------
    MmfeatError
        If there is no such item, or the atlas is damaged.
    """
    item, data, found = check_item(atlas, item), atlas._data, {}
    group = data.file.get("items/attributes")
    if isinstance(group, h5py.Group):
        for name in sorted(group):
            data.dataset(f"items/attributes/{name}", TEXT, (atlas.n_items,))
            found[name] = data.texts(f"items/attributes/{name}", item, item + 1)[0]
    return found


def check_item(atlas: Atlas, item: int) -> int:
    """Return an item that an atlas has.

    Raises
    ------
    MmfeatError
        If it has none of that number.
    """
    return atlas._index(item, atlas.n_items, "item")


def picture_of(atlas: Atlas, item: int) -> Image:
    """Return the picture of an item, as large as the atlas keeps it.

    Raises
    ------
    MmfeatError
        If the atlas has none.
    """
    from mmfeat.corpus.pictures import decode

    data, name = atlas.thumbnail(item), atlas.items().item_id[item]
    if data is None:
        raise MmfeatError(
            f"{atlas.path} has no picture of {name}; give a picture file, or build the atlas with "
            "thumbnails."
        )
    return decode(data, name)


def picture_file(path: Path) -> Image:
    """Return the picture in a file.

    Raises
    ------
    MmfeatError
        If it cannot be read, or is none.
    """
    from mmfeat.corpus.pictures import decode, read_file

    return decode(read_file(path.name, path.parent, str(path)), str(path))
