"""The ``folder`` importer: pictures with text files beside them.

The sources are folders, searched to any depth: beside ``NAME.jpg`` (or another
picture), ``NAME.TAG.txt`` holds captions in the language TAG and ``NAME.txt``
captions in ``--language``, one a line; blank lines are none. A picture needs no
captions; a text file without a picture is skipped. Hidden files are left out.
The item's id is its picture's path.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from mmfeat.corpus.languages import normalise_tag
from mmfeat.corpus.lines import NoLine, read_lines
from mmfeat.corpus.model import ImportOptions, ItemRow, Rows, Skipped, is_text
from mmfeat.corpus.scratch import scratch_database
from mmfeat.errors import MmfeatError

OPTIONS = frozenset(("language",))
_PICTURES = frozenset(
    (".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
)


def image_root(sources: Sequence[Path], options: ImportOptions) -> Path:
    """Return the folder that the pictures' paths are relative to: the deepest with all sources."""
    return Path(os.path.commonpath([source.resolve() for source in sources]))


def read(sources: Sequence[Path], options: ImportOptions) -> Rows:
    """Yield the items of folders, in the order of their paths.

    Parameters
    ----------
    sources : sequence of Path
        Folders.
    options : ImportOptions
        May name the language of ``NAME.txt``.

    Raises
    ------
    MmfeatError
        If a source is not a folder, or a file does not say its language.
    """
    root = image_root(sources, options)
    language = normalise_tag(options.language) if options.language else None
    with scratch_database() as database:
        database.execute("CREATE TABLE picture (stem TEXT, path TEXT UNIQUE)")
        database.execute("CREATE INDEX stems ON picture (stem)")
        database.execute("CREATE TABLE text (path TEXT PRIMARY KEY) WITHOUT ROWID")
        for source in sources:
            if not source.is_dir():
                raise MmfeatError(f"{source} is not a folder; give the folder of the pictures.")
            yield from _list(database, source.resolve(), root)
        for stem, path in database.execute("SELECT stem, path FROM picture ORDER BY path"):
            captions: list[tuple[str, str]] = []
            for tag, text in _texts_of(database, stem, language):
                for entry in _read(root, text, tag):
                    if isinstance(entry, Skipped):
                        yield entry
                    else:
                        captions.append(entry)
            yield ItemRow(item_id=path, image=path, captions=tuple(captions), source=path)
        for (text,) in database.execute("SELECT path FROM text ORDER BY path"):
            if not _has_picture(database, text):
                yield Skipped(text, 0, "the text file has no picture beside it")


def _list(database: sqlite3.Connection, folder: Path, root: Path) -> Iterator[Skipped]:
    """Note the files of a folder; a folder of any size takes no memory."""
    folders, start = [folder], len(os.path.join(root, ""))
    while folders:
        folder = folders.pop()
        try:
            entries = os.scandir(folder)
        except OSError as error:
            raise MmfeatError(
                f"The folder {folder} cannot be read ({error.strerror}); check its permissions."
            ) from error
        with entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                    continue
                path = entry.path[start:].replace(os.sep, "/")
                suffix = os.path.splitext(path)[1]
                if suffix.lower() != ".txt" and suffix.lower() not in _PICTURES:
                    continue
                if not is_text(path):
                    yield Skipped(path, 0, "the file's name holds bytes that are not UTF-8 text")
                elif suffix.lower() == ".txt":
                    database.execute("INSERT OR IGNORE INTO text VALUES (?)", (path,))
                else:
                    database.execute(
                        "INSERT OR IGNORE INTO picture VALUES (?, ?)",
                        (path.removesuffix(suffix), path),
                    )


def _texts_of(
    database: sqlite3.Connection, stem: str, language: str | None
) -> Iterator[tuple[str, str]]:
    """Yield language and path of the text files of a picture."""
    # "/" follows "." in ASCII: these are the paths that begin with the stem and a dot.
    beside = database.execute(
        "SELECT path FROM text WHERE path > ? AND path < ? ORDER BY path", (f"{stem}.", f"{stem}/")
    )
    for (path,) in beside:
        middle = path[len(stem) : -len(".txt")]
        if not middle:
            if language is None:
                raise MmfeatError(
                    f"{path} does not say its language; give --language, or name it "
                    f"{PurePosixPath(path).stem}.TAG.txt."
                )
            yield language, path
        elif (tag := _tag(middle[1:])) and not _is_stem(database, stem + middle):
            yield tag, path


def _tag(text: str) -> str | None:
    try:
        return normalise_tag(text)
    except MmfeatError:
        return None


def _is_stem(database: sqlite3.Connection, stem: str) -> bool:
    return database.execute("SELECT 1 FROM picture WHERE stem = ?", (stem,)).fetchone() is not None


def _has_picture(database: sqlite3.Connection, text: str) -> bool:
    stem = text[: -len(".txt")]
    before, dot, tag = stem.rpartition(".")
    return _is_stem(database, stem) or bool(
        dot and _tag(tag) is not None and _is_stem(database, before)
    )


def _read(root: Path, path: str, tag: str) -> Iterator[tuple[str, str] | Skipped]:
    empty = True
    for row, line in enumerate(read_lines(root / path), 1):
        if isinstance(line, NoLine):
            yield Skipped(path, row, line.value)
        elif line.strip():
            yield tag, line
        else:
            continue
        empty = False
    if empty:
        yield Skipped(path, 0, f"the caption is empty ({tag})")
