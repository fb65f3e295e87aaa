from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import hypergeom

from mmfeat.analysis import completeness as module
from mmfeat.analysis.codes import Codes
from mmfeat.analysis.completeness import (
    Found,
    best_entry,
    completeness,
    find_features,
    fires_on,
    labels_of,
)


def codes_of(dense: np.ndarray) -> Codes:
    rows, columns = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum((dense > 0).sum(1))])
    return Codes(
        indptr, columns.astype(np.int32), dense[rows, columns].astype(np.float16), dense.shape[1]
    )


def world(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Codes and labels, where feature 3 is label 0, noisily, and feature 5 label 2 exactly."""
    rng = np.random.default_rng(seed)
    n = 240
    dense = np.where(rng.random((n, 12)) < 0.15, rng.random((n, 12)) + 0.1, 0)
    member = (rng.random((n, 6)) < [0.2, 0.1, 0.08, 0.3, 0.005, 0.5]).astype(int)
    dense[:, 3] = np.where(member[:, 0] & (rng.random(n) < 0.9) | (rng.random(n) < 0.02), 1, 0)
    dense[:, 5] = member[:, 2]
    dense[:, 7] = 0
    dense[11] = 0
    return dense, member


def test_labels_are_the_values_that_enough_items_have() -> None:
    columns = {
        "kind": ["a", "b", "a", "", "b", "a"],
        "one": ["x"] * 6,  # no label: nothing is without it
        "rare": ["p", "q", "r", "s", "t", "t"],
    }
    labels = labels_of(columns, 6, 2)
    assert labels.attribute == ("kind", "kind", "rare")
    assert labels.value == ("a", "b", "t")
    assert labels.member.toarray().T.tolist() == [
        [1, 0, 1, 0, 0, 1],
        [0, 1, 0, 0, 1, 0],
        [0, 0, 0, 0, 1, 1],
    ]
    assert labels_of({}, 3, 1).member.shape == (3, 0)


def test_a_label_gets_the_feature_of_best_f1_and_is_scored_on_other_rows() -> None:
    dense, member = world()
    choose, score = np.arange(0, 120), np.arange(120, 240)
    found = find_features(codes_of(dense), sp.csr_array(member), choose, score)
    fires = dense > 0
    p = {}
    for label in range(6):
        own = member[choose, label] > 0
        if own.sum() < 3 or member[score, label].sum() < 3:
            assert not found.tested[label] and found.feature[label] == -1
            assert np.isnan([found.f1[label], found.p[label], found.q[label]]).all()
            continue
        f1 = [
            2 * (fires[choose, f] & own).sum() / (fires[choose, f].sum() + own.sum())
            for f in range(12)
        ]
        best = int(np.argmax(f1))
        assert found.feature[label] == best
        on, true = fires[score, best], member[score, label] > 0
        both = (on & true).sum()
        assert found.precision[label] == pytest.approx(both / on.sum())
        assert found.recall[label] == pytest.approx(both / true.sum())
        assert found.f1[label] == pytest.approx(2 * both / (on.sum() + true.sum()))
        p[label] = hypergeom.sf(both - 1, 120, true.sum(), on.sum())
        assert found.p[label] == pytest.approx(p[label], rel=1e-9)
        assert found.frequency[label] == pytest.approx(member[:, label].mean())
    assert found.feature[0] == 3 and found.has[0]
    assert found.feature[2] == 5 and found.has[2] and found.f1[2] == 1
    assert 4 not in p and len(p) == 5
    ranked = sorted(p.values())
    for label, value in p.items():
        q = min(len(p) * x / (i + 1) for i, x in enumerate(ranked) if x >= value)
        assert found.q[label] == pytest.approx(min(1, q))
        assert found.has[label] == (found.f1[label] >= 0.5 and found.q[label] <= 0.05)
    assert not found.has[1]


def same(a: Found, b: Found) -> bool:
    pairs = zip(astuple(a), astuple(b), strict=True)
    return all(np.array_equal(x, y, equal_nan=True) for x, y in pairs)


def astuple(found: Found) -> tuple[np.ndarray, ...]:
    return tuple(vars(found).values())


def test_neither_the_order_of_rows_nor_the_size_of_blocks_matters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dense, member = world(1)
    choose = np.arange(240) % 2 == 0
    found = find_features(
        codes_of(dense), sp.csr_array(member), np.flatnonzero(choose), np.flatnonzero(~choose)
    )
    order = np.random.default_rng(2).permutation(240)
    shuffled = choose[order]
    monkeypatch.setattr(module, "_CELLS", 50)
    again = find_features(
        codes_of(dense[order]),
        sp.csr_array(member[order]),
        np.flatnonzero(shuffled),
        np.flatnonzero(~shuffled),
    )
    assert same(found, again)


def test_a_feature_that_only_the_choosing_rows_like_is_not_the_label_s() -> None:
    rng = np.random.default_rng(0)
    member = (rng.random((400, 40)) < 0.1).astype(int)
    dense = (rng.random((400, 300)) < 0.1).astype(float)  # nothing but noise
    found = find_features(
        codes_of(dense), sp.csr_array(member), np.arange(200), np.arange(200, 400)
    )
    assert found.tested.all()
    assert not found.has.any()


def test_silent_codes_and_no_labels_are_scored() -> None:
    member = sp.csr_array(np.tile([[1], [0]], (10, 1)))
    found = find_features(codes_of(np.zeros((20, 4))), member, np.arange(10), np.arange(10, 20))
    assert found.feature.tolist() == [-1] and found.f1.tolist() == [0] and not found.has[0]
    empty = find_features(codes_of(np.ones((4, 2))), sp.csr_array((4, 0)), np.arange(2), [2, 3])
    assert len(empty.has) == 0


def test_entries_of_rows_are_found() -> None:
    indptr, value = np.array([0, 2, 2, 5]), np.array([1.0, 3, 2, 7, 7])
    assert best_entry(indptr, value).tolist() == [1, -1, 3]
    dense = np.array([[0, 1, 1], [0, 0, 0], [1, 0, 1.0]])
    row, feature = np.indices(dense.shape).reshape(2, -1)
    assert fires_on(codes_of(dense), row, feature).tolist() == (dense.ravel() > 0).tolist()


def firth(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Maximise the penalised likelihood with another optimiser."""
    from scipy.optimize import minimize

    def loss(beta: np.ndarray) -> float:
        eta = beta[0] + beta[1] * x
        p = 1 / (1 + np.exp(-eta))
        w = p * (1 - p)
        design = np.stack([np.ones_like(x), x], 1)
        penalty = 0.5 * np.linalg.slogdet(design.T @ (w[:, None] * design))[1]
        return -(np.where(y, -np.logaddexp(0, -eta), -np.logaddexp(0, eta)).sum() + penalty)

    return minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-9}).x


def test_the_curve_is_the_penalised_fit_and_its_intervals_are_fieller_s() -> None:
    rng = np.random.default_rng(4)
    frequency = np.exp(rng.uniform(np.log(1e-4), np.log(0.1), 120))
    alive = 2000
    x = np.log(frequency * alive)
    has = rng.random(120) < 1 / (1 + np.exp(-(-1.5 + 0.8 * x)))
    curve = completeness(frequency, alive, has)
    a, b = firth(x, has)
    assert curve.intercept == pytest.approx(a, abs=1e-5)
    assert curve.slope == pytest.approx(b, abs=1e-5)
    assert curve.half == pytest.approx(math.exp(-a / b), rel=1e-4)
    assert (curve.labels, curve.found) == (120, has.sum())
    p = 1 / (1 + np.exp(-(a + b * x)))
    design = np.stack([np.ones_like(x), x], 1)
    v = np.linalg.inv(design.T @ ((p * (1 - p))[:, None] * design))
    assert curve.slope_low == pytest.approx(b - 1.96 * math.sqrt(v[1, 1]), abs=1e-4)
    for end in (curve.half_low, curve.half_high):
        at = math.log(end)
        se = math.sqrt(v[0, 0] + 2 * at * v[0, 1] + at * at * v[1, 1])
        assert abs(a + b * at) / se == pytest.approx(1.96, abs=1e-3)
    assert curve.half_low < curve.half < curve.half_high


def test_the_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(0)
    slope = half = 0
    for _ in range(100):
        x = rng.uniform(-3, 6, 150)
        has = rng.random(150) < 1 / (1 + np.exp(-(-1.5 + 0.8 * x)))
        curve = completeness(np.exp(x) / 1000, 1000, has)
        slope += curve.slope_low <= 0.8 <= curve.slope_high
        half += curve.half_low <= math.exp(1.5 / 0.8) <= curve.half_high
    assert min(slope, half) >= 90


def test_separated_labels_have_a_finite_curve_and_constant_ones_none() -> None:
    frequency = np.geomspace(1e-4, 1e-1, 40)
    curve = completeness(frequency, 1000, frequency > 1e-3)
    assert 0 < curve.slope < 100
    assert curve.half == pytest.approx(1, rel=0.2)
    for has in (np.zeros(40, bool), np.ones(40, bool)):
        assert np.isnan(completeness(frequency, 1000, has).half)
    assert np.isnan(completeness(frequency[:9], 1000, frequency[:9] > 2e-4).slope)
    assert np.isnan(completeness(np.full(40, 0.1), 1000, np.arange(40) < 20).slope)


def test_a_flat_curve_has_no_interval_of_its_middle() -> None:
    rng = np.random.default_rng(0)
    curve = completeness(rng.uniform(0.01, 0.1, 30), 100, rng.random(30) < 0.5)
    assert curve.slope_low < 0 < curve.slope_high
    assert np.isnan([curve.half_low, curve.half_high]).all()
