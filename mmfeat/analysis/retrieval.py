"""Retrieval across modalities: recall@k with equal hits and pessimistic ties."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

# Cosines this near are a tie: rows that point the same way differ by rounding alone.
_ROUNDING = 1e-6
# Most scores held at a time.
_CELLS = 1 << 24


def unit_rows(x: Float[np.ndarray, "rows d"]) -> Float[np.ndarray, "rows d"]:
    """Scale rows to unit norm; zero rows stay zero."""
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12))


def _unit(x: np.ndarray | sp.sparray) -> np.ndarray | sp.csr_array:
    if not sp.issparse(x):
        return unit_rows(np.asarray(x, np.float32))
    rows = sp.csr_array(x, dtype=np.float64)
    norm = np.sqrt(rows.multiply(rows).sum(axis=1))
    return sp.csr_array(sp.diags_array(1 / np.maximum(norm, 1e-12)) @ rows)


def wrong_before(
    queries: Float[np.ndarray, "q d"] | sp.sparray,
    gallery: Float[np.ndarray, "g d"] | sp.sparray,
    query_key: Int[np.ndarray, "q"],
    gallery_key: Int[np.ndarray, "g"],
    chunk: int | None = None,
) -> Int[np.ndarray, "q"]:
    """Return how many wrong gallery rows stand before each query's best hit, by cosine.

    Every gallery row with the query's key is a hit (items with identical
    pictures have one key). Ties are pessimistic: a wrong row that scores as
    high as the best hit stands before it, so that constant codes find nothing.
    A query without a hit has more rows before it than any k. Both sides are
    dense, or both are sparse codes; only a chunk of scores is ever held.
    """
    q, g = _unit(queries), _unit(gallery).T
    rows = q.shape[0]
    step = chunk or max(1, _CELLS // max(1, len(gallery_key)))
    before = np.empty(rows, np.int64)
    for start in range(0, rows, step):
        part = slice(start, min(start + step, rows))
        scores = q[part] @ g
        scores = scores.toarray() if sp.issparse(scores) else scores
        hit = query_key[part, None] == gallery_key[None]
        best = np.where(hit, scores, -np.inf).max(1, keepdims=True, initial=-np.inf)
        wrong = ((scores >= best - _ROUNDING) & ~hit).sum(1)
        before[part] = np.where(hit.any(1), wrong, np.iinfo(np.int64).max)
    return before


def wrong_before_both(
    x: Float[np.ndarray, "x d"] | sp.sparray,
    y: Float[np.ndarray, "y d"] | sp.sparray,
    x_key: Int[np.ndarray, "x"],
    y_key: Int[np.ndarray, "y"],
    chunk: int | None = None,
) -> tuple[Int[np.ndarray, "x"], Int[np.ndarray, "y"]]:
    """Return `wrong_before` of x among y and of y among x, from one product of the two."""
    a, b = _unit(x), _unit(y)
    row, column = _hits(x_key, y_key)
    best_a, best_b = np.full(len(x_key), -np.inf), np.full(len(y_key), -np.inf)
    width = max(1, _CELLS // max(1, a.shape[1]))
    for at in range(0, len(row), width):
        r, c = row[at : at + width], column[at : at + width]
        score = (a[r].multiply(b[c]) if sp.issparse(a) else a[r] * b[c]).sum(axis=1)
        np.maximum.at(best_a, r, score)
        np.maximum.at(best_b, c, score)
    low_a, low_b = best_a[:, None] - _ROUNDING, best_b[None] - _ROUNDING
    before_a, before_b = np.zeros(len(x_key), np.int64), np.zeros(len(y_key), np.int64)
    step = chunk or max(1, _CELLS // max(1, len(y_key)))
    starts = np.searchsorted(row, np.arange(0, len(x_key) + step, step))
    other = b.T
    for index, start in enumerate(range(0, len(x_key), step)):
        part = slice(start, min(start + step, len(x_key)))
        scores = a[part] @ other
        scores = scores.toarray() if sp.issparse(scores) else scores
        own = slice(starts[index], starts[index + 1])
        r, c = row[own] - start, column[own]
        above = scores >= low_a[part].astype(scores.dtype)
        before_a[part] = above.sum(1) - np.bincount(r, above[r, c], len(scores))
        above = scores >= low_b.astype(scores.dtype)
        before_b += above.sum(0) - np.bincount(c, above[r, c], len(y_key)).astype(np.int64)
    before_a[np.isinf(best_a)] = before_b[np.isinf(best_b)] = np.iinfo(np.int64).max
    return before_a, before_b


def _hits(
    x_key: Int[np.ndarray, "x"], y_key: Int[np.ndarray, "y"]
) -> tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]]:
    """Return the pairs of rows with one key, ascending by x."""
    order = np.argsort(y_key, kind="stable")
    first, last = (np.searchsorted(y_key[order], x_key, side) for side in ("left", "right"))
    count = last - first
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(np.arange(len(x_key)), count), order[np.repeat(first, count) + within]


def recall_at(
    queries: Float[np.ndarray, "q d"],
    gallery: Float[np.ndarray, "g d"],
    query_key: Int[np.ndarray, "q"],
    gallery_key: Int[np.ndarray, "g"],
    k: int,
    chunk: int | None = None,
) -> float:
    """Return the share of queries that find a hit among their k nearest, see `wrong_before`."""
    before = wrong_before(queries, gallery, query_key, gallery_key, chunk)
    return float((before < k).mean())
