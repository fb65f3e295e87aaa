"""A map of the decoder directions (UMAP; McInnes et al. 2018)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from pydantic import BaseModel, ConfigDict, Field


class MapSettings(BaseModel):
    """Settings of the map; one seed gives one map."""

    model_config = ConfigDict(extra="forbid")

    n_neighbors: int = Field(15, ge=2, le=21)
    min_dist: float = Field(0.1, ge=0, le=1)
    seed: int = Field(0, ge=0)


def umap_of(
    decoder: Float[np.ndarray, "d_sae d_in"],
    index: Int[np.ndarray, "d_sae k"],
    cosine: Float[np.ndarray, "d_sae k"],
    settings: MapSettings,
) -> Float[np.ndarray, "d_sae 2"]:
    """Lay out decoder rows by cosine distance, with neighbours that are already known.

    Parameters
    ----------
    decoder : float32 [d_sae, d_in]
        Decoder rows.
    index, cosine : [d_sae, k]
        Each feature's nearest neighbours, without itself.
    settings : MapSettings
        Neighbours used, spread and seed.
    """
    import warnings

    import umap

    f = len(decoder)
    if f < 4:  # too few for a layout: on a line
        return np.stack([np.arange(f), np.zeros(f)], 1).astype(np.float32)
    n = min(settings.n_neighbors, f - 1)
    own = np.arange(f, dtype=np.int32)[:, None]
    indices = np.hstack([own, index[:, : n - 1]])
    distances = np.hstack([np.zeros((f, 1), np.float32), np.maximum(1 - cosine[:, : n - 1], 0)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fixed seed runs on one thread: that is wanted
        reducer = umap.UMAP(
            n_neighbors=n,
            min_dist=settings.min_dist,
            metric="cosine",
            random_state=settings.seed,
            precomputed_knn=(indices, distances.astype(np.float32), None),
            force_approximation_algorithm=True,
        )
        return np.asarray(reducer.fit_transform(decoder), dtype=np.float32)
