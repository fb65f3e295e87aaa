r"""What changed rows retrieve in the joint space, and what they are named, before and after.

A picture stands before a gallery of captions, or a text before one of pictures. Zero-shot
probabilities are those of CLIP (Radford et al. 2021): the softmax of :math:`s \cos` over the
gallery.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import softmax

from mmfeat.analysis.retrieval import unit_rows, wrong_before
from mmfeat.backbones.base import JOINT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mmfeat.backbones.base import Backbone, Edit, Inputs

LOGIT_SCALE = 100.0  # what CLIP's is kept below in training, and reaches
_DIGITS = 6  # of a cosine: what differs by less is a tie
_CELLS = 1 << 22  # cosines held at a time


@dataclass(frozen=True)
class Gallery:
    """What is retrieved from.

    Attributes
    ----------
    x : float32 [gallery, d]
        Rows of the joint space, of unit norm.
    key : int [gallery]
        Equal where rows mean the same: captions of one item, identical pictures.
    """

    x: Float[np.ndarray, "gallery d"]
    key: Int[np.ndarray, "gallery"]

    @classmethod
    def of(cls, x: Float[np.ndarray, "gallery d"], key: Int[np.ndarray, "gallery"]) -> Gallery:
        """Return a gallery of raw rows."""
        return cls(unit_rows(np.asarray(x, np.float32)), np.asarray(key))

    def cosines(self, queries: Float[np.ndarray, "queries d"]) -> Float[np.ndarray, "q gallery"]:
        """Return the cosine of each query with each row, to six digits."""
        found = unit_rows(np.asarray(queries, np.float32)) @ self.x.T
        return np.asarray(found.round(_DIGITS))


@dataclass(frozen=True)
class Standing:
    """How the right rows of a gallery stand for each query.

    Attributes
    ----------
    wrong : int [queries]
        Wrong rows before the best right one (`mmfeat.analysis.retrieval.wrong_before`); the
        largest integer for a query with no right row.
    probability : float [queries]
        Zero-shot probability of the right rows together; NaN for a query with none.
    """

    wrong: Int[np.ndarray, "queries"]
    probability: Float[np.ndarray, "queries"]


def standing(
    queries: Float[np.ndarray, "queries d"],
    gallery: Gallery,
    key: Int[np.ndarray, "queries"],
    scale: float = LOGIT_SCALE,
) -> Standing:
    """Return rank and probability of the rows that have a query's key, for each query."""
    wrong = wrong_before(np.asarray(queries, np.float32), gallery.x, key, gallery.key)
    probability = np.full(len(queries), np.nan)
    step = max(1, _CELLS // max(1, len(gallery.key)))
    for at in range(0, len(queries), step):
        part = slice(at, at + step)
        right = key[part, None] == gallery.key[None]
        share = softmax(scale * gallery.cosines(queries[part]).astype(np.float64), axis=1)
        known = right.any(1)
        probability[part][known] = (share * right).sum(1)[known]
    return Standing(wrong, probability)


def towards(
    cosines: Float[np.ndarray, "queries gallery"], wanted: Bool[np.ndarray, "gallery"]
) -> Float[np.ndarray, "queries"]:
    """Return the share of the other rows that stand behind a wanted one, mean over wanted rows.

    1 where all wanted rows come first, 0.5 where they stand anywhere (it is the area under the
    ROC curve); ties count half. NaN where all or none are wanted.
    """
    if not wanted.any() or wanted.all():
        return np.full(len(cosines), np.nan)
    others = cosines[:, ~wanted]
    # Counted by a product, which is several times as fast as to sum booleans; exact below 2^24.
    one, total = np.ones(others.shape[1], np.float32), np.zeros(len(cosines))
    for column in np.flatnonzero(wanted).tolist():
        own = cosines[:, column, None]
        total += (others < own).astype(np.float32) @ one
        total += (others <= own).astype(np.float32) @ one
    return np.asarray(total / (2 * wanted.sum() * others.shape[1]))


def nearest(
    query: Float[np.ndarray, "d"], gallery: Gallery, count: int, scale: float = LOGIT_SCALE
) -> list[tuple[int, float, float]]:
    """Return row, cosine and zero-shot probability of the rows nearest to a query, descending."""
    cosine = gallery.cosines(query[None])[0]
    share = softmax(scale * cosine.astype(np.float64))
    order = np.argsort(-cosine, kind="stable")[:count]
    return [(int(row), float(cosine[row]), float(share[row])) for row in order]


def edited(x: Float[np.ndarray, "rows d"], edit: Edit) -> Float[np.ndarray, "rows d"]:
    """Return stored rows as an edit changes them: at ``joint`` that is all there is to do."""
    import torch

    with torch.inference_mode():
        return np.asarray(edit(torch.tensor(np.asarray(x, np.float32))).numpy())


def joint_rows(
    backbone: Backbone, inputs: Inputs, edits: Mapping[tuple[str, str], Edit] | None = None
) -> Float[np.ndarray, "inputs d"]:
    """Return pooled rows of the joint space, with rows changed on the way.

    Raises
    ------
    MmfeatError
        If the backbone has no joint space or no such hook point.
    """
    stream = "text.pooled" if inputs.is_text else "image.pooled"
    return backbone.run(inputs, {JOINT: (stream,)}, edits)[JOINT][stream].x
