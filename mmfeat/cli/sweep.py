"""`mmfeat sweep`: many SAEs from one read of the data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmfeat.cli.common import PROGRESS, AsJson, show
from mmfeat.errors import MmfeatError


def sweep(
    file: Annotated[Path, typer.Argument(metavar="F.toml", help="What to train.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")],
    as_json: AsJson = False,
) -> None:
    r"""Train many SAEs (sizes, k, seeds, remedies) in one pass over the activations.

    \b
    activations = "activations.h5"
    recipe = "naive-topk"
    [set]
    "optimiser.steps" = 2000
    [grid]
    "sae.d_sae" = [512, 1024]
    seed = [0, 1]
    """
    from mmfeat.sweep import sweep as run

    result = run(file, out, progress=PROGRESS)
    show(result, as_json)
    if result["failed"]:
        name, sentence = next(iter(result["failed"].items()))
        raise MmfeatError(
            f"{len(result['failed'])} of the trainings failed, the others are whole; {name}: "
            f"{sentence}"
        )
