"""`mmfeat atlas` and `mmfeat map`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmfeat.cli.common import PROGRESS, AsJson, show


def atlas(
    activations: Annotated[Path, typer.Option("--activations", help="Activations file.")],
    sae: Annotated[Path, typer.Option("--sae", help="SAE folder.")],
    out: Annotated[Path, typer.Option("--out", help="Atlas to write.")],
    corpus: Annotated[
        Path | None,
        typer.Option("--corpus", help="Corpus, if it is no longer where it was extracted from."),
    ] = None,
    thumbnails: Annotated[
        bool, typer.Option("--thumbnails/--no-thumbnails", help="Put pictures into the atlas.")
    ] = True,
    second: Annotated[
        Path | None,
        typer.Option(
            "--second",
            help="Activations of the same corpus by a second encoder, to score monosemanticity by.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build the atlas of an SAE: one file with all that is known of its features."""
    from mmfeat.atlas.build import build_atlas

    result = build_atlas(
        activations,
        sae,
        out,
        corpus=corpus,
        thumbnails=thumbnails,
        second=second,
        progress=PROGRESS,
    )
    show(result, as_json)


def map_features(
    atlases: Annotated[list[Path], typer.Argument(metavar="ATLAS...", help="Atlas files.")],
    n_neighbors: Annotated[int, typer.Option("--n-neighbors", min=2, max=21)] = 15,
    min_dist: Annotated[float, typer.Option("--min-dist", min=0, max=1)] = 0.1,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Put a UMAP of the decoder directions, and one of the items, into each atlas."""
    from mmfeat.analysis.maps import MapSettings
    from mmfeat.atlas.map import add_map

    settings = MapSettings(n_neighbors=n_neighbors, min_dist=min_dist, seed=seed)
    results = [add_map(path, settings, progress=PROGRESS) for path in atlases]
    show(results[0] if len(results) == 1 else {"maps": results}, as_json)
