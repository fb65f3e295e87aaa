r"""The ``flickr30k`` importer: captions of Flickr30k (and Flickr8k) as they are handed round.

The layout is told by a source's first lines:

- ``results.csv``: ``name.jpg| 0| caption``, below ``image_name| comment_number| comment``;
  a line in the wild, ``name.jpg| 4   caption``, lacks a separator and is read all the same;
- token file: ``name.jpg#0<TAB>caption``;
- ``name.jpg,caption``, with or without a header, the caption quoted or not; commas in it
  are its own;
- the same with the caption's number, below ``image_name,comment_number,comment``.

An item's id is its picture's file name. Captions are in English unless
``--language`` is given. Pictures are looked for in ``--images`` (by default the
sources' folder) and the folders directly inside. Rows are lines, counted from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from mmfeat.corpus.grouping import Groups
from mmfeat.corpus.lines import NoLine, read_lines
from mmfeat.corpus.model import ImportOptions, ItemRow, Rows, Skipped
from mmfeat.corpus.scratch import scratch_database
from mmfeat.corpus.sources import (
    PictureFolder,
    caption_problem,
    common_folder,
    language_of,
    name_problem,
    named,
)
from mmfeat.errors import MmfeatError

OPTIONS = frozenset(("images", "language"))
_FIRST_LINES = 20
_NAME = r"\s*(?P<name>\S.*?\.(?:jpe?g|png|gif|webp|bmp|tiff?))"
_PIPES = re.compile(rf"{_NAME}\s*\|\s*(?P<number>\d+)(?:\s*\||\s|$)(?P<text>.*)", re.IGNORECASE)
_TOKENS = re.compile(r"(?P<name>\S.*?)#(?P<number>\d+)\t(?P<text>.*)")
_NUMBERED = re.compile(rf"{_NAME}\s*,\s*(?P<number>\d+)\s*,(?P<text>.*)", re.IGNORECASE)
_COMMAS = re.compile(rf"{_NAME}\s*,(?P<text>.*)", re.IGNORECASE)
_NUMBERED_HEADER = re.compile(r"image\w*\s*,\s*comment_number\s*,\s*comment", re.IGNORECASE)
_HEADER = re.compile(r"image\w*\s*[|,]\s*\w+(\s*[|,]\s*\w+)?\s*", re.IGNORECASE)


def image_root(sources: Sequence[Path], options: ImportOptions) -> Path:
    """Return the folder that the pictures are in, at most one folder deep."""
    return options.images or common_folder(sources)


def read(sources: Sequence[Path], options: ImportOptions) -> Rows:
    """Yield the items of Flickr30k's captions.

    Parameters
    ----------
    sources : sequence of Path
        Files in one of the layouts, gzipped or not.
    options : ImportOptions
        `images` and `language`.

    Raises
    ------
    MmfeatError
        If a file has another layout, or the folder of pictures cannot be read.
    """
    folder, tag = PictureFolder(image_root(sources, options)), language_of(options)
    with scratch_database() as database:
        groups = Groups(database)
        for source_name, source in named(sources):
            layout = _layout(source)
            for row, line in _lines(source):
                if isinstance(line, NoLine):
                    yield Skipped(source_name, row, line.value)
                    continue
                match = layout.fullmatch(line)
                if match is None:
                    if row > 1 or not _HEADER.fullmatch(line):
                        yield Skipped(source_name, row, "the line has not its layout's columns")
                    continue
                name, text = match["name"], match["text"].strip()
                if problem := name_problem(name):
                    yield Skipped(source_name, row, problem)
                    continue
                item = groups.item(ItemRow(name, folder.find(name), source=source_name, row=row))
                number = None if layout is _COMMAS else match["number"]
                if layout in (_COMMAS, _NUMBERED):
                    text = _unquoted(text)
                if problem := caption_problem(text, tag):
                    yield Skipped(source_name, row, problem)
                elif not groups.add(item, tag, text, number):
                    yield Skipped(source_name, row, "the caption's number is a duplicate")
        yield from groups.rows()


def _layout(source: Path) -> re.Pattern[str]:
    """Return the layout of a source: the first that one of its first lines has."""
    lines = [line for _, line in islice(_lines(source), _FIRST_LINES) if isinstance(line, str)]
    if lines and _NUMBERED_HEADER.fullmatch(lines[0].strip()):
        return _NUMBERED
    for line in lines:
        for layout in (_TOKENS, _PIPES, _COMMAS):
            if layout.fullmatch(line):
                return layout
    raise MmfeatError(
        f"{source} is not in a layout of Flickr30k (name.jpg| 0| caption, name.jpg#0<TAB>caption, "
        "or name.jpg,caption); check the file."
    )


def _lines(source: Path) -> Iterator[tuple[int, str | NoLine]]:
    """Yield the lines that are not blank, with their numbers."""
    for row, line in enumerate(read_lines(source), 1):
        if isinstance(line, NoLine) or line.strip():
            yield row, line


def _unquoted(text: str) -> str:
    """Return a cell of a CSV without its quotes; other quotes are the caption's own."""
    inside = text[1:-1].replace('""', "")
    quoted = len(text) > 1 and text[0] == text[-1] == '"' and '"' not in inside
    return text[1:-1].replace('""', '"') if quoted else text
