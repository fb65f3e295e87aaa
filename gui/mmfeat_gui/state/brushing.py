"""Linked brushing: the items that features fire on, and the features that tell items apart.

A feature fires on an item if it fires on its picture or on any of its captions. What is long to
read comes in slices, as generators that yield None until they return.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int, Int32, Int64

from mmfeat.atlas.coordinates import Coordinates
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat_gui.resources.strings import tr

STREAMS = ("image.pooled", "text.pooled")
EXACT = 20_000  # items of an atlas up to which every item is counted
SAMPLE = 2_000  # items that stand for more
MOST_ENTRIES = 1 << 27  # activations read for one brush
_SLICE = 1 << 20  # numbers read at a time
_GAP = 64  # rows between two wanted ones that are rather read than skipped
_ROWS = 4096  # rows of codes read at a time
_PACE = 0.004  # seconds after which others are let in

Slices = Generator[None, None, None]


@dataclass(frozen=True)
class Firings:
    """Which features fire on some items: one pair for each.

    Attributes
    ----------
    items : int64 [n]
        Ascending.
    at : int32 [pairs]
        Where in `items` the item of a pair is.
    feature : int32 [pairs]
    d_sae : int
        Features of the atlas.
    """

    items: Int64[np.ndarray, " n"]
    at: Int32[np.ndarray, " pairs"]
    feature: Int32[np.ndarray, " pairs"]
    d_sae: int

    def counts(self, kept: Bool[np.ndarray, " n"]) -> Int[np.ndarray, " d_sae"]:
        """Return on how many of the kept items each feature fires."""
        return np.bincount(self.feature[kept[self.at]], minlength=self.d_sae)


@dataclass(frozen=True)
class Distinct:
    """A feature that fires on brushed items more often than on the others.

    Attributes
    ----------
    feature : int
    inside, outside : float
        Share of the brushed items, and of the others, on which it fires.
    """

    feature: int
    inside: float
    outside: float


@dataclass(frozen=True)
class Contrast:
    """What tells brushed items from the others.

    Attributes
    ----------
    features : tuple of Distinct
        By falling difference of the shares.
    inside, outside : int
        Items counted on either side.
    brushed, others : int
        Items that there are; more than counted where a sample stood for them.
    """

    features: tuple[Distinct, ...]
    inside: int
    outside: int
    brushed: int
    others: int


class _Pace:
    """Says when reading has gone on long enough for a slice."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    def due(self) -> bool:
        """Return whether a slice is over, and begin the next one if it is."""
        now = time.perf_counter()
        over = now - self._since > _PACE
        if over:
            self._since = now
        return over


class ItemFirings:
    """Reads which features of an atlas fire on which items.

    Parameters
    ----------
    atlas : Atlas
    """

    def __init__(self, atlas: Atlas) -> None:
        self._atlas = atlas
        self._coordinates = atlas.part(Coordinates)
        self._item: dict[str, Int32[np.ndarray, " rows"]] = {}
        self._sample: Firings | None = None
        self.items = atlas.n_items
        self.streams = tuple(stream for stream in STREAMS if stream in atlas.streams)

    def _items_of_rows(self) -> Slices:
        """Read the item of every row, once."""
        for stream in self.streams:
            if stream in self._item:
                continue
            rows = self._coordinates.rows(stream)
            found = np.empty(rows, np.int32)
            for start in range(0, rows, _SLICE):
                stop = min(start + _SLICE, rows)
                found[start:stop] = self._coordinates.column(stream, "item", start, stop)
                yield
            self._item[stream] = found

    def _of_feature(self, feature: int) -> Int32[np.ndarray, " firings"]:
        """Return the items of all rows on which a feature fires, some of them several times."""
        own = [
            self._item[stream][self._atlas.codes_of_feature(stream, feature)[0]]
            for stream in self.streams
        ]
        return np.concatenate(own) if own else np.zeros(0, np.int32)

    def fired_on(
        self, features: Int64[np.ndarray, " chosen"], every: bool
    ) -> Generator[None, None, Bool[np.ndarray, " items"]]:
        """Find the items on which some features fire.

        Parameters
        ----------
        features : int64 [chosen]
        every : bool
            Whether all of them must fire on an item; else any of them.

        Raises
        ------
        MmfeatError
            If that takes more than `MOST_ENTRIES` activations.
        """
        yield from self._items_of_rows()
        found = np.full(self.items, every and len(features) > 0)
        entries, pace = 0, _Pace()
        for feature in features.tolist():
            own = self._of_feature(feature)
            entries += len(own)
            if entries > MOST_ENTRIES:
                raise MmfeatError(
                    tr("samples.too_many", count=len(features), file=self._atlas.path.name)
                )
            if every:
                fires = np.zeros(self.items, bool)
                fires[own] = True
                found &= fires
                if not found.any():
                    break
            else:
                found[own] = True
            if pace.due():
                yield
        return found

    def largest(self, feature: int) -> Generator[None, None, Float32[np.ndarray, " items"]]:
        """Return a feature's largest activation on each item, 0 where it does not fire."""
        yield from self._items_of_rows()
        found = np.zeros(self.items, np.float32)
        for stream in self.streams:
            rows, values = self._atlas.codes_of_feature(stream, feature)
            np.maximum.at(found, self._item[stream][rows], values)
        return found

    def between(
        self, feature: int, language: str, low: float, high: float
    ) -> Generator[None, None, Bool[np.ndarray, " items"]]:
        """Find the items on which a feature fires within a range.

        Parameters
        ----------
        feature : int
        language : str
            Of the captions that count; empty for the picture.
        low, high : float
            Activations from `low` to below `high`.
        """
        found = np.zeros(self.items, bool)
        stream = STREAMS[bool(language)]
        if stream not in self.streams:
            return found
        yield from self._items_of_rows()
        rows, values = self._atlas.codes_of_feature(stream, feature)
        rows = rows[(values >= low) & (values < high)]
        if language:
            tag = self._atlas.languages.index(language)
            rows = rows[(yield from self._languages_of(stream, rows)) == tag]
        found[self._item[stream][rows]] = True
        return found

    def _languages_of(
        self, stream: str, rows: Int[np.ndarray, " n"]
    ) -> Generator[None, None, Int32[np.ndarray, " n"]]:
        """Read the languages of some rows, given in ascending order."""
        found, at = np.full(len(rows), -1, np.int32), 0
        while at < len(rows):
            start = int(rows[at])
            end = at + int(np.searchsorted(rows[at:], start + _SLICE))
            read = self._coordinates.column(stream, "language", start, int(rows[end - 1]) + 1)
            found[at:end] = read[rows[at:end] - start]
            at = end
            yield
        return found

    def on(self, items: Int64[np.ndarray, " n"]) -> Generator[None, None, Firings]:
        """Read which features fire on some items, given in ascending order."""
        yield from self._items_of_rows()
        place = np.full(self.items, -1, np.int32)
        place[items] = np.arange(len(items), dtype=np.int32)
        keys, pace = [np.zeros(0, np.int64)], _Pace()
        for stream in self.streams:
            item, wanted = self._item[stream], [np.zeros(0, np.int64)]
            for start in range(0, len(item), _SLICE):
                wanted.append(np.flatnonzero(place[item[start : start + _SLICE]] >= 0) + start)
                yield
            for start, stop in _spans(np.concatenate(wanted)):
                codes = self._atlas.codes_of_rows(stream, start, stop)
                at = np.repeat(place[item[start:stop]], np.diff(codes.indptr))
                own = at >= 0
                key = at[own].astype(np.int64) * self._atlas.d_sae + codes.indices[own]
                keys.append(np.unique(key))
                if pace.due():
                    yield
        pairs = np.unique(np.concatenate(keys))
        at, feature = np.divmod(pairs, self._atlas.d_sae)
        return Firings(items, at.astype(np.int32), feature.astype(np.int32), self._atlas.d_sae)

    def contrast(
        self, items: Int64[np.ndarray, " brushed"], most: int
    ) -> Generator[None, None, Contrast]:
        """Find the features that fire on brushed items more often than on the others.

        Up to `EXACT` items in the atlas all are counted; of more, a seeded sample of the brushed
        ones and one of all.

        Parameters
        ----------
        items : int64 [brushed]
            In ascending order.
        most : int
            Features returned at most.
        """
        rng = np.random.default_rng(0)
        if self._sample is None:
            everything = np.arange(self.items, dtype=np.int64)
            if self.items > EXACT:
                everything = np.sort(rng.choice(everything, SAMPLE, replace=False))
            self._sample = yield from self.on(everything)
        sample = self._sample
        brushed = np.zeros(self.items, bool)
        brushed[items] = True
        own = brushed[sample.items]
        outside = sample.counts(~own)
        if len(sample.items) == self.items:
            inside, counted = sample.counts(own), len(items)
        else:
            chosen = items
            if len(items) > SAMPLE:
                chosen = np.sort(np.random.default_rng(0).choice(items, SAMPLE, replace=False))
            inside = (yield from self.on(chosen)).counts(np.ones(len(chosen), bool))
            counted = len(chosen)
        others = int((~own).sum())
        return Contrast(
            features=ranked(inside, counted, outside, others, most),
            inside=counted,
            outside=others,
            brushed=len(items),
            others=self.items - len(items),
        )


def ranked(
    inside: Int[np.ndarray, " d_sae"],
    n_inside: int,
    outside: Int[np.ndarray, " d_sae"],
    n_outside: int,
    most: int,
) -> tuple[Distinct, ...]:
    """Return the features whose share inside exceeds that outside, the largest excess first.

    Parameters
    ----------
    inside, outside : int [d_sae]
        Items on which each feature fires.
    n_inside, n_outside : int
        Items there are.
    most : int
        Features returned at most; equal ones in the order of their indices.
    """
    share_in, share_out = inside / max(n_inside, 1), outside / max(n_outside, 1)
    excess = share_in - share_out
    best = np.argsort(-excess, kind="stable")[:most]
    return tuple(
        Distinct(int(f), float(share_in[f]), float(share_out[f])) for f in best if excess[f] > 0
    )


def _spans(rows: Int64[np.ndarray, " wanted"]) -> list[tuple[int, int]]:
    """Return spans of rows that hold the wanted ones, none longer than `_ROWS`."""
    if not len(rows):
        return []
    last = np.append(np.flatnonzero(np.diff(rows) > _GAP), len(rows) - 1)
    first = np.append(0, last[:-1] + 1)
    return [
        (at, min(at + _ROWS, stop))
        for start, stop in zip(rows[first].tolist(), (rows[last] + 1).tolist(), strict=True)
        for at in range(start, stop, _ROWS)
    ]
