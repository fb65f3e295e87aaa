"""How much of a known dictionary a training has found, by the project's own analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mmfeat.analysis.codes import Codes
from mmfeat.analysis.firing import firing, modality_score
from mmfeat.analysis.sharing import sharing
from mmfeat.sae.base import SAE
from mmfeat.sae.synthetic import (
    IMAGE_ONLY,
    KINDS,
    ONE_LANGUAGE,
    SHARED,
    TEXT_ONLY,
    Synthetic,
    SyntheticRows,
    match,
)

UNCLEAR = -1  # silent, or on both sides without being shared
MIN_EXPECTED = 100  # expected activations from which an atom must be found
_EDGE = 0.05  # of the modality score, as for bimodal features
_TIMES = 4  # energy of a feature's language over that of the next
_ROWS = 4096


@dataclass(frozen=True)
class Recovery:
    """What a training has found of a dictionary.

    Attributes
    ----------
    qualifying : bool [atoms]
        At least `MIN_EXPECTED` activations were to be expected in training.
    cosine : float [atoms]
        Of each atom and its matched feature.
    truth, found : int64 [atoms]
        The atom's kind; its feature's kind, `UNCLEAR` without any.
    f1 : float [kinds]
        Of each kind over qualifying atoms, NaN for a kind that none has.
    """

    qualifying: Bool[np.ndarray, "atoms"]
    cosine: Float[np.ndarray, "atoms"]
    truth: Int[np.ndarray, "atoms"]
    found: Int[np.ndarray, "atoms"]
    f1: Float[np.ndarray, "kinds"]

    @property
    def mean_cosine(self) -> float:
        """Mean cosine over qualifying atoms."""
        return float(self.cosine[self.qualifying].mean())


def recovery(sae: SAE, world: Synthetic, pairs: int, held_out: SyntheticRows) -> Recovery:
    """Match an SAE with the dictionary it was trained on and compare kinds.

    Parameters
    ----------
    sae
        Trained on batches of the world.
    world
        The truth.
    pairs
        Pairs seen in training.
    held_out
        Rows of items that were not; they decide the kinds of the features.
    """
    assignment, cosine = match(sae.W_dec, world.dictionary)
    kinds = feature_kinds(*encode_rows(sae, held_out))
    found = np.where(assignment < 0, UNCLEAR, kinds[assignment])
    qualifying = world.expected(pairs) >= MIN_EXPECTED
    f1 = kind_f1(world.kind[qualifying], found[qualifying])
    return Recovery(qualifying, cosine, world.kind, found, f1)


@torch.inference_mode()
def encode_rows(sae: SAE, rows: SyntheticRows) -> tuple[Codes, list[Codes]]:
    """Return the codes of pictures and of the captions of each language."""
    captions = [_encode(sae, rows.text[:, own]) for own in range(rows.text.shape[1])]
    return _encode(sae, rows.image), captions


def feature_kinds(image: Codes, text: Sequence[Codes]) -> Int[np.ndarray, "d_sae"]:
    """Decide the kind of each feature from codes of the same items.

    Shared is what `sharing` calls so. The others go by their energies on pictures and on
    captions of the two languages where these are largest: image only has a modality score
    above 0.95 against the first language, text only below 0.05, and of these belong to one
    language those with four times as much on the first as on the second. The rest is
    `UNCLEAR`. A mean over languages would count a feature of one language for less, the
    more there are.

    Returns
    -------
    Int[np.ndarray, "d_sae"]
        An index of `KINDS`, or `UNCLEAR`.
    """
    n = image.n
    everything = np.ones((n, len(text)), bool)
    tested = sharing(
        image.firing(), [codes.firing() for codes in text], everything, everything[:, 0]
    )
    one = np.zeros(n, np.int64)
    pictures = firing(image, one, 1).energy[:, 0]
    captions = np.stack([firing(codes, one, 1).energy[:, 0] for codes in text], axis=1)
    # With a single language no feature can be told to belong to one of many.
    first, second = np.sort(captions, axis=1)[:, [-1, -min(2, len(text))]].T
    score = modality_score(pictures, first)
    one_language = first > _TIMES * second
    # A comparison with the NaN of a silent feature is false.
    return np.select(
        [tested.shared, score > 1 - _EDGE, (score < _EDGE) & one_language, score < _EDGE],
        [SHARED, IMAGE_ONLY, ONE_LANGUAGE, TEXT_ONLY],
        UNCLEAR,
    )


def kind_f1(
    truth: Int[np.ndarray, "atoms"], found: Int[np.ndarray, "atoms"]
) -> Float[np.ndarray, "kinds"]:
    """Return F1 = 2 TP / (2 TP + FP + FN) of each kind, NaN where no truth has it."""
    kinds = np.arange(len(KINDS))[:, None]
    hits = ((truth == kinds) & (found == kinds)).sum(1)
    true, said = (truth == kinds).sum(1), (found == kinds).sum(1)
    return np.where(true > 0, 2 * hits / np.maximum(true + said, 1), np.nan)


def _encode(sae: SAE, x: Float[Tensor, "rows d_in"]) -> Codes:
    counts = [np.zeros(1, np.int64)]
    indices, data = [], []
    for start in range(0, len(x), _ROWS):
        values, latents = sae.encode(x[start : start + _ROWS])
        latents, order = latents.sort(1)
        values = values.gather(1, order).half()
        on = values > 0
        counts.append(on.sum(1).numpy())
        indices.append(latents[on].numpy().astype(np.int32))
        data.append(values[on].numpy())
    return Codes(
        np.cumsum(np.concatenate(counts)), np.concatenate(indices), np.concatenate(data), sae.d_sae
    )
