"""What a report shows, as plain JSON: an index, and a page a feature.

Pages are packed, for hundreds of them are to fit one file that opens at once: activations are
bytes in base64, relative to the largest, and each page is parsed when it is opened.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from mmfeat.analysis.sentences import language_label, sentence
from mmfeat.atlas.bridge import SIDES, BridgeReader
from mmfeat.atlas.language_table import LanguageTable
from mmfeat.atlas.reader import Atlas
from mmfeat.corpus.languages import is_rtl, language_name
from mmfeat.figures import palettes
from mmfeat.figures.output import plain
from mmfeat.figures.pages import (
    FeaturePage,
    PictureExample,
    feature_page,
    picture_examples,
    title_of,
)
from mmfeat.figures.report.shelves import CaptionShelf, PictureShelf, base64_of, quantised

MOST_POINTS = 50_000  # on the map; more cannot be told apart
GRID = 16  # rows and columns that a heat map has at most
NEIGHBOURS, PARTNERS = 10, 6
_MISSING = 255  # a byte that stands for no value


@dataclass(frozen=True)
class Choice:
    """What is to be shown.

    Attributes
    ----------
    title : str
    features : tuple of int
    languages : tuple of str
        Tags, in the order of their columns.
    pictures, captions : int
        Strongest pictures of a feature, and captions of it in a language, at most.
    """

    title: str
    features: tuple[int, ...]
    languages: tuple[str, ...]
    pictures: int
    captions: int


def contents(atlas: Atlas, choice: Choice) -> dict[str, Any]:
    """Return the JSON values of a report by name, in the order in which they are needed.

    Returns
    -------
    dict
        ``index`` (all that the start shows), ``map`` (where the atlas has one), ``names``, a page
        ``fN`` for each feature, ``captions-TAG`` for each language, and ``pictures-N``.

    Raises
    ------
    MmfeatError
        If the atlas is damaged.
    """
    titles = _Titles(atlas)
    pictures = PictureShelf()
    captions = {tag: CaptionShelf() for tag in choice.languages}
    covers = []
    for feature in choice.features:  # first, so that the list finds them together
        strongest = atlas.image_examples(feature)[:1]
        covers.append(pictures.place(strongest[0].item) if strongest else -1)
    table, bridge = atlas.part(LanguageTable), atlas.part(BridgeReader)
    pages: dict[str, Any] = {}
    explanations: list[list[str]] = []
    for feature in choice.features:
        page = feature_page(atlas, feature, bands=False)
        explanations = [[one.key, one.label, one.explanation] for one in page.numbers]
        facts = table.facts(feature, feature + 1)[0]
        pages[f"f{feature}"] = {
            "sentence": sentence(facts),
            "korean": sentence(facts, "ko") if "ko" in choice.languages else "",
            "partners": {
                side: [
                    [one.feature, _short(one.value), _short(one.z), titles.of(one.feature)]
                    for one in bridge.partners(feature, side)[:PARTNERS]
                ]
                for side in SIDES
            },
            **_page(atlas, choice, page, pictures, captions),
            "bands": [
                _gallery(
                    picture_examples(atlas, feature, [(one.item, one.activation) for one in band]),
                    page.max_patch,
                    pictures,
                )
                for band in atlas.image_bands(feature)
            ],
        }
    found: dict[str, Any] = {"index": _index(atlas, choice, titles, covers, explanations)}
    points = _points(atlas, choice.features, titles)
    found |= {"map": points} if points else {}
    found["names"] = [
        [titles.names[feature].get(tag, "") for tag in choice.languages]
        for feature in choice.features
    ]
    found |= pages
    found |= {f"captions-{tag}": shelf.table() for tag, shelf in captions.items()}
    shown = "en" if "en" in choice.languages else choice.languages[0]
    chunks = pictures.chunks(atlas, shown)
    return found | {f"pictures-{at}": chunk for at, chunk in enumerate(chunks)}


class _Titles:
    """Names of all features, as texts by language and as the title of each."""

    def __init__(self, atlas: Atlas) -> None:
        texts, scores = atlas.all_names()
        self.names = [dict(zip(atlas.languages, row, strict=True)) for row in texts]
        self._scores = scores
        self._languages = atlas.languages

    def of(self, feature: int) -> str:
        """Return the title of a feature."""
        scored = zip(self.names[feature].values(), self._scores[feature].tolist(), strict=True)
        return title_of(dict(zip(self._languages, scored, strict=True)), feature)

    def language(self, feature: int) -> str:
        """Return the language of a feature's title, empty where it has no name."""
        title = self.of(feature)
        own = self.names[feature]
        return next((tag for tag in ("en", *own) if own.get(tag) == title), "")


def _index(
    atlas: Atlas,
    choice: Choice,
    titles: _Titles,
    covers: Sequence[int],
    explanations: Sequence[Sequence[str]],
) -> dict[str, Any]:
    scores = atlas.features()
    chosen = np.array(choice.features, np.int64)
    return {
        "languages": [
            [tag, language_name(tag), language_label(tag), "rtl" if is_rtl(tag) else "ltr"]
            for tag in choice.languages
        ],
        "features": {
            "feature": list(choice.features),
            "title": [titles.of(feature) for feature in choice.features],
            "language": [titles.language(feature) for feature in choice.features],
            "picture": list(covers),
            "status": _status(scores)[chosen].tolist(),
            "modality": [_short(v) for v in scores["modality_score"][chosen].tolist()],
            "languages": scores["n_languages"][chosen].tolist(),
            "effect": [_short(v) for v in scores["shared_effect"][chosen].tolist()],
            "energy": [
                _short(a + b)
                for a, b in zip(
                    scores["energy_image"][chosen].tolist(),
                    scores["energy_text"][chosen].tolist(),
                    strict=True,
                )
            ],
        },
        "explanations": [list(one) for one in explanations],
        "palettes": {
            "modality": base64_of(palettes.DIVERGING.tobytes()),
            "languages": base64_of(palettes.SEQUENTIAL.tobytes()),
            "status": base64_of(palettes.CATEGORIES.tobytes()),
            "heat": base64_of(palettes.HEAT.tobytes()),
        },
        "all_languages": len(atlas.languages),
        "facts": _facts(atlas, choice),
    }


def _facts(atlas: Atlas, choice: Choice) -> list[list[str]]:
    """Return what is to be known of the atlas, as labels and texts."""
    scores = atlas.features()
    shared, testable = int(scores["shared"].sum()), int(scores["testable"].sum())
    found = [
        ["features", f"{len(choice.features):,} shown of {atlas.d_sae:,}"],
        ["shared", f"{shared:,} of {testable:,} testable, at a false discovery rate of 5 %"],
        ["items", f"{atlas.n_items:,} with {atlas.n_captions:,} captions"],
        ["languages", f"{len(choice.languages)} shown of {len(atlas.languages)}"],
        ["backbone", " · ".join(plain(part) for part in (atlas.backbone, atlas.hook) if part)],
        ["unexplained variance", _held_out(atlas, "fvu")],
        ["features active in a row", _held_out(atlas, "l0")],
    ]
    return [fact for fact in found if fact[1]]


def _held_out(atlas: Atlas, score: str) -> str:
    """Return a score of the SAE on pictures and, over languages, on captions."""
    parts = []
    for stream, label in (("image.pooled", "pictures"), ("text.pooled", "captions")):
        own = atlas.scores.get(stream)
        values = own.get(score) if isinstance(own, Mapping) else None
        numbers = list(values.values()) if isinstance(values, Mapping) else []
        if numbers and all(isinstance(one, (int, float)) for one in numbers):
            parts.append(f"{label} {float(np.mean(numbers)):.3g}")
    return ", ".join(parts)


def _status(scores: Mapping[str, np.ndarray]) -> Int64[np.ndarray, " f"]:
    """Return 0 for features that cannot be tested, 1 not shared, 2 shared."""
    return palettes.values_of(palettes.colouring("shared"), scores).astype(np.int64)


def _points(atlas: Atlas, chosen: Sequence[int], titles: _Titles) -> dict[str, Any] | None:
    """Return the map: all that were chosen and, of the others, as many as can be told apart."""
    places = atlas.map()
    if places is None:
        return None
    kept = np.isfinite(places).all(1)
    others = np.setdiff1d(np.flatnonzero(kept), np.array(chosen, np.int64))
    room = max(0, MOST_POINTS - len(chosen))
    if len(others) > room:
        others = others[np.linspace(0, len(others) - 1, room).astype(np.int64)]
    shown = np.sort(np.concatenate([others, [one for one in chosen if kept[one]]])).astype(np.int64)
    if not shown.size:
        return None
    scores = atlas.features()
    modality = quantised(scores["modality_score"][shown] * (_MISSING - 1), _MISSING)
    modality[~np.isfinite(scores["modality_score"][shown])] = _MISSING
    return {
        "features": shown.tolist(),
        "titles": [titles.of(feature) for feature in shown.tolist()],
        "places": base64_of(_places(places[shown]).tobytes()),
        "modality": base64_of(modality),
        "languages": base64_of(scores["n_languages"][shown].clip(0, _MISSING).astype(np.uint8)),
        "status": base64_of(_status(scores)[shown].astype(np.uint8)),
    }


def _places(xy: np.ndarray) -> np.ndarray:
    """Return places as pairs of 16-bit numbers, both axes alike."""
    xy = xy.astype(np.float64)
    extent = float((xy.max(0) - xy.min(0)).max()) or 1.0
    centred = (xy - (xy.max(0) + xy.min(0)) / 2) / extent + 0.5
    return np.asarray((centred * 65535).round(), "<u2")


def _page(
    atlas: Atlas,
    choice: Choice,
    page: FeaturePage,
    pictures: PictureShelf,
    captions: Mapping[str, CaptionShelf],
) -> dict[str, Any]:
    """Return a page, packed; its pictures and captions go to the shelves."""
    by_language = atlas.by_language()
    columns = []
    for tag in choice.languages:
        examples = page.columns[tag][: choice.captions]
        at = page.feature, atlas.languages.index(tag)
        tokens = np.array([t.activation for one in examples for t in one.tokens], np.float32)
        name, score = page.names[tag]
        columns.append(
            {
                "name": name,
                "score": _short(score) if name else None,
                "rate": _short(page.firing_by_language[tag]),
                "shared": int(by_language["shared"][at]),
                "p": _short(by_language["p"][at]),
                "effect": _short(by_language["effect"][at]),
                "captions": [captions[tag].place(one) for one in examples],
                "activations": [_short(one.activation) for one in examples],
                "tokens": base64_of(quantised(tokens, page.max_token)),
            }
        )
    return {
        "numbers": [one.text for one in page.numbers],
        "rate": _short(page.firing_image),
        "energy": [_short(page.energy_image), _short(page.energy_text)],
        "largest": [_short(page.max_patch), _short(page.max_token)],
        "pictures": _gallery(page.pictures[: choice.pictures], page.max_patch, pictures),
        "columns": columns,
        "neighbours": [
            [one.feature, _short(one.cosine), one.title] for one in page.neighbours[:NEIGHBOURS]
        ],
    }


def _gallery(
    examples: Sequence[PictureExample], largest: float, shelf: PictureShelf
) -> dict[str, Any]:
    maps = [_small(one.patch_map) for one in examples]
    values = [quantised(own.ravel(), largest).tobytes() for own in maps]
    return {
        "pictures": [shelf.place(one.item) for one in examples],
        "activations": [_short(one.activation) for one in examples],
        "grids": [list(own.shape) for own in maps],
        "heat": base64_of(b"".join(values)),
    }


def _small(patches: Float32[np.ndarray, "rows columns"] | None) -> np.ndarray:
    """Return a map of at most `GRID` rows and columns, each the largest of what it stands for."""
    if patches is None:
        return np.zeros((0, 0), np.float32)
    for axis, size in enumerate(patches.shape):
        if size > GRID:
            starts = np.arange(GRID) * size // GRID
            patches = np.maximum.reduceat(patches, starts, axis)
    return patches


def _short(value: float) -> float | None:
    """Return a number of three digits, or None where there is none."""
    return float(f"{value:.3g}") if math.isfinite(value) else None
