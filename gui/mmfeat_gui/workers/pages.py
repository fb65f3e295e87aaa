"""Requests of pages: features, items, hover cards, and one feature on one item."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import UInt8

from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures.heatmap import decode_png, overlay
from mmfeat.figures.pages import FeaturePage, ItemPage, PictureExample, feature_page, item_page
from mmfeat.figures.parallel import FeatureOnItem, ParallelItem, feature_on_item, parallel_items
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.workers.atlases import Atlases

if TYPE_CHECKING:
    from mmfeat.analysis.splitting import Node
    from mmfeat.figures.companions import Chain, Probed


@dataclass(frozen=True)
class Picture:
    """A picture as pixels, without and with the heat map of its patches."""

    plain: UInt8[np.ndarray, "h w 3"]
    heated: UInt8[np.ndarray, "h w 3"] | None = None


@dataclass(frozen=True)
class Refused:
    """Why a section of a page cannot be had."""

    sentence: str


@dataclass(frozen=True)
class Splitting:
    """A feature's tree in a chain of SAEs, with the titles of its features that are known."""

    chain: Chain
    tree: Node
    titles: Mapping[tuple[int, int], str]


@dataclass(frozen=True)
class Splittings:
    """The trees of all comparisons beside the atlas."""

    trees: tuple[Splitting, ...]


@dataclass(frozen=True)
class Probes:
    """What probes found of a feature; `reported` says whether there is any report."""

    reported: bool
    found: tuple[Probed, ...]


@dataclass(frozen=True)
class LoadedFeature:
    """A feature's page.

    Attributes
    ----------
    page : FeaturePage
    pictures : dict of int to Picture
        Those that are shown, by item.
    parallel : tuple of ParallelItem
        Items with their captions in all languages, where they were asked for.
    sections : mapping of str to object
        What was asked for of `SECTIONS`, or `Refused`.
    """

    page: FeaturePage
    pictures: dict[int, Picture]
    parallel: tuple[ParallelItem, ...]
    sections: Mapping[str, object]


@dataclass(frozen=True)
class LoadedItem:
    """An item's page with its picture decoded."""

    page: ItemPage
    picture: Picture | None


@dataclass(frozen=True)
class OnItem:
    """What a feature does on an item, with the picture under its heat map."""

    item: int
    found: FeatureOnItem
    picture: Picture | None


@dataclass(frozen=True)
class Card:
    """What hovering over a feature shows beside its name: its top picture."""

    feature: int
    picture: Picture | None


@dataclass(frozen=True)
class FeatureRequest:
    """The page of a feature, with what of it is unfolded.

    Attributes
    ----------
    feature : int
    bands : bool
        Whether examples of all bands of activation are shown.
    parallel : bool
        Whether captions of the same items stand side by side.
    sections : tuple of str
        Keys of `SECTIONS`.
    """

    channel: ClassVar[str] = "page"
    feature: int
    bands: bool = False
    parallel: bool = False
    sections: tuple[str, ...] = ()

    def read(self, atlases: Atlases) -> LoadedFeature:
        """Read the page; one read before is taken from memory."""
        return atlases.cached(self, lambda: self._read(atlases))

    def _read(self, atlases: Atlases) -> LoadedFeature:
        atlas = atlases.main
        page = feature_page(atlas, self.feature, bands=self.bands)
        parallel = tuple(parallel_items(atlas, self.feature)) if self.parallel else ()
        shown = [*page.pictures, *(example for band in page.bands for example in band)]
        shown += [own.picture for own in parallel]
        kept = atlases.cached("sections", lambda: _Kept(atlas))
        sections = {key: kept.section(key, self.feature) for key in self.sections}
        return LoadedFeature(page, _heated(shown, page.max_patch), parallel, sections)


@dataclass(frozen=True)
class ItemRequest:
    """The page of an item."""

    channel: ClassVar[str] = "page"
    item: int

    def read(self, atlases: Atlases) -> LoadedItem:
        """Read the page; one read before is taken from memory."""
        return atlases.cached(self, lambda: self._read(atlases.main))

    def _read(self, atlas: Atlas) -> LoadedItem:
        page = item_page(atlas, self.item)
        return LoadedItem(page, _decode(page.thumbnail))


@dataclass(frozen=True)
class OnItemRequest:
    """What one feature does on the picture and the captions of an item."""

    channel: ClassVar[str] = "page.on_item"
    item: int
    feature: int

    def read(self, atlases: Atlases) -> OnItem:
        """Read it; what was read before is taken from memory."""
        return atlases.cached(self, lambda: self._read(atlases.main))

    def _read(self, atlas: Atlas) -> OnItem:
        found = feature_on_item(atlas, self.feature, self.item)
        pictures = _heated([found.picture], found.largest_patch)
        return OnItem(self.item, found, pictures.get(self.item))


@dataclass(frozen=True)
class CardRequest:
    """The hover card of a feature, of the open atlas or the one beside it."""

    channel: ClassVar[str] = "card"
    feature: int
    beside: bool = False

    def read(self, atlases: Atlases) -> Card:
        """Read the card; one read before is taken from memory."""
        return atlases.cached(self, lambda: self._read(atlases))

    def _read(self, atlases: Atlases) -> Card:
        atlas = atlases.beside if self.beside else atlases.main
        assert atlas is not None, "cards of the atlas beside are asked for after it was opened"
        best = atlas.image_examples(self.feature)[:1]
        picture = _decode(atlas.thumbnail(best[0].item)) if best else None
        return Card(self.feature, picture)


class _Kept:
    """What all pages of an atlas need for their sections, read once."""

    def __init__(self, atlas: Atlas) -> None:
        # They load SciPy, which a window without an atlas can do without.
        from mmfeat.figures.companions import Companions
        from mmfeat.figures.sections import Sections

        self.name = atlas.path.name
        self.of_atlas = Sections(atlas)
        self.beside = Companions(atlas)

    def section(self, key: str, feature: int) -> object:
        """Return a section's content; what cannot be had must not take the page with it."""
        try:
            return SECTIONS[key](self, feature)
        except MmfeatError as error:
            return Refused(str(error))
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            return Refused(tr("error.read", file=self.name, reason=reason))

    def splitting(self, feature: int) -> Splittings:
        """Return the trees of the feature."""
        trees = []
        for chain in self.beside.chains:
            tree = chain.tree(feature)
            trees.append(Splitting(chain, tree, self.beside.titles(chain, tree)))
        return Splittings(tuple(trees))

    def probes(self, feature: int) -> Probes:
        """Return what probes found of the feature."""
        return Probes(self.beside.probed, tuple(self.beside.probes(feature)))


SECTIONS: dict[str, Callable[[_Kept, int], object]] = {
    "activations": lambda kept, feature: kept.of_atlas.activations(feature),
    "consistency": lambda kept, feature: kept.of_atlas.consistency(feature),
    "bridge": lambda kept, feature: kept.of_atlas.bridge(feature),
    "names": lambda kept, feature: kept.of_atlas.names(feature),
    "meaning": lambda kept, feature: kept.of_atlas.meaning(feature),
    "splitting": lambda kept, feature: kept.splitting(feature),
    "probes": lambda kept, feature: kept.probes(feature),
}


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
