"""Changes features of a picture or text, and says what it retrieves then, beside controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from mmfeat.analysis.interventions.controls import (
    DirectionEdit,
    Effect,
    difference_of_means,
    matched,
)
from mmfeat.analysis.interventions.edits import Change, FeatureEdit, clamp, swap
from mmfeat.analysis.interventions.retrieval import (
    edited,
    joint_rows,
    nearest,
    standing,
    towards,
)
from mmfeat.analysis.units import UNIT_SEED
from mmfeat.atlas.encoder import open_encoder
from mmfeat.atlas.galleries import PICTURES, Galleries, Shelf
from mmfeat.atlas.lookup import find_item, picture_of
from mmfeat.backbones.base import JOINT
from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from PIL.Image import Image

    from mmfeat.atlas.reader import Atlas
    from mmfeat.backbones.base import Backbone, Edit, Inputs

How = Callable[[Sequence[int]], Change]

_CONCEPT = 5  # test items whose captions, or pictures, stand for what features fire on
_SILENT = 64  # rows without the features that a difference of means is taken from


def ablating(features: Sequence[int]) -> Change:
    """Return the change that silences features."""
    return Change("ablate", tuple(features))


def adding(amount: float) -> How:
    """Return how the same is added to the activation of each feature."""
    return lambda features: Change("add", tuple(features), (amount,) * len(features))


@dataclass(frozen=True)
class Query:
    """What is changed: one picture or text, ready for the model.

    Attributes
    ----------
    inputs : Inputs
        It alone.
    label : str
        What it is called.
    language : str or None
        Of a text; None for a picture.
    item : int or None
        The item it is of.
    """

    inputs: Inputs
    label: str
    language: str | None = None
    item: int | None = None

    @property
    def modality(self) -> str:
        """``image`` or ``text``."""
        return "image" if self.language is None else "text"


class Steering:
    """An atlas with its backbone at hand; galleries are encoded once.

    Parameters
    ----------
    atlas : Atlas
        The open atlas.
    backbone : Backbone or str, optional
        The model or its SPEC; default: what the atlas names.
    device : str
        Where the model runs.

    Raises
    ------
    MmfeatError
        If the atlas is not of the joint space, or the backbone is not at hand or does not fit.
    """

    def __init__(
        self, atlas: Atlas, backbone: Backbone | str | None = None, device: str = "auto"
    ) -> None:
        if atlas.hook != JOINT:
            raise MmfeatError(
                f"{atlas.path} is of {atlas.hook}, and retrieval is by rows of {JOINT}; give an "
                f"atlas of {JOINT}."
            )
        self.atlas, self.encoder = atlas, open_encoder(atlas, backbone, device)
        self.backbone = self.encoder.backbone
        self.galleries = Galleries(atlas, self.backbone)

    # What is changed, and how -------------------------------------------------------

    def picture(self, picture: Image, label: str = "picture") -> Query:
        """Return a picture as a query."""
        return Query(self.backbone.prepare_images([picture]), label)

    def item(self, item_id: str) -> Query:
        """Return the picture of an item of the atlas as a query.

        Raises
        ------
        MmfeatError
            If there is no such item, or the atlas has no picture of it.
        """
        item = find_item(self.atlas, item_id)
        picture = picture_of(self.atlas, item)
        return Query(self.backbone.prepare_images([picture]), item_id, item=item)

    def text(self, text: str, language: str | None = None) -> Query:
        """Return a text as a query; a language that is not given is guessed by its script."""
        tag = self.encoder.language_of(text, language)
        return Query(self.backbone.prepare_texts([text]), text, tag)

    def clamping(self, query: Query, multiple: float) -> How:
        """Return how features are set to a multiple of their maxima in rows like the query's."""
        maximum = self.atlas.features()[f"max_activation_{query.modality}"]
        return lambda features: clamp(features, multiple, maximum)

    def swapping(self, query: Query, item_id: str) -> How:
        """Return how features get the activations they have in another item.

        In its picture where the query is one, else in its first caption in the query's language.

        Raises
        ------
        MmfeatError
            If there is no such item, or it has no such row.
        """
        item, stream = find_item(self.atlas, item_id), f"{query.modality}.pooled"
        if query.language is None:
            rows = self.atlas.rows_of_item(stream, item)
        else:
            own = [c for c in self.atlas.captions_of(item) if c.language == query.language]
            rows = self.atlas.rows_of_caption(stream, own[0].index) if own else range(0)
        if not rows:
            what = "picture" if query.language is None else f"caption in {query.language}"
            raise MmfeatError(f"{item_id} has no {what} in {self.atlas.path}; choose another item.")
        codes = self.atlas.codes_of_rows(stream, rows.start, rows.start + 1).toarray()[0]
        return lambda features: swap(features, codes)

    # What it does -------------------------------------------------------------------

    def steer(
        self,
        query: Query,
        features: Sequence[int],
        how: How,
        *,
        languages: Sequence[str] = (),
        top: int = 10,
        controls: int = 100,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Change features of a query, and say what it retrieves before and after.

        Parameters
        ----------
        query : Query
            A picture or text.
        features : sequence of int
            What is changed.
        how : callable
            The change of some features: `ablating`, `adding`, `clamping` or `swapping`.
        languages : sequence of str
            Captions a picture is shown against; default: all. A text is shown against pictures.
        top : int
            Results shown.
        controls : int
            Control features.
        seed : int
            Of the draw of controls.

        Returns
        -------
        dict
            ``query``, ``features``, their ``names``, ``change`` and ``activation`` before;
            ``concept``, the test items that stand for what the features fire on; ``results`` by
            language, or of ``pictures``.

        Raises
        ------
        MmfeatError
            If there are no such features or languages.
        """
        self._check(features)
        stream, before = f"{query.modality}.pooled", joint_rows(self.backbone, query.inputs)
        group = 0 if query.language is None else self.encoder.languages.index(query.language)

        def edit(change: Change) -> FeatureEdit:
            return FeatureEdit(self.encoder.trained, stream, group, change)

        change = how(features)
        main = edit(change)
        active = _activations(edit(Change("noop", tuple(range(self.atlas.d_sae)))), before)
        drawn = matched(
            self.atlas.features()[f"firing_rate_{query.modality}"],
            features,
            controls,
            seed,
            # What is silent cannot be ablated.
            np.asarray(active.any(0)) if change.kind in ("ablate", "scale") else None,
        )
        direction = self._direction(query, features)
        edits: dict[str, Edit] = {"change": main, "noop": edit(Change("noop", tuple(features)))}
        if direction is not None:
            edits["difference_of_means"] = DirectionEdit(direction, main)
        others = [edit(how([int(f) for f in control])) for control in drawn]
        moved = {key: edited(before, one) for key, one in edits.items()}
        after = np.concatenate([before, *moved.values(), *(edited(before, one) for one in others)])
        concept = self._concept(query, features)
        own = active[:, list(features)]
        tags = (PICTURES,) if query.language else tuple(languages) or self.atlas.languages
        ids = self.atlas.items().item_id
        return {
            "query": query.label,
            "features": [int(feature) for feature in features],
            "names": [self._names(int(feature)) for feature in features],
            "change": {"kind": change.kind, "values": list(change.values)},
            "activation": [float(value) for value in own[0]],
            "concept": [ids[item] for item in concept],
            "results": {
                tag: self._result(
                    self.galleries.shelf(tag),
                    query,
                    after,
                    tuple(moved),
                    concept,
                    top,
                    _lowers(change, own),
                )
                for tag in tags
            },
        }

    def _check(self, features: Sequence[int]) -> None:
        if not features:
            raise MmfeatError("No feature is named; give at least one.")
        for feature in features:
            if not 0 <= feature < self.atlas.d_sae:
                raise MmfeatError(
                    f"{self.atlas.path} has no feature {feature}; give one from 0 to "
                    f"{self.atlas.d_sae - 1}."
                )

    def _names(self, feature: int) -> dict[str, str]:
        return {tag: text for tag, (text, _) in self.atlas.names(feature).items() if text}

    def _codes(self, stream: str, feature: int) -> dict[int, float]:
        """Return the activations of a feature by row."""
        rows, values = self.atlas.codes_of_feature(stream, feature)
        return dict(zip(rows.tolist(), values.tolist(), strict=True))

    def _concept(self, query: Query, features: Sequence[int]) -> list[int]:
        """Return the test items on which features fire most, in rows like the query's.

        Activations are counted in the features' maxima, of several captions the largest. The
        query's own concept is left out: what it retrieves before is no effect.
        """
        stream, concept = f"{query.modality}.pooled", self.galleries.concept
        maximum = self.atlas.features()[f"max_activation_{query.modality}"]
        total: dict[int, float] = {}
        for feature in features:
            firing = self._codes(stream, feature)
            for item, rows in self.galleries.rows(stream).items():
                most = max((firing.get(row, 0.0) for row in rows), default=0.0)
                if most > 0:
                    total[item] = total.get(item, 0.0) + most / float(maximum[feature])
        found = sorted(total, key=lambda item: (-total[item], item))
        test = [item for item in found if self.galleries.is_test[item]]
        own = -1 if query.item is None else concept[query.item]
        return [item for item in test if concept[item] != own][:_CONCEPT]

    def _direction(self, query: Query, features: Sequence[int]) -> Float[np.ndarray, "d"] | None:
        """Return the difference of means of rows with and without the features.

        With: the pictures (for a text, captions in its language) on which they fire most.
        Without: some on which none of them fires. None where there are none on a side.
        """
        pooled, tag = f"{query.modality}.pooled", query.language
        fires = {row for feature in features for row in self._codes(pooled, feature)}
        rng = np.random.default_rng(UNIT_SEED)
        order = [int(item) for item in rng.permutation(self.galleries.items)]
        rows = self.galleries.rows(pooled)
        silent = [item for item in order if rows[item] and fires.isdisjoint(rows[item])]
        if tag is None:
            examples = (e.item for feature in features for e in self.atlas.image_examples(feature))
            sides = [
                [i for i in items if i != query.item and self.atlas.thumbnail(i) is not None]
                for items in (dict.fromkeys(examples), silent[:_SILENT])
            ]
            if not all(sides):
                return None
            pictures = ([picture_of(self.atlas, i) for i in items] for items in sides)
            return difference_of_means(*(self.encoder.images(own).x for own in pictures))
        known = [self.galleries.captions(tag).get(item, ()) for item in silent]
        captions = (
            e.caption for feature in features for e in self.atlas.text_examples(feature)[tag]
        )
        texts = [
            [caption.text for caption in self.atlas.captions(list(dict.fromkeys(captions)))],
            [caption.text for own in known for caption in own][:_SILENT],
        ]
        if not all(texts):
            return None
        return difference_of_means(*(self.encoder.texts(own, [tag] * len(own)).x for own in texts))

    def _result(
        self,
        shelf: Shelf,
        query: Query,
        after: Float[np.ndarray, "n j"],
        named: tuple[str, ...],
        concept: list[int],
        top: int,
        lowers: bool,
    ) -> dict[str, Any]:
        """Return what is retrieved; rows are the query's before, then `named`, then controls."""
        ids, split = self.atlas.items().item_id, self.atlas.items().split
        shown = [
            [
                {
                    "item_id": ids[shelf.item[row]],
                    "text": shelf.text[row],
                    "split": split[shelf.item[row]],
                    "cosine": cosine,
                    "probability": probability,
                }
                for row, cosine, probability in nearest(x, shelf.gallery, top)
            ]
            for x in after[:2]
        ]
        cosines = shelf.gallery.cosines(after)[:, shelf.test]
        share = towards(cosines, np.isin(shelf.item, concept)[shelf.test])
        change, sign = share[1:] - share[0], -1 if lowers else 1
        effect = Effect(sign * float(change[0]), sign * change[len(named) :])
        result: dict[str, Any] = {
            "before": shown[0],
            "after": shown[1],
            "towards": {
                "before": float(share[0]),
                "after": float(share[1]),
                **{key: float(value) for key, value in zip(named, change, strict=False)},
                "controls": [float(value) for value in change[len(named) :]],
                "exceeded": effect.exceeded,
                "p": effect.p,
            },
        }
        if query.item is not None:
            key = np.repeat(self.galleries.concept[query.item], 2)
            if (shelf.gallery.key == key[0]).any():
                found = standing(after[:2], shelf.gallery, key)
                for at, when in enumerate(("before", "after")):
                    result[f"own_{when}"] = {
                        "rank": int(found.wrong[at]) + 1,
                        "probability": float(found.probability[at]),
                    }
        return result


def _activations(
    edit: FeatureEdit, x: Float[np.ndarray, "rows d"]
) -> Float[np.ndarray, "rows d_sae"]:
    import torch

    with torch.inference_mode():
        return np.asarray(edit.activations(torch.from_numpy(x)).numpy())


def _lowers(change: Change, z: Float[np.ndarray, "rows m"]) -> bool:
    """Return whether a change takes activations away, so that its effect is away, too."""
    import torch

    own = torch.from_numpy(z)
    return bool((change.apply(own) - own).sum() < 0)
