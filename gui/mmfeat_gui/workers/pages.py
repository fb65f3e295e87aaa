"""What the reading thread keeps: the open atlas and the pages read last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from mmfeat.atlas.reader import Atlas
from mmfeat.figures.heatmap import decode_png, overlay
from mmfeat.figures.pages import FeaturePage, ItemPage, PictureExample, feature_page, item_page
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
    shared: bool
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
    """The open atlas and an LRU cache of its pages; used by one thread only."""

    def __init__(self) -> None:
        self._atlas: Atlas | None = None
        self._pages: OrderedDict[tuple[str, int], Page] = OrderedDict()

    def close(self) -> None:
        """Close the atlas and forget its pages."""
        self._pages.clear()
        if self._atlas is not None:
            self._atlas.close()
            self._atlas = None

    def file_name(self, argument: Path | int) -> str:
        """Return the name of the file that a request was about."""
        if isinstance(argument, Path):
            return argument.name
        return self._atlas.path.name if self._atlas is not None else ""

    def answer(self, what: str, argument: Path | int) -> Summary | Page:
        """Answer a request: ``open`` with a path, or a page by its index."""
        if isinstance(argument, Path):
            return self._open(argument)
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
        atlas = Atlas(path)
        try:
            summary = summarise(atlas)
        except BaseException:
            atlas.close()
            raise
        self.close()
        self._atlas = atlas
        return summary

    def _read(self, what: str, index: int) -> Page:
        assert self._atlas is not None, "pages are asked for after an atlas was opened"
        if what == "item":
            item = item_page(self._atlas, index)
            return LoadedItem(item, _decode(item.thumbnail))
        if what == "card":
            best = self._atlas.image_examples(index)[:1]
            return Card(index, _decode(self._atlas.thumbnail(best[0].item)) if best else None)
        page = feature_page(self._atlas, index)
        shown = [*page.pictures, *(example for band in page.bands for example in band)]
        shared = bool(self._atlas.features()["shared"][index])
        return LoadedFeature(page, shared, _heated(shown, page.max_patch))


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
