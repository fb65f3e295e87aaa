"""Files of one item or caption a line, files aligned by line, and where their pictures stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from mmfeat.corpus.model import ImportOptions, Skipped
from mmfeat.corpus.sources import open_text
from mmfeat.errors import MmfeatError

LONGEST_LINE = 16 << 20


class NoLine(Enum):
    """Why there is no line; the value is the reason to log."""

    TOO_LONG = "the line is longer than 16 MiB"
    END = "the file ends before the list of pictures"


class TextFile(NamedTuple):
    """A file and the name by which the import log calls it."""

    path: Path
    name: str


class AlignedRow(NamedTuple):
    """What stands in one row of aligned files; `row` counts from 1."""

    row: int
    picture: str
    captions: tuple[tuple[str, str], ...]


def read_lines(path: Path) -> Iterator[str | NoLine]:
    r"""Yield the lines of a text, plain or gzipped, without their ends.

    Only a line feed ends a line, as for the tools that aligned the files; what
    Unicode also counts as line ends may stand within captions. Memory is
    bounded: of a line of more than `LONGEST_LINE` characters only
    `NoLine.TOO_LONG` is yielded.

    Raises
    ------
    MmfeatError
        If the file cannot be read or unpacked.
    """
    with open_text(path, newline="\n") as handle:
        while line := handle.readline(LONGEST_LINE):
            if len(line) < LONGEST_LINE or line.endswith("\n"):
                yield line.rstrip("\r\n")
                continue
            while line and not line.endswith("\n"):
                line = handle.readline(LONGEST_LINE)
            yield NoLine.TOO_LONG


def aligned(
    pictures: TextFile, captions: Sequence[tuple[str, TextFile]]
) -> Iterator[AlignedRow | Skipped]:
    """Yield the rows of a list of pictures with the captions of the same line.

    The list decides which items there are: lines of captions beyond its end
    are skipped, and what a file of captions lacks at its end is noted. Blank
    lines beyond the end are no lines.

    Parameters
    ----------
    pictures : TextFile
        One picture a line.
    captions : sequence of (str, TextFile)
        Language tag, and a file of one caption a line.
    """
    columns = [read_lines(file.path) for file in (pictures, *(file for _, file in captions))]
    for row, (picture, *texts) in enumerate(zip_longest(*columns, fillvalue=NoLine.END), 1):
        if isinstance(picture, str) and picture.strip():
            found = []
            for (tag, file), text in zip(captions, texts, strict=True):
                if isinstance(text, str):
                    found.append((tag, text))
                else:
                    yield Skipped(file.name, row, f"{text.value} ({tag})")
            yield AlignedRow(row, picture.strip(), tuple(found))
        elif picture is NoLine.TOO_LONG:
            yield Skipped(pictures.name, row, picture.value)
        else:
            for (tag, file), text in zip(captions, texts, strict=True):
                if text is NoLine.TOO_LONG or (isinstance(text, str) and text.strip()):
                    yield Skipped(file.name, row, f"the line has no picture in the list ({tag})")


def pictures_beside(folder: Path, options: ImportOptions) -> Path | None:
    """Return the folder of the pictures: the one given, or ``images`` beside the captions.

    None where there is neither: the captions are then imported alone.
    """
    beside = folder / "images"
    return options.images or (beside if beside.is_dir() else None)


def only_source(sources: Sequence[Path], what: str) -> Path:
    """Return the one source of a format that takes no more.

    Raises
    ------
    MmfeatError
        If there are more.
    """
    if len(sources) != 1:
        raise MmfeatError(
            f"Give one source, {what}; corpora are joined with mmfeat corpus import corpus."
        )
    return sources[0]
