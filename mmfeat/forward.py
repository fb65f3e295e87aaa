"""Items of a corpus through a backbone: one forward pass a batch, inputs prepared ahead."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int, UInt64

from mmfeat.backbones.base import IMAGE_STREAMS, STREAMS, TEXT_STREAMS, Inputs, Rows, Span
from mmfeat.corpus.pictures import MAX_PIXELS, load_picture
from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from PIL.Image import Image

    from mmfeat.backbones.base import Backbone
    from mmfeat.backbones.runner import Runner
    from mmfeat.corpus.file import Corpus

WORKERS = 8  # at most: each holds a batch of pictures
TEXTS = 4096  # captions that are put in order of length together
SAMPLED = ("image.patch", "text.token")
HALF_LIMIT = 65_520  # from here on float16 rounds to infinity
COORDINATES = {"item": np.int32, "caption": np.int32, "language": np.int16, "position": np.int16}
TYPES = COORDINATES | {"start": np.int32, "end": np.int32}

Wanted = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Request:
    """What is read from a backbone.

    Attributes
    ----------
    hooks, streams : tuple of str
        Hook points, and the streams that are read at those which have them.
    dtype : str
        ``float16`` or ``float32``: what rows are stored in.
    batch_size : int
        Pictures or texts in a forward pass, at most.
    rows_per_item : int or None
        Patches kept of a picture and tokens of a caption; None for all.
    seed : int
        Of the draw of these.
    """

    hooks: tuple[str, ...]
    streams: tuple[str, ...]
    dtype: str
    batch_size: int
    rows_per_item: int | None
    seed: int


@dataclass(frozen=True)
class Items:
    """What a corpus says of the items of a block.

    Attributes
    ----------
    span : (start, stop)
        The items.
    item_id, image : list of str
        Their names and pictures; no picture is empty.
    root : Path or None
        Folder of the pictures.
    first : int
        The first of their captions.
    item, language : int [captions]
        Coordinates of their captions.
    text : list of str
        The captions.
    """

    span: Span
    item_id: list[str]
    image: list[str]
    root: Path | None
    first: int
    item: Int[np.ndarray, "captions"]
    language: Int[np.ndarray, "captions"]
    text: list[str]


@dataclass(frozen=True)
class Batch:
    """Inputs of the model, and the items (of pictures) or captions (of texts) they are."""

    ids: Int[np.ndarray, "inputs"]
    inputs: Inputs


@dataclass(frozen=True)
class Ready:
    """What a thread prepared.

    Attributes
    ----------
    batches : list of Batch
        To be run.
    skipped : list of str
        Pictures that could not be loaded.
    ends : Items, optional
        The block that is complete with this.
    """

    batches: list[Batch] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    ends: Items | None = None


def wanted(backbone: Backbone, request: Request) -> dict[str, tuple[str, ...]]:
    """Return the streams that are read at each hook point: those asked for that it has.

    Raises
    ------
    MmfeatError
        If there is no such hook point, it has none of the streams, or a stream is at none of them.
    """
    found = {}
    for hook in dict.fromkeys(request.hooks):
        point = backbone.point(hook)
        found[hook] = tuple(s for s in STREAMS if s in request.streams and s in point.streams)
        if not found[hook]:
            raise MmfeatError(
                f"{backbone.spec} has none of the streams {', '.join(request.streams)} at {hook}; "
                f"choose from {', '.join(point.streams)} there."
            )
    there = {stream for streams in found.values() for stream in streams}
    for stream in request.streams:
        if stream not in there:
            raise MmfeatError(
                f"{backbone.spec} has no stream {stream} at {', '.join(found)}; leave it out, or "
                "choose a hook point that has it, which mmfeat backbone hooks lists."
            )
    return found


def blocks(
    source: Corpus, backbone: Backbone, request: Request, spans: Iterable[Span]
) -> Generator[tuple[Span, dict[str, np.ndarray], list[str]]]:
    """Run a corpus through a backbone, some items at a time.

    Pictures are decoded and preprocessed, and texts tokenised, in threads that run ahead of the
    model, also while the caller holds a block; texts are run side by side where that is possible.
    Closing the iterator ends the threads. What a block holds depends on its items alone, except
    for the rounding of the forward pass, which is the same each time on the same machine.

    Parameters
    ----------
    source : Corpus
        Open until the iterator ends.
    backbone : Backbone
        What they are run through.
    request : Request
        What is read.
    spans : iterable of (start, stop)
        Items of each block.

    Yields
    ------
    span : (int, int)
        As given, in that order.
    arrays : dict of str to array
        ``{hook}/{stream}/{column}`` for the columns x [rows, d], item and caption int32, language
        and position int16 (each -1 where there is none), for tokens start and end int32. Rows are
        in the order of items or captions, then of positions. For patches also ``grid_item`` int32
        [pictures] and ``grid`` int16 [pictures, 2], the rows and columns of each picture.
    skipped : list of str
        Pictures that could not be loaded, each with the reason.

    Raises
    ------
    MmfeatError
        As in `wanted`; if a value is too large for the dtype, or is NaN.
    """
    from mmfeat.backbones.runner import Runner

    with Runner(backbone) as runner:
        block = Block(runner, request)
        tasks = _tasks(source, backbone, request.batch_size, block.streams, spans)
        with closing(_ahead(tasks)) as ready:
            for part in ready:
                block.add(part)
                if part.ends is not None:
                    yield part.ends.span, block.arrays(part.ends), block.skipped
                    block = Block(runner, request)


def _ahead(tasks: Iterable[Callable[[], Ready]]) -> Generator[Ready]:
    """Do tasks in threads, a few ahead, and yield what they give in their order."""
    import torch

    workers = min(WORKERS, os.cpu_count() or 1)
    waiting: deque[Future[Ready]] = deque()
    # Torch takes one core in a worker: the model and the other workers want the rest.
    pool = ThreadPoolExecutor(workers, "prepare", torch.set_num_threads, (1,))
    try:
        for task in tasks:
            waiting.append(pool.submit(task))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _tasks(
    source: Corpus,
    backbone: Backbone,
    batch_size: int,
    streams: Wanted,
    spans: Iterable[Span],
) -> Iterator[Callable[[], Ready]]:
    """Yield what has to be prepared for each block, and that it is complete."""
    from mmfeat.backbones.device import pictures_at_once

    asked = {stream for own in streams.values() for stream in own}
    pictures = pictures_at_once(backbone.device, batch_size)
    tokenising = Lock()  # a fast tokenizer serves one thread at a time
    for span in spans:
        own = _read(source, span)
        if asked.intersection(IMAGE_STREAMS):
            there = [number for number, image in enumerate(own.image) if image]
            for first in range(0, len(there), pictures):
                yield partial(_pictures, own, backbone, there[first : first + pictures])
        if asked.intersection(TEXT_STREAMS):
            for first in range(0, len(own.text), TEXTS):
                chosen = slice(first, first + TEXTS)
                yield partial(_texts, own, backbone, chosen, batch_size, tokenising)
        yield partial(Ready, ends=own)


def _read(source: Corpus, span: Span) -> Items:
    """Read what a corpus says of some items, and no more than that."""
    first, last = source.captions_of(*span)
    return Items(
        span,
        source.part("items/item_id", *span),
        source.part("items/image", *span),
        source.image_root,
        first,
        source.part("captions/item", first, last),
        source.part("captions/language", first, last),
        source.part("captions/text", first, last),
    )


def _pictures(items: Items, backbone: Backbone, numbers: Sequence[int]) -> Ready:
    """Load and preprocess pictures; as many at a time as memory should hold."""
    ready = Ready()
    held: list[Image] = []
    ids: list[int] = []
    pixels = 0
    for number in numbers:
        try:
            picture = load_picture(items.image[number], items.root, backbone.image_size)
        except MmfeatError as error:  # it was there when the corpus was made
            ready.skipped.append(f"{items.item_id[number]}: {error}")
        else:
            held.append(picture)
            ids.append(items.span[0] + number)
            pixels += picture.width * picture.height
        if held and (number == numbers[-1] or pixels >= MAX_PIXELS):
            ready.batches.append(Batch(np.array(ids), backbone.prepare_images(held)))
            held, ids, pixels = [], [], 0
    return ready


def _texts(
    items: Items, backbone: Backbone, chosen: slice, batch_size: int, tokenising: Lock
) -> Ready:
    """Tokenise captions, the longest first: at the end no core waits long for another then.

    Those of like length share a batch, so that little padding is run.
    """
    texts = items.text[chosen]
    ready = Ready()
    with tokenising:
        spans = backbone.prepare_texts(texts).spans or []
        length = [tokens[-1][0] if tokens else 0 for tokens in spans]
        order = np.argsort([-tokens for tokens in length], kind="stable")
        for first in range(0, len(texts), batch_size):
            own = order[first : first + batch_size]
            inputs = backbone.prepare_texts([texts[i] for i in own])
            ready.batches.append(Batch(own + items.first + chosen.start, inputs))
    return ready


class Block:
    """The rows of some items, as they come from the model."""

    def __init__(self, runner: Runner, request: Request) -> None:
        self._runner, self._backbone, self._request = runner, runner.backbone, request
        self.streams = wanted(self._backbone, request)
        self.skipped: list[str] = []
        self._found: dict[tuple[str, str], list[Rows]] = {
            (hook, stream): [] for hook, own in self.streams.items() for stream in own
        }
        self._pictures: list[int] = []
        self._grids: dict[str, list[Span]] = {
            hook: [] for hook, stream in self._found if stream == "image.patch"
        }

    def add(self, ready: Ready) -> None:
        """Run what was prepared."""
        self.skipped += ready.skipped
        texts = all(batch.inputs.is_text for batch in ready.batches)
        run = self._runner.side_by_side if texts else self._runner.in_turn
        for batch, found in zip(ready.batches, run(self._rows, ready.batches), strict=True):
            for key, rows in found.items():
                self._found[key].append(rows)
            if not texts:
                self._pictures += batch.ids.tolist()
                for hook, grids in self._grids.items():
                    grids += self._backbone.grids(hook, batch.inputs)

    def _rows(self, backbone: Backbone, batch: Batch) -> dict[tuple[str, str], Rows]:
        """Run a batch and return the rows that are stored."""
        return {
            (hook, stream): self._kept(rows, stream, batch.ids)
            for hook, own in backbone.run(batch.inputs, self.streams).items()
            for stream, rows in own.items()
        }

    def _kept(self, rows: Rows, stream: str, ids: Int[np.ndarray, "inputs"]) -> Rows:
        """Return the rows that are stored, as they are stored; `source` is the item or caption."""
        own = Rows(rows.x, ids[rows.source], rows.position, rows.start, rows.end)
        most = self._request.rows_per_item
        if most is not None and stream in SAMPLED:
            own = _taken(own, sampled(own.source, own.position, most, self._request.seed))
        return replace(own, x=stored(own.x, self._request.dtype))

    def arrays(self, items: Items) -> dict[str, np.ndarray]:
        """Return what was found, in order, and forget it."""
        arrays: dict[str, np.ndarray] = {}
        for (hook, stream), found in self._found.items():
            columns = self._columns(hook, stream, found, items)
            if stream == "image.patch":
                columns["grid_item"] = np.array(self._pictures, np.int32)
                columns["grid"] = np.array(self._grids[hook], np.int16).reshape(-1, 2)
            arrays |= {f"{hook}/{stream}/{name}": column for name, column in columns.items()}
        return arrays

    def _columns(
        self, hook: str, stream: str, found: list[Rows], items: Items
    ) -> dict[str, np.ndarray]:
        source = _joined([rows.source for rows in found])
        position = _joined([rows.position for rows in found])
        order = np.lexsort((position, source))
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        ids = source[order]
        text = stream in TEXT_STREAMS
        none = np.full(len(ids), -1)
        columns = {
            "item": items.item[ids - items.first] if text else ids,
            "caption": ids if text else none,
            "language": items.language[ids - items.first] if text else none,
            "position": position[order],
        }
        if stream == "text.token":
            columns["start"] = _joined([rows.start for rows in found])[order]
            columns["end"] = _joined([rows.end for rows in found])[order]
        x = np.empty((len(order), self._backbone.point(hook).d), self._request.dtype)
        done = 0
        while found:  # each piece is let go once it is copied
            piece = found.pop(0).x
            x[place[done : done + len(piece)]] = piece
            done += len(piece)
        return {"x": x, **{name: c.astype(TYPES[name]) for name, c in columns.items()}}


def _joined(parts: Sequence[np.ndarray | None]) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int64), *(part for part in parts if part is not None)])


def _taken(rows: Rows, index: Int[np.ndarray, "kept"]) -> Rows:
    start, end = (None if own is None else own[index] for own in (rows.start, rows.end))
    return Rows(rows.x[index], rows.source[index], rows.position[index], start, end)


def sampled(
    source: Int[np.ndarray, "rows"], position: Int[np.ndarray, "rows"], most: int, seed: int
) -> Int[np.ndarray, "kept"]:
    """Draw rows of each picture or caption without regard to what else is in the batch.

    Each row has a number that a hash makes of seed, source and position; of each source those
    with the lowest are kept. A smaller draw is part of a larger one.

    Parameters
    ----------
    source, position : int [rows]
        Item or caption, and patch or token.
    most : int
        Rows kept of each source.
    seed : int
        Another seed is another draw.

    Returns
    -------
    int64 [kept]
        Indices of rows, ascending.
    """
    own = _hashed(np.array([seed % 2**64], np.uint64)) ^ source.astype(np.uint64)
    number = _hashed(_hashed(own) ^ position.astype(np.uint64))
    order = np.lexsort((number, source))
    rank = np.arange(len(order)) - np.searchsorted(source[order], source[order])
    return np.sort(order[rank < most])


def _hashed(value: UInt64[np.ndarray, "n"]) -> UInt64[np.ndarray, "n"]:
    """Mix bits as SplitMix64 does (Steele, Lea & Flood 2014)."""
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    value ^= value >> np.uint64(31)
    return value


def stored(x: Float[np.ndarray, "rows d"], dtype: str) -> Float[np.ndarray, "rows d"]:
    """Return rows in the type they are stored in.

    Raises
    ------
    MmfeatError
        If a value is too large for it, or was not finite to begin with.
    """
    import torch  # rounds to float16 several times as fast as numpy does

    if x.size:
        low, high = float(x.min()), float(x.max())  # NaN if there is one
        limit = HALF_LIMIT if dtype == "float16" else np.inf
        if not (-limit < low and high < limit):
            finite = np.isfinite(low + high)
            what = "dtype float32" if finite else "another backbone: this one gives NaN"
            raise MmfeatError(f"An activation does not fit {dtype}; extract again with {what}.")
    return torch.from_numpy(x).to(getattr(torch, dtype)).numpy()
