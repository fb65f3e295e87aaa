"""The files and picture folders of corpora that keep captions and pictures apart."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TextIO

from mmfeat.corpus.languages import normalise_tag
from mmfeat.corpus.model import ImportOptions, clean_text, is_text
from mmfeat.corpus.pictures import leaves_folder
from mmfeat.errors import MmfeatError

NOT_TEXT = "the row holds bytes that are not UTF-8 text"
OUTSIDE = "the picture lies outside the folder of the pictures"
_MOST_FOLDERS = 64


def common_folder(sources: Sequence[Path]) -> Path:
    """Return the deepest folder with all sources."""
    return Path(os.path.commonpath([source.resolve().parent for source in sources]))


def named(sources: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Yield each source with its name for the import log: its path below `common_folder`."""
    root = common_folder(sources)
    for source in sources:
        yield source.resolve().relative_to(root).as_posix(), source


@contextmanager
def open_text(source: Path, newline: str | None = None) -> Iterator[TextIO]:
    """Open a text, gzipped or not, in UTF-8, or in UTF-16 with a byte-order mark.

    Bytes that are not UTF-8 become surrogates, which `is_text` tells apart: they
    spoil their own row, not the file.

    Parameters
    ----------
    source : Path
        The file; whether it is gzipped is told by its content.
    newline : str or None
        As of `open`.

    Raises
    ------
    MmfeatError
        If it is no file, cannot be read, or is damaged; also while it is read.
    """
    if not source.is_file():
        raise MmfeatError(f"{source} is not a file; check the path.")
    try:
        with source.open("rb") as raw:
            zipped = raw.peek(2)[:2] == b"\x1f\x8b"
            with gzip.GzipFile(fileobj=raw) if zipped else raw as data:
                wide = data.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff")
                encoding, errors = (
                    ("utf-16", "replace") if wide else ("utf-8-sig", "surrogateescape")
                )
                with io.TextIOWrapper(data, encoding, errors, newline) as text:
                    yield text
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise MmfeatError(f"{source} is truncated or damaged; copy it again.") from error
    except OSError as error:
        raise MmfeatError(
            f"{source} cannot be read ({error.strerror}); check the file and its permissions."
        ) from error


def language_of(options: ImportOptions) -> str:
    """Return the tag of captions that do not say their language: ``en`` unless given."""
    return normalise_tag(options.language or "en")


def caption_problem(text: object, tag: str) -> str | None:
    """Return why a caption cannot be used, or None."""
    if not isinstance(text, str):
        return f"the caption is not text ({tag})"
    if not is_text(text):
        return f"the caption holds bytes that are not UTF-8 text ({tag})"
    return None if clean_text(text) else f"the caption is empty ({tag})"


def name_problem(name: object) -> str | None:
    """Return why a picture's path, as a corpus states it, cannot be used, or None."""
    if not isinstance(name, str) or not name.strip():
        return "the row names no picture"
    if not is_text(name):
        return NOT_TEXT
    return OUTSIDE if leaves_folder(name) else None


class PictureFolder:
    """A folder with pictures, in it or in the folders directly inside.

    Captions name pictures by file name, and people unpack them side by side
    (``images/train2017``, ``images/val2017``), all in one folder, or twice deep
    (``flickr30k_images/flickr30k_images``).

    Parameters
    ----------
    root : Path
        The folder; of the folders inside, the first 64 by name are looked at.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        try:
            inside = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
        except OSError as error:
            raise MmfeatError(
                f"The folder of pictures {root} cannot be read; give it with --images."
            ) from error
        self._folders = ["", *inside[:_MOST_FOLDERS]]

    def find(self, *names: str) -> str:
        """Return the path below the root of the first name that is there.

        Where none is there, the first name itself: its picture will be found missing.
        No name may leave the folder (see `name_problem`).
        """
        for name in names:
            for folder in self._folders:
                if os.path.isfile(os.path.join(self._root, folder, name)):
                    # Pictures come in runs from one folder: look there first.
                    self._folders.remove(folder)
                    self._folders.insert(0, folder)
                    return (PurePosixPath(folder) / name).as_posix()
        return PurePosixPath(names[0]).as_posix()
