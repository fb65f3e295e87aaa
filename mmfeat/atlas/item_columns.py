"""What items are sorted by: their split and attributes, some of them at a time."""

from __future__ import annotations

import h5py

from mmfeat.atlas.checked import TEXT, CheckedFile

_SPLIT, _ATTRIBUTES = "split", "attributes"


class ItemColumns:
    """Reads columns of texts, one text an item.

    Attributes
    ----------
    names : tuple of str
        ``split``, then attributes by name.
    items : int

    Raises
    ------
    MmfeatError
        If one is damaged.
    """

    def __init__(self, data: CheckedFile, features: int, languages: tuple[str, ...]) -> None:
        self._data = data
        self.items = data.length("items/item_id")
        group = data.file.get(f"items/{_ATTRIBUTES}")
        # An attribute that is called split too would be taken for the split.
        own = (
            sorted(name for name in group if name != _SPLIT)
            if isinstance(group, h5py.Group)
            else []
        )
        self.names = (_SPLIT, *own)
        for name in self.names:
            data.dataset(self._path(name), TEXT, (self.items,))

    def texts(self, name: str, start: int, stop: int) -> list[str]:
        """Return a column for items `start` to `stop`."""
        return self._data.texts(self._path(name), start, stop)

    def _path(self, name: str) -> str:
        return f"items/{name}" if name == _SPLIT else f"items/{_ATTRIBUTES}/{name}"
