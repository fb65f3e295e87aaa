"""`mmfeat evaluate`: the scoreboard of trained SAEs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from mmfeat.cli.common import PROGRESS, AsJson, show


def evaluate(
    activations: Annotated[Path, typer.Option("--activations", help="Activations file.")],
    sae: Annotated[list[Path], typer.Option("--sae", help="SAE folder; repeat for several.")],
    corpus: Annotated[
        Path | None,
        typer.Option("--corpus", help="Corpus, if it is no longer where it was extracted from."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="CSV or TEX file to write.")] = None,
    as_json: AsJson = False,
) -> None:
    """Score SAEs on test concepts: how well they keep rows, and what features share."""
    from mmfeat.analysis import scoreboard
    from mmfeat.figures import output
    from mmfeat.figures.scoreboard import EXTENSIONS, text, write_scoreboard

    if out is not None:  # before the work, not after it
        output.check_out(out, EXTENSIONS)
    rows = scoreboard.evaluate(activations, sae, corpus, PROGRESS)
    result: dict[str, Any] = {"saes": rows}
    if out is not None:
        write_scoreboard(rows, out)
        result["out"] = str(out)
    if as_json:
        show(result, True)
    else:
        print(text(rows, shutil.get_terminal_size((100, 24)).columns))
