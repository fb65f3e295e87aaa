"""From codes of rows to firings of units, as the sharing test wants them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Int

from mmfeat.analysis.sharing import Sharing, sharing, units

if TYPE_CHECKING:
    from mmfeat.analysis.codes import Codes
    from mmfeat.store.activations import Activations, Stream

UNIT_SEED = 0


@dataclass(frozen=True)
class UnitFiring:
    """Which feature fires on the picture and on a caption of each test unit.

    Attributes
    ----------
    image : integers 0 and 1 [units, d_sae]
        It fires on the picture.
    text : a language: integers 0 and 1 [units, d_sae]
        It fires on at least one caption.
    has_image, has_text : bool [units], bool [units, languages]
        The unit has a picture, or a caption in the language.
    """

    image: sp.csc_array
    text: list[sp.csc_array]
    has_image: Bool[np.ndarray, "units"]
    has_text: Bool[np.ndarray, "units languages"]

    def sharing(self, groups: Int[np.ndarray, "units"] | None = None) -> Sharing:
        """Apply the one definition of shared, or its second tier within groups of units."""
        return sharing(self.image, self.text, self.has_text, self.has_image, groups)


def unit_of_items(activations: Activations) -> Int[np.ndarray, "items"]:
    """Return the test unit that each item stands for, -1 for most items."""
    chosen = units(
        activations.item_id,
        activations.concept,
        activations.split.tolist(),
        activations.picture,
        UNIT_SEED,
    )
    unit = np.full(len(activations.item_id), -1, np.int64)
    unit[chosen] = np.arange(len(chosen))
    return unit


def unit_firing(
    codes: Codes, unit: Int[np.ndarray, "rows"], n_units: int
) -> tuple[sp.csc_array, Bool[np.ndarray, "units"]]:
    """Return whether a feature fires on any row of a unit [units, d_sae], and units with rows.

    `unit` is -1 for rows that belong to no unit.
    """
    rows = np.flatnonzero(unit >= 0)
    member = sp.csr_array((np.ones(len(rows), np.int64), (unit[rows], rows)), (n_units, codes.n))
    fires = sp.csc_array(member @ sp.csr_array(codes.firing().astype(np.int64)))
    fires.data[:] = 1  # a unit with several captions counts once
    present = np.zeros(n_units, bool)
    present[unit[rows]] = True
    return fires, present


def pooled_firing(
    activations: Activations, image: Stream, text: Stream, image_codes: Codes, text_codes: Codes
) -> UnitFiring:
    """Return the firings of test units from pooled codes."""
    unit = unit_of_items(activations)
    n_units = int(unit.max(initial=-1)) + 1
    on_image, has_image = unit_firing(image_codes, unit[image.item], n_units)
    on_text, has_text = [], []
    for language in range(len(activations.languages)):
        own = np.where(text.language == language, unit[text.item], -1)
        fires, present = unit_firing(text_codes, own, n_units)
        on_text.append(fires)
        has_text.append(present)
    return UnitFiring(on_image, on_text, has_image, np.stack(has_text, 1))


def same_text(
    activations: Activations, captions: Sequence[str]
) -> Bool[np.ndarray, "languages languages units"]:
    """Return which test units have an identical string in two languages.

    Parameters
    ----------
    activations : Activations
        The open file.
    captions : sequence of str
        The text of each of its captions, as the corpus holds them.
    """
    of_item = unit_of_items(activations)
    unit = of_item[activations.caption_item]
    # Units without captions are units, too.
    n_units, n_languages = int(of_item.max(initial=-1)) + 1, len(activations.languages)
    inside = np.flatnonzero(unit >= 0)
    strings: dict[str, int] = {}
    text = np.array(
        [strings.setdefault(captions[i], len(strings)) for i in inside.tolist()], np.int64
    )
    language = activations.caption_language[inside]
    has = [
        sp.csr_array(
            (
                np.ones(int((language == own).sum()), np.int64),
                (unit[inside][language == own], text[language == own]),
            ),
            (n_units, len(strings)),
        )
        for own in range(n_languages)
    ]
    same = np.zeros((n_languages, n_languages, n_units), bool)
    for a, b in combinations(range(n_languages), 2):
        same[a, b] = same[b, a] = has[a].multiply(has[b]).sum(axis=1) > 0
    return same
