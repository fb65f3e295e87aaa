"""Features whose decoder rows point the same way."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int


def neighbours(
    decoder: Float[np.ndarray, "d_sae d_in"], k: int = 20, chunk: int = 256
) -> tuple[Int[np.ndarray, "d_sae k"], Float[np.ndarray, "d_sae k"]]:
    """Return the k features of largest cosine to each decoder row, and the cosines.

    Exact, in chunks; a feature is not its own neighbour. With fewer than k
    other features the rest is padded with -1 and NaN.
    """
    norms = np.linalg.norm(decoder, axis=1, keepdims=True)
    unit = torch.from_numpy((decoder / np.maximum(norms, 1e-12)).astype(np.float32))
    f = len(unit)
    m = min(k, f - 1)
    index = np.full((f, k), -1, np.int32)
    cosine = np.full((f, k), np.nan, np.float32)
    for start in range(0, f if m > 0 else 0, chunk):
        stop = min(start + chunk, f)
        similarity = unit[start:stop] @ unit.T
        similarity.diagonal(start).fill_(-torch.inf)
        # For a few of a long row a partial sort is several times as fast as NumPy's partition.
        values, best = (found.numpy() for found in similarity.topk(m, dim=1))
        order = np.lexsort((best, -values), axis=1)
        index[start:stop, :m] = np.take_along_axis(best, order, 1)
        cosine[start:stop, :m] = np.take_along_axis(values, order, 1)
    return index, cosine
