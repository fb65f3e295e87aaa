"""What the window keeps of an open atlas; pages are read when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mmfeat.atlas.reader import Atlas
from mmfeat.figures.pages import title_of
from mmfeat_gui.state.features import FeatureTable


@dataclass(frozen=True)
class Summary:
    """An open atlas at a glance.

    Attributes
    ----------
    path : Path
    name, attribution, backbone, hook : str
    languages : tuple of str
    table : FeatureTable
    firing_rate : array [f, l]
        Share of captions on which each feature fires, by language.
    xy : array [f, 2] or None
        Places on the map; None before ``mmfeat map``.
    item_index : dict of str to int
        Where each item is.
    """

    path: Path
    name: str
    attribution: str
    backbone: str
    hook: str
    languages: tuple[str, ...]
    table: FeatureTable
    firing_rate: Float[np.ndarray, "f l"]
    xy: Float[np.ndarray, "f 2"] | None
    item_index: dict[str, int]

    def languages_of(self, feature: int) -> list[str]:
        """Return the languages in which a feature fires at all."""
        rates = self.firing_rate[feature]
        return [name for name, rate in zip(self.languages, rates, strict=True) if rate > 0]


def summarise(atlas: Atlas) -> Summary:
    """Read what the window keeps of an atlas."""
    names, scores = atlas.all_names()
    titles = [
        title_of(dict(zip(atlas.languages, zip(row, own, strict=True), strict=True)), feature)
        for feature, (row, own) in enumerate(zip(names, scores.tolist(), strict=True))
    ]
    items = atlas.items()
    return Summary(
        path=atlas.path,
        name=atlas.name or atlas.path.stem,
        attribution=atlas.attribution,
        backbone=atlas.backbone,
        hook=atlas.hook,
        languages=atlas.languages,
        table=FeatureTable(atlas.features(), names, titles),
        firing_rate=atlas.by_language()["firing_rate"],
        xy=atlas.map(),
        item_index={name: index for index, name in enumerate(items.item_id)},
    )
