"""Several processes extract one file: each writes a shard, and virtual datasets join them."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np

from mmfeat import hdf5
from mmfeat.errors import MmfeatError
from mmfeat.progress import Advance, Progress
from mmfeat.store import checksums
from mmfeat.store.activations import KIND
from mmfeat.store.mapped import SHARD
from mmfeat.store.statistics import Sums
from mmfeat.store.writer import (
    Key,
    Layout,
    Parts,
    Tables,
    Written,
    changes,
    finish,
    stream_group,
    write_rows,
    write_tables,
)

_POLL = 0.2  # seconds
_LONGEST = timedelta(days=30)  # that a process waits for the others
_NAME = re.compile(r"\.?\d{5}-of-\d{5}\.h5(\.lock|\.\d+\.tmp)?")


class Processes:
    """The processes that torchrun has launched, which know each other while this is entered.

    Attributes
    ----------
    rank, size : int
        Which one this is, and how many there are.
    """

    def __init__(self) -> None:
        self.rank = int(os.environ.get("RANK", "0"))
        self.size = int(os.environ.get("WORLD_SIZE", "1"))

    def __enter__(self) -> Self:
        if self.size > 1:
            import torch.distributed as dist

            dist.init_process_group("gloo", timeout=_LONGEST)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.size > 1:
            import torch.distributed as dist

            dist.destroy_process_group()

    def share(self, blocks: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
        """Return which of the blocks are this process's: as many as any other's, in a row."""
        ends = [len(blocks) * rank // self.size for rank in range(self.size + 1)]
        return blocks[ends[self.rank] : ends[self.rank + 1]]

    def wait(self, shards: Sequence[Path], advance: Advance) -> None:
        """Wait until all processes have written their shards.

        Raises
        ------
        MmfeatError
            If one of them has ended before.
        """
        import torch.distributed as dist

        barrier = dist.barrier(async_op=True)
        whole = 0
        while not barrier.is_completed():
            now = sum(shard.exists() for shard in shards)
            advance(now - whole)
            whole = now
            time.sleep(_POLL)
        try:
            barrier.wait()
        except RuntimeError as error:
            missing = ", ".join(str(shard) for shard in shards if not shard.exists())
            raise MmfeatError(
                f"A process ended before all shards were whole ({missing or 'none'} missing); run "
                "the same command again, which does what is missing."
            ) from error
        advance(len(shards) - whole)


def speaks() -> bool:
    """Whether this is the process that tells the result."""
    return Processes().rank == 0


def shard_paths(out: Path, size: int) -> list[Path]:
    """Return where the shards of a file go."""
    folder = out.with_suffix(".shards")
    return [folder / f"{rank:05d}-of-{size:05d}.h5" for rank in range(size)]


def keep(path: Path, record: str) -> bool:
    """Whether a shard is there already.

    Raises
    ------
    MmfeatError
        If it is of another extraction.
    """
    if not path.exists():
        return False
    try:
        with hdf5.open_checked(path, SHARD) as file:
            made = str(file.attrs["provenance"])
    except (MmfeatError, KeyError):
        return False  # it was whole when it got its name: it is written again
    if made != record:
        raise MmfeatError(
            f"{path.parent} holds shards of another extraction ({changes(made, record)}); delete "
            "that folder to begin anew, or give another --out."
        )
    return True


def write_shard(
    path: Path, layout: Layout, parts: Parts, names: Sequence[str], record: str, progress: Progress
) -> None:
    """Join the parts of one process into a shard.

    The caller holds the writer's lock of `path`.
    """
    with hdf5.create(path, SHARD, record, locked=True) as file:
        hdf5.write_strings(file, "skipped", parts.skipped(names))
        with progress.stage("writing shard", len(names)) as advance:
            found = write_rows(file, parts, names, layout, advance)
        for (hook, stream), written in found.items():
            node = file["hooks"][hook][stream]
            written.seal(node)
            sums = hdf5.encode_group(node.create_group("sums"), "sums")
            for name in ("count", "total", "squares"):
                sums[name] = getattr(written.sums, name)
            if written.grid:
                node["grid_item"] = np.concatenate(written.grid_item)
                node["grid"] = np.concatenate(written.grid)
        checksums.seal(file)


def join(
    path: Path,
    shards: Sequence[Path],
    tables: Tables,
    layout: Layout,
    *,
    attributes: Mapping[str, Any],
    provenance: str,
) -> tuple[dict[str, int], list[str]]:
    """Write a file whose rows are those of shards, one after another.

    It has the content that one process would have written.

    Returns
    -------
    rows : dict
        Rows by ``hook/stream``.
    skipped : list of str
        Pictures that could not be read.
    """
    files = [hdf5.open_checked(shard, SHARD) for shard in shards]
    try:
        skipped = [text for file in files for text in hdf5.read_strings(file["skipped"])]
        with hdf5.create(path, KIND, provenance, locked=True) as out:
            write_tables(out, tables, attributes)
            rows = {}
            for key in layout.widths:
                own = [file["hooks"][key[0]][key[1]] for file in files]
                written = _together(own, layout, key)
                node = stream_group(out, key)
                names = [shard.relative_to(path.parent).as_posix() for shard in shards]
                for column in layout.columns(key):
                    _join_column(node, column, names, own)
                finish(node, written, len(tables.item_id))
                rows["/".join(key)] = written.rows
            checksums.seal(out)
    finally:
        for file in files:
            file.close()
    return rows, skipped


def _together(nodes: Sequence[h5py.Group], layout: Layout, key: Key) -> Written:
    """Return what the shards know of a stream."""
    found = Written(Sums(layout.groups(key), layout.widths[key]))
    found.checksums = {column: [] for column in layout.columns(key)}
    for node in nodes:
        found.bounds += (node["blocks"][1:] + found.rows).tolist()
        for column, values in found.checksums.items():
            values += list(node["checksums"][column][:])
        sums = Sums(layout.groups(key), layout.widths[key])
        for name in ("count", "total", "squares"):
            setattr(sums, name, node["sums"][name][:])
        found.sums.add(sums)
        if "grid" in node:
            found.grid_item.append(node["grid_item"][:])
            found.grid.append(node["grid"][:])
    return found


def _join_column(
    node: h5py.Group, column: str, names: Sequence[str], nodes: Sequence[h5py.Group]
) -> None:
    parts = [own[column] for own in nodes]
    total, first = sum(map(len, parts)), 0
    if total == 0:
        node.create_dataset(column, parts[0].shape, parts[0].dtype)
        return
    layout = h5py.VirtualLayout((total, *parts[0].shape[1:]), parts[0].dtype)
    for name, part in zip(names, parts, strict=True):
        if len(part):
            source = h5py.VirtualSource(name, part.name, part.shape, part.dtype)
            layout[first : first + len(part)] = source
        first += len(part)
    node.create_virtual_dataset(column, layout)


def remove_others(out: Path, kept: Sequence[Path]) -> None:
    """Delete shards that a file no longer joins, and what killed processes left beside them."""
    folder = out.with_suffix(".shards")
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if _NAME.fullmatch(path.name) and path not in kept:
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
