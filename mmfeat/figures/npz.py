"""Writes NumPy's ``.npz`` piece by piece: no array has to be whole in memory."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mmfeat.errors import MmfeatError

# A zip holds times and systems; these are always the same.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_MOST_TEXT = 1 << 30  # bytes that a reader needs for an array of texts


class Archive:
    """An ``.npz`` that is being written; nothing in it is pickled."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file

    def array(self, name: str, values: Any) -> None:
        """Write an array, or one value."""
        own = np.asarray(values)
        self.blocks(name, own.dtype, own.shape, [own])

    def blocks(
        self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...], blocks: Iterable[Any]
    ) -> None:
        """Write an array that comes in blocks of rows.

        Raises
        ------
        ValueError
            If the blocks are not `shape` together.
        """
        form = np.dtype(dtype).newbyteorder("<")
        member = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
        member.compress_type, member.create_system = zipfile.ZIP_DEFLATED, _UNIX
        written = 0
        with self._file.open(member, "w", force_zip64=True) as handle:
            np.lib.format.write_array_header_1_0(
                handle,
                {
                    "descr": np.lib.format.dtype_to_descr(form),
                    "fortran_order": False,
                    "shape": shape,
                },
            )
            for block in blocks:
                own = np.ascontiguousarray(block, form)
                handle.write(own.tobytes())
                written += own.size
        if written != np.prod(shape, dtype=np.int64):
            raise ValueError(f"{name} has {written} values, not {shape}")

    def texts(
        self, name: str, shape: tuple[int, ...], blocks: Callable[[], Iterable[list[Any]]]
    ) -> None:
        """Write texts as Unicode of fixed width.

        Parameters
        ----------
        name : str
            Of the array.
        shape : tuple of int
            Of the array.
        blocks : callable
            Gives lists of texts, or of lists of texts, the same when it is called again: the
            longest text has to be known first.

        Raises
        ------
        MmfeatError
            If so wide an array would not fit a reader's memory.
        """
        width = max((_longest(block) for block in blocks()), default=0) or 1
        if 4 * width * np.prod(shape, dtype=np.float64) > _MOST_TEXT:
            raise MmfeatError(
                f"A text of {width} characters is too long for an array of {name}; shorten it in "
                "the corpus."
            )
        self.blocks(name, np.dtype(f"U{width}"), shape, blocks())


@contextmanager
def create(path: Path) -> Iterator[Archive]:
    """Write an ``.npz``: the same arrays give the same bytes."""
    with zipfile.ZipFile(path, "w") as file:
        yield Archive(file)


def _longest(block: list[Any]) -> int:
    return max((len(one) if isinstance(one, str) else _longest(one) for one in block), default=0)
