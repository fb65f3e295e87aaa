"""What is left for use after the SAE: retrieval and zero-shot classification, a language each.

Both are done with embeddings raw and centred, with reconstructions (centred, too) and with
codes alone, on one fixed gallery of test units. Identical pictures are equal hits and ties
are pessimistic, see `retrieval.wrong_before`. Zero-shot by group follows the prompt ensembles
of CLIP (Radford et al. 2021) with the captions of train items in the place of prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
import scipy.sparse as sp
from jaxtyping import Int

from mmfeat.analysis.codes import Codes
from mmfeat.analysis.held_out import HeldOut, with_mean
from mmfeat.analysis.retrieval import unit_rows, wrong_before, wrong_before_both
from mmfeat.progress import Advance, ignore
from mmfeat.sae.interop import TrainedSAE
from mmfeat.store.activations import Stream

Space = Literal["raw", "centred", "reconstruction", "code"]
SPACES: tuple[Space, ...] = get_args(Space)
RANKS = (1, 10)
_CHUNK = 16_384

Rows: TypeAlias = np.ndarray | sp.csr_array  # [rows, d], dense or codes
ByLanguage = dict[str, float | None]


class _Embedded:
    """Rows of a stream in every space."""

    def __init__(self, trained: TrainedSAE, stream: Stream, codes: Codes) -> None:
        self.trained, self.stream, self.codes = trained, stream, codes

    def rows(self, space: Space, rows: Int[np.ndarray, "chosen"]) -> Rows:
        """Return some rows, ascending."""
        if space == "code":
            return sp.csr_array(self.codes.select(rows).matrix())
        group = self.stream.group[rows].astype(np.int64)
        if space != "reconstruction":
            x = np.asarray(self.stream.take(rows), np.float32)
            return self.stream.standardised(x, group) if space == "centred" else x
        # Of the codes as they are kept, for to encode again costs far more than all the rest.
        sae, stats = self.trained.sae_of(self.stream.name), self.trained.streams[self.stream.name]
        z = self.codes.select(rows).matrix().astype(np.float32)
        rebuilt = z @ sae.W_dec.detach().numpy() + sae.b_dec.detach().numpy()
        raw = rebuilt / stats.scale[group, None] + stats.mean[group]
        return self.stream.standardised(raw.astype(np.float32), group)


def downstream(
    test: HeldOut,
    trained: TrainedSAE,
    image: Codes,
    text: Codes,
    groups: Sequence[str] | None = None,
    advance: Advance = ignore,
) -> dict[str, dict[str, dict[str, ByLanguage]]]:
    """Score embeddings, reconstructions and codes on the same tasks.

    Parameters
    ----------
    test : HeldOut
        The test units.
    trained : TrainedSAE
        The SAE.
    image, text : Codes
        Of all pooled pictures and captions.
    groups : sequence of str [items], optional
        The group of each item, empty where not known.
    advance : callable
        Told of every language done, in every space.

    Returns
    -------
    dict
        Task, then space (``raw``, ``centred``, ``reconstruction``, ``code``), then score, then
        language or ``mean``:

        - ``caption_to_picture``: ``recall@1``, ``recall@10``;
        - ``picture_to_caption``: the same, over pictures that have a caption in the language;
        - ``zero_shot_concept``: ``accuracy``, test pictures against one class a unit, the mean
          of its captions;
        - ``zero_shot_group``: ``accuracy`` and ``chance`` (that of always saying the commonest
          group), classes are groups, each the mean of the captions of its train items; only
          with `groups`.

        None where a language has nothing to score.
    """
    pictures = _Embedded(trained, test.image, image)
    captions = _Embedded(trained, test.text, text)
    group = None if groups is None else _number(groups)
    train = np.flatnonzero(test.acts.split[test.text.item] == "train")
    found: dict[str, dict[str, dict[str, ByLanguage]]] = {}
    for space in SPACES:
        gallery = pictures.rows(space, test.pictures)
        for index, tag in enumerate(test.acts.languages):
            own = test.text.language[test.captions] == index
            scores = _retrieval(
                captions.rows(space, test.captions[own]),
                test.text.item[test.captions[own]],
                test.caption_key[own],
                gallery,
                test.picture_key,
            )
            if group is not None:
                rows = train[test.text.language[train] == index]
                rows = rows[group[test.text.item[rows]] >= 0]
                scores["zero_shot_group"] = _by_group(
                    gallery,
                    group[test.image.item[test.pictures]],
                    captions,
                    space,
                    rows,
                    group[test.text.item[rows]],
                )
            for task, values in scores.items():
                for score, value in values.items():
                    place = found.setdefault(task, {}).setdefault(space, {})
                    place.setdefault(score, {})[tag] = value
            advance(1)
    return {
        task: {
            space: {score: with_mean(by_language) for score, by_language in scores.items()}
            for space, scores in spaces.items()
        }
        for task, spaces in found.items()
    }


def _number(groups: Sequence[str]) -> Int[np.ndarray, "items"]:
    names, own = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    empty = np.flatnonzero(names == "")
    return np.where(np.isin(own, empty), -1, own)


def _retrieval(
    captions: Rows,
    item: Int[np.ndarray, "captions"],
    caption_key: Int[np.ndarray, "captions"],
    gallery: Rows,
    picture_key: Int[np.ndarray, "gallery"],
) -> dict[str, dict[str, float | None]]:
    """Score one language, whose captions may be missing for some pictures."""
    to_picture, to_caption = wrong_before_both(captions, gallery, caption_key, picture_key)
    known = np.isin(picture_key, caption_key)
    unit, first, class_ = np.unique(item, return_index=True, return_inverse=True)
    to_class = to_caption  # with a caption for each class they are the same
    if len(unit) < len(item):
        to_class = wrong_before(
            gallery, _sums(captions, class_, len(unit)), picture_key, caption_key[first]
        )
    return {
        "caption_to_picture": {f"recall@{k}": _share(to_picture < k) for k in RANKS},
        "picture_to_caption": {f"recall@{k}": _share(to_caption[known] < k) for k in RANKS},
        "zero_shot_concept": {"accuracy": _share(to_class[known] < 1)},
    }


def _by_group(
    gallery: Rows,
    group: Int[np.ndarray, "gallery"],
    captions: _Embedded,
    space: Space,
    rows: Int[np.ndarray, "train"],
    class_: Int[np.ndarray, "train"],
) -> dict[str, float | None]:
    """Score pictures of groups that have train captions."""
    names, own = np.unique(class_, return_inverse=True)
    asked = np.flatnonzero(np.isin(group, names))
    if not len(asked):
        return {"accuracy": None, "chance": None}
    sums: Rows = np.zeros(())
    for at in range(0, len(rows), _CHUNK):
        part = _sums(
            captions.rows(space, rows[at : at + _CHUNK]), own[at : at + _CHUNK], len(names)
        )
        sums = sums + part if at else part
    before = wrong_before(gallery[asked], sums, group[asked], names)
    _, count = np.unique(group[asked], return_counts=True)
    return {"accuracy": _share(before < 1), "chance": float(count.max() / len(asked))}


def _sums(rows: Rows, class_: Int[np.ndarray, "rows"], classes: int) -> Rows:
    """Sum the unit rows of each class; its mean points the same way, and cosine sees no norm."""
    member = sp.csr_array(
        (np.ones(len(class_)), (class_, np.arange(len(class_)))), (classes, len(class_))
    )
    if isinstance(rows, np.ndarray):
        return np.asarray(member @ unit_rows(rows))
    norm = np.sqrt(rows.multiply(rows).sum(axis=1))
    return sp.csr_array(member @ sp.diags_array(1 / np.maximum(norm, 1e-12)) @ rows)


def _share(hit: np.ndarray) -> float | None:
    return float(hit.mean()) if len(hit) else None
