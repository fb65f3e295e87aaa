"""Colours that people with any colour vision can tell apart, and what features are coloured by.

Tables are interpolated in sRGB between a few anchors. The sequential one rises steadily in
lightness, so it also reads in grey; the diverging one goes from blue over grey to orange, the
pair that remains distinct with red-green blindness.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8, UInt16

from mmfeat.errors import MmfeatError

Kind = Literal["sequential", "log", "diverging", "category"]


def _table(*anchors: str) -> UInt8[np.ndarray, "256 3"]:
    rgb = np.array([[int(a[i : i + 2], 16) for i in (0, 2, 4)] for a in anchors], np.float64)
    at, where = np.linspace(0, 1, 256), np.linspace(0, 1, len(anchors))
    return np.stack([np.interp(at, where, rgb[:, c]) for c in range(3)], 1).round().astype(np.uint8)


SEQUENTIAL = _table("2b1a5a", "33458a", "2b6f97", "28958f", "4cb877", "9dd45c", "f2e64e")
DIVERGING = _table("1f6fc4", "6288b4", "8c8a88", "c08a4e", "e8830c")
HEAT = _table("ffe873", "fdae3c", "ee6a2c", "c9253e", "8a0f5a")
DECADES = 6
MISSING = np.array([0xDA, 0xDA, 0xDA], np.uint8)
# Of things without an order: told apart by lightness as well.
SERIES = np.array(
    [[0x3B, 0x6F, 0xB0], [0xE6, 0x9A, 0x0B], [0x3A, 0x0F, 0x3D], [0x4C, 0xB8, 0x77],
     [0xC9, 0x25, 0x3E], [0x8F, 0xC7, 0xEE]],
    np.uint8,
)  # fmt: skip
# Not testable, testable but not shared, shared.
CATEGORIES = np.array([[0xC8, 0xC8, 0xC8], [0x3B, 0x6F, 0xB0], [0xE6, 0x9A, 0x0B]], np.uint8)


@dataclass(frozen=True)
class Colouring:
    """What features are coloured by.

    Attributes
    ----------
    key : str
        Its name in options and files.
    label : str
        Its name for people.
    kind : str
        ``sequential``, ``log`` (of a positive value), ``diverging`` or ``category``.
    low, high : float
        Values at the ends of the palette. NaN as `high` stands for the number of languages.
    labels : tuple of str
        Names of the categories 0, 1, ...; empty where values are numbers.
    """

    key: str
    label: str
    kind: Kind
    low: float
    high: float
    labels: tuple[str, ...] = ()


COLOURINGS: dict[str, Colouring] = {
    c.key: c
    for c in (
        Colouring("modality_score", "modality score (0 text, 1 image)", "diverging", 0.0, 1.0),
        Colouring("n_languages", "languages", "sequential", 0.0, float("nan")),
        Colouring("firing_rate", "firing rate", "log", 1e-4, 1.0),
        Colouring(
            "shared", "shared feature", "category", 0.0, 2.0, ("untestable", "not shared", "shared")
        ),
    )
}


def _steps(values: Float[np.ndarray, " n"]) -> UInt16[np.ndarray, " n"]:
    """Return the places in a palette of values of [0, 1], the one behind it for no value."""
    known = np.isfinite(values)
    index = np.where(known, np.clip(values, 0, 1), 0) * 255
    return np.where(known, index.round(), 256).astype(np.uint16)


def _look_up(
    table: UInt8[np.ndarray, "256 3"], values: Float[np.ndarray, " n"]
) -> UInt8[np.ndarray, "n 3"]:
    colours: np.ndarray = np.concatenate([table, MISSING[None]])[_steps(np.asarray(values, float))]
    return colours


def sequential(values: Float[np.ndarray, " n"]) -> UInt8[np.ndarray, "n 3"]:
    """Colour values of [0, 1] from dark blue (0) to yellow (1); what is not finite is grey."""
    return _look_up(SEQUENTIAL, values)


def diverging(values: Float[np.ndarray, " n"]) -> UInt8[np.ndarray, "n 3"]:
    """Colour values of [0, 1] from blue (0) over grey to orange (1)."""
    return _look_up(DIVERGING, values)


def heat(values: Float[np.ndarray, " n"]) -> UInt8[np.ndarray, "n 3"]:
    """Colour activations of [0, 1] from pale yellow (0) to dark red (1)."""
    return _look_up(HEAT, values)


def shade(values: Float[np.ndarray, " n"]) -> UInt8[np.ndarray, "n 3"]:
    """Colour grounds for activations of [0, 1] as `heat` does, so pale that black type reads."""
    values = np.clip(np.asarray(values, np.float64), 0, 1)
    share = (0.15 + 0.4 * values)[:, None]
    return (255 * (1 - share) + heat(values) * share).round().astype(np.uint8)


def colouring(key: str, features: Mapping[str, np.ndarray] | None = None) -> Colouring:
    """Return a colouring by its key: one of `COLOURINGS`, or by any score of `features`.

    A score is shown from its smallest to its largest value; on a logarithmic scale, of at most
    `DECADES`, if it is positive and spans more than two.

    Raises
    ------
    MmfeatError
        If there is none of that name.
    """
    if key in COLOURINGS:
        return COLOURINGS[key]
    if features is None or key not in features:
        known = ", ".join(dict.fromkeys([*COLOURINGS, *(features or ())]))
        raise MmfeatError(f"There is no colouring {key!r}; choose one of {known}.")
    label, values = key.replace("_", " "), np.asarray(features[key])
    if values.dtype.kind == "b":
        return Colouring(key, label, "category", 0.0, 1.0, (f"not {label}", label))
    known_values = values[np.isfinite(values)].astype(np.float64)
    low, high = float(known_values.min(initial=np.inf)), float(known_values.max(initial=-np.inf))
    if not low < high:  # all alike, or none known
        return Colouring(key, label, "sequential", min(low, 0.0), max(high, 1.0))
    least = float(known_values[known_values > 0].min(initial=high))
    if low < 0 or high <= 100 * least:
        return Colouring(key, label, "sequential", low, high)
    return Colouring(key, label, "log", max(least, high / 10**DECADES), high)


def bounds(chosen: Colouring, n_languages: int) -> tuple[float, float]:
    """Return the values at the ends of a colouring's palette."""
    return chosen.low, float(max(n_languages, 1)) if np.isnan(chosen.high) else chosen.high


def values_of(chosen: Colouring, features: Mapping[str, np.ndarray]) -> Float[np.ndarray, " f"]:
    """Return the value of each feature that a colouring shows.

    Parameters
    ----------
    chosen : Colouring
        The firing rate is the mean of those of pictures and of captions; sharing is 0
        untestable, 1 not shared, 2 shared.
    features : mapping of str to array
        ``/features`` of an atlas, each [d_sae].
    """
    found: np.ndarray
    if chosen.key == "firing_rate":
        found = np.stack([features["firing_rate_image"], features["firing_rate_text"]])
        found = found.astype(np.float64).sum(axis=0) / 2
    elif chosen.key == "shared":
        found = np.asarray(features["testable"], np.float64)
        found = found * (1 + np.asarray(features["shared"], np.float64))
    else:
        found = np.asarray(features[chosen.key], np.float64)
    return found


def table_of(chosen: Colouring) -> UInt8[np.ndarray, "k 3"]:
    """Return the colours that a colouring uses: one a category, or a palette and the missing."""
    if chosen.kind == "category":
        return CATEGORIES[: max(len(chosen.labels), 1)].copy()
    palette = DIVERGING if chosen.kind == "diverging" else SEQUENTIAL
    return np.concatenate([palette, MISSING[None]])


def codes_of(
    chosen: Colouring, values: Float[np.ndarray, " n"], n_languages: int
) -> UInt16[np.ndarray, " n"]:
    """Return which of the colours of `table_of` each value has; the last where it is missing.

    Silent features, whose firing rate is 0, are missing on a logarithmic scale.
    """
    values = np.asarray(values, np.float64)
    low, high = bounds(chosen, n_languages)
    if chosen.kind == "category":
        last = max(len(chosen.labels), 1) - 1
        return np.asarray(np.clip(np.nan_to_num(values), 0, last), np.uint16)
    if chosen.kind == "log":
        values, low, high = _log(values), float(np.log10(low)), float(np.log10(high))
    return _steps((values - low) / (high - low))


def colour_values(
    chosen: Colouring, values: Float[np.ndarray, " n"], n_languages: int
) -> UInt8[np.ndarray, "n 3"]:
    """Colour values as a colouring says; grey where they are missing."""
    colours: np.ndarray = table_of(chosen)[codes_of(chosen, values, n_languages)]
    return colours


def _log(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    found = np.full(np.shape(values), np.nan)
    np.log10(values, out=found, where=np.asarray(values) > 0)
    return found
