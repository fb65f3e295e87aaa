"""Write an activations file from committed parts.

Extraction commits one part a block of items; a kill loses at most the part in
flight. `assemble` joins the parts in order, so that a resumed run gives the
same content as an unbroken one.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Bool

from mmfeat import hdf5
from mmfeat.files import whole_file
from mmfeat.progress import Advance, Progress
from mmfeat.store.activations import KIND

_COORDINATES = {
    "item": np.int32,
    "caption": np.int32,
    "language": np.int16,
    "position": np.int16,
    "start": np.int32,
    "end": np.int32,
}
Part = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Tables:
    """What the file carries over from the corpus."""

    item_id: Sequence[str]
    concept: Sequence[str]
    split: Sequence[str]
    picture: Sequence[str]
    caption_item: np.ndarray
    caption_language: np.ndarray
    languages: Sequence[str]
    corpus_digest: str


class Parts:
    """Committed parts of an extraction in a hidden folder beside the output.

    Parts made with other settings, or from another corpus, are thrown away.
    """

    def __init__(self, out: Path, key: str) -> None:
        self.folder = out.with_name(f".{out.name}.parts")
        marker = self.folder / "settings.txt"
        if self.folder.exists() and (not marker.exists() or marker.read_text("utf-8") != key):
            shutil.rmtree(self.folder)
        if not marker.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            with whole_file(marker) as temporary:
                temporary.write_text(key, encoding="utf-8")

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"

    def __contains__(self, name: str) -> bool:
        return self._path(name).exists()

    def commit(self, name: str, arrays: Part) -> None:
        """Keep a part for good."""
        with (
            whole_file(self._path(name)) as temporary,
            temporary.open("wb") as handle,
        ):
            np.savez(handle, **dict(arrays))  # type: ignore[arg-type]

    def read(self, name: str, prefix: str, column: str) -> np.ndarray:
        """Read one array of a committed part."""
        with np.load(self._path(name), allow_pickle=False) as arrays:
            return np.asarray(arrays[f"{prefix}{column}"])

    def columns(self, name: str, prefix: str) -> set[str]:
        """Names of the arrays of one stream in a part."""
        with np.load(self._path(name), allow_pickle=False) as arrays:
            return {key.removeprefix(prefix) for key in arrays.files if key.startswith(prefix)}

    def remove(self) -> None:
        """Delete the folder once the output has its name."""
        shutil.rmtree(self.folder, ignore_errors=True)


def assemble(
    path: Path,
    tables: Tables,
    streams: Mapping[tuple[str, str], Sequence[str]],
    parts: Parts,
    *,
    attributes: Mapping[str, Any],
    grids: Mapping[str, tuple[int, int]],
    provenance: str,
    progress: Progress,
) -> dict[str, int]:
    """Join parts into an activations file and take each stream's mean and scale.

    The caller holds the writer's lock of `path`.

    Parameters
    ----------
    streams : mapping of (hook, stream) to names of parts
        In the order of the rows.
    grids : mapping of hook to (rows, columns)
        Of the patches.

    Returns
    -------
    dict
        Rows written, by ``hook/stream``.
    """
    train = np.asarray(tables.split) == "train"
    written = {}
    with hdf5.create(path, KIND, provenance, locked=True) as file:
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
        hooks = hdf5.encode_group(file.create_group("hooks"), "hooks")
        total = sum(len(names) for names in streams.values())
        with progress.stage("writing activations", total) as advance:
            for (hook, stream), names in streams.items():
                group = hooks.require_group(hook)
                hdf5.encode_group(group, "hook-point")
                node = hdf5.encode_group(group.create_group(stream), "stream")
                if stream == "image.patch":
                    node.attrs["grid"] = grids[hook]

                _write_rows(node, parts, names, f"{hook}/{stream}/", advance)
                _write_statistics(node, train, len(tables.languages))
                written[f"{hook}/{stream}"] = int(node["x"].shape[0])
    parts.remove()
    return written


def _write_rows(
    node: h5py.Group, parts: Parts, names: Sequence[str], prefix: str, advance: Advance
) -> None:
    counts = [len(parts.read(name, prefix, "item")) for name in names]
    first = parts.read(names[0], prefix, "x")
    x = node.create_dataset("x", (sum(counts), first.shape[1]), first.dtype)
    columns = parts.columns(names[0], prefix) - {"x"}
    for name in columns:
        node.create_dataset(name, (sum(counts),), _COORDINATES[name])
    digest = hashlib.sha256()
    done = 0
    for part, count in zip(names, counts, strict=True):
        if count:
            values = parts.read(part, prefix, "x")
            x[done : done + count] = values
            digest.update(values.tobytes())
            for name in columns:
                node[name][done : done + count] = parts.read(part, prefix, name)
        done += count
        advance(1)
    node.attrs["checksum"] = digest.hexdigest()


def _write_statistics(node: h5py.Group, train: Bool[np.ndarray, "items"], languages: int) -> None:
    """Mean and scale of the train rows in float64, in two passes over the rows."""
    x = node["x"]
    rows, d = x.shape
    text = str(node.name).rsplit("/", 1)[-1].startswith("text")
    groups = languages if text else 1
    group = node["language"][:].astype(np.int64) if text else np.zeros(rows, np.int64)
    used = train[node["item"][:]] & (group >= 0)
    count = np.bincount(group[used], minlength=groups)
    sums, squares = np.zeros((groups, d)), np.zeros(groups)
    divisor = np.maximum(count, 1)
    mean = np.zeros((groups, d))
    for taking_squares in (False, True):
        for start in range(0, rows, 65_536):
            part = slice(start, min(start + 65_536, rows))
            chosen = used[part]
            values, g = x[part][chosen].astype(np.float64), group[part][chosen]
            if taking_squares:
                norms = ((values - mean[g]) ** 2).sum(1)
                squares += np.bincount(g, norms, minlength=groups)
            else:
                for index in np.unique(g):
                    sums[index] += values[g == index].sum(0)
        mean = sums / divisor[:, None]
    # A language without train rows takes what all train rows have.
    empty = count == 0
    if empty.any() and not empty.all():
        mean[empty] = sums.sum(0) / count.sum()
    variance = squares / divisor
    if empty.any() and not empty.all():
        between = ((mean - mean[empty][0]) ** 2).sum(1) * count
        variance[empty] = (squares.sum() + between.sum()) / count.sum()
    scale = np.where(variance > 0, np.sqrt(d / np.where(variance > 0, variance, 1)), 1.0)
    node["mean"], node["scale"] = mean.astype(np.float32), scale.astype(np.float32)
    node["count"] = count.astype(np.int64)
