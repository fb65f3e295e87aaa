"""Put a map of the features, and one of the items, into an atlas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py

from mmfeat import hdf5
from mmfeat.analysis.maps import MapSettings, umap_of
from mmfeat.atlas import item_map
from mmfeat.atlas.build import KIND
from mmfeat.atlas.reader import Atlas
from mmfeat.progress import SILENT, Progress

MAPS = ("umap", item_map.NAME)


def is_mapped(atlas: Path) -> bool:
    """Return whether an atlas has both maps."""
    with h5py.File(atlas, "r") as file:
        return all(name in file["maps"] for name in MAPS)


def add_map(
    atlas: Path | str, settings: MapSettings | None = None, *, progress: Progress = SILENT
) -> dict[str, Any]:
    """Lay out an atlas's decoder directions, reusing its neighbours, and its items, by UMAP.

    The atlas is replaced when both maps are whole; earlier maps give way.

    Returns
    -------
    dict
        ``out``, ``features``, ``items`` and the settings.

    Raises
    ------
    MmfeatError
        If the file is not an atlas, or cannot be written.
    """
    settings = settings or MapSettings()
    path = Path(atlas)
    with hdf5.modify(path, KIND) as file:
        with progress.stage("laying out the features", None) as advance:
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
        with Atlas(path) as atlas_before:
            items = atlas_before.n_items
            with progress.stage("laying out the items", items) as advance:
                item_map.write(file, atlas_before, settings, advance)
    return {"out": str(path), "features": len(xy), "items": items, **settings.model_dump()}
