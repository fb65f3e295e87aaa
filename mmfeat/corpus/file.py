"""``corpus.h5``: writing and reading, with everything checked."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import h5py
import numpy as np
from jaxtyping import Int16, Int32

from mmfeat import hdf5
from mmfeat.corpus.languages import normalise_tag
from mmfeat.corpus.model import TEST, TRAIN, ItemRow
from mmfeat.corpus.pictures import THUMBNAIL, PictureError, load_picture
from mmfeat.corpus.writer import COLUMNS, KIND, CorpusSummary, write_corpus
from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "KIND",
    "Captions",
    "Corpus",
    "CorpusSummary",
    "open_corpus",
    "validate_corpus",
    "write_corpus",
]
_CHUNK = 1024  # as the columns are stored


class Captions(NamedTuple):
    """All captions of a corpus, sorted by item.

    Attributes
    ----------
    item : int32 [m]
        Index into the items.
    language : int16 [m]
        Index into `Corpus.languages`.
    text : list of str
    """

    item: Int32[np.ndarray, " m"]
    language: Int16[np.ndarray, " m"]
    text: list[str]


class _Thumbnails(Sequence[bytes]):
    """PNGs, each read when asked for; empty where an item has no picture."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [row.tobytes() for row in self._dataset[index]]
        return self._dataset[index].tobytes()


class _Texts(Sequence[str]):
    """A column of texts, read when indexed or piece by piece."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: Any) -> Any:
        found = hdf5.read_strings(self._dataset, index)
        return found if isinstance(index, slice) else found[0]

    def __iter__(self) -> Iterator[str]:
        return _values(self._dataset)


class Corpus:
    """An open corpus; use it in a ``with`` statement. See `open_corpus`.

    Columns are read when first asked for.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = path
        self._file = file

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file; what was read stays."""
        self._file.close()

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._file["items/item_id"])

    @property
    def name(self) -> str:
        """Name of the corpus."""
        return str(self._file.attrs["name"])

    @property
    def attribution(self) -> str:
        """The line to show wherever its pictures are shown; may be empty."""
        return str(self._file.attrs["attribution"])

    @property
    def digest(self) -> str:
        """SHA-256 over all the file holds."""
        return hdf5.stored_digest(self.path)

    @cached_property
    def item_id(self) -> list[str]:
        """Stable name of each item."""
        return hdf5.read_strings(self._file["items/item_id"])

    @cached_property
    def concept(self) -> list[str]:
        """Concept of each item."""
        return hdf5.read_strings(self._file["items/concept"])

    @cached_property
    def split(self) -> list[str]:
        """``train`` or ``test`` for each item."""
        return hdf5.read_strings(self._file["items/split"])

    @cached_property
    def picture(self) -> list[str]:
        """Hash of each item's pixels; empty where it has no picture."""
        return hdf5.read_strings(self._file["items/picture"])

    @cached_property
    def languages(self) -> list[str]:
        """Language tags, sorted."""
        return hdf5.read_strings(self._file["languages"])

    @cached_property
    def captions(self) -> Captions:
        """All captions, sorted by item."""
        group = self._file["captions"]
        return Captions(group["item"][:], group["language"][:], hdf5.read_strings(group["text"]))

    @cached_property
    def attributes(self) -> dict[str, list[str]]:
        """Free attributes by name, one text an item."""
        group = self._file["items/attributes"]
        return {name: hdf5.read_strings(group[name]) for name in sorted(group)}

    @property
    def thumbnails(self) -> Sequence[bytes]:
        """PNG of each item, read when indexed; empty where it has no picture."""
        return _Thumbnails(self._file["items/thumbnail"])

    def image(self, index: int, size: int = THUMBNAIL) -> Image:
        """Load the picture of an item as RGB.

        Parameters
        ----------
        index : int
            Index of the item.
        size : int
            Width and height in pixels at which an OpenMoji is drawn; other
            pictures keep their size.

        Raises
        ------
        PictureError
            If the item has none, or its file is missing or changed for the worse.
        """
        reference = self._file["items/image"].asstr()[index]
        if not reference:
            raise PictureError("has no picture", f"Item {self.item_id[index]}")
        return load_picture(reference, self.image_root, size)

    @property
    def image_root(self) -> Path | None:
        """Folder that the paths of pictures are relative to; None where there are no such paths."""
        root = str(self._file["items"].attrs["image_root"])
        return (self.path.parent / root).resolve() if root else None

    def columns(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of equally long columns, e.g. ``items/item_id``, read piece by piece."""
        return zip(*(_values(self._file[name]) for name in names), strict=True)

    def texts(self, name: str) -> Sequence[str]:
        """Return a column of texts, e.g. ``items/item_id``, that is read when it is looked at."""
        return _Texts(self._file[name])

    def part(self, name: str, start: int, stop: int) -> Any:
        """Return a column of some rows, e.g. ``captions/text``: numbers as an array."""
        dataset, part = self._file[name], slice(start, stop)
        return hdf5.read_strings(dataset, part) if dataset.dtype == object else dataset[part]

    def captions_of(self, start: int, stop: int) -> tuple[int, int]:
        """Return the first caption of some items, and the one after their last."""
        item = self._file["captions/item"]
        return bisect_left(item, start), bisect_left(item, stop)

    def rows(self) -> Iterator[ItemRow]:
        """Yield the items with their captions as rows; memory does not grow with their number."""
        names = sorted(self._file["items/attributes"])
        columns = [f"items/{name}" for name in ("item_id", "image", "concept", "split")]
        columns += [f"items/attributes/{name}" for name in names]
        captions = self.columns("captions/item", "captions/language", "captions/text")
        groups = groupby(captions, key=itemgetter(0))
        of_item, group = next(groups, (-1, iter(())))
        for index, (item_id, image, concept, split, *values) in enumerate(self.columns(*columns)):
            texts: list[tuple[str, str]] = []
            if of_item == index:
                texts = [(self.languages[language], text) for _, language, text in group]
                of_item, group = next(groups, (-1, iter(())))
            yield ItemRow(
                item_id=item_id,
                image=image,
                captions=tuple(texts),
                concept=concept,
                split=split,
                attributes={
                    name: value for name, value in zip(names, values, strict=True) if value
                },
                row=index + 1,
            )

    def info(self) -> dict[str, Any]:
        """Return what the corpus holds, for people; see `mmfeat.corpus.contents.describe`."""
        from mmfeat.corpus.contents import describe

        return describe(self)


def _values(dataset: h5py.Dataset) -> Iterator[Any]:
    for start in range(0, len(dataset), _CHUNK):
        part = slice(start, start + _CHUNK)
        text = dataset.dtype == object
        yield from hdf5.read_strings(dataset, part) if text else dataset[part].tolist()


def open_corpus(path: Path | str) -> Corpus:
    """Open a corpus for reading.

    Raises
    ------
    MmfeatError
        If it is not a corpus of ours, or its datasets do not fit together.
    """
    path = Path(path)
    file = hdf5.open_checked(path, KIND)
    try:
        _check(file)
    except (KeyError, AttributeError, TypeError) as error:
        file.close()
        raise MmfeatError(f"{path} lacks a part of a corpus ({error}); import it again.") from error
    except ValueError as error:
        file.close()
        raise MmfeatError(f"{path} is not a sound corpus: {error}; import it again.") from error
    return Corpus(path, file)


def _check(file: h5py.File) -> None:
    items, captions, log = file["items"], file["captions"], file["import_log"]
    for name, group in (("items", items), ("captions", captions), ("import_log", log)):
        attributes = list(items["attributes"].values()) if name == "items" else []
        columns = [group[column] for column in COLUMNS[name]] + attributes
        if len({column.shape for column in columns}) != 1 or columns[0].ndim != 1:
            raise ValueError(f"the columns of /{name} differ in length")
    for column, size in (
        (captions["item"], len(items["item_id"])),
        (captions["language"], len(file["languages"])),
    ):
        before = 0
        for start in range(0, len(column), 1 << 20):
            part = column[start : start + (1 << 20)]
            if part.min() < 0 or part.max() >= size:
                raise ValueError(f"{column.name} points to what is not there")
            if column.name.endswith("/item"):
                if np.diff(part, prepend=before).min() < 0:
                    raise ValueError("the captions are not sorted by item")
                before = part[-1]
    if any(split not in (TRAIN, TEST) for split in _values(items["split"])):
        raise ValueError(f"a split is neither {TRAIN} nor {TEST}")
    for name in ("name", "attribution"):
        file.attrs[name]
    items.attrs["image_root"]


def validate_corpus(path: Path) -> dict[str, Any]:
    """Check a corpus as a whole: its digest, unique ids, and concepts that no split tears apart.

    Raises
    ------
    MmfeatError
        At the first thing that is wrong.
    """
    with open_corpus(path) as corpus:
        if len(set(corpus.item_id)) != len(corpus):
            raise MmfeatError(f"{path} has an item id twice; import it again.")
        concepts = set(zip(corpus.concept, corpus.split, strict=True))
        if len(concepts) != len(set(corpus.concept)):
            raise MmfeatError(f"{path} has a concept in both splits; import it again.")
        if corpus.languages != sorted({normalise_tag(tag) for tag in corpus.languages}):
            raise MmfeatError(f"{path} has languages that are not sorted tags; import it again.")
        if hdf5.content_digest(corpus._file) != corpus.digest:
            raise MmfeatError(f"{path} was changed since it was written; import it again.")
        return {"path": str(path), "valid": True, "items": len(corpus), "digest": corpus.digest}
