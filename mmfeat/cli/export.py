"""`mmfeat export`: figures and tables of an atlas, SAEs for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmfeat.cli.common import AsJson, show

app = typer.Typer(
    help="Write figures and tables of an atlas, SAEs for other programs.", no_args_is_help=True
)

AtlasFile = Annotated[Path, typer.Argument(metavar="ATLAS", help="Atlas file.")]


@app.command("map")
def map_figure(
    atlas: AtlasFile,
    out: Annotated[Path, typer.Option("--out", help="PDF, SVG or PNG to write.")],
    colour: Annotated[
        str,
        typer.Option("--colour", help="modality_score, n_languages, firing_rate or shared."),
    ] = "modality_score",
    columns: Annotated[
        int, typer.Option("--columns", min=1, max=2, help="Columns of a page it is wide.")
    ] = 1,
    dpi: Annotated[int, typer.Option("--dpi", min=50, max=1200, help="Pixels an inch.")] = 300,
    only_shared: Annotated[
        bool, typer.Option("--only-shared", help="Leave out features that are not shared.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Draw the map of features for a paper."""
    from mmfeat.figures.map_figure import export_map

    show(export_map(atlas, out, colour, columns, dpi, only_shared), as_json)


@app.command("heatmap")
def heatmap(
    atlas: AtlasFile,
    feature: Annotated[int, typer.Option("--feature", help="Index of the feature.")],
    out: Annotated[
        Path, typer.Option("--out", help="PNG to write; the numbers go beside it as .npy.")
    ],
    item: Annotated[
        str | None,
        typer.Option("--item", help="Id of the item. [where the feature fires most]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw where in a picture a feature fires."""
    from mmfeat.figures.heatmap_figure import export_heatmap

    show(export_heatmap(atlas, out, feature, item), as_json)


@app.command("table")
def table(
    atlas: AtlasFile,
    out: Annotated[Path, typer.Option("--out", help="CSV file to write.")],
    as_json: AsJson = False,
) -> None:
    """Write all features with all scores as CSV.

    Texts that a spreadsheet would run as a formula get an apostrophe before them.
    """
    from mmfeat.figures.table import export_table

    show(export_table(atlas, out), as_json)


@app.command("sae")
def sae(
    folder: Annotated[Path, typer.Argument(metavar="SAE_DIR", help="SAE folder.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")],
    stream: Annotated[
        str | None,
        typer.Option(
            "--stream",
            help="Fold the mean and scale of this stream into the weights. [as it is]",
        ),
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="Language of the captions of a text stream.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write an SAE as a folder that SAELens loads, on raw rows of a stream if one is named."""
    from mmfeat.sae.export import export_sae

    show(export_sae(folder, out, stream, language), as_json)
