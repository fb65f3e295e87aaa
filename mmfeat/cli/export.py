"""`mmfeat export`: figures, tables, data and reports, and SAEs for other programs.

Each kind of `mmfeat.figures.registry` is a command, whose options are its settings.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import typer
from typer.core import TyperGroup

from mmfeat.cli import completion
from mmfeat.cli.common import AsJson, show

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

# What the shell offers for settings that are no choice of a few.
_OFFERED = {"colour": completion.colourings, "width": completion.widths}


def _options(settings: type[Any]) -> list[inspect.Parameter]:
    """Return an option a setting."""

    def option(name: str, field: FieldInfo) -> inspect.Parameter:
        flag = f"--{name.replace('_', '-')}"
        if field.annotation is bool:
            flag = f"{flag}/--no-{flag[2:]}" if field.default else flag
        default = ... if field.is_required() else field.get_default(call_default_factory=True)
        shown = default is not None and default != () and field.annotation is not bool
        info = typer.Option(
            flag, help=field.description, show_default=shown, autocompletion=_OFFERED.get(name)
        )
        kind: Any = field.annotation
        if get_origin(kind) is tuple:  # typer repeats an option for a list
            kind = list[get_args(kind)[0]]  # type: ignore[misc]
        return inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=Annotated[kind, info],
            default=inspect.Parameter.empty if default is ... else default,
        )

    return [option(name, field) for name, field in settings.model_fields.items()]


def _command(name: str) -> Any:
    """Return the command of a kind of export."""
    from mmfeat.figures.registry import kind

    found = kind(name)

    def run(source: Path, out: Path, as_json: bool, **options: Any) -> None:
        from mmfeat.figures.exporting import export

        show(export(name, source, out, **options), as_json)

    endings = ", ".join(f".{extension}" for extension in found.extensions)
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    source = Annotated[Path, typer.Argument(metavar=found.source, help="What it is made from.")]
    out = Annotated[Path, typer.Option("--out", help=f"File to write: {endings}.")]
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # typer reads it
        [
            inspect.Parameter("source", kinds[0], annotation=source),
            inspect.Parameter("out", kinds[1], annotation=out),
            *_options(found.settings),
            inspect.Parameter("as_json", kinds[1], annotation=AsJson, default=False),
        ]
    )
    run.__annotations__ = {}
    single = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    single.command(name, help=found.summary)(run)
    return typer.main.get_command(single)


# typer brings a click of its own, or uses the one installed: its types have no one name.
class _Kinds(TyperGroup):
    """The commands written here, and one a kind of export."""

    def list_commands(self, ctx: Any) -> list[str]:
        from mmfeat.figures.registry import KINDS

        return [*KINDS, *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        from mmfeat.figures.registry import KINDS

        return _command(cmd_name) if cmd_name in KINDS else super().get_command(ctx, cmd_name)


app = typer.Typer(
    cls=_Kinds,
    help="Write figures, tables, data and reports of an atlas, SAEs for other programs.",
    invoke_without_command=True,
)


@app.callback()
def export(
    context: typer.Context,
    recipe: Annotated[
        Path | None,
        typer.Option("--recipe", help="TOML file that lists all figures of a paper."),
    ] = None,
    from_manifest: Annotated[
        Path | None,
        typer.Option("--from-manifest", help="Manifest of a file to make again, byte for byte."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="With --from-manifest: another place to write to.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write one file by a command below, all of a recipe, or one again from its manifest."""
    from mmfeat.figures import exporting as exports

    chosen = [name for name in (recipe, from_manifest, context.invoked_subcommand) if name]
    if len(chosen) != 1 or (out and not from_manifest):
        raise typer.BadParameter("give a command, or --recipe, or --from-manifest [--out].")
    if recipe:
        result = exports.recipe(recipe)
        if as_json:
            show(result, True)
        else:
            print("\n".join(str(file["out"]) for file in result["files"]))
    elif from_manifest:
        show(exports.again(from_manifest, out), as_json)


@app.command("sae")
def sae(
    folder: Annotated[Path, typer.Argument(metavar="SAE_DIR", help="SAE folder.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")],
    stream: Annotated[
        str | None,
        typer.Option(
            "--stream",
            autocompletion=completion.streams,
            help="Fold the mean and scale of this stream into the weights. [as it is]",
        ),
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="Language of the captions of a text stream.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write an SAE as a folder that SAELens loads, on raw rows of a stream if one is named."""
    from mmfeat.sae.export import export_sae

    show(export_sae(folder, out, stream, language), as_json)
