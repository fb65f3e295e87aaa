"""The ``xtd10`` importer: XTD10, captions of 1,000 COCO pictures aligned by line.

The source is the folder with ``test_image_names.txt`` and the files
``test_1kcaptions_LANGUAGE.txt``, or the folder above it; languages that are
elsewhere (the folders ``MIC`` and ``STAIR``) are given as further sources. The
pictures are in ``images`` beside the list or in ``--images``, there or in the
folders directly inside (``train2014``, ``val2014``); where there is no such
folder, the captions are imported alone. All items are of one test set, so their
splits are drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmfeat.corpus.languages import normalise_tag
from mmfeat.corpus.lines import TextFile, aligned, pictures_beside
from mmfeat.corpus.model import ImportOptions, ItemRow, Rows, Skipped
from mmfeat.corpus.sources import PictureFolder, name_problem
from mmfeat.errors import MmfeatError

OPTIONS = frozenset(("images",))
_LIST = "test_image_names.txt"
_CAPTIONS = re.compile(r"test_1kcaptions_([A-Za-z]+(?:[-_][A-Za-z0-9]+)*)\.txt")


def image_root(sources: Sequence[Path], options: ImportOptions) -> Path | None:
    """Return the folder of the pictures; None where there is none."""
    return pictures_beside(_listing(sources).path.parent, options)


def read(sources: Sequence[Path], options: ImportOptions) -> Rows:
    """Yield the items of XTD10.

    Parameters
    ----------
    sources : sequence of Path
        Folders; exactly one has the list of pictures.
    options : ImportOptions
        May name the folder of the pictures.

    Raises
    ------
    MmfeatError
        If the list of pictures or all captions are missing, or two files are of one language.
    """
    listing, captions = _listing(sources), _captions(sources)
    root = image_root(sources, options)
    pictures = PictureFolder(root) if root else None
    for row in aligned(listing, captions):
        if isinstance(row, Skipped):
            yield row
        elif problem := name_problem(row.picture):
            yield Skipped(listing.name, row.row, problem)
        else:
            yield ItemRow(
                item_id=row.picture,
                image=pictures.find(row.picture) if pictures else "",
                captions=row.captions,
                source=listing.name,
                row=row.row,
            )


def _folders(sources: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Yield the folders given and those directly inside, with their names for the log."""
    for source in sources:
        if not source.is_dir():
            raise MmfeatError(f"{source} is not a folder; give the folder with {_LIST}.")
        yield "", source
        for inside in sorted(path for path in source.iterdir() if path.is_dir()):
            yield f"{inside.name}/", inside


def _listing(sources: Sequence[Path]) -> TextFile:
    found = [
        TextFile(folder / _LIST, name + _LIST)
        for name, folder in _folders(sources)
        if (folder / _LIST).is_file()
    ]
    if len(found) != 1:
        raise MmfeatError(
            f"There must be one {_LIST} in the folders given, but there are {len(found)}; give "
            "the folder XTD10, and at most the folders of further captions."
        )
    return found[0]


def _captions(sources: Sequence[Path]) -> list[tuple[str, TextFile]]:
    files: dict[str, TextFile] = {}
    for name, folder in _folders(sources):
        for path in sorted(folder.glob("test_1kcaptions_*.txt")):
            match = _CAPTIONS.fullmatch(path.name)
            if match is None:
                continue
            tag = normalise_tag(match[1])
            if tag in files:
                raise MmfeatError(
                    f"{path} and {files[tag].path} are both captions in {tag}; leave one out."
                )
            files[tag] = TextFile(path, name + path.name)
    if not files:
        raise MmfeatError(
            f"There are no files test_1kcaptions_LANGUAGE.txt in {sources[0]}; give their folder."
        )
    return sorted(files.items())
