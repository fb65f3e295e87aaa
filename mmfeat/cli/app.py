"""The `mmfeat` command: puts the command groups together."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mmfeat.cli import (
    atlas,
    backbone,
    compare,
    corpus,
    demo,
    doctor,
    evaluate,
    export,
    extract,
    info,
    names,
    safety,
    scaling,
    search,
    steer,
    sweep,
    train,
    view,
)
from mmfeat.cli.common import run

app = typer.Typer(
    name="mmfeat",
    help="See whether a vision-language model holds one concept for a picture and for its name "
    "in every language.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _version(wanted: bool) -> None:
    if wanted:
        from mmfeat.provenance import versions

        for name, number in versions().items():
            print(name, number)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print versions."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Options before the command. `--debug` may stand anywhere."""


app.command("demo")(demo.demo)
app.add_typer(corpus.app, name="corpus")
app.add_typer(backbone.app, name="backbone")
app.command("extract")(extract.extract)
app.command("train")(train.train)
app.command("sweep")(sweep.sweep)
app.command("scaling")(scaling.scaling)
app.command("evaluate")(evaluate.evaluate)
app.command("atlas")(atlas.atlas)
app.command("map")(atlas.map_features)
app.command("search")(search.search)
app.command("compare")(compare.compare)
app.command("steer")(steer.steer)
app.command("probe")(safety.probe)
app.command("explain")(names.explain)
app.add_typer(export.app, name="export")
app.command("view")(view.view)
app.command("info")(info.info)
app.command("validate")(info.validate)
app.command("doctor")(doctor.doctor)


def main() -> None:
    """Entry point of the `mmfeat` script."""
    sys.exit(run(app, sys.argv[1:]))
