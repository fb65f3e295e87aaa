"""From codes of rows to firings of units, as the sharing test wants them."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Int

from mmfeat.analysis.codes import Codes
from mmfeat.analysis.sharing import Sharing, sharing, units
from mmfeat.store.activations import Activations, Stream

UNIT_SEED = 0


def unit_firing(
    codes: Codes, unit: Int[np.ndarray, "rows"], n_units: int
) -> tuple[sp.csc_array, Bool[np.ndarray, "units"]]:
    """Return which feature fires on any row of a unit [units, d_sae], and which units have rows.

    `unit` is -1 for rows that belong to no unit.
    """
    rows = np.flatnonzero(unit >= 0)
    member = sp.csr_array((np.ones(len(rows), np.int32), (unit[rows], rows)), (n_units, codes.n))
    fires = sp.csr_array(codes.firing().astype(np.int32))
    present = np.zeros(n_units, bool)
    present[unit[rows]] = True
    return sp.csc_array(member @ fires), present


def pooled_sharing(
    activations: Activations, image: Stream, text: Stream, image_codes: Codes, text_codes: Codes
) -> Sharing:
    """Apply the one definition of shared to pooled codes on test units."""
    chosen = units(
        activations.item_id,
        activations.concept,
        activations.split.tolist(),
        activations.picture,
        UNIT_SEED,
    )
    unit_of = np.full(len(activations.item_id), -1, np.int64)
    unit_of[chosen] = np.arange(len(chosen))
    on_image, has_image = unit_firing(image_codes, unit_of[image.item], len(chosen))
    on_text, has_text = [], []
    for language in range(len(activations.languages)):
        unit = np.where(text.language == language, unit_of[text.item], -1)
        fires, present = unit_firing(text_codes, unit, len(chosen))
        on_text.append(fires)
        has_text.append(present)
    return sharing(on_image, on_text, np.stack(has_text, 1), has_image)
