"""Co-firing against plain loops in float64, and its intervals against what they must do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import sparse, stats

from mmfeat.analysis.cofiring import AVERAGED, MEASURES, CoFiring, cofiring
from mmfeat.analysis.units import UnitFiring


def units_of(
    image: np.ndarray,
    text: Sequence[np.ndarray],
    has_image: np.ndarray | None = None,
    has_text: np.ndarray | None = None,
) -> UnitFiring:
    """Take dense [units, features] firings; what is missing is given apart."""
    n = len(image)
    return UnitFiring(
        sparse.csc_array(image.astype(np.int64)),
        [sparse.csc_array(language.astype(np.int64)) for language in text],
        np.ones(n, bool) if has_image is None else has_image,
        np.ones((n, len(text)), bool) if has_text is None else has_text,
    )


def run(units: UnitFiring, **settings: int) -> CoFiring:
    return cofiring(units, units.sharing(), **settings)


def world(seed: int, n: int = 60, features: int = 7) -> UnitFiring:
    """Firings with partial agreement, captions and pictures that are missing."""
    rng = np.random.default_rng(seed)
    image = rng.random((n, features)) < 0.3
    text = [np.where(rng.random(image.shape) < 0.6, image, rng.random(image.shape) < 0.2)] * 2
    text[1] = rng.random(image.shape) < 0.2
    image[:, 0] = False
    text[0][:, 1] = False
    has_image, has_text = rng.random(n) < 0.9, rng.random((n, 2)) < 0.8
    image &= has_image[:, None]
    text = [language & has_text[:, i, None] for i, language in enumerate(text)]
    return units_of(image, text, has_image, has_text)


def by_hand(i: np.ndarray, t: np.ndarray) -> dict[str, float]:
    """The four measures of one feature in one language from its units."""
    both, either = int((i & t).sum()), int((i | t).sum())
    varied = 0 < i.sum() < len(i) and 0 < t.sum() < len(t)
    return {
        "phi": float(np.corrcoef(i, t)[0, 1]) if varied else np.nan,
        "jaccard": both / either if either else np.nan,
        "text_given_image": both / i.sum() if i.any() else np.nan,
        "image_given_text": both / t.sum() if t.any() else np.nan,
    }


def test_measures_are_those_of_a_plain_loop_over_units_with_both_sides() -> None:
    units = world(0)
    found = run(units, resamples=10)
    for language in range(2):
        rows = units.has_image & units.has_text[:, language]
        for feature in range(units.image.shape[1]):
            i = units.image.toarray()[rows, feature] > 0
            t = units.text[language].toarray()[rows, feature] > 0
            for name, value in by_hand(i, t).items():
                got = found.measures[name].value[feature, language]
                assert got == pytest.approx(value, abs=1e-6, nan_ok=True), name


def test_intervals_are_the_percentiles_of_the_same_draws_in_a_plain_loop() -> None:
    units, resamples, seed = world(1), 40, 3
    found = run(units, resamples=resamples, seed=seed)
    n = units.image.shape[0]
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(n, size=n) for _ in range(resamples)]
    for language in range(2):
        inside = units.has_image & units.has_text[:, language]
        image, text = units.image.toarray() > 0, units.text[language].toarray() > 0
        means: dict[str, list[float]] = {name: [] for name in AVERAGED}
        samples = {name: np.full((resamples, image.shape[1]), np.nan) for name in MEASURES}
        for r, draw in enumerate(drawn):
            rows = draw[inside[draw]]
            for feature in range(image.shape[1]):
                measured = by_hand(image[rows, feature], text[rows, feature])
                for name in MEASURES:
                    samples[name][r, feature] = measured[name]
        for name in MEASURES:
            for feature in range(image.shape[1]):
                kept = samples[name][:, feature]
                kept = kept[~np.isnan(kept)]
                ends = np.percentile(kept, [2.5, 97.5]) if kept.size else [np.nan] * 2
                estimate = found.measures[name]
                got = [estimate.low[feature, language], estimate.high[feature, language]]
                np.testing.assert_allclose(got, ends, atol=2e-6)
            if name in AVERAGED:
                value = found.measures[name].value[:, language].astype(np.float64)
                filled = np.where(np.isnan(samples[name]), value, samples[name])
                means[name] = np.nanmean(filled[:, ~np.isnan(value)], axis=1).tolist()
                mean = found.means[name]
                np.testing.assert_allclose(mean.value[language], np.nanmean(value), rtol=1e-6)
                np.testing.assert_allclose(
                    [mean.low[language], mean.high[language]],
                    np.percentile(means[name], [2.5, 97.5]),
                    atol=1e-6,
                )
                assert found.counted[name][language] == np.isfinite(value).sum()


def test_blocks_do_not_change_the_result() -> None:
    units = world(2)
    whole, blocks = run(units, resamples=30), run(units, resamples=30, cells=60)
    for name in MEASURES:
        np.testing.assert_array_equal(whole.measures[name].low, blocks.measures[name].low)
        np.testing.assert_array_equal(whole.measures[name].high, blocks.measures[name].high)
    for name in AVERAGED:
        np.testing.assert_allclose(whole.means[name].low, blocks.means[name].low, rtol=1e-12)


def test_features_and_languages_can_be_in_any_order_and_the_seed_is_kept() -> None:
    units = world(3)
    order = np.random.default_rng(0).permutation(units.image.shape[1])
    other = UnitFiring(
        units.image[:, order],
        [units.text[i][:, order] for i in (1, 0)],
        units.has_image,
        units.has_text[:, ::-1],
    )
    found, turned = run(units, resamples=30), run(other, resamples=30)
    for name in MEASURES:
        np.testing.assert_array_equal(
            found.measures[name].high[order][:, ::-1], turned.measures[name].high
        )
    assert not np.array_equal(
        found.measures["jaccard"].low, run(units, resamples=30, seed=1).measures["jaccard"].low
    )


def test_known_features_have_known_measures_and_intervals_of_the_binomial_width() -> None:
    n, fires = 4000, 800
    image = np.zeros((n, 3), bool)
    image[:fires] = True
    text = np.zeros((n, 3), bool)
    text[:fires, 0] = True  # the same units
    text[fires : 2 * fires, 1] = True  # none of them
    text[fires // 2 : fires + fires // 2, 2] = True  # half of them
    found = run(units_of(image, [text]), resamples=400)
    jaccard, given = found.measures["jaccard"], found.measures["text_given_image"]
    np.testing.assert_allclose(jaccard.value[:, 0], [1, 0, 1 / 3], rtol=1e-6)
    assert (jaccard.low[0, 0], jaccard.high[0, 0]) == (1, 1)
    assert (jaccard.low[1, 0], jaccard.high[1, 0]) == (0, 0)
    assert found.measures["phi"].value[1, 0] < 0
    # Given how often the picture fires, the overlap of a resample is binomial.
    wanted = stats.binom.ppf([0.025, 0.975], fires, 0.5) / fires
    np.testing.assert_allclose([given.low[2, 0], given.high[2, 0]], wanted, atol=0.006)


def test_the_interval_of_a_mean_holds_the_mean_where_most_features_are_rare() -> None:
    rng = np.random.default_rng(5)
    image = np.zeros((400, 3000), bool)
    image[rng.integers(400, size=3000), np.arange(3000)] = True  # each on one unit
    image[:, :300] = rng.random((400, 300)) < 0.2
    text = image & (rng.random(image.shape) < 0.5)
    text[:, 300:] = False
    found = run(units_of(image, [text]), resamples=100)
    mean = found.means["jaccard"]
    assert mean.value[0] == pytest.approx(0.05, abs=0.002)
    assert mean.low[0] < mean.value[0] < mean.high[0] < 0.055


def test_nothing_to_measure_is_nan() -> None:
    image = np.ones((4, 2), bool)
    found = run(units_of(image, [image], np.zeros(4, bool)), resamples=5)
    assert all(np.isnan(found.measures[name].value).all() for name in MEASURES)
    assert all(np.isnan(found.measures[name].high).all() for name in MEASURES)
    assert np.isnan(found.means["jaccard"].value[0]) and np.isnan(found.means["jaccard"].low[0])
    assert found.counted["jaccard"].tolist() == [0]
    empty = run(units_of(np.zeros((0, 2)), [np.zeros((0, 2))]), resamples=5)
    assert np.isnan(empty.measures["phi"].value).all()
