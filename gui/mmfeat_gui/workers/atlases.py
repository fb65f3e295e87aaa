"""What the reading thread keeps: the open atlas, the one beside it, and what was read last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TypeVar, cast

from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.summary import Summary, summarise

_KEPT = 96  # pages, cards and pictures

T = TypeVar("T")


class Atlases:
    """The open atlases and an LRU cache of what was read of them; used by one thread only."""

    def __init__(self) -> None:
        self._main: Atlas | None = None
        self.beside: Atlas | None = None
        self._kept: OrderedDict[Hashable, object] = OrderedDict()

    @property
    def main(self) -> Atlas:
        """The atlas that the window shows.

        Raises
        ------
        MmfeatError
            If none is open.
        """
        if self._main is None:
            raise MmfeatError(tr("error.no_atlas_open"))
        return self._main

    @property
    def name(self) -> str:
        """The file name of the atlas that the window shows; empty without one."""
        return "" if self._main is None else self._main.path.name

    def cached(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made for a key before, or make it; the oldest are forgotten."""
        if key in self._kept:
            self._kept.move_to_end(key)
        else:
            self._kept[key] = make()
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return cast("T", self._kept[key])

    def close(self) -> None:
        """Close the atlases and forget what was read of them."""
        self._kept.clear()
        for atlas in (self._main, self.beside):
            if atlas is not None:
                atlas.close()
        self._main = self.beside = None

    def open(self, path: Path) -> Summary:
        """Open an atlas; the one before stays beside it if that was compared with this one."""
        atlas, summary = _opened(path)
        before, beside = self._main, self.beside
        self._kept.clear()
        self._main = atlas
        if before is None:
            return summary
        if beside is not None and same_file(path, beside.path):
            self.beside = before
            beside.close()
            return summary
        before.close()
        if beside is not None and not same_file(path, before.path):
            beside.close()
            self.beside = None
        return summary

    def open_beside(self, path: Path) -> Summary:
        """Open an atlas beside the present one.

        Raises
        ------
        MmfeatError
            If it is the same file.
        """
        main = self.main
        atlas, summary = _opened(path)
        if same_file(path, main.path):
            atlas.close()
            raise MmfeatError(tr("error.same", file=path.name))
        self._kept.clear()
        if self.beside is not None:
            self.beside.close()
        self.beside = atlas
        return summary


def same_file(one: Path, other: Path) -> bool:
    """Return whether two paths lead to one file, by whatever links."""
    try:
        return one.samefile(other)
    except OSError:  # one of them has gone since it was opened
        return one.absolute() == other.absolute()


def _opened(path: Path) -> tuple[Atlas, Summary]:
    atlas = Atlas(path)
    try:
        return atlas, summarise(atlas)
    except BaseException:
        atlas.close()
        raise
