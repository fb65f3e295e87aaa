"""The demo: corpus, activations, and two SAEs with atlas and map, from the bundled parts."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py

from mmfeat import provenance
from mmfeat.progress import SILENT, Progress

if TYPE_CHECKING:
    from mmfeat.sae.settings import TrainSettings

QUICK = {"optimiser.steps": 600, "sae.d_sae": 256}
QUICK_SHARE = 4  # one concept in so many


def run_demo(out: Path, *, quick: bool = False, progress: Progress = SILENT) -> dict[str, Any]:
    """Run every step whose output is not there already.

    Two SAEs are trained, by the default recipe and by a naive one that splits by
    modality, and each has its atlas. A file is reused when its provenance
    (settings, versions, content of its inputs) is what this run would write.

    Parameters
    ----------
    out : Path
        Folder for ``corpus.h5``, ``activations.h5``, ``sae``, ``sae-naive``,
        ``atlas.h5`` and ``atlas-naive.h5``.
    quick : bool
        A quarter of the concepts and a shorter training.

    Returns
    -------
    dict
        ``corpus``, ``activations``, ``sae``, ``atlas`` and the numbers of
        ``features``, ``alive`` and ``shared``; the same of the naive one as
        ``naive``; ``seconds``, ``peak_rss_bytes``.
    """
    from mmfeat import extraction, training

    started = time.perf_counter()
    corpus, activations = out / "corpus.h5", out / "activations.h5"
    _corpus(corpus, quick, progress)
    extracting = extraction.ExtractSettings()
    if _provenance(activations) != extraction.recorded(corpus, extracting):
        extraction.extract(corpus, activations, extracting, progress=progress)
    changes = QUICK if quick else None
    atlases = [
        _atlas(out, suffix, training.recipe(name, changes), activations, corpus, progress)
        for suffix, name in (("", training.DEFAULT_RECIPE), ("-naive", training.NAIVE_RECIPE))
    ]
    return {
        "corpus": str(corpus),
        "activations": str(activations),
        **atlases[0],
        "naive": atlases[1],
        "seconds": round(time.perf_counter() - started, 1),
        "peak_rss_bytes": peak_rss_bytes(),
    }


def _atlas(
    out: Path,
    suffix: str,
    settings: TrainSettings,
    activations: Path,
    corpus: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Train an SAE and build its atlas with a map; return their paths and what is in it."""
    from mmfeat import training
    from mmfeat.atlas import build
    from mmfeat.atlas.map import add_map

    sae, atlas = out / f"sae{suffix}", out / f"atlas{suffix}.h5"
    if _sae_provenance(sae) != json.loads(training.recorded(activations, settings)):
        training.train(activations, sae, settings, progress=progress)
    if _provenance(atlas) != build.recorded(activations, sae, corpus, True):
        build.build_atlas(activations, sae, atlas, corpus=corpus, progress=progress)
    with h5py.File(atlas, "r") as file:
        mapped = "umap" in file["maps"]
    if not mapped:
        add_map(atlas, progress=progress)
    with h5py.File(atlas, "r") as file:
        features = file["features"]
        alive = (features["firing_rate_image"][:] + features["firing_rate_text"][:]) > 0
        return {
            "sae": str(sae),
            "atlas": str(atlas),
            "features": len(alive),
            "alive": int(alive.sum()),
            "shared": int(features["shared"][:].sum()),
        }


def _corpus(path: Path, quick: bool, progress: Progress) -> None:
    from mmfeat.corpus import openmoji
    from mmfeat.corpus.file import write_corpus
    from mmfeat.corpus.model import ItemRow

    def rows() -> Iterator[ItemRow]:
        concepts = sorted({entry.concept for entry in openmoji.load_emoji()})
        chosen = set(concepts[:: QUICK_SHARE if quick else 1])
        for row in openmoji.rows():
            if isinstance(row, ItemRow) and row.concept in chosen:
                yield row

    record = provenance.record("demo corpus", {"quick": quick})
    if _provenance(path) != record:
        write_corpus(
            path,
            rows(),
            name="openmoji",
            attribution=openmoji.ATTRIBUTION,
            image_root=None,
            provenance=record,
            progress=progress,
        )


def _provenance(path: Path) -> str | None:
    """Return the provenance of a file of ours; None when it cannot be read."""
    try:
        with h5py.File(path, "r") as file:
            return str(file.attrs["provenance"])
    except (OSError, KeyError):
        return None


def _sae_provenance(folder: Path) -> dict[str, Any] | None:
    from mmfeat.sae.interop import sae_config

    try:
        found: dict[str, Any] = sae_config(folder)["metadata"]["provenance"]
        return found
    except (OSError, ValueError, KeyError, TypeError):
        return None


def peak_rss_bytes() -> int:
    """Return the largest memory this process has had; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
