"""`mmfeat demo`: the whole path on the bundled corpus and backbone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmfeat.cli.common import PROGRESS, AsJson, show


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for the files.")] = Path("mmfeat-demo"),
    view: Annotated[
        bool, typer.Option("--view/--no-view", help="Open the viewer on the result.")
    ] = True,
    quick: Annotated[
        bool, typer.Option("--quick", help="A quarter of the concepts and a shorter training.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the whole path on the bundled corpus and backbone; what is there already is reused."""
    from mmfeat.demo import run_demo

    result = run_demo(out, quick=quick, progress=PROGRESS)
    show(result, as_json)
    if view and not as_json:
        from mmfeat.cli.view import view as open_viewer

        open_viewer(Path(result["atlas"]), beside=Path(result["naive"]["atlas"]))
