"""The request of steering: what a changed picture or text retrieves, or a model writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mmfeat.errors import MmfeatError
from mmfeat_gui.state.sources import ItemSource, TextSource
from mmfeat_gui.state.steering import FEATURES, SEEN, SHOWN, Steer
from mmfeat_gui.workers.probe import open_picture

if TYPE_CHECKING:
    from mmfeat.atlas.steer import How
    from mmfeat.atlas.steer_known import Query
    from mmfeat.progress import Progress
    from mmfeat_gui.workers.engine_child import Bench, Model, Tools


@dataclass(frozen=True)
class Steered:
    """What steering gave.

    Attributes
    ----------
    steer : Steer
        What was done.
    result : dict
        As `mmfeat.atlas.steer.Steering.steer` returns it, or for a prompt
        `mmfeat.atlas.generation.steer_generation`.
    items : dict of str to int
        The items that are shown, by id.
    pictures : dict of str to array [h, w, 3]
        Those that are retrieved, by the id of the item, uint8.
    """

    steer: Steer
    result: dict[str, Any]
    items: dict[str, int]
    pictures: dict[str, np.ndarray]


@dataclass(frozen=True)
class SteerRequest:
    """Changes features of a query."""

    channel: ClassVar[str] = "steer"
    model: Model
    steer: Steer

    def answer(self, bench: Bench, progress: Progress) -> Steered:
        """Steer, and retrieve or write before and after."""
        if len(self.steer.features) > FEATURES:
            raise MmfeatError(
                f"{len(self.steer.features)} features are chosen; change {FEATURES} at most."
            )
        tools = bench.tools(self.model)
        return (
            _written(tools, self.steer, progress)
            if self.steer.prompt
            else _retrieved(tools, self.steer)
        )


def _retrieved(tools: Tools, steer: Steer) -> Steered:
    from mmfeat.atlas.galleries import PICTURES
    from mmfeat.atlas.steer import ablating, adding
    from mmfeat.figures.heatmap import decode_png

    steering = tools.steering
    query: Query
    if isinstance(steer.source, TextSource):
        query = steering.text(steer.source.text, steer.source.language)
    elif isinstance(steer.source, ItemSource):
        query = steering.item(steer.source.item_id)
    elif steer.source is not None:
        query = steering.picture(open_picture(tools.atlas, steer.source), steer.source.name)
    else:
        raise MmfeatError("There is nothing to steer; give an item, a picture or a text.")
    how: How = (
        ablating
        if steer.kind == "ablate"
        else adding(steer.amount)
        if steer.kind == "add"
        else steering.clamping(query, steer.amount)
    )
    languages = () if query.language is not None else steer.languages
    result = steering.steer(query, steer.features, how, languages=languages, top=SEEN)
    shown = {
        row["item_id"]
        for gallery in result["results"].values()
        for when in ("before", "after")
        for row in gallery[when][:SHOWN]
    }
    items = {name: tools.item_index[name] for name in sorted(shown)}
    pictures = {}
    if PICTURES in result["results"]:
        for name, index in items.items():
            data = tools.atlas.thumbnail(index)
            if data is not None:
                pictures[name] = decode_png(data)
    return Steered(steer, result, items, pictures)


def _written(tools: Tools, steer: Steer, progress: Progress) -> Steered:
    from mmfeat.atlas.generation import steer_generation

    picture = None
    if isinstance(steer.source, TextSource):
        raise MmfeatError("A prompt is about a picture or stands alone; take the text away.")
    if steer.source is not None:
        picture = open_picture(tools.atlas, steer.source)
    backbone = tools.backbone
    with progress.stage("writing", None):
        result = steer_generation(
            tools.atlas,
            backbone,
            steer.prompt,
            steer.features,
            steer.kind,
            steer.amount,
            picture=picture,
        )
    return Steered(steer, result, {}, {})
