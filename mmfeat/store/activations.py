"""Read an activations file: streams of rows with coordinates, mapped, never loaded whole."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from io import RawIOBase
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Bool, Float, Int

from mmfeat import hdf5
from mmfeat.errors import MmfeatError
from mmfeat.sae.standardisation import Standardisation
from mmfeat.store import direct, mapped

KIND = "mmfeat-activations"
_COLUMNS = ("item", "caption", "language", "position", "start", "end")
_READERS = 8  # threads that wait for a disk
_FAULTS = (KeyError, OSError, ValueError, TypeError, AttributeError, RuntimeError, IndexError)


class Stream:
    """The rows of one stream at one hook point.

    Attributes
    ----------
    name : str
        ``image.pooled``, ``image.patch``, ``text.pooled`` or ``text.token``.
    item, caption, language, position : int arrays [rows]
        Coordinates; -1 where a row has none.
    start, end : int arrays [rows] or None
        Characters of the caption, for tokens.
    mean : float32 [groups, d]
        Mean of the train rows; one group for pictures, one a language for text.
    scale : float32 [groups]
        ``sqrt(d / E||x - mean||^2)`` over the train rows.
    grid : (rows, columns) or None
        Of the patches, where all pictures have one; see `grid_of`.
    """

    def __init__(
        self, group: h5py.Group, path: Path, n_items: int, n_captions: int, n_languages: int
    ) -> None:
        self.name = str(group.name).rsplit("/", 1)[-1]
        self._x = group["x"]
        self._shape, self._dtype = self._x.shape, self._x.dtype
        self.n, self.d = (int(size) for size in self._x.shape)
        columns = [name for name in _COLUMNS if name in group]
        self._maps, *maps = mapped.maps([self._x, *(group[name] for name in columns)], path)
        found = {
            name: group[name][:] if parts is None else np.concatenate([group[name][:0], *parts])
            for name, parts in zip(columns, maps, strict=True)
        }
        self.item: Int[np.ndarray, "rows"] = found["item"]
        self.caption: Int[np.ndarray, "rows"] = found["caption"]
        self.language: Int[np.ndarray, "rows"] = found["language"]
        self.position: Int[np.ndarray, "rows"] = found["position"]
        self.start, self.end = found.get("start"), found.get("end")
        self.mean: Float[np.ndarray, "groups d"] = group["mean"][:]
        self.scale: Float[np.ndarray, "groups"] = group["scale"][:]
        grid = group.attrs.get("grid")
        self.grid = None if grid is None else (int(grid[0]), int(grid[1]))
        self._grids = group["grids"][:] if "grids" in group else None
        groups = n_languages if self.is_text else 1
        fits = (
            {len(column) for column in found.values()} == {self.n}
            and self.mean.shape == (groups, self.d)
            and self.scale.shape == (groups,)
            and bool(np.isfinite(self.mean).all() and (self.scale > 0).all())
            and bool(np.isfinite(self.scale).all())
            and _within(self.item, n_items)
            and (not self.is_text or _within(self.caption, n_captions))
            and (not self.is_text or _within(self.language, n_languages))
            and bool((np.diff(self.caption if self.is_text else self.item) >= 0).all())
            and (self._grids is None or self._grids.shape == (n_items, 2))
        )
        if not fits:
            raise MmfeatError(
                f"{path} is damaged: the datasets of {self.name} contradict each other; "
                "extract it again."
            )

    @property
    def is_text(self) -> bool:
        """Whether rows come from captions."""
        return self.name.startswith("text")

    def grid_of(self, item: int) -> tuple[int, int] | None:
        """Return rows and columns of the patches of an item's picture; None where it has none."""
        if self._grids is None:
            return self.grid
        rows, columns = self._grids[item].tolist()
        return (rows, columns) if rows else None

    @property
    def x(self) -> Any:
        """The rows [n, d] as an array on disk, mapped where HDF5 stored them in one piece."""
        if not self._maps:
            return self._x
        if len(self._maps) == 1:
            return self._maps[0]
        return mapped.Joined(self._maps, self._shape, self._dtype)

    def let_go(self) -> None:
        """Say that the rows read so far are not needed at once.

        The system may keep them, but they no longer count as memory of this process.
        """
        if hasattr(mmap, "MADV_DONTNEED"):
            for own in self._maps or []:
                own._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]

    def take(self, index: Int[np.ndarray, "n"]) -> np.ndarray:
        """Return rows from anywhere in the file, given in ascending order, each once.

        What is not in memory is read by several threads, as a disk is fast only when it has
        much to do, and without the pages around, which nobody wants.
        """
        if not self._maps:
            return np.asarray(self._x[index])
        maps, edges = self._scattered
        found = np.empty((len(index), self.d), self._dtype)
        # No thread reads from two maps.
        cuts = np.unique(
            np.concatenate(
                [
                    np.linspace(0, len(index), _READERS + 1).astype(int),
                    np.searchsorted(index, edges[1:-1]),
                ]
            )
        )

        def read(first: int, last: int) -> None:
            part = np.searchsorted(edges[1:-1], index[first], side="right")
            own = index[first:last] - edges[part]
            # numpy does not hold the interpreter meanwhile, so that the threads wait together.
            np.take(maps[part], own, axis=0, out=found[first:last], mode="clip")

        list(_pool().map(read, cuts[:-1], cuts[1:]))
        return found

    def read(self, first: int, last: int, out: np.ndarray) -> None:
        """Read neighbouring rows into [last - first, d], at the speed of a plain read."""
        if not self._maps:
            out[:] = self._x[first:last]
            return
        low = 0
        for own in self._maps:
            start, stop = max(first, low), min(last, low + len(own))
            if start < stop:
                here = out[start - first : stop - first].view(np.uint8).reshape(-1)
                offset = own.offset + (start - low) * own.strides[0]
                if self._past_cache:
                    direct.fill(str(own.filename), offset, here)
                else:
                    with open(str(own.filename), "rb", buffering=0) as file:
                        file.seek(offset)
                        _fill(file, here)
            low += len(own)

    @cached_property
    def _past_cache(self) -> bool:
        return direct.is_better({Path(str(own.filename)) for own in self._maps or []})

    @cached_property
    def _scattered(self) -> tuple[mapped.Maps, Int[np.ndarray, "maps+1"]]:
        """Rows as `take` reads them: maps of its own, and the first row of each."""
        maps = [
            np.memmap(str(own.filename), own.dtype, "r", own.offset, own.shape)
            for own in self._maps or []
        ]
        for own in maps:
            if hasattr(mmap, "MADV_RANDOM"):
                own._mmap.madvise(mmap.MADV_RANDOM)  # type: ignore[attr-defined]
        return maps, np.cumsum([0, *map(len, maps)])

    @property
    def group(self) -> Int[np.ndarray, "rows"]:
        """Which mean and scale a row has."""
        return self.language if self.is_text else np.zeros(self.n, np.int16)

    def standardised(
        self, x: Float[np.ndarray, "rows d"], group: Int[np.ndarray, "rows"]
    ) -> Float[np.ndarray, "rows d"]:
        """Return ``(x - mean) * scale`` in float32, each row by its own group."""
        return Standardisation(self.mean, self.scale).apply(np.asarray(x), group)

    def chunks(self, rows: int = 16_384) -> Iterator[tuple[slice, Float[np.ndarray, "chunk d"]]]:
        """Iterate over all rows in order, standardised."""
        x, group = self.x, self.group
        for first in range(0, self.n, rows):
            part = slice(first, min(first + rows, self.n))
            yield part, self.standardised(x[part], group[part])


def _fill(file: RawIOBase, buffer: np.ndarray) -> None:
    done = 0
    while done < len(buffer):
        count = file.readinto(buffer[done:].data)
        if not count:
            raise OSError("a file of activations ends before its rows do")
        done += count


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_READERS, "rows")


def _within(index: Int[np.ndarray, "rows"], size: int) -> bool:
    return len(index) == 0 or bool(index.min() >= 0 and index.max() < size)


class Activations:
    """An activations file, open for reading.

    Raises
    ------
    MmfeatError
        If the file is missing, damaged, of another kind or contradicts itself.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._file = hdf5.open_checked(self.path, KIND)
        self._streams: dict[tuple[str, str], Stream] = {}
        try:
            items, captions = self._file["items"], self._file["captions"]
            self.item_id = hdf5.read_strings(items["item_id"])
            self.concept = hdf5.read_strings(items["concept"])
            self.split = np.array(hdf5.read_strings(items["split"]))
            self.picture = hdf5.read_strings(items["picture"])
            self.caption_item: Int[np.ndarray, "captions"] = captions["item"][:]
            self.caption_language: Int[np.ndarray, "captions"] = captions["language"][:]
            self.languages = tuple(hdf5.read_strings(self._file["languages"]))
            self.backbone = str(self._file.attrs["backbone"])
            self.corpus_path = self.path.parent / str(self._file.attrs["corpus_path"])
            self.corpus_digest = str(self._file.attrs["corpus_digest"])
            self._hooks = {hook: tuple(group) for hook, group in self._file["hooks"].items()}
            n_items = len(self.item_id)
            fits = (
                {len(self.concept), len(self.split), len(self.picture)} == {n_items}
                and len(self.caption_item) == len(self.caption_language)
                and _within(self.caption_item, n_items)
                and _within(self.caption_language, len(self.languages))
            )
        except _FAULTS as error:
            self.close()
            raise MmfeatError(f"{self.path} is damaged ({error}); extract it again.") from error
        if not fits:
            self.close()
            raise MmfeatError(f"{self.path} is damaged: its tables disagree; extract it again.")

    def __enter__(self) -> Activations:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def hooks(self) -> dict[str, tuple[str, ...]]:
        """Streams by hook point."""
        return self._hooks

    def stream(self, hook: str, name: str) -> Stream:
        """Return a stream of a hook point, one for all who ask: each maps the file anew.

        Raises
        ------
        MmfeatError
            If the file does not hold it.
        """
        if (hook, name) in self._streams:
            return self._streams[hook, name]
        found = self.hooks
        if hook not in found or name not in found[hook]:
            have = "; ".join(f"{h}: {', '.join(s)}" for h, s in found.items())
            raise MmfeatError(
                f"{self.path} has no stream {name!r} at hook point {hook!r} (it has {have}); "
                "extract it, or choose one of these."
            )
        counts = len(self.item_id), len(self.caption_item), len(self.languages)
        try:
            made = Stream(self._file["hooks"][hook][name], self.path, *counts)
        except _FAULTS as error:
            raise MmfeatError(f"{self.path} is damaged ({error}); extract it again.") from error
        self._streams[hook, name] = made
        return made

    @property
    def is_train(self) -> Bool[np.ndarray, "items"]:
        """Which items belong to train concepts."""
        return np.asarray(self.split == "train")


def open_activations(path: Path | str) -> Activations:
    """Open an activations file."""
    return Activations(path)
