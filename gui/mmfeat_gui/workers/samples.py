"""What the map of the items asks of an atlas."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float32, UInt8

from mmfeat.atlas.item_columns import ItemColumns
from mmfeat.atlas.reader import Atlas
from mmfeat.figures.grid import Grid
from mmfeat.figures.heatmap import decode_png
from mmfeat_gui.state.brushing import Contrast, ItemFirings
from mmfeat_gui.state.categories import Categories, Coding
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.workers.atlases import Atlases

_TEXTS = 2000  # read at a time: h5py holds the interpreter while it makes them
_LOOKED_AT = 2000  # items that tell whether an attribute sorts them
_LONGEST = 300  # characters that are shown of a caption


@dataclass(frozen=True)
class LoadedSamples:
    """The map of the items.

    Attributes
    ----------
    grid : Grid or None
        Their places; None where the map was not made.
    columns : tuple of str
        What they can be coloured by: the split, and attributes that are not another text for
        almost every item.
    """

    grid: Grid | None
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Activation:
    """A feature's largest activation on each item, 0 where it does not fire."""

    feature: int
    values: Float32[np.ndarray, " items"]


@dataclass(frozen=True)
class Fired:
    """The items on which any, or every one, of some features fires."""

    features: Selection
    every: bool
    items: Selection


@dataclass(frozen=True)
class SampleFacts:
    """What hovering over an item shows.

    Attributes
    ----------
    item : int
    item_id : str
    picture : uint8 [h, w, 3] or None
    language, caption : str
        The first caption in the language preferred; empty without captions.
    """

    item: int
    item_id: str
    picture: UInt8[np.ndarray, "h w 3"] | None
    language: str
    caption: str


@dataclass(frozen=True)
class LoadSamples:
    """Read the places of all items."""

    channel: ClassVar[str] = "samples"

    def read(self, atlases: Atlases) -> LoadedSamples:
        """Read them."""
        from mmfeat.atlas.item_map import ItemMap

        places = atlases.main.part(ItemMap).places
        columns = atlases.main.part(ItemColumns)
        sorting = []
        for name in columns.names:
            texts = columns.texts(name, 0, min(_LOOKED_AT, columns.items))
            if 2 * len(set(texts)) <= len(texts) or name == columns.names[0]:
                sorting.append(name)
        return LoadedSamples(None if places is None else Grid(places), tuple(sorting))


@dataclass(frozen=True)
class ColourByColumn:
    """Read what each item is by one of its columns."""

    channel: ClassVar[str] = "samples_colour"
    column: str

    def slices(self, atlases: Atlases) -> Iterator[Categories | None]:
        """Read it."""
        columns = atlases.main.part(ItemColumns)
        coding = Coding(self.column, columns.items)
        for start in range(0, columns.items, _TEXTS):
            coding.add(columns.texts(self.column, start, min(start + _TEXTS, columns.items)))
            yield None
        yield coding.categories()


@dataclass(frozen=True)
class ColourByActivation:
    """Read how strongly a feature fires on each item."""

    channel: ClassVar[str] = "samples_colour"
    feature: int

    def slices(self, atlases: Atlases) -> Iterator[Activation | None]:
        """Read it."""
        values = yield from firings(atlases).largest(self.feature)
        yield Activation(self.feature, values)


@dataclass(frozen=True)
class ItemsOf:
    """Find the items on which any of some features fires, or every one of them."""

    channel: ClassVar[str] = "samples_items"
    features: Selection
    every: bool

    def slices(self, atlases: Atlases) -> Iterator[Fired | None]:
        """Find them."""
        wanted = self.features.indices
        wanted = wanted[: np.searchsorted(wanted, atlases.main.d_sae)]
        found = yield from firings(atlases).fired_on(wanted, self.every)
        yield Fired(self.features, self.every, Selection.of_mask(found))


@dataclass(frozen=True)
class ItemsBetween:
    """Find the items on which a feature fires within a range, as `ItemFirings.between` does."""

    channel: ClassVar[str] = "samples_between"
    feature: int
    language: str
    low: float
    high: float

    def slices(self, atlases: Atlases) -> Iterator[Selection | None]:
        """Find them."""
        read = firings(atlases)
        found = yield from read.between(self.feature, self.language, self.low, self.high)
        yield Selection.of_mask(found)


@dataclass(frozen=True)
class FeaturesOf:
    """Find the features that fire on some items more than on the others."""

    channel: ClassVar[str] = "samples_features"
    items: Selection
    most: int = 20

    def slices(self, atlases: Atlases) -> Iterator[Contrast | None]:
        """Find them."""
        wanted = self.items.indices
        wanted = wanted[: np.searchsorted(wanted, atlases.main.n_items)]
        yield (yield from firings(atlases).contrast(wanted, self.most))


@dataclass(frozen=True)
class LookAtItem:
    """Read the picture and a caption of an item, in the first language of some that it has."""

    channel: ClassVar[str] = "samples_card"
    item: int
    languages: tuple[str, ...]

    def read(self, atlases: Atlases) -> SampleFacts:
        """Read them."""
        return atlases.cached(
            ("sample", self.item, self.languages), lambda: self._facts(atlases.main)
        )

    def _facts(self, atlas: Atlas) -> SampleFacts:
        from mmfeat.atlas.coordinates import Coordinates

        captions = {one.language: one.text for one in reversed(atlas.captions_of(self.item))}
        known = [language for language in self.languages if language in captions]
        language = (known or sorted(captions) or [""])[0]
        (item_id,) = atlas.part(Coordinates).item_ids(self.item, self.item + 1)
        caption = captions.get(language, "")[:_LONGEST]
        picture = _picture(atlas, self.item)
        return SampleFacts(self.item, item_id[:_LONGEST], picture, language, caption)


@dataclass(frozen=True)
class ItemPictures:
    """Read the pictures of items, one after the other."""

    channel: ClassVar[str] = "samples_pictures"
    items: tuple[int, ...]

    def slices(self, atlases: Atlases) -> Iterator[dict[int, UInt8[np.ndarray, "h w 3"] | None]]:
        """Read them."""
        for item in self.items:
            yield {item: _picture(atlases.main, item)}
            time.sleep(0)


def firings(atlases: Atlases) -> ItemFirings:
    """Return the one reader of firings by item of the open atlas."""
    return atlases.cached("item firings", lambda: ItemFirings(atlases.main))


def _picture(atlas: Atlas, item: int) -> UInt8[np.ndarray, "h w 3"] | None:
    thumbnail = atlas.thumbnail(item)
    return None if thumbnail is None else decode_png(thumbnail)
