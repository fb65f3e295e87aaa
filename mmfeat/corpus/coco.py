"""The ``coco`` importer: captions in COCO's JSON.

A source is ``{"images": [{id, file_name, ...}], "annotations": [{id, image_id,
caption}], ...}``, such as ``captions_train2017.json``; several may be given. An
item is a picture: its id is its ``file_name``, so the captions that several
files have for one picture come together, while the image ids of a file, which
other collections in this layout count from 1, hold within the file only; they
are kept as the attribute ``image_id``.

All captions of an import are in one language (``--language``, English unless
given): translations such as STAIR Captions are imported on their own.

Pictures are looked for in ``--images`` and the folders directly inside, by
default those of the sources' folder (of its parent, where that is called
``annotations``).

The word ``train``, ``val``, ``test`` or ``dev`` in a source's name is kept as the
attribute ``split``. Where every source has one, and some but not all are
``train``, it also decides the split; otherwise splits are drawn.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmfeat.corpus.grouping import Groups
from mmfeat.corpus.json_stream import elements
from mmfeat.corpus.model import TEST, TRAIN, ImportOptions, ItemRow, Rows, Skipped, is_text
from mmfeat.corpus.scratch import scratch_database
from mmfeat.corpus.sources import (
    NOT_TEXT,
    PictureFolder,
    caption_problem,
    common_folder,
    language_of,
    name_problem,
    named,
)

OPTIONS = frozenset(("images", "language"))
_SPLIT = re.compile(r"(?<![a-z])(train|val|test|dev)(?![a-z])", re.IGNORECASE)


def image_root(sources: Sequence[Path], options: ImportOptions) -> Path:
    """Return the folder that the pictures are in, at most one folder deep."""
    if options.images:
        return options.images
    folder = common_folder(sources)
    return folder.parent if folder.name == "annotations" else folder


def read(sources: Sequence[Path], options: ImportOptions) -> Rows:
    """Yield the items of COCO files.

    Parameters
    ----------
    sources : sequence of Path
        JSON files, gzipped or not.
    options : ImportOptions
        `images` and `language`.

    Raises
    ------
    MmfeatError
        If a file is malformed or the folder of pictures cannot be read.
    """
    folder, tag = PictureFolder(image_root(sources, options)), language_of(options)
    words = [match[1].lower() if (match := _SPLIT.search(s.stem)) else "" for s in sources]
    decisive = all(words) and 0 < words.count("train") < len(words)
    with scratch_database() as database:
        groups = Groups(database)
        # Of the source that is read; its captions may come before its images.
        database.execute("CREATE TABLE image (id TEXT PRIMARY KEY, item INTEGER UNIQUE)")
        database.execute("CREATE TABLE annotation (row INTEGER, id TEXT, image TEXT, text TEXT)")
        for word, (name, source) in zip(words, named(sources), strict=True):
            split = (TRAIN if word == "train" else TEST) if decisive else None
            for kind, row, entry in elements(source, ("images", "annotations")):
                where = f"{name} ({kind})"
                if not isinstance(entry, dict):
                    problem: str | None = "the entry is not a JSON object"
                elif kind == "annotations":
                    problem = _annotation(database, row, entry, tag)
                else:
                    problem = _image(database, groups, folder, entry, split, word, where, row)
                if problem:
                    yield Skipped(where, row, problem)
            yield from _join(database, groups, tag, f"{name} (annotations)")
        yield from groups.rows()


def _image(
    database: sqlite3.Connection,
    groups: Groups,
    folder: PictureFolder,
    entry: dict[str, Any],
    split: str | None,
    word: str,
    source: str,
    row: int,
) -> str | None:
    """Note an image; return why not."""
    image, name = _id(entry.get("id")), entry.get("file_name")
    if image is None:
        return "the id is missing"
    if problem := name_problem(name):
        return problem
    assert isinstance(name, str)
    if not is_text(image):
        return NOT_TEXT
    if database.execute("SELECT 1 FROM image WHERE id = ?", (image,)).fetchone():
        return "the image id is a duplicate"
    item = groups.item(
        ItemRow(
            item_id=name,
            image=folder.find(name),
            split=split,
            attributes={"image_id": image, "split": word},
            source=source,
            row=row,
        )
    )
    new = database.execute("INSERT OR IGNORE INTO image VALUES (?, ?)", (image, item)).rowcount
    return None if new else "the item id is a duplicate"


def _annotation(
    database: sqlite3.Connection, row: int, entry: dict[str, Any], tag: str
) -> str | None:
    """Note a caption; return why not."""
    number, image, text = _id(entry.get("id")), _id(entry.get("image_id")), entry.get("caption")
    if problem := caption_problem(text, tag):
        return problem
    if image is None:
        return "the caption does not say its image"
    if not is_text(image) or not is_text(number or ""):
        return NOT_TEXT
    database.execute("INSERT INTO annotation VALUES (?, ?, ?, ?)", (row, number, image, text))
    return None


def _join(database: sqlite3.Connection, groups: Groups, tag: str, source: str) -> Iterator[Skipped]:
    """Give a source's captions to its images, and forget its image ids."""
    captions = database.execute(
        "SELECT annotation.row, annotation.id, text, item FROM annotation "
        "LEFT JOIN image ON image.id = annotation.image ORDER BY annotation.rowid"
    )
    for row, key, text, item in captions:
        if item is None:
            yield Skipped(source, row, "the caption's image is not listed or was skipped")
        elif not groups.add(item, tag, text, key):
            yield Skipped(source, row, "the caption id is a duplicate")
    database.execute("DELETE FROM annotation")
    database.execute("DELETE FROM image")


def _id(value: object) -> str | None:
    """Return an id as text, or None where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, str)) or value == "":
        return None
    return str(value)
