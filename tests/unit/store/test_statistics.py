from __future__ import annotations

import numpy as np
import pytest

from mmfeat.store.statistics import Sums, part_sums


def two_pass(
    x: np.ndarray, group: np.ndarray, used: np.ndarray, groups: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale in two passes over the rows, in float64."""
    means, scales = [], []
    for own in range(groups):
        rows = x[used & (group == own)].astype(np.float64)
        if len(rows) == 0:
            rows = x[used].astype(np.float64)
        means.append(rows.mean(0))
        variance = ((rows - means[-1]) ** 2).sum(1).mean()
        scales.append(np.sqrt(x.shape[1] / variance))
    return np.array(means), np.array(scales)


def data(offset: float, dtype: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 4, 3000)
    x = rng.normal(size=(3000, 7)) * (1 + group[:, None]) + offset * rng.normal(size=7)
    used = (rng.random(3000) < 0.8) & (group != 3)  # the last has no train row
    return x.astype(dtype), group, used


def added(x: np.ndarray, group: np.ndarray, used: np.ndarray, pieces: list[np.ndarray]) -> Sums:
    sums = Sums(4, x.shape[1])
    for rows in pieces:
        sums.add_part(part_sums(x[rows], group[rows], used[rows]))
    return sums


@pytest.mark.parametrize(("offset", "dtype"), [(0, "float16"), (30, "float16"), (1e3, "float32")])
def test_sums_of_parts_give_the_mean_and_scale_of_two_passes(offset: float, dtype: str) -> None:
    x, group, used = data(offset, dtype)
    sums = added(x, group, used, np.array_split(np.arange(3000), 13))
    mean, scale = sums.mean_and_scale()
    wanted_mean, wanted_scale = two_pass(x, group, used, 4)
    np.testing.assert_allclose(mean, wanted_mean, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(scale, wanted_scale, rtol=1e-6)
    assert sums.count.tolist() == [int((used & (group == g)).sum()) for g in range(4)]
    assert sums.count[3] == 0
    assert mean.dtype == scale.dtype == np.float32


def test_the_order_of_parts_and_who_adds_them_changes_no_bit() -> None:
    x, group, used = data(1e3, "float32")
    pieces = np.array_split(np.arange(3000), 40)
    alone = added(x, group, used, pieces)
    for processes in (2, 4, 7):
        together = Sums(4, 7)
        for share in np.array_split(np.arange(40), processes):
            together.add(added(x, group, used, [pieces[i] for i in share]))
        backwards = added(x, group, used, pieces[::-1])
        for other in (together, backwards):
            for one, two in zip(alone.mean_and_scale(), other.mean_and_scale(), strict=True):
                assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize("value", [0.0, 0.1, 300.7])
def test_rows_that_do_not_differ_have_scale_1(value: float) -> None:
    x = np.full((7, 5), value, np.float32)
    sums = Sums(1, 5)
    for _ in range(3):
        sums.add_part(part_sums(x, np.zeros(7, int), np.ones(7, bool)))
    mean, scale = sums.mean_and_scale()
    np.testing.assert_array_equal(mean, np.full((1, 5), value, np.float32))
    assert scale.tolist() == [1.0]


def test_without_train_rows_mean_is_0_and_scale_1() -> None:
    mean, scale = Sums(2, 3).mean_and_scale()
    assert (mean == 0).all() and (scale == 1).all()
