r"""Where in a picture or a caption a feature fires: statistics of patches and of tokens.

For a feature with activations z on the rows (patches or tokens) of one whole (a picture or a
caption) on which it fires at all, :math:`q = z / \sum z`:

.. math:: \text{concentration} = \max q, \qquad
          \text{entropy} = -\sum q \ln q \,/\, \ln(\text{rows of the whole}),

both averaged over these wholes. All sums are over neighbouring codes in the order of
features, in one pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

if TYPE_CHECKING:
    from mmfeat.analysis.codes import Codes


PARTS = 5  # of a whole, in order
# Most codes taken at a time.
_CODES = 1 << 22


@dataclass(frozen=True)
class Positions:
    """Statistics of `features` features in g groups of rows (languages, or one for pictures).

    Attributes
    ----------
    rate : float32 [features, g]
        Share of rows the feature fires on; NaN for a group without rows.
    whole_rate : float32 [features, g]
        Share of pictures or captions in which it fires on a row at least.
    concentration : float32 [features]
        Mean share of its activation on its strongest row of a whole; NaN where it is silent.
    entropy : float32 [features]
        Mean entropy over the rows of a whole, from 0 (one row) to 1 (all alike); wholes of a
        single row do not count.
    parts : float32 [features, PARTS]
        Share of its firings in each fifth of a whole, in order of position.
    mass : float32 [features, cells] or None
        Share of its activation on each cell of the grid, where all pictures have one.
    """

    rate: Float[np.ndarray, "features groups"]
    whole_rate: Float[np.ndarray, "features groups"]
    concentration: Float[np.ndarray, "features"]
    entropy: Float[np.ndarray, "features"]
    parts: Float[np.ndarray, "features parts"]
    mass: Float[np.ndarray, "features cells"] | None


@dataclass(frozen=True)
class Wholes:
    """Which rows belong together.

    Attributes
    ----------
    whole : int [rows]
        The picture or caption of each row, from 0, ascending.
    group : int [wholes]
        Its language, or 0.
    rows : int [wholes]
        How many rows it has.
    part : int8 [rows]
        Which fifth of its whole a row is in.
    groups : int
        Languages, or 1.
    cell : int [rows] or None
        The row's cell of a grid of `cells`.
    """

    whole: Int[np.ndarray, "rows"]
    group: Int[np.ndarray, "wholes"]
    rows: Int[np.ndarray, "wholes"]
    part: Int[np.ndarray, "rows"]
    groups: int
    cell: Int[np.ndarray, "rows"] | None
    cells: int


def wholes(
    owner: Int[np.ndarray, "rows"],
    position: Int[np.ndarray, "rows"],
    group: Int[np.ndarray, "rows"],
    groups: int,
    cells: int = 0,
) -> Wholes:
    """Gather rows by their picture or caption.

    Parameters
    ----------
    owner : int [rows]
        Item or caption, ascending.
    position : int [rows]
        Where in it.
    group : int [rows]
        Language, or 0 for pictures.
    groups : int
        How many there are.
    cells : int
        Cells of the grid, where all pictures have one: then a position is a cell.
    """
    _, first, whole, rows = np.unique(
        owner, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.lexsort((position, whole))
    rank = np.empty(len(owner), np.int64)
    rank[order] = np.arange(len(owner)) - np.repeat(np.cumsum(rows) - rows, rows)
    part = (rank * PARTS // rows[whole]).astype(np.int8)
    cell = position.astype(np.int64) if cells else None
    return Wholes(
        whole.astype(np.int64), group[first].astype(np.int64), rows, part, groups, cell, cells
    )


def blocks(*codes: Codes, width: int) -> Iterator[slice]:
    """Iterate over ranges of features with boundedly many codes, and results of that width."""
    total = width * np.arange(1, codes[0].d_sae + 1, dtype=np.int64)
    work = sum((own.feature_indptr[1:] for own in codes), total) // _CODES
    edges = [0, *(np.flatnonzero(np.diff(work)) + 1).tolist(), codes[0].d_sae]
    for first, last in pairwise(edges):
        yield slice(first, last)


def entries(
    codes: Codes, data: Float[np.ndarray, "nnz"], features: slice
) -> tuple[Int[np.ndarray, "n"], Int[np.ndarray, "n"], Float[np.ndarray, "n"]]:
    """Return feature (from 0), row and activation of the codes of some features, in order.

    `data` is ``codes.feature_data``, which is made anew each time it is asked for.
    """
    indptr = codes.feature_indptr[features.start : features.stop + 1]
    part = slice(indptr[0], indptr[-1])
    feature = np.repeat(np.arange(features.stop - features.start), np.diff(indptr))
    return feature, codes.feature_rows[part], data[part].astype(np.float64)


def positions(codes: Codes, own: Wholes) -> Iterator[tuple[slice, Positions]]:
    """Iterate over ranges of features with their statistics, in one pass over the codes."""
    data = codes.feature_data
    for features in blocks(codes, width=own.groups + own.cells):
        n = features.stop - features.start
        yield features, _positions(n, own, *entries(codes, data, features))


def _positions(
    n: int,
    own: Wholes,
    feature: Int[np.ndarray, "nnz"],
    row: Int[np.ndarray, "nnz"],
    z: Float[np.ndarray, "nnz"],
) -> Positions:
    groups, whole = own.groups, own.whole[row]
    # Rows ascend within a feature, and so do their wholes: a run is one of them.
    new = np.ones(len(row), bool)
    new[1:] = (np.diff(feature) != 0) | (np.diff(whole) != 0)
    start = np.flatnonzero(new)
    run = np.cumsum(new) - 1
    of, its = feature[start], whole[start]
    total, runs = np.bincount(run, z, len(start)), np.bincount(of, minlength=n)
    strongest = np.maximum.reduceat(z, start) if len(start) else z
    q = z / total[run]
    spread = np.bincount(run, -q * np.log(q), len(start))
    many = own.rows[its] > 1
    several = np.bincount(of[many], minlength=n)
    rows = np.bincount(own.group, own.rows, groups)
    firings = np.bincount(feature * groups + own.group[whole], minlength=n * groups)
    reached = np.bincount(of * groups + own.group[its], minlength=n * groups)
    by_part = np.bincount(feature * PARTS + own.part[row], minlength=n * PARTS).reshape(n, PARTS)
    mass = None
    if own.cell is not None:
        sums = np.bincount(feature * own.cells + own.cell[row], z, n * own.cells)
        mass = _over(sums.reshape(n, own.cells), np.bincount(feature, z, n)[:, None])
    return Positions(
        rate=_over(firings.reshape(n, groups), rows),
        whole_rate=_over(reached.reshape(n, groups), np.bincount(own.group, minlength=groups)),
        concentration=_over(np.bincount(of, strongest / total, n), runs),
        entropy=_over(
            np.bincount(of[many], spread[many] / np.log(own.rows[its[many]]), n), several
        ),
        parts=_over(by_part, by_part.sum(1, keepdims=True)),
        mass=mass,
    )


def _over(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    return np.where(lower > 0, upper / np.where(lower > 0, lower, 1), np.nan).astype(np.float32)
