"""How often a feature fires on a picture and on its caption alike, with intervals over concepts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Float32, Int

from mmfeat.analysis.sharing import Sharing
from mmfeat.analysis.threads import side_by_side
from mmfeat.analysis.units import UnitFiring
from mmfeat.progress import Advance, ignore

MEASURES = ("phi", "jaccard", "text_given_image", "image_given_text")
# A resample leaves the mean of these where it is. That of phi moves, because phi is curved in the
# counts of a rare feature, and an interval about a moved mean would be wrong.
AVERAGED = MEASURES[1:]
RESAMPLES = 1000
SEED = 0
_LEVEL = 0.95
# Resampled features held at a time: a block of each count should stay in the cache.
_CELLS = 1 << 18


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % percentile interval; NaN where it is not defined."""

    value: Float[np.ndarray, "*shape"]
    low: Float[np.ndarray, "*shape"]
    high: Float[np.ndarray, "*shape"]


@dataclass(frozen=True)
class CoFiring:
    """Co-firing of pictures with captions; the exact p of it is that of `Sharing`.

    Attributes
    ----------
    measures : mapping of str to Estimate [d_sae, languages]
        Each of `MEASURES`.
    means : mapping of str to Estimate [languages]
        Each of `AVERAGED`, over the features for which it is defined.
    counted : mapping of str to int [languages]
        Those features.
    """

    measures: dict[str, Estimate]
    means: dict[str, Estimate]
    counted: dict[str, Int[np.ndarray, "languages"]]


def cofiring(
    units: UnitFiring,
    sharing: Sharing,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    cells: int = _CELLS,
    advance: Advance = ignore,
) -> CoFiring:
    """Measure how far a feature fires on the picture and the captions of the same test units.

    In a language, over the units with a picture and a caption, from the 2 x 2 table of 'fires on
    the picture' and 'fires on a caption': the correlation phi, Jaccard, P(T | I) and P(I | T). The
    bootstrap draws units, which are concepts, with replacement; all features and languages see
    the same draws. A resample in which a measure is not defined is left out of its interval.
    In a mean over features it keeps the feature's value, else rare features, which are missing
    from more resamples, would pull the interval away from the mean.

    Parameters
    ----------
    units : UnitFiring
        What fires on which test unit.
    sharing : Sharing
        The counts of its 2 x 2 tables.
    resamples, seed : int
        How many draws, and which.
    cells : int
        Features times resamples held at a time; it does not change the result.
    advance : callable
        Is told of each language.
    """
    n_units, d_sae = units.image.shape
    shape = (d_sae, len(units.text))
    draws = _draws(n_units, resamples, seed)
    image = _by_feature(units.image)
    counts = (sharing.overlap, sharing.n_image, sharing.n_text, sharing.n_units)
    values = np.stack(_measures(*(count.astype(np.float64) for count in counts)))
    low, high = np.full((2, len(MEASURES), *shape), np.nan, np.float32)
    mean_low, mean_high = np.full((2, len(MEASURES), shape[1]), np.nan)

    def estimate(language: int) -> None:
        inside = units.has_image & units.has_text[:, language]
        weights = draws * inside[:, None]
        fires = (sharing.n_image[:, language] > 0) | (sharing.n_text[:, language] > 0)
        total = np.zeros((len(MEASURES), resamples))
        sampled = _resampled(image, units.text[language], weights, np.flatnonzero(fires), cells)
        for block, found in sampled:
            for m, sample in enumerate(found):
                own = np.nan_to_num(values[m, block, language, None])
                total[m] += np.where(np.isnan(sample), own, sample).sum(0, np.float64)
                low[m, block, language], high[m, block, language] = _interval(sample)
        n = np.isfinite(values[:, :, language]).sum(1)
        total[n == 0] = np.nan
        mean_low[:, language], mean_high[:, language] = _interval(total / np.maximum(n, 1)[:, None])

    for _ in side_by_side(estimate, range(shape[1])):
        advance(1)
    counted = np.isfinite(values).sum(1)
    mean = np.nansum(values, 1) / np.where(counted, counted, np.nan)
    averaged = [(name, MEASURES.index(name)) for name in AVERAGED]
    return CoFiring(
        {
            name: Estimate(values[m].astype(np.float32), low[m], high[m])
            for m, name in enumerate(MEASURES)
        },
        {name: Estimate(mean[m], mean_low[m], mean_high[m]) for name, m in averaged},
        {name: counted[m] for name, m in averaged},
    )


def _by_feature(firing: sp.csc_array) -> sp.csr_array:
    """Return [d_sae, units], in the type of the weights so that products stay in it."""
    return sp.csr_array(firing.T.astype(np.float32))


def _draws(n_units: int, resamples: int, seed: int) -> Float32[np.ndarray, "units resamples"]:
    """Return how often each resample draws each unit."""
    rng = np.random.default_rng(seed)
    drawn = np.zeros((n_units, resamples), np.float32)
    for resample in range(resamples if n_units else 0):
        drawn[:, resample] = np.bincount(rng.integers(n_units, size=n_units), minlength=n_units)
    return drawn


def _resampled(
    image: sp.csr_array,
    caption: sp.csc_array,
    weights: Float32[np.ndarray, "units resamples"],
    features: Int[np.ndarray, "chosen"],
    cells: int,
) -> Iterator[tuple[Int[np.ndarray, "block"], list[Float32[np.ndarray, "block resamples"]]]]:
    """Yield the measures of every resample, some features at a time."""
    text = _by_feature(caption)
    both = sp.csr_array(image.multiply(text))
    n = weights.sum(0)
    step = max(1, cells // max(1, weights.shape[1]))
    for start in range(0, len(features), step):
        block = features[start : start + step]
        yield (
            block,
            _measures(both[block] @ weights, image[block] @ weights, text[block] @ weights, n),
        )


def _measures(
    both: Float[np.ndarray, "*shape"],
    image: Float[np.ndarray, "*shape"],
    text: Float[np.ndarray, "*shape"],
    n: Float[np.ndarray, "*shape"],
) -> list[Float[np.ndarray, "*shape"]]:
    """Return `MEASURES` of counts, NaN where nothing is divided by nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(image * (n - image)) * np.sqrt(text * (n - text))
        return [
            (n * both - image * text) / spread,
            both / (image + text - both),
            both / image,
            both / text,
        ]


def _interval(
    samples: Float[np.ndarray, "rows resamples"],
) -> tuple[Float[np.ndarray, "rows"], Float[np.ndarray, "rows"]]:
    """Return the percentiles of what is defined in each row, interpolated; sorts in place."""
    samples.sort(axis=1)  # NaN goes last
    defined: Bool[np.ndarray, "rows"] = ~np.isnan(samples)
    last = np.maximum(defined.sum(1) - 1, 0)
    ends = []
    for level in ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2):
        at = level * last
        below = np.floor(at).astype(np.int64)
        above = np.minimum(below + 1, last)
        first, second = (
            np.take_along_axis(samples, index[:, None], 1)[:, 0] for index in (below, above)
        )
        ends.append(first + (at - below) * (second - first))
    return ends[0], ends[1]
