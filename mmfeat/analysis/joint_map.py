"""One map of the features of several SAEs: the neighbourhoods of Templeton et al. 2024."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from mmfeat.analysis.maps import MapSettings, umap_of
from mmfeat.analysis.neighbours import neighbours


def joint_map(
    decoders: Sequence[Float[np.ndarray, "f d"]], settings: MapSettings
) -> list[Float[np.ndarray, "f 2"]]:
    """Lay out the decoder rows of several SAEs together, by cosine.

    Neighbours are exact and of any SAE; nothing but the cosine brings features of one SAE
    together.

    Parameters
    ----------
    decoders : sequence of float [f, d]
        Decoder rows of equal width.
    settings : MapSettings
        Neighbours used, spread and seed.

    Returns
    -------
    list of float32 [f, 2]
        Places of the features of each SAE.
    """
    rows = np.concatenate(decoders).astype(np.float32)
    index, cosine = neighbours(rows, settings.n_neighbors)
    places = umap_of(rows, index, cosine, settings)
    return np.split(places, np.cumsum([len(part) for part in decoders])[:-1])
