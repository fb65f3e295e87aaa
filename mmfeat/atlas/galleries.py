"""What pictures and texts retrieve from: an atlas's captions and pictures in the joint space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int

from mmfeat.analysis.interventions.retrieval import Gallery, joint_rows
from mmfeat.analysis.sharing import units
from mmfeat.analysis.units import UNIT_SEED
from mmfeat.atlas.lookup import picture_of
from mmfeat.errors import MmfeatError
from mmfeat.progress import SILENT, Progress

if TYPE_CHECKING:
    from mmfeat.atlas.reader import Atlas
    from mmfeat.atlas.records import Caption
    from mmfeat.backbones.base import Backbone, Inputs

PICTURES = "pictures"  # a gallery beside those named after languages
_ITEMS = 4096  # a gallery has at most, those of test concepts first
_BATCH = 64


@dataclass(frozen=True)
class Shelf:
    """A gallery, and what its rows are.

    Attributes
    ----------
    gallery : Gallery
        Rows of one concept have one key.
    item : int [rows]
        The item each row is of.
    text : list of str
        Captions; empty for pictures.
    test : bool [rows]
        Which are of test concepts.
    """

    gallery: Gallery
    item: Int[np.ndarray, "rows"]
    text: list[str]
    test: Bool[np.ndarray, "rows"]


class Galleries:
    """One item a concept: its captions by language, and its picture; each encoded once.

    Test concepts are represented by their units, train concepts by items drawn alike.

    Parameters
    ----------
    atlas : Atlas
        The open atlas.
    backbone : Backbone
        A model with a joint space.
    progress : Progress
        Is told of the pictures and captions encoded.
    """

    def __init__(self, atlas: Atlas, backbone: Backbone, progress: Progress = SILENT) -> None:
        self.atlas, self.backbone, self.progress = atlas, backbone, progress
        backbone.point("joint")
        self._shelves: dict[str, Shelf] = {}
        self._rows: dict[str, dict[int, range]] = {}

    @cached_property
    def concept(self) -> Int[np.ndarray, "items"]:
        """A number a concept, for every item of the atlas."""
        return np.unique(self.atlas.items().concept, return_inverse=True)[1]

    @cached_property
    def is_test(self) -> Bool[np.ndarray, "items"]:
        """Which items of the atlas are of test concepts."""
        return np.array([split == "test" for split in self.atlas.items().split], bool)

    @cached_property
    def items(self) -> list[int]:
        """The items shown, those of test concepts first."""
        known = self.atlas.items()
        rng, shown = np.random.default_rng(UNIT_SEED), np.zeros(0, np.int64)
        hashes = self._hashes()
        for part in ("test", "train"):
            split = ["test" if own == part else "" for own in known.split]
            found = units(known.item_id, known.concept, split, hashes, UNIT_SEED)
            most = _ITEMS - len(shown)
            if len(found) > most:
                found = np.sort(rng.choice(found, most, replace=False))
            shown = np.concatenate([shown, found])
        return [int(item) for item in shown]

    def _hashes(self) -> list[str]:
        """Return the same for items with identical pictures, whose thumbnails are identical."""
        found = []
        with self.progress.stage("comparing pictures", self.atlas.n_items) as advance:
            for item in range(self.atlas.n_items):
                data = self.atlas.thumbnail(item)
                found.append(blake2b(data).hexdigest() if data else "")
                if item % _BATCH == _BATCH - 1:
                    advance(_BATCH)
            advance(self.atlas.n_items % _BATCH)
        return found

    def rows(self, stream: str) -> dict[int, range]:
        """Return the rows of a stream that each item shown has in the atlas."""
        if stream not in self._rows:
            self._rows[stream] = {i: self.atlas.rows_of_item(stream, i) for i in self.items}
        return self._rows[stream]

    @cached_property
    def _texts(self) -> dict[str, dict[int, list[Caption]]]:
        found: dict[str, dict[int, list[Caption]]] = {tag: {} for tag in self.atlas.languages}
        for item in self.items:
            for caption in self.atlas.captions_of(item):
                found[caption.language].setdefault(item, []).append(caption)
        return found

    def captions(self, language: str) -> dict[int, list[Caption]]:
        """Return the captions of the items shown in a language; items without one are not there."""
        return self._texts.get(language, {})

    def shelf(self, name: str) -> Shelf:
        """Return the captions of a language, or `PICTURES`.

        Raises
        ------
        MmfeatError
            If the atlas has none.
        """
        if name not in self._shelves:
            made = self._pictures() if name == PICTURES else self._captions(name)
            self._shelves[name] = made
        return self._shelves[name]

    def _pictures(self) -> Shelf:
        item = [i for i in self.items if self.atlas.thumbnail(i) is not None]
        if not item:
            raise MmfeatError(
                f"{self.atlas.path} has no pictures to retrieve; build it with thumbnails."
            )
        prepare = self.backbone.prepare_images
        batches = (
            prepare([picture_of(self.atlas, i) for i in item[at : at + _BATCH]])
            for at in range(0, len(item), _BATCH)
        )
        return self._made("encoding pictures", batches, item, [""] * len(item))

    def _captions(self, language: str) -> Shelf:
        found = [caption for own in self.captions(language).values() for caption in own]
        if not found:
            raise MmfeatError(
                f"{self.atlas.path} has no captions in {language}; choose from "
                f"{', '.join(self.atlas.languages)}."
            )
        texts = [caption.text for caption in found]
        batches = (
            self.backbone.prepare_texts(texts[at : at + _BATCH])
            for at in range(0, len(texts), _BATCH)
        )
        what = f"encoding captions in {language}"
        return self._made(what, batches, [caption.item for caption in found], texts)

    def _made(
        self, what: str, batches: Iterator[Inputs], item: list[int], text: list[str]
    ) -> Shelf:
        parts = []
        with self.progress.stage(what, len(item)) as advance:
            for inputs in batches:
                parts.append(joint_rows(self.backbone, inputs))
                advance(inputs.count)
        index, x = np.array(item), np.concatenate(parts)
        return Shelf(Gallery.of(x, self.concept[index]), index, text, self.is_test[index])
