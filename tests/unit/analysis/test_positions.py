from __future__ import annotations

import numpy as np
import pytest

from mmfeat.analysis import positions as module
from mmfeat.analysis.codes import Codes
from mmfeat.analysis.positions import positions, wholes


def codes_of(dense: np.ndarray) -> Codes:
    rows, columns = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum((dense > 0).sum(1))])
    return Codes(
        indptr, columns.astype(np.int32), dense[rows, columns].astype(np.float16), dense.shape[1]
    )


def captions(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Codes of the tokens of 60 captions of 1 to 9 tokens in three languages, one without any."""
    rng = np.random.default_rng(seed)
    length = rng.integers(1, 10, 60)
    owner = np.repeat(np.arange(60) * 2 + 5, length)
    position = np.concatenate([np.arange(n) + 1 for n in length])
    group = np.repeat(rng.integers(0, 2, 60), length)
    n = len(owner)
    dense = np.where(rng.random((n, 14)) < 0.2, rng.random((n, 14)) + 0.1, 0)
    dense[:, 3] = 0
    return dense.astype(np.float16).astype(float), owner, position, group


def gathered(codes: Codes, *coordinates: object) -> dict[str, np.ndarray]:
    parts = [vars(found) for _, found in positions(codes, wholes(*coordinates))]
    return {
        key: np.concatenate([part[key] for part in parts])
        for key in parts[0]
        if parts[0][key] is not None
    }


def test_every_statistic_equals_brute_force() -> None:
    dense, owner, position, group = captions()
    found = gathered(codes_of(dense), owner, position, group, 3)
    ids = np.unique(owner)
    language = np.array([group[owner == o][0] for o in ids])
    for f in range(14):
        for g in range(3):
            own = group == g
            expected = (dense[own, f] > 0).mean() if own.any() else np.nan
            assert found["rate"][f, g] == pytest.approx(expected, nan_ok=True)
            reached = [(dense[owner == o, f] > 0).any() for o in ids[language == g]]
            expected = np.mean(reached) if reached else np.nan
            assert found["whole_rate"][f, g] == pytest.approx(expected, nan_ok=True)
        strongest, spread, fifths = [], [], np.zeros(5)
        for o in ids:
            z = dense[owner == o, f]
            if not z.any():
                continue
            q = z[z > 0] / z.sum()
            strongest.append(q.max())
            if len(z) > 1:
                spread.append(-(q * np.log(q)).sum() / np.log(len(z)))
            for rank in np.flatnonzero(z):
                fifths[int(rank * 5 / len(z))] += 1
        if not strongest:
            assert f == 3
            assert np.isnan(found["concentration"][f]) and np.isnan(found["parts"][f]).all()
            continue
        assert found["concentration"][f] == pytest.approx(np.mean(strongest))
        assert found["entropy"][f] == pytest.approx(np.mean(spread))
        np.testing.assert_allclose(found["parts"][f], fifths / fifths.sum(), rtol=1e-6)


def test_the_map_is_the_mean_share_of_each_cell() -> None:
    rng = np.random.default_rng(1)
    dense = np.where(rng.random((40, 6)) < 0.4, rng.random((40, 6)) + 0.1, 0)
    dense[:, 2] = 0
    dense[:, 4] = np.arange(40) % 4 == 1  # always on cell 1 alone
    dense = dense.astype(np.float16).astype(float)
    owner, cell = np.repeat(np.arange(10), 4), np.tile(np.arange(4), 10)
    found = gathered(codes_of(dense), owner, cell, np.zeros(40, np.int16), 1, 4)
    for f in range(6):
        if f == 2:
            assert np.isnan(found["mass"][f]).all()
            continue
        expected = dense[:, f].reshape(10, 4).sum(0)
        np.testing.assert_allclose(found["mass"][f], expected / expected.sum(), rtol=1e-6)
    assert found["mass"][4].tolist() == [0, 1, 0, 0]
    assert (found["concentration"][4], found["entropy"][4]) == (1, 0)


def test_a_feature_alike_on_every_row_is_spread_to_the_full() -> None:
    owner = np.repeat([0, 1], 8)
    found = gathered(codes_of(np.ones((16, 1))), owner, np.tile(np.arange(8), 2), 0 * owner, 1)
    assert found["entropy"][0] == pytest.approx(1)
    assert found["concentration"][0] == pytest.approx(1 / 8)
    assert found["rate"][0, 0] == found["whole_rate"][0, 0] == 1


def test_blocks_do_not_matter_nor_the_order_of_wholes(monkeypatch: pytest.MonkeyPatch) -> None:
    dense, owner, position, group = captions(2)
    a = gathered(codes_of(dense), owner, position, group, 3)
    monkeypatch.setattr(module, "_CODES", 40)
    assert len(list(positions(codes_of(dense), wholes(owner, position, group, 3)))) > 3
    new = np.random.default_rng(0).permutation(owner.max() + 1)[owner]
    order = np.lexsort((position, new))
    b = gathered(codes_of(dense[order]), new[order], position[order], group[order], 3)
    for key, values in a.items():
        np.testing.assert_allclose(values, b[key], rtol=1e-5, err_msg=key)


def test_a_stream_without_rows_or_firings_has_no_statistics() -> None:
    none = np.zeros(0, np.int64)
    found = gathered(codes_of(np.zeros((0, 3))), none, none, none, 2)
    assert found["rate"].shape == (3, 2) and np.isnan(found["rate"]).all()
    found = gathered(
        codes_of(np.zeros((4, 3))), np.arange(4), np.zeros(4, int), np.zeros(4, int), 1
    )
    assert not found["rate"].any() and np.isnan(found["entropy"]).all()
