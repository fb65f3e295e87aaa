"""Items read together, from which batches are drawn: for files larger than memory."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from mmfeat.store.activations import Stream

_READERS = 4  # runs that are read at a time
_RUNS = 64  # runs of neighbouring items in a pool, from all over the file


@dataclass(frozen=True)
class Held:
    """The rows of some items.

    Attributes
    ----------
    items : int64 [runs, 2]
        First item of each run and the one after its last, ascending.
    first : dict of str to int64 [runs]
        By stream, the row of the file with which a run begins.
    before : dict of str to int64 [runs]
        How many rows of earlier runs are held.
    x : dict of str to array [rows, d]
        The rows, as the file has them.
    """

    items: Int[np.ndarray, "runs 2"]
    first: dict[str, np.ndarray]
    before: dict[str, np.ndarray]
    x: dict[str, np.ndarray]

    def rows(self, stream: str, index: Int[np.ndarray, "n"]) -> np.ndarray:
        """Return rows of the file that are held."""
        import torch  # gathers with all threads, numpy with one

        first = self.first[stream]
        run = np.searchsorted(first, index, side="right") - 1
        here = self.before[stream][run] + index - first[run]
        held = torch.from_numpy(self.x[stream])
        return np.asarray(held.index_select(0, torch.from_numpy(here)).numpy())


class Pool:
    """Reads runs of neighbouring items, and the next ones while batches are drawn from these.

    The items are cut into runs; each pass over the file takes them in another order. Which
    items are held at a step depends on the seed and the step alone.

    Parameters
    ----------
    streams : sequence of Stream
        Whose rows are read.
    bounds : mapping of str to int64 [items + 1]
        By stream, the rows of each item.
    size : int
        Items held at a time.
    steps : int
        Steps that draw from the same items.
    seed : int
        Of the order.
    """

    def __init__(
        self,
        streams: Sequence[Stream],
        bounds: dict[str, Int[np.ndarray, "bounds"]],
        size: int,
        steps: int,
        seed: int,
    ) -> None:
        self.steps = steps
        self._streams, self._bounds, self._seed = streams, bounds, seed
        items = len(next(iter(bounds.values()))) - 1
        long = max(1, min(size, items) // _RUNS)
        edges = np.append(np.arange(0, items, long), items)
        self._runs = np.stack([edges[:-1], edges[1:]], 1)
        self._many = -(-min(size, items) // long)
        self._reader = ThreadPoolExecutor(1, "pool")
        self._readers = ThreadPoolExecutor(_READERS, "runs")
        self._coming: dict[int, Future[Held]] = {}

    @property
    def passes(self) -> int:
        """How often items are read until all have been held once."""
        return -(-len(self._runs) // self._many)

    def at(self, step: int) -> Held:
        """Return what is held at a step; what follows is read meanwhile."""
        number = step // self.steps
        for wanted in (number, number + 1):
            if wanted not in self._coming:
                self._coming[wanted] = self._reader.submit(self._read, wanted)
        for past in [n for n in self._coming if n not in (number, number + 1)]:
            self._coming.pop(past).cancel()
        return self._coming[number].result()

    def items(self, number: int) -> Int[np.ndarray, "runs 2"]:
        """Return the runs of items that are held the so-manieth time."""
        rounds = self.passes
        order = np.random.default_rng([self._seed, number // rounds]).permutation(len(self._runs))
        # Shares of equal size: a small last one would be drawn from too often.
        return self._runs[np.sort(np.array_split(order, rounds)[number % rounds])]

    def _read(self, number: int) -> Held:
        runs = self.items(number)
        first, before, x = {}, {}, {}
        for stream in self._streams:
            bounds = self._bounds[stream.name]
            start, stop = bounds[runs[:, 0]], bounds[runs[:, 1]]
            ends = np.cumsum(stop - start)
            held = np.empty((int(ends[-1]), stream.d), stream.x.dtype)
            parts = np.split(held, ends[:-1])
            list(self._readers.map(stream.read, start.tolist(), stop.tolist(), parts))
            # A run without rows begins where the next does, and is passed over.
            first[stream.name], before[stream.name] = start, ends - (stop - start)
            x[stream.name] = held
        return Held(runs, first, before, x)
