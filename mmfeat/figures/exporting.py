"""Writes figures, tables and reports, each with the manifest from which it can be made again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mmfeat import toml
from mmfeat.errors import MmfeatError
from mmfeat.figures import manifest, output
from mmfeat.figures.kind import FigureKind, FigureSettings, Kind, Settings
from mmfeat.figures.registry import KINDS
from mmfeat.figures.registry import kind as kind_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def export(kind: str, source: Path | str, out: Path | str, **options: Any) -> dict[str, Any]:
    """Write what `mmfeat export` writes.

    Parameters
    ----------
    kind : str
        One of `mmfeat.figures.registry.KINDS`.
    source : Path
        Mostly an atlas; see ``mmfeat export KIND --help``.
    out : Path
        The file; its extension says the format. The manifest stands beside it.
    **options
        As of the command, with underscores.

    Returns
    -------
    dict
        ``out``, ``manifest`` and what the kind says of its file; for figures also
        ``missing_fonts``, scripts without a font.

    Raises
    ------
    MmfeatError
        If an option or the source is not fit for it, or `out` cannot be written.
    """
    found, settings = kind_of(kind), settings_of(kind, options)
    output.check_out(Path(out), found.extensions)
    made = manifest.make(kind, Path(source), Path(out), settings)
    return _write(found, made, Path(source), Path(out), settings)


def draw(kind: str, source: Path | str, **options: Any) -> Figure:
    """Draw a figure without writing it, for a notebook.

    Parameters are those of `export`; a kind that is no figure is refused.
    """
    found, settings = kind_of(kind), settings_of(kind, options)
    if not (isinstance(found, FigureKind) and isinstance(settings, FigureSettings)):
        raise MmfeatError(f"{kind!r} is no figure; write it to a file with export.")
    with output.style(settings.style):
        return found.draw(Path(source), settings).figure


def again(path: Path, out: Path | None = None) -> dict[str, Any]:
    """Make a file again from its manifest: the same bytes where versions are the same.

    Parameters
    ----------
    path : Path
        The manifest. Its inputs are where they were, or beside it.
    out : Path, optional
        Where to write; without it, under the name that the manifest has, beside it.

    Returns
    -------
    dict
        As of `export`; also ``changed_versions``.

    Raises
    ------
    MmfeatError
        If the manifest is not one, or an input is missing or has changed.
    """
    made = manifest.read(path)
    found = kind_of(made.kind)
    files = manifest.located(made, path)
    source = files.pop("source", None)
    if source is None:
        raise MmfeatError(f"{path} names no source; give a manifest that mmfeat wrote.")
    out = path.parent / Path(made.out).name if out is None else out
    extension = output.check_out(out, found.extensions)
    if extension != Path(made.out).suffix.lower().removeprefix("."):
        raise MmfeatError(f"{made.out} is made again as what it was; let --out end like it.")
    settings = settings_of(made.kind, {**made.settings, **files})
    changed = manifest.changed_versions(made)
    # The manifest itself, not a new one: the file holds it, and its bytes are to be the same.
    return {**_write(found, made, source, out, settings), "changed_versions": changed}


def recipe(path: Path) -> dict[str, Any]:
    """Write all files that a TOML file lists.

    At its top stand ``out``, a folder, and options that are common to those which have them,
    ``source`` among them; then a table ``[[export]]`` for each, with ``kind``, ``out`` and its own
    options. Paths are relative to the TOML file.

    Returns
    -------
    dict
        ``files``: what `export` says of each.

    Raises
    ------
    MmfeatError
        If the file or an option in it is not understood; nothing was written then. If one
        cannot be made, those before it are there.
    """
    values = toml.read(path)
    entries = values.pop("export", None)
    if not isinstance(entries, list) or not entries:
        raise MmfeatError(f"{path} lists nothing to export; add a table [[export]] for each file.")
    calls = [_call(path, index, values, entry) for index, entry in enumerate(entries)]
    used = {name for _, _, _, options in calls for name in options} | {"out", "source"}
    for name in values.keys() - used:
        raise MmfeatError(f"{path}: no export here has an option {name!r}; mend that line.")
    outs = [str(out) for _, _, out, _ in calls]
    for out in outs:
        if outs.count(out) > 1:
            raise MmfeatError(f"{path} writes {out} twice; give each its own out.")
    for kind, source, _, options in calls:
        found = kind_of(kind)
        if isinstance(found, FigureKind) and found.check is not None and source.is_file():
            found.check(source, settings_of(kind, options))
    return {"files": [export(kind, source, out, **rest) for kind, source, out, rest in calls]}


def settings_of(kind: str, options: Mapping[str, Any]) -> Settings:
    """Return the settings of a kind of export, checked.

    Raises
    ------
    MmfeatError
        If one is unknown or out of range.
    """
    try:
        return kind_of(kind).settings(**options)
    except ValidationError as error:
        raise toml.refusal(f"export {kind}", error) from None


def _call(
    path: Path, index: int, common: Mapping[str, Any], entry: Any
) -> tuple[str, Path, Path, dict[str, Any]]:
    """Return kind, source, output and options of one entry of a recipe."""
    where = f"{path}: [[export]] {index + 1}"
    if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str):
        raise MmfeatError(f"{where} has no kind; choose from {', '.join(KINDS)}.")
    found = kind_of(entry["kind"])
    fields = found.settings.model_fields
    options = {name: value for name, value in common.items() if name in fields}
    options |= {k: v for k, v in entry.items() if k not in ("kind", "out", "source")}
    source, out = entry.get("source", common.get("source")), entry.get("out")
    for name, value in (("source", source), ("out", out), ("out", common.get("out", "."))):
        if not isinstance(value, str):
            raise MmfeatError(f"{where} has no {name}; give a path.")
    settings = settings_of(entry["kind"], options)
    # Files among the options are found from the recipe, as its source is.
    places = {name: _beside(path.parent, value) for name, value in settings if name in options}
    target = path.parent / str(common.get("out", ".")) / str(out)
    output.check_out(target, found.extensions)
    return entry["kind"], path.parent / str(source), target, {**options, **places}


def _beside(folder: Path, value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_beside(folder, one) for one in value)
    return folder / value if isinstance(value, Path) else value


def _write(
    kind: Kind, made: manifest.Manifest, source: Path, out: Path, settings: Settings
) -> dict[str, Any]:
    extension = output.check_out(out, kind.extensions)
    with _manifest(made, out) as beside:
        if isinstance(kind, FigureKind):
            assert isinstance(settings, FigureSettings)
            found = _figure(kind, made, source, out, settings)
        else:
            with output.writing(out) as temporary:
                found = kind.write(source, settings, temporary, extension, made.embedded())
    return {"out": str(out), "manifest": str(beside), **found}


@contextmanager
def _manifest(made: manifest.Manifest, out: Path) -> Iterator[Path]:
    """Write the manifest once its file is there; an older one would speak of another file."""
    path = manifest.beside(out)
    yield path
    with output.writing(path) as temporary:
        temporary.write_text(made.text(), encoding="utf-8", newline="")


def _figure(
    kind: FigureKind, made: manifest.Manifest, source: Path, out: Path, settings: FigureSettings
) -> dict[str, Any]:
    from mmfeat.figures import fonts

    extension = output.check_out(out, kind.extensions)
    with output.style(settings.style):
        drawing = kind.draw(source, settings)
        output.save(drawing.figure, out, extension, settings.dpi, drawing.title, made.embedded())
    beside = {}
    for suffix, write in drawing.beside.items():
        path = out.with_suffix(suffix)
        with output.writing(path) as temporary:
            write(temporary)
        beside[suffix.removeprefix(".")] = str(path)
    return {**drawing.found, **beside, "missing_fonts": fonts.missing()}
