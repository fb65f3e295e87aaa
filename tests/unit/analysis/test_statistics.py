"""Exact tests and bounds, against enumeration and scipy's other implementations."""

from __future__ import annotations

from itertools import combinations, product
from math import comb

import numpy as np
import pytest
from scipy import stats

from mmfeat.analysis.statistics import (
    benjamini_hochberg,
    hypergeometric_p,
    lower_bound,
    partial_conjunction,
    stratified_p,
)


def enumerated_p(overlap: int, first: list[bool], second: list[bool], strata: list[int]) -> float:
    """Count, of all ways to place `second` within strata, those that overlap so much."""
    choices = []
    for stratum in sorted(set(strata)):
        places = [i for i, s in enumerate(strata) if s == stratum]
        choices.append(list(combinations(places, sum(second[i] for i in places))))
    overlaps = [sum(first[i] for chosen in placed for i in chosen) for placed in product(*choices)]
    return sum(o >= overlap for o in overlaps) / len(overlaps)


def test_hypergeometric_p_is_the_share_of_pairings_with_so_large_an_overlap() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        first, second = (rng.random((2, 9)) < 0.4).tolist()
        overlap = sum(a and b for a, b in zip(first, second, strict=True))
        p = hypergeometric_p(
            np.array([overlap]), np.array([9]), np.array([sum(first)]), np.array([sum(second)])
        )
        assert p[0] == pytest.approx(enumerated_p(overlap, first, second, [0] * 9), abs=1e-12)


def test_hypergeometric_p_agrees_with_fishers_exact_test_and_broadcasts() -> None:
    rng = np.random.default_rng(1)
    population = np.array([60, 200])
    first = rng.integers(0, 50, (30, 2))
    second = rng.integers(0, 50, (30, 2))
    lowest = np.maximum(0, first + second - population)
    overlap = rng.integers(lowest, np.minimum(first, second) + 1)
    p = hypergeometric_p(overlap, population, first, second)
    assert p.shape == (30, 2)
    for (row, column), value in np.ndenumerate(p):
        o, a, b = overlap[row, column], first[row, column], second[row, column]
        table = [[o, a - o], [b - o, population[column] - a - b + o]]
        expected = stats.fisher_exact(table, alternative="greater").pvalue
        assert value == pytest.approx(expected, rel=1e-7)


def test_hypergeometric_p_of_no_units_is_one() -> None:
    zero = np.zeros((3, 2), dtype=np.int64)
    assert hypergeometric_p(zero, zero[0], zero, zero).tolist() == [[1.0, 1.0]] * 3


def test_stratified_p_is_the_share_of_pairings_within_strata() -> None:
    rng = np.random.default_rng(2)
    strata = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3]
    population = np.bincount(strata)
    first, second = rng.random((2, 60, len(strata))) < rng.uniform(0.2, 0.8, (2, 60, 1))
    member = np.eye(4, dtype=np.int64)[strata]
    overlap = (first & second).sum(axis=1)
    p = stratified_p(overlap, population, first @ member, second @ member)
    expected = [
        enumerated_p(int(o), a.tolist(), b.tolist(), strata)
        for o, a, b in zip(overlap, first, second, strict=True)
    ]
    assert len(set(expected)) > 15
    np.testing.assert_allclose(p, expected, rtol=0, atol=1e-10)


def test_stratified_p_keeps_its_precision_in_the_far_tail() -> None:
    # 20 strata of 10 units, 3 and 3 in each, all of them overlapping: one way in comb(10, 3).
    three = np.full((1, 20), 3)
    p = stratified_p(np.array([60]), np.full(20, 10), three, three)
    assert p[0] == pytest.approx(comb(10, 3) ** -20.0, rel=1e-10)


def test_stratified_p_of_one_stratum_is_the_hypergeometric_p() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.integers(1, 90, (2, 300))
    overlap = rng.integers(np.maximum(0, first + second - 100), np.minimum(first, second) + 1)
    p = stratified_p(overlap, np.array([100]), first[:, None], second[:, None])
    np.testing.assert_allclose(p, hypergeometric_p(overlap, 100, first, second), rtol=1e-8)


def test_stratified_p_with_windows_is_close_to_and_not_below_the_exact_p() -> None:
    population, first, second = np.array([20_000, 30_000]), (6_000, 9_000), (4_000, 9_000)
    o, margins = np.arange(3_700, 4_200, 20), np.ones((25, 1), dtype=np.int64)
    p = stratified_p(o, population, margins * first, margins * second)
    one, two = (
        stats.hypergeom.pmf(np.arange(b + 1), n, a, b)
        for n, a, b in zip(population, first, second, strict=True)
    )
    exact = np.convolve(one, two)
    expected = np.array([exact[value:].sum() for value in o])
    assert expected[0] > 0.99 and expected[-1] < 1e-6
    np.testing.assert_allclose(p, expected, rtol=1e-7, atol=1e-39)
    # Beyond the window p is what may have been left out, not zero.
    one_test = margins[:1]
    beyond = stratified_p(np.array([13_000]), population, one_test * first, one_test * second)
    assert 0 < beyond[0] < 1e-38


def test_stratified_p_ignores_the_order_of_tests() -> None:
    rng = np.random.default_rng(4)
    population = np.array([15, 40, 7])
    first, second = rng.integers(0, population + 1, (2, 500, 3))
    overlap = rng.integers(0, np.minimum(first, second).sum(axis=1) + 1)
    order = rng.permutation(500)
    p = stratified_p(overlap, population, first, second)
    np.testing.assert_allclose(
        stratified_p(overlap[order], population, first[order], second[order]), p[order], rtol=1e-12
    )


def test_partial_conjunction_takes_the_rth_smallest_p() -> None:
    p = np.array([[0.04, 0.001, 0.5, 0.01], [0.9, 0.8, 0.7, 0.6]])
    np.testing.assert_allclose(partial_conjunction(p, 3), [2 * 0.04, 1.0])
    np.testing.assert_allclose(partial_conjunction(p, 1), [4 * 0.001, 1.0])
    np.testing.assert_allclose(partial_conjunction(p, 4), [0.5, 0.9])
    fourteen = np.arange(14, 0, -1) / 1000
    assert partial_conjunction(fourteen, 10) == pytest.approx(5 * 0.010)
    with pytest.raises(ValueError, match="between 1 and 4"):
        partial_conjunction(p, 5)


def test_benjamini_hochberg_agrees_with_scipy_and_leaves_the_untested_out() -> None:
    rng = np.random.default_rng(5)
    p = np.round(rng.random(50) ** 3, 2)  # with ties
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p))
    holes = np.insert(p, [0, 10, 50], np.nan)
    q = benjamini_hochberg(holes)
    assert np.array_equal(np.isnan(q), np.isnan(holes))
    np.testing.assert_allclose(q[~np.isnan(q)], stats.false_discovery_control(p))
    assert benjamini_hochberg(np.array([])).shape == (0,)
    assert np.isnan(benjamini_hochberg(np.array([np.nan]))).all()


def test_lower_bound_is_exact() -> None:
    successes, trials = np.array([0, 0, 1, 5, 5, 40]), np.array([0, 7, 9, 5, 12, 100])
    bound = lower_bound(successes, trials)
    assert bound[:2].tolist() == [0.0, 0.0]
    assert bound[3] == pytest.approx(0.05 ** (1 / 5))
    for k, n, low in zip(successes[2:], trials[2:], bound[2:], strict=True):
        assert stats.binom.sf(k - 1, n, low) == pytest.approx(0.05)
        expected = stats.binomtest(k, n, alternative="greater").proportion_ci(0.95).low
        assert low == pytest.approx(expected)
