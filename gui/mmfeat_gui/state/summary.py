"""What the window keeps of an open atlas; pages are read when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mmfeat.atlas.checked import CheckedFile
from mmfeat.atlas.decoder import Decoder
from mmfeat.atlas.reader import Atlas
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.features import FeatureTable

_LONGEST = 32  # characters of a fact about an SAE that is shown
_LONGEST_LINE = 160  # characters of a name or an attribution that are shown


@dataclass(frozen=True, eq=False)
class Summary:
    """An open atlas at a glance.

    Attributes
    ----------
    path : Path
    name, attribution, backbone, hook : str
    sae : str
        Architecture and sparsity of the SAE.
    fingerprint : str
        What tells its SAE from others; a map that is made later does not change it.
    languages : tuple of str
    n_items, n_captions : int
    table : FeatureTable
        Its names arrive after the atlas was opened.
    firing_rate : array [f, l]
        Share of captions on which each feature fires, by language.
    xy : array [f, 2] or None
        Places on the map; None before ``mmfeat map``.
    """

    path: Path
    name: str
    attribution: str
    backbone: str
    hook: str
    sae: str
    fingerprint: str
    languages: tuple[str, ...]
    n_items: int
    n_captions: int
    table: FeatureTable
    firing_rate: Float[np.ndarray, "f l"]
    xy: Float[np.ndarray, "f 2"] | None

    def line(self) -> str:
        """Return the atlas in one line."""
        return tr(
            "status.counts",
            file=self.path.name,
            features=len(self.table),
            items=self.n_items,
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


def _one_line(text: str) -> str:
    """Return a text of a file as one line of a window holds it."""
    line = " ".join(text[: 4 * _LONGEST_LINE].split())
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"


def summarise(atlas: Atlas) -> Summary:
    """Read what the window keeps of an atlas: attributes, scores and the map, no texts."""
    by_language = atlas.by_language()
    return Summary(
        path=atlas.path,
        name=_one_line(atlas.name) or atlas.path.stem,
        attribution=_one_line(atlas.attribution),
        backbone=_one_line(atlas.backbone),
        hook=_one_line(atlas.hook),
        sae=atlas.part(_Sae).line(),
        fingerprint=atlas.part(Decoder).mark(),
        languages=atlas.languages,
        n_items=atlas.n_items,
        n_captions=atlas.n_captions,
        table=FeatureTable(atlas.features(), by_language, atlas.languages),
        firing_rate=by_language["firing_rate"],
        xy=atlas.map(),
    )


class _Sae:
    """What an atlas says of its SAE."""

    def __init__(self, data: CheckedFile, features: int, languages: tuple[str, ...]) -> None:
        with data.guard("/sae"):
            self._facts = dict(data.file["sae"].attrs)

    def line(self) -> str:
        """Return it in one line, such as ``topk · k 16``."""
        found = [str(self._facts.get("architecture", ""))]
        for name, value in self._facts.items():
            short = isinstance(value, str | int | float | np.number)
            own = name != "architecture" and not name.startswith("encoding-")
            if short and own and len(str(value)) <= _LONGEST:
                found.append(f"{name} {value}")
        return " · ".join(part for part in found if part)
