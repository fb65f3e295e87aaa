"""Features as lines of JSON, with the keys that browsers of features know (docs/exports.md)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from mmfeat.atlas.coordinates import Coordinates
from mmfeat.atlas.reader import Atlas
from mmfeat.atlas.records import Caption, TokenActivation
from mmfeat.figures.columns import chosen_features, chosen_languages
from mmfeat.figures.kind import FileKind, Settings

if TYPE_CHECKING:
    from mmfeat.atlas.names import Names

BINS = 40
# Line breaks to some readers of lines, though JSON lets them stand in texts.
_BREAKS = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "\x85\u2028\u2029"})


class FeaturesSettings(Settings):
    """Options of lines of features."""

    feature: tuple[int, ...] = Field(
        (), description="Index of a feature; repeat it for several. [all]"
    )
    language: tuple[str, ...] = Field(
        (), description="Language of captions, names and scores; repeat it for several. [all]"
    )
    captions: int = Field(5, ge=0, le=100, description="Strongest captions a feature and language.")
    pictures: int = Field(20, ge=0, le=100, description="Strongest pictures a feature.")


def write(
    source: Path, settings: FeaturesSettings, out: Path, extension: str, record: str
) -> dict[str, Any]:
    """Write a JSON object a line and feature.

    Raises
    ------
    MmfeatError
        If there is no such feature or language, or the atlas is damaged.
    """
    from mmfeat.atlas.names import Names  # it loads torch

    with Atlas(source) as atlas:
        features = chosen_features(atlas, settings.feature)
        tags = chosen_languages(atlas, settings.language)
        names, places = atlas.part(Names), atlas.map()
        with out.open("w", encoding="utf-8", newline="") as handle:
            for feature in features:
                named, near = atlas.names(feature), atlas.neighbours(feature)
                found = {
                    **_frequencies(atlas, feature),
                    "topkCosSimIndices": [other for other, _ in near],
                    "topkCosSimValues": [_number(np.float32(cosine)) for _, cosine in near],
                    "umap_x": None if places is None else _number(places[feature, 0]),
                    "umap_y": None if places is None else _number(places[feature, 1]),
                    "explanations": _explanations(names, feature, {t: named[t] for t in tags}),
                    "activations": _captions(atlas, feature, tags, settings.captions),
                    "pictures": _pictures(atlas, feature, settings.pictures),
                    "scores": {
                        name: _number(values[feature]) for name, values in atlas.features().items()
                    },
                    "languages": _by_language(atlas, feature, {t: named[t] for t in tags}),
                }
                text = json.dumps(found, ensure_ascii=False, allow_nan=False)
                handle.write(text.translate(_BREAKS) + "\n")
    return {"features": len(features), "languages": list(tags)}


def _number(value: Any) -> float | int | bool | None:
    """Return a number in the fewest digits that give the same number; None where it is none."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    found = float(str(value))  # a float32 in its own digits
    return found if math.isfinite(found) else None


def _frequencies(atlas: Atlas, feature: int) -> dict[str, Any]:
    """Return how often and how strongly a feature fires: on tokens, or else on captions."""
    found: dict[str, Any] = {
        "modelId": atlas.backbone,
        "layer": atlas.hook,
        "index": str(feature),
    }
    texts = "text.token" if "text.token" in atlas.streams else "text.pooled"
    for key, stream in (("", texts), ("picture_", "image.pooled")):
        rows, values = 0, np.zeros(0, np.float32)
        if stream in atlas.streams:
            rows = atlas.part(Coordinates).rows(stream)
            values = atlas.codes_of_feature(stream, feature)[1]
            values = values[np.isfinite(values) & (values > 0)]
        counts, edges = np.histogram(values, BINS, (0, values.max(initial=0) or 1))
        centres = (edges[1:] + edges[:-1]).astype(np.float32) / 2
        found |= {
            f"{key}stream": stream,
            f"{key}maxActApprox": _number(values.max(initial=0)),
            f"{key}frac_nonzero": len(values) / rows if rows else 0.0,
            f"{key}freq_hist_data_bar_heights": counts.tolist() if len(values) else [],
            f"{key}freq_hist_data_bar_values": [_number(one) for one in centres if len(values)],
        }
    return found


def _explanations(
    names: Names, feature: int, own: Mapping[str, tuple[str, float]]
) -> list[dict[str, Any]]:
    """Return names, and what an explainer said."""
    found: list[dict[str, Any]] = [
        {
            "description": text,
            "typeName": "name",
            "language": tag,
            "score": _number(np.float32(score)),
        }
        for tag, (text, score) in own.items()
        if text
    ]
    said = names.explanation(feature)
    if said is not None:
        found.append(
            {
                "description": said.name,
                "typeName": "explainer",
                "explanationModelName": said.model,
                "score": _number(np.float32(said.confidence)),
            }
        )
    return found


def _captions(atlas: Atlas, feature: int, tags: Sequence[str], most: int) -> list[dict[str, Any]]:
    """Return the strongest captions of each language, the strongest of all first."""
    examples = atlas.text_examples(feature)
    chosen = [(tag, one) for tag in tags for one in examples[tag][:most]]
    chosen.sort(key=lambda pair: -pair[1].activation)
    captions = atlas.captions([one.caption for _, one in chosen])
    found = zip(captions, atlas.tokens(feature, captions), chosen, strict=True)
    ids = atlas.items().item_id
    return [
        _caption(caption, tokens, one.activation) | {"item_id": ids[caption.item]}
        for caption, tokens, (_, one) in found
    ]


def _caption(
    caption: Caption, tokens: Sequence[TokenActivation], activation: float
) -> dict[str, Any]:
    whole = _number(np.float32(activation))
    values = [_number(token.activation) for token in tokens] or [whole]
    known = [0 if value is None else value for value in values]
    return {
        "tokens": _pieces(caption.text, tokens),
        "values": values,
        "maxValue": max(known),
        "maxValueTokenIndex": int(np.argmax(known)),
        "activation": whole,
        "language": caption.language,
    }


def _pieces(text: str, tokens: Sequence[TokenActivation]) -> list[str]:
    """Return the text in a piece a token, which joined are the text again."""
    starts = [0]
    for token in tokens[:-1]:
        starts.append(max(starts[-1], token.end))
    return [text[start:stop] for start, stop in zip(starts, [*starts[1:], len(text)], strict=True)]


def _pictures(atlas: Atlas, feature: int, most: int) -> list[dict[str, Any]]:
    items = atlas.items()
    return [
        {
            "item_id": items.item_id[one.item],
            "concept": items.concept[one.item],
            "activation": _number(np.float32(one.activation)),
        }
        for one in atlas.image_examples(feature)[:most]
    ]


def _by_language(
    atlas: Atlas, feature: int, names: Mapping[str, tuple[str, float]]
) -> dict[str, dict[str, Any]]:
    tables = atlas.by_language()
    return {
        tag: {
            "name": names[tag][0],
            "name_score": _number(np.float32(names[tag][1])),
            **{name: _number(values[feature, at]) for name, values in tables.items()},
        }
        for at, tag in enumerate(atlas.languages)
        if tag in names
    }


KIND = FileKind(
    "Write features as JSON that browsers of features read.",
    FeaturesSettings,
    write,
    ("jsonl",),
)
