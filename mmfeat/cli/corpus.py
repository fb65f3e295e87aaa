"""``mmfeat corpus``: import, info, validate."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mmfeat.cli.common import PROGRESS, AsJson, show

app = typer.Typer(help="Import a corpus, and see what is in it.", no_args_is_help=True)

CorpusFile = Annotated[Path, typer.Argument(metavar="FILE", help="A corpus file.")]


def _format(value: str) -> str:
    from mmfeat.corpus.importers import IMPORTERS

    if value not in IMPORTERS:
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(IMPORTERS)}.")
    return value


@app.command("import")
def import_(
    format_name: Annotated[
        str,
        typer.Argument(metavar="FORMAT", callback=_format, help="openmoji (bundled) or table."),
    ],
    out: Annotated[Path, typer.Option(help="The corpus file to write.")],
    sources: Annotated[
        list[Path] | None,
        typer.Argument(metavar="SOURCE...", help="Files to import; none for openmoji."),
    ] = None,
    image: Annotated[str | None, typer.Option(help="Column of picture paths.")] = None,
    id_: Annotated[str | None, typer.Option("--id", help="Column of item ids.")] = None,
    lang: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=TAG", help="A column of captions; repeat for each language."),
    ] = None,
    language_column: Annotated[
        str | None, typer.Option(help="Column of language tags, where one row is a caption.")
    ] = None,
    caption_column: Annotated[
        str | None, typer.Option(help="Column of captions, where one row is a caption.")
    ] = None,
    concept: Annotated[
        str | None, typer.Option(help="Column of concepts, which variants of one share.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Column of splits: train or test.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(help="A column to keep as an attribute; repeatable.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the corpus.")] = None,
    attribution: Annotated[
        str | None, typer.Option(help="Line to show wherever the pictures are shown.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the split of concepts.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Import pictures with captions into a corpus file.

    Rows that cannot be used are skipped, counted, and listed in the file with the reason.
    """
    from mmfeat.corpus.importers import import_corpus
    from mmfeat.corpus.model import ImportOptions

    options = ImportOptions(
        image=image,
        id=id_,
        lang=tuple(lang or ()),
        language_column=language_column,
        caption_column=caption_column,
        concept=concept,
        split=split,
        attribute=tuple(attribute or ()),
    )
    summary = import_corpus(
        format_name,
        sources or [],
        out,
        options,
        name=name,
        attribution=attribution,
        seed=seed,
        progress=PROGRESS,
    )
    show(asdict(summary), as_json)


@app.command()
def info(file: CorpusFile, as_json: AsJson = False) -> None:
    """Show what a corpus holds: items, captions and coverage by language, skipped rows."""
    from mmfeat.corpus.file import open_corpus

    with open_corpus(file) as corpus:
        show(corpus.info(), as_json)


@app.command()
def validate(file: CorpusFile, as_json: AsJson = False) -> None:
    """Check that a corpus is whole, sound and unchanged."""
    from mmfeat.corpus.file import validate_corpus

    show(validate_corpus(file), as_json)
