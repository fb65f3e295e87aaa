r"""Whether clamping a feature on pictures moves captions towards what the feature fires on.

In the joint space a change is a step along a decoder row, so that with the raw row :math:`x` of
a picture and the unit row :math:`g` of a caption

.. math:: x' \cdot g = x \cdot g + (c - z)\, (w \cdot g) / s

for the activation :math:`z`, clamped to :math:`c`, the decoder row :math:`w` and the scale
:math:`s` of pictures: captions are ranked for every control without changing a row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int

from mmfeat.analysis.interventions.controls import Effect, matched
from mmfeat.analysis.interventions.retrieval import Gallery, towards

CONCEPT = 5  # units whose captions stand for what a feature fires on
PICTURES = 16  # that a feature is clamped on
EXCEEDED = 0.95  # share of controls that an effect must exceed
_LANGUAGES = 0.7  # share of languages in which it must


@dataclass(frozen=True)
class Pictures:
    """Pictures of test units, in the joint space.

    Attributes
    ----------
    x : float32 [units, d]
        Raw rows.
    codes : float32 CSR [units, d_sae]
        Activations.
    decoder : float32 [d_sae, d]
        Decoder rows of pictures.
    scale : float
        By which pictures are standardised.
    """

    x: Float[np.ndarray, "units d"]
    codes: sp.csr_array
    decoder: Float[np.ndarray, "d_sae d"]
    scale: float


@dataclass(frozen=True)
class Clamped:
    """What clamping a feature did.

    Attributes
    ----------
    feature : int
        Which.
    concept : int [units]
        The units whose captions stand for what it fires on.
    effects : list of Effect or None
        A language each: the mean change of `towards`. None where there is no caption of them.
    """

    feature: int
    concept: Int[np.ndarray, "units"]
    effects: list[Effect | None]

    @property
    def exceeds(self) -> Bool[np.ndarray, "languages"]:
        """In which languages captions move towards the concept more than 95 % of controls do."""
        return np.array(
            [e is not None and e.value > 0 and e.exceeded > EXCEEDED for e in self.effects], bool
        )

    @property
    def moves(self) -> bool:
        """Whether that is so in at least 0.7 of the languages: 10 of 14."""
        return bool(self.exceeds.sum() >= math.ceil(_LANGUAGES * len(self.effects)))


def clamped(
    pictures: Pictures,
    captions: Sequence[Gallery],
    feature: int,
    clamp: Float[np.ndarray, "d_sae"],
    rate: Float[np.ndarray, "d_sae"],
    controls: int,
    seed: int,
    same_size: bool = False,
) -> Clamped | None:
    """Clamp a feature, and control features alike, on pictures on which it is silent.

    What the feature fires on is told by pictures alone: the units with the largest activations
    on their pictures, at most 5. Their captions decided nothing before.

    Parameters
    ----------
    pictures : Pictures
        Of the test units.
    captions : sequence of Gallery
        Captions of the test units by language; a row's key is its unit.
    feature : int
        Which.
    clamp : float [d_sae]
        The activation each feature is clamped to; not above 0 where it cannot be.
    rate : float [d_sae]
        Firing rates on pictures, by which controls are matched.
    controls : int
        How many.
    seed : int
        Of the draw of pictures and controls.
    same_size : bool
        Whether controls move a picture as far as the feature does; else each is clamped to its
        own activation of `clamp`.

    Returns
    -------
    Clamped or None
        None where the feature fires on no picture or on all, or cannot be clamped.
    """
    own = pictures.codes[:, [feature]].toarray()[:, 0]
    order = np.argsort(-own, kind="stable")
    concept = order[:CONCEPT][own[order[:CONCEPT]] > 0]
    silent = np.flatnonzero(own == 0)
    if not len(concept) or not len(silent) or not clamp[feature] > 0:
        return None
    rng = np.random.default_rng([seed, feature])
    shown = np.sort(rng.permutation(silent)[:PICTURES])
    drawn = matched(rate, [feature], controls, seed, clamp > 0)[:, 0]
    changed = np.concatenate([[feature], drawn])
    z = pictures.codes[shown][:, changed].toarray()
    step = (clamp[changed] - z) / pictures.scale
    if same_size:
        step[:] = step[:, :1]
    effects: list[Effect | None] = []
    for gallery in captions:
        wanted = np.isin(gallery.key, concept)
        if not wanted.any() or wanted.all():
            effects.append(None)
            continue
        before = pictures.x[shown] @ gallery.x.T
        along = pictures.decoder[changed] @ gallery.x.T
        base = towards(before, wanted)
        moved = np.array(
            [
                (towards(before + step[:, [i]] * along[i], wanted) - base).mean()
                for i in range(len(changed))
            ]
        )
        effects.append(Effect(float(moved[0]), moved[1:]))
    return Clamped(feature, concept, effects)
