"""`mmfeat backbone`: what a backbone is and where it can be read."""

from __future__ import annotations

from typing import Annotated

import typer

from mmfeat.cli.common import AsJson, show

app = typer.Typer(help="Look at a backbone.", no_args_is_help=True)
Spec = Annotated[
    str,
    typer.Argument(help="openmoji-clip, open_clip:ARCH/PRETRAINED or open_clip:local-dir:PATH."),
]


@app.command("hooks")
def hooks(spec: Spec, as_json: AsJson = False) -> None:
    """List the hook points of a backbone, with their streams and width."""
    from mmfeat.backbones.registry import load_backbone

    points = load_backbone(spec, "cpu").hook_points
    show({point.name: {"d": point.d, "streams": list(point.streams)} for point in points}, as_json)


@app.command("info")
def info(spec: Spec, as_json: AsJson = False) -> None:
    """Print sizes, preprocessing and number of parameters of a backbone."""
    from mmfeat.backbones.registry import load_backbone

    show(load_backbone(spec, "cpu").info(), as_json)
