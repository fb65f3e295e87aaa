"""Codes of the big synthetic atlas: which features fire where, by arithmetic.

A feature belongs to one of `SLOTS` slots. Each slot cuts the items, in their order, into as many
stretches as it has features, so that a feature fires on items of its own stretch alone and an item
has one candidate a slot. Sorted by row or by feature, the codes of a slot come in the order of the
items: both orders of a stream are written slice by slice, without sorting and without holding it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import h5py
import numpy as np

from mmfeat import hdf5

SLOTS = 16
GRID = 14
TOKENS = 8
DEAD = 0.02  # share of features that never fire
_ENTRIES = 1 << 24  # cells of a slice that are held at a time
_RADIUS = 5  # squared, of what a feature fires on in a picture


@dataclass(frozen=True)
class Plan:
    """What everything in the atlas follows from.

    Attributes
    ----------
    items : int
    languages : tuple of str
    first : int64 [slots + 1]
        Feature at which each slot begins; those from the last on are dead.
    amplitude : float32 [features]
        Largest activation.
    chance : float32 [features, 1 + languages]
        Of firing on an item of its stretch: the picture, and the caption in each language.
    """

    items: int
    languages: tuple[str, ...]
    first: np.ndarray
    amplitude: np.ndarray
    chance: np.ndarray

    @property
    def features(self) -> int:
        """How many there are."""
        return len(self.amplitude)

    def feature_of(self, slot: int, items: np.ndarray) -> np.ndarray:
        """Return the feature of a slot that may fire on each item, ascending with it."""
        size = self.first[slot + 1] - self.first[slot]
        return self.first[slot] + items * size // self.items

    def strength(self, slot: int, texts: bool, start: int, stop: int) -> np.ndarray:
        """Return activations of a slot on items `start` to `stop`, 0 where silent.

        Returns
        -------
        float32 [items, 1], or [items, languages] for captions
            Numbers that float16 has.
        """
        groups = len(self.languages) if texts else 1
        own = self.feature_of(slot, np.arange(start, stop))
        mixed = mix(np.arange(start * groups, stop * groups), 4 * slot + texts)
        mixed = mixed.reshape(-1, groups)
        chance = self.chance[own, 1:] if texts else self.chance[own, :1]
        fires = (mixed >> np.uint32(16)) < chance * 65536
        part = (mixed & np.uint32(0xFFFF)).astype(np.float32) / 65536
        found = self.amplitude[own][:, None] * (0.05 + 0.95 * part * part)
        return np.where(fires, found, 0).astype(np.float16).astype(np.float32)

    def where(self, slot: int, units: np.ndarray, patterns: int) -> np.ndarray:
        """Return which of some patterns of cells a slot has on each unit (picture or caption)."""
        return mix(units, 4 * slot + 2) % np.uint32(patterns)


@dataclass(frozen=True)
class Layout:
    """A stream: cells of each unit, and the patterns of cells on which a feature fires together.

    `offsets` [patterns, m] ascend in each pattern; `weights` [m] times the unit's activation.
    """

    name: str
    cells: int
    offsets: np.ndarray
    weights: np.ndarray

    @property
    def texts(self) -> bool:
        """Whether its units are captions."""
        return self.name.startswith("text")


def layouts() -> tuple[Layout, ...]:
    """Return the four streams."""
    one = np.zeros((1, 1), np.int64), np.ones(1, np.float32)
    reach = range(-2, 3)
    disk = [(y, x) for y in reach for x in reach if y * y + x * x <= _RADIUS]
    centres = [(y, x) for y in range(2, GRID - 2) for x in range(2, GRID - 2)]
    patches = np.array([[(cy + y) * GRID + cx + x for y, x in disk] for cy, cx in centres])
    near = np.array([1 - (y * y + x * x) / 8 for y, x in disk], np.float32)
    run = np.arange(TOKENS - 2)[:, None] + np.arange(3)
    return (
        Layout("image.pooled", 1, *one),
        Layout("image.patch", GRID * GRID, patches, near),
        Layout("text.pooled", 1, *one),
        Layout("text.token", TOKENS, run, np.array([0.4, 1, 0.6], np.float32)),
    )


def mix(index: np.ndarray, salt: int) -> np.ndarray:
    """Return 32 bits for each index that look random, the same on every machine."""
    x = index.astype(np.uint32) * np.uint32(0x9E3779B1)
    x += np.uint32(salt * 0x85EBCA6B % (1 << 32))
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x ^= x >> np.uint32(shift)
        x *= np.uint32(factor)
    return x ^ (x >> np.uint32(16))


def make_plan(features: int, items: int, languages: tuple[str, ...]) -> Plan:
    """Return how often and how strongly each feature fires.

    Slots have from few features, which fire on much, to many that fire on little. A tenth of the
    features knows captions alone, a tenth pictures alone, and of the rest half all languages.
    """
    alive = max(SLOTS, features - int(DEAD * features))
    size = np.geomspace(1, 300, SLOTS)
    size = np.maximum(1, np.floor(size / size.sum() * alive)).astype(np.int64)
    size[-1] += alive - size.sum()
    rng = np.random.default_rng(0)
    count = len(languages)
    kind = rng.random(features)
    knows = rng.random((features, count)) < rng.choice([0.1, 0.4, 1, 1], features)[:, None]
    knows[np.arange(features), rng.integers(0, count, features)] = True
    chance = np.empty((features, 1 + count), np.float32)
    chance[:, :1] = rng.uniform(0.3, 0.95, (features, 1))
    chance[:, 1:] = np.where(knows, rng.uniform(0.25, 0.9, (features, count)), 0)
    chance[kind < 0.1, 0] = 0
    chance[kind > 0.9, 1:] = 0
    chance[alive:] = 0
    amplitude = np.clip(rng.lognormal(0.7, 0.6, features), 0.3, 12).astype(np.float32)
    return Plan(items, languages, np.concatenate([[0], np.cumsum(size)]), amplitude, chance)


def write_stream(parent: h5py.Group, plan: Plan, layout: Layout, fires: np.ndarray) -> None:
    """Write ``/codes/STREAM``.

    Parameters
    ----------
    parent : h5py.Group
        ``/codes``.
    plan : Plan
    layout : Layout
    fires : int64 [features]
        On how many units each feature fires.
    """
    group = hdf5.encode_group(parent.create_group(layout.name), "stream-codes")
    if layout.name == "image.patch":
        group.attrs["grid"] = (GRID, GRID)
    together = layout.offsets.shape[1]
    entries = int(fires.sum()) * together
    by_feature = hdf5.encode_group(group.create_group("by_feature"), "postings")
    by_feature["indptr"] = np.concatenate([[0], np.cumsum(fires * together)])
    _fill(by_feature, entries, _by_feature(plan, layout), ("rows", "data"))
    by_row = hdf5.encode_group(group.create_group("by_row"), "csr")
    groups = len(plan.languages) if layout.texts else 1
    rows = plan.items * groups * layout.cells
    indptr = by_row.create_dataset("indptr", (rows + 1,), np.int64)
    _fill(by_row, entries, _by_row(plan, layout, indptr), ("indices", "data"))
    _write_rows(hdf5.encode_group(group.create_group("rows"), "coordinates"), plan, layout, rows)


def _fill(
    group: h5py.Group,
    entries: int,
    parts: Iterator[tuple[np.ndarray, np.ndarray]],
    names: tuple[str, str],
) -> None:
    """Write parts one after the other into two datasets."""
    index = group.create_dataset(names[0], (entries,), np.int32)
    data = group.create_dataset(names[1], (entries,), np.float16)
    at = 0
    for where, values in parts:
        if len(where):
            index[at : at + len(where)] = where
            data[at : at + len(where)] = values
        at += len(where)
    assert at == entries, (group.name, at, entries)


def _slices(plan: Plan, cells: int) -> Iterator[tuple[int, int]]:
    step = max(1, _ENTRIES // cells)
    for start in range(0, plan.items, step):
        yield start, min(start + step, plan.items)


def _firing(
    plan: Plan, layout: Layout, slot: int, start: int, stop: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the units on which a slot fires [n], cells [n, m], and activations there [n, m]."""
    strength = plan.strength(slot, layout.texts, start, stop)
    own = np.flatnonzero(strength)
    units = own + start * strength.shape[1]
    cells = layout.offsets[plan.where(slot, units, len(layout.offsets))]
    values = strength.ravel()[own][:, None] * layout.weights
    return units, cells, values.astype(np.float16)


def _by_feature(plan: Plan, layout: Layout) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    groups = len(plan.languages) if layout.texts else 1
    for slot in range(SLOTS):
        for start, stop in _slices(plan, groups * layout.offsets.shape[1]):
            units, cells, values = _firing(plan, layout, slot, start, stop)
            yield (units[:, None] * layout.cells + cells).ravel().astype(np.int32), values.ravel()


def _by_row(
    plan: Plan, layout: Layout, indptr: h5py.Dataset
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    groups = len(plan.languages) if layout.texts else 1
    end = 0
    for start, stop in _slices(plan, groups * layout.cells * SLOTS):
        begin = start * groups
        dense = np.zeros(((stop - start) * groups, layout.cells, SLOTS), np.float16)
        own = np.empty((stop - start, SLOTS), np.int32)
        for slot in range(SLOTS):
            units, cells, values = _firing(plan, layout, slot, start, stop)
            dense[(units - begin)[:, None], cells, slot] = values
            own[:, slot] = plan.feature_of(slot, np.arange(start, stop))
        flat = dense.reshape(-1)
        found = np.flatnonzero(flat.view(np.uint16))
        row, slot_of = np.divmod(found, SLOTS)
        count = np.bincount(row, minlength=len(flat) // SLOTS)
        first = begin * layout.cells
        indptr[first + 1 : first + 1 + len(count)] = end + np.cumsum(count)
        end += len(found)
        yield own[row // (layout.cells * groups), slot_of], flat[found]


def _write_rows(group: h5py.Group, plan: Plan, layout: Layout, rows: int) -> None:
    """Write what each row stands for; `start` and `end` of tokens come with the captions."""
    count = len(plan.languages) if layout.texts else 1
    columns = {
        name: group.create_dataset(name, (rows,), kind)
        for name, kind in (
            ("item", np.int32),
            ("caption", np.int32),
            ("language", np.int16),
            ("position", np.int16),
        )
    }
    for start, stop in _slices(plan, count * layout.cells):
        units = np.arange(start * count, stop * count).repeat(layout.cells)
        part = slice(start * count * layout.cells, stop * count * layout.cells)
        columns["item"][part] = units // count
        columns["caption"][part] = units if layout.texts else -1
        columns["language"][part] = units % count if layout.texts else -1
        pooled = layout.cells == 1
        position = np.arange(layout.cells) if not pooled else np.array([-1])
        columns["position"][part] = np.tile(position, len(units) // layout.cells)
    starts = np.arange(plan.items * count + 1) * layout.cells
    group["caption_start" if layout.texts else "item_start"] = starts
