"""`mmfeat train`: an SAE from activations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mmfeat.cli import completion
from mmfeat.cli.common import PROGRESS, AsJson, show


def train(
    activations: Annotated[Path, typer.Option("--activations", help="Activations file.")],
    out: Annotated[Path, typer.Option("--out", help="SAE folder to write.")],
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe", autocompletion=completion.recipes, help="Name of a recipe. [shared-topk]"
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="TOML file of settings.")] = None,
    hook: Annotated[
        str | None,
        typer.Option("--hook", autocompletion=completion.hooks, help="Hook point."),
    ] = None,
    stream: Annotated[
        list[str] | None,
        typer.Option(
            "--stream", autocompletion=completion.streams, help="Stream; repeat for several."
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting, as in sae.d_sae=2048; repeat for several."),
    ] = None,
    device: Annotated[
        str,
        typer.Option("--device", autocompletion=completion.devices, help="Torch device, or auto."),
    ] = "cpu",
    shards: Annotated[
        int,
        typer.Option(
            "--shards",
            min=1,
            help="Under torchrun: processes that hold a part of the dictionary each; the "
            "others divide the batch.",
        ),
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Train an SAE on true pairs and score it on test concepts."""
    from mmfeat import training
    from mmfeat.sae.ranks import launched, parted
    from mmfeat.sae.settings import load_settings, parse_overrides

    if recipe and config:
        raise typer.BadParameter("give one of --recipe and --config", param_hint="--config")
    overrides: dict[str, Any] = parse_overrides(assignments or [])
    if hook:
        overrides["hook"] = hook
    if stream:
        overrides["streams"] = stream
    settings = (
        load_settings(config, overrides)
        if config
        else training.recipe(recipe or training.DEFAULT_RECIPE, overrides)
    )
    ranks = launched(shards)
    try:
        result = training.train(
            activations, out, settings, device=device, progress=PROGRESS, ranks=ranks
        )
    finally:
        parted()
    if ranks.first:
        show(result, as_json)
