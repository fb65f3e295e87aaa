from __future__ import annotations

import numpy as np
import pytest

from mmfeat.analysis import positions
from mmfeat.analysis.codes import Codes
from mmfeat.analysis.purity import Purity, purity


def codes_of(dense: np.ndarray) -> Codes:
    rows, columns = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum((dense > 0).sum(1))])
    return Codes(
        indptr, columns.astype(np.int32), dense[rows, columns].astype(np.float16), dense.shape[1]
    )


def world(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = 500
    value = rng.integers(-1, 5, n)
    dense = np.where(rng.random((n, 15)) < 0.25, rng.random((n, 15)) * 4 + 0.1, 0)
    # Feature 1 grows with value 3; feature 2 fires on it alone; feature 4 never.
    dense[:, 1] = np.where(value == 3, 3 + rng.random(n), rng.random(n) * 2 + 0.1)
    dense[:, 2] = np.where(value == 3, rng.random(n) + 0.1, 0)
    dense[:, 4] = 0
    return dense.astype(np.float16).astype(np.float64), value, rng.random(n) < 0.5


def entropy(values: np.ndarray) -> float:
    p = np.unique(values, return_counts=True)[1] / len(values)
    return float(-(p * np.log(p)).sum())


def test_every_band_equals_brute_force() -> None:
    dense, value, choose = world(0)
    found = purity(codes_of(dense), value, np.flatnonzero(choose), np.flatnonzero(~choose))
    known = value >= 0
    whole = entropy(value[known & ~choose])
    for feature in range(15):
        z = dense[:, feature].astype(np.float32)
        top = z[known].max()
        band = np.minimum(((1 - z / top) * 4).astype(int), 3) if top else np.zeros(500, int)
        on = known & (z > 0)
        rows = [value[on & choose & (band == b)] for b in range(4)]
        rows = [r for r in rows if len(r)]
        mine = int(np.bincount(rows[0]).argmax()) if rows else -1
        assert found.value[feature] == mine
        shares = []
        for b in range(4):
            test = value[on & ~choose & (band == b)]
            assert found.rows[feature, b] == len(test)
            if len(test) < 5 or mine < 0:
                assert np.isnan(found.share[feature, b])
                continue
            shares.append((test == mine).mean())
            assert found.share[feature, b] == pytest.approx(shares[-1])
            assert found.purity[feature, b] == pytest.approx(1 - entropy(test) / whole, abs=1e-6)
        if mine >= 0:
            assert found.base[feature] == pytest.approx((value[known & ~choose] == mine).mean())
        signs = [np.sign(a - b) for i, a in enumerate(shares) for b in shares[i + 1 :]]
        expected = np.mean(signs) if signs else np.nan
        assert found.monotone[feature] == pytest.approx(expected, nan_ok=True)
    assert found.value[4] == -1 and np.isnan(found.base[4]) and not found.rows[4].any()


def test_a_pure_feature_is_pure_in_every_band_and_a_graded_one_at_its_top() -> None:
    dense, value, choose = world(1)
    found = purity(codes_of(dense), value, np.flatnonzero(choose), np.flatnonzero(~choose))
    assert found.value[[1, 2]].tolist() == [3, 3]
    assert found.share[2].tolist() == [1, 1, 1, 1] == found.purity[2].tolist()
    assert found.monotone[2] == 0
    assert found.share[1, 0] == 1 and found.share[1, 3] == 0
    assert found.monotone[1] > 0


def test_rows_may_come_in_any_order_and_features_in_any_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dense, value, choose = world(2)
    a = purity(codes_of(dense), value, np.flatnonzero(choose), np.flatnonzero(~choose))
    order = np.random.default_rng(0).permutation(500)
    monkeypatch.setattr(positions, "_CODES", 90)
    mixed = choose[order]
    b = purity(codes_of(dense[order]), value[order], np.flatnonzero(mixed), np.flatnonzero(~mixed))
    for x, y in zip(vars(a).values(), vars(b).values(), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6)


def empty(found: Purity) -> bool:
    return bool((found.value == -1).all() and np.isnan(found.share).all())


def test_without_values_or_rows_nothing_is_scored() -> None:
    dense, value, choose = world(3)
    none = np.zeros(0, np.int64)
    codes = codes_of(dense)
    assert empty(purity(codes, np.full(500, -1), np.flatnonzero(choose), np.flatnonzero(~choose)))
    assert empty(purity(codes, value, none, np.arange(500)))
    found = purity(codes, value, np.arange(500), none)
    assert found.value[2] == 3 and np.isnan(found.base).all() and np.isnan(found.purity).all()
