"""Find features of an atlas by pictures, texts, items, attributes or other features."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from jaxtyping import Float, Int

from mmfeat.analysis.search import Mean, Sides, balanced, cofiring, contrast, mean_of, strongest
from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from PIL.Image import Image
    from scipy.sparse import csr_array

    from mmfeat.atlas.encoder import Encoder
    from mmfeat.atlas.reader import Atlas

IMAGE, TEXT = "image.pooled", "text.pooled"
SAMPLE = 1024  # rows of a stream and language that stand for all of them
SEED = 0
_LISTED = 64  # positives whose activations are listed one by one
_ITEMS = 256  # of the items with an attribute, or the rows of a feature, that are read
_GAP = 256  # rows that are read rather than skipped, as a read costs more than they do


@dataclass(frozen=True)
class Text:
    """A text as an example; without a language, that is guessed by its script."""

    text: str
    language: str | None = None


@dataclass(frozen=True)
class Item:
    """An item of the atlas as an example: its picture and all its captions."""

    index: int


@dataclass(frozen=True)
class Caption:
    """A caption of the atlas as an example."""

    index: int


Example: TypeAlias = "Image | Text | Item | Caption"


@dataclass(frozen=True)
class Found:
    """A feature that was found.

    Attributes
    ----------
    feature : int
        Which.
    score : float
        What it is ranked by.
    image_rate, text_rate : float
        Share of all pictures and all captions on which it fires.
    """

    feature: int
    score: float
    image_rate: float
    text_rate: float


@dataclass(frozen=True)
class FoundByExamples(Found):
    """A feature that was found by its contrast, with the evidence.

    Attributes
    ----------
    positive, negative : float
        Mean activation on the positives and on the negatives, streams and languages counting
        alike.
    positive_rate, negative_rate : float
        Share of them on which it fires.
    activations : tuple of float
        Activation on each positive in the order given, on an item the largest of its picture's
        and captions'; empty for more than 64.
    """

    positive: float
    negative: float
    positive_rate: float
    negative_rate: float
    activations: tuple[float, ...]


@dataclass(frozen=True)
class FoundByFeature(Found):
    """A feature that is near another one.

    Attributes
    ----------
    cosine : float
        Of their decoder rows; NaN beyond the nearest, which the atlas holds.
    cofiring : float
        Rows on which both fire over rows on which either does (Jaccard), pictures and captions
        counting alike.
    """

    cosine: float
    cofiring: float


# A stream, and the language of its rows (-1 for pictures).
_Group = tuple[str, int]


@dataclass(frozen=True)
class _Rows:
    """Codes of some rows of a group, and the example or item each is of."""

    group: _Group
    codes: csr_array
    owner: Int[np.ndarray, "rows"]


class Search:
    """Finds features of an open atlas; what it needs of the file is read once, when needed.

    Parameters
    ----------
    atlas : Atlas
        The open atlas. Everything runs in the thread that opened it.
    encoder : Encoder, optional
        Encodes pictures and texts that are not in the atlas (`mmfeat.atlas.encoder`).
    """

    def __init__(self, atlas: Atlas, encoder: Encoder | None = None) -> None:
        self.atlas, self.encoder = atlas, encoder
        self._means: dict[_Group, Mean] = {}

    # What is asked ------------------------------------------------------------------

    def by_examples(
        self, positives: Sequence[Example], negatives: Sequence[Example] = (), top: int = 20
    ) -> list[FoundByExamples]:
        """Return the features that fire on the positives rather than on the negatives.

        Where a stream and language has examples on one side only, a seeded sample of the
        atlas's own rows of that stream and language takes the other side.

        Parameters
        ----------
        positives, negatives : sequence of Image, Text, Item or Caption
            The examples.
        top : int
            How many features at most.

        Raises
        ------
        MmfeatError
            If there are no positives, an item or caption does not exist, or a picture or text
            is given without an encoder.
        """
        if not positives:
            raise MmfeatError("There is nothing to search by; give at least one positive example.")
        wanted = self._rows_of(positives)
        if not wanted:
            raise MmfeatError(
                f"The examples have no rows in {self.atlas.path}; give items with a picture or a "
                "caption."
            )
        return self._contrasted(wanted, self._rows_of(negatives), self._mean, len(positives), top)

    def by_item(self, item: int, top: int = 20) -> list[FoundByExamples]:
        """Return the features that an item's picture and captions have before others."""
        return self.by_examples([Item(item)], top=top)

    def by_caption(self, caption: int, top: int = 20) -> list[FoundByExamples]:
        """Return the features that a caption has before others in its language."""
        return self.by_examples([Caption(caption)], top=top)

    def by_attribute(self, name: str, value: str, top: int = 20) -> list[FoundByExamples]:
        """Return the features that items with a value of an attribute have before the rest.

        Positives are the pictures and captions of the items with the value, of a seeded sample
        of 256 where there are more; negatives are those rows of the atlas's sample whose items
        have it not.

        Raises
        ------
        MmfeatError
            If there is no such attribute, or no item or every item has the value.
        """
        attributes = self.atlas.items().attributes
        if name not in attributes:
            raise MmfeatError(
                f"Items of {self.atlas.path} have no attribute {name!r}; they have "
                f"{', '.join(attributes) or 'none'}."
            )
        has = np.array([own == value for own in attributes[name]], bool)
        if not has.any() or has.all():
            few = ", ".join(sorted({own for own in attributes[name] if own})[:10])
            raise MmfeatError(
                f"{'All' if has.all() else 'No'} items have {name}={value}; give a value that some "
                f"have and some have not, of {few}."
            )
        items = _sample(np.flatnonzero(has), _ITEMS)
        wanted = self._rows_of([Item(index) for index in items.tolist()])

        @cache
        def rest(group: _Group) -> Mean | None:
            rows = self._samples.get(group)
            without = np.zeros(0, np.int64) if rows is None else np.flatnonzero(~has[rows.owner])
            return mean_of(rows.codes[without]) if rows is not None and without.size else None

        compared = [rows for rows in wanted if rest(rows.group) is not None]
        if not compared:
            raise MmfeatError(
                f"Items without {name}={value} have no rows to compare with; choose another value."
            )
        return self._contrasted(compared, [], rest, len(items), top)

    def by_feature(
        self, feature: int, by: Literal["decoder", "cofiring"] = "decoder", top: int = 20
    ) -> list[FoundByFeature]:
        """Return the features nearest to another one.

        Parameters
        ----------
        feature : int
            The other one.
        by : {"decoder", "cofiring"}
            Whether the cosine of decoder rows is ranked by, or firing on the same rows.
        top : int
            How many at most; by decoder rows no more than the atlas holds.
        """
        cosine = np.full(self.atlas.d_sae, np.nan)
        for index, value in self.atlas.neighbours(feature):
            cosine[index] = value
        together = self._cofiring(feature)
        score = cosine if by == "decoder" else together
        return [
            FoundByFeature(
                *self._found(f, score[f]), cosine=float(cosine[f]), cofiring=float(together[f])
            )
            for f in strongest(np.nan_to_num(score), top).tolist()
        ]

    # How it is answered -------------------------------------------------------------

    def _contrasted(
        self,
        wanted: Sequence[_Rows],
        against: Sequence[_Rows],
        background: Callable[[_Group], Mean | None],
        examples: int,
        top: int,
    ) -> list[FoundByExamples]:
        positive, negative = _by_group(wanted), _by_group(against)
        maximum = {
            stream: self._maximum(stream, [*wanted, *against])
            for stream in {rows.group[0] for rows in (*wanted, *against)}
        }
        sides = []
        for group in sorted(positive.keys() | negative.keys()):
            for_, not_ = (given.get(group) or background(group) for given in (positive, negative))
            if for_ is not None and not_ is not None:
                sides.append(Sides(group[0], for_, not_, maximum[group[0]]))
        if not sides:
            raise MmfeatError(
                f"{self.atlas.path} has no rows to compare the examples with; give negatives."
            )
        score = contrast(sides)
        chosen = strongest(score, top)
        given = [(group[0], mean) for group, mean in positive.items()]
        compared = [(side.stream, side.negative) for side in sides]
        on, off = (
            Mean(
                balanced((stream, mean.activation) for stream, mean in means),
                balanced((stream, mean.firing) for stream, mean in means),
            )
            for means in (given, compared)
        )
        listed = np.zeros((examples if examples <= _LISTED else 0, len(chosen)), np.float32)
        for rows in wanted if len(listed) else ():
            np.maximum.at(listed, rows.owner, rows.codes[:, chosen].toarray())
        return [
            FoundByExamples(
                *self._found(f, score[f]),
                positive=float(on.activation[f]),
                negative=float(off.activation[f]),
                positive_rate=float(on.firing[f]),
                negative_rate=float(off.firing[f]),
                activations=tuple(listed[:, at].tolist()),
            )
            for at, f in enumerate(chosen.tolist())
        ]

    def _found(self, feature: int, score: float) -> tuple[int, float, float, float]:
        scores = self.atlas.features()
        image, text = (float(scores[f"firing_rate_{of}"][feature]) for of in ("image", "text"))
        return feature, float(score), image, text

    def _maximum(self, stream: str, rows: Sequence[_Rows]) -> Float[np.ndarray, "d_sae"]:
        """Return the largest activation of each feature, in the atlas or on the examples."""
        of = "image" if stream == IMAGE else "text"
        found = self.atlas.features()[f"max_activation_{of}"].astype(np.float64)
        for part in rows:
            if part.group[0] == stream:
                np.maximum.at(found, part.codes.indices, part.codes.data)
        return found

    def _cofiring(self, feature: int) -> Float[np.ndarray, "d_sae"]:
        found = []
        for stream, of in ((IMAGE, "image"), (TEXT, "text")):
            rows, _ = self.atlas.codes_of_feature(stream, feature)
            if rows.size:
                total = self.atlas._data.length(f"codes/{stream}/rows/item")
                rate = self.atlas.features()[f"firing_rate_{of}"]
                count = np.rint(rate.astype(np.float64) * total)
                codes = self._codes(stream, _sample(rows, _ITEMS))
                found.append(cofiring(codes, count, len(rows)))
        together = np.mean(found, axis=0) if found else np.zeros(self.atlas.d_sae)
        together[feature] = 0.0  # it is not near itself
        return np.asarray(together)

    # Rows ---------------------------------------------------------------------------

    def _rows_of(self, examples: Sequence[Example]) -> list[_Rows]:
        """Return the rows of examples by stream and language."""
        pictures: list[tuple[int, Image]] = []
        texts: list[tuple[int, Text]] = []
        spans: dict[str, list[tuple[int, range]]] = {IMAGE: [], TEXT: []}
        for index, example in enumerate(examples):
            if isinstance(example, Text):
                texts.append((index, example))
            elif isinstance(example, Item):
                for stream, own in spans.items():
                    own.append((index, self.atlas.rows_of_item(stream, example.index)))
            elif isinstance(example, Caption):
                spans[TEXT].append((index, self.atlas.rows_of_caption(TEXT, example.index)))
            else:
                pictures.append((index, example))
        found = []
        if pictures:
            codes = self._encoder.images([picture for _, picture in pictures], IMAGE).codes
            found.append(_Rows((IMAGE, -1), codes, np.array([index for index, _ in pictures])))
        if texts:
            encoder = self._encoder
            tags = [encoder.language_of(own.text, own.language) for _, own in texts]
            codes = encoder.texts([own.text for _, own in texts], tags, TEXT).codes
            language = np.array([self.atlas.languages.index(tag) for tag in tags])
            owner = np.array([index for index, _ in texts])
            found += _split(TEXT, codes, owner, language)
        for stream, own in spans.items():
            rows = np.concatenate(
                [np.zeros(0, np.int64), *(np.arange(r.start, r.stop) for _, r in own)]
            )
            if rows.size:
                owner = np.repeat([index for index, _ in own], [len(r) for _, r in own])
                language = self._languages(stream, rows)
                found += _split(stream, self._codes(stream, rows), owner, language)
        return found

    @property
    def _encoder(self) -> Encoder:
        if self.encoder is None:
            raise MmfeatError(
                "Pictures and texts are encoded by the atlas's backbone, which is not at hand; "
                "search by an item, a caption or a feature."
            )
        return self.encoder

    def _codes(self, stream: str, rows: Int[np.ndarray, "rows"]) -> csr_array:
        """Read scattered rows, in the order given; rows that are near are read at once."""
        from scipy.sparse import csr_array

        unique, back = np.unique(rows, return_inverse=True)
        counts, indices, data = [], [], []
        for run in np.split(unique, np.flatnonzero(np.diff(unique) > _GAP) + 1):
            offsets, features, values = self.atlas._codes(stream, int(run[0]), int(run[-1]) + 1)
            size = np.diff(offsets)
            if len(run) < len(size):
                own = np.zeros(len(size), bool)
                own[run - run[0]] = True
                kept = np.repeat(own, size)
                size, features, values = size[own], features[kept], values[kept]
            counts.append(size)
            indices.append(features)
            data.append(values)
        indptr = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
        shape = (len(unique), self.atlas.d_sae)
        codes = csr_array((np.concatenate(data), np.concatenate(indices), indptr), shape=shape)
        return codes if np.array_equal(back, np.arange(len(rows))) else codes[back]

    def _languages(self, stream: str, rows: Int[np.ndarray, "rows"]) -> Int[np.ndarray, "rows"]:
        return self.atlas._data.pick(f"codes/{stream}/rows/language", rows).astype(np.int64)

    @cached_property
    def _samples(self) -> dict[_Group, _Rows]:
        """Rows of every stream and language that stand for all of them, and their items."""
        data, found = self.atlas._data, {}
        for stream in (IMAGE, TEXT):
            where = f"codes/{stream}/rows"
            tags = data.rows(f"{where}/language", 0, data.length(f"{where}/item"))
            for tag in range(-1, len(self.atlas.languages)):
                rows = _sample(np.flatnonzero(tags == tag), SAMPLE)
                if rows.size:
                    item = data.pick(f"{where}/item", rows).astype(np.int64)
                    if item.min() < 0 or item.max() >= self.atlas.n_items:
                        raise data.damaged(f"/{where}/item", "rows of items that do not exist")
                    found[stream, tag] = _Rows((stream, tag), self._codes(stream, rows), item)
        return found

    def _mean(self, group: _Group) -> Mean | None:
        """Return what features do on the atlas's own rows; None where it has none."""
        if group not in self._means and group in self._samples:
            self._means[group] = mean_of(self._samples[group].codes)
        return self._means.get(group)


def _sample(rows: Int[np.ndarray, "rows"], size: int) -> Int[np.ndarray, "chosen"]:
    """Return `size` of the rows drawn with a fixed seed, ascending; all where there are fewer."""
    if len(rows) <= size:
        return rows
    return np.sort(np.random.default_rng(SEED).choice(rows, size, replace=False))


def _split(
    stream: str,
    codes: csr_array,
    owner: Int[np.ndarray, "rows"],
    language: Int[np.ndarray, "rows"],
) -> Iterator[_Rows]:
    for tag in np.unique(language).tolist():
        own = np.flatnonzero(language == tag)
        yield _Rows((stream, tag), codes[own], owner[own])


def _by_group(parts: Sequence[_Rows]) -> dict[_Group, Mean]:
    """Average the rows of each group, whether they came from the file or were encoded."""
    from scipy.sparse import vstack

    found: dict[_Group, list[csr_array]] = {}
    for part in parts:
        found.setdefault(part.group, []).append(part.codes)
    return {group: mean_of(vstack(codes, format="csr")) for group, codes in found.items()}
