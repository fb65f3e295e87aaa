"""Reads datasets of a file that is not believed: types, shapes, indices and sizes are checked."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import h5py
import numpy as np

from mmfeat import hdf5
from mmfeat.errors import MmfeatError

NUMBER, INTEGER, FLOAT, TEXT, BYTES = "biuf", "iu", "f", "text", "bytes"
MAX_ROW = 1 << 16  # values a row of one dataset may have
_FEW = 4096  # rows that are read past HDF5
_POSIX = hasattr(os, "pread")
_FAULTS = (OSError, KeyError, ValueError, TypeError, IndexError, RuntimeError, OverflowError)


@dataclass(frozen=True)
class _Piece:
    """A dataset of numbers that lies in one piece of the file, as it stands there."""

    handle: int
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    size: int

    def read(self, start: int, stop: int) -> bytes:
        """Read rows: HDF5 takes twenty times as long for a few, and a page reads hundreds."""
        wanted = (stop - start) * self.size
        data = os.pread(self.handle, wanted, self.offset + start * self.size)
        if len(data) < wanted:
            raise ValueError("the file ends before it")
        return data

    def rows(self, data: bytes) -> np.ndarray:
        """Return what was read; a copy, as HDF5 gives one, that may be written to."""
        return np.frombuffer(data, self.dtype).reshape(-1, *self.shape).copy()


def _known(values: np.ndarray) -> np.ndarray:
    """Return numbers with NaN for infinities: nothing of ours is infinite or can be drawn so."""
    if values.dtype.kind == "f":
        values[np.isinf(values)] = np.nan
    return values


class CheckedFile:
    """An HDF5 file of ours, read by rows of its datasets.

    Parameters
    ----------
    path : Path
        The file. It stays open until `close`.
    kind : str
        Its ``encoding-type``.

    Raises
    ------
    MmfeatError
        From every method: where the file is damaged, and what to do.
    """

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        self.file = hdf5.open_checked(path, kind)
        self._datasets: dict[str, h5py.Dataset] = {}
        self._pieces: dict[str, _Piece | None] = {}

    def close(self) -> None:
        """Close the file; nothing can be read after."""
        self._datasets.clear()
        self._pieces.clear()
        self.file.close()

    def damaged(self, where: str, what: str) -> MmfeatError:
        """Return the error that says what is wrong where in the file."""
        return MmfeatError(f"{self.path} is damaged at {where}: {what}; write it again.")

    @contextmanager
    def guard(self, where: str) -> Iterator[None]:
        """Turn what HDF5 and NumPy raise on bad content into `damaged`."""
        try:
            yield
        except _FAULTS as error:
            reason = str(error).strip("'\"").splitlines()
            what = reason[0].rstrip(".;") if reason else type(error).__name__
            raise self.damaged(where, what) from error

    def dataset(self, name: str, kind: str, shape: tuple[int | None, ...]) -> h5py.Dataset:
        """Return a dataset, its type and shape checked the first time it is asked for.

        Parameters
        ----------
        name : str
            Its path in the file.
        kind : str
            `TEXT`, `BYTES` or the kinds of NumPy types it may have.
        shape : tuple of int or None
            What it must have; None fits every size.
        """
        if name in self._datasets:
            return self._datasets[name]
        with self.guard(f"/{name}"):
            node = self.file.get(name)
            if not isinstance(node, h5py.Dataset):
                raise ValueError("it is missing")
            if node.file.filename != self.file.filename or node.is_virtual or node.external:
                raise ValueError("it points to another file")
            if kind == TEXT:
                fits = h5py.check_string_dtype(node.dtype) is not None
            elif kind == BYTES:
                fits = h5py.check_vlen_dtype(node.dtype) == np.uint8
            else:
                fits = node.dtype.kind in kind
            if not fits:
                raise ValueError(f"its type is {node.dtype}")
            if len(node.shape) != len(shape) or any(
                want is not None and want != have
                for want, have in zip(shape, node.shape, strict=True)
            ):
                wanted = ", ".join("any" if want is None else str(want) for want in shape)
                raise ValueError(f"its shape is {node.shape}, not ({wanted})")
            if None in shape[1:] and np.prod(node.shape[1:], dtype=np.float64) > MAX_ROW:
                raise ValueError(f"its shape is {node.shape}")
        self._datasets[name] = node
        return node

    def json(self, group: str, name: str = "json") -> dict[str, Any]:
        """Return the JSON object in an attribute of a group; the root is an empty name."""
        with self.guard(f"/{group}, attribute {name}"):
            found = json.loads(str(self.file[f"/{group}"].attrs[name]))
            if not isinstance(found, dict):
                raise ValueError("a JSON object is needed")
        return found

    def length(self, name: str) -> int:
        """Return the number of rows of a checked dataset."""
        return int(self._datasets[name].shape[0])

    def rows(self, name: str, start: int, stop: int) -> np.ndarray:
        """Read rows `start` to `stop` of a checked dataset of numbers."""
        dataset, piece = self._datasets[name], self._piece(name)
        with self.guard(f"/{name}"):
            known = 0 <= start <= stop <= dataset.shape[0] and stop - start <= _FEW
            if piece is not None and known:
                return _known(piece.rows(piece.read(start, stop)))
            return _known(np.asarray(dataset[start:stop]))

    def _piece(self, name: str) -> _Piece | None:
        """Return where a dataset lies in the file; None where HDF5 has to put it together."""
        if name not in self._pieces:
            dataset, found = self._datasets[name], None
            plain = dataset.dtype.kind in "iuf" and dataset.chunks is None
            offset = dataset.id.get_offset() if plain else None
            if offset is not None and _POSIX:
                handle = self.file.id.get_vfd_handle()
                shape = dataset.shape[1:]
                size = dataset.dtype.itemsize * int(np.prod(shape, dtype=np.int64))
                found = _Piece(handle, offset, dataset.dtype, shape, size)
            self._pieces[name] = found
        return self._pieces[name]

    def whole(self, name: str, kind: str, shape: tuple[int, ...]) -> np.ndarray:
        """Read a dataset of numbers whole; a size that the file does not bear out is refused."""
        dataset = self.dataset(name, kind, shape)
        with self.guard(f"/{name}"):
            if dataset.id.get_storage_size() < dataset.nbytes:
                raise ValueError(f"it is not {shape} numbers")
            return _known(np.asarray(dataset[()]))

    def texts(self, name: str, start: int, stop: int) -> list[Any]:
        """Read texts `start` to `stop`; rows of two axes are lists of texts."""
        dataset = self._datasets[name]
        with self.guard(f"/{name}"):
            found: list[Any] = np.asarray(dataset.asstr(errors="replace")[start:stop]).tolist()
            return found

    def pick(self, name: str, indices: np.ndarray) -> np.ndarray:
        """Read scattered rows of a checked dataset, in the order given; texts as `str`."""
        dataset = self._datasets[name]
        texts = h5py.check_string_dtype(dataset.dtype) is not None
        if not indices.size:
            return np.zeros((0, *dataset.shape[1:]), object if texts else dataset.dtype)
        if indices.min() < 0 or indices.max() >= dataset.shape[0]:
            raise self.damaged(f"/{name}", f"row {int(indices.max())} of {dataset.shape[0]}")
        # HDF5 selects ascending rows only.
        unique, inverse = np.unique(indices, return_inverse=True)
        piece = self._piece(name)
        with self.guard(f"/{name}"):
            if piece is not None and unique.size <= _FEW:
                rows = piece.rows(b"".join(piece.read(at, at + 1) for at in unique.tolist()))
                return _known(np.asarray(rows[inverse]))
            view = dataset.asstr(errors="replace") if texts else dataset
            return _known(np.asarray(view[unique])[inverse])

    def span(self, name: str, index: int, total: int) -> tuple[int, int]:
        """Return the `index`-th interval of a dataset of ascending offsets up to `total`."""
        low, high = (int(value) for value in self.rows(name, index, index + 2))
        if not 0 <= low <= high <= total:
            raise self.damaged(f"/{name}", f"rows {low} to {high} of {total}")
        return low, high


class CheckedReader(ABC):
    """Reads a file of ours, which stays open until `close`; a context manager for one thread.

    Parameters
    ----------
    path : path
        The file.

    Raises
    ------
    MmfeatError
        Here and from every method, where the file is damaged.
    """

    kind: ClassVar[str]

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._data = CheckedFile(self.path, self.kind)
        try:
            self._inspect()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing can be read after."""
        self._data.close()

    @abstractmethod
    def _inspect(self) -> None:
        """Check what everything else relies on."""
