"""Pictures that lie inside other files, read where they lie.

===================================  ================================================
``tar://PATH@OFFSET+SIZE``           a member of an uncompressed tar file: where its
                                     data begins and how long it is, in bytes
``parquet://PATH@ROW/COLUMN``        a cell of a Parquet file, rows counted from 0,
                                     the column's name percent-encoded
``arrow://PATH@ROW/COLUMN``          the same of an Arrow stream
===================================  ================================================

PATH is relative to the corpus's image root. A relative path as `pathlib` writes
it never holds ``//``, so a picture's own path is never taken for one of these,
even if it begins with ``tar:``.

A cell is the picture's bytes, or a struct of ``bytes`` and ``path`` as Hugging
Face's `datasets` writes it; where it has no bytes, its path is one from the
archive's own folder. Cells are cheap to read in order, also by several threads.
"""

from __future__ import annotations

import re
import tarfile
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Literal
from urllib.parse import quote, unquote

from mmfeat.corpus.pictures import (
    MAX_BYTES,
    PictureError,
    file_inside,
    read_file,
    too_many_bytes,
)
from mmfeat.errors import MmfeatError

Kind = Literal["parquet", "arrow"]
_SCHEMES = ("tar://", "parquet://", "arrow://")
_TAR = re.compile(r"tar://(.+)@([0-9]{1,15})\+([0-9]{1,15})", re.DOTALL)
_CELL = re.compile(r"(parquet|arrow)://(.+)@([0-9]{1,15})/([^@/]+)", re.DOTALL)
# A row group may hold gigabytes of pictures: it is read in few rows at a time, and the last
# few of these are kept for threads that come a little later.
_ROWS, _KEPT, _OPEN, _BUFFER = 8, 4, 4, 1 << 20


def tar_reference(path: str, offset: int, size: int) -> str:
    """Return the reference of a member whose data begins at byte `offset` of a tar file."""
    return f"tar://{path}@{offset}+{size}"


def cell_reference(kind: Kind, path: str, row: int, column: str) -> str:
    """Return the reference of a cell; rows are counted from 0."""
    return f"{kind}://{path}@{row}/{quote(column, safe='')}"


def is_packed(reference: str) -> bool:
    """Return whether a picture's reference is a place in an archive, not a path."""
    return reference.startswith(_SCHEMES)


def archives_in(folder: Path, pattern: str) -> list[Path]:
    """Return the files below a folder that match a pattern, in the order of their names.

    Raises
    ------
    MmfeatError
        If one is a link that leaves the folder.
    """
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    for path in found:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise MmfeatError(
                f"{path} is a link that leaves its folder; give the files themselves as sources."
            )
    return found


def moved(reference: str, folder: PurePath) -> str:
    """Return how a picture's reference reads from the root that has `folder` in it."""
    if reference.startswith("openmoji:"):
        return reference
    scheme, mark, path = reference.partition("://") if is_packed(reference) else ("", "", reference)
    return scheme + mark + (folder / path).as_posix()


def read_packed(reference: str, root: Path | None, name: str) -> bytes:
    """Return the encoded picture that a reference leads to; `name` is for errors.

    Raises
    ------
    PictureError
        If the reference is none, its archive is missing or leaves `root`, or
        the archive does not hold there what it held when it was imported.
    """
    if match := _TAR.fullmatch(reference):
        path = file_inside(match[1], root, name)
        return _member(path, int(match[2]), int(match[3]), name)
    if match := _CELL.fullmatch(reference):
        path = file_inside(match[2], root, name)
        column = unquote(match[4], errors="replace")
        cell = _cell(match[1], path, int(match[3]), column, name)
        return cell if isinstance(cell, bytes) else _beside(match[2], cell, root, name)
    raise PictureError("is no place in an archive; import the corpus again", name)


def _beside(archive: str, path: str, root: Path | None, name: str) -> bytes:
    """Return what the file holds that a cell names."""
    return read_file((PurePosixPath(archive).parent / path).as_posix(), root, name)


def _changed(name: str) -> PictureError:
    return PictureError("is no longer there in its archive; import the corpus again", name)


def _member(path: Path, offset: int, size: int, name: str) -> bytes:
    if size > MAX_BYTES:
        raise too_many_bytes(name)
    start = offset - tarfile.BLOCKSIZE
    try:
        if start < 0 or offset + size > path.stat().st_size:
            raise _changed(name)
        with path.open("rb") as file:
            file.seek(start)
            # The member's own header says whether it is still the one that was imported.
            header = tarfile.TarInfo.frombuf(
                file.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape"
            )
            data = file.read(size)
    except (tarfile.TarError, ValueError) as error:
        raise _changed(name) from error
    except OSError as error:
        raise PictureError("cannot be read; check its path and permissions", name) from error
    if not header.isreg() or header.size != size or len(data) != size:
        raise _changed(name)
    return data


def _cell(kind: str, path: Path, row: int, column: str, name: str) -> bytes | str:
    """Return a cell's bytes, or the path it names."""
    import pyarrow as pa

    try:
        state = path.stat()
        key = (kind, path, state.st_mtime_ns, state.st_size, column)
        cell = _CELLS.of(key)[row]
        data, where = cell, None
        if isinstance(cell, pa.StructScalar):
            fields = dict(cell.items()) if cell.is_valid else {}
            data, where = fields.get("bytes"), fields.get("path")
        elif isinstance(cell, (pa.StringScalar, pa.LargeStringScalar)):
            data, where = None, cell
        if data is not None and data.is_valid:
            if not isinstance(data, (pa.BinaryScalar, pa.LargeBinaryScalar)):
                raise PictureError("is not held as bytes; choose the column of pictures", name)
            if data.as_buffer().size > MAX_BYTES:
                raise too_many_bytes(name)
            return bytes(data.as_py())
        if where is not None and where.is_valid and where.as_py():
            return str(where.as_py())
    except (IndexError, KeyError) as error:
        raise _changed(name) from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise PictureError("cannot be read from its archive; copy that again", name) from error
    raise PictureError("is not in its cell; leave the row out", name)


class _Cells:
    """The cells of one column of one file, read forward; a step far back starts again."""

    def __init__(self, kind: str, path: Path, column: str) -> None:
        self._lock = threading.Lock()
        self._kind, self._path, self._column = kind, path, column
        self._file: Any = None
        self._kept: deque[tuple[int, Any]] = deque(maxlen=_KEPT)
        self._batches: Iterator[Any] = iter(())
        # The rows that `_batches` still has: from `_next` up to `_end`.
        self._next, self._end = 0, 0

    def __getitem__(self, row: int) -> Any:
        """Return a cell.

        Raises
        ------
        IndexError, KeyError
            If there is no such row or column.
        """
        with self._lock:
            for start, cells in self._kept:
                if 0 <= row - start < len(cells):
                    return cells[row - start]
            if not self._next <= row < self._end:
                begin = self._parquet_from if self._kind == "parquet" else self._arrow_from
                self._batches, self._next, self._end = begin(row)
            try:
                for cells in self._batches:
                    start, self._next = self._next, self._next + len(cells)
                    self._kept.append((start, cells))
                    if row < self._next:
                        return cells[row - start]
            except BaseException:
                self._end = 0  # what is left of the iterator is not to be trusted
                raise
        raise IndexError(row)

    # What these return must not hold `self`: it is closed when the last reference goes.

    def _parquet_from(self, row: int) -> tuple[Iterator[Any], int, int]:
        import pyarrow.parquet as pq

        if self._file is None:
            # Without a buffer a column of a whole row group is read into memory.
            self._file = pq.ParquetFile(self._path, buffer_size=_BUFFER, pre_buffer=False)
        if self._column not in self._file.schema_arrow.names:
            raise KeyError(self._column)
        first = 0
        for group in range(self._file.num_row_groups):
            rows = self._file.metadata.row_group(group).num_rows
            if row < first + rows:
                batches = self._file.iter_batches(
                    _ROWS, row_groups=[group], columns=[self._column], use_threads=False
                )
                return (batch.column(0) for batch in batches), first, first + rows
            first += rows
        raise IndexError(row)

    def _arrow_from(self, row: int) -> tuple[Iterator[Any], int, int]:
        import pyarrow as pa

        # The file is mapped: passing over a batch reads its few bytes of metadata only.
        reader = pa.ipc.open_stream(pa.memory_map(str(self._path)))
        if self._column not in reader.schema.names:
            raise KeyError(self._column)
        return _mapped(reader, self._column), 0, 1 << 62


def _mapped(reader: Any, column: str) -> Iterator[Any]:
    for batch in reader:
        cells = batch.column(column)
        check_offsets(cells)
        yield cells


def check_offsets(column: Any) -> None:
    """Check that nothing in a mapped Arrow column points outside of it.

    Raises
    ------
    pyarrow.ArrowInvalid
        If something does; reading it could end the process.
    """
    from mmfeat.corpus.cells import as_bytes

    column.validate()
    # As bytes, for a text that is not UTF-8 is its own row's problem.
    column.cast(as_bytes(column.type)).validate(full=True)


class _OpenFiles:
    """The columns that were read last, for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cells: OrderedDict[tuple[Any, ...], _Cells] = OrderedDict()

    def of(self, key: tuple[str, Path, int, int, str]) -> _Cells:
        """Return a column's cells; a file that was changed is another one."""
        with self._lock:
            if key not in self._cells:
                self._cells[key] = _Cells(key[0], key[1], key[4])
            self._cells.move_to_end(key)
            while len(self._cells) > _OPEN:
                self._cells.popitem(last=False)
            return self._cells[key]


_CELLS = _OpenFiles()
