"""What the table asks of the reading thread: names, scores, searches in captions, files to write.

All of it is long for a large atlas, so it is read in slices that hold neither the thread nor the
interpreter for longer than some milliseconds.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int64

from mmfeat.atlas.slices import Slices
from mmfeat.errors import MmfeatError
from mmfeat.figures.output import guarded
from mmfeat.files import whole_file
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.features import FeatureTable
from mmfeat_gui.state.names import (
    READ,
    NameBlock,
    block_size,
    fold,
    make_block,
    ranks,
    sorting_keys,
)
from mmfeat_gui.workers.atlases import Atlases

_ROWS = 250  # written at a time
_STREAM = "text.pooled"
_GATHERED = 1 << 20  # rows looked up at a time
_ENTRY = "\x1e"  # between captions that are folded together


@dataclass(frozen=True, eq=False)
class NameRanks:
    """The places of the names of a column in their order; NaN for no name."""

    key: str
    ranks: Float[np.ndarray, " f"]


@dataclass(frozen=True)
class ReadNames:
    """Reads the names of all features, and then how they are sorted."""

    channel: ClassVar[str] = "table_names"

    def slices(self, atlases: Atlases) -> Iterator[NameBlock | NameRanks]:
        """Read some hundred features at a time."""
        atlas = atlases.main
        slices, size = atlas.part(Slices), block_size(len(atlas.languages))
        keys = []
        for start in range(0, atlas.d_sae, size):
            names, scores = slices.names(start, min(start + size, atlas.d_sae))
            block = make_block(start, names, scores, atlas.languages)
            features = range(start, start + len(block))
            keys.append(sorting_keys([block.title(feature)[0] for feature in features]))
            yield block
        yield NameRanks("title", ranks(np.concatenate(keys)))


@dataclass(frozen=True)
class RankNames:
    """Finds in which order the names of a language are sorted; their table has them all."""

    table: FeatureTable
    language: str
    channel: ClassVar[str] = "table_ranks"

    def slices(self, atlases: Atlases) -> Iterator[NameRanks | None]:
        """Look at some hundred features at a time."""
        keys, count = [], len(self.table)
        for start in range(0, count, _ROWS):
            features = range(start, min(start + _ROWS, count))
            names = [self.table.names_of(feature).get(self.language, "") for feature in features]
            keys.append(sorting_keys(names))
            yield None
        yield NameRanks(f"name[{self.language}]", ranks(np.concatenate(keys)))


@dataclass(frozen=True)
class ReadScores:
    """Reads the scores and classes of features that are not needed to open an atlas."""

    channel: ClassVar[str] = "table_scores"

    def slices(self, atlases: Atlases) -> Iterator[dict[str, np.ndarray]]:
        """Read one score at a time."""
        slices = atlases.main.part(Slices)
        for name in slices.scores:
            values = slices.score(name)
            yield {name: values}
            if name == "reach":
                from mmfeat.analysis.languages import classes  # it loads SciPy

                yield dict(classes(slices.pictures(), values))


@dataclass(frozen=True)
class FindItem:
    """Finds an item by its id."""

    item_id: str
    channel: ClassVar[str] = "item_id"

    def read(self, atlases: Atlases) -> int:
        """Return its index.

        Raises
        ------
        MmfeatError
            If the atlas has none of that id.
        """
        atlas = atlases.main
        slices = atlas.part(Slices)
        for start in range(0, atlas.n_items, READ):
            ids = slices.item_ids(start, min(start + READ, atlas.n_items))
            if self.item_id in ids:
                return start + ids.index(self.item_id)
            time.sleep(0)
        raise MmfeatError(tr("error.item", item=self.item_id, file=atlas.path.name))


@dataclass(frozen=True, eq=False)
class CaptionHits:
    """Features with a top caption in which a text stands, as far as captions were searched.

    Attributes
    ----------
    features : bool array [f]
    share : float
        Of the captions searched so far.
    """

    features: Bool[np.ndarray, " f"]
    share: float


@dataclass(frozen=True)
class SearchCaptions:
    """Searches all captions for a text, and which features have one that holds it on top."""

    text: str
    channel: ClassVar[str] = "table_captions"

    def slices(self, atlases: Atlases) -> Iterator[CaptionHits | None]:
        """Search some thousand captions at a time; tell the features at ever longer intervals."""
        atlas = atlases.main
        if _STREAM not in atlas.streams:
            return
        slices, total = atlas.part(Slices), atlas.n_captions
        needle = fold(self.text)
        hit = np.zeros(slices.rows(_STREAM), bool)
        tell = 4 * READ
        new = False
        for start in range(0, total, READ):
            stop = min(start + READ, total)
            found = _holding(slices.captions(start, stop), needle)
            if found.size:
                bounds = slices.caption_rows(_STREAM, start, stop)
                for first, last in zip(bounds[found], bounds[found + 1], strict=True):
                    hit[first:last] = True
                    new = new or first < last
            if stop < min(tell, total):
                yield None
                continue
            tell *= 2
            features = np.zeros(atlas.d_sae, bool)
            if new:
                yield from _gather(slices, hit, features)
            yield CaptionHits(features, stop / total)


def _holding(texts: list[str], needle: str) -> Int64[np.ndarray, " found"]:
    """Return which texts hold a folded text; they are folded all at once."""
    whole = fold(_ENTRY.join(texts))
    if whole.count(_ENTRY) != len(texts) - 1 or _ENTRY in needle:
        return np.flatnonzero([needle in fold(text) for text in texts])
    if needle not in whole:
        return np.zeros(0, np.int64)
    return np.flatnonzero([needle in text for text in whole.split(_ENTRY)])


def _gather(
    slices: Slices, hit: Bool[np.ndarray, " rows"], features: Bool[np.ndarray, " f"]
) -> Iterator[None]:
    """Mark the features with a top row that was hit."""
    start, step = 0, 256
    while start < len(features):
        top = slices.top_rows(_STREAM, start, min(start + step, len(features)))
        if top.size:
            features[start : start + len(top)] = (hit[top] & (top >= 0)).any(axis=1)
        start += len(top)
        step = max(_GATHERED // max(top.shape[1], 1), 1)
        yield None


# Writing --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Cells:
    """Rows and columns of the table, to be written.

    Attributes
    ----------
    table : FeatureTable
        With all its names.
    rows : int64 array [rows]
        Features, in order.
    columns : tuple of str
    tags : mapping of int to str
        Of features that have some.
    starred : frozenset of int
    """

    table: FeatureTable
    rows: Int64[np.ndarray, " rows"]
    columns: tuple[str, ...]
    tags: Mapping[int, str]
    starred: frozenset[int]

    def lines(self, delimiter: str) -> Iterator[str]:
        """Return the head and then some rows at a time, as ``mmfeat export table`` writes them.

        Numbers have the fewest digits that give the same number; what is missing is empty, and
        texts that a spreadsheet would compute are guarded.
        """
        yield _line([[guarded(key)] for key in self.columns], delimiter)
        for start in range(0, len(self.rows), _ROWS):
            rows = self.rows[start : start + _ROWS]
            yield _line([self._column(key, rows) for key in self.columns], delimiter)

    def _column(self, key: str, rows: Int64[np.ndarray, " rows"]) -> list[str]:
        column, features = self.table.describe(key), rows.tolist()
        assert column is not None, "columns that a table does not have are not written"
        if column.kind == "title":
            return [guarded(self.table.title(feature)) for feature in features]
        if column.kind == "name":
            tag = column.language
            return [guarded(self.table.names_of(feature).get(tag, "")) for feature in features]
        if column.kind == "tags":
            return [guarded(self.tags.get(feature, "")) for feature in features]
        if column.kind == "star":
            return [str(feature in self.starred).lower() for feature in features]
        values = self.table.column(key)[rows]
        if values.dtype.kind == "b":
            return [str(value).lower() for value in values.tolist()]
        if values.dtype.kind == "f":
            return ["" if np.isnan(value) else str(value) for value in values]
        return [str(value) for value in values.tolist()]


def _line(columns: list[list[str]], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(zip(*columns, strict=True))
    return text.getvalue()


@dataclass(frozen=True)
class CopyRows:
    """Writes rows with tabs between cells, as spreadsheets paste them."""

    cells: Cells
    channel: ClassVar[str] = "table_copy"

    def slices(self, atlases: Atlases) -> Iterator[str | None]:
        """Write some rows at a time; the whole text comes at the end."""
        found = []
        for lines in self.cells.lines("\t"):
            found.append(lines)
            yield None
        yield "".join(found)


@dataclass(frozen=True)
class WriteRows:
    """Writes rows to a CSV file, which appears when it is whole."""

    cells: Cells
    path: Path
    channel: ClassVar[str] = "table_file"

    def slices(self, atlases: Atlases) -> Iterator[Path | None]:
        """Write some rows at a time; its path comes when it is there.

        Raises
        ------
        MmfeatError
            If it cannot be written there.
        """
        try:
            with ExitStack() as stack:
                temporary = stack.enter_context(whole_file(self.path))
                file = stack.enter_context(temporary.open("w", encoding="utf-8", newline=""))
                for lines in self.cells.lines(","):
                    file.write(lines)
                    yield None
        except OSError as error:
            reason = error.strerror or str(error)
            raise MmfeatError(tr("table.write_failed", file=self.path, reason=reason)) from None
        yield self.path
