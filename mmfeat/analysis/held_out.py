"""What every SAE of one hook point is scored on: test units, and what they are compared with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int

from mmfeat.analysis.codes import Codes, encoded
from mmfeat.analysis.retrieval import wrong_before
from mmfeat.analysis.units import same_text, unit_of_items
from mmfeat.corpus.file import Corpus
from mmfeat.errors import MmfeatError
from mmfeat.sae.interop import TrainedSAE
from mmfeat.store.activations import Activations, Stream

IMAGE, TEXT = "image.pooled", "text.pooled"
GROUP = "group"  # the item attribute that stratifies the second tier of sharing
_CHUNK = 8192


@dataclass(frozen=True)
class HeldOut:
    """Test units of an activations file at a hook point.

    Attributes
    ----------
    image, text : Stream
        Pooled pictures and captions.
    pictures, captions : int [rows]
        Rows of test units, ascending; captions of units that have a picture.
    picture_key, caption_key : int [rows]
        Equal where the pictures of their items are identical.
    groups : int [units] or None
        The group of each unit.
    same_text : bool [languages, languages, units] or None
        Units with an identical string in two languages.
    notes : tuple of str
        What is missing, and why.
    """

    acts: Activations
    hook: str
    image: Stream
    text: Stream
    pictures: Int[np.ndarray, "gallery"]
    captions: Int[np.ndarray, "queries"]
    picture_key: Int[np.ndarray, "gallery"]
    caption_key: Int[np.ndarray, "queries"]
    groups: Int[np.ndarray, "units"] | None
    same_text: Bool[np.ndarray, "languages languages units"] | None
    notes: tuple[str, ...]

    @cached_property
    def r10_dense(self) -> dict[str, float | None]:
        """Recall@10 of the embeddings, raw or centred, whichever finds more; a language."""
        raw, centred = (self.recall(self._before_rows(about), 10) for about in (False, True))
        better: dict[str, float | None] = {
            tag: max(value, other)
            for (tag, value), other in zip(raw.items(), centred.values(), strict=True)
            if tag != "mean" and value is not None and other is not None
        }
        return with_mean(better)

    def recall(self, before: Int[np.ndarray, "queries"], k: int) -> dict[str, float | None]:
        """Return recall@k a language, and their mean, from `retrieval.wrong_before`."""
        language = self.text.language[self.captions]
        return with_mean(
            {
                tag: float((before[language == index] < k).mean())
                for index, tag in enumerate(self.acts.languages)
                if (language == index).any()
            }
        )

    def _before_rows(self, centred: bool) -> Int[np.ndarray, "queries"]:
        """Return the wrong pictures before each caption's best hit, by cosine of embeddings."""
        gallery = np.concatenate([x for _, x in _rows(self.image, self.pictures, centred)])
        parts = _rows(self.text, self.captions, centred)
        return _ranked(parts, gallery, self.caption_key, self.picture_key)

    def before_codes(self, image: Codes, text: Codes) -> Int[np.ndarray, "queries"]:
        """Return the wrong pictures before each caption's best hit, by cosine of codes."""
        gallery = image.select(self.pictures).matrix()
        parts = (
            (slice(at, at + _CHUNK), text.select(self.captions[at : at + _CHUNK]).matrix())
            for at in range(0, len(self.captions), _CHUNK)
        )
        return _ranked(parts, gallery, self.caption_key, self.picture_key)

    def before_reconstructions(self, trained: TrainedSAE) -> Int[np.ndarray, "queries"]:
        """Return the same by cosine of reconstructions, each stream and language about its mean.

        However the SAE standardises: so SAEs that do it differently can be compared.
        """
        gallery = np.concatenate([x for _, x in _rebuilt(trained, self.image, self.pictures)])
        parts = _rebuilt(trained, self.text, self.captions)
        return _ranked(parts, gallery, self.caption_key, self.picture_key)


def held_out(acts: Activations, hook: str, corpus: Corpus | None = None) -> HeldOut:
    """Find the test units of a hook point.

    Parameters
    ----------
    acts : Activations
        The open file, which stays open while units are used.
    hook : str
        Hook point.
    corpus : Corpus, optional
        The corpus they were extracted from, for groups and the text of captions.

    Raises
    ------
    MmfeatError
        If there are no pictures and captions of test concepts, or it is another corpus.
    """
    if corpus is not None and corpus.digest != acts.corpus_digest:
        raise MmfeatError(
            f"{corpus.path} is not the corpus that {acts.path} was extracted from; give that one "
            "with --corpus, or extract again."
        )
    image, text = acts.stream(hook, IMAGE), acts.stream(hook, TEXT)
    unit = unit_of_items(acts)
    pictures = np.flatnonzero(unit[image.item] >= 0)
    shown = np.zeros(len(unit), bool)
    shown[image.item[pictures]] = True
    captions = np.flatnonzero(shown[text.item])
    if len(captions) == 0:
        raise MmfeatError(
            f"{acts.path} has no test concept with a picture and a caption at {hook}, and SAEs "
            "are scored on these; extract a corpus with a test split."
        )
    # An item without a hash of its picture equals no other.
    names = [picture or f"item {item}" for item, picture in enumerate(acts.picture)]
    _, key = np.unique(names, return_inverse=True)
    picture_key, caption_key = key[image.item[pictures]], key[text.item[captions]]
    notes = []
    groups = strings = None
    if corpus is None:
        notes.append("no corpus: shared_within_group and jaccard_languages are left out")
    else:
        strings = same_text(acts, corpus.captions.text)
        if GROUP in corpus.attributes:
            _, of_item = np.unique(corpus.attributes[GROUP], return_inverse=True)
            groups = of_item[np.flatnonzero(unit >= 0)]
        else:
            notes.append(f"the items have no attribute {GROUP!r}: shared_within_group is left out")
    return HeldOut(
        acts=acts,
        hook=hook,
        image=image,
        text=text,
        pictures=pictures,
        captions=captions,
        picture_key=picture_key,
        caption_key=caption_key,
        groups=groups,
        same_text=strings,
        notes=tuple(notes),
    )


def with_mean(by_language: dict[str, float | None]) -> dict[str, float | None]:
    """Return the same with ``mean``, each language counting alike."""
    known = [value for value in by_language.values() if value is not None]
    return {**by_language, "mean": float(np.mean(known)) if known else None}


def _rows(
    stream: Stream, rows: Int[np.ndarray, "chosen"], centred: bool
) -> Iterator[tuple[slice, Float[np.ndarray, "part d"]]]:
    """Iterate over the chosen rows, raw or about the train mean of their stream and language."""
    x, group = stream.x, stream.group
    for at in range(0, len(rows), _CHUNK):
        own = rows[at : at + _CHUNK]
        raw = np.asarray(x[own], np.float32)
        yield slice(at, at + len(own)), stream.standardised(raw, group[own]) if centred else raw


def _rebuilt(
    trained: TrainedSAE, stream: Stream, rows: Int[np.ndarray, "chosen"]
) -> Iterator[tuple[slice, Float[np.ndarray, "part d"]]]:
    """Iterate over reconstructions of the chosen rows, about the stream's train mean."""
    chosen = np.zeros(stream.n, bool)
    chosen[rows] = True
    sae, stats = trained.sae_of(stream.name), trained.streams[stream.name]
    done = 0
    for part in encoded(trained, stream, chosen):
        g = part.group
        x = sae.decode(part.values, part.latents).numpy()
        raw = x / stats.scale[g, None] + stats.mean[g]
        yield slice(done, done + len(g)), stream.standardised(raw, g)
        done += len(g)


def _ranked(
    parts: Iterator[tuple[slice, Float[np.ndarray, "part d"] | sp.sparray]],
    gallery: Float[np.ndarray, "gallery d"] | sp.sparray,
    caption_key: Int[np.ndarray, "queries"],
    picture_key: Int[np.ndarray, "gallery"],
) -> Int[np.ndarray, "queries"]:
    before = np.empty(len(caption_key), np.int64)
    for part, queries in parts:
        before[part] = wrong_before(queries, gallery, caption_key[part], picture_key)
    return before
