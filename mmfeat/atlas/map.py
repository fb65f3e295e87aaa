"""Put a map of the features into an atlas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmfeat import hdf5
from mmfeat.analysis.maps import MapSettings, umap_of
from mmfeat.atlas.build import KIND
from mmfeat.progress import SILENT, Progress


def add_map(
    atlas: Path | str, settings: MapSettings | None = None, *, progress: Progress = SILENT
) -> dict[str, Any]:
    """Lay out an atlas's decoder directions by UMAP, reusing its neighbours.

    The atlas is replaced when the map is whole; an earlier map gives way.

    Returns
    -------
    dict
        ``out``, ``features`` and the settings.

    Raises
    ------
    MmfeatError
        If the file is not an atlas, or cannot be written.
    """
    settings = settings or MapSettings()
    path = Path(atlas)
    hdf5.open_checked(path, KIND).close()
    with progress.stage("laying out the map", None) as advance, hdf5.modify(path, KIND) as file:
        xy = umap_of(
            file["sae/decoder"][:],
            file["neighbours/index"][:],
            file["neighbours/cosine"][:],
            settings,
        )
        maps = file["maps"]
        if "umap" in maps:
            del maps["umap"]
        maps["umap"] = xy
        for name, value in settings.model_dump().items():
            maps["umap"].attrs[name] = value
        advance(1)
    return {"out": str(path), "features": len(xy), **settings.model_dump()}
