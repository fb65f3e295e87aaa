"""Requests of probing and searching: what fires on a picture or text, and what has it of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mmfeat.atlas.lookup import find_item, of_items, picture_file, picture_of
from mmfeat.errors import MmfeatError
from mmfeat_gui.state.probe import Hit, Probed
from mmfeat_gui.state.sources import ItemSource, PictureSource, Source, TextSource

if TYPE_CHECKING:
    from PIL.Image import Image

    from mmfeat.atlas.reader import Atlas
    from mmfeat.atlas.search import Example
    from mmfeat.progress import Progress
    from mmfeat_gui.workers.atlases import Atlases
    from mmfeat_gui.workers.engine_child import Bench, Model

_SHOWN = 288  # pixels of the longer side of a picture that is sent to the window


def open_picture(atlas: Atlas, source: PictureSource | ItemSource) -> Image:
    """Return a picture; one that is too large, broken or none at all is refused.

    Raises
    ------
    MmfeatError
        Then.
    """
    from mmfeat.corpus.pictures import decode

    if isinstance(source, ItemSource):
        return picture_of(atlas, find_item(atlas, source.item_id))
    if source.path is not None:
        return picture_file(source.path)
    return decode(source.data or b"", source.name)


@dataclass(frozen=True)
class ItemName:
    """The id of an item; for the reading thread."""

    channel: ClassVar[str] = "item name"
    item: int

    def read(self, atlases: Atlases) -> str:
        """Return it."""
        return of_items(atlases.main, "item_id", [self.item])[0]


@dataclass(frozen=True)
class BackboneCheck:
    """Whether the backbone of an atlas is at hand, and by which SPEC.

    One that the user points at is loaded, to see whether it fits; else it is enough that its
    weights are on this machine.
    """

    model: Model
    asker: str

    @property
    def channel(self) -> str:
        """A channel for each who asks."""
        return f"backbone for {self.asker}"

    def answer(self, bench: Bench, progress: Progress) -> str:
        """Return the SPEC.

        Raises
        ------
        MmfeatError
            If the backbone is not at hand.
        """
        from mmfeat.backbones.registry import spec_of, weights

        place = self.model.backbone
        if place:
            spec = spec_of(place)
            encoder = bench.tools(replace(self.model, backbone=spec)).encoder
            return encoder.backbone.spec
        tools = bench.tools(self.model)
        spec = tools.atlas.backbone
        if not spec:
            raise MmfeatError(
                f"{self.model.atlas.name} does not say what its backbone is; say where it is."
            )
        if weights(spec) is None:
            raise MmfeatError(
                f"The backbone {spec} of {self.model.atlas.name} is not on this machine; say "
                "where it is: a folder, or a SPEC such as hf:openai/clip-vit-base-patch32."
            )
        return spec


@dataclass(frozen=True)
class ProbeRequest:
    """What fires on a picture or text; each place where one is given has a channel of its own."""

    model: Model
    source: Source
    place: str

    @property
    def channel(self) -> str:
        """The channel of its place."""
        return f"probe {self.place}"

    def answer(self, bench: Bench, progress: Progress) -> Probed:
        """Encode it."""
        from mmfeat.atlas.probe import fires_on_picture, fires_on_text

        tools, source = bench.tools(self.model), self.source
        if isinstance(source, TextSource):
            found = fires_on_text(tools.atlas, tools.encoder, source.text, source.language)
            return Probed(source, found, None)
        picture = open_picture(tools.atlas, source)  # before anything is loaded
        small = picture.copy()
        small.thumbnail((_SHOWN, _SHOWN))
        fires = fires_on_picture(tools.atlas, tools.encoder, picture)
        return Probed(source, fires, np.asarray(small, np.uint8))


@dataclass(frozen=True)
class SearchRequest:
    """Features that fire on some examples rather than on others."""

    channel: ClassVar[str] = "search"
    model: Model
    positives: tuple[Source, ...]
    negatives: tuple[Source, ...] = ()
    top: int = 20

    def answer(self, bench: Bench, progress: Progress) -> list[Hit]:
        """Search."""
        tools = bench.tools(self.model)
        sides = [_examples(tools.atlas, own) for own in (self.positives, self.negatives)]
        search = tools.search
        with progress.stage("searching", None):
            found = search.by_examples(sides[0], sides[1], self.top)
        return [
            Hit(
                one.feature,
                one.score,
                one.positive,
                one.negative,
                one.positive_rate,
                one.negative_rate,
                one.image_rate,
                one.text_rate,
            )
            for one in found
        ]


def _examples(atlas: Atlas, sources: Sequence[Source]) -> list[Example]:
    from mmfeat.atlas.search import Item, Text

    found: list[Example] = []
    for source in sources:
        if isinstance(source, TextSource):
            found.append(Text(source.text, source.language))
        elif isinstance(source, ItemSource):
            found.append(Item(find_item(atlas, source.item_id)))
        else:
            found.append(open_picture(atlas, source))
    return found
