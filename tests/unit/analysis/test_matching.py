from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import scipy.sparse as sp

from mmfeat.analysis import matching, stability
from mmfeat.analysis.matching import (
    Correlations,
    Cosines,
    match,
    random_cosine,
)


def sparse_codes(rows: int, features: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random((rows, features)) < 0.3, rng.exponential(1, (rows, features)), 0)


def test_correlations_equal_those_of_the_dense_codes() -> None:
    a, b = sparse_codes(200, 9, 0), sparse_codes(200, 7, 1)
    b[:, 2] = 3 * a[:, 4] + 1e-6 * b[:, 2]
    a[:, 8] = 0  # silent: nothing can be said
    found = Correlations(sp.csr_array(a), sp.csc_array(b), 200)
    assert found.shape == (9, 7)
    expected = np.corrcoef(a.T[:8], b.T)[:8, 8:]
    np.testing.assert_allclose(found.block(0, 8), expected, atol=1e-10)
    np.testing.assert_allclose(found.block(3, 5), expected[3:5], atol=1e-10)
    assert (found.block(8, 9) == 0).all()
    order = np.random.default_rng(2).permutation(200)
    again = Correlations(sp.csr_array(a[order]), sp.csr_array(b[order]), 200)
    np.testing.assert_allclose(again.block(0, 9), found.block(0, 9), atol=1e-10)


def test_codes_of_different_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="codes of 4 rows and of 5 rows"):
        Correlations(sp.csr_array((4, 2)), sp.csr_array((5, 2)), 4)


def test_the_matching_is_the_best_of_all_and_its_mean_is_the_stability() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 3)), rng.normal(size=(6, 3)) * 5
    found = match(Cosines(a, b))
    cosine = (a / np.linalg.norm(a, axis=1)[:, None]) @ (b / np.linalg.norm(b, axis=1)[:, None]).T
    best = max(permutations(range(6), 4), key=lambda p: cosine[range(4), p].sum())
    assert found.method == "hungarian"
    assert found.a.tolist() == [0, 1, 2, 3]
    assert found.b.tolist() == list(best)
    np.testing.assert_allclose(found.value, cosine[range(4), best], atol=1e-6)
    assert found.stability == pytest.approx(stability.matched_cosine(a, b), abs=1e-6)


def test_nearest_partners_of_both_sides_are_the_largest_similarities(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(23, 5)), rng.normal(size=(17, 5))
    cosine = (a / np.linalg.norm(a, axis=1)[:, None]) @ (b / np.linalg.norm(b, axis=1)[:, None]).T
    whole = match(Cosines(a, b), partners=4)
    monkeypatch.setattr(matching, "_CELLS", 3 * 17)  # three features at a time
    for found in (whole, match(Cosines(a, b), partners=4)):
        for nearest, table in ((found.nearest_a, cosine), (found.nearest_b, cosine.T)):
            assert nearest.index.tolist() == np.argsort(-table, axis=1)[:, :4].tolist()
            np.testing.assert_allclose(nearest.value, -np.sort(-table, axis=1)[:, :4], atol=1e-6)


def test_with_too_many_features_partners_are_those_nearest_to_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(12, 3)), rng.normal(size=(15, 3))
    cosine = (a / np.linalg.norm(a, axis=1)[:, None]) @ (b / np.linalg.norm(b, axis=1)[:, None]).T
    monkeypatch.setattr(stability, "MOST", 14)
    found = match(Cosines(a, b))
    assert found.method == "mutual"
    expected = [
        (i, int(cosine[i].argmax()))
        for i in range(12)
        if cosine[:, cosine[i].argmax()].argmax() == i
    ]
    assert list(zip(found.a.tolist(), found.b.tolist(), strict=True)) == expected
    np.testing.assert_allclose(found.value, [cosine[pair] for pair in expected], atol=1e-6)


def test_a_side_without_features_or_with_few_is_padded(monkeypatch: pytest.MonkeyPatch) -> None:
    found = match(Cosines(np.ones((2, 3)), np.ones((1, 3))), partners=3)
    assert found.nearest_a.index.tolist() == [[0, -1, -1]] * 2
    assert np.isnan(found.nearest_a.value[:, 1:]).all()
    assert found.nearest_b.index.tolist() == [[0, 1, -1]]
    monkeypatch.setattr(stability, "MOST", 1)
    for sides in ((np.ones((2, 3)), np.ones((0, 3))), (np.ones((0, 3)), np.ones((2, 3)))):
        none = match(Cosines(*sides))
        assert np.isnan(none.stability)
        assert none.nearest_a.without_partner(0.0).all()


def test_features_below_the_bar_are_unique() -> None:
    # Chance is 0.30 for 3 directions of width 64.
    a = np.eye(64)[:4]
    b = np.eye(64)[:3] * [[1], [0.8], [0.25]] + np.eye(64)[60:63] * [[0], [0.6], [0.9682458]]
    nearest = match(Cosines(a, b)).nearest_a
    assert nearest.without_partner(0.7).tolist() == [False, False, True, True]
    assert nearest.without_partner(0.5).tolist() == [False, False, True, True]
    assert nearest.without_partner(0.9).tolist() == [False, True, True, True]
    assert random_cosine(3, 64) > 0.25
    assert nearest.without_partner(0.2).tolist() == [False, False, True, True]  # as by chance


def test_one_in_twenty_random_directions_is_nearer_than_the_null() -> None:
    rng = np.random.default_rng(5)
    known = rng.normal(size=(50, 12))
    known /= np.linalg.norm(known, axis=1)[:, None]
    tried = rng.normal(size=(40_000, 12))
    largest = (tried / np.linalg.norm(tried, axis=1)[:, None] @ known.T).max(1)
    share = (largest > random_cosine(50, 12)).mean()
    assert 0.04 < share <= 0.052  # Bonferroni: a little below 5 %
    assert random_cosine(500, 12) > random_cosine(50, 12) > random_cosine(50, 100)
    assert (
        match(Cosines(tried[:9], known)).nearest_a.chance == np.float32(random_cosine(50, 12))
    ).all()


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5])
def test_about_one_in_twenty_permuted_codes_correlates_more_than_by_chance(rate: float) -> None:
    rng = np.random.default_rng(6)
    n, tries = 500, 2000
    codes = np.where(rng.random((n, 21)) < rate, rng.exponential(1, (n, 21)), 0)
    own = Correlations(sp.csr_array(codes[:, :1]), sp.csr_array(codes[:, 1:]), n)
    chance = own.chance(np.zeros(20, int), np.arange(20), 20)
    z = (codes - codes.mean(0)) / codes.std(0)
    found = np.array([z[:, 1:].T @ z[rng.permutation(n), 0] / n for _ in range(tries)])
    assert found.var() == pytest.approx(1 / (n - 1), rel=0.08)
    skewness = ((found / found.std(0)) ** 3).mean(0)
    expected = (z[:, 1:] ** 3).mean(0) * (z[:, 0] ** 3).mean() * np.sqrt(n - 1) / (n - 2)
    np.testing.assert_allclose(skewness.mean(), expected.mean(), rtol=0.15, atol=0.05)
    best = found.argmax(1)
    share = (found.max(1) > chance[best]).mean()
    # The tail is an approximation: with ten firings in 500 rows it is exceeded a little more.
    assert 0.03 < share < 0.09


def test_captions_that_move_with_their_items_vary_at_most_as_items_do() -> None:
    rng = np.random.default_rng(9)
    items, each = 60, 5
    a = np.repeat(rng.normal(size=items), each) + 0.3 * rng.normal(size=items * each)
    b = np.repeat(rng.normal(size=items), each) + 0.3 * rng.normal(size=items * each)
    own = a.reshape(items, each)
    found = [np.corrcoef(own[rng.permutation(items)].ravel(), b)[0, 1] for _ in range(4000)]
    assert 1 / (items * each - 1) < np.var(found) < 1.05 / (items - 1)
