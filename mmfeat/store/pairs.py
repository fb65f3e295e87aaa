"""Balanced batches of true pairs from an activations file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float, Int

from mmfeat.errors import MmfeatError
from mmfeat.sae.batch import SECOND, PairBatch, modality_of
from mmfeat.sae.settings import BatchSettings
from mmfeat.sae.standardisation import Standardisation
from mmfeat.store.activations import Activations, Stream
from mmfeat.store.pool import Held, Pool

# Captions (or items) of a language, and the sums of the weights of those up to each.
_Draw = tuple[Int[np.ndarray, "captions"], Float[np.ndarray, "captions"]]


class PairSource:
    """Draws pairs of train concepts: a caption and its picture, languages in equal shares.

    A language is drawn first, then one of its captions, so that a language
    with few captions weighs as much as one with many. A picture that comes
    more often because it has more captions counts the less each time. The
    batch of a step depends on the seed and the step alone. Rows stay on disk, or,
    with ``batch.pool``, those of some items at a time are in memory.

    Parameters
    ----------
    activations : Activations
        The open file.
    hook : str
        Hook point.
    streams : mapping of str to Standardisation
        Streams that a pair has rows of, and how each is standardised; without
        a text stream, items are drawn.
    settings : BatchSettings
        Size, balance over concepts, second captions.
    seed : int
        Seed of the draw.

    Attributes
    ----------
    n : int
        Different pairs there are.
    pool : Pool or None
        What batches are drawn from, where that is not the whole file.

    Raises
    ------
    MmfeatError
        If the file has no pair of these streams in its train split.
    """

    def __init__(
        self,
        activations: Activations,
        hook: str,
        streams: Mapping[str, Standardisation],
        settings: BatchSettings,
        seed: int,
    ) -> None:
        self.streams = [activations.stream(hook, name) for name in streams]
        self.settings, self.seed = settings, seed
        self._standardisation = dict(streams)
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
        self._items = (
            activations.caption_item.astype(np.int64)
            if text
            else np.arange(len(activations.item_id), dtype=np.int64)
        )
        usable = activations.is_train[self._items]
        for stream in self.streams:
            bounds = self._bounds[stream.name]
            index = np.arange(len(self._items)) if stream.is_text else self._items
            usable &= bounds[index + 1] > bounds[index]
        chosen = np.flatnonzero(usable)
        if len(chosen) == 0:
            raise MmfeatError(
                f"{activations.path}: no train item has rows of all of {', '.join(streams)}; "
                "extract these streams, or choose others."
            )
        if settings.second_caption and not text:
            raise MmfeatError(
                "batch.second_caption asks for pairs of captions, but no text stream is trained "
                "on; add one to streams."
            )
        names: dict[str, int] = {}
        self._concept = np.array(
            [names.setdefault(concept, len(names)) for concept in activations.concept], np.int64
        )
        self._language = (
            activations.caption_language.astype(np.int64)
            if text
            else np.full(len(self._items), -1, np.int64)
        )
        self.n = len(chosen)
        self._draw(chosen)
        self._order_by_item(chosen)
        self.pool = self._pooled(activations) if settings.pool else None
        self._held: tuple[int, list[_Draw]] = (-1, [])

    def _pooled(self, activations: Activations) -> Pool:
        """Return the pool: its rows are drawn about as often as there are of them."""
        items = len(activations.item_id)
        if any((np.diff(stream.item) < 0).any() for stream in self.streams):
            raise MmfeatError(
                f"The captions of {activations.path} do not follow its items, so that batch.pool "
                "cannot read them together; leave it out."
            )
        share = min(1.0, self.settings.pool / items)
        rows = max(stream.n for stream in self.streams) * share
        bounds = {
            stream.name: np.searchsorted(stream.item, np.arange(items + 1))
            for stream in self.streams
        }
        steps = max(1, round(rows / self.settings.size))
        return Pool(self.streams, bounds, self.settings.pool, steps, self.seed)

    def _draw(self, chosen: Int[np.ndarray, "captions"]) -> None:
        """Prepare the draw of captions (or items), and what a picture counts."""
        language = self._language[chosen]
        self._by_language: list[_Draw] = []
        rate = np.zeros(len(self._concept))
        tags = np.unique(language)
        for tag in tags:
            captions = chosen[language == tag]
            weight = self._balanced(self._items[captions])
            self._by_language.append((captions, np.cumsum(weight)))
            np.add.at(rate, self._items[captions], weight / len(tags))
        items = np.flatnonzero(rate)
        wanted = np.zeros(len(rate))
        wanted[items] = self._balanced(items)
        self._picture_weight = np.divide(wanted, rate, out=np.zeros_like(rate), where=rate > 0)

    def _balanced(self, items: Int[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
        """Return the shares in which items are drawn, by how many their concept has."""
        concept = self._concept[items]
        weight = np.bincount(concept)[concept] ** -self.settings.concept_balance
        return np.asarray(weight / weight.sum())

    def _order_by_item(self, chosen: Int[np.ndarray, "captions"]) -> None:
        """Order captions by item and language, so that another language's are found at once."""
        n_languages = int(self._language.max()) + 1
        key = self._items[chosen] * n_languages + self._language[chosen]
        order = np.argsort(key, kind="stable")
        self._n_languages, self._ordered, self._ordered_key = n_languages, chosen[order], key[order]

    def __call__(self, step: int) -> PairBatch:
        """Return the batch of a step."""
        size = self.settings.size
        rng = np.random.default_rng([self.seed, step])
        held = None if self.pool is None else self.pool.at(step)
        draws = self._by_language if held is None else self._drawn_from(held, step)
        which = rng.integers(len(draws), size=size)
        position = rng.random(size)
        drawn = np.empty(size, np.int64)
        for index, (captions, cumulative) in enumerate(draws):
            here = which == index
            # Rounding must not lead past the last one.
            found = np.searchsorted(cumulative, position[here] * cumulative[-1], side="right")
            drawn[here] = captions[np.minimum(found, len(captions) - 1)]
        items = self._items[drawn]
        captions_of = {"": drawn}
        present = np.ones(size, bool)
        if self.settings.second_caption:
            captions_of[SECOND], present = self._others(drawn, rng)
        rows: dict[str, torch.Tensor] = {}
        language: dict[str, torch.Tensor] = {}
        weight: dict[str, torch.Tensor] = {}
        for stream in self.streams:
            for suffix, captions in captions_of.items():
                if suffix and not stream.is_text:
                    continue
                view = stream.name + suffix
                rows[view] = torch.from_numpy(self._rows(stream, captions, items, rng, held))
                tags = self._language[captions] if stream.is_text else np.full(size, -1)
                language[view] = torch.from_numpy(tags)
                if not stream.is_text:
                    counts = self._picture_weight[items]
                elif suffix:
                    counts = present.astype(float)
                else:
                    counts = np.where(present, 1.0, 2.0)
                weight[view] = torch.from_numpy(counts.astype(np.float32))
        modalities = [modality_of(view) for view in rows]
        for view in rows:
            # A modality counts as much as another, however many views it has.
            alike = modalities.count(modality_of(view)) * len(set(modalities))
            weight[view] *= len(rows) / alike
        return PairBatch(
            rows,
            language,
            weight,
            torch.from_numpy(items),
            torch.from_numpy(self._concept[items]),
        )

    def _drawn_from(self, held: Held, step: int) -> list[_Draw]:
        """Return the draw among the items that are held."""
        assert self.pool is not None
        number = step // self.pool.steps
        if self._held[0] != number:
            draws = []
            for captions, cumulative in self._by_language:
                edges = np.searchsorted(self._items[captions], held.items)
                here = np.concatenate([np.arange(a, b) for a, b in edges.tolist()])
                if len(here):
                    weight = np.diff(cumulative, prepend=0.0)[here]
                    draws.append((captions[here], np.cumsum(weight)))
            if not draws:
                raise MmfeatError(
                    f"batch.pool = {self.settings.pool} items hold no pair; give a larger one."
                )
            self._held = (number, draws)
        return self._held[1]

    def _others(
        self, drawn: Int[np.ndarray, "pairs"], rng: np.random.Generator
    ) -> tuple[Int[np.ndarray, "pairs"], np.ndarray]:
        """Return a caption of the same item in another language, and whether there is one."""
        first_key = self._items[drawn] * self._n_languages
        own_key = first_key + self._language[drawn]
        start, own, own_end, end = (
            np.searchsorted(self._ordered_key, key)
            for key in (first_key, own_key, own_key + 1, first_key + self._n_languages)
        )
        others = (end - start) - (own_end - own)
        index = start + (rng.random(len(drawn)) * others).astype(np.int64)
        index += np.where(index >= own, own_end - own, 0)
        present = others > 0
        return np.where(present, self._ordered[np.where(present, index, 0)], drawn), present

    def _rows(
        self,
        stream: Stream,
        drawn: Int[np.ndarray, "pairs"],
        items: Int[np.ndarray, "pairs"],
        rng: np.random.Generator,
        held: Held | None,
    ) -> np.ndarray:
        bounds = self._bounds[stream.name]
        key = drawn if stream.is_text else items
        first, count = bounds[key], bounds[key + 1] - bounds[key]
        chosen = first + (rng.random(len(key)) * count).astype(np.int64)
        if held is None:
            unique, inverse = np.unique(chosen, return_inverse=True)
            x = stream.take(unique)[inverse]
        else:
            x = held.rows(stream.name, chosen)
        return self._standardisation[stream.name].apply(x, stream.group[chosen])
