"""Captions of the same items side by side in all languages, for one feature."""

from __future__ import annotations

from dataclasses import dataclass

from mmfeat.atlas.reader import Atlas
from mmfeat.atlas.records import Caption
from mmfeat.figures.pages import (
    CaptionExample,
    PictureExample,
    captions_with_tokens,
    picture_examples,
)

ITEMS = 10


@dataclass(frozen=True, eq=False)
class ParallelItem:
    """An item with what a feature does on it.

    Attributes
    ----------
    picture : PictureExample
        Its picture, with activation 0 where the feature does not fire on it.
    captions : dict of str to list of CaptionExample
        All its captions by language, with activation 0 where it does not fire on them.
    """

    picture: PictureExample
    captions: dict[str, list[CaptionExample]]


def parallel_items(atlas: Atlas, feature: int, count: int = ITEMS) -> list[ParallelItem]:
    """Return the items on which a feature fires most, over pictures and all languages.

    An item counts with its activation in each column in which it is among the strongest
    examples, as a share of that column's largest.

    Raises
    ------
    MmfeatError
        If there is no such feature, or the atlas is damaged.
    """
    score: dict[int, float] = {}
    for examples in (atlas.image_examples(feature), *atlas.text_examples(feature).values()):
        best: dict[int, float] = {}
        for one in examples:
            best[one.item] = max(one.activation, best.get(one.item, 0.0))
        largest = max(best.values(), default=0.0)
        for item, activation in best.items():
            score[item] = score.get(item, 0.0) + (activation / largest if largest > 0 else 0.0)
    chosen = sorted(score, key=lambda item: (-score[item], item))[:count]
    of_each = [atlas.captions_of(item) for item in chosen]
    captions = [one for own in of_each for one in own]
    shown = iter(
        captions_with_tokens(atlas, feature, captions, _on_captions(atlas, feature, captions))
    )
    pictures = picture_examples(
        atlas, feature, [(item, on_picture(atlas, feature, item)) for item in chosen]
    )
    found = []
    for picture, own in zip(pictures, of_each, strict=True):
        by_language: dict[str, list[CaptionExample]] = {tag: [] for tag in atlas.languages}
        for caption in own:
            by_language[caption.language].append(next(shown))
        found.append(ParallelItem(picture, by_language))
    return found


def _on_captions(atlas: Atlas, feature: int, captions: list[Caption]) -> list[float]:
    return [on_caption(atlas, feature, caption.index) for caption in captions]


def on_caption(atlas: Atlas, feature: int, caption: int) -> float:
    """Return a feature's activation on a caption as a whole, 0 where it does not fire."""
    if "text.pooled" not in atlas.streams:
        return 0.0
    rows = atlas.rows_of_caption("text.pooled", caption)
    return float(atlas.column("text.pooled", rows, feature).max(initial=0))


def on_picture(atlas: Atlas, feature: int, item: int) -> float:
    """Return a feature's activation on a picture as a whole, 0 where it does not fire."""
    if "image.pooled" not in atlas.streams:
        return 0.0
    rows = atlas.rows_of_item("image.pooled", item)
    return float(atlas.column("image.pooled", rows, feature).max(initial=0))


@dataclass(frozen=True, eq=False)
class FeatureOnItem:
    """What one feature does on one item.

    Attributes
    ----------
    picture : PictureExample
    captions : dict of int to CaptionExample
        By the number of the caption.
    largest_patch, largest_token : float
        The activations that are shaded fully.
    """

    feature: int
    picture: PictureExample
    captions: dict[int, CaptionExample]
    largest_patch: float
    largest_token: float


def feature_on_item(atlas: Atlas, feature: int, item: int) -> FeatureOnItem:
    """Return what a feature does on an item's picture and captions.

    Raises
    ------
    MmfeatError
        If there is no such feature or item, or the atlas is damaged.
    """
    captions = atlas.captions_of(item)
    own = captions_with_tokens(atlas, feature, captions, _on_captions(atlas, feature, captions))
    picture = picture_examples(atlas, feature, [(item, on_picture(atlas, feature, item))])[0]
    patch, token = (
        atlas.largest_code(stream, feature) if stream in atlas.streams else 0.0
        for stream in ("image.patch", "text.token")
    )
    return FeatureOnItem(feature, picture, {one.caption: one for one in own}, patch, token)
