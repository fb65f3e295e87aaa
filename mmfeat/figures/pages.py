"""What a page on a feature or an item says, as plain data for viewer, export and report."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float32

from mmfeat.atlas.lookup import attributes_of, of_items
from mmfeat.atlas.reader import Atlas
from mmfeat.atlas.records import Caption, Example, TokenActivation

if TYPE_CHECKING:
    from mmfeat.analysis.sentences import Facts

# Names of scores that have no words here and are shown all the same, and how many of them.
_NAME, _OTHERS = re.compile(r"[a-z]\w{0,47}", re.ASCII), 24

# Of the scores of /features, in the order in which a page shows them.
EXPLANATIONS = {
    "modality_score": (
        "modality score",
        "Mean squared activation on pictures, as a share of that on pictures and captions: "
        "0 fires for captions only, 1 for pictures only.",
    ),
    "firing_rate_image": ("firing rate, pictures", "Share of pictures on which it fires."),
    "firing_rate_text": (
        "firing rate, captions",
        "Share of captions on which it fires, averaged over languages.",
    ),
    "n_languages": ("languages", "Languages in which it fires on at least 5 captions."),
    "shared_p": (
        "p of sharing",
        "Probability of so much joint firing on pictures and their captions, in enough "
        "languages, if captions were assigned to pictures at random.",
    ),
    "shared_q": ("q of sharing", "The same after Benjamini-Hochberg over testable features."),
    "shared_effect": (
        "effect of sharing",
        "In enough languages, fires for at least this share of partners when it fires for the "
        "picture or the caption: the lower 95 % bound.",
    ),
    "n_shared_languages": (
        "shared languages",
        "Languages in which it fires on the captions of its pictures, significantly and "
        "with a lower bound of at least 0.1.",
    ),
    "energy_image": ("energy, pictures", "Mean squared activation on pictures."),
    "energy_text": (
        "energy, captions",
        "Mean squared activation on captions, averaged over languages.",
    ),
    "max_activation_image": ("maximum, pictures", "Largest activation on a picture."),
    "max_activation_text": ("maximum, captions", "Largest activation on a caption."),
}


@dataclass(frozen=True)
class Number:
    """A score with its name, its text and what it means."""

    key: str
    label: str
    value: float
    text: str
    explanation: str


@dataclass(frozen=True, eq=False)
class PictureExample:
    """A picture on which a feature fires.

    `thumbnail` is a PNG; `patch_map` the activation on its patches; None where the atlas
    has none.
    """

    item: int
    item_id: str
    split: str
    activation: float
    thumbnail: bytes | None
    patch_map: Float32[np.ndarray, "rows columns"] | None


@dataclass(frozen=True)
class CaptionExample:
    """A caption on which a feature fires, with the activation on each token."""

    caption: int
    item: int
    split: str
    text: str
    activation: float
    tokens: list[TokenActivation]


@dataclass(frozen=True)
class Neighbour:
    """A feature with a similar decoder row."""

    feature: int
    cosine: float
    title: str


@dataclass(frozen=True, eq=False)
class FeaturePage:
    """All that is shown of a feature.

    Attributes
    ----------
    title : str
        Its name.
    facts : Facts
        What its sentence says.
    pictures, bands : list
        Pictures with the largest activations; random ones of even bands, highest first.
    columns, column_bands : dict
        The same for the captions of each language; bands are empty where they were not read.
    max_patch, max_token : float
        Largest activation on a patch and a token.
    """

    feature: int
    title: str
    facts: Facts
    numbers: list[Number]
    pictures: list[PictureExample]
    bands: list[list[PictureExample]]
    columns: dict[str, list[CaptionExample]]
    column_bands: dict[str, list[list[CaptionExample]]]
    firing_by_language: dict[str, float]
    firing_image: float
    energy_image: float
    energy_text: float
    names: dict[str, tuple[str, float]]
    neighbours: list[Neighbour]
    max_patch: float
    max_token: float

    def sentence(self, language: Literal["en", "ko"] = "en") -> str:
        """Return in plain words what it fires for."""
        from mmfeat.analysis.sentences import sentence

        return sentence(self.facts, language)


@dataclass(frozen=True)
class ItemFeature:
    """A feature that fires on an item: on its picture and, by language, on a caption."""

    feature: int
    title: str
    image_activation: float
    languages: dict[str, float]


@dataclass(frozen=True)
class ItemPage:
    """All that is shown of an item; lists of features are by activation, descending.

    Attributes
    ----------
    both : list of ItemFeature
        Features that fire for the picture and for a caption.
    image_only : list of ItemFeature
        Features that fire for the picture and for no caption.
    language_only : dict of str to list of ItemFeature
        Features that fire for captions of that language alone, and not for the picture.
    several_languages : list of ItemFeature
        Features that fire for captions of two languages or more, and not for the picture.
    """

    item: int
    item_id: str
    concept: str
    split: str
    attributes: dict[str, str]
    thumbnail: bytes | None
    captions: dict[str, list[Caption]]
    both: list[ItemFeature]
    image_only: list[ItemFeature]
    language_only: dict[str, list[ItemFeature]]
    several_languages: list[ItemFeature]


def title_of(names: Mapping[str, tuple[str, float]], feature: int) -> str:
    """Return the English name; else the best in any language; else ``feature N``."""
    if names.get("en", ("", 0.0))[0]:
        return names["en"][0]
    good = [(score, text) for text, score in names.values() if text]
    return max(good)[1] if good else f"feature {feature}"


def label_of(key: str) -> str:
    """Return the name of a score for people."""
    return EXPLANATIONS[key][0] if key in EXPLANATIONS else key.replace("_", " ")


def _numbers(columns: Mapping[str, np.ndarray], feature: int) -> list[Number]:
    """Return the scores that have words, and then those that another version may have written."""
    others = [
        key
        for key, column in columns.items()
        if key not in EXPLANATIONS and column.dtype.kind in "iuf" and _NAME.fullmatch(key)
    ]
    words = EXPLANATIONS | {
        key: (label_of(key), f"The score {key} of the atlas.") for key in others[:_OTHERS]
    }
    return [
        Number(key, label, value, number_text(value), explanation)
        for key, (label, explanation) in words.items()
        if key in columns  # an older atlas lacks what is new
        for value in [float(columns[key][feature])]
    ]


def number_text(value: float) -> str:
    """Return a score as it is written; a dash for one that cannot be had."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e6 else f"{value:.3g}"


def _pictures(atlas: Atlas, feature: int, examples: Sequence[Example]) -> list[PictureExample]:
    return picture_examples(atlas, feature, [(own.item, own.activation) for own in examples])


def picture_examples(
    atlas: Atlas, feature: int, shown: Sequence[tuple[int, float]]
) -> list[PictureExample]:
    """Return pictures, each an item with its activation, with what a feature does on patches."""
    items = [item for item, _ in shown]
    facts = zip(of_items(atlas, "item_id", items), of_items(atlas, "split", items), strict=True)
    return [
        PictureExample(
            item, *own, activation, atlas.thumbnail(item), atlas.patch_map(feature, item)
        )
        for (item, activation), own in zip(shown, facts, strict=True)
    ]


def _captions(atlas: Atlas, feature: int, examples: Sequence[Example]) -> list[CaptionExample]:
    captions = atlas.captions([example.caption for example in examples])
    return captions_with_tokens(
        atlas, feature, captions, [example.activation for example in examples]
    )


def captions_with_tokens(
    atlas: Atlas, feature: int, captions: Sequence[Caption], activations: Sequence[float]
) -> list[CaptionExample]:
    """Return captions with what a feature does on each of their tokens."""
    splits = of_items(atlas, "split", [caption.item for caption in captions])
    tokens = atlas.tokens(feature, captions)
    return [
        CaptionExample(own.index, own.item, split, own.text, activation, of_own)
        for own, split, activation, of_own in zip(
            captions, splits, activations, tokens, strict=True
        )
    ]


def _titles(atlas: Atlas, features: Iterable[int]) -> dict[int, str]:
    wanted = list(features)
    return {f: title_of(names, f) for f, names in zip(wanted, atlas.names_of(wanted), strict=True)}


def feature_page(atlas: Atlas, feature: int, *, bands: bool = True) -> FeaturePage:
    """Return what is shown of a feature; reads a few kilobytes of the atlas.

    Parameters
    ----------
    atlas : Atlas
    feature : int
    bands : bool
        Whether examples of all bands of activation are read, too.

    Raises
    ------
    MmfeatError
        If there is no such feature, or the atlas is damaged where it is read.
    """
    from mmfeat.atlas.language_table import LanguageTable  # it loads SciPy

    names = atlas.names(feature)
    columns = atlas.features()
    rates = dict(
        zip(atlas.languages, atlas.by_language()["firing_rate"][feature].tolist(), strict=True)
    )
    near = atlas.neighbours(feature)
    titles = _titles(atlas, (index for index, _ in near))
    tops = atlas.text_examples(feature)
    of_bands = atlas.text_bands(feature) if bands else {}
    # All captions are read at once: a page costs as many reads as the file has datasets.
    captions = iter(
        _captions(
            atlas,
            feature,
            [
                *(one for own in tops.values() for one in own),
                *(one for own in of_bands.values() for band in own for one in band),
            ],
        )
    )
    in_bands = atlas.image_bands(feature) if bands else []
    return FeaturePage(
        feature=int(feature),
        title=title_of(names, feature),
        facts=atlas.part(LanguageTable).facts(feature, feature + 1)[0],
        numbers=_numbers(columns, feature),
        pictures=_pictures(atlas, feature, atlas.image_examples(feature)),
        bands=[_pictures(atlas, feature, band) for band in in_bands],
        columns={tag: list(islice(captions, len(own))) for tag, own in tops.items()},
        column_bands={
            tag: [list(islice(captions, len(band))) for band in own]
            for tag, own in of_bands.items()
        },
        firing_by_language=rates,
        firing_image=float(columns["firing_rate_image"][feature]),
        energy_image=float(columns["energy_image"][feature]),
        energy_text=float(columns["energy_text"][feature]),
        names=names,
        neighbours=[Neighbour(index, cosine, titles[index]) for index, cosine in near],
        max_patch=_largest(atlas, "image.patch", feature),
        max_token=_largest(atlas, "text.token", feature),
    )


def distinct(examples: Sequence[CaptionExample], count: int) -> list[CaptionExample]:
    """Return the first captions of different text."""
    found: dict[str, CaptionExample] = {}
    for example in examples:
        found.setdefault(example.text, example)
    return list(found.values())[:count]


def _largest(atlas: Atlas, stream: str, feature: int) -> float:
    return atlas.largest_code(stream, feature) if stream in atlas.streams else 0.0


def _fires(atlas: Atlas, stream: str, rows: range) -> dict[int, float]:
    """Return the features that fire in some rows, with their largest activation there."""
    found: dict[int, float] = {}
    if stream in atlas.streams and rows:
        codes = atlas.codes_of_rows(stream, rows.start, rows.stop)
        for feature, value in zip(codes.indices.tolist(), codes.data.tolist(), strict=True):
            if value > found.get(feature, 0.0):
                found[feature] = value
    return found


def item_page(atlas: Atlas, item: int) -> ItemPage:
    """Return what is shown of an item.

    Raises
    ------
    MmfeatError
        If there is no such item, or the atlas is damaged where it is read.
    """
    own = atlas.captions_of(item)
    captions: dict[str, list[Caption]] = {language: [] for language in atlas.languages}
    texts: dict[int, dict[str, float]] = {}
    for caption in own:
        captions[caption.language].append(caption)
        if "text.pooled" in atlas.streams:
            rows = atlas.rows_of_caption("text.pooled", caption.index)
            for feature, value in _fires(atlas, "text.pooled", rows).items():
                by_language = texts.setdefault(feature, {})
                by_language[caption.language] = max(value, by_language.get(caption.language, 0.0))
    rows = atlas.rows_of_item("image.pooled", item) if "image.pooled" in atlas.streams else range(0)
    picture = _fires(atlas, "image.pooled", rows)
    titles = _titles(atlas, picture.keys() | texts.keys())
    fired = [
        ItemFeature(f, titles[f], picture.get(f, 0.0), texts.get(f, {})) for f in sorted(titles)
    ]
    fired.sort(key=lambda one: -max(one.image_activation, *one.languages.values(), 0.0))
    unseen = [one for one in fired if not one.image_activation]
    return ItemPage(
        item=int(item),
        item_id=of_items(atlas, "item_id", [item])[0],
        concept=of_items(atlas, "concept", [item])[0],
        split=of_items(atlas, "split", [item])[0],
        attributes=attributes_of(atlas, item),
        thumbnail=atlas.thumbnail(item),
        captions=captions,
        both=[one for one in fired if one.image_activation and one.languages],
        image_only=[one for one in fired if not one.languages],
        language_only={
            language: [one for one in unseen if set(one.languages) == {language}]
            for language in atlas.languages
        },
        several_languages=[one for one in unseen if len(one.languages) > 1],
    )
