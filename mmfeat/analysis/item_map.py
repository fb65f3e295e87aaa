"""A map of items by their codes, however many there are (UMAP; McInnes et al. 2018)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from mmfeat.analysis.maps import MapSettings
from mmfeat.progress import Advance, ignore

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Items that are laid out together: more are put where their neighbours among these are, so that
# memory and time of the layout are bounded.
LAID_OUT = 100_000

Block = tuple[Int[np.ndarray, "items"], "csr_array"]


def item_map(
    blocks: Callable[[], Iterable[Block]],
    n_items: int,
    settings: MapSettings,
    advance: Advance = ignore,
) -> Float[np.ndarray, "n_items 2"]:
    """Lay out items by the cosine of their codes.

    Of more than `LAID_OUT` items a seeded sample of so many is laid out, and the others are
    placed among them, a block at a time. One seed gives one map.

    Parameters
    ----------
    blocks : callable
        Gives the items in blocks, from the beginning each time it is called: their indices and
        their codes, float32 [items, d_sae].
    n_items : int
        All items, those without codes among them.
    settings : MapSettings
        Neighbours used, spread and seed.
    advance : callable
        Told how many items have their place.

    Returns
    -------
    float32 [n_items, 2]
        NaN for an item of which no feature fires.
    """
    fires = np.zeros(n_items, bool)
    for items, codes in blocks():
        fires[items] = np.diff(codes.indptr) > 0
    places = np.full((n_items, 2), np.nan, np.float32)
    chosen = np.flatnonzero(fires)
    if len(chosen) < 4:  # too few for a layout: on a line
        places[chosen] = np.stack([np.arange(len(chosen)), np.zeros(len(chosen))], 1)
        advance(n_items)
        return places
    if len(chosen) > LAID_OUT:
        rng = np.random.default_rng(settings.seed)
        chosen = rng.choice(chosen, LAID_OUT, replace=False)
    together = np.zeros(n_items, bool)
    together[chosen] = True
    place = _laid_out(blocks, together, settings, places)
    advance(len(chosen) + int((~fires).sum()))
    rest = fires & ~together
    for items, codes in blocks() if rest.any() else ():
        own = rest[items]
        if own.any():
            places[items[own]] = place(codes[own])
            advance(int(own.sum()))
    return places


def _laid_out(
    blocks: Callable[[], Iterable[Block]],
    together: np.ndarray,
    settings: MapSettings,
    places: np.ndarray,
) -> Callable[[csr_array], np.ndarray]:
    """Put the items laid out together into `places`; return what places others among them."""
    import warnings

    import umap
    from scipy.sparse import csr_matrix, vstack

    def plain(codes: csr_array) -> csr_matrix:
        codes.sort_indices()
        # UMAP knows no sparse arrays, and its search no wider indices.
        parts = (codes.indices.astype(np.int32), codes.indptr.astype(np.int32))
        return csr_matrix((codes.data.astype(np.float32), *parts), codes.shape)

    found, rows = [], []
    for items, codes in blocks():
        own = together[items]
        found.append(items[own])
        rows.append(codes[own])
    items = np.concatenate(found)
    reducer = umap.UMAP(
        n_neighbors=min(settings.n_neighbors, len(items) - 1),
        min_dist=settings.min_dist,
        metric="cosine",
        random_state=settings.seed,
        transform_seed=settings.seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fixed seed runs on one thread: that is wanted
        places[items] = reducer.fit_transform(plain(vstack(rows, "csr")))

    def place(codes: csr_array) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(reducer.transform(plain(codes)), np.float32)

    return place
