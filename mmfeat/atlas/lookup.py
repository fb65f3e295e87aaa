"""Items of an atlas by id, and pictures given as files or held in the atlas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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
