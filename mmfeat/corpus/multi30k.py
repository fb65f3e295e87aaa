"""The ``multi30k`` importer: Multi30k, captions aligned by line with lists of pictures.

The source is the folder ``task1`` (one caption an item and language, translated)
or ``task2`` (five, written independently): ``image_splits`` holds a list of
pictures for each split, and ``raw``, or the folder itself, the captions as
``SPLIT.LANGUAGE[.gz]`` and ``SPLIT.NUMBER.LANGUAGE[.gz]``; tokenised files are left
out. A split may lack languages. The pictures are in ``images`` beside the lists
or in ``--images``, there or in the folders directly inside; where there is no
such folder, the captions are imported alone.

The name of the list is kept as the item's attribute ``split``; items of ``train``
are for training, all others for testing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmfeat.corpus.languages import normalise_tag
from mmfeat.corpus.lines import TextFile, aligned, only_source, pictures_beside
from mmfeat.corpus.model import TEST, TRAIN, ImportOptions, ItemRow, Rows, Skipped
from mmfeat.corpus.sources import PictureFolder, name_problem
from mmfeat.errors import MmfeatError

OPTIONS = frozenset(("images",))
_CAPTIONS = re.compile(
    r"(?P<split>.+?)(?:\.(?P<number>\d+))?\.(?P<language>[A-Za-z]{2,3})(?:\.gz)?"
)
_LISTS = "image_splits"
_ORDER = ("train", "val")


def image_root(sources: Sequence[Path], options: ImportOptions) -> Path | None:
    """Return the folder of the pictures; None where there is none."""
    return pictures_beside(_folder(sources), options)


def read(sources: Sequence[Path], options: ImportOptions) -> Rows:
    """Yield the items of Multi30k, split by split.

    Parameters
    ----------
    sources : sequence of Path
        The folder ``task1`` or ``task2``.
    options : ImportOptions
        May name the folder of the pictures.

    Raises
    ------
    MmfeatError
        If there are no lists of pictures or no captions, or one cannot be read.
    """
    folder = _folder(sources)
    lists = {_split(path): path for path in sorted((folder / _LISTS).glob("*.txt"))}
    captions = _captions(folder)
    if not lists.keys() & captions.keys():
        raise MmfeatError(
            f"{folder} lacks {'captions' if lists else 'lists of pictures'}; give the folder "
            "task1 or task2 of Multi30k."
        )
    for split in sorted(set(captions) - set(lists)):
        # Other files may lie beside; those in raw are captions.
        for _, file in captions[split]:
            if "/" in file.name:
                yield Skipped(file.name, 0, "the file of captions has no list of pictures")
    root = image_root(sources, options)
    pictures = PictureFolder(root) if root else None
    for split in sorted(lists, key=lambda name: (name not in _ORDER, name)):
        yield from _items(split, lists[split], captions.get(split, []), pictures)


def _folder(sources: Sequence[Path]) -> Path:
    folder = only_source(sources, "the folder task1 or task2 of Multi30k")
    if not (folder / _LISTS).is_dir():
        raise MmfeatError(
            f"{folder} has no folder {_LISTS}; give the folder task1 or task2 of Multi30k."
        )
    return folder


def _split(path: Path) -> str:
    return path.stem.removesuffix("_images")  # task 2 calls its lists train_images.txt


def _captions(folder: Path) -> dict[str, list[tuple[str, TextFile]]]:
    """Return the files of captions by split, each with its language."""
    found: dict[tuple[str, str, str], TextFile] = {}
    for prefix, place in (("", folder), ("raw/", folder / "raw")):
        for path in sorted(place.glob("*")):
            match = _CAPTIONS.fullmatch(path.name)
            if match and path.is_file():
                # A file that was unpacked may lie beside its gzip, which sorts after it.
                key = (match["split"], normalise_tag(match["language"]), match["number"] or "")
                found.setdefault(key, TextFile(path, prefix + path.name))
    captions: dict[str, list[tuple[str, TextFile]]] = {}
    for (split, tag, _), file in sorted(found.items()):
        captions.setdefault(split, []).append((tag, file))
    return captions


def _items(
    split: str,
    path: Path,
    captions: Sequence[tuple[str, TextFile]],
    pictures: PictureFolder | None,
) -> Iterator[ItemRow | Skipped]:
    listing = TextFile(path, f"{_LISTS}/{path.name}")
    for row in aligned(listing, captions):
        if isinstance(row, Skipped):
            yield row
            continue
        name = re.sub(r"#\d+$", "", row.picture)  # COCO's pictures carry the caption's number
        if problem := name_problem(name):
            yield Skipped(listing.name, row.row, problem)
            continue
        yield ItemRow(
            item_id=name,
            image=pictures.find(name) if pictures else "",
            captions=row.captions,
            split=TRAIN if split == "train" else TEST,
            attributes={"split": split},
            source=listing.name,
            row=row.row,
        )
