"""The ``wit`` importer: Wikipedia-based Image Text, gzipped TSV.

A row is a picture on a page in a language. An item is a picture, its id the
``image_url``; its captions are those of all its rows, so of several languages.
A row's caption is its reference description (the text below the picture), else
the attribution description, where the data say that it is in the page's
language (``attribution_passes_lang_id``), else the alt text. Attributes are
``page_title`` and ``page_url`` of the first row.

The pictures are looked for in ``--images DIR`` and all folders inside, in this
order: under the SHA-256 or the MD5 of the URL in hexadecimal digits, under the
last part of the URL with its escapes (``%20``) decoded, and as it is. Each may
have an ending of a picture (``.jpg``, ``.png`` ...) added.
Items whose picture is not there are skipped. Rows are counted from 1, without
the header.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from mmfeat.corpus.grouping import Groups
from mmfeat.corpus.languages import normalise_tag
from mmfeat.corpus.lines import read_lines
from mmfeat.corpus.model import ImportOptions, ItemRow, Rows, Skipped, is_text
from mmfeat.corpus.scratch import scratch_database
from mmfeat.corpus.separated import records
from mmfeat.corpus.sources import NOT_TEXT, caption_problem, named
from mmfeat.errors import MmfeatError

OPTIONS = frozenset(("images",))
_REFERENCE, _ATTRIBUTION, _ALT_TEXT = (
    f"caption_{kind}_description" for kind in ("reference", "attribution", "alt_text")
)
_PASSES = "attribution_passes_lang_id"
_COLUMNS = (
    *("language", "page_url", "image_url", "page_title"),
    *(_REFERENCE, _ATTRIBUTION, _ALT_TEXT, _PASSES),
)
_ENDINGS = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff")


def image_root(sources: Sequence[Path], options: ImportOptions) -> Path:
    """Return the folder of the pictures.

    Raises
    ------
    MmfeatError
        If ``--images`` does not give one: WIT itself has only their URLs.
    """
    if options.images is None:
        raise MmfeatError(
            "WIT names its pictures by URL; give the folder that you downloaded them to with "
            "--images."
        )
    return options.images


def read(sources: Sequence[Path], options: ImportOptions) -> Rows:
    """Yield the items of WIT files.

    Parameters
    ----------
    sources : sequence of Path
        Files such as ``wit_v1.train.all-00000-of-00010.tsv.gz``, gzipped or not.
    options : ImportOptions
        `images`.

    Raises
    ------
    MmfeatError
        If a file is damaged or lacks a column, or there is no folder of pictures.
    """
    root = image_root(sources, options)
    with scratch_database() as database:
        groups = Groups(database)
        for name, source in named(sources):
            for row, cells in _records(source):
                problem = cells if isinstance(cells, str) else _add(groups, cells, name, row)
                if problem:
                    yield Skipped(name, row, problem)
        _index(database, root)
        for item in groups.rows():
            if picture := _picture(database, item.item_id):
                yield replace(item, image=picture)
            else:
                yield Skipped(item.source, item.row, "the picture is not in the folder of pictures")


def _add(groups: Groups, cells: Mapping[str, str], source: str, row: int) -> str | None:
    """Add a row's caption to its picture; return why not."""
    url, title, page = cells["image_url"].strip(), cells["page_title"], cells["page_url"]
    if not url:
        return "the row names no picture"
    try:
        tag = normalise_tag(cells["language"])
    except MmfeatError:
        return "the language is not a language tag"
    if not all(map(is_text, (url, title, page))):
        return NOT_TEXT
    attributes = {"page_title": title, "page_url": page}
    item = groups.item(ItemRow(url, attributes=attributes, source=source, row=row))
    attribution = cells[_ATTRIBUTION] if cells[_PASSES].strip().lower() == "true" else ""
    texts = (cells[_REFERENCE], attribution, cells[_ALT_TEXT])
    text = next((text for text in texts if text.strip()), "")
    if problem := caption_problem(text, tag):
        return problem
    # Pages of a language often share a picture together with its caption.
    return None if groups.add(item, tag, text, f"{tag} {text}") else f"the caption is there ({tag})"


def _records(source: Path) -> Iterator[tuple[int, dict[str, str] | str]]:
    """Yield number and cells of the rows, or what is wrong with one."""

    def check(header: list[str]) -> None:
        if missing := [name for name in _COLUMNS if name not in header]:
            raise MmfeatError(
                f"{source} has no column {', '.join(missing)}; check that it is a file of "
                "WIT with its header."
            )

    return records(_lines(source), "\t", check, f"{source} is empty; download it again.")


def _lines(source: Path) -> Iterator[str]:
    for line in read_lines(source):
        # What stands for a monstrous line has one cell: it is skipped with its number.
        yield f"{line}\n" if isinstance(line, str) else line.value


def _index(database: sqlite3.Connection, root: Path) -> None:
    """Note all pictures of a folder by their names, with and without ending."""
    # Looking each name up by itself would try some twenty paths a picture.
    database.execute("CREATE TABLE picture (key TEXT, added INTEGER, path TEXT)")
    for path in _files(root, ""):
        name = path.rpartition("/")[2]
        stem, ending = os.path.splitext(name)
        rows = [(name, 0, path)]
        if ending.lower() in _ENDINGS:
            rows.append((stem, 1, path))
        database.executemany("INSERT INTO picture VALUES (?, ?, ?)", rows)
    database.execute("CREATE INDEX picture_key ON picture (key, added, path)")


def _files(root: Path, folder: str) -> Iterator[str]:
    """Yield the paths below a folder, never a whole folder at once."""
    try:
        with os.scandir(root / folder) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    yield from _files(root, path)
                elif is_text(path):
                    yield path
    except OSError as error:
        raise MmfeatError(
            f"The folder of pictures {root / folder} cannot be read ({error.strerror}); check its "
            "permissions."
        ) from error


def _picture(database: sqlite3.Connection, url: str) -> str | None:
    """Return the path of a URL's picture, or None."""
    last = re.split("[?#]", url, maxsplit=1)[0].rpartition("/")[2]
    digests = (
        hashlib.new(kind, url.encode(), usedforsecurity=False).hexdigest()
        for kind in ("sha256", "md5")
    )
    for key in (*digests, unquote(last), last):
        found = (
            key
            and database.execute(
                "SELECT path FROM picture WHERE key = ? ORDER BY added, path LIMIT 1", (key,)
            ).fetchone()
        )
        if found:
            return str(found[0])
    return None
