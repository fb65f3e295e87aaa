"""What an atlas says of one feature, and of its whole SAE, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from enum import Enum
from typing import Any, Literal

import numpy as np

from mmfeat.analysis.sentences import sentence
from mmfeat.atlas.bridge import BridgeReader
from mmfeat.atlas.concepts import Concepts
from mmfeat.atlas.geometry import COLUMNS, GeometryReader
from mmfeat.atlas.language_table import LanguageTable
from mmfeat.atlas.names import Names
from mmfeat.atlas.positions import Positions
from mmfeat.atlas.reader import Atlas


def of_feature(atlas: Atlas, feature: int, language: Literal["en", "ko"] = "en") -> dict[str, Any]:
    """Return all that an atlas says of a feature.

    Parameters
    ----------
    atlas : Atlas
        The open atlas.
    feature : int
        Which feature.
    language : str
        Of the sentence that says what it is.

    Returns
    -------
    dict
        ``feature``, ``sentence``, ``names``, ``scores``, ``languages``, ``bridge``,
        ``neighbours``, ``purity``, ``monosemanticity``, ``positions``, ``geometry``; numbers that
        cannot be had are NaN.

    Raises
    ------
    MmfeatError
        If there is no such feature, or the atlas is damaged.
    """
    neighbours = atlas.neighbours(feature)  # which refuses a feature that is not there
    table, names = atlas.part(LanguageTable), atlas.part(Names)
    bridge, concepts = atlas.part(BridgeReader), atlas.part(Concepts)
    positions, geometry = atlas.part(Positions), atlas.part(GeometryReader)
    return {
        "feature": feature,
        "sentence": sentence(table.facts(feature, feature + 1)[0], language),
        "names": {
            tag: {"text": text, "score": score}
            for tag, (text, score) in atlas.names(feature).items()
        },
        "candidates": plain(names.candidates(feature)),
        "named_by": plain(names.explanation(feature)),
        "predicted": plain(names.measured(feature)),
        "scores": {name: plain(values[feature]) for name, values in atlas.features().items()},
        "languages": plain(table.row(feature)),
        "bridge": {side: plain(bridge.partners(feature, side)) for side in ("image", "text")},
        "neighbours": [{"feature": other, "cosine": cosine} for other, cosine in neighbours],
        "purity": {
            stream: plain(concepts.purity(stream, feature))
            for stream in ("image.pooled", "text.pooled")
        },
        "monosemanticity": {
            name: plain(values[feature]) for name, values in concepts.monosemanticity().items()
        },
        "positions": {stream: plain(positions.of(stream, feature)) for stream in positions.streams},
        "geometry": {name: plain(geometry.column(name)[feature]) for name in COLUMNS}
        | {"neurons": plain(geometry.neurons(feature))},
    }


def of_sae(atlas: Atlas) -> dict[str, Any]:
    """Return what an atlas says of its SAE as a whole.

    Returns
    -------
    dict
        ``name``, ``d_sae``, ``shared``, ``kept`` (FVU, L0, dead share), ``names``, ``languages``
        (mean co-firing, classes of features, similarity), ``bridge``, ``completeness``,
        ``absorption``, ``downstream``, ``geometry``.
    """
    table, concepts = atlas.part(LanguageTable), atlas.part(Concepts)
    similarity = table.similarity()
    scores = atlas.features()
    return {
        "name": atlas.name,
        "d_sae": atlas.d_sae,
        "testable": int(scores["testable"].sum()),
        "shared": int(scores["shared"].sum()),
        "kept": atlas.scores,
        "names": atlas.part(Names).evaluation,
        "languages": {
            "means": plain({name: asdict(value[0]) for name, value in table.means().items()}),
            "classes": {name: int(own.sum()) for name, own in table.classes.items()},
            "columns": list(table.columns),
            "similarity": plain(similarity.matrix),
            "order": plain(similarity.order),
        },
        "bridge": atlas.part(BridgeReader).summary,
        "completeness": concepts.completeness,
        "absorption": concepts.absorption_summary,
        "downstream": concepts.downstream,
        "geometry": atlas.part(GeometryReader).summary,
    }


def plain(value: Any) -> Any:
    """Return dataclasses, arrays and enumerations as dicts, lists, numbers and names."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): plain(own) for key, own in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(own) for own in value]
    return value
