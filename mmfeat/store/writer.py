"""Write an activations file from committed parts.

Extraction commits one part a block of items; a kill loses at most the part in
flight. `assemble` joins the parts in order, so that a resumed run gives the
same content as an unbroken one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Bool, Int
from safetensors import safe_open
from safetensors.numpy import save_file

from mmfeat import hdf5
from mmfeat.errors import MmfeatError
from mmfeat.files import whole_file
from mmfeat.progress import Advance, Progress
from mmfeat.store import checksums
from mmfeat.store.activations import KIND
from mmfeat.store.statistics import Sums, part_sums

_COORDINATES = {
    "item": np.int32,
    "caption": np.int32,
    "language": np.int16,
    "position": np.int16,
}
_CHARACTERS = {"start": np.int32, "end": np.int32}
_SUFFIX = ".safetensors"
_SUMS = ("group", "count", "total", "squares")
Key = tuple[str, str]  # hook point and stream


@dataclass(frozen=True)
class Tables:
    """What the file carries over from the corpus; columns may be read when they are written."""

    item_id: Sequence[str]
    concept: Sequence[str]
    split: Sequence[str]
    picture: Sequence[str]
    caption_item: np.ndarray
    caption_language: np.ndarray
    languages: Sequence[str]
    corpus_digest: str

    @property
    def is_train(self) -> Bool[np.ndarray, "items"]:
        """Which items belong to train concepts."""
        return np.fromiter((split == "train" for split in self.split), bool, len(self.split))


@dataclass(frozen=True)
class Layout:
    """What is stored.

    Attributes
    ----------
    widths : mapping of (hook, stream) to int
        Width of a row.
    dtype : str
        Of the rows.
    is_train : bool [items]
        Items whose rows count for mean and scale.
    languages : int
        How many there are.
    """

    widths: Mapping[Key, int]
    dtype: str
    is_train: Bool[np.ndarray, "items"]
    languages: int

    def columns(self, key: Key) -> dict[str, Any]:
        """Types of a stream's datasets with a value a row."""
        more = _CHARACTERS if key[1] == "text.token" else {}
        return {"x": self.dtype, **_COORDINATES, **more}

    def shape(self, key: Key, column: str, rows: int) -> tuple[int, ...]:
        """Shape of such a dataset."""
        return (rows, self.widths[key]) if column == "x" else (rows,)

    def groups(self, key: Key) -> int:
        """How many means and scales a stream has."""
        return self.languages if key[1].startswith("text") else 1


class Parts:
    """Committed parts of an extraction in a hidden folder beside the output.

    Parameters
    ----------
    out : Path
        The output.
    record : str
        Provenance of what is extracted.

    Raises
    ------
    MmfeatError
        If there are parts that were made with other settings, or from a corpus or a backbone with
        other content.
    """

    def __init__(self, out: Path, record: str) -> None:
        self.folder = out.with_name(f".{out.name}.parts")
        marker = self.folder / "settings.json"
        made = marker.read_text("utf-8") if marker.exists() else None
        if made == record:
            return
        if any(self.folder.glob(f"*{_SUFFIX}")):
            raise MmfeatError(
                f"{self.folder} holds parts of another extraction ({changes(made, record)}); "
                "delete that folder to begin anew, or give another --out."
            )
        with whole_file(marker) as temporary:
            temporary.write_text(record, encoding="utf-8")

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{_SUFFIX}"

    def __contains__(self, name: str) -> bool:
        return self._path(name).exists()

    def commit(
        self, name: str, arrays: Mapping[str, np.ndarray], skipped: Sequence[str], layout: Layout
    ) -> None:
        """Keep a part for good, with its checksums and sums.

        Parameters
        ----------
        name : str
            Of the block.
        arrays : mapping of str to array
            As `mmfeat.forward.blocks` yields them.
        skipped : sequence of str
            Pictures that could not be read.
        layout : Layout
            What is stored.
        """
        part: dict[str, np.ndarray] = {}
        for key in layout.widths:
            part |= _part(key, arrays, layout)
        with whole_file(self._path(name)) as temporary:
            save_file(part, temporary, {"skipped": json.dumps(list(skipped))})

    def open(self, name: str) -> Any:
        """Open a committed part, from which each tensor is read when asked for."""
        return safe_open(self._path(name), "pt")  # not "numpy", which copies what it reads

    def skipped(self, names: Sequence[str]) -> list[str]:
        """Return the pictures that parts had to leave out."""
        found: list[str] = []
        for name in names:
            with self.open(name) as part:
                found += json.loads(part.metadata()["skipped"])
        return found

    def size(self) -> int:
        """Bytes of all parts."""
        return sum(path.stat().st_size for path in self.folder.glob(f"*{_SUFFIX}"))

    def remove(self, names: Sequence[str]) -> None:
        """Delete parts once what they are for has its name."""
        for name in names:
            self._path(name).unlink(missing_ok=True)

    def remove_all(self) -> None:
        """Delete the folder; the parts first, as they are nothing without their record."""
        for path in self.folder.glob(f"*{_SUFFIX}"):
            path.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)


def changes(made: str | None, record: str) -> str:
    """Say what distinguishes two provenances."""
    try:
        before, now = json.loads(made or ""), json.loads(record)
        found = [
            f"the content of the {name} changed"
            for name, value in now["inputs"].items()
            if before["inputs"].get(name, {}).get("sha256") != value["sha256"]
        ]
        for part in ("settings", "versions"):
            keys = sorted(before[part].keys() | now[part].keys())
            found += [
                f"{key} was {before[part].get(key)} and is {now[part].get(key)}"
                for key in keys
                if before[part].get(key) != now[part].get(key)
            ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "it does not say which"
    return "; ".join(found) or "its inputs had other names"


def _part(key: Key, arrays: Mapping[str, np.ndarray], layout: Layout) -> dict[str, np.ndarray]:
    prefix = "/".join(key)
    own = {
        column: np.ascontiguousarray(
            arrays.get(f"{prefix}/{column}", np.zeros(layout.shape(key, column, 0))), dtype
        )
        for column, dtype in layout.columns(key).items()
    }
    part = {f"{column}/checksum": checksums.of_rows(rows) for column, rows in own.items()}
    group = own["language"] if layout.groups(key) > 1 else np.zeros_like(own["language"])
    sums = part_sums(own["x"], group, layout.is_train[own["item"]])
    part |= {f"sums/{column}": values for column, values in sums.items()}
    if key[1] == "image.patch":
        part["grid_item"] = arrays.get(f"{prefix}/grid_item", np.zeros(0, np.int32))
        part["grid"] = arrays.get(f"{prefix}/grid", np.zeros((0, 2), np.int16))
    return {f"{prefix}/{column}": values for column, values in (own | part).items()}


@dataclass
class Written:
    """What is known of a stream when all its rows are written.

    Attributes
    ----------
    sums : Sums
        Of the train rows.
    bounds : list of int
        Rows at which blocks begin, and their number.
    checksums : dict of str to list
        SHA-256 of each block, by dataset.
    grid_item, grid : list of arrays
        Pictures, and the rows and columns of patches of each.
    """

    sums: Sums
    bounds: list[int] = field(default_factory=lambda: [0])
    checksums: dict[str, list[np.ndarray]] = field(default_factory=dict)
    grid_item: list[Int[np.ndarray, "pictures"]] = field(default_factory=list)
    grid: list[Int[np.ndarray, "pictures 2"]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.bounds[-1]

    def seal(self, node: h5py.Group) -> None:
        """Write the checksums of the stream's datasets."""
        columns = {
            column: np.array(values, np.uint8).reshape(-1, 32)
            for column, values in self.checksums.items()
        }
        checksums.seal_rows(node, np.array(self.bounds, np.int64), columns)


def stream_group(file: h5py.File, key: Key) -> h5py.Group:
    """Make the group of a stream, and those it is in."""
    hooks = hdf5.encode_group(file.require_group("hooks"), "hooks")
    hook = hdf5.encode_group(hooks.require_group(key[0]), "hook-point")
    return hdf5.encode_group(hook.create_group(key[1]), "stream")


def _array(part: Any, name: str) -> np.ndarray:
    """Return an array that outlives the part, which stays mapped as long as a tensor of it does."""
    found: np.ndarray = part.get_tensor(name).numpy().copy()
    return found


def write_rows(
    file: h5py.File, parts: Parts, names: Sequence[str], layout: Layout, advance: Advance
) -> dict[Key, Written]:
    """Write the rows of parts, in the order of `names`."""
    found = {key: Written(Sums(layout.groups(key), d)) for key, d in layout.widths.items()}
    for name in names:
        with parts.open(name) as part:
            for (hook, stream), written in found.items():
                (rows,) = part.get_slice(f"{hook}/{stream}/item").get_shape()
                written.bounds.append(written.rows + rows)
    nodes = {}
    for key, written in found.items():
        nodes[key] = node = stream_group(file, key)
        for column, dtype in layout.columns(key).items():
            node.create_dataset(column, layout.shape(key, column, written.rows), dtype)
            written.checksums[column] = []
    for number, name in enumerate(names):
        with parts.open(name) as part:
            for key, written in found.items():
                prefix = "/".join(key)
                first, last = written.bounds[number : number + 2]
                for column in layout.columns(key):
                    if last > first:
                        values = part.get_tensor(f"{prefix}/{column}")
                        nodes[key][column][first:last] = values.numpy()
                    written.checksums[column].append(_array(part, f"{prefix}/{column}/checksum"))
                sums = {name: _array(part, f"{prefix}/sums/{name}") for name in _SUMS}
                written.sums.add_part(sums)
                if key[1] == "image.patch":
                    written.grid_item.append(_array(part, f"{prefix}/grid_item"))
                    written.grid.append(_array(part, f"{prefix}/grid"))
        advance(1)
    return found


def write_tables(file: h5py.File, tables: Tables, attributes: Mapping[str, Any]) -> None:
    """Write what a file carries over from the corpus, and attributes of the root."""
    for name, value in attributes.items():
        file.attrs[name] = value
    file.attrs["corpus_digest"] = tables.corpus_digest
    items = hdf5.encode_group(file.create_group("items"), "items")
    for column in ("item_id", "concept", "split", "picture"):
        hdf5.write_strings(items, column, getattr(tables, column))
    captions = hdf5.encode_group(file.create_group("captions"), "captions")
    captions["item"] = tables.caption_item.astype(np.int32)
    captions["language"] = tables.caption_language.astype(np.int16)
    hdf5.write_strings(file, "languages", tables.languages)


def finish(node: h5py.Group, written: Written, items: int) -> None:
    """Write what is known of a stream once it has its rows."""
    written.seal(node)
    node["mean"], node["scale"] = written.sums.mean_and_scale()
    node["count"] = written.sums.count
    if not written.grid:
        return
    item, grid = np.concatenate(written.grid_item), np.concatenate(written.grid)
    if len(different := np.unique(grid, axis=0)) == 1:
        node.attrs["grid"] = different[0].astype(np.int64)
    else:
        grids = np.zeros((items, 2), np.int16)
        grids[item] = grid
        node["grids"] = grids


def assemble(
    path: Path,
    tables: Tables,
    layout: Layout,
    parts: Parts,
    names: Sequence[str],
    *,
    attributes: Mapping[str, Any],
    provenance: str,
    progress: Progress,
) -> dict[str, int]:
    """Join parts into an activations file with each stream's mean and scale.

    The caller holds the writer's lock of `path`.

    Parameters
    ----------
    path : Path
        The file to write.
    tables, layout : Tables, Layout
        What it carries over from the corpus, and what is stored.
    parts : Parts
        Where the rows are.
    names : sequence of str
        Parts in the order of the rows.

    Returns
    -------
    dict
        Rows written, by ``hook/stream``.
    """
    with hdf5.create(path, KIND, provenance, locked=True) as file:
        write_tables(file, tables, attributes)
        with progress.stage("writing activations", len(names)) as advance:
            found = write_rows(file, parts, names, layout, advance)
        for (hook, stream), written in found.items():
            finish(file["hooks"][hook][stream], written, len(tables.item_id))
        checksums.seal(file)
    return {"/".join(key): written.rows for key, written in found.items()}
