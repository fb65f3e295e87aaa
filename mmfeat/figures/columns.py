"""What an atlas says of its features, as the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmfeat.atlas.reader import Atlas
from mmfeat.corpus.languages import normalise_tag
from mmfeat.errors import MmfeatError


def all_columns(atlas: Atlas, languages: Sequence[str]) -> dict[str, np.ndarray]:
    """Return all columns, each [d_sae].

    They are ``feature``; every score of ``/features``; ``SCORE[LANGUAGE]`` for every score a
    language; ``name[LANGUAGE]``, of objects that are texts as strangers wrote them, empty where
    there is no good name; and ``name_score[LANGUAGE]``. Missing numbers are NaN.
    """
    own = [(atlas.languages.index(tag), tag) for tag in languages]
    columns = {"feature": np.arange(atlas.d_sae), **atlas.features()}
    for name, table in atlas.by_language().items():
        columns |= {f"{name}[{tag}]": table[:, at] for at, tag in own}
    texts, scores = atlas.all_names()
    for at, tag in own:
        columns[f"name[{tag}]"] = np.array([row[at] for row in texts], object)
        columns[f"name_score[{tag}]"] = scores[:, at]
    return columns


def native(values: np.ndarray) -> np.ndarray:
    """Return numbers of a type that every program knows; a file may hold rarer ones."""
    if values.dtype.kind == "f":
        return values.astype(np.float32 if values.dtype.itemsize <= 4 else np.float64, copy=False)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def picked(
    columns: Mapping[str, np.ndarray], wanted: Sequence[str], atlas: Atlas
) -> dict[str, np.ndarray]:
    """Return the columns that were asked for, after ``feature``.

    ``p`` stands for that column, or for ``p[LANGUAGE]`` of every language.

    Raises
    ------
    MmfeatError
        If there is none of such a name.
    """
    found = {"feature": columns["feature"]}
    for name in wanted:
        own = [name] if name in columns else [c for c in columns if c.startswith(f"{name}[")]
        if not own:
            bases = ", ".join(dict.fromkeys(column.partition("[")[0] for column in columns))
            raise MmfeatError(f"{atlas.path} has no column {name!r} here; give one of {bases}.")
        found |= {column: columns[column] for column in own}
    return found


def chosen_features(atlas: Atlas, wanted: Sequence[int]) -> list[int]:
    """Return the features that were asked for, each once; all where there are none.

    Raises
    ------
    MmfeatError
        If one does not exist.
    """
    for feature in wanted:
        if not 0 <= feature < atlas.d_sae:
            raise MmfeatError(
                f"{atlas.path} has no feature {feature}; give some from 0 to {atlas.d_sae - 1}."
            )
    return list(dict.fromkeys(wanted)) or list(range(atlas.d_sae))


def chosen_languages(atlas: Atlas, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the languages that were asked for, each once; all where there are none.

    Raises
    ------
    MmfeatError
        If the atlas has no captions in one.
    """
    tags = tuple(dict.fromkeys(map(normalise_tag, wanted)))
    for tag in tags:
        if tag not in atlas.languages:
            raise MmfeatError(
                f"{atlas.path} has no captions in {tag}; give some of {', '.join(atlas.languages)}."
            )
    return tags or atlas.languages
