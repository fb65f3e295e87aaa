"""The ``hf`` importer: saved Hugging Face datasets and their Parquet files.

A source is a folder written by ``save_to_disk`` (a dataset, or a dict of one
for each split), another folder with Parquet files anywhere in it, or a single
``.parquet`` or ``.arrow`` file. They are read as they are, a few rows at a
time, without the `datasets` package; pictures stay where they lie.

One row is an item (``--lang COLUMN=TAG`` for each column of captions, or
``--caption-column`` with ``--language``) or, with ``--language-column``, a
caption. With ``--id`` and ``--caption-column`` the rows of one item are joined,
wherever they are; all but captions is that of the first. A column of class
labels gives their names. Rows are counted from 1 in each file.

Where a dataset has several splits, ``train`` is for training and the others
are for testing; what it calls them is kept as the attribute ``split``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from mmfeat.corpus.cells import column_values, text_of, texts_of
from mmfeat.corpus.grouping import Groups
from mmfeat.corpus.languages import normalise_tag
from mmfeat.corpus.model import (
    TEST,
    TRAIN,
    ImportOptions,
    ItemRow,
    Rows,
    Skipped,
    column_tags,
    is_text,
)
from mmfeat.corpus.packed import Kind, archives_in, cell_reference, check_offsets
from mmfeat.corpus.scratch import scratch_database
from mmfeat.corpus.sources import NOT_TEXT, common_folder, named
from mmfeat.errors import MmfeatError

OPTIONS = frozenset(
    (
        "image",
        "id",
        "lang",
        "language_column",
        "caption_column",
        "language",
        "concept",
        "split_column",
        "attribute",
    )
)
_ROWS = 1024
_CELL = {"bytes", "path"}
_LONGEST_JSON = 16 << 20
# How `push_to_hub` names its files; other names say nothing about a split.
_SPLIT = re.compile(r"((?:train|valid|val|dev|test|eval)\w*)-[0-9]{5}-of-[0-9]{5}\b.*")


class _File(NamedTuple):
    """A file of a dataset, its path below the image root, and its split or an empty text."""

    path: Path
    name: str
    kind: Kind
    split: str


class _Opened(NamedTuple):
    """A file's schema, its columns of pictures, and a function from columns to their batches."""

    schema: Any
    pictures: list[str]
    batches: Callable[[list[str]], Iterator[Any]]


def image_root(sources: Sequence[Path], options: ImportOptions) -> Path:
    """Return the folder that the archives' paths are relative to: the deepest with all of them."""
    return common_folder([path for path, _ in _found(sources)])


def read(sources: Sequence[Path], options: ImportOptions) -> Rows:
    """Yield the items of datasets.

    Parameters
    ----------
    sources : sequence of Path
        Folders of saved datasets or with Parquet files, or such files.
    options : ImportOptions
        Which columns hold what; the column of pictures is found where there is one.

    Raises
    ------
    MmfeatError
        If a source is no dataset or lacks a column, or the options name no layout.
    """
    _check(options)
    rows = _rows(_files(sources), options)
    return _joined(rows) if options.caption_column and options.id else rows


def _check(options: ImportOptions) -> None:
    tagged = bool(options.language_column) + bool(options.language)
    if bool(options.lang) + bool(options.caption_column) != 1 or tagged != bool(
        options.caption_column
    ):
        raise MmfeatError(
            "A dataset needs either --lang COLUMN=TAG, or --caption-column with one of "
            "--language-column and --language; give one of the two."
        )
    if options.language:
        normalise_tag(options.language)


def _files(sources: Sequence[Path]) -> list[_File]:
    found = _found(sources)
    names = [name for name, _ in named([path for path, _ in found])]
    return [
        _File(path, name, "arrow" if path.suffix == ".arrow" else "parquet", split)
        for (path, split), name in zip(found, names, strict=True)
    ]


def _found(sources: Sequence[Path]) -> list[tuple[Path, str]]:
    """Return the files of all sources, each with its split."""
    found: list[tuple[Path, str]] = []
    for source in sources:
        if source.is_file():
            if source.suffix not in (".parquet", ".arrow"):
                raise MmfeatError(f"{source} does not end in .parquet or .arrow; check the path.")
            found.append((source, _split_of(source)))
        elif (source / "dataset_dict.json").is_file():
            for split in _listed(source / "dataset_dict.json", "splits"):
                found += [(path, split) for path in _saved(source / split)]
        elif (source / "state.json").is_file():
            found += [(path, "") for path in _saved(source)]
        else:
            files = archives_in(source, "**/*.parquet")
            if not files:
                raise MmfeatError(
                    f"{source} is no dataset saved with save_to_disk and has no Parquet files; "
                    "check the path."
                )
            found += [(path, _split_of(path)) for path in files]
    return found


def _split_of(path: Path) -> str:
    match = _SPLIT.fullmatch(path.name) if path.suffix == ".parquet" else None
    return match[1] if match else ""


def _saved(folder: Path) -> list[Path]:
    """Return the Arrow files of a folder written by ``save_to_disk``."""
    there = {path.name: path for path in archives_in(folder, "*.arrow")}
    names = _listed(folder / "state.json", "_data_files")
    if missing := [name for name in names if name not in there]:
        raise MmfeatError(f"{folder} lacks {', '.join(missing[:5])}; copy the dataset again.")
    return [there[name] for name in names]


def _listed(path: Path, key: str) -> list[str]:
    """Return the names of files or folders that a JSON file of a saved dataset lists."""
    broken = MmfeatError(f"{path} cannot be read as part of a saved dataset; save it again.")
    try:
        if path.stat().st_size > _LONGEST_JSON:
            raise broken
        entries = json.loads(path.read_bytes())[key]
        names = [entry["filename"] if isinstance(entry, dict) else entry for entry in entries]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise broken from error
    if not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise broken
    return names


def _rows(files: Sequence[_File], options: ImportOptions) -> Rows:
    several = len({file.split for file in files if file.split}) > 1
    wanted = [options.id, options.concept, options.split_column, *options.attribute]
    wanted += [options.caption_column, options.language_column, *column_tags(options.lang)]
    columns = list(dict.fromkeys(column for column in wanted if column))
    for file in files:
        opened = _open(file.path, file.kind)
        image = _picture_column(file.path, opened, options.image)
        _require(file.path, opened.schema, columns)
        for row, cells in enumerate(_cells(opened, columns), 1):
            if cells is None:
                yield Skipped(file.name, row, "the file is damaged here; what follows is left out")
                break
            found: ItemRow | Skipped = _item(file, row, cells, options, several)
            if isinstance(found, ItemRow):
                captions: list[tuple[str, str]] = []
                for caption in _captions(cells, options):
                    if isinstance(caption, str):
                        yield Skipped(file.name, row, caption)
                    else:
                        captions.append(caption)
                reference = cell_reference(file.kind, file.name, row - 1, image) if image else ""
                found = ItemRow(**{**vars(found), "image": reference, "captions": tuple(captions)})
            yield found


def _item(
    file: _File, row: int, cells: Mapping[str, Any], options: ImportOptions, several: bool
) -> ItemRow | Skipped:
    """Return a row's item without picture and captions."""
    columns = (options.id, options.concept, options.split_column, *options.attribute)
    found = {column: text_of(cells[column]) for column in columns if column}
    if None in found.values():
        return Skipped(file.name, row, "a cell holds neither text nor a number")
    texts = {column: text or "" for column, text in found.items()}
    split = texts.get(options.split_column or "", "").lower() or None
    if several and file.split and not options.split_column:
        split = TRAIN if file.split == TRAIN else TEST
    attributes = {"split": file.split} if file.split else {}
    return ItemRow(
        item_id=texts[options.id] if options.id else f"{file.name}:{row}",
        concept=texts.get(options.concept or "") or None,
        split=split,
        attributes={**attributes, **{column: texts[column] for column in options.attribute}},
        source=file.name,
        row=row,
    )


def _captions(cells: Mapping[str, Any], options: ImportOptions) -> Iterator[tuple[str, str] | str]:
    """Yield tag and text of each caption of a row, or why one cannot be used."""
    tags = column_tags(options.lang)
    if options.caption_column:
        tag = options.language
        if options.language_column:
            tag = text_of(cells[options.language_column])
        try:
            tags = {options.caption_column: normalise_tag(tag or "")}
        except MmfeatError:
            yield "the language is not a language tag"
            return
    for column, tag in tags.items():
        texts = texts_of(cells[column])
        if texts is None:
            yield f"the caption is not text ({tag})"
        yield from ((tag, text) for text in texts or ())


def _open(path: Path, kind: Kind) -> _Opened:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def parquet_batches(columns: list[str]) -> Iterator[Any]:
        return iter(file.iter_batches(_ROWS, columns=columns))

    try:
        if kind == "parquet":
            file = pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
            return _Opened(file.schema_arrow, _pictures(file.schema_arrow), parquet_batches)
        reader = pa.ipc.open_stream(pa.memory_map(str(path)))
        return _Opened(reader.schema, _pictures(reader.schema), partial(_mapped, reader))
    except (pa.ArrowException, OSError, ValueError) as error:  # also names that are not UTF-8
        what = "Parquet file" if kind == "parquet" else "Arrow stream"
        raise MmfeatError(f"{path} is not a readable {what}; copy or save it again.") from error


def _mapped(reader: Any, columns: Sequence[str]) -> Iterator[Any]:
    for batch in reader:
        few = batch.select(columns)
        for column in few.columns:
            check_offsets(column)
        for start in range(0, few.num_rows, _ROWS):
            yield few.slice(start, _ROWS)


def _features(schema: Any) -> dict[str, dict[str, Any]]:
    """Return what `datasets` says of the columns; nothing where it did not write the file."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {name: feature for name, feature in features.items() if isinstance(feature, dict)}
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        return {}


def _pictures(schema: Any) -> list[str]:
    """Return the columns of pictures; where `datasets` says nothing, those that look like it."""
    import pyarrow as pa

    if features := _features(schema):
        return [name for name in schema.names if features.get(name, {}).get("_type") == "Image"]
    return [
        field.name
        for field in schema
        if pa.types.is_struct(field.type) and {part.name for part in field.type} == _CELL
    ]


def _picture_column(path: Path, opened: _Opened, wanted: str | None) -> str | None:
    """Return the column of pictures: the one asked for, or the only one there is."""
    if wanted:
        return _require(path, opened.schema, [wanted])[0]
    if len(opened.pictures) > 1:
        raise MmfeatError(
            f"{path} has several columns of pictures, {', '.join(opened.pictures)}; choose one "
            "with --image."
        )
    return opened.pictures[0] if opened.pictures else None


def _require(path: Path, schema: Any, columns: list[str]) -> list[str]:
    if missing := [column for column in columns if column not in schema.names]:
        raise MmfeatError(
            f"{path} has no column {', '.join(missing)}; it has "
            f"{', '.join(schema.names[:50]) or 'none'}."
        )
    return columns


def _cells(opened: _Opened, columns: list[str]) -> Iterator[dict[str, Any] | None]:
    """Yield the rows of a file, and None where it is damaged."""
    import pyarrow as pa

    features = _features(opened.schema)
    try:
        for batch in opened.batches(columns):
            lists = {
                name: _labelled(column_values(batch.column(name)), features.get(name, {}))
                for name in columns
            }
            for index in range(batch.num_rows):
                yield {name: values[index] for name, values in lists.items()}
    except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError):
        yield None


def _labelled(values: list[Any], feature: Mapping[str, Any]) -> list[Any]:
    """Return the names of class labels for their numbers; other values as they are."""
    names = feature.get("names")
    if feature.get("_type") != "ClassLabel" or not isinstance(names, list):
        return values
    return [
        names[value] if isinstance(value, int) and 0 <= value < len(names) else None
        for value in values
    ]


def _joined(rows: Rows) -> Rows:
    """Yield the items of rows, those of one id joined."""
    with scratch_database() as database:
        groups = Groups(database)
        for row in rows:
            if isinstance(row, Skipped):
                yield row
                continue
            labels = (row.item_id, row.concept or "", *row.attributes.values())
            if not all(map(is_text, chain(labels, (text for _, text in row.captions)))):
                yield Skipped(row.source, row.row, NOT_TEXT)
                continue
            item = groups.item(row)
            for tag, text in row.captions:
                groups.add(item, tag, text)
        yield from groups.rows()
