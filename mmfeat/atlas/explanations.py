"""Put names by an explainer into an atlas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mmfeat import hdf5
from mmfeat.analysis.examples import BANDS
from mmfeat.analysis.explainers import BadReply, Explainer, Explanation, FeatureExamples, Shown
from mmfeat.atlas.layout import KIND
from mmfeat.atlas.reader import Atlas
from mmfeat.atlas.records import Example
from mmfeat.corpus.languages import normalise_tag
from mmfeat.errors import MmfeatError
from mmfeat.progress import SILENT, Progress

SHOWN = 4  # examples of a band: pictures, and captions of each language
_COLUMNS = ("feature", "name", "confidence", "rubric", "model")


def add_explanations(
    path: Path | str,
    explainer: Explainer,
    *,
    features: Sequence[int] | None = None,
    languages: Sequence[str] | None = None,
    limit: int | None = None,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Ask an explainer for names of features and write them into an atlas.

    The atlas is replaced when all are there. What was explained before it was interrupted, or
    before the explainer failed, is kept; the same call goes on from there.

    Parameters
    ----------
    path : path
        The atlas.
    explainer : Explainer
        Who is asked.
    features : sequence of int, optional
        Which ones, again if need be; default: those that fire and that this explainer has not
        explained yet.
    languages : sequence of str, optional
        Of the captions shown; default: English, or the first there is.
    limit : int, optional
        Features at most.
    progress : Progress
        Told of each feature.

    Returns
    -------
    dict
        ``out``, ``model``, features ``explained``, and ``skipped`` for a bad reply; ``reasons``.

    Raises
    ------
    MmfeatError
        If the file is not an atlas, has no such feature or language, or the explainer fails.
    """
    target = Path(path)
    found: dict[int, Explanation] = {}
    reasons: dict[str, int] = {}
    try:
        with Atlas(target) as atlas:
            tags = _languages(atlas, languages)
            chosen = _features(atlas, features, explainer.label)[:limit]
            with progress.stage("explaining features", len(chosen)) as advance:
                for feature in chosen:
                    try:
                        examples = shown(atlas, feature, tags)
                        if not any(examples.bands):
                            raise BadReply("there are no examples to show")
                        found[feature] = explainer.explain(examples)
                    except BadReply as error:
                        reasons[str(error)] = reasons.get(str(error), 0) + 1
                    advance(1)
    finally:
        if found:
            with hdf5.modify(target, KIND) as file:
                _write(file, found, explainer.label)
    return {
        "out": str(target),
        "model": explainer.label,
        "explained": len(found),
        "skipped": sum(reasons.values()),
        "reasons": reasons,
    }


def _languages(atlas: Atlas, wanted: Sequence[str] | None) -> tuple[str, ...]:
    if not wanted:
        return ("en",) if "en" in atlas.languages else atlas.languages[:1]
    tags = tuple(normalise_tag(tag) for tag in wanted)
    for tag in tags:
        if tag not in atlas.languages:
            raise MmfeatError(
                f"{atlas.path} has no captions in {tag}; give some of {', '.join(atlas.languages)}."
            )
    return tags


def _features(atlas: Atlas, wanted: Sequence[int] | None, model: str) -> list[int]:
    if wanted is not None:
        for feature in wanted:
            if not 0 <= feature < atlas.d_sae:
                raise MmfeatError(
                    f"{atlas.path} has no feature {feature}; give some from 0 to {atlas.d_sae - 1}."
                )
        return sorted(set(wanted))
    scores = atlas.features()
    fires = (scores["max_activation_image"] > 0) | (scores["max_activation_text"] > 0)
    done = {number for number, by in _explained(atlas.path).items() if by == model}
    return [number for number in np.flatnonzero(fires).tolist() if number not in done]


def _explained(path: Path) -> dict[int, str]:
    with hdf5.open_checked(path, KIND) as file:
        return {row[0]: row[4] for row in _rows(file)}


def shown(atlas: Atlas, feature: int, languages: Sequence[str]) -> FeatureExamples:
    """Return what an explainer is shown of a feature.

    The strongest examples, then random ones from each lower band of activation: pictures, by the
    caption of their item in the first of the languages that has one, and captions.
    """
    scores = atlas.features()
    images, words = atlas.image_examples(feature), atlas.text_examples(feature)
    image_bands, word_bands = atlas.image_bands(feature), atlas.text_bands(feature)
    bands: list[tuple[Shown, ...]] = []
    for band in range(BANDS):
        pictures = images if band == 0 else image_bands[band] if image_bands else []
        most = float(scores["max_activation_image"][feature])
        found = [_picture(atlas, one, languages, most) for one in pictures[:SHOWN]]
        most = float(scores["max_activation_text"][feature])
        for tag in languages:
            captions = words[tag] if band == 0 else word_bands[tag][band] if word_bands[tag] else []
            found += [_caption(atlas, feature, one, most) for one in captions[:SHOWN]]
        bands.append(tuple(one for one in found if one is not None))
    return FeatureExamples(feature, tuple(bands))


def _picture(atlas: Atlas, one: Example, languages: Sequence[str], most: float) -> Shown | None:
    captions = {caption.language: caption for caption in reversed(atlas.captions_of(one.item))}
    for tag in languages:
        if tag in captions:
            return Shown(captions[tag].text, tag, True, _strength(one.activation, most))
    return None


def _caption(atlas: Atlas, feature: int, one: Example, most: float) -> Shown:
    caption = atlas.caption(one.caption)
    tokens = [(t.start, t.end, t.activation) for t in atlas.token_activations(feature, one.caption)]
    return Shown(
        caption.text, caption.language, False, _strength(one.activation, most), tuple(tokens)
    )


def _strength(activation: float, most: float) -> float:
    return min(1.0, max(0.0, activation / most)) if most > 0 and math.isfinite(most) else 0.0


def _rows(file: h5py.File) -> list[tuple[Any, ...]]:
    """Return what was explained before, as rows of `_COLUMNS`."""
    if "names/explanations" not in file:
        return []
    group = file["names/explanations"]
    try:
        return list(
            zip(
                group["feature"][:].tolist(),
                hdf5.read_strings(group["name"]),
                group["confidence"][:].tolist(),
                group["rubric"][:].tolist(),
                hdf5.read_strings(group["model"]),
                strict=True,
            )
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise MmfeatError(
            f"{file.filename} is damaged at /names/explanations ({error}); build the atlas again."
        ) from error


def _write(file: h5py.File, found: dict[int, Explanation], model: str) -> None:
    rows = {row[0]: row for row in _rows(file)}
    for feature, one in found.items():
        rows[feature] = (feature, one.name, one.confidence, list(one.rubric), model)
    columns = dict(
        zip(_COLUMNS, zip(*(rows[key] for key in sorted(rows)), strict=True), strict=True)
    )
    names = file["names"]
    if "explanations" in names:
        del names["explanations"]
    group = hdf5.encode_group(names.create_group("explanations"), "explanations")
    group["feature"] = np.array(columns["feature"], np.int32)
    hdf5.write_strings(group, "name", columns["name"])
    group["confidence"] = np.array(columns["confidence"], np.float32)
    group["rubric"] = np.array(columns["rubric"], np.float32)
    hdf5.write_strings(group, "model", columns["model"])
