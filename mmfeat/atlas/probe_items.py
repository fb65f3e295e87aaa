"""Items of an atlas whose captions name what a probe names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmfeat.analysis.probe_lists import MAX_PICTURES, ProbeList
from mmfeat.atlas.evidence import IMAGE
from mmfeat.progress import SILENT, Progress

if TYPE_CHECKING:
    from mmfeat.atlas.reader import Atlas

SEED = 0
_CAPTIONS = 8192  # read at a time
# Words are not set apart by spaces; in Korean, particles follow them.
_UNSPACED = frozenset({"ja", "zh", "th", "lo", "km", "my"})
_SUFFIXED = frozenset({"ko"})


def matching_items(
    atlas: Atlas, probes: Sequence[ProbeList], progress: Progress = SILENT
) -> list[tuple[list[int], list[int]]]:
    """Return, for each probe, items with pictures that its positives name, and its negatives.

    An item is on the side that more languages of its captions name (at least two, where the
    probe and the atlas have two in common). One item a concept, the first; of more than 64 a
    seeded sample.
    """
    patterns = [
        {
            tag: (_pattern(tag, own.positive), _pattern(tag, own.negative))
            for tag, own in probe.texts.items()
            if tag in atlas.languages
        }
        for probe in probes
    ]
    named: list[tuple[set[tuple[int, str]], set[tuple[int, str]]]] = [
        (set(), set()) for _ in probes
    ]
    with progress.stage("reading captions", atlas.n_captions) as advance:
        for start in range(0, atlas.n_captions, _CAPTIONS):
            captions = atlas.captions(range(start, min(start + _CAPTIONS, atlas.n_captions)))
            for caption in captions:
                text = caption.text.casefold()
                for own, sides in zip(patterns, named, strict=True):
                    for pattern, side in zip(own.get(caption.language, ()), sides, strict=False):
                        if pattern.search(text):
                            side.add((caption.item, caption.language))
            advance(len(captions))
    return [
        _sides(atlas, len(own), positive, negative)
        for own, (positive, negative) in zip(patterns, named, strict=True)
    ]


def _pattern(language: str, texts: Sequence[str]) -> re.Pattern[str]:
    """Return what finds any of the texts as words of their own."""
    any_of = "|".join(re.escape(text.casefold()) for text in texts)
    primary = language.split("-")[0]
    before = "" if primary in _UNSPACED else r"(?<!\w)"
    after = "" if primary in _UNSPACED | _SUFFIXED else r"(?!\w)"
    return re.compile(f"{before}(?:{any_of}){after}")


def _sides(
    atlas: Atlas, languages: int, positive: set[tuple[int, str]], negative: set[tuple[int, str]]
) -> tuple[list[int], list[int]]:
    votes = [Counter(item for item, _ in side) for side in (positive, negative)]
    concept, least = atlas.items().concept, min(2, languages)
    found = []
    for own, other in (votes, votes[::-1]):
        first: dict[str, int] = {}
        for item in sorted(own):
            if own[item] >= least and own[item] > other[item] and atlas.rows_of_item(IMAGE, item):
                first.setdefault(concept[item], item)
        chosen = list(first.values())
        if len(chosen) > MAX_PICTURES:
            drawn = np.random.default_rng(SEED).choice(len(chosen), MAX_PICTURES, replace=False)
            chosen = [chosen[at] for at in sorted(drawn.tolist())]
        found.append(chosen)
    return found[0], found[1]
