"""Reads past the system's cache, for rows that memory cannot keep for another pass anyway."""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

_PAGE = 4096  # disks transfer whole blocks, of at most this size, to addresses that divide by it
_PIECE = 2 << 20  # what is copied from is then still near the processor
_own = threading.local()


def memory() -> int:
    """Return the bytes of memory of this machine; 0 where it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0


def is_better(paths: Iterable[Path]) -> bool:
    """Return whether files are larger than memory together, and can be read past the cache."""
    own = list(paths)
    if not 0 < memory() < sum(path.stat().st_size for path in own):
        return False
    try:
        for path in own:
            os.close(os.open(path, os.O_RDONLY | os.O_DIRECT))
    except (AttributeError, OSError):  # not every system has it, nor every file system
        return False
    return True


def fill(path: Path | str, offset: int, buffer: UInt8[np.ndarray, "bytes"]) -> None:
    """Read a buffer full of neighbouring bytes.

    The processor then only copies what the disk delivers, and the system does not have to find
    pages for it, which takes about as long as drawing batches does.

    Raises
    ------
    OSError
        If the file cannot be read so, or ends before.
    """
    scratch = _scratch()
    file = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        done = 0
        while done < len(buffer):
            before = (offset + done) % _PAGE
            wanted = min(_PIECE, -(-(before + len(buffer) - done) // _PAGE) * _PAGE)
            count = os.preadv(file, [memoryview(scratch)[:wanted]], offset + done - before)
            new = min(count - before, len(buffer) - done)
            if new <= 0:
                raise OSError("a file of activations ends before its rows do")
            buffer[done : done + new] = np.frombuffer(scratch, np.uint8, new, before)
            done += new
    finally:
        os.close(file)


def _scratch() -> mmap.mmap:
    """Return memory of this thread that begins with a page."""
    found = getattr(_own, "scratch", None)
    if found is None:
        found = _own.scratch = mmap.mmap(-1, _PIECE)
    assert isinstance(found, mmap.mmap)
    return found
