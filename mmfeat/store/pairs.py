"""Balanced batches of true pairs from an activations file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int

from mmfeat.errors import MmfeatError
from mmfeat.sae.batch import PairBatch
from mmfeat.store.activations import Activations, Stream


class PairSource:
    """Draws pairs of train concepts: a caption and its picture, languages in equal shares.

    A language is drawn first, then one of its captions, so that a language
    with few captions weighs as much as one with many. The batch of a step
    depends on the seed and the step alone. Rows stay on disk.

    Parameters
    ----------
    activations : Activations
        The open file.
    hook : str
        Hook point.
    streams : sequence of str
        Streams that a pair has rows of; without a text stream, items are drawn.
    batch_size : int
        Pairs a batch.
    seed : int
        Seed of the draw.

    Raises
    ------
    MmfeatError
        If the file has no pair of these streams in its train split.
    """

    def __init__(
        self,
        activations: Activations,
        hook: str,
        streams: Sequence[str],
        batch_size: int,
        seed: int,
    ) -> None:
        self.streams = [activations.stream(hook, name) for name in streams]
        self.batch_size, self.seed = batch_size, seed
        widths = {stream.d for stream in self.streams}
        if len(widths) != 1:
            raise MmfeatError(
                f"{activations.path}: the streams {', '.join(streams)} differ in width "
                f"({', '.join(map(str, sorted(widths)))}); choose streams of one width."
            )
        self.d_in = widths.pop()
        self._bounds = {
            stream.name: np.searchsorted(
                stream.caption if stream.is_text else stream.item,
                np.arange(
                    1 + len(activations.caption_item if stream.is_text else activations.item_id)
                ),
            )
            for stream in self.streams
        }
        text = any(stream.is_text for stream in self.streams)
        items = activations.caption_item if text else np.arange(len(activations.item_id))
        usable = activations.is_train[items]
        for stream in self.streams:
            bounds = self._bounds[stream.name]
            index = np.arange(len(items)) if stream.is_text else items
            usable &= bounds[index + 1] > bounds[index]
        chosen = np.flatnonzero(usable)
        if len(chosen) == 0:
            raise MmfeatError(
                f"{activations.path}: no train item has rows of all of {', '.join(streams)}; "
                "extract these streams, or choose others."
            )
        self._items = items
        language = (
            activations.caption_language[chosen] if text else np.full(len(chosen), -1, np.int16)
        )
        self._text = text
        self._by_language: list[tuple[int, Int[np.ndarray, "captions"]]] = [
            (int(tag), chosen[language == tag]) for tag in np.unique(language)
        ]

    def __call__(self, step: int) -> PairBatch:
        """Return the batch of a step."""
        rng = np.random.default_rng([self.seed, step])
        which = rng.integers(len(self._by_language), size=self.batch_size)
        position = rng.random(self.batch_size)
        drawn = np.empty(self.batch_size, np.int64)
        language = np.empty(self.batch_size, np.int64)
        for index, (tag, captions) in enumerate(self._by_language):
            here = which == index
            drawn[here] = captions[(position[here] * len(captions)).astype(np.int64)]
            language[here] = tag
        items = self._items[drawn].astype(np.int64)
        rows = {
            stream.name: torch.from_numpy(self._rows(stream, drawn, items, rng))
            for stream in self.streams
        }
        return PairBatch(rows, torch.from_numpy(language), torch.from_numpy(items))

    def _rows(
        self,
        stream: Stream,
        drawn: Int[np.ndarray, "pairs"],
        items: Int[np.ndarray, "pairs"],
        rng: np.random.Generator,
    ) -> np.ndarray:
        bounds = self._bounds[stream.name]
        key = drawn if stream.is_text else items
        first, count = bounds[key], bounds[key + 1] - bounds[key]
        chosen = first + (rng.random(len(key)) * count).astype(np.int64)
        order = np.argsort(chosen, kind="stable")
        unique, inverse = np.unique(chosen[order], return_inverse=True)
        x = np.asarray(stream.x[unique])[inverse]
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return stream.standardised(x[back], stream.group[chosen])
