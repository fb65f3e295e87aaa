"""Rows on disk as arrays: one map a file, also where a dataset joins the rows of several files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import numpy as np
from jaxtyping import Int

from mmfeat import hdf5
from mmfeat.errors import MmfeatError

SHARD = "mmfeat-activations-shard"


@dataclass(frozen=True)
class Source:
    """Rows of a dataset that lie in another file.

    Attributes
    ----------
    path : Path
        The other file.
    name : str
        Its dataset, all of whose rows they are.
    rows : int
        How many.
    """

    path: Path
    name: str
    rows: int


def sources(dataset: h5py.Dataset, path: Path) -> list[Source]:
    """Return where the rows of a virtual dataset lie, in their order; [] of any other.

    Raises
    ------
    MmfeatError
        If it does anything else than joining all rows of files beside it.
    """
    if not dataset.is_virtual:
        return []
    found, done = [], 0
    for part in sorted(dataset.virtual_sources(), key=lambda p: _bounds(p.vspace)[0]):
        first, last = _bounds(part.vspace)
        place = PurePosixPath(part.file_name)
        if place.is_absolute() or ".." in place.parts or first != done:
            raise MmfeatError(
                f"{path} is damaged: {dataset.name} does not join rows of files beside it; "
                "extract it again."
            )
        found.append(Source(path.resolve().parent / place, part.dset_name, last - first))
        done = last
    if done != len(dataset):
        raise MmfeatError(
            f"{path} is damaged: rows of {dataset.name} are in no file; extract it again."
        )
    return found


def _bounds(space: Any) -> tuple[int, int]:
    low, high = space.get_select_bounds()
    return int(low[0]), int(high[0]) + 1


def open_source(path: Path, joined: Path) -> h5py.File:
    """Open a file whose rows another joins.

    Raises
    ------
    MmfeatError
        If it is missing or cannot be read.
    """
    if not path.exists():
        raise MmfeatError(
            f"{joined} joins rows of {path}, which is missing; put it back, or extract again, "
            "which redoes this part alone."
        )
    return hdf5.open_checked(path, SHARD)


Maps = list[np.memmap[Any, Any]]


def maps(datasets: Iterable[h5py.Dataset], path: Path) -> list[Maps | None]:
    """Map the rows of datasets of a file.

    Returns
    -------
    list
        For each dataset its rows in order, a map a file that holds some; None for one that HDF5
        has not stored in one piece.

    Raises
    ------
    MmfeatError
        If a file is missing or does not hold what is joined.
    """
    opened: dict[Path, h5py.File] = {}
    try:
        found: list[Maps | None] = []
        for dataset in datasets:
            if not dataset.is_virtual:
                found.append(_mapped(dataset, path))
                continue
            parts: Maps = []
            for source in sources(dataset, path):
                if source.path not in opened:
                    opened[source.path] = open_source(source.path, path)
                own = opened[source.path].get(source.name)
                shape = (source.rows, *dataset.shape[1:])
                part = None
                if isinstance(own, h5py.Dataset) and own.shape == shape:
                    part = _mapped(own, source.path) if own.dtype == dataset.dtype else None
                if part is None:
                    raise MmfeatError(
                        f"{source.path} does not hold the rows that {path} joins; put the right "
                        "file there, or extract again."
                    )
                parts += part
            found.append(parts)
        return found
    finally:
        for file in opened.values():
            file.close()


def _mapped(dataset: h5py.Dataset, path: Path) -> Maps | None:
    if len(dataset) == 0:
        return []
    offset = dataset.id.get_offset()
    if offset is None or dataset.dtype == object:
        return None
    if offset + dataset.size * dataset.dtype.itemsize > path.stat().st_size:
        raise MmfeatError(f"{path} is truncated; copy or write it again.")
    return [np.memmap(path, dataset.dtype, "r", offset, dataset.shape)]


class Joined:
    """Rows that lie in several maps, read like one array.

    Attributes
    ----------
    shape : tuple of int
        Of all rows.
    dtype : numpy.dtype
        Of the rows.
    edges : int64 [maps + 1]
        First row of each map, and the number of rows.
    """

    def __init__(self, parts: Sequence[np.ndarray], shape: tuple[int, ...], dtype: Any) -> None:
        self._parts = list(parts)
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.edges: Int[np.ndarray, "maps+1"] = np.cumsum([0, *map(len, self._parts)])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        """Return the rows of a slice, an index, a mask or an array of indices."""
        if isinstance(key, slice):
            first, last, step = key.indices(len(self))
            if step == 1:
                return self._span(first, max(first, last))
            key = np.arange(first, last, step)
        index = np.asarray(key)
        if index.dtype == bool:
            index = np.flatnonzero(index)
        rows = self._rows(index.reshape(-1).astype(np.int64))
        return rows.reshape(index.shape + self.shape[1:])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all rows, in memory."""
        return self._span(0, len(self)).astype(dtype or self.dtype, copy=False)

    def _span(self, first: int, last: int) -> np.ndarray:
        pieces = [
            part[max(first - low, 0) : last - low]
            for part, low in zip(self._parts, self.edges[:-1].tolist(), strict=True)
            if low < last and first < low + len(part)
        ]
        if len(pieces) == 1:
            return pieces[0]
        return np.concatenate([np.empty((0, *self.shape[1:]), self.dtype), *pieces])

    def _rows(self, index: Int[np.ndarray, "n"]) -> np.ndarray:
        index = np.where(index < 0, index + len(self), index)
        if len(index) and not (index.min() >= 0 and index.max() < len(self)):
            raise IndexError(f"an index is not one of {len(self)} rows")
        found = np.empty((len(index), *self.shape[1:]), self.dtype)
        part = np.searchsorted(self.edges, index, side="right") - 1
        for number in np.unique(part):
            own = part == number
            found[own] = self._parts[number][index[own] - self.edges[number]]
        return found
