"""What the window keeps of an open atlas; pages are read when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mmfeat.atlas.checked import CheckedFile
from mmfeat.atlas.layout import KIND
from mmfeat.atlas.reader import Atlas
from mmfeat.figures.pages import title_of
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.features import FeatureTable

_LONGEST = 32  # characters of a fact about an SAE that is shown


@dataclass(frozen=True)
class Summary:
    """An open atlas at a glance.

    Attributes
    ----------
    path : Path
    name, attribution, backbone, hook : str
    sae : str
        Architecture and sparsity of the SAE.
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
    sae: str
    languages: tuple[str, ...]
    table: FeatureTable
    firing_rate: Float[np.ndarray, "f l"]
    xy: Float[np.ndarray, "f 2"] | None
    item_index: dict[str, int]

    def line(self) -> str:
        """Return the atlas in one line."""
        return tr(
            "status.counts",
            file=self.path.name,
            features=len(self.table),
            items=len(self.item_index),
            languages=len(self.languages),
            source=self.source,
        )

    @property
    def source(self) -> str:
        """Backbone and hook point, as far as they are known."""
        return " · ".join(part for part in (self.backbone, self.hook) if part)

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
        sae=_sae(atlas.path),
        languages=atlas.languages,
        table=FeatureTable(atlas.features(), names, titles),
        firing_rate=atlas.by_language()["firing_rate"],
        xy=atlas.map(),
        item_index={name: index for index, name in enumerate(items.item_id)},
    )


def _sae(path: Path) -> str:
    """Return what the file says of its SAE, such as ``topk · k 16``."""
    data = CheckedFile(path, KIND)
    try:
        with data.guard("/sae"):
            facts = dict(data.file["sae"].attrs)
    finally:
        data.close()
    found = [str(facts.pop("architecture", ""))]
    for name, value in facts.items():
        short = isinstance(value, str | int | float | np.number) and len(str(value)) <= _LONGEST
        if short and not name.startswith("encoding-"):
            found.append(f"{name} {value}")
    return " · ".join(part for part in found if part)
