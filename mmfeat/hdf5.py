"""Our HDF5 files: written whole or not at all, refused by name when they are not ours.

Every file and group carries ``encoding-type`` and ``encoding-version``; the root
of a finished file also carries ``content-digest`` over all it holds.
"""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mmfeat.errors import MmfeatError
from mmfeat.files import disk_errors, exclusive, publish, temporary_name

VERSION = "1.0"
CHECKSUM = "checksum"  # of a dataset; it stands for the data in the digest of the file
_DIGEST = "content-digest"


def encode_group(group: h5py.Group, kind: str) -> h5py.Group:
    """Mark a group with its encoding and return it."""
    group.attrs["encoding-type"] = kind
    group.attrs["encoding-version"] = VERSION
    return group


class _Sink(io.FileIO):
    """The bytes of a file being written, which remembers a failed write instead of raising it.

    HDF5 crashes when it cannot write what it holds; it is left in the belief that it could.
    """

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while len(rest) and self.failure is None:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.failure = error
        return size

    def readinto(self, buffer: Any, /) -> int:
        into = memoryview(buffer).cast("B")
        read = super().readinto(into) or 0
        if self.failure is not None and read < len(into):  # what was never written
            into[read:] = bytes(len(into) - read)
            return len(into)
        return read

    def truncate(self, size: int | None = None, /) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.failure = self.failure or error
            return size or 0


class NewFile(h5py.File):  # type: ignore[misc]  # h5py ships no types
    """An HDF5 file being written; `flush` raises the write that failed."""

    def __init__(self, path: Path, mode: str) -> None:
        self._sink = _Sink(path, "w+" if mode == "w" else mode)
        super().__init__(self._sink, mode, libver=("v110", "v110"))

    def flush(self) -> None:
        """Hand everything to the system.

        Raises
        ------
        OSError
            If any of it could not be written.
        """
        super().flush()
        if self._sink.failure is not None:
            raise self._sink.failure

    def close(self) -> None:
        """Close the file for HDF5 and for the system."""
        super().close()
        self._sink.close()


@contextmanager
def _new_file(path: Path, mode: str) -> Iterator[NewFile]:
    """Yield a file with its digest put in at the end; a failed write is raised."""
    with NewFile(path, mode) as file:
        yield file
        file.flush()
        file.attrs[_DIGEST] = content_digest(file)
        file.flush()


def check_target(path: Path, kind: str) -> None:
    """Refuse to write where something else stands already.

    Raises
    ------
    MmfeatError
        If `path` is a folder, or a file that is not of this kind.
    """
    if path.is_dir():
        raise MmfeatError(f"{path} is a folder; give the name of a file for --out.")
    if not path.exists() or path.stat().st_size == 0:
        return
    try:
        with h5py.File(path, "r") as file:
            found = str(file.attrs.get("encoding-type", ""))
    except OSError:
        found = ""
    if found != kind:
        what = f"is a file of kind {found!r}" if found else "is no file of mmfeat"
        raise MmfeatError(f"{path} {what} and would be lost; choose another --out.")


@contextmanager
def create(path: Path, kind: str, provenance: str, *, locked: bool = False) -> Iterator[NewFile]:
    """Create one of our files; it appears under its name only when whole.

    Parameters
    ----------
    path : Path
        Where the finished file goes. An existing file of the same kind is replaced.
    kind : str
        Its ``encoding-type``, e.g. ``mmfeat-corpus``.
    provenance : str
        JSON of settings, versions, seeds and inputs.
    locked : bool
        Whether the caller holds the writer's lock already.

    Raises
    ------
    MmfeatError
        If another process writes it, something else stands there, or the disk
        is full or read-only.
    """
    check_target(path, kind)
    with disk_errors(path), nullcontext() if locked else exclusive(path):
        temporary = temporary_name(path)
        try:
            with _new_file(temporary, "w") as file:
                encode_group(file, kind)
                file.attrs["provenance"] = provenance
                yield file
            publish(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def modify(path: Path, kind: str) -> Iterator[NewFile]:
    """Change a copy of one of our files, which replaces it when the block ends well."""
    open_checked(path, kind).close()
    with disk_errors(path), exclusive(path):
        temporary = temporary_name(path)
        try:
            shutil.copyfile(path, temporary)
            with _new_file(temporary, "r+") as file:
                yield file
            publish(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def open_checked(path: Path, kind: str) -> h5py.File:
    """Open one of our files for reading.

    Raises
    ------
    MmfeatError
        If it is missing, empty, truncated, not HDF5, not of this kind, or of
        a version this mmfeat does not know.
    """
    file = _open_any(path)
    found = str(file.attrs.get("encoding-type", ""))
    if found != kind:
        file.close()
        what = f"is of kind {found!r}" if found else "was not written by mmfeat"
        raise MmfeatError(f"{path} {what}, but {kind!r} is needed here; give that file instead.")
    try:
        _check_links(file, path)
        _check_sizes(file, path)
    except MmfeatError:
        file.close()
        raise
    return file


def _check_links(file: h5py.File, path: Path) -> None:
    """Refuse links to other files: what they lead to may be a pipe, which is waited for forever."""

    def external(name: str, link: object) -> str | None:
        return str(name) if isinstance(link, h5py.ExternalLink) else None

    try:
        found = file.visititems_links(external)
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise MmfeatError(f"{path} is damaged ({error}); write it again.") from error
    if found is not None:
        raise MmfeatError(f"{path} is damaged: {found} points to another file; write it again.")


def _check_sizes(file: h5py.File, path: Path) -> None:
    """Refuse datasets that are declared far larger than the file that would hold them."""
    # No dataset of ours is compressed a hundredfold.
    limit = (64 << 20) + 100 * path.stat().st_size

    def visit(name: str, node: h5py.Group | h5py.Dataset) -> None:
        if not isinstance(node, h5py.Dataset) or (node.is_virtual and CHECKSUM in node.attrs):
            return  # rows in other files
        if node.size * node.dtype.itemsize > limit:
            raise MmfeatError(
                f"{path} is damaged: {name} is declared larger than the file; write it again."
            )

    try:
        file.visititems(visit)
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise MmfeatError(f"{path} is damaged ({error}); write it again.") from error


def _open_any(path: Path) -> h5py.File:
    if not path.exists():
        raise MmfeatError(f"{path} does not exist; check the path.")
    if path.is_dir():
        raise MmfeatError(f"{path} is a folder, but a file is needed here.")
    if path.stat().st_size == 0:
        raise MmfeatError(f"{path} is empty; write it again.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        if "truncated" in str(error):
            raise MmfeatError(f"{path} is truncated; copy or write it again.") from error
        if isinstance(error, PermissionError):
            raise MmfeatError(f"{path} may not be read; change its permissions.") from error
        raise MmfeatError(
            f"{path} is not a readable HDF5 file; give a file that mmfeat wrote."
        ) from error
    version = str(file.attrs.get("encoding-version", VERSION))
    if version.split(".")[0] != VERSION.split(".")[0]:
        file.close()
        raise MmfeatError(
            f"{path} has encoding-version {version}, but this mmfeat reads {VERSION}; "
            "install a newer mmfeat."
        )
    return file


def kind_of(path: Path) -> str:
    """Return the ``encoding-type`` of one of our files.

    Raises
    ------
    MmfeatError
        As `open_checked`.
    """
    with _open_any(path) as file:
        kind = str(file.attrs.get("encoding-type", ""))
    if not kind.startswith("mmfeat-"):
        raise MmfeatError(f"{path} is HDF5, but was not written by mmfeat.")
    return kind


def stored_digest(path: Path) -> str:
    """Return the content digest written in a file of ours."""
    with _open_any(path) as file:
        return str(file.attrs.get(_DIGEST, ""))


def _update(digest: Any, name: str, value: Any) -> None:
    digest.update(name.encode())
    array = np.asarray(value)
    if array.dtype.kind in "OSU":
        for text in array.ravel().tolist():
            if isinstance(text, np.ndarray):  # a variable-length row of numbers
                digest.update(text.tobytes())
            else:
                digest.update(text if isinstance(text, bytes) else str(text).encode())
            digest.update(b"\0")
    else:
        digest.update(str(array.dtype.newbyteorder("<")).encode())
        digest.update(np.ascontiguousarray(array).tobytes())


def _update_data(digest: Any, name: str, node: h5py.Dataset) -> None:
    if node.shape == ():
        _update(digest, name, node[()])
        return
    row = max(1, node.dtype.itemsize * int(np.prod(node.shape[1:])))
    # A text or picture of any length counts 16 bytes: few at a time.
    step = 1024 if node.dtype == object else max(1, (8 << 20) // row)
    for start in range(0, node.shape[0], step):
        _update(digest, "", node[start : start + step])


def data_digest(dataset: h5py.Dataset) -> str:
    """SHA-256 over the data of a dataset."""
    digest = hashlib.sha256()
    _update_data(digest, "", dataset)
    return digest.hexdigest()


def content_digest(group: h5py.Group) -> str:
    """SHA-256 over every dataset and attribute, independent of HDF5's own layout.

    Where a dataset has a checksum, that is taken and its data is not read.
    """
    digest = hashlib.sha256()

    def visit(name: str, node: h5py.Group | h5py.Dataset) -> None:
        for key in sorted(node.attrs):
            if key != _DIGEST:
                _update(digest, f"{name}@{key}", node.attrs[key])
        if isinstance(node, h5py.Dataset):
            digest.update(f"{name}{node.shape}".encode())
            if CHECKSUM in node.attrs:
                digest.update(str(node.dtype).encode())
            else:
                _update_data(digest, name, node)
        else:
            for key in sorted(node):
                visit(f"{name}/{key}", node[key])

    visit("", group)
    return digest.hexdigest()


_TEXTS = 8192  # written at a time


def write_strings(
    group: h5py.Group, name: str, values: Sequence[str], shape: tuple[int, ...] | None = None
) -> None:
    """Write texts as variable-length UTF-8, a list or of the given shape.

    A list is read piece by piece, as it may be one that is read from a file.
    """
    dataset = group.create_dataset(name, shape or (len(values),), h5py.string_dtype())
    if shape:
        dataset[...] = np.array(values, dtype=object).reshape(shape)
        return
    for start in range(0, len(values), _TEXTS):
        part = slice(start, min(start + _TEXTS, len(values)))
        dataset[part] = np.array(values[part], dtype=object)


def read_strings(dataset: h5py.Dataset, selection: Any = ()) -> list[str]:
    """Read texts of a variable-length UTF-8 dataset."""
    return [str(text) for text in np.atleast_1d(dataset.asstr(errors="replace")[selection])]


def write_bytes(group: h5py.Group, name: str, values: Sequence[bytes]) -> None:
    """Write a list of byte strings (encoded pictures) as rows of variable length."""
    dataset = group.create_dataset(name, (len(values),), dtype=h5py.vlen_dtype(np.uint8))
    for index, value in enumerate(values):
        dataset[index] = np.frombuffer(value, np.uint8)
