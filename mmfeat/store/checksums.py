"""Checksums of what a file holds, so that damage is found and named.

Rows are hashed a block of items at a time, as they are written; other datasets as a whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Int, UInt8

from mmfeat import hdf5
from mmfeat.errors import MmfeatError
from mmfeat.store import mapped

_HASHING = 4  # threads
_NAMED = 3  # damaged places of a dataset that are told


def of_rows(rows: np.ndarray) -> UInt8[np.ndarray, "32"]:
    """Return the SHA-256 of rows as they are stored."""
    data: Any = np.ascontiguousarray(rows)
    return np.frombuffer(hashlib.sha256(data).digest(), np.uint8)


def seal_rows(
    group: h5py.Group,
    bounds: Int[np.ndarray, "blocks+1"],
    checksums: Mapping[str, UInt8[np.ndarray, "blocks 32"]],
) -> None:
    """Write the checksums of a stream's datasets, a block of items at a time.

    Parameters
    ----------
    group : h5py.Group
        Of the stream.
    bounds : int64 [blocks + 1]
        Rows at which blocks begin, and their number.
    checksums : mapping of str to uint8 [blocks, 32]
        SHA-256 of each block, by name of the dataset.
    """
    group["blocks"] = bounds
    node = hdf5.encode_group(group.create_group("checksums"), "checksums")
    for name, values in checksums.items():
        node[name] = values
        group[name].attrs[hdf5.CHECKSUM] = hashlib.sha256(values.tobytes()).hexdigest()


def seal(file: h5py.File) -> None:
    """Give every dataset that has no checksum yet its own."""
    for node in _datasets(file).values():
        if hdf5.CHECKSUM not in node.attrs:
            node.attrs[hdf5.CHECKSUM] = hdf5.data_digest(node)


def check(path: Path, kind: str) -> str:
    """Compare all that a file, and each file whose rows it joins, holds with what was written.

    Returns
    -------
    str
        The content digest.

    Raises
    ------
    MmfeatError
        If a file is missing or cannot be read, or something changed, which is named.
    """
    with hdf5.open_checked(path, kind) as file:
        try:
            damaged = _damaged(file, path)
            found = None if damaged else hdf5.content_digest(file)
        except (OSError, RuntimeError, ValueError, TypeError, KeyError, MemoryError) as error:
            raise MmfeatError(f"{path} is damaged ({error}); copy or write it again.") from error
    if damaged:
        raise MmfeatError(
            f"{path} is damaged: {', '.join(damaged)} changed since it was written; copy or write "
            "it again."
        )
    if found is None or found != hdf5.stored_digest(path):
        raise MmfeatError(f"{path} is not what was written: its content changed; write it again.")
    return found


def _datasets(file: h5py.File) -> dict[str, h5py.Dataset]:
    found: dict[str, h5py.Dataset] = {}

    def visit(name: str, node: h5py.Group | h5py.Dataset) -> None:
        if isinstance(node, h5py.Dataset):
            found[name] = node

    file.visititems(visit)
    return found


def _damaged(file: h5py.File, path: Path) -> list[str]:
    """Return the names of datasets that do not have their checksum, with their rows."""
    nodes = {name: n for name, n in _datasets(file).items() if hdf5.CHECKSUM in n.attrs}
    by_block = {
        name
        for name, node in nodes.items()
        if name.rsplit("/", 1)[-1] in node.parent.get("checksums", ())
    }
    damaged = [
        name
        for name in nodes.keys() - by_block
        if hdf5.data_digest(nodes[name]) != nodes[name].attrs[hdf5.CHECKSUM]
    ]
    joined = {s.path for name in by_block for s in mapped.sources(nodes[name], path)}
    for other in sorted(joined):
        mapped.open_source(other, path).close()
        check(other, mapped.SHARD)
    for name in by_block:
        damaged += _damaged_rows(name, nodes[name], path, damaged)
    return sorted(damaged)


def _damaged_rows(name: str, node: h5py.Dataset, path: Path, damaged: list[str]) -> list[str]:
    folder, own = name.rsplit("/", 1)
    if {f"{folder}/blocks", f"{folder}/checksums/{own}"} & set(damaged):
        return []  # nothing to compare with
    bounds, wanted = node.parent["blocks"][:], node.parent["checksums"][own][:]
    if (
        hashlib.sha256(wanted.tobytes()).hexdigest() != node.attrs[hdf5.CHECKSUM]
        or len(bounds) != len(wanted) + 1
        or bounds[0] != 0
        or bounds[-1] != len(node)
    ):
        return [name]
    if node.is_virtual:
        return [] if (_joined_checksums(node, path) == wanted.tobytes()) else [name]
    (parts,) = mapped.maps([node], path)
    rows: Any = parts[0] if parts else node

    def sound(block: int) -> bool:
        return bool((of_rows(rows[bounds[block] : bounds[block + 1]]) == wanted[block]).all())

    with ThreadPoolExecutor(_HASHING) as pool:  # the interpreter is free while they hash
        bad = np.flatnonzero(~np.array([*pool.map(sound, range(len(wanted)))], bool))
    places = [f"{name} rows {bounds[b]} to {bounds[b + 1] - 1}" for b in bad[:_NAMED]]
    more = len(bad) - len(places)
    return places + ([f"{more} more blocks of {name}"] if more else [])


def _joined_checksums(node: h5py.Dataset, path: Path) -> bytes:
    """Return the checksums that the files hold which a dataset joins."""
    found = b""
    for source in mapped.sources(node, path):
        with mapped.open_source(source.path, path) as file:
            own = file[source.name]
            found += own.parent["checksums"][own.name.rsplit("/", 1)[-1]][:].tobytes()
    return found
