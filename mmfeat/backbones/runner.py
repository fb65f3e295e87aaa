"""Batches through a backbone: those of texts side by side on the cores of a CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from types import TracebackType
from typing import TypeVar

import torch

from mmfeat.backbones.base import Backbone

B = TypeVar("B")
R = TypeVar("R")


class Runner:
    """Threads that run batches of texts under twins of a backbone, a thread of torch each.

    The products of a small text tower are too little work to be shared by all cores; a batch a
    core takes less time. Where there is one core, or another device, or the backbone has no twins,
    batches run one after another.

    Parameters
    ----------
    backbone : Backbone
        Runs what cannot run side by side; its twins run the rest.
    """

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self._threads = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(self._threads, "run", torch.set_num_threads, (1,))

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)
        torch.set_num_threads(self._threads)  # what the threads set holds for those to come

    @cached_property
    def _twins(self) -> list[Backbone]:
        """One a thread; none where batches run one after another."""
        many = self._threads > 1 and self.backbone.device.type == "cpu"
        made = [self.backbone.twin() for _ in range(self._threads if many else 0)]
        return [twin for twin in made if twin is not None]

    def in_turn(self, do: Callable[[Backbone, B], R], batches: Sequence[B]) -> Iterator[R]:
        """Do something with the backbone and each batch, one after another on all cores."""
        return (do(self.backbone, batch) for batch in batches)

    def side_by_side(self, do: Callable[[Backbone, B], R], batches: Sequence[B]) -> Iterator[R]:
        """Do something with the backbone and each batch of texts; results come in their order.

        Where there are fewer batches than cores, one after another on all cores: what a row is
        rounded to depends on the batches and the number of cores, never on time.
        """
        if len(batches) < self._threads or not self._twins:
            return self.in_turn(do, batches)

        def aside(batch: B) -> R:
            twin = self._twins.pop()  # there are as many as threads
            try:
                return do(twin, batch)
            finally:
                self._twins.append(twin)

        return self._pool.map(aside, batches)
