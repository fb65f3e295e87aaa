"""The bridge against dense float64 sums, and its null against permutations."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import scipy.sparse as sp

from mmfeat.analysis.bridge import Bridge, averaging, bridge, paired_codes
from mmfeat.analysis.codes import Codes
from mmfeat.errors import MmfeatError


def codes_of(dense: np.ndarray) -> Codes:
    rows, columns = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum((dense > 0).sum(1))])
    values = dense[rows, columns].astype(np.float16)
    return Codes(indptr, columns.astype(np.int32), values, dense.shape[1])


def sparse_rows(rng: np.random.Generator, shape: tuple[int, int], rate: float) -> np.ndarray:
    return np.where(rng.random(shape) < rate, rng.gamma(2, 1, shape), 0)


def dense_bridge(x: np.ndarray, y: np.ndarray, d: np.ndarray, e: np.ndarray) -> np.ndarray:
    """B by its definition, NaN where latents never fire together."""
    covariance = (x - x.mean(0)).T @ (y - y.mean(0)) / len(x)
    unit_d = d / np.linalg.norm(d, axis=1, keepdims=True)
    unit_e = e / np.linalg.norm(e, axis=1, keepdims=True)
    return np.where((x > 0).T.astype(int) @ (y > 0) > 0, covariance * (unit_d @ unit_e.T), np.nan)


def some(seed: int = 0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    x, y = sparse_rows(rng, (60, 30), 0.12), sparse_rows(rng, (60, 30), 0.15)
    y[:, :10] = np.where(x[:, :10] > 0, x[:, :10] + 0.1, y[:, :10] * (rng.random((60, 10)) < 0.2))
    x[:, 7], y[:, 8], x[:, 9] = 0, 0, 0
    x[3, 9] = 1  # once
    d, e = rng.normal(size=(30, 6)) * 3, rng.normal(size=(30, 6))
    e[:15] = 0.1 * d[:15]
    return x, y, d, e


def run(x: np.ndarray, y: np.ndarray, d: np.ndarray, e: np.ndarray, **options: int) -> Bridge:
    return bridge(sp.csr_array(x), sp.csr_array(y), d, e, **options)


def assert_strongest(side: object, expected: np.ndarray, k: int) -> None:
    for feature, row in enumerate(expected):
        known = np.flatnonzero(~np.isnan(row))
        best = known[np.argsort(-np.abs(row[known]), kind="stable")][:k]
        assert side.index[feature].tolist() == [*best, *[-1] * (k - len(best))]
        np.testing.assert_allclose(side.value[feature, : len(best)], row[best], rtol=1e-5)
        assert np.isnan(side.value[feature, len(best) :]).all()


@pytest.mark.parametrize("cells", [1, 200, 1 << 22])
def test_bridge_equals_the_dense_sums_whatever_the_blocks(cells: int) -> None:
    x, y, d, e = some()
    expected = dense_bridge(x, y, d, e)
    found = run(x, y, d, e, k=4, cells=cells)
    assert_strongest(found.image, expected, 4)
    assert_strongest(found.text, expected.T, 4)
    np.testing.assert_allclose(found.own, np.diag(expected), rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(found.mass_image, np.nansum(np.abs(expected), 1), rtol=1e-5)
    np.testing.assert_allclose(found.mass_text, np.nansum(np.abs(expected), 0), rtol=1e-5)
    mass = np.nansum(np.abs(expected))
    best = np.nanargmax(np.nan_to_num(np.abs(expected), nan=-1), 1)
    partnered = ~np.isnan(expected).all(1)
    summary = found.summary()
    assert summary["pairs"] == 60 and summary["partnered"] == partnered.sum() == 29
    assert summary["own_best"] == (best == np.arange(30))[partnered].sum() > 4
    assert summary["diagonal"] == pytest.approx(np.nansum(np.abs(np.diag(expected))) / mass)
    top = np.nanmax(np.nan_to_num(np.abs(expected)), 1).sum() / mass
    assert summary["top_image"] == pytest.approx(top, rel=1e-5)


def z_of(x: np.ndarray, y: np.ndarray, pairings: list[np.ndarray]) -> np.ndarray:
    """The sums of products in standard deviations of those under the pairings."""
    total, square = np.zeros((x.shape[1], y.shape[1])), np.zeros((x.shape[1], y.shape[1]))
    middle = np.outer(x.sum(0), y.sum(0)) / len(x)
    for order in pairings:
        drawn = x.T @ y[order] - middle
        total += drawn
        square += drawn**2
    mean = total / len(pairings)
    sd = np.sqrt(square / len(pairings) - mean**2)
    return (x.T @ y - middle - mean) / np.where(sd > 1e-9, sd, np.nan)


def compare_z(found: Bridge, z: np.ndarray, **tolerance: float) -> int:
    checked = 0
    for feature in range(len(z)):
        for index, value in zip(found.image.index[feature], found.image.z[feature], strict=True):
            if index >= 0:
                expected = z[feature, index]
                assert value == pytest.approx(expected, nan_ok=True, **tolerance)
                checked += 1
    known = ~np.isnan(found.own)
    np.testing.assert_allclose(found.own_z[known], np.diag(z)[known], *tolerance.values())
    return checked


def test_z_is_exact_over_all_pairings() -> None:
    rng = np.random.default_rng(1)
    x, y = sparse_rows(rng, (6, 9), 0.5), sparse_rows(rng, (6, 9), 0.5)
    found = run(x, y, rng.normal(size=(9, 4)), rng.normal(size=(9, 4)), k=9)
    pairings = [np.array(order) for order in permutations(range(6))]
    assert compare_z(found, z_of(x, y, pairings), rel=1e-5, abs=1e-6) > 30


def test_z_agrees_with_many_permutations() -> None:
    x, y, d, e = some(1)
    rng = np.random.default_rng(2)
    pairings = [rng.permutation(60) for _ in range(20_000)]
    assert compare_z(run(x, y, d, e, k=30), z_of(x, y, pairings), rel=0.1, abs=0.05) > 300


def test_true_pairs_stand_out_and_random_pairs_do_not() -> None:
    rng = np.random.default_rng(3)
    concept = rng.integers(0, 20, 800)
    d = rng.normal(size=(20, 16))
    x = np.eye(20)[concept] * rng.uniform(1, 2, (800, 1))
    y = np.eye(20)[concept] * rng.uniform(1, 2, (800, 1))
    true = run(x, y, d, d).summary()
    assert true["diagonal"] == 1 and true["own_best"] == 20
    shuffled = run(x, y[rng.permutation(800)], d, d)
    assert np.nanmax(np.abs(shuffled.own_z)) < 4 < np.nanmin(run(x, y, d, d).own_z)


def test_the_order_of_pairs_does_not_matter() -> None:
    x, y, d, e = some(4)
    order = np.random.default_rng(5).permutation(60)
    a, b = run(x, y, d, e), run(x[order], y[order], d, e)
    np.testing.assert_array_equal(a.image.index, b.image.index)
    np.testing.assert_allclose(a.text.z, b.text.z, rtol=1e-5)


def test_pairs_average_captions_then_languages() -> None:
    text = np.array([[2.0, 0], [4, 0], [0, 8], [0, 1], [5, 5], [1, 1]])
    image = np.array([[1.0, 0], [0, 2], [0, 3]])
    a, b = paired_codes(
        codes_of(image),
        codes_of(text),
        np.array([1, 0, 2]),
        np.array([0, 0, 0, -1, 1, 5]),
        np.array([0, 0, 1, 0, 1, 0]),
    )
    # Unit 2 has no caption, unit 5 no picture; unit 0 has two captions in one language.
    assert a.toarray().tolist() == [[0, 2], [1, 0]]
    assert b.toarray().tolist() == [[1.5, 4], [5, 5]]
    weights = averaging(np.array([-1, 1, 1]), np.array([0, 0, 0]), 3)
    assert weights.toarray().tolist() == [[0, 0, 0], [0, 0.5, 0.5], [0, 0, 0]]


def test_no_pairs_give_an_empty_bridge() -> None:
    empty = sp.csr_array((0, 5))
    found = bridge(empty, empty, np.eye(5), np.eye(5), k=3)
    assert (found.image.index == -1).all() and np.isnan(found.own).all()
    assert found.summary()["diagonal"] is None and found.summary()["partnered"] == 0


def test_a_feature_that_fires_alike_everywhere_has_no_z() -> None:
    x, y, d, e = some(6)
    x[:, 0] = 0.3
    found = run(x, y, d, e)
    assert np.isnan(found.image.z[0]).all() and (found.image.index[0] >= 0).all()
    np.testing.assert_allclose(found.image.value[0], 0, atol=1e-12)


def test_sides_that_differ_are_refused() -> None:
    with pytest.raises(MmfeatError, match="one row of each for every pair"):
        bridge(sp.csr_array((3, 5)), sp.csr_array((4, 5)), np.eye(5), np.eye(5))
