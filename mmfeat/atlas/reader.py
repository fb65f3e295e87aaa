"""Reads an atlas a slice at a time: a page costs kilobytes of a file of any size.

An atlas may come by mail, so nothing in it is believed: shapes are checked when it is
opened, indices and sizes when they are used, and what does not fit is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import h5py
import numpy as np
from jaxtyping import Float, Float32, Int32

from mmfeat.atlas.checked import BYTES, FLOAT, MAX_ROW, NUMBER, TEXT, CheckedFile, CheckedReader
from mmfeat.atlas.layout import KIND, STREAMS, check_layout, check_stream
from mmfeat.atlas.records import Caption, Example, Items, TokenActivation
from mmfeat.corpus.languages import normalise_tag
from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from mmfeat.sae.interop import TrainedSAE

_MAX_FEATURES = 1 << 27
_MAX_THUMBNAIL = 4 << 20
_NAMED = 128  # features whose names are read at a time


class Part(Protocol):
    """Reads one part of an atlas, each in a file of its own (see `mmfeat.atlas.parts`)."""

    def __init__(self, data: CheckedFile, features: int, languages: tuple[str, ...]) -> None: ...


P = TypeVar("P", bound=Part)


class Atlas(CheckedReader):
    """One SAE's features, read from ``atlas.h5``; a context manager for one thread.

    Parameters
    ----------
    path : Path
        The file. It stays open until `close`.

    Attributes
    ----------
    path : Path
    name, attribution, backbone, hook, digest : str
    d_sae, d_in, n_items, n_captions : int
    languages, streams : tuple of str
    provenance, scores : dict
        What made the file; held-out FVU, L0 and dead share of the SAE.

    Raises
    ------
    MmfeatError
        If the file is not a whole atlas whose parts fit together.
    """

    kind = KIND

    def _inspect(self) -> None:
        self._file = self._data.file
        self._last: dict[str, tuple[int, tuple[np.ndarray, np.ndarray]]] = {}
        root = self._file.attrs
        with self._data.guard("the root's attributes"):
            self.name, self.attribution, self.backbone, self.hook, self.digest = (
                str(root.get(key, ""))
                for key in ("name", "attribution", "backbone", "hook", "content-digest")
            )
            self.d_sae, self.d_in = int(root["d_sae"]), int(root["d_in"])
        self.provenance = self._data.json("", "provenance")
        self.scores = self._data.json("scores")
        if not (0 < self.d_sae <= _MAX_FEATURES and 0 < self.d_in <= _MAX_FEATURES):
            raise self._data.damaged("the attributes d_sae and d_in", "no such size is possible")
        count = len(self._data.dataset("languages", TEXT, (None,)))
        if count > MAX_ROW:
            raise self._data.damaged("/languages", f"{count} languages")
        tags = self._data.texts("languages", 0, count)
        try:
            self.languages = tuple(normalise_tag(tag) for tag in tags)
        except MmfeatError:
            raise self._data.damaged("/languages", "what is listed are not languages") from None
        if len(set(self.languages)) != count:
            raise self._data.damaged("/languages", "a language is listed twice")
        self.n_items, self.n_captions = check_layout(self._data, self.d_sae, count)
        with self._data.guard("/codes"):
            self.streams = tuple(s for s in STREAMS if s in self._file["codes"])
        for stream in self.streams:
            check_stream(self._data, stream, self.d_sae, count, self.n_items, self.n_captions)

    def _index(self, value: int, size: int, what: str) -> int:
        if not 0 <= value < size:
            raise MmfeatError(f"{self.path} has no {what} {value}; give one from 0 to {size - 1}.")
        return int(value)

    def _feature(self, feature: int) -> int:
        return self._index(feature, self.d_sae, "feature")

    def _stream(self, stream: str) -> str:
        if stream not in self.streams:
            raise MmfeatError(
                f"{self.path} has no codes of the stream {stream}; build the atlas from "
                "activations that have it."
            )
        return f"codes/{stream}"

    def part(self, reader: type[P]) -> P:
        """Return a part of the atlas by its reader, as ``atlas.part(LanguageTable)``.

        Raises
        ------
        MmfeatError
            If the atlas has no such part, or it is damaged.
        """
        return reader(self._data, self.d_sae, self.languages)

    # Scores -------------------------------------------------------------------------

    @cached_property
    def _scores(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        tables = []
        for group, shape in (
            ("features", (self.d_sae,)),
            ("features/by_language", (self.d_sae, len(self.languages))),
        ):
            table = {}
            for name in sorted(self._file[group]):
                if f"{group}/{name}" == "features/by_language":
                    continue
                self._data.dataset(f"{group}/{name}", NUMBER, shape)
                table[name] = self._data.rows(f"{group}/{name}", 0, self.d_sae)
                table[name].flags.writeable = False
            tables.append(table)
        return tables[0], tables[1]

    def features(self) -> dict[str, np.ndarray]:
        """Return every score of ``/features``, each [d_sae]; read once, not writable."""
        return dict(self._scores[0])

    def by_language(self) -> dict[str, np.ndarray]:
        """Return every score a language, each [d_sae, languages]; read once, not writable."""
        return dict(self._scores[1])

    def neighbours(self, feature: int) -> list[tuple[int, float]]:
        """Return the features with the most similar decoder rows, and their cosines."""
        feature = self._feature(feature)
        index = self._data.rows("neighbours/index", feature, feature + 1)[0]
        cosine = self._data.rows("neighbours/cosine", feature, feature + 1)[0]
        if index.shape != cosine.shape or (index >= self.d_sae).any():
            raise self._data.damaged("/neighbours", f"neighbours of feature {feature} do not exist")
        return [(int(i), float(c)) for i, c in zip(index, cosine, strict=True) if i >= 0]

    def names(self, feature: int) -> dict[str, tuple[str, float]]:
        """Return name and score in each language; an empty text means no good name."""
        feature = self._feature(feature)
        texts = self._data.texts("names/text", feature, feature + 1)[0]
        scores = self._data.rows("names/score", feature, feature + 1)[0].tolist()
        return dict(zip(self.languages, zip(texts, scores, strict=True), strict=True))

    def names_of(self, features: Sequence[int]) -> list[dict[str, tuple[str, float]]]:
        """Return what `names` does of several features, read together."""
        wanted = np.array([self._feature(feature) for feature in features], np.int64)
        found = []
        for start in range(0, len(wanted), _NAMED):
            own = wanted[start : start + _NAMED]
            texts = self._data.pick("names/text", own).tolist()
            scores = self._data.pick("names/score", own).tolist()
            found += [
                dict(zip(self.languages, zip(*row, strict=True), strict=True))
                for row in zip(texts, scores, strict=True)
            ]
        return found

    def all_names(self) -> tuple[list[list[str]], Float32[np.ndarray, "f l"]]:
        """Return the names and scores of all features, by feature and language."""
        texts: list[list[str]] = self._data.texts("names/text", 0, self.d_sae)
        return texts, self._data.rows("names/score", 0, self.d_sae)

    def map(self, name: str = "umap") -> Float[np.ndarray, "f 2"] | None:
        """Return the features' places on a map, or None where it was not made."""
        if f"maps/{name}" not in self._file:
            return None
        self._data.dataset(f"maps/{name}", FLOAT, (self.d_sae, 2))
        return self._data.rows(f"maps/{name}", 0, self.d_sae)

    def trained_sae(self) -> TrainedSAE:
        """Return the SAE itself, which encodes rows of the streams it was trained on."""
        from mmfeat.atlas.weights import trained_sae

        return trained_sae(self._data, self.d_in, self.d_sae, len(self.languages))

    # Items and captions -------------------------------------------------------------

    @cached_property
    def _items(self) -> Items:
        columns = [
            self._data.texts(f"items/{name}", 0, self.n_items)
            for name in ("item_id", "concept", "split")
        ]
        attributes = {}
        if isinstance(self._file.get("items/attributes"), h5py.Group):
            for name in sorted(self._file["items/attributes"]):
                self._data.dataset(f"items/attributes/{name}", TEXT, (self.n_items,))
                attributes[name] = self._data.texts(f"items/attributes/{name}", 0, self.n_items)
        return Items(columns[0], columns[1], columns[2], attributes)

    def items(self) -> Items:
        """Return ids, concepts, splits and attributes of all items; read once."""
        return self._items

    @cached_property
    def _captions_by_item(self) -> tuple[np.ndarray | None, np.ndarray]:
        """Return captions in the order of their items, and where each item's begin.

        The order is None where that is how they stand in the file, as they do in ours.
        """
        item = self._data.rows("captions/item", 0, self.n_captions)
        if item.size and (item.min() < 0 or item.max() >= self.n_items):
            raise self._data.damaged("/captions/item", "captions of items that do not exist")
        order = None
        if (item[1:] < item[:-1]).any():
            order = np.argsort(item, kind="stable")
            item = item[order]
        wide = item.dtype if self.n_items < np.iinfo(item.dtype).max else np.dtype(np.int64)
        return order, np.searchsorted(item, np.arange(self.n_items + 1, dtype=wide))

    def _captions_of(self, item: int) -> np.ndarray:
        """Return the numbers of an item's captions, in the order of the file."""
        order, start = self._captions_by_item
        first, last = start[item], start[item + 1]
        return np.arange(first, last) if order is None else order[first:last]

    def captions(self, indices: Sequence[int]) -> list[Caption]:
        """Return captions by index, in the order given."""
        wanted = np.array([self._index(i, self.n_captions, "caption") for i in indices], np.int64)
        items = self._data.pick("captions/item", wanted).tolist()
        languages = self._data.pick("captions/language", wanted).tolist()
        texts = self._data.pick("captions/text", wanted).tolist()
        for item, language in zip(items, languages, strict=True):
            if not (0 <= item < self.n_items and 0 <= language < len(self.languages)):
                raise self._data.damaged("/captions", f"item {item} or language {language}")
        return [
            Caption(int(index), item, self.languages[language], text)
            for index, item, language, text in zip(wanted, items, languages, texts, strict=True)
        ]

    def caption(self, index: int) -> Caption:
        """Return one caption."""
        return self.captions([index])[0]

    def captions_of(self, item: int) -> list[Caption]:
        """Return all captions of an item, in the order of the file."""
        return self.captions(self._captions_of(self._index(item, self.n_items, "item")).tolist())

    def thumbnail(self, item: int) -> bytes | None:
        """Return the picture of an item as PNG, or None where the atlas holds none."""
        item = self._index(item, self.n_items, "item")
        if "thumbnails/image" not in self._file:
            return None
        dataset = self._data.dataset("thumbnails/image", BYTES, (self.n_items,))
        with self._data.guard("/thumbnails/image"):
            data = np.asarray(dataset[item], np.uint8).tobytes()
        if len(data) > _MAX_THUMBNAIL:
            raise self._data.damaged("/thumbnails/image", f"{len(data)} bytes for item {item}")
        return data or None

    # Examples -----------------------------------------------------------------------

    def _examples(self, stream: str, name: str, feature: int) -> list[Any]:
        """Return the examples of a feature as lists nested like the dataset's axes."""
        feature = self._feature(feature)
        if stream not in self.streams:
            return []
        rows = self._data.rows(f"examples/{stream}/{name}", feature, feature + 1)[0]
        values = self._data.rows(f"examples/{stream}/{name}_activation", feature, feature + 1)[0]
        if rows.shape != values.shape:
            raise self._data.damaged(
                f"/examples/{stream}/{name}", "rows and activations differ in shape"
            )
        flat = rows[rows >= 0].astype(np.int64)
        items = self._data.pick(f"codes/{stream}/rows/item", flat).tolist()
        captions = self._data.pick(f"codes/{stream}/rows/caption", flat).tolist()
        for item, caption in zip(items, captions, strict=True):
            picture = stream.startswith("image")
            if not 0 <= item < self.n_items or not (picture or 0 <= caption < self.n_captions):
                raise self._data.damaged(
                    f"/codes/{stream}/rows", f"item {item} or caption {caption}"
                )
        found = iter(zip(items, captions, strict=True))

        def nest(row: np.ndarray, value: np.ndarray) -> list[Any]:
            if row.ndim > 1:
                return [nest(r, v) for r, v in zip(row, value, strict=True)]
            return [
                Example(*next(found), float(v)) for r, v in zip(row, value, strict=True) if r >= 0
            ]

        return nest(rows, values)

    def image_examples(self, feature: int) -> list[Example]:
        """Return the pictures with the largest activations, descending."""
        return self._examples("image.pooled", "top", feature)

    def image_bands(self, feature: int) -> list[list[Example]]:
        """Return random pictures from even bands of activation, highest band first."""
        return self._examples("image.pooled", "bands", feature)

    def text_examples(self, feature: int) -> dict[str, list[Example]]:
        """Return the captions with the largest activations by language, descending."""
        found = self._examples("text.pooled", "top", feature)
        return dict(zip(self.languages, found or [[] for _ in self.languages], strict=True))

    def text_bands(self, feature: int) -> dict[str, list[list[Example]]]:
        """Return random captions from even bands of activation by language."""
        found = self._examples("text.pooled", "bands", feature)
        return dict(zip(self.languages, found or [[] for _ in self.languages], strict=True))

    # Codes --------------------------------------------------------------------------

    def codes_of_feature(
        self, stream: str, feature: int
    ) -> tuple[Int32[np.ndarray, " k"], Float32[np.ndarray, " k"]]:
        """Return the rows of a stream on which a feature fires, ascending, and its activations."""
        code, feature = self._stream(stream), self._feature(feature)
        total = self._data.length(f"{code}/by_feature/data")
        low, high = self._data.span(f"{code}/by_feature/indptr", feature, total)
        rows = self._data.rows(f"{code}/by_feature/rows", low, high).astype(np.int32)
        total = self._data.length(f"{code}/rows/item")
        if rows.size and (rows[0] < 0 or rows[-1] >= total or (np.diff(rows) <= 0).any()):
            raise self._data.damaged(f"/{code}/by_feature/rows", f"rows of feature {feature}")
        return rows, self._data.rows(f"{code}/by_feature/data", low, high).astype(np.float32)

    def largest_code(self, stream: str, feature: int) -> float:
        """Return the largest activation of a feature in a stream, 0 where it never fires."""
        return float(self._fired(stream, feature)[1].max(initial=0))

    def _fired(self, stream: str, feature: int) -> tuple[np.ndarray, np.ndarray]:
        """Return `codes_of_feature`; those asked for last are kept, for a page asks often."""
        if stream not in self._last or self._last[stream][0] != feature:
            self._last[stream] = (feature, self.codes_of_feature(stream, feature))
        return self._last[stream][1]

    def codes_of_rows(self, stream: str, start: int, stop: int) -> csr_array:
        """Return the codes of rows `start` to `stop` of a stream, float32 [stop - start, d_sae]."""
        from scipy.sparse import csr_array

        indptr, indices, data = self._codes(stream, start, stop)
        return csr_array((data, indices, indptr), shape=(stop - start, self.d_sae))

    def _codes(self, stream: str, start: int, stop: int) -> tuple[np.ndarray, ...]:
        """Return offsets, features and activations of some rows."""
        code = self._stream(stream)
        total = self._data.length(f"{code}/rows/item")
        if not 0 <= start <= stop <= total:
            raise MmfeatError(f"{self.path} has {total} rows of {stream}, not {start} to {stop}.")
        indptr = self._data.rows(f"{code}/by_row/indptr", start, stop + 1).astype(np.int64)
        low, high = int(indptr[0]), int(indptr[-1])
        z = self._data.length(f"{code}/by_row/data")
        if low < 0 or high > z or (np.diff(indptr) < 0).any():
            raise self._data.damaged(f"/{code}/by_row/indptr", f"rows {start} to {stop}")
        indices = self._data.rows(f"{code}/by_row/indices", low, high)
        if indices.size and (indices.min() < 0 or indices.max() >= self.d_sae):
            raise self._data.damaged(f"/{code}/by_row/indices", f"rows {start} to {stop}")
        data = self._data.rows(f"{code}/by_row/data", low, high).astype(np.float32)
        return indptr - low, indices, data

    def column(self, stream: str, rows: range, feature: int) -> Float32[np.ndarray, " rows"]:
        """Return a feature's activation in each of a few rows."""
        fired, values = self._fired(stream, feature)
        low, high = np.searchsorted(fired, (rows.start, rows.stop))
        found = np.zeros(len(rows), np.float32)
        found[fired[low:high] - rows.start] = values[low:high]
        return found

    def rows_of_caption(self, stream: str, caption: int) -> range:
        """Return the rows of a caption in a stream of texts."""
        caption = self._index(caption, self.n_captions, "caption")
        total = self._data.length(f"{self._stream(stream)}/rows/item")
        return range(*self._data.span(f"codes/{stream}/rows/caption_start", caption, total))

    def rows_of_item(self, stream: str, item: int) -> range:
        """Return the rows of an item in a stream; those of all its captions for texts."""
        item, code = self._index(item, self.n_items, "item"), self._stream(stream)
        total = self._data.length(f"{code}/rows/item")
        if stream.startswith("image"):
            return range(*self._data.span(f"{code}/rows/item_start", item, total))
        own = self._captions_of(item)
        if not own.size:
            return range(0)
        if own[-1] - own[0] != own.size - 1:
            raise self._data.damaged("/captions/item", f"the captions of item {item} are apart")
        first = self.rows_of_caption(stream, int(own[0]))
        last = self.rows_of_caption(stream, int(own[-1]))
        return range(first.start, last.stop)

    def patch_map(self, feature: int, item: int) -> Float32[np.ndarray, "rows columns"] | None:
        """Return a feature's activation on each patch of a picture, 0 where it does not fire.

        None where the atlas has no patches of the picture.
        """
        feature = self._feature(feature)
        if "image.patch" not in self.streams:
            return None
        rows = self.rows_of_item("image.patch", item)
        if not rows:
            return None
        code = "codes/image.patch"
        with self._data.guard(f"/{code}"):
            group = self._file[code]
            grid = group["grids"][item] if "grids" in group else group.attrs["grid"]
            high, wide = map(int, grid)
        position = self._data.rows(f"{code}/rows/position", rows.start, rows.stop).astype(np.int64)
        if min(high, wide) < 1 or high * wide > MAX_ROW or len(rows) > high * wide:
            raise self._data.damaged(
                f"/{code}/rows", f"{len(rows)} patches in a grid of {high} by {wide}"
            )
        if position.min() < 0 or position.max() >= high * wide:
            raise self._data.damaged(f"/{code}/rows/position", f"a patch outside {high} by {wide}")
        found = np.zeros(high * wide, np.float32)
        found[position] = self.column("image.patch", rows, feature)
        return found.reshape(high, wide)

    def token_activations(self, feature: int, caption: int) -> list[TokenActivation]:
        """Return a feature's activation on every token of a caption, 0 where it does not fire."""
        return self.tokens(feature, [self.caption(caption)])[0]

    def tokens(self, feature: int, captions: Sequence[Caption]) -> list[list[TokenActivation]]:
        """Return the same of captions that were read before."""
        feature, where = self._feature(feature), "codes/text.token/rows"
        if "text.token" not in self.streams:
            return [[] for _ in captions]
        found = []
        for caption in captions:
            rows = self.rows_of_caption("text.token", caption.index)
            start = self._data.rows(f"{where}/start", rows.start, rows.stop).tolist()
            end = self._data.rows(f"{where}/end", rows.start, rows.stop).tolist()
            values = self.column("text.token", rows, feature).tolist()
            length = len(caption.text)
            if any(not 0 <= a <= b <= length for a, b in zip(start, end, strict=True)):
                raise self._data.damaged(
                    f"/{where}", f"tokens outside the text of caption {caption.index}"
                )
            found.append([TokenActivation(*one) for one in zip(start, end, values, strict=True)])
        return found
