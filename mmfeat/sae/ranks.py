"""What the processes of one training tell each other; a process alone has nothing to tell."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor

from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.tensor import DTensor


class Axis:
    """Ranks that divide rows, or latents, among them; one alone has them all.

    Attributes
    ----------
    size, rank : int
        How many there are, and which this one is.
    """

    def __init__(self, mesh: DeviceMesh | None = None) -> None:
        self._group = None if mesh is None else mesh.get_group()
        self.size = 1 if mesh is None else mesh.size()
        self.rank = 0 if mesh is None else mesh.get_local_rank()

    def __deepcopy__(self, memo: object) -> Self:
        """Return itself: a copy of an SAE talks to the same ranks."""
        return self

    def share(self, n: int) -> slice:
        """Return which of n are this rank's, where all have as many."""
        each = n // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    @torch.no_grad()
    def total(self, part: Tensor) -> Tensor:
        """Return the sum over ranks; no gradient flows through it."""
        if self.size == 1:
            return part
        whole = part.detach().clone()
        self.add_up(whole)
        return whole

    def add_up(self, part: Tensor) -> None:
        """Turn numbers, which have no gradient, into their sum over ranks where they lie."""
        if self.size > 1:
            dist.all_reduce(part, group=self._group)

    def summed(self, part: Tensor) -> Tensor:
        """Return the sum over ranks of what all of them go on with alike.

        The gradient of the sum is the same everywhere, and is that of each part.
        """
        if self.size == 1:
            return part
        found: Tensor = _Summed.apply(part, self)
        return found

    def joined(self, part: Tensor) -> Tensor:
        """Return the entries of all ranks, which may have more or fewer, one after another.

        The gradient of a part is the sum of what every rank finds for it.
        """
        if self.size == 1:
            return part
        found: Tensor = _Joined.apply(part, self)
        return found

    def lengths(self, part: Tensor) -> list[int]:
        """Return how many entries each rank has."""
        counts = torch.zeros(self.size, dtype=torch.int64, device=part.device)
        counts[self.rank] = len(part)
        return [int(n) for n in self.total(counts)]

    def gather(self, part: Tensor, lengths: list[int]) -> Tensor:
        """Return the entries of all ranks; no gradient flows through it."""
        padded = part.new_zeros(max(lengths), *part.shape[1:])
        padded[: len(part)] = part.detach()
        everyone = [torch.empty_like(padded) for _ in lengths]
        dist.all_gather(everyone, padded, group=self._group)
        return torch.cat([values[:n] for values, n in zip(everyone, lengths, strict=True)])

    @torch.no_grad()
    def peak(self, part: Tensor) -> Tensor:
        """Return the greatest value over ranks."""
        if self.size == 1:
            return part
        greatest = part.clone()
        dist.all_reduce(greatest, dist.ReduceOp.MAX, group=self._group)
        return greatest

    @torch.no_grad()
    def placed(self, part: Tensor, dim: int | None) -> DTensor:
        """Return equal parts along a dimension, or with None copies of one tensor, as a DTensor."""
        from torch.distributed.device_mesh import DeviceMesh
        from torch.distributed.tensor import DTensor, Replicate, Shard

        assert self._group is not None
        # A DTensor brings its part to the device of its mesh.
        mesh = DeviceMesh.from_group(self._group, part.device.type, mesh_dim_names=("shards",))
        return DTensor.from_local(part, mesh, [Replicate() if dim is None else Shard(dim)])

    @torch.no_grad()
    def least_of_highest(self, values: Float[Tensor, "rows n"], k: int) -> Float[Tensor, "rows"]:
        """Return the k-th highest value of each row, over what all ranks have of it."""
        if self.size > 1:
            everyone = [torch.empty_like(values) for _ in range(self.size)]
            dist.all_gather(everyone, values.contiguous(), group=self._group)
            values = torch.cat(everyone, dim=1)
        return values.topk(k, dim=1).values[:, -1]


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Tensor, axis: Axis) -> Tensor:
        return axis.total(part)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        (gradient,) = gradients
        return gradient, None


class _Joined(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Tensor, axis: Axis) -> Tensor:
        lengths = axis.lengths(part)
        ctx.axis, ctx.first = axis, sum(lengths[: axis.rank])
        ctx.length = len(part)
        return axis.gather(part, lengths)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        (gradient,) = gradients
        whole = ctx.axis.total(gradient.contiguous())
        return whole[ctx.first : ctx.first + ctx.length], None


def local(tensor: Tensor) -> Tensor:
    """Return this rank's part of a DTensor; any other tensor as it is."""
    found: Tensor = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    return found


def like(known: Tensor, part: Tensor) -> Tensor:
    """Return parts of ranks as a DTensor where a known one is, placed alike; else as they are."""
    if not hasattr(known, "device_mesh") or not hasattr(known, "placements"):
        return part
    from torch.distributed.tensor import DTensor

    return DTensor.from_local(part, known.device_mesh, known.placements)


class Ranks:
    """The processes of a training: some divide the rows of a batch, some the latents.

    Parameters
    ----------
    rows, shards : Axis
        Ranks with other rows of the batch, and ranks with other latents.
    """

    def __init__(self, rows: Axis | None = None, shards: Axis | None = None) -> None:
        self.rows, self.shards = rows or Axis(), shards or Axis()

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rows.rank == 0 and self.shards.rank == 0

    @property
    def size(self) -> int:
        """How many processes there are."""
        return self.rows.size * self.shards.size

    def agree(self, step: int) -> bool:
        """Return whether all processes are at the same step, which is not the first."""
        # The greatest of the step and of its negative: that is, the last and the first.
        ends = torch.tensor([step, -step])
        for axis in (self.rows, self.shards):
            ends = axis.peak(ends)
        return step > 0 and int(ends.sum()) == 0

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            dist.barrier()


def parted() -> None:
    """Let go of the other processes, at the end."""
    if dist.is_initialized():
        dist.destroy_process_group()


def launched(shards: int = 1) -> Ranks:
    """Return the ranks that torchrun has launched; without it, this process alone.

    Parameters
    ----------
    shards : int
        Ranks that divide the dictionary; the others divide the rows of a batch.

    Raises
    ------
    MmfeatError
        If the number of processes cannot be divided so.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world % shards:
        raise MmfeatError(
            f"{world} process{'es' if world > 1 else ''} cannot hold {shards} shards; launch a "
            f"multiple of {shards} "
            f"(torchrun --nproc-per-node {shards} ...)."
        )
    if world == 1:
        return Ranks()
    from torch.distributed.device_mesh import init_device_mesh

    if not dist.is_initialized():
        dist.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (world // shards, shards), mesh_dim_names=("rows", "shards"))
    return Ranks(Axis(mesh["rows"]), Axis(mesh["shards"]))
