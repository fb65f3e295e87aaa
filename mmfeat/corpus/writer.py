"""``corpus.h5`` written in one pass over any number of rows."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mmfeat import hdf5
from mmfeat.corpus.languages import normalise_tag
from mmfeat.corpus.model import TEST, TRAIN, ItemRow, Skipped, clean_text, is_text, split_of
from mmfeat.corpus.pictures import PictureError, load_picture, picture_hash, thumbnail
from mmfeat.corpus.scratch import scratch_database
from mmfeat.errors import MmfeatError
from mmfeat.progress import SILENT, Progress

KIND = "mmfeat-corpus"
_CHUNK = 256
_TEXT, _BYTES = h5py.string_dtype(), h5py.vlen_dtype(np.uint8)
COLUMNS: dict[str, dict[str, Any]] = {
    "items": {
        **dict.fromkeys(("item_id", "concept", "split", "image", "picture"), _TEXT),
        "thumbnail": _BYTES,
    },
    "captions": {"item": np.int32, "language": np.int16, "text": _TEXT},
    "import_log": {"source": _TEXT, "row": np.int64, "reason": _TEXT},
}


@dataclass(frozen=True)
class CorpusSummary:
    """What an import came to.

    Attributes
    ----------
    pictures : int
        Items with a picture.
    captions : dict of str to int
        Captions by language.
    skipped : dict of str to int
        Skipped rows and captions by reason, the most frequent first.
    """

    path: Path
    items: int
    pictures: int
    captions: dict[str, int]
    skipped: dict[str, int]


class _Seen:
    """The ids and concepts so far, in a database on disk: millions take no memory."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database
        self._db.execute("CREATE TABLE item (id TEXT PRIMARY KEY) WITHOUT ROWID")
        self._db.execute("CREATE TABLE concept (id TEXT PRIMARY KEY, split TEXT) WITHOUT ROWID")

    def add_item(self, item_id: str) -> bool:
        """Return whether the id is new, and note it."""
        return self._db.execute("INSERT OR IGNORE INTO item VALUES (?)", (item_id,)).rowcount == 1

    def split_of(self, concept: str, split: str) -> str:
        """Return the split of a concept, which is `split` where the concept is new."""
        found = self._db.execute("SELECT split FROM concept WHERE id = ?", (concept,)).fetchone()
        if found:
            return str(found[0])
        self._db.execute("INSERT INTO concept VALUES (?, ?)", (concept, split))
        return split


def _append(group: h5py.Group, name: str, kind: Any, start: int, values: Sequence[Any]) -> None:
    """Write values from row `start` on; a column that is new holds nothing before."""
    if name not in group:
        group.create_dataset(name, (start,), maxshape=(None,), chunks=(1024,), dtype=kind)
    column = group[name]
    column.resize((start + len(values),))
    if kind is _BYTES:  # one by one: h5py takes rows that happen to be equally long for a matrix
        for index, value in enumerate(values, start):
            if value:
                column[index] = np.frombuffer(value, np.uint8)
    elif values:
        column[start:] = np.array(values, dtype=object if kind is _TEXT else kind)


class _Writer:
    """Cleans rows, refuses what cannot be used, and appends the rest to an open file."""

    def __init__(self, file: h5py.File, seen: _Seen, image_root: Path | None, seed: int) -> None:
        self._file, self._seen, self._root, self._seed = file, seen, image_root, seed
        self._groups = {
            name: hdf5.encode_group(file.create_group(name), f"mmfeat-{kind}")
            for name, kind in (
                ("items", "items"),
                ("items/attributes", "attributes"),
                ("captions", "captions"),
                ("import_log", "import-log"),
            )
        }
        # Rows that are not written yet, and how many are.
        self._pending: dict[str, list[dict[str, Any]]] = {name: [] for name in self._groups}
        self._written = dict.fromkeys(self._groups, 0)
        self._tags: dict[str, int] = {}
        self.captions: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.items = self.pictures = 0

    def picture(self, row: ItemRow | Skipped) -> tuple[str, bytes] | PictureError | None:
        """Return hash and thumbnail of a row's picture, or why it has none that can be used."""
        if isinstance(row, Skipped) or not row.image:
            return None
        try:
            image = load_picture(row.image, self._root)
        except PictureError as error:
            return error
        return picture_hash(image), thumbnail(image)

    def add(self, row: ItemRow | Skipped, picture: tuple[str, bytes] | PictureError | None) -> None:
        """Take a row, or note why not."""
        if isinstance(row, Skipped):
            return self._skip(row, row.reason)
        item_id = clean_text(row.item_id)
        concept = clean_text(row.concept or "") or item_id
        if not all(map(is_text, (item_id, concept, row.image, *row.attributes.values()))):
            return self._skip(row, "the row holds bytes that are not UTF-8 text")
        if not item_id:
            return self._skip(row, "the item id is empty")
        if row.split not in (None, TRAIN, TEST):
            return self._skip(row, f"the split is neither {TRAIN} nor {TEST}")
        if isinstance(picture, PictureError):
            return self._skip(row, f"the picture {picture.reason}")
        captions = list(self._usable_captions(row))
        if not captions and picture is None:
            return self._skip(row, "the item has neither a picture nor a caption")
        if not self._seen.add_item(item_id):
            return self._skip(row, "the item id is a duplicate")
        split = self._seen.split_of(concept, row.split or split_of(concept, self._seed))
        if row.split not in (None, split):
            return self._skip(row, "the item's concept is already in the other split")
        pixels, small = picture or ("", b"")
        self._pending["items"].append(
            {
                "item_id": item_id,
                "concept": concept,
                "split": split,
                "image": row.image,
                "picture": pixels,
                "thumbnail": small,
            }
        )
        self._pending["items/attributes"].append(
            # A slash would make groups of the name.
            {name.replace("/", "_"): clean_text(text) for name, text in row.attributes.items()}
        )
        for tag, text in captions:
            language = self._tags.setdefault(tag, len(self._tags))
            self._pending["captions"].append(
                {"item": self.items, "language": language, "text": text}
            )
            self.captions[tag] += 1
        self.items += 1
        self.pictures += picture is not None
        return None

    def _usable_captions(self, row: ItemRow) -> Iterator[tuple[str, str]]:
        for language, raw in row.captions:
            tag, text = normalise_tag(language), clean_text(raw)
            if not text:
                self._skip(row, f"the caption is empty ({tag})")
            elif not is_text(text):
                self._skip(row, f"the caption holds bytes that are not UTF-8 text ({tag})")
            else:
                yield tag, text

    def _skip(self, row: ItemRow | Skipped, reason: str) -> None:
        source = row.source.encode(errors="replace").decode().replace("\0", "?")
        self._pending["import_log"].append({"source": source, "row": row.row, "reason": reason})
        self.skipped[reason] += 1

    def flush(self) -> None:
        """Write what is pending."""
        for name, group in self._groups.items():
            rows, start = self._pending[name], self._written[name]
            kinds = COLUMNS.get(name)
            if kinds is None:  # attributes: whatever the rows have had so far
                kinds = dict.fromkeys(chain(group, *rows), _TEXT)
            for column, kind in kinds.items():
                _append(group, column, kind, start, [row.get(column, "") for row in rows])
            self._written[name] += len(rows)
            rows.clear()

    def finish(self) -> None:
        """Give the languages numbers in the order of their tags."""
        order = sorted(self._tags)
        new = np.zeros(len(order), np.int16)
        for index, tag in enumerate(order):
            new[self._tags[tag]] = index
        column = self._file["captions/language"]
        for start in range(0, len(column), 1 << 20):
            column[start : start + (1 << 20)] = new[column[start : start + (1 << 20)]]
        hdf5.write_strings(self._file, "languages", order)


def write_corpus(
    path: Path,
    rows: Iterable[ItemRow | Skipped],
    *,
    name: str,
    attribution: str,
    image_root: Path | None,
    provenance: str,
    seed: int = 0,
    progress: Progress = SILENT,
) -> CorpusSummary:
    """Write a corpus in one pass; memory does not grow with the number of rows.

    Every picture is decoded once, for its hash and thumbnail. Texts become NFC
    with single spaces. A row that cannot be used is skipped and listed, with
    its reason, in ``/import_log``; so is an empty caption of a row that can.

    Parameters
    ----------
    path : Path
        The file to write.
    rows : iterable of ItemRow or Skipped
        What an importer yields.
    name, attribution : str
        The corpus's name, and the line to show wherever its pictures are shown.
    image_root : Path or None
        The folder that picture paths are relative to and may not leave; written
        relative to the file's own folder, so both can be moved together.
    provenance : str
        See `mmfeat.provenance.record`.
    seed : int
        Of the split of concepts, where the rows give none.

    Raises
    ------
    MmfeatError
        If no row can be used, or the file cannot be written. No file is left then.
    """
    rows = iter(rows)
    workers = min(4, os.cpu_count() or 1)  # each may hold a picture of MAX_PIXELS
    with (
        hdf5.create(path, KIND, provenance) as file,
        scratch_database() as database,
        ThreadPoolExecutor(workers) as pool,
        progress.stage("Importing rows", None) as advance,
    ):
        writer = _Writer(file, _Seen(database), image_root, seed)
        file.attrs["name"], file.attrs["attribution"] = name, attribution
        file["items"].attrs["image_root"] = _relative(image_root, path.parent)
        while chunk := list(islice(rows, _CHUNK)):
            for row, picture in zip(chunk, pool.map(writer.picture, chunk), strict=True):
                writer.add(row, picture)
            writer.flush()
            file.flush()  # a full disk is noticed now, not at the end
            advance(len(chunk))
        if not writer.items:
            raise MmfeatError(_nothing_usable(writer.skipped))
        writer.finish()
    return CorpusSummary(
        path=path,
        items=writer.items,
        pictures=writer.pictures,
        captions=dict(sorted(writer.captions.items())),
        skipped=dict(writer.skipped.most_common()),
    )


def _relative(root: Path | None, folder: Path) -> str:
    if root is None:
        return ""
    try:
        return Path(os.path.relpath(root.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive on Windows
        return root.resolve().as_posix()


def _nothing_usable(skipped: Counter[str]) -> str:
    if not skipped:
        return "Nothing was imported: there are no rows; check the source."
    reason, count = skipped.most_common(1)[0]
    return (
        f"Nothing was imported: none of the rows can be used, most often because {reason} "
        f"({count:,} times); check the source and the options."
    )
