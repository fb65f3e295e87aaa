"""What of a source is imported: some languages, one split, a number of items."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable
from dataclasses import dataclass, replace

from mmfeat.corpus.languages import normalise_tag
from mmfeat.corpus.model import ItemRow, Rows, Skipped
from mmfeat.errors import MmfeatError

_NAMED = 20  # splits or languages an error names


@dataclass(frozen=True)
class Filters:
    """What to import; by default everything.

    Attributes
    ----------
    languages : tuple of str
        Tags; captions in other languages are dropped, and with them items that
        then have neither picture nor caption.
    split : str or None
        Only items of this split: the source's own word (the attribute
        ``split``) where an item has one, otherwise ``train`` or ``test``. What
        is left is split anew by concept.
    limit : int or None
        At most so many items: the first, before broken ones are skipped.
    sample : int or None
        Seed of a random choice of `limit` items instead, in the source's order.
        A smaller limit chooses some of the same items.

    Raises
    ------
    MmfeatError
        If a value makes no sense.
    """

    languages: tuple[str, ...] = ()
    split: str | None = None
    limit: int | None = None
    sample: int | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        for tag in self.languages:
            normalise_tag(tag)
        if self.limit is not None and self.limit < 1:
            raise MmfeatError(f"--limit {self.limit} leaves nothing; give at least 1.")
        if self.sample is not None and self.limit is None:
            raise MmfeatError("--sample needs --limit, the number of items to choose.")

    def apply(self, rows: Rows) -> Rows:
        """Yield what is left of the rows, in one pass.

        Memory does not grow with the rows, except that of a sample with its size.
        """
        if self.split is not None:
            rows = _of_split(rows, self.split)
        if self.languages:
            rows = _in_languages(rows, {normalise_tag(tag): tag for tag in self.languages})
        if self.limit is not None and self.sample is not None:
            rows = _sampled(rows, self.limit, self.sample)
        elif self.limit is not None:
            rows = _first(rows, self.limit)
        return rows


def _of_split(rows: Rows, split: str) -> Rows:
    others: set[str] = set()
    found = False
    for row in rows:
        if isinstance(row, Skipped):
            yield row
            continue
        word = row.attributes.get("split") or row.split
        if word == split:
            found = True
            yield replace(row, split=None)  # drawn anew: one split alone could train nothing
        elif word and len(others) < _NAMED:
            others.add(word)
    if not found:
        raise MmfeatError(f"No item is of the split {split}; {_there(others, 'splits')}.")


def _in_languages(rows: Rows, wanted: dict[str, str]) -> Rows:
    missing, others = dict(wanted), set[str]()
    for row in rows:
        if isinstance(row, Skipped):
            yield row
            continue
        captions = []
        for language, text in row.captions:
            tag = normalise_tag(language)
            if tag in wanted:
                missing.pop(tag, None)
                captions.append((tag, text))
            elif len(others) < _NAMED:
                others.add(tag)
        if captions or row.image or not row.captions:
            yield replace(row, captions=tuple(captions))
    if missing:
        there = _there((others | set(wanted)) - set(missing), "captions")
        raise MmfeatError(f"No caption is in {', '.join(missing.values())}; {there}.")


def _there(found: Iterable[str], what: str) -> str:
    names = sorted(found)
    if not names:
        return f"the source says nothing of {what}"
    return f"the source has {', '.join(names)}; give one of these"


def _first(rows: Rows, limit: int) -> Rows:
    for row in rows:
        yield row
        if isinstance(row, ItemRow):
            limit -= 1
            if not limit:
                return


def _sampled(rows: Rows, limit: int, seed: int) -> Rows:
    """Choose the items whose hashes with the seed are smallest: the same on every machine."""
    # Largest hash first. The second number is the negated order, which is unique, so that rows
    # are never compared, and of items with one id the first is kept.
    chosen: list[tuple[int, int, ItemRow]] = []
    for order, row in enumerate(rows):
        if isinstance(row, Skipped):
            yield row
            continue
        text = f"sample:{seed}:{row.item_id}".encode(errors="surrogatepass")
        number = int.from_bytes(hashlib.sha256(text).digest()[:8], "big")
        entry = (-number, -order, row)
        if len(chosen) < limit:
            heapq.heappush(chosen, entry)
        else:
            heapq.heappushpop(chosen, entry)
    chosen.sort(key=lambda entry: -entry[1])
    for _, _, item in chosen:
        yield item
