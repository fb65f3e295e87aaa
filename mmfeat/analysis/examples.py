"""Examples of a feature: the strongest rows, and random ones from even activation bands.

Templeton et al. 2024 show the top 20 and random examples from evenly spaced
activation bands, so that a feature is not judged by its extremes alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int, UInt64

from mmfeat.progress import Advance

if TYPE_CHECKING:
    from mmfeat.analysis.codes import Codes

BANDS = 4
_ENTRIES = 1 << 21  # codes sorted at a time


@dataclass(frozen=True)
class Examples:
    """Rows and activations, padded with -1 and 0; a group is a language, or all pictures."""

    top: Int[np.ndarray, "d_sae groups n"]
    top_activation: Float[np.ndarray, "d_sae groups n"]
    bands: Int[np.ndarray, "d_sae groups bands m"]
    bands_activation: Float[np.ndarray, "d_sae groups bands m"]


def examples(
    codes: Codes,
    group: Int[np.ndarray, "rows"],
    groups: int,
    *,
    top: int,
    per_band: int,
    seed: int,
    advance: Advance,
) -> Examples:
    """Choose examples of every feature in every group.

    Bands divide (0, the group's largest activation] evenly; the highest comes
    first. Ties go to the lower row. Rows of a band are drawn without
    replacement, by a hash of seed, feature and row.
    """
    shape = (codes.d_sae, groups)
    found = Examples(
        np.full((*shape, top), -1, np.int32),
        np.zeros((*shape, top), np.float32),
        np.full((*shape, BANDS, per_band), -1, np.int32),
        np.zeros((*shape, BANDS, per_band), np.float32),
    )
    indptr, rows, data = codes.feature_indptr, codes.feature_rows, codes.feature_data
    for first, last in _blocks(indptr):
        part = slice(indptr[first], indptr[last])
        feature = np.repeat(np.arange(first, last), np.diff(indptr[first : last + 1]))
        cell = (feature - first) * groups + group[rows[part]]
        # Bits of positive float16 numbers ascend as they do: strongest first within a cell.
        strength = data[part].view(np.uint16).astype(np.int64)
        order = _stable_order((cell << 16) + (0xFFFF - strength))
        feature, cell, row = feature[order], cell[order], rows[part][order]
        value = data[part][order].astype(np.float32)

        start, rank = _ranks(cell)
        own = first * groups + cell
        _put(found.top, found.top_activation, own, rank, row, value)

        band = np.minimum(((1 - value / value[start]) * BANDS).astype(np.int64), BANDS - 1)
        own = own * BANDS + band
        # What is drawn of a band are its least hashes, shown in the order of strength.
        ticket = (_hash(seed, feature, row) >> np.uint64(32)).astype(np.int64)
        drawn = _stable_order(((own - own[:1]) << 32) + ticket)
        kept = np.sort(drawn[_ranks(own[drawn])[1] < per_band])
        rank = _ranks(own[kept])[1]
        _put(found.bands, found.bands_activation, own[kept], rank, row[kept], value[kept])
        advance(last - first)
    return found


def _blocks(indptr: Int[np.ndarray, "d_sae+1"]) -> Iterator[tuple[int, int]]:
    """Iterate over ranges of features with a bounded number of codes, or of one feature."""
    first, features = 0, len(indptr) - 1
    while first < features:
        last = int(np.searchsorted(indptr, indptr[first] + _ENTRIES, side="right")) - 1
        last = min(max(last, first + 1), features)
        yield first, last
        first = last


def _stable_order(key: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
    return np.argsort(key, kind="stable")


def _ranks(
    key: Int[np.ndarray, "n"],
) -> tuple[Int[np.ndarray, "n"], Int[np.ndarray, "n"]]:
    """Return where the run of equal keys of each entry starts, and its place in that run."""
    place = np.arange(len(key))
    begins = np.ones(len(key), bool)
    begins[1:] = key[1:] != key[:-1]
    start = np.maximum.accumulate(np.where(begins, place, 0))
    return start, place - start


def _put(
    rows: Int[np.ndarray, "... n"],
    values: Float[np.ndarray, "... n"],
    cell: Int[np.ndarray, "entries"],
    rank: Int[np.ndarray, "entries"],
    row: Int[np.ndarray, "entries"],
    value: Float[np.ndarray, "entries"],
) -> None:
    """Write entries at their rank of their cell, as far as a cell has room."""
    room = rows.shape[-1]
    fits = rank < room
    place = cell[fits] * room + rank[fits]
    rows.reshape(-1)[place], values.reshape(-1)[place] = row[fits], value[fits]


def _hash(
    seed: int, feature: Int[np.ndarray, "n"], row: Int[np.ndarray, "n"]
) -> UInt64[np.ndarray, "n"]:
    """Return the mixing function of SplitMix64 (Steele et al. 2014) of seed, feature and row."""
    mixed = np.full(len(row), seed, np.uint64)
    for part in (feature, row):
        mixed += part.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return mixed
