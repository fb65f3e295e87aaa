"""Which features and languages a figure shows when nobody says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmfeat.atlas.reader import Atlas
from mmfeat.corpus.languages import script_of_tag
from mmfeat.figures.columns import chosen_languages


def shared_features(atlas: Atlas, count: int) -> list[int]:
    """Return the features that are shared with the largest effect, no two alike.

    One whose decoder row is among the neighbours of another's is left out; so is one without a
    picture or without a name.
    """
    scores = atlas.features()
    effect = np.where(scores["shared"], np.nan_to_num(scores["shared_effect"], nan=-1.0), -1.0)
    found: list[int] = []
    alike: set[int] = set()
    for feature in np.argsort(-effect, kind="stable").tolist():
        if len(found) == count or effect[feature] < 0:
            break
        named = any(text for text, _ in atlas.names(feature).values())
        if feature in alike or not named or not atlas.image_examples(feature):
            continue
        found.append(feature)
        alike |= {other for other, _ in atlas.neighbours(feature)}
    return found


def languages(atlas: Atlas, asked: Sequence[str], fit: int, some: int) -> list[str]:
    """Return the languages asked for; else all of an atlas if not more than `fit`; else `some`.

    Raises
    ------
    MmfeatError
        If the atlas has no such language.
    """
    if asked:
        return list(chosen_languages(atlas, asked))
    if len(atlas.languages) <= fit:
        return list(atlas.languages)
    return languages_over_scripts(atlas.languages, some)


def languages_over_scripts(languages: Sequence[str], count: int) -> list[str]:
    """Return at most so many languages, of as many scripts as there are, in the order given.

    Of Latin script English comes first.
    """
    by_script: dict[str, list[str]] = {}
    for tag in sorted(languages, key=lambda tag: tag.split("-")[0] != "en"):
        by_script.setdefault(script_of_tag(tag), []).append(tag)
    turns = [
        tag
        for turn in range(max(map(len, by_script.values()), default=0))
        for own in by_script.values()
        for tag in own[turn : turn + 1]
    ]
    chosen = set(turns[:count])
    return [tag for tag in languages if tag in chosen]
