"""Consistency between languages against plain loops."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import sparse, stats

from mmfeat.analysis.agreement import language_jaccard
from mmfeat.analysis.consistency import consistency, known_mean, summarise

TAGS = ("en", "de", "ar", "fa")


def world(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Firings [languages, units, features], captions there are, identical strings."""
    rng = np.random.default_rng(seed)
    core = rng.random((50, 6)) < 0.3
    has = rng.random((50, 4)) < 0.85
    fires = np.where(rng.random((4, 50, 6)) < 0.7, core, rng.random((4, 50, 6)) < 0.1)
    fires[:, :, 5] = False
    fires[1:, :, 4] = False
    fires &= has.T[:, :, None]
    same = np.zeros((4, 4, 50), bool)
    for a, b in combinations(range(4), 2):
        same[a, b] = same[b, a] = (rng.random(50) < 0.2) & has[:, a] & has[:, b]
    return fires, has, same


def columns(fires: np.ndarray) -> list[sparse.csc_array]:
    return [sparse.csc_array(language.astype(np.int64)) for language in fires]


def test_every_pair_is_that_of_a_plain_loop() -> None:
    fires, has, same = world()
    found = consistency(columns(fires), has, same)
    assert found.pairs == list(combinations(range(4), 2))
    for index, (a, b) in enumerate(found.pairs):
        rows = has[:, a] & has[:, b] & ~same[a, b]
        for feature in range(6):
            x, y = fires[a][rows, feature], fires[b][rows, feature]
            both, either = int((x & y).sum()), int((x | y).sum())
            jaccard = both / either if either else np.nan
            assert found.jaccard[feature, index] == pytest.approx(jaccard, rel=1e-6, nan_ok=True)
            table = [[both, x.sum() - both], [y.sum() - both, rows.sum() - either]]
            p = stats.fisher_exact(table, "greater").pvalue
            assert found.p[feature, index] == pytest.approx(p, rel=1e-9)
            larger = max(x.sum(), y.sum())
            bound = stats.beta.ppf(0.05, both, larger - both + 1) if both else 0
            assert found.lower[feature, index] == pytest.approx(bound, rel=1e-6)


def test_the_summary_is_a_mean_over_pairs_and_by_script() -> None:
    fires, has, same = world()
    found = consistency(columns(fires), has, same)
    summary = summarise(found, TAGS)
    within = [found.pairs.index((0, 1)), found.pairs.index((2, 3))]
    between = [i for i in range(6) if i not in within]
    for feature in range(5):
        row = found.jaccard[feature].astype(np.float64)
        assert summary.jaccard[feature] == pytest.approx(np.nanmean(row))
        assert summary.n_pairs[feature] == np.isfinite(row).sum()
        good = sum(
            p <= 0.05 and low >= 0.1
            for p, low in zip(found.p[feature], found.lower[feature], strict=True)
        )
        assert summary.n_consistent[feature] == good
        assert summary.within_script[feature] == pytest.approx(np.nanmean(row[within]))
        assert summary.between_scripts[feature] == pytest.approx(np.nanmean(row[between]))
    assert np.isnan(summary.jaccard[5]) and summary.n_pairs[5] == 0
    assert summary.jaccard[4] == 0 and summary.n_pairs[4] == 3 and summary.n_consistent[4] == 0
    assert summary.n_consistent.max() > 0


def test_it_is_the_mean_that_the_scoreboard_has() -> None:
    fires, has, same = world(1)
    total, pairs = language_jaccard(columns(fires), has, same)
    summary = summarise(consistency(columns(fires), has, same), TAGS)
    np.testing.assert_array_equal(summary.n_pairs, pairs)
    np.testing.assert_allclose(summary.jaccard[:5], total[:5] / pairs[:5], rtol=1e-6)


def test_identical_strings_are_left_out_only_where_they_are_known() -> None:
    fires, has, same = world(2)
    with_all = consistency(columns(fires), has, None)
    rows = has[:, 0] & has[:, 1]
    x, y = fires[0][rows, 0], fires[1][rows, 0]
    assert with_all.jaccard[0, 0] == pytest.approx((x & y).sum() / (x | y).sum())
    everything = consistency(columns(fires), has, np.ones_like(same))
    assert np.isnan(everything.jaccard).all() and (everything.p == 1).all()


def test_the_order_of_units_does_not_matter() -> None:
    fires, has, same = world(3)
    order = np.random.default_rng(0).permutation(50)
    first = consistency(columns(fires), has, same)
    second = consistency(columns(fires[:, order]), has[order], same[:, :, order])
    np.testing.assert_array_equal(first.jaccard, second.jaccard)
    np.testing.assert_array_equal(first.p, second.p)


def test_one_language_has_no_pairs() -> None:
    fires, has, _ = world()
    found = consistency(columns(fires[:1]), has[:, :1], None)
    assert found.pairs == [] and found.jaccard.shape == found.p.shape == (6, 0)
    summary = summarise(found, ("en",))
    assert np.isnan(summary.jaccard).all() and (summary.n_consistent == 0).all()


def test_a_mean_of_nothing_is_nan() -> None:
    values = np.array([[1.0, np.nan, 3.0], [np.nan] * 3])
    np.testing.assert_array_equal(known_mean(values), [2, np.nan])
    np.testing.assert_array_equal(known_mean(values, 0), [1, np.nan, 3])


def test_no_units_are_nan_without_a_warning() -> None:
    nothing = [sparse.csc_array((0, 3), dtype=np.int64)] * 2
    found = consistency(nothing, np.zeros((0, 2), bool), np.zeros((2, 2, 0), bool))
    assert np.isnan(found.jaccard).all() and (found.p == 1).all() and (found.lower == 0).all()
