"""Steps of the whole path that leave alone what they would only write again.

A file or folder is kept when its provenance (settings, versions, content of its inputs) is what
the step would write.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py

from mmfeat import extraction, training
from mmfeat.progress import SILENT, Progress
from mmfeat.sae.settings import TrainSettings


def provenance_of(path: Path) -> str | None:
    """Return the provenance of a file of ours; None when it cannot be read."""
    try:
        with h5py.File(path, "r") as file:
            return str(file.attrs["provenance"])
    except (OSError, KeyError):
        return None


def ensure_activations(
    corpus: Path,
    out: Path,
    settings: extraction.ExtractSettings,
    *,
    progress: Progress = SILENT,
) -> None:
    """Extract a corpus's activations, unless they are there.

    Raises
    ------
    MmfeatError
        As `mmfeat.extraction.extract`.
    """
    if provenance_of(out) != extraction.recorded(corpus, settings):
        extraction.extract(corpus, out, settings, progress=progress)


def ensure_atlas(
    activations: Path,
    sae: Path,
    out: Path,
    settings: TrainSettings,
    *,
    corpus: Path,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Train an SAE and build its atlas with its maps, each unless it is there.

    Returns
    -------
    dict
        ``sae`` and ``atlas``, their paths; the numbers of ``features``, and of those that are
        ``alive`` and ``shared``.

    Raises
    ------
    MmfeatError
        As `mmfeat.training.train` and `mmfeat.atlas.build.build_atlas`.
    """
    from mmfeat.atlas import build
    from mmfeat.atlas.map import add_map, is_mapped
    from mmfeat.sae import interop

    if interop.provenance_of(sae) != json.loads(training.recorded(activations, settings)):
        training.train(activations, sae, settings, progress=progress)
    if provenance_of(out) != build.recorded(activations, sae, corpus, True):
        build.build_atlas(activations, sae, out, corpus=corpus, progress=progress)
    if not is_mapped(out):
        add_map(out, progress=progress)
    with h5py.File(out, "r") as file:
        features = file["features"]
        alive = (features["firing_rate_image"][:] + features["firing_rate_text"][:]) > 0
        return {
            "sae": str(sae),
            "atlas": str(out),
            "features": len(alive),
            "alive": int(alive.sum()),
            "shared": int(features["shared"][:].sum()),
        }
