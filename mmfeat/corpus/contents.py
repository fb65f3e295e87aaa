"""What a corpus holds, counted piece by piece: memory does not grow with its items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int64

from mmfeat.corpus.model import TEST, TRAIN
from mmfeat.corpus.scratch import scratch_database

if TYPE_CHECKING:
    from mmfeat.corpus.file import Corpus

_EXAMPLES = 3
_PIECE = 1024


def describe(corpus: Corpus) -> dict[str, Any]:
    """Return counts, coverage, lengths, skipped rows and examples of a corpus.

    ``coverage`` is the share of items with at least one caption in a language,
    ``coverage_matrix`` that of items with captions in both of two languages, and
    ``lengths`` are in characters: median, 95th percentile (both interpolated
    linearly) and longest. ``pictures`` are distinct.
    """
    tags, items = corpus.languages, len(corpus)
    splits = Counter(split for (split,) in corpus.columns("items/split"))
    reasons = Counter(reason for (reason,) in corpus.columns("import_log/reason"))
    both, lengths = _captions(corpus)
    counts = {tag: of.total() for tag, of in zip(tags, lengths, strict=True)}
    shares = (both / items).tolist()
    return {
        "name": corpus.name,
        "attribution": corpus.attribution,
        "items": items,
        "concepts": _distinct(value for (value,) in corpus.columns("items/concept")),
        "pictures": _distinct(value for (value,) in corpus.columns("items/picture") if value),
        "splits": {split: splits[split] for split in (TRAIN, TEST)},
        "languages": tags,
        "captions": counts,
        "coverage": {tag: shares[index][index] for index, tag in enumerate(tags)},
        "lengths": {tag: _summary(of) for tag, of in zip(tags, lengths, strict=True)},
        "coverage_matrix": {
            tag: dict(zip(tags, row, strict=True)) for tag, row in zip(tags, shares, strict=True)
        },
        "skipped": dict(reasons.most_common()),
        "examples": [
            {"item_id": row.item_id, "captions": _by_language(row.captions)}
            for row in islice(corpus.rows(), _EXAMPLES)
        ],
        "digest": corpus.digest,
    }


def _distinct(values: Iterable[str]) -> int:
    with scratch_database() as database:
        database.execute("CREATE TABLE seen (value TEXT PRIMARY KEY) WITHOUT ROWID")
        database.executemany(
            "INSERT OR IGNORE INTO seen VALUES (?)", ((value,) for value in values)
        )
        return int(database.execute("SELECT count(*) FROM seen").fetchone()[0])


def _captions(
    corpus: Corpus,
) -> tuple[Int64[np.ndarray, "languages languages"], list[Counter[int]]]:
    """Return the items with captions in both of two languages, and the lengths by language."""
    number = len(corpus.languages)
    both = np.zeros((number, number), np.int64)
    lengths: list[Counter[int]] = [Counter() for _ in range(number)]
    rows = corpus.columns("captions/item", "captions/language", "captions/text")
    last, of_last = -1, np.zeros(number, bool)  # an item may go on in the next piece
    while piece := list(islice(rows, _PIECE)):
        items, present = np.unique([item for item, _, _ in piece], return_inverse=True)
        has = np.zeros((len(items), number), bool)
        has[present, [language for _, language, _ in piece]] = True
        for _, language, text in piece:
            lengths[language][len(text)] += 1
        if items[0] == last:
            has[0] |= of_last
        else:
            both += np.outer(of_last, of_last)
        last, of_last = int(items[-1]), has[-1]
        done = has[:-1].astype(np.float32)  # exact: far fewer than 2**24 items
        both += (done.T @ done).astype(np.int64)
    return both + np.outer(of_last, of_last), lengths


def _summary(lengths: Counter[int]) -> dict[str, float]:
    values = np.array(sorted(lengths), np.int64)
    ends = np.cumsum([lengths[int(value)] for value in values])

    def quantile(share: float) -> float:
        place = share * (ends[-1] - 1)
        low, high = values[np.searchsorted(ends, [np.floor(place), np.ceil(place)], "right")]
        return float(low + (high - low) * (place % 1))

    if not len(values):
        return {"median": 0.0, "p95": 0.0, "longest": 0}
    return {"median": quantile(0.5), "p95": quantile(0.95), "longest": int(values[-1])}


def _by_language(captions: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for tag, text in captions:
        found.setdefault(tag, []).append(text)
    return found
