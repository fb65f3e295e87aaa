"""What two atlases are compared by: counts of features, and where their energy lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int64

from mmfeat.figures.palettes import COLOURINGS, values_of
from mmfeat_gui.state.summary import Summary

BINS = 20  # the outermost two are the features of one modality alone
TEXT_ONLY, IMAGE_ONLY = 1 / BINS, 1 - 1 / BINS
CATEGORIES = ("untestable", "not_shared", "shared")


@dataclass(frozen=True)
class Headline:
    """How many features of an atlas are what.

    Attributes
    ----------
    features : int
    alive : int
        Fire on a picture or a caption.
    text_only, bimodal, image_only : int
        Alive, with a modality score below 0.05, from 0.05 to 0.95, above 0.95.
    testable, shared : int
        By the test of sharing.
    """

    features: int
    alive: int
    text_only: int
    bimodal: int
    image_only: int
    testable: int
    shared: int

    def share(self, count: int) -> float:
        """Return a count as a share of the alive features, 0 without any."""
        return count / self.alive if self.alive else 0.0


def alive(scores: Mapping[str, np.ndarray]) -> Bool[np.ndarray, " f"]:
    """Return which features fire at all."""
    found: np.ndarray = (scores["firing_rate_image"] > 0) | (scores["firing_rate_text"] > 0)
    return found


def _bins(scores: Mapping[str, np.ndarray]) -> Int64[np.ndarray, " f"]:
    """Return the bin of each feature's modality score, -1 for what has none."""
    score = np.asarray(scores["modality_score"], np.float64)
    known = alive(scores) & np.isfinite(score)
    inner = np.arange(1, BINS) / BINS
    found = np.searchsorted(inner, score, side="right")
    # Bimodal up to and with 0.95, so that the last bin is what its name says.
    found = np.where(score <= IMAGE_ONLY, np.minimum(found, BINS - 2), found)
    return np.where(known, found, -1)


def headline(scores: Mapping[str, np.ndarray]) -> Headline:
    """Count the features of an atlas.

    Parameters
    ----------
    scores : mapping of str to array [f]
        Datasets of ``/features``.
    """
    place = _bins(scores)
    text, image = int((place == 0).sum()), int((place == BINS - 1).sum())
    return Headline(
        features=len(place),
        alive=int(alive(scores).sum()),
        text_only=text,
        bimodal=int((place >= 0).sum()) - text - image,
        image_only=image,
        testable=int(np.count_nonzero(scores["testable"])),
        shared=int(np.count_nonzero(scores["shared"])),
    )


def histogram(scores: Mapping[str, np.ndarray]) -> Int64[np.ndarray, "bins categories"]:
    """Count alive features by modality score (even bins of 0 to 1) and by `CATEGORIES`."""
    place = _bins(scores)
    category = values_of(COLOURINGS["shared"], scores).astype(np.int64)
    found = np.zeros((BINS, len(CATEGORIES)), np.int64)
    known = place >= 0
    np.add.at(found, (place[known], category[known]), 1)
    return found


def titles(one: Summary, other: Summary) -> tuple[str, str]:
    """Return what to call two atlases: their names, or as much of their paths as tells them apart.

    Copies of one atlas bear the same name.
    """

    def named(path: Path, parts: int) -> str:
        return str(Path(*path.parts[-parts:]))

    if one.name != other.name:
        return one.name, other.name
    longest = max(len(one.path.parts), len(other.path.parts))
    for parts in range(1, longest):
        found = named(one.path, parts), named(other.path, parts)
        if found[0] != found[1]:
            return found
    return str(one.path), str(other.path)


def share_text(share: float) -> str:
    """Write a share in per cent, finer near its ends, where it must not read as none or all."""
    fine = 0 < share < 0.0995 or 0.995 <= share < 1
    return f"{share:.1%}" if fine else f"{share:.0%}"


def axis(highest: float) -> tuple[float, float]:
    """Return the end and the step of an axis of shares from 0 that holds the highest."""
    for step in (0.005, 0.01, 0.02, 0.05, 0.1):
        count = int(np.ceil(highest / step - 1e-9))
        if count <= 4:
            return max(count, 1) * step, step
    return (0.6, 0.2) if highest <= 0.6 else (1.0, 0.25)
