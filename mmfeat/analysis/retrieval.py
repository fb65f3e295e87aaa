"""Retrieval across modalities: recall@k with equal hits and pessimistic ties."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def unit_rows(x: Float[np.ndarray, "rows d"]) -> Float[np.ndarray, "rows d"]:
    """Scale rows to unit norm; zero rows stay zero."""
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12))


def recall_at(
    queries: Float[np.ndarray, "q d"],
    gallery: Float[np.ndarray, "g d"],
    query_key: Int[np.ndarray, "q"],
    gallery_key: Int[np.ndarray, "g"],
    k: int,
    chunk: int = 1024,
) -> float:
    """Return the share of queries that find a hit among their k nearest by cosine.

    Every gallery row with the query's key is a hit (items with identical
    pictures have one key). Ties are pessimistic: a wrong row that scores as
    high as the best hit stands before it, so that constant codes find nothing.
    """
    q, g = unit_rows(queries.astype(np.float32)), unit_rows(gallery.astype(np.float32))
    found = 0
    for start in range(0, len(q), chunk):
        scores = q[start : start + chunk] @ g.T
        hit = query_key[start : start + chunk, None] == gallery_key[None]
        best = np.where(hit, scores, -np.inf).max(1, keepdims=True)
        before = ((scores >= best) & ~hit).sum(1)
        found += int(((before < k) & hit.any(1)).sum())
    return found / len(q)
