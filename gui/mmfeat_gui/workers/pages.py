"""What the reading thread keeps: the open atlas and the pages read last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures.heatmap import decode_png, overlay
from mmfeat.figures.pages import FeaturePage, ItemPage, PictureExample, feature_page, item_page
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.summary import Summary, summarise

_PAGES = 64


@dataclass(frozen=True)
class Picture:
    """A picture as pixels, without and with the heat map of its patches."""

    plain: UInt8[np.ndarray, "h w 3"]
    heated: UInt8[np.ndarray, "h w 3"] | None = None


@dataclass(frozen=True)
class LoadedFeature:
    """A feature's page with its pictures decoded, by item."""

    page: FeaturePage
    pictures: dict[int, Picture]


@dataclass(frozen=True)
class LoadedItem:
    """An item's page with its picture decoded."""

    page: ItemPage
    picture: Picture | None


@dataclass(frozen=True)
class Card:
    """What hovering over a feature shows beside its name: its top picture."""

    feature: int
    picture: Picture | None


Page = LoadedFeature | LoadedItem | Card


class PageStore:
    """The open atlas, the one beside it and an LRU cache of pages; used by one thread only."""

    def __init__(self) -> None:
        self._atlas: Atlas | None = None
        self._beside: Atlas | None = None
        self._pages: OrderedDict[tuple[str, int], Page] = OrderedDict()

    def close(self) -> None:
        """Close the atlases and forget their pages."""
        self._pages.clear()
        for atlas in (self._atlas, self._beside):
            if atlas is not None:
                atlas.close()
        self._atlas = self._beside = None

    def file_name(self, argument: Path | int) -> str:
        """Return the name of the file that a request was about."""
        if isinstance(argument, Path):
            return argument.name
        return self._atlas.path.name if self._atlas is not None else ""

    def answer(self, what: str, argument: Path | int) -> Summary | Page:
        """Answer a request.

        Parameters
        ----------
        what : str
            ``open`` or ``beside`` with a path; ``feature``, ``item``, ``card`` or
            ``beside_card`` with an index.
        argument : Path or int
        """
        if isinstance(argument, Path):
            return self._open(argument) if what == "open" else self._open_beside(argument)
        key = (what, argument)
        if key in self._pages:
            self._pages.move_to_end(key)
            return self._pages[key]
        page = self._read(what, argument)
        self._pages[key] = page
        if len(self._pages) > _PAGES:
            self._pages.popitem(last=False)
        return page

    def _open(self, path: Path) -> Summary:
        """Open an atlas; the one before stays beside it if that was compared with this one."""
        atlas, summary = _opened(path)
        before, beside = self._atlas, self._beside
        self._pages.clear()
        self._atlas = atlas
        if before is None:
            return summary
        if beside is not None and same_file(path, beside.path):
            self._beside = before
            beside.close()
            return summary
        before.close()
        if beside is not None and not same_file(path, before.path):
            beside.close()
            self._beside = None
        return summary

    def _open_beside(self, path: Path) -> Summary:
        assert self._atlas is not None, "an atlas is compared after another was opened"
        atlas, summary = _opened(path)
        if same_file(path, self._atlas.path):
            atlas.close()
            raise MmfeatError(tr("error.same", file=path.name))
        self._pages.clear()
        if self._beside is not None:
            self._beside.close()
        self._beside = atlas
        return summary

    def _read(self, what: str, index: int) -> Page:
        assert self._atlas is not None, "pages are asked for after an atlas was opened"
        if what == "beside_card":
            assert self._beside is not None, "and cards of the other after that was opened"
            return _card(self._beside, index)
        if what == "item":
            item = item_page(self._atlas, index)
            return LoadedItem(item, _decode(item.thumbnail))
        if what == "card":
            return _card(self._atlas, index)
        page = feature_page(self._atlas, index)
        shown = [*page.pictures, *(example for band in page.bands for example in band)]
        return LoadedFeature(page, _heated(shown, page.max_patch))


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


def _card(atlas: Atlas, feature: int) -> Card:
    best = atlas.image_examples(feature)[:1]
    return Card(feature, _decode(atlas.thumbnail(best[0].item)) if best else None)


def _decode(thumbnail: bytes | None) -> Picture | None:
    return Picture(decode_png(thumbnail)) if thumbnail else None


def _heated(examples: Iterable[PictureExample], highest: float) -> dict[int, Picture]:
    """Decode the pictures of a page; heat maps share one scale, so that they compare."""
    found: dict[int, Picture] = {}
    for example in examples:
        if example.thumbnail is None or example.item in found:
            continue
        plain, values = decode_png(example.thumbnail), example.patch_map
        heated = None
        if values is not None and highest > 0:
            heated = overlay(plain, values, highest)
        found[example.item] = Picture(plain, heated)
    return found
