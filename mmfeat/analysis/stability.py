"""Seed stability: whether SAEs that differ in their seed alone find the same directions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from mmfeat.analysis.retrieval import unit_rows

if TYPE_CHECKING:
    from mmfeat.sae.interop import TrainedSAE

# The matching holds all cosines and takes cubic time.
MOST = 16_384


def matched_cosine(a: Float[np.ndarray, "f d"], b: Float[np.ndarray, "g d"]) -> float | None:
    """Return the mean cosine of directions matched one to one so that it is the greatest.

    Hungarian matching; what the larger set has more stays without a match. None where
    a set is empty or has more than `MOST` directions.
    """
    from scipy.optimize import linear_sum_assignment

    if not 0 < min(len(a), len(b)) <= max(len(a), len(b)) <= MOST:
        return None
    cosine = unit_rows(a) @ unit_rows(b).T
    matched = linear_sum_assignment(cosine, maximize=True)
    return float(cosine[matched].mean())


def training_but_for_the_seed(trained: TrainedSAE) -> tuple[str, int] | None:
    """Return what an SAE was trained on and how, and its seed; None where it is not recorded."""
    record = trained.metadata.get("provenance")
    if not isinstance(record, dict) or not isinstance(record.get("settings"), dict):
        return None
    settings = record["settings"]
    if not isinstance(settings.get("seed"), int):
        return None
    rest = {key: value for key, value in settings.items() if key != "seed"}
    key = json.dumps([rest, record.get("inputs")], sort_keys=True)
    return key, settings["seed"]


def seed_stability(
    own: tuple[TrainedSAE, Bool[np.ndarray, "d_sae"]],
    others: list[tuple[TrainedSAE, Bool[np.ndarray, "d_sae"]]],
) -> float | None:
    """Return the mean of `matched_cosine` with the other seeds, over alive features.

    Each SAE comes with which of its features are alive. Where modalities have decoders
    of their own, a direction is its unit rows side by side.
    """
    mine = _alive(*own)
    found = [matched_cosine(mine, _alive(*other)) for other in others]
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None


def _alive(trained: TrainedSAE, alive: Bool[np.ndarray, "d_sae"]) -> Float[np.ndarray, "f d"]:
    return np.asarray(trained.decoder.double().numpy()[alive])
