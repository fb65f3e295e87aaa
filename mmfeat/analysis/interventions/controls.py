"""What an effect is compared with: other features, another direction, and no change at all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from mmfeat.backbones.base import Edit

_WINDOW = 2  # controls are drawn from so many times as many features of neighbouring rank


@dataclass(frozen=True)
class Effect:
    """An effect beside those of its controls.

    Attributes
    ----------
    value : float
        What the change did.
    controls : float [n]
        What the same change of control features did.
    """

    value: float
    controls: Float[np.ndarray, "n"]

    @property
    def exceeded(self) -> float:
        """Share of controls with a smaller effect; NaN without controls or an effect."""
        if not len(self.controls) or np.isnan(self.value):
            return float("nan")
        return float((self.controls < self.value).mean())

    @property
    def p(self) -> float:
        """``(1 + #{control >= effect}) / (1 + n)``: one-sided, never 0; NaN without an effect."""
        if np.isnan(self.value):
            return float("nan")
        return float((1 + (self.controls >= self.value).sum()) / (1 + len(self.controls)))


def matched(
    rate: Float[np.ndarray, "d_sae"],
    features: Sequence[int],
    n: int,
    seed: int,
    usable: Bool[np.ndarray, "d_sae"] | None = None,
    without: Collection[int] = (),
) -> Int[np.ndarray, "n m"]:
    """Draw controls: for each of m features, others that fire as often.

    Candidates fire at all; of the 2 n whose rank by firing rate is nearest to the feature's, n
    are drawn. No feature is drawn twice; where there are too few, there are fewer controls.

    Parameters
    ----------
    rate : float [d_sae]
        Firing rates in rows of the stream that is changed.
    features : sequence of int
        What is changed.
    n : int
        How many controls.
    seed : int
        Of the draw.
    usable : bool [d_sae], optional
        What else a candidate must fulfil.
    without : collection of int
        Features that are no candidates either.

    Returns
    -------
    int [n, m]
        A control a row.
    """
    own = np.asarray(rate, np.float64)
    fits = np.nan_to_num(own) > 0
    if usable is not None:
        fits &= usable
    fits[[*features, *without]] = False
    candidates = np.flatnonzero(fits)
    candidates = candidates[np.argsort(own[candidates], kind="stable")]
    rng = np.random.default_rng(seed)
    count = min(n, len(candidates) // len(features)) if features else 0
    found = np.empty((count, len(features)), np.int64)
    for column, feature in enumerate(features):
        window = min(len(candidates), _WINDOW * count)
        place = int(np.searchsorted(own[candidates], own[feature]))
        first = min(max(0, place - window // 2), len(candidates) - window)
        found[:, column] = rng.permutation(candidates[first : first + window])[:count]
        candidates = candidates[~np.isin(candidates, found[:, column])]
    return found


def difference_of_means(
    positive: Float[np.ndarray, "p d"], negative: Float[np.ndarray, "q d"]
) -> Float[np.ndarray, "d"]:
    """Return the unit direction from the mean of some rows to the mean of others.

    Raises
    ------
    MmfeatError
        If there are none on a side, or the means are equal.
    """
    if not len(positive) or not len(negative):
        raise MmfeatError(
            "A difference of means takes rows on which the features fire and rows on which they "
            "do not; choose features for which there are both."
        )
    found = np.mean(positive, 0, dtype=np.float64) - np.mean(negative, 0, dtype=np.float64)
    norm = float(np.linalg.norm(found))
    if norm == 0:
        raise MmfeatError("The means of both sides are equal; choose other rows.")
    return np.asarray(found / norm, np.float32)


class DirectionEdit:
    """Moves each row as far as another edit does, but along one direction.

    Forth where the other edit moves the row along the direction, back where against it.

    Parameters
    ----------
    direction : float [d]
        Of unit norm.
    edit : callable
        The edit that says how far.
    """

    def __init__(self, direction: Float[np.ndarray, "d"], edit: Edit) -> None:
        self.direction, self.edit = direction, edit

    def __call__(self, x: Float[Tensor, "rows d"]) -> Float[Tensor, "rows d"]:
        """Return the moved rows, of the same type and on the same device."""
        moved = self.edit(x).float() - x.float()
        direction = torch.tensor(self.direction, dtype=torch.float32, device=x.device)
        sign = torch.where(moved @ direction < 0, -1.0, 1.0)
        length = sign * moved.norm(dim=1)
        new: Tensor = x.float() + length[:, None] * direction
        return new.to(x.dtype)
