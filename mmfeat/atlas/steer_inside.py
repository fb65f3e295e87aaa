"""Steering inside the backbone: what a sample of an atlas's items tells of another SAE's features.

The SAE of a residual hook point has no atlas where rows there are of one modality. What its
features do in patches or tokens is counted in items of an atlas of the joint space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from mmfeat.analysis.units import UNIT_SEED
from mmfeat.atlas.encoder import Encoded, Encoder
from mmfeat.atlas.galleries import Galleries
from mmfeat.atlas.lookup import picture_of
from mmfeat.atlas.steer_known import Query, Sides, first_caption
from mmfeat.backbones.base import JOINT, STREAMS
from mmfeat.errors import MmfeatError
from mmfeat.progress import SILENT, Progress

if TYPE_CHECKING:
    from mmfeat.atlas.records import Caption
    from mmfeat.sae.interop import TrainedSAE

# Of the streams an SAE was trained on, single rows come first.
_STREAMS = {"image": ("image.patch", "image.pooled"), "text": ("text.token", "text.pooled")}
_ITEMS = 1024  # whose rows are counted, those of test concepts first
_EXAMPLES = 20  # items on which features fire most, for a difference of means
_SILENT = 64  # items among whose rows those without the features are
_BATCH = 64


@dataclass(frozen=True)
class Sample:
    """Features in the rows of some items.

    Attributes
    ----------
    item : int [items]
        Items of the atlas, ascending.
    most : float32 CSC [items, d_sae]
        The largest activation in an item's rows.
    rate : float64 [d_sae]
        Share of rows on which a feature fires.
    """

    item: Int[np.ndarray, "items"]
    most: sp.csc_array
    rate: Float[np.ndarray, "d_sae"]

    @cached_property
    def maximum(self) -> Float[np.ndarray, "d_sae"]:
        """The largest activation of all."""
        return np.asarray(self.most.max(axis=0).toarray()).reshape(-1)

    def firing(self, feature: int) -> dict[int, float]:
        """Return the largest activation of a feature in each item on which it fires."""
        own = slice(*self.most.indptr[feature : feature + 2].tolist())
        items, values = self.item[self.most.indices[own]], self.most.data[own]
        return dict(zip(items.tolist(), values.tolist(), strict=True))


class Inside:
    """The features of an SAE that acts at a hook point within the backbone.

    Parameters
    ----------
    galleries : Galleries
        What is retrieved from; its items are the sample.
    sae : Path
        The SAE folder.
    hook : str, optional
        Where it acts; default: what the SAE says.
    stream : str, optional
        Whose rows are changed; default: of the streams it was trained on, patches or tokens
        before pooled rows.
    progress : Progress
        Is told of the items of the sample.

    Raises
    ------
    MmfeatError
        If the SAE cannot be read, acts elsewhere or at ``joint``, or the backbone does not fit it.
    """

    def __init__(
        self,
        galleries: Galleries,
        sae: Path,
        hook: str | None = None,
        stream: str | None = None,
        progress: Progress = SILENT,
    ) -> None:
        from mmfeat.sae.interop import load_sae

        self.galleries, self.atlas, self.source = galleries, galleries.atlas, sae
        trained = load_sae(sae, STREAMS, len(self.atlas.languages))
        place = self._place(trained, hook)
        self.encoder = Encoder(galleries.backbone, trained, place, self._languages(trained))
        there = galleries.backbone.point(place).streams
        self.streams = tuple(name for name in STREAMS if name in trained.streams and name in there)
        if stream is not None and stream not in self.streams:
            known = ", ".join(self.streams) or "none"
            raise MmfeatError(f"{sae} knows no rows of {stream} at {place}; choose of {known}.")
        own = trained.metadata.get("streams")
        favoured = tuple(name for name in self.streams if isinstance(own, list) and name in own)
        self._wanted = (stream,) if stream is not None else favoured or self.streams
        self._progress = progress
        self._samples: dict[tuple[str, str | None], Sample] = {}

    def _place(self, trained: TrainedSAE, hook: str | None) -> str:
        """Return the hook point an SAE acts at; one of another program may not say, or not ours."""
        ours, said = "provenance" in trained.metadata, trained.metadata.get("hook_name")
        points = [point.name for point in self.galleries.backbone.hook_points]
        place = str(said) if said is not None and (ours or said in points) else hook
        if place is None:
            raise MmfeatError(f"{self.source} does not say where it acts; name its hook point.")
        if hook not in (None, place):
            raise MmfeatError(
                f"{self.source} was trained at {place}, not at {hook}; leave out the hook point, "
                f"or give an SAE of {hook}."
            )
        if place == JOINT:
            raise MmfeatError(
                f"{self.source} acts at {JOINT}; build its atlas and steer that, without an SAE."
            )
        model = trained.metadata.get("model_name")
        if ours and model not in (self.atlas.backbone, self.galleries.backbone.spec):
            raise MmfeatError(
                f"{self.source} was trained on rows of {model}, but {self.atlas.path} is of "
                f"{self.atlas.backbone}; give an SAE of that, or say where the same model is with "
                "--backbone."
            )
        return place

    def _languages(self, trained: TrainedSAE) -> tuple[str, ...]:
        """Return the languages that an SAE's means and scales of texts are of, in their order."""
        own = trained.metadata.get("languages") if "provenance" in trained.metadata else None
        found = tuple(map(str, own)) if isinstance(own, list) and own else self.atlas.languages
        for name, stats in trained.streams.items():
            if name.startswith("text") and len(stats.scale) != len(found):
                raise MmfeatError(
                    f"{self.source} has {len(stats.scale)} means of {name} for {len(found)} "
                    "languages; mend metadata.languages in its cfg.json."
                )
        return found

    def stream(self, query: Query) -> str:
        """Return the stream whose rows of a query are changed.

        Raises
        ------
        MmfeatError
            If the SAE acts on no rows that the query has.
        """
        for name in _STREAMS[query.modality]:
            if name in self._wanted:
                return name
        raise MmfeatError(
            f"A {query.kind} has no rows that {self.source} changes, which are those of "
            f"{', '.join(self._wanted) or 'none'} at {self.encoder.hook}; give a "
            f"{'text' if query.kind == 'picture' else 'picture'}, or an SAE of another hook point."
        )

    def names(self, feature: int) -> dict[str, str]:
        """Return no names: there is no atlas that holds some."""
        return {}

    def maximum(self, query: Query) -> Float[np.ndarray, "d_sae"]:
        """Return the largest activation of every feature in the sample."""
        return self.sample(query).maximum

    def rate(self, query: Query) -> Float[np.ndarray, "d_sae"]:
        """Return the share of rows of the sample on which every feature fires."""
        return self.sample(query).rate

    def firing(self, query: Query, feature: int) -> dict[int, float]:
        """Return a feature's largest activation in each item of the sample on which it fires."""
        return self.sample(query).firing(feature)

    def activations(self, query: Query, item: int) -> Float[np.ndarray, "d_sae"]:
        """Return the largest activations in an item's picture, or in its first caption.

        Raises
        ------
        MmfeatError
            If it has no picture, or no caption in the query's language.
        """
        if query.language is None:
            found = self.encoder.images([picture_of(self.atlas, item)], self.stream(query))
        else:
            text = first_caption(self.atlas, item, query.language).text
            found = self.encoder.texts([text], [query.language], self.stream(query))
        return _largest(found.codes)

    def sides(self, query: Query, features: Sequence[int]) -> Sides | None:
        """Return rows of the strongest items on which features fire, and rows without them."""
        sample = self.sample(query)
        total: dict[int, float] = {}
        for feature in features:
            for item, most in sample.firing(feature).items():
                total[item] = total.get(item, 0.0) + most / float(sample.maximum[feature])
        strongest = sorted(total, key=lambda item: (-total[item], item))
        others = np.random.default_rng(UNIT_SEED).permutation(sample.item).tolist()
        sides = []
        for items, count, wanted in ((strongest, _EXAMPLES, True), (others, _SILENT, False)):
            own = [item for item in items if item != query.item][:count]
            if not own:
                return None
            rows = self._rows(query, own)[0]
            fires = np.asarray((rows.codes[:, list(features)] > 0).sum(axis=1)).reshape(-1) > 0
            sides.append(rows.x[fires == wanted])
        fired, none = sides
        return (fired, none) if len(fired) and len(none) else None

    def sample(self, query: Query) -> Sample:
        """Return the features in rows like a query's: of pictures, or captions in its language.

        Raises
        ------
        MmfeatError
            If the atlas has none.
        """
        key = (self.stream(query), query.language)
        if key not in self._samples:
            self._samples[key] = self._counted(query)
        return self._samples[key]

    def _counted(self, query: Query) -> Sample:
        items = self._items(query)
        parts: dict[int, sp.csr_array] = {}
        fired, rows = np.zeros(self.encoder.trained.d_sae, np.int64), 0
        with self._progress.stage("encoding rows of the sample", len(items)) as advance:
            for at in range(0, len(items), _BATCH):
                batch = items[at : at + _BATCH]
                found, owner = self._rows(query, batch)
                fired += np.bincount(found.codes.indices, minlength=len(fired))
                rows += len(owner)
                for item in np.unique(owner).tolist():
                    own = _largest(found.codes[np.flatnonzero(owner == item)])
                    parts[item] = sp.csr_array(own[None])
                advance(len(batch))
        if not parts:
            what = "pictures" if query.language is None else f"captions in {query.language}"
            raise MmfeatError(
                f"{self.atlas.path} has no {what} in which features could be counted; give an "
                "atlas that has."
            )
        order = sorted(parts)
        most = sp.vstack([parts[item] for item in order], format="csc")
        return Sample(np.array(order, np.int64), most, fired / max(rows, 1))

    def _items(self, query: Query) -> list[int]:
        """Return the items of the sample: those of test concepts first, else drawn at random."""
        order = np.random.default_rng(UNIT_SEED).permutation(self.galleries.items)
        test = self.galleries.is_test[order]
        return [
            item
            for item in [*order[test].tolist(), *order[~test].tolist()]
            if (
                self.atlas.thumbnail(item) is not None
                if query.language is None
                else self._captions(query.language, item)
            )
        ][:_ITEMS]

    def _captions(self, language: str, item: int) -> Sequence[Caption]:
        return self.galleries.captions(language).get(item, ())

    def _rows(self, query: Query, items: Sequence[int]) -> tuple[Encoded, Int[np.ndarray, "rows"]]:
        """Encode rows of items that are like a query's; say which item each is of."""
        stream, tag = self.stream(query), query.language
        if tag is None:
            found = self.encoder.images([picture_of(self.atlas, i) for i in items], stream)
            return found, np.array(items, np.int64)[found.source]
        captions = [caption for item in items for caption in self._captions(tag, item)]
        texts = [caption.text for caption in captions]
        found = self.encoder.texts(texts, [tag] * len(texts), stream)
        return found, np.array([c.item for c in captions], np.int64)[found.source]


def _largest(codes: sp.csr_array) -> Float[np.ndarray, "d_sae"]:
    """Return the largest activation of every feature in some rows, 0 where there are none."""
    if codes.shape[0] == 0:
        return np.zeros(codes.shape[1], np.float32)
    return np.asarray(codes.max(axis=0).toarray()).reshape(-1)
