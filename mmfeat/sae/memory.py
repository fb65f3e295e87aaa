"""Freed memory: kept for the next step of a training, given back while an atlas is built."""

from __future__ import annotations

import ctypes

# Of glibc's mallopt, see its manual page. Tables of all latents are larger than the largest
# threshold it takes, 32 MiB, so that none at all is mapped by itself.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4
_KEEP = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 1 << 30, _TOP_PAD: 64 << 20}
_GIVE = {_MMAP_THRESHOLD: 1 << 20, _MMAP_MAX: 1 << 16}


def keep_freed_memory() -> None:
    """Let the allocator keep what tensors of a step free, for those of the next.

    Otherwise tensors of some megabytes come from the system anew at every step, page by page:
    a third of the time of a step at 2,048 latents. Without glibc nothing happens.
    """
    _set(_KEEP)


def give_freed_memory_back() -> None:
    """Give the system what the allocator keeps, and from now on arrays at once when freed.

    Each thread has an arena of its own, and a large computation with several leaves gigabytes in
    them, which the next one, with other threads, would add to. An array that is mapped by itself
    leaves nothing; of its own accord the allocator maps fewer and fewer. Without glibc nothing
    happens.
    """
    _set(_GIVE)
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return
    trim(0)


def _set(settings: dict[int, int]) -> None:
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for name, value in settings.items():
        mallopt(name, value)
