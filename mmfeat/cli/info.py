"""`mmfeat info` and `mmfeat validate`: what a file of ours is, and whether it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmfeat.cli.common import AsJson, show

File = Annotated[Path, typer.Argument(metavar="FILE", help="Any file or SAE folder of mmfeat.")]


def info(file: File, as_json: AsJson = False) -> None:
    """Say what a file of mmfeat is and what made it."""
    from mmfeat.inspection import describe

    show(describe(file), as_json)


def validate(file: File, as_json: AsJson = False) -> None:
    """Check that a file of mmfeat is whole: its content digest is taken again."""
    from mmfeat.inspection import check

    show(check(file), as_json)
