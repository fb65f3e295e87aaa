"""Independent computations side by side: many small steps gain more so than divided each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_WORKERS = 2  # each holds what one computation needs
_Given = TypeVar("_Given")
_Result = TypeVar("_Result")


def side_by_side(
    compute: Callable[[_Given], _Result], given: Iterable[_Given]
) -> Iterator[_Result]:
    """Yield what is computed of each, in order, two at a time.

    Meanwhile PyTorch's threads are shared out among them; with one thread nothing runs beside
    another.

    Parameters
    ----------
    compute : callable
        What depends on what it is given alone, and does most of its work outside Python.
    given : iterable
        What it is given.
    """
    import torch  # those who only read what this computed need not load it

    threads = torch.get_num_threads()
    workers = min(_WORKERS, threads)
    # Threads that begin later have as many as are set now.
    torch.set_num_threads(threads // workers)
    try:
        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(compute, given)
    finally:
        torch.set_num_threads(threads)
