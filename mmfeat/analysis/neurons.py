"""Whether a feature is a neuron already: its best correlation with one (Templeton et al. 2024).

For 82 % of the paper's features no neuron of the preceding layers correlates with more than 0.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int

from mmfeat.analysis.bridge import moments
from mmfeat.errors import MmfeatError
from mmfeat.store.activations import Stream

if TYPE_CHECKING:
    from mmfeat.analysis.codes import Codes

WEAK = 0.3  # the paper's bound on a correlation that makes no neuron
_CHUNK = 16_384
# Most sums of products held at a time: neurons are taken some at a time.
_CELLS = 1 << 25


@dataclass(frozen=True)
class BestNeuron:
    """The neuron that goes best with each feature.

    Attributes
    ----------
    correlation : float64 [d_sae]
        Pearson's, of largest magnitude, with its sign; NaN where the feature never fires or
        fires alike on all rows, or all neurons are constant.
    neuron : int32 [d_sae]
        Its dimension, the first where alike; -1 where there is none.
    """

    correlation: Float[np.ndarray, "d_sae"]
    neuron: Int[np.ndarray, "d_sae"]


def weak_share(
    correlation: Float[np.ndarray, "d_sae"], features: Bool[np.ndarray, "d_sae"]
) -> float | None:
    """Return the share of features with |r| of at most `WEAK`, of those that have an r."""
    known = correlation[features & ~np.isnan(correlation)]
    return float((np.abs(known) <= WEAK).mean()) if len(known) else None


def same_rows(a: Stream, b: Stream) -> bool:
    """Return whether the rows of two streams come from the same places, one by one."""
    return a.n == b.n and all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("item", "caption", "position")
    )


def best_neuron(
    codes: Codes,
    rows: Stream,
    neurons: Stream,
    chunk: int = _CHUNK,
    cells: int = _CELLS,
) -> BestNeuron:
    """Correlate every feature with every neuron over all rows, from sums in float64.

    Parameters
    ----------
    codes
        Codes of `rows`.
    rows
        The stream that was encoded.
    neurons
        A stream of any hook point with the same rows; its raw dimensions are the neurons.
    chunk, cells
        Rows read at a time, and the bound on the sums held.

    Raises
    ------
    MmfeatError
        If the streams have not the same rows.
    """
    if codes.n != rows.n or not same_rows(rows, neurons):
        raise MmfeatError(
            f"The rows of {rows.name} that were encoded and those of {neurons.name} whose neurons "
            "are asked for are not of the same items and captions; extract both hook points into "
            "one file."
        )
    n, f = codes.n, codes.d_sae
    best = BestNeuron(np.full(f, np.nan), np.full(f, -1, np.int32))
    if n < 2:
        return best
    z = codes.matrix()
    mean, sd = moments(z)
    step = max(1, cells // f)
    for first in range(0, neurons.d, step):
        part = slice(first, min(first + step, neurons.d))
        width = part.stop - part.start
        # Near to the mean, so that little is lost when it is taken off.
        origin = neurons.mean[:, part].mean(axis=0, dtype=np.float64)
        total, square = np.zeros(width), np.zeros(width)
        product = np.zeros((f, width))
        for start in range(0, n, chunk):
            stop = min(start + chunk, n)
            x = np.asarray(neurons.x[start:stop][:, part], np.float64) - origin
            total += x.sum(axis=0)
            square += np.einsum("nd,nd->d", x, x)
            _add_products(product, z[start:stop], x)
        x_mean = total / n
        x_sd = np.sqrt(np.maximum(square / n - x_mean**2, 0))
        # What rounding leaves of a constant neuron is no variance.
        x_sd[x_sd <= 1e-7 * np.sqrt(square / n + origin**2)] = np.nan
        product /= n
        product -= mean[:, None] * x_mean
        product /= sd[:, None] * x_sd
        _keep_better(best, product, first)
    return best


def _add_products(
    into: Float[np.ndarray, "d_sae neurons"],
    z: sp.csr_array,
    x: Float[np.ndarray, "rows neurons"],
) -> None:
    """Add z^T x, for the features that fire."""
    live, column = np.unique(z.indices, return_inverse=True)
    own = sp.csr_array((z.data, column, z.indptr), (z.shape[0], len(live)))
    into[live] += own.T @ x


def _keep_better(best: BestNeuron, r: Float[np.ndarray, "d_sae neurons"], first: int) -> None:
    magnitude = np.where(np.isnan(r), -1.0, np.abs(r))
    at = magnitude.argmax(axis=1)
    features = np.arange(len(r))
    found = magnitude[features, at]
    before = np.where(np.isnan(best.correlation), -1.0, np.abs(best.correlation))
    better = found > before
    best.correlation[better] = np.clip(r[features, at], -1, 1)[better]
    best.neuron[better] = (at + first)[better]
