"""How many rows a corpus gives, and how its items are cut into blocks."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mmfeat.backbones.base import Backbone
    from mmfeat.corpus.file import Corpus

BLOCK = 256  # items in a committed part, at most
PART_BYTES = 64 << 20  # of its rows, about, where it has more than one batch
SAMPLE = {"image.patch": 32, "text.token": 2000}  # pictures and captions that are prepared to count

Span = tuple[int, int]
Key = tuple[str, str]  # hook point and stream


def rows_each(
    source: Corpus,
    backbone: Backbone,
    most: int | None,
    wanted: Collection[Key],
    pictures: np.ndarray,
) -> dict[Key, float]:
    """Return how many rows a picture or a caption has at a hook point, on average.

    Where that is not fixed, some, evenly spaced, are prepared as the model takes them; all where
    there are few.

    Parameters
    ----------
    most : int or None
        Rows of patches and tokens that are kept, of an input, at most.
    wanted : collection of (hook point, stream)
        What is asked for.
    pictures : int [pictures]
        Items that have one.
    """
    from mmfeat.corpus.pictures import PictureError

    limit = most or np.inf
    fixed = {hook: backbone.point(hook).rows("image.patch") for hook, _ in wanted}
    patches = [hook for hook, stream in wanted if stream == "image.patch"]
    counts: dict[str, list[float]] = {
        hook: [] if (rows := fixed[hook]) is None else [min(rows, limit)] for hook in patches
    }
    patches = [hook for hook in patches if fixed[hook] is None]
    if patches:
        for item in _spread(pictures, SAMPLE["image.patch"]):
            try:
                picture = source.image(int(item), backbone.image_size)
            except PictureError:
                continue  # it is told when its turn comes
            inputs = backbone.prepare_images([picture])
            for hook in patches:
                ((rows, columns),) = backbone.grids(hook, inputs)
                counts[hook].append(min(rows * columns, limit))
    texts = source.texts("captions/text")
    tokens = 0.0
    if any(stream == "text.token" for _, stream in wanted) and len(texts):
        chosen = _spread(np.arange(len(texts)), SAMPLE["text.token"])
        spans = backbone.prepare_texts([texts[i] for i in chosen.tolist()]).spans or []
        tokens = float(np.mean([min(len(found), limit) for found in spans]))
    each = {}
    for hook, stream in wanted:
        if stream == "image.patch":
            each[hook, stream] = float(np.mean(counts[hook])) if counts[hook] else 0.0
        else:
            each[hook, stream] = tokens if stream == "text.token" else 1.0
    return each


def _spread(index: np.ndarray, most: int) -> np.ndarray:
    if len(index) <= most:
        return index
    return np.asarray(index[np.linspace(0, len(index) - 1, most).astype(int)])


def cut(held: np.ndarray, batch_size: int) -> list[Span]:
    """Cut items into blocks of `BLOCK` items, or `PART_BYTES`, and a batch at least.

    Parameters
    ----------
    held : float [items]
        Bytes of the rows of each item.
    batch_size : int
        Items of a batch, which does not reach over two blocks.
    """
    return list(_cut(np.concatenate([[0.0], np.cumsum(held)]), batch_size))


def _cut(before: np.ndarray, batch_size: int) -> Iterator[Span]:
    start, n = 0, len(before) - 1
    while start < n:
        full = int(np.searchsorted(before, before[start] + PART_BYTES, side="right")) - 1
        most = start + max(BLOCK, batch_size)
        stop = min(max(full, start + batch_size), most, n)
        yield start, stop
        start = stop
