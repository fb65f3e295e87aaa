"""All that an atlas says of its features as NumPy arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mmfeat.atlas.decoder import Decoder
from mmfeat.atlas.reader import Atlas
from mmfeat.figures import npz
from mmfeat.figures.columns import native
from mmfeat.figures.kind import FileKind, Settings


class ArraysSettings(Settings):
    """Options of arrays."""


def write(
    source: Path, settings: ArraysSettings, out: Path, extension: str, record: str
) -> dict[str, Any]:
    """Write scores, decoder, map and names as an ``.npz`` without pickles.

    Every score [d_sae] has its own name, a score a language [d_sae, languages] stands as
    ``by_language.SCORE``. Further ``decoder`` [d_sae, d], ``map`` [d_sae, 2] where it was made,
    ``names`` and ``name_scores`` [d_sae, languages], ``languages``, ``provenance`` and
    ``attribution``. Texts are Unicode of fixed width.

    Raises
    ------
    MmfeatError
        If the atlas is damaged.
    """
    with Atlas(source) as atlas:
        texts, scores = atlas.all_names()
        arrays = {name: native(values) for name, values in atlas.features().items()}
        for name, values in atlas.by_language().items():
            arrays[f"by_language.{name}"] = native(values)
        arrays |= {"name_scores": native(scores), "decoder": atlas.part(Decoder).rows()}
        places = atlas.map()
        if places is not None:
            arrays["map"] = native(places)
        arrays |= {"provenance": np.array(record), "attribution": np.array(atlas.attribution)}
        with npz.create(out) as archive:
            for name, values in arrays.items():
                archive.array(name, values)
            archive.texts("names", (atlas.d_sae, len(atlas.languages)), lambda: [texts])
            archive.texts("languages", (len(atlas.languages),), lambda: [list(atlas.languages)])
    return {"features": atlas.d_sae, "arrays": [*arrays, "names", "languages"]}


KIND = FileKind("Write scores, decoder, map and names as arrays.", ArraysSettings, write, ("npz",))
