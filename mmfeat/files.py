"""Files appear under their name only when whole; one writer a file; a full disk is a sentence."""

from __future__ import annotations

import errno
import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mmfeat.errors import MmfeatError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST)
# HDF5, torch and safetensors report a failed write in texts and exceptions of their own.
_FULL_SIGNS = (
    "No space left",
    "File too large",
    "PytorchStreamWriter failed writing",
    *(f"errno = {code}," for code in _FULL),
)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full or unwritable disk into a sentence."""
    try:
        yield
    except Exception as error:
        code = getattr(error, "errno", None)
        if code in _FULL or any(sign in str(error) for sign in _FULL_SIGNS):
            raise MmfeatError(
                f"The disk is full: {path} was not written; free some space and run the same "
                "command again."
            ) from error
        if code in _FORBIDDEN:
            raise MmfeatError(
                f"{path} cannot be written; choose a folder you may write."
            ) from error
        raise


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the writer's lock of `path`; what a killed writer left behind is removed.

    Raises
    ------
    MmfeatError
        If another process is writing the same file.
    """
    lock = FileLock(f"{path}.lock", timeout=0)
    try:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
    except Timeout:
        raise MmfeatError(
            f"{path} is being written by another process; wait for it, or choose another --out."
        ) from None
    try:
        for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
            left.unlink(missing_ok=True)
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def temporary_name(path: Path) -> Path:
    """Return the name under which this process writes a file that is not whole yet."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def publish(temporary: Path, path: Path) -> None:
    """Give a finished file its name: fsync, rename, fsync of the folder."""
    with temporary.open("rb+") as handle:
        os.fsync(handle.fileno())
    os.replace(temporary, path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary name; what stands there becomes `path` when the block ends well."""
    temporary = temporary_name(path)
    try:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
