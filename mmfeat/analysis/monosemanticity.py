r"""Whether features fire on similar rows: monosemanticity (Pach et al., NeurIPS 2025).

The activation-weighted mean pairwise cosine of rows, in closed form: with unit
embeddings :math:`E` and min-max activations :math:`a` of a feature,

.. math:: \frac{\|E^\top a\|^2 - \sum a^2}{(\sum a)^2 - \sum a^2}

and across modalities, over all pairs of a row of :math:`X` and one of :math:`Y`,
:math:`(X^\top a) \cdot (Y^\top b) / (\sum a \sum b)`.

Embeddings are the backbone's own, or those of items' pictures by a second encoder, as in the
paper: a backbone that confuses two things finds its own confusion coherent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from mmfeat.analysis.retrieval import unit_rows
from mmfeat.errors import MmfeatError
from mmfeat.store.activations import Stream

if TYPE_CHECKING:
    from mmfeat.analysis.codes import Codes

_CHUNK = 16_384


@dataclass(frozen=True)
class Weighted:
    """Sums over rows, weighted by each feature's min-max activation a.

    Attributes
    ----------
    embedding : float64 [d_sae, d]
        Sum of a e, e the unit embedding of a row.
    total, square : float64 [d_sae]
        Sum of a, and of a^2.
    count : int64 [d_sae]
        Rows the feature fires on.
    """

    embedding: Float[np.ndarray, "d_sae d"]
    total: Float[np.ndarray, "d_sae"]
    square: Float[np.ndarray, "d_sae"]
    count: Int[np.ndarray, "d_sae"]


def weighted(
    stream: Stream,
    codes: Codes,
    rows: Int[np.ndarray, "chosen"],
    pictures: Stream | Float[np.ndarray, "items d"] | None = None,
) -> Weighted:
    """Sum the chosen rows of a stream, ascending, as each feature weighs them.

    Embeddings are raw rows less the train mean of their stream and language,
    scaled to unit norm. Activations run from 0 at the least to 1 at the
    greatest over the chosen rows; those of a feature that fires alike on all of
    them are 0.

    Parameters
    ----------
    stream : Stream
        Where the rows are, and their embeddings.
    codes : Codes
        Of all its rows.
    rows : int array
        The chosen ones.
    pictures : Stream or float [items, d], optional
        Pooled pictures of the same items by a second encoder. A row's embedding then is that
        of its item's picture, for captions as well, so that a backbone does not judge its own
        features. Rows of an array are taken as they are, but for their norm. Rows without a
        picture there (none in the stream, NaN in the array) are left out.

    Raises
    ------
    MmfeatError
        If the second encoder's array has another number of items.
    """
    second = None if pictures is None else _Pictures(pictures, stream)
    if second is not None:
        rows = rows[second.known[stream.item[rows]]]
    own = codes.select(rows)
    values = own.data.astype(np.float64)
    count = np.bincount(own.indices, minlength=own.d_sae)
    low, high = np.full(own.d_sae, np.inf), np.zeros(own.d_sae)
    np.minimum.at(low, own.indices, values)
    np.maximum.at(high, own.indices, values)
    low[count < len(rows)] = 0.0  # it is silent somewhere
    span = np.where(high > low, high - low, np.inf)
    a = (values - low[own.indices]) / span[own.indices]
    weights = sp.csr_array((a, own.indices, own.indptr), (own.n, own.d_sae))
    embedding = np.zeros((own.d_sae, stream.d if second is None else second.d))
    if second is None:
        for part, x in stream.chunks():
            first, last = np.searchsorted(rows, [part.start, part.stop])
            if last > first:
                embedding += weights[first:last].T @ unit_rows(x[rows[first:last] - part.start])
    else:
        for first in range(0, len(rows), _CHUNK):
            e = second.of(stream.item[rows[first : first + _CHUNK]])
            embedding += weights[first : first + _CHUNK].T @ e
    return Weighted(
        embedding,
        np.bincount(own.indices, a, own.d_sae),
        np.bincount(own.indices, a**2, own.d_sae),
        count,
    )


class _Pictures:
    """Unit embeddings of items' pictures by a second encoder."""

    def __init__(self, pictures: Stream | Float[np.ndarray, "items d"], stream: Stream) -> None:
        if isinstance(pictures, Stream):
            self.d = pictures.d
            size = max(int(column.max(initial=-1)) for column in (stream.item, pictures.item)) + 1
            self._row = np.full(size, -1, np.int64)
            self._row[pictures.item] = np.arange(pictures.n)
        else:
            if int(stream.item.max(initial=-1)) >= len(pictures):
                raise MmfeatError(
                    f"The second encoder has pictures of {len(pictures)} items, but the "
                    "activations have more; give one row for each item of the corpus."
                )
            self.d = pictures.shape[1]
            self._row = np.where(np.isfinite(pictures).all(1), np.arange(len(pictures)), -1)
        self._pictures = pictures
        self.known = self._row >= 0

    def of(self, items: Int[np.ndarray, "rows"]) -> Float[np.ndarray, "rows d"]:
        """Return the embedding of each item."""
        row, back = np.unique(self._row[items], return_inverse=True)
        if isinstance(self._pictures, Stream):
            x = self._pictures.take(row)
            return unit_rows(self._pictures.standardised(x, np.zeros(len(row), np.int16)))[back]
        return unit_rows(self._pictures[row].astype(np.float64))[back]


def monosemanticity(sums: Weighted) -> Float[np.ndarray, "d_sae"]:
    """Return each feature's score; NaN where fewer than two rows weigh anything."""
    pairs = sums.total**2 - sums.square
    similar = np.einsum("fd,fd->f", sums.embedding, sums.embedding) - sums.square
    # Rounding may leave a trace of a pair where there is a single row.
    some = (sums.count >= 2) & (pairs > 1e-12 * sums.total**2)
    return np.asarray(np.where(some, similar / np.where(some, pairs, 1), np.nan))


def monosemanticity_across(x: Weighted, y: Weighted) -> Float[np.ndarray, "d_sae"]:
    """Return each feature's score over all pairs of a row of x and a row of y.

    An item's own pair is one of them. NaN where a feature fires on fewer than two
    rows of either.
    """
    pairs = x.total * y.total
    some = (x.count >= 2) & (y.count >= 2) & (pairs > 0)
    similar = np.einsum("fd,fd->f", x.embedding, y.embedding)
    return np.asarray(np.where(some, similar / np.where(some, pairs, 1), np.nan))
