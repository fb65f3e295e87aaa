"""``mmfeat corpus``: import, info, validate."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from mmfeat.cli import completion
from mmfeat.cli.common import PROGRESS, AsJson, show
from mmfeat.corpus.importers import IMPORTERS

app = typer.Typer(help="Import a corpus, and see what is in it.", no_args_is_help=True)

CorpusFile = Annotated[Path, typer.Argument(metavar="FILE", help="A corpus file.")]

_WIDTH = max(map(len, IMPORTERS))
_HELP = "\n".join(
    (
        "Import pictures with captions into a corpus file.",
        "",
        "Rows that cannot be used are skipped, counted, and listed in the file with the reason.",
        "",
        "\b",
        "FORMAT is one of",
        *(f"  {name:<{_WIDTH}}  {importer.summary}" for name, importer in IMPORTERS.items()),
    )
)
_SHOWN = 6  # languages of an example


def _format(value: str) -> str:
    if value not in IMPORTERS:
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(IMPORTERS)}.")
    return value


@app.command("import", help=_HELP)
def import_(
    format_name: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT",
            callback=_format,
            autocompletion=completion.formats,
            help="One of the formats above.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The corpus file to write.")],
    sources: Annotated[
        list[Path] | None,
        typer.Argument(metavar="SOURCE...", help="Files or folders; none for openmoji."),
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
    split_column: Annotated[
        str | None, typer.Option(help="Column of splits: train or test.")
    ] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(help="A column to keep as an attribute; repeatable.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the pictures, where they stand apart.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Language of captions that do not say theirs.")
    ] = None,
    languages: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG", help="Only captions in this language; repeatable."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Only items of this split of the source; they are split anew."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many items.")] = None,
    sample: Annotated[
        int | None,
        typer.Option(metavar="SEED", help="With --limit: a random choice of items instead."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the corpus.")] = None,
    attribution: Annotated[
        str | None, typer.Option(help="Line to show wherever the pictures are shown.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the split of concepts.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Import pictures with captions into a corpus file."""
    from mmfeat.corpus.filters import Filters
    from mmfeat.corpus.importers import import_corpus
    from mmfeat.corpus.model import ImportOptions

    if sample is not None and limit is None:
        raise typer.BadParameter("it needs --limit, the number of items.", param_hint="--sample")

    options = ImportOptions(
        image=image,
        id=id_,
        lang=tuple(lang or ()),
        language_column=language_column,
        caption_column=caption_column,
        concept=concept,
        split_column=split_column,
        attribute=tuple(attribute or ()),
        images=images,
        language=language,
    )
    filters = Filters(tuple(languages or ()), split, limit, sample)
    summary = import_corpus(
        format_name,
        sources or [],
        out,
        options,
        filters=filters,
        name=name,
        attribution=attribution,
        seed=seed,
        progress=PROGRESS,
    )
    show(asdict(summary), as_json)


@app.command()
def info(file: CorpusFile, as_json: AsJson = False) -> None:
    """Show what a corpus holds: items, captions, lengths and coverage by language, skipped rows."""
    from mmfeat.corpus.file import open_corpus

    with open_corpus(file) as corpus:
        found = corpus.info()
    if as_json:
        show(found, as_json)
        return
    matrix, examples = found.pop("coverage_matrix"), found.pop("examples")
    captions, lengths = found.pop("captions"), found.pop("lengths")
    del found["languages"], found["coverage"]  # both are in the tables
    show(found, as_json)
    print("languages (items: percent with a caption; lengths in characters):")
    print(f"  {'':<10} {'captions':>10} {'items':>6} {'median':>8} {'95 %':>8} {'longest':>8}")
    for tag, count in captions.items():
        share = _percent(matrix[tag][tag])
        median, most, longest = lengths[tag].values()
        print(f"  {tag:<10} {count:>10,} {share:>6} {median:>8g} {most:>8g} {longest:>8}")
    if len(matrix) > 1:
        print("items with captions in both languages, in percent:")
        for line in _matrix(matrix, shutil.get_terminal_size((100, 24)).columns):
            print(f"  {line}".rstrip())
    print("examples:")
    for example in examples:
        for line in _example(example):
            print(f"  {line}")


def _matrix(shares: Mapping[str, Mapping[str, float]], width: int) -> Iterator[str]:
    """Yield the lines of a square table, in blocks of as many columns as fit."""
    tags = list(shares)
    cell = max(4, *(len(tag) + 1 for tag in tags))
    columns = max(1, (width - 2) // cell - 1)
    for start in range(0, len(tags), columns):
        block = tags[start : start + columns]
        if start:
            yield ""
        yield " " * cell + "".join(f"{tag:>{cell}}" for tag in block)
        for tag in tags:
            yield f"{tag:<{cell}}" + "".join(
                f"{_percent(shares[tag][other]):>{cell}}" for other in block
            )


def _percent(share: float) -> str:
    """Return whole percent; what is not quite none or all does not look so."""
    return "<1" if 0 < share < 0.01 else "99" if 0.99 < share < 1 else f"{100 * share:.0f}"


def _example(example: Mapping[str, Any]) -> Iterator[str]:
    captions: Mapping[str, Sequence[str]] = example["captions"]
    yield str(example["item_id"])
    for tag in list(captions)[:_SHOWN]:
        yield f"  {tag}: {captions[tag][0]}"
    if len(captions) > _SHOWN:
        yield f"  and {len(captions) - _SHOWN} more languages"


@app.command()
def validate(file: CorpusFile, as_json: AsJson = False) -> None:
    """Check that a corpus is whole, sound and unchanged."""
    from mmfeat.corpus.file import validate_corpus

    show(validate_corpus(file), as_json)
