"""The demo: corpus, activations, and two SAEs with atlas and map, from the bundled parts."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmfeat import provenance
from mmfeat.progress import SILENT, Progress

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
    from mmfeat import extraction, steps, training

    started = time.perf_counter()
    corpus, activations = out / "corpus.h5", out / "activations.h5"
    _corpus(corpus, quick, progress)
    settings = extraction.ExtractSettings()
    steps.ensure_activations(corpus, activations, settings, progress=progress)
    changes = QUICK if quick else None
    atlases = [
        steps.ensure_atlas(
            activations,
            out / f"sae{suffix}",
            out / f"atlas{suffix}.h5",
            training.recipe(name, changes),
            corpus=corpus,
            progress=progress,
        )
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


def _corpus(path: Path, quick: bool, progress: Progress) -> None:
    from mmfeat.corpus import openmoji
    from mmfeat.corpus.file import write_corpus
    from mmfeat.corpus.model import ItemRow
    from mmfeat.steps import provenance_of

    def rows() -> Iterator[ItemRow]:
        concepts = sorted({entry.concept for entry in openmoji.load_emoji()})
        chosen = set(concepts[:: QUICK_SHARE if quick else 1])
        for row in openmoji.rows():
            if isinstance(row, ItemRow) and row.concept in chosen:
                yield row

    record = provenance.record("demo corpus", {"quick": quick})
    if provenance_of(path) != record:
        write_corpus(
            path,
            rows(),
            name="openmoji",
            attribution=openmoji.ATTRIBUTION,
            image_root=None,
            provenance=record,
            progress=progress,
        )


def peak_rss_bytes() -> int:
    """Return the largest memory this process has had; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
