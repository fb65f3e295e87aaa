"""The ``table`` importer: CSV, TSV, JSON lines and Parquet.

One row is an item (``--lang COLUMN=TAG`` for each column of captions) or a
caption (``--language-column`` with ``--caption-column``). CSV and TSV have a
header and quote as spreadsheets do. Cells of JSON lines and Parquet may hold a
list of captions. Rows are counted from 1, without the header.

Where a row is a caption, the rows of an item need not be adjacent, and may be
in different files: they are grouped in a temporary database on disk. Picture,
concept, split and attributes are those of the item's first row; a row that
says another picture, concept or split is skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TextIO

from mmfeat.corpus.cells import column_values, text_of, texts_of
from mmfeat.corpus.grouping import Groups
from mmfeat.corpus.languages import normalise_tag
from mmfeat.corpus.model import (
    ImportOptions,
    ItemRow,
    Rows,
    Skipped,
    clean_text,
    column_tags,
    is_text,
)
from mmfeat.corpus.pictures import leaves_folder
from mmfeat.corpus.scratch import scratch_database
from mmfeat.corpus.separated import records
from mmfeat.corpus.sources import common_folder
from mmfeat.errors import MmfeatError

OPTIONS = frozenset(
    (
        "image",
        "id",
        "lang",
        "language_column",
        "caption_column",
        "concept",
        "split_column",
        "attribute",
    )
)
_LONGEST_LINE = 16 << 20
_BATCH = 1024
_NOT_TEXT = "the row holds bytes that are not UTF-8 text"


class _Record(NamedTuple):
    """One row of a file: its cells by column, or why it has none."""

    row: int
    cells: Mapping[str, Any] | None
    problem: str = ""


def image_root(sources: Sequence[Path], options: ImportOptions | None = None) -> Path:
    """Return the folder that the picture paths of all tables are relative to.

    That is the deepest folder with all tables; each table's own paths are
    relative to the table and may not leave its folder.
    """
    return common_folder(sources)


def read(sources: Sequence[Path], options: ImportOptions) -> Rows:
    """Yield the items of tables.

    Parameters
    ----------
    sources : sequence of Path
        Files ending in ``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson`` or ``.parquet``.
    options : ImportOptions
        Which columns hold what.

    Raises
    ------
    MmfeatError
        If a file cannot be read or lacks a column, or the options name no layout.
    """
    _check(options)
    return _captions(sources, options) if options.caption_column else _items(sources, options)


def _check(options: ImportOptions) -> None:
    by_caption = bool(options.language_column or options.caption_column)
    if by_caption == bool(options.lang) or bool(options.language_column) != bool(
        options.caption_column
    ):
        raise MmfeatError(
            "A table needs either --lang COLUMN=TAG (one row an item), or --language-column with "
            "--caption-column (one row a caption); give one of the two."
        )
    if by_caption and not (options.id or options.image):
        raise MmfeatError("Captions need --id or --image to tell which item they are of.")


def _items(sources: Sequence[Path], options: ImportOptions) -> Rows:
    tags = column_tags(options.lang)
    for name, record in _records(sources, options, tags):
        item = _item(name, record, options)
        if isinstance(item, Skipped):
            yield item
            continue
        assert record.cells is not None
        captions = []
        for column, tag in tags.items():
            texts = texts_of(record.cells.get(column))
            if texts is None:
                yield Skipped(name, record.row, f"the caption is not text ({tag})")
            captions += [(tag, text) for text in texts or ()]
        yield ItemRow(**{**vars(item), "captions": tuple(captions)})


def _captions(sources: Sequence[Path], options: ImportOptions) -> Rows:
    language_column, caption_column = options.language_column or "", options.caption_column or ""
    with scratch_database() as database:
        groups = Groups(database)
        for name, record in _records(sources, options, (language_column, caption_column)):
            item = _item(name, record, options)
            if isinstance(item, Skipped):
                yield item
                continue
            if not (options.id or item.image):
                yield Skipped(name, record.row, "the row names no picture")
                continue
            assert record.cells is not None
            texts = texts_of(record.cells.get(caption_column))
            language = text_of(record.cells.get(language_column))
            try:
                tag = normalise_tag(language or "")
            except MmfeatError:
                yield Skipped(name, record.row, "the language is not a language tag")
                continue
            if texts is None:
                yield Skipped(name, record.row, f"the caption is not text ({tag})")
                continue
            if not all(map(is_text, (*texts, *_labels(item)))):
                yield Skipped(name, record.row, _NOT_TEXT)
                continue
            if groups.contradicts(item):
                yield Skipped(
                    name, record.row, "the row has another picture, concept or split than its item"
                )
                continue
            number = groups.item(item)
            for text in texts:
                if not clean_text(text):  # noted here, where the row is known
                    yield Skipped(name, record.row, f"the caption is empty ({tag})")
                    continue
                groups.add(number, tag, text)
        yield from groups.rows()


def _item(name: str, record: _Record, options: ImportOptions) -> ItemRow | Skipped:
    """Return a row's item without captions."""
    if record.cells is None:
        return Skipped(name, record.row, record.problem)
    columns = (options.image, options.id, options.concept, options.split_column, *options.attribute)
    found = {column: text_of(record.cells.get(column)) for column in columns if column}
    if None in found.values():
        return Skipped(name, record.row, "a cell holds neither text nor a number")
    cells = {column: text or "" for column, text in found.items()}
    image = cells.get(options.image or "", "")
    if image:
        if leaves_folder(image):
            return Skipped(name, record.row, "the picture lies outside the table's folder")
        if not image.startswith("openmoji:"):
            image = (PurePosixPath(name).parent / image).as_posix()
    return ItemRow(
        item_id=cells[options.id] if options.id else image or f"{name}:{record.row}",
        image=image,
        concept=cells.get(options.concept or "") or None,
        split=cells.get(options.split_column or "", "").lower() or None,
        attributes={column: cells[column] for column in options.attribute},
        source=name,
        row=record.row,
    )


def _labels(item: ItemRow) -> Iterator[str]:
    yield from (item.item_id, item.image, item.concept or "", item.split or "")
    yield from item.attributes.values()


def _records(
    sources: Sequence[Path], options: ImportOptions, captions: Iterable[str]
) -> Iterator[tuple[str, _Record]]:
    """Yield all rows of all tables, with the table's path below `image_root`."""
    wanted = [options.image, options.id, options.concept, options.split_column]
    columns = [column for column in (*wanted, *options.attribute, *captions) if column]
    root = image_root(sources)
    for source in sources:
        if not source.is_file():
            raise MmfeatError(f"{source} is not a file; check the path.")
        reader = _READERS.get(source.suffix.lower())
        if reader is None:
            raise MmfeatError(
                f"{source} is not a table; its name must end in one of {', '.join(_READERS)}."
            )
        name = source.resolve().relative_to(root).as_posix()
        try:
            for record in reader(source, columns):
                yield name, record
        except OSError as error:
            raise MmfeatError(
                f"{source} cannot be read ({error.strerror}); check the file and its permissions."
            ) from error


def _require(source: Path, columns: Sequence[str], there: Iterable[str]) -> None:
    known = list(there)
    missing = [column for column in columns if column not in known]
    if missing:
        raise MmfeatError(
            f"{source} has no column {', '.join(missing)}; it has "
            f"{', '.join(known[:50]) or 'none'}."
        )


def _open_text(source: Path) -> TextIO:
    with source.open("rb") as handle:
        start = handle.read(2)
    # Spreadsheets write "Unicode text" as UTF-16 with a byte-order mark.
    encoding = "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    # A byte that is not UTF-8 spoils its own cell, which is then refused, not the file.
    errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
    return source.open(encoding=encoding, errors=errors, newline="")


def _lines(handle: TextIO) -> Iterator[str]:
    """Yield lines, a monstrous one in parts, so that no file can fill the memory."""
    while line := handle.readline(_LONGEST_LINE):
        yield line


def _read_separated(source: Path, columns: Sequence[str], delimiter: str) -> Iterator[_Record]:
    empty = f"{source} is empty; a table needs a header and rows."
    with _open_text(source) as handle:
        check = partial(_require, source, columns)
        for row, cells in records(_lines(handle), delimiter, check, empty):
            if isinstance(cells, str):
                yield _Record(row, None, cells)
            else:
                yield _Record(row, cells)


def _read_csv(source: Path, columns: Sequence[str]) -> Iterator[_Record]:
    return _read_separated(source, columns, ",")


def _read_tsv(source: Path, columns: Sequence[str]) -> Iterator[_Record]:
    return _read_separated(source, columns, "\t")


def _read_json_lines(source: Path, columns: Sequence[str]) -> Iterator[_Record]:
    # A row may leave out keys; a key that no row has is a mistake in the options.
    seen: dict[str, None] = {}
    with _open_text(source) as handle:
        row = 0
        for line in _lines(handle):
            if not line.strip():
                continue
            row += 1
            try:
                cells = json.loads(line)
            except (ValueError, RecursionError):
                yield _Record(row, None, "the line is not JSON")
                continue
            if not isinstance(cells, dict):
                yield _Record(row, None, "the line is not a JSON object")
                continue
            if len(seen) < 1000:
                seen.update(dict.fromkeys(cells))
            yield _Record(row, cells)
    _require(source, columns, seen)


def _read_parquet(source: Path, columns: Sequence[str]) -> Iterator[_Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(source) as file:
            _require(source, columns, file.schema_arrow.names)
            row = 0
            for batch in file.iter_batches(_BATCH, columns=list(dict.fromkeys(columns))):
                lists = {name: column_values(batch.column(name)) for name in batch.schema.names}
                for index in range(batch.num_rows):
                    row += 1
                    yield _Record(row, {name: values[index] for name, values in lists.items()})
    except (pa.ArrowException, OSError) as error:
        raise MmfeatError(f"{source} is not a readable Parquet file; write it again.") from error


_READERS = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
}
