"""`mmfeat scaling`: scaling laws of a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmfeat.cli.common import AsJson, show


def scaling(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What mmfeat sweep wrote.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="PDF, SVG or PNG to write, with a CSV. [DIR/scaling.pdf]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fit and draw how loss, features, steps and learning rate go with training compute."""
    from mmfeat.figures.exporting import export
    from mmfeat.figures.kinds.scaling import text

    found = export("scaling", folder, out or folder / "scaling.pdf", width="2")
    named = {"out": "figure", "csv": "table"}
    result = {named.get(key, key): value for key, value in found.items()}
    if as_json:
        show(result, True)
    else:
        print(text(result))
