"""Mean and scale of the train rows of a stream, from sums that are taken as rows are written."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float, Int

_VALUES = 1 << 15  # made float64 at a time: held by the cache, and torch does not share them out
# A share of the mean squared norm below which a variance is rounding.
_ROUNDING = 1e-12


def part_sums(
    x: Float[np.ndarray, "rows d"], group: Int[np.ndarray, "rows"], used: Bool[np.ndarray, "rows"]
) -> dict[str, np.ndarray]:
    """Return sums over the rows of a part, for the groups it has rows of.

    Parameters
    ----------
    x : float [rows, d]
        As they are stored.
    group : int [rows]
        Which mean and scale a row counts for: its language, or 0 for pictures.
    used : bool [rows]
        The train rows.

    Returns
    -------
    dict
        ``group`` and ``count`` int64 [k], ``total`` float64 [k, d] and ``squares`` float64 [k].
    """
    import torch

    groups, count = np.unique(group[used], return_counts=True)
    total, squares = np.zeros((len(groups), x.shape[1])), np.zeros(len(groups))
    step = max(1, _VALUES // x.shape[1])
    for place, own in enumerate(groups):
        rows = np.flatnonzero(used & (group == own))
        for first in range(0, len(rows), step):
            # Torch reads float16 several times as fast as numpy does.
            values = torch.from_numpy(x[rows[first : first + step]]).float().numpy().astype(float)
            total[place] += values.sum(0)
            squares[place] += np.einsum("nd,nd->", values, values)
    return {
        "group": groups.astype(np.int64),
        "count": count.astype(np.int64),
        "total": total,
        "squares": squares,
    }


class Sums:
    """Sums over rows by group, to which those of parts are added.

    What float64 loses in an addition is kept beside the sum (Knuth's two-sum), so that the result
    is the same in whichever order, and by however many processes, parts were added.

    Attributes
    ----------
    count : int64 [groups]
        Rows.
    total : float64 [2, groups, d]
        Their sum, and what it lost.
    squares : float64 [2, groups]
        Sum of their squared norms, and what it lost.
    """

    def __init__(self, groups: int, d: int) -> None:
        self.count: Int[np.ndarray, "groups"] = np.zeros(groups, np.int64)
        self.total: Float[np.ndarray, "2 groups d"] = np.zeros((2, groups, d))
        self.squares: Float[np.ndarray, "2 groups"] = np.zeros((2, groups))

    def add_part(self, part: Mapping[str, np.ndarray]) -> None:
        """Add what `part_sums` returned."""
        group = part["group"]
        self.count[group] += part["count"]
        for sums, more in ((self.total, part["total"]), (self.squares, part["squares"])):
            sums[0, group], lost = _two_sum(sums[0, group], more)
            sums[1, group] += lost

    def add(self, other: Sums) -> None:
        """Add the sums over other rows."""
        self.count += other.count
        for sums, more in ((self.total, other.total), (self.squares, other.squares)):
            sums[0], lost = _two_sum(sums[0], more[0])
            sums[1] += more[1] + lost

    def mean_and_scale(
        self,
    ) -> tuple[Float[np.ndarray, "groups d"], Float[np.ndarray, "groups"]]:
        """Return the mean, and ``sqrt(d / E||x - mean||^2)``, of each group in float32.

        A group without rows has those of all rows; where rows do not differ the scale is 1.
        """
        total, squares = self.total.sum(0), self.squares.sum(0)
        count = np.maximum(self.count, 1)
        mean, energy = total / count[:, None], squares / count
        empty = self.count == 0
        if empty.any() and not empty.all():
            mean[empty] = total.sum(0) / self.count.sum()
            energy[empty] = squares.sum() / self.count.sum()
        variance = energy - (mean**2).sum(1)
        differ = variance > _ROUNDING * energy
        scale = np.where(differ, np.sqrt(mean.shape[1] / np.where(differ, variance, 1)), 1.0)
        return mean.astype(np.float32), scale.astype(np.float32)


def _two_sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a + b as float64 has it, and what is missing from it, exactly."""
    whole = a + b
    shifted = whole - a
    return whole, (a - (whole - shifted)) + (b - shifted)
