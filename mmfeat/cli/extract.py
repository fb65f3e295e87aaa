"""`mmfeat extract`: activations of a corpus under a backbone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmfeat.cli import completion
from mmfeat.cli.common import PROGRESS, AsJson, show


def extract(
    corpus: Annotated[Path, typer.Option("--corpus", help="Corpus file.")],
    out: Annotated[Path, typer.Option("--out", help="Activations file to write.")],
    backbone: Annotated[
        str,
        typer.Option(
            "--backbone", autocompletion=completion.backbones, help="SPEC of the backbone."
        ),
    ] = "openmoji-clip",
    hook: Annotated[
        list[str] | None, typer.Option("--hook", help="Hook point; repeat for several. [joint]")
    ] = None,
    stream: Annotated[
        list[str] | None,
        typer.Option(
            "--stream",
            autocompletion=completion.streams,
            help="Stream; repeat for several. [all four]",
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option("--device", autocompletion=completion.devices, help="Torch device, or auto."),
    ] = "auto",
    dtype: Annotated[
        str,
        typer.Option("--dtype", autocompletion=completion.dtypes, help="float16 or float32."),
    ] = "float16",
    batch_size: Annotated[
        int,
        typer.Option(
            "--batch-size",
            min=1,
            help="Pictures or texts in a forward pass, at most; 64 pictures on a CPU.",
        ),
    ] = 128,
    rows_per_item: Annotated[
        int | None,
        typer.Option(
            "--rows-per-item",
            min=1,
            help="Patches kept of a picture and tokens of a caption, drawn at random. [all]",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of that draw.")] = 0,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Write nothing; say how many rows, bytes and hours it would be."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the activations of a corpus to HDF5. An interrupted run goes on where it stopped.

    Several processes share the work: torchrun --nproc-per-node 4 -m mmfeat extract ...
    """
    from mmfeat import extraction
    from mmfeat.backbones.base import STREAMS
    from mmfeat.store.shards import speaks

    if dtype not in ("float16", "float32"):
        raise typer.BadParameter("choose float16 or float32", param_hint="--dtype")
    settings = extraction.ExtractSettings(
        backbone=backbone,
        hooks=tuple(hook or ("joint",)),
        streams=tuple(stream or STREAMS),
        dtype=dtype,
        device=device,
        batch_size=batch_size,
        rows_per_item=rows_per_item,
        seed=seed,
    )
    if dry_run:
        result = extraction.plan(corpus, out, settings)
    else:
        result = extraction.extract(corpus, out, settings, progress=PROGRESS)
    if speaks():
        show(result, as_json)
