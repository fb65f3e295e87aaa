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
from mmfeat.cli.version import show_versions

app = typer.Typer(
    name="mmfeat",
    help="See whether a vision-language model holds one concept for a picture and for its name "
    "in every language.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_versions, help="Print the versions that matter."),
    ] = False,
    # Eager: it is known by the time the versions are printed, whichever stands first.
    as_json: Annotated[
        bool, typer.Option("--json", is_eager=True, help="With --version: one JSON object.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Options before the command. `--debug` may stand anywhere."""
    if as_json:
        raise typer.BadParameter(
            f"it stands after the command, as in mmfeat {context.invoked_subcommand} --json.",
            param_hint="--json",
        )


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
