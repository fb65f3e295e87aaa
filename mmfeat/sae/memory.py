"""Freed memory: kept for the next step of a training, given back after a part of an atlas."""

from __future__ import annotations

import ctypes

# Of glibc's mallopt, see its manual page. Tables of all latents are larger than the largest
# threshold it takes, 32 MiB, so that none at all is mapped by itself.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_SETTINGS = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 1 << 30, _TOP_PAD: 64 << 20}


def keep_freed_memory() -> None:
    """Let the allocator keep what tensors of a step free, for those of the next.

    Otherwise tensors of some megabytes come from the system anew at every step, page by page:
    a third of the time of a step at 2,048 latents. Without glibc nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for name, value in _SETTINGS.items():
        mallopt(name, value)


def give_freed_memory_back() -> None:
    """Give the system what the allocator keeps.

    Each thread has an arena of its own, and a large computation with several leaves gigabytes in
    them, which the next one, with other threads, would add to. Without glibc nothing happens.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return
    trim(0)
