"""Steering at the joint space: what an atlas holds of its own features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from mmfeat.analysis.units import UNIT_SEED
from mmfeat.atlas.encoder import Encoder
from mmfeat.atlas.galleries import Galleries
from mmfeat.atlas.lookup import picture_of
from mmfeat.atlas.steer_known import Query, Sides, first_caption
from mmfeat.errors import MmfeatError

_SILENT = 64  # rows without the features that a difference of means is taken from


class AtJoint:
    """The features of an atlas of the joint space, by the codes of all its rows.

    Parameters
    ----------
    galleries : Galleries
        What is retrieved from.

    Raises
    ------
    MmfeatError
        If the backbone does not fit the SAE.
    """

    def __init__(self, galleries: Galleries) -> None:
        self.galleries, self.atlas = galleries, galleries.atlas
        self.source = self.atlas.path
        self.encoder = Encoder(
            galleries.backbone, self.atlas.trained_sae(), self.atlas.hook, self.atlas.languages
        )

    def stream(self, query: Query) -> str:
        """Return the pooled stream of the query's modality."""
        return f"{query.modality}.pooled"

    def names(self, feature: int) -> dict[str, str]:
        """Return the names of a feature by language."""
        return {tag: text for tag, (text, _) in self.atlas.names(feature).items() if text}

    def maximum(self, query: Query) -> Float[np.ndarray, "d_sae"]:
        """Return the largest activation of every feature in rows of the modality."""
        return self.atlas.features()[f"max_activation_{query.modality}"]

    def rate(self, query: Query) -> Float[np.ndarray, "d_sae"]:
        """Return the share of rows of the modality on which every feature fires."""
        return self.atlas.features()[f"firing_rate_{query.modality}"]

    def firing(self, query: Query, feature: int) -> dict[int, float]:
        """Return a feature's largest activation in each item shown on which it fires."""
        firing = self._codes(query, feature)
        found = {
            item: max((firing.get(row, 0.0) for row in rows), default=0.0)
            for item, rows in self.galleries.rows(self.stream(query)).items()
        }
        return {item: most for item, most in found.items() if most > 0}

    def activations(self, query: Query, item: int) -> Float[np.ndarray, "d_sae"]:
        """Return the code of an item's picture, or of its first caption in a text's language.

        Raises
        ------
        MmfeatError
            If it has no such row.
        """
        stream = self.stream(query)
        if query.language is None:
            rows = self.atlas.rows_of_item(stream, item)
        else:
            caption = first_caption(self.atlas, item, query.language)
            rows = self.atlas.rows_of_caption(stream, caption.index)
        if not rows:
            raise MmfeatError(
                f"{self.atlas.items().item_id[item]} has no {query.kind} in {self.source}; choose "
                "another item."
            )
        codes = self.atlas.codes_of_rows(stream, rows.start, rows.start + 1)
        return np.asarray(codes.toarray()[0])

    def sides(self, query: Query, features: Sequence[int]) -> Sides | None:
        """Return rows of the strongest examples, and of random items without the features.

        Of a text, captions in its language.
        """
        tag = query.language
        fires = {row for feature in features for row in self._codes(query, feature)}
        rng = np.random.default_rng(UNIT_SEED)
        order = [int(item) for item in rng.permutation(self.galleries.items)]
        rows = self.galleries.rows(self.stream(query))
        silent = [item for item in order if rows[item] and fires.isdisjoint(rows[item])]
        if tag is None:
            examples = (e.item for feature in features for e in self.atlas.image_examples(feature))
            sides = [
                [i for i in items if i != query.item and self.atlas.thumbnail(i) is not None]
                for items in (dict.fromkeys(examples), silent[:_SILENT])
            ]
            if not all(sides):
                return None
            fired, none = ([picture_of(self.atlas, i) for i in items] for items in sides)
            return self.encoder.images(fired).x, self.encoder.images(none).x
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
        found, others = (self.encoder.texts(own, [tag] * len(own)).x for own in texts)
        return found, others

    def _codes(self, query: Query, feature: int) -> dict[int, float]:
        """Return the activations of a feature by row."""
        rows, values = self.atlas.codes_of_feature(self.stream(query), feature)
        return dict(zip(rows.tolist(), values.tolist(), strict=True))
