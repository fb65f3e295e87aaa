"""What the colours and sizes of a map's points stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8, UInt16

from mmfeat.figures.pages import label_of
from mmfeat.figures.palettes import (
    COLOURINGS,
    MISSING,
    SERIES,
    Colouring,
    bounds,
    codes_of,
    colouring,
    table_of,
    values_of,
)
from mmfeat_gui.resources import strings
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.selection import Selection

TAG = "tag:"
SOURCE = "sae:"  # begins the categories of a joint map
ENERGY = "energy"  # of pictures and of captions together
_ENERGIES = ("energy_image", "energy_text")


@dataclass(frozen=True, eq=False)
class Painting:
    """The colours of points and what they stand for.

    Attributes
    ----------
    chosen : Colouring
    n_languages : int
    values : array [n]
        Of each point; of categories their numbers.
    names : tuple of str
        Of the categories, for people; empty where values are numbers.
    codes : array [n]
        Which colour each point has.
    table : array [k, 3]
    """

    chosen: Colouring
    n_languages: int
    values: Float[np.ndarray, " n"]
    names: tuple[str, ...]
    codes: UInt16[np.ndarray, " n"]
    table: UInt8[np.ndarray, "k 3"]

    @property
    def title(self) -> str:
        """What points are coloured by, for people."""
        return score_name(self.chosen.key)

    def counts(self) -> Int[np.ndarray, " k"]:
        """Return how many points have each colour."""
        return np.bincount(self.codes, minlength=len(self.table))

    def shown(self, hidden: frozenset[str]) -> Bool[np.ndarray, " n"]:
        """Return the points whose category is not among those switched off."""
        switched = np.array([label not in hidden for label in self.chosen.labels], bool)
        if not len(switched) or switched.all():
            return np.ones(len(self.codes), bool)
        found: np.ndarray = switched[self.codes]
        return found

    def text(self, point: int) -> str:
        """Return what the colour of a point stands for: colour is never the only sign."""
        if self.names:
            name = self.names[int(self.codes[point])]
            return name if self.chosen.key == "shared" else f"{self.title}: {name}"
        return value_text(self.chosen, float(self.values[point]))


def score_name(key: str) -> str:
    """Return the name of a score or tag that points are coloured or sized by."""
    if key.startswith(TAG):
        return tr("map.tag", tag=key.removeprefix(TAG))
    for text in (f"colour.{key}", f"number.{key}"):
        if strings.has(text):
            return tr(text)
    return label_of(key)


def value_text(chosen: Colouring, value: float) -> str:
    """Return a value in words."""
    name = score_name(chosen.key)
    if np.isnan(value):
        return f"{name}: –"
    if chosen.kind == "category":
        return category_name(chosen, chosen.labels[int(value)])
    return f"{name}: {number_text(chosen, value)}"


def number_text(chosen: Colouring, value: float) -> str:
    """Return a value of a scale as it is written on it."""
    if chosen.key == "firing_rate":
        return f"{value:.2%}"
    if chosen.kind == "diverging":
        return f"{value:.2f}"
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e6 else f"{value:.3g}"


def category_name(chosen: Colouring, label: str) -> str:
    """Return the name of a category for people."""
    key = f"shared.{label.replace(' ', '_')}"
    return tr(key) if chosen.key == "shared" and strings.has(key) else label


def paint_scores(key: str, scores: Mapping[str, np.ndarray], n_languages: int) -> Painting:
    """Return the colours of features by a score; by the usual one where there is no such score."""
    known = key in COLOURINGS or key in scores
    chosen = colouring(key if known else next(iter(COLOURINGS)), scores)
    values = values_of(chosen, scores)
    return Painting(
        chosen,
        n_languages,
        values,
        tuple(category_name(chosen, label) for label in chosen.labels),
        codes_of(chosen, values, n_languages),
        table_of(chosen),
    )


def paint_tag(tag: str, tagged: Selection, size: int) -> Painting:
    """Return the colours of features by whether they bear a tag."""
    chosen = Colouring(TAG + tag, tag, "category", 0.0, 1.0, ("untagged", "tagged"))
    codes = tagged.mask(size).astype(np.uint16)
    names = (tr("map.untagged"), tr("map.tagged"))
    table = np.stack([MISSING, SERIES[1]])
    return Painting(chosen, 1, codes.astype(np.float64), names, codes, table)


def paint_sources(names: tuple[str, ...], source: Int[np.ndarray, " n"]) -> Painting:
    """Return the colours of points by where they come from; from the seventh on they repeat."""
    labels = tuple(f"{SOURCE}{at}" for at in range(len(names)))
    chosen = Colouring("sae", "SAE", "category", 0.0, float(len(names) - 1), labels)
    table = SERIES[np.arange(len(names)) % len(SERIES)]
    return Painting(chosen, 1, source.astype(np.float64), names, source.astype(np.uint16), table)


def colour_keys(scores: Mapping[str, np.ndarray]) -> list[str]:
    """Return what features can be coloured by: the usual colourings, then every other score."""
    other = (key for key, values in scores.items() if values.ndim == 1)
    return list(dict.fromkeys([*COLOURINGS, *other]))


def size_keys(scores: Mapping[str, np.ndarray]) -> list[str]:
    """Return what dots can be sized by: energy, then every other score that is a number."""
    energy = [ENERGY] if all(key in scores for key in _ENERGIES) else []
    numbers = (
        key for key, values in scores.items() if values.ndim == 1 and values.dtype.kind != "b"
    )
    return list(dict.fromkeys([*energy, *(key for key in _ENERGIES if key in scores), *numbers]))


def sizes_of(key: str, scores: Mapping[str, np.ndarray]) -> Float[np.ndarray, " f"] | None:
    """Return sizes in [0, 1] by a score, on the scale of its colours; None where there is none."""
    if key == ENERGY and all(own in scores for own in _ENERGIES):
        both = np.stack([np.nan_to_num(scores[own].astype(np.float64)) for own in _ENERGIES])
        scores = {ENERGY: both.mean(axis=0)}
    if key not in scores:
        return None
    chosen = colouring(key, {key: scores[key]})
    values = np.asarray(scores[key], np.float64)
    low, high = bounds(chosen, int(np.nanmax(values, initial=1)))
    if chosen.kind == "log":
        with np.errstate(divide="ignore", invalid="ignore"):
            values, low, high = np.log10(values), float(np.log10(low)), float(np.log10(high))
    sizes: np.ndarray = np.nan_to_num(np.clip((values - low) / max(high - low, 1e-30), 0, 1))
    return sizes
