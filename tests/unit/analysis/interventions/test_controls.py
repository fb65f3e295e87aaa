from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from mmfeat.analysis.interventions.controls import (
    DirectionEdit,
    Effect,
    difference_of_means,
    matched,
)
from mmfeat.errors import MmfeatError

RATE = np.random.default_rng(0).permutation(np.linspace(0.001, 0.2, 400))


def test_controls_fire_as_often_as_the_feature() -> None:
    rank = np.argsort(np.argsort(RATE))
    for feature in (0, 17, int(RATE.argmax()), int(RATE.argmin())):
        drawn = matched(RATE, [feature], 50, seed=1)
        assert drawn.shape == (50, 1) and len(set(drawn[:, 0])) == 50
        assert feature not in drawn
        # The window of 100 is centred, and at the ends shifted.
        assert np.abs(rank[drawn] - rank[feature]).max() <= 100
    middle = int(np.flatnonzero(rank == 200)[0])
    assert np.abs(rank[matched(RATE, [middle], 50, seed=1)] - 200).max() <= 51


def test_controls_of_a_set_are_matched_one_by_one_and_never_drawn_twice() -> None:
    rank = np.argsort(np.argsort(RATE))
    low, high = (int(np.flatnonzero(rank == r)[0]) for r in (50, 350))
    drawn = matched(RATE, [high, low], 20, seed=0)
    assert drawn.shape == (20, 2) and len(set(drawn.ravel())) == 40
    assert np.abs(rank[drawn] - [350, 50]).max() <= 21


def test_silent_unusable_and_excluded_features_are_no_controls() -> None:
    rate = RATE.copy()
    rate[:100], rate[100:150] = 0, np.nan
    usable = np.arange(400) < 300
    drawn = matched(rate, [200], 1000, seed=0, usable=usable, without=[250])
    assert set(drawn[:, 0]) == set(range(150, 300)) - {200, 250}
    assert matched(rate, [200], 10, seed=0, usable=np.zeros(400, bool)).shape == (0, 1)


def test_the_draw_follows_its_seed() -> None:
    first, again, other = (matched(RATE, [9], 30, seed=s) for s in (4, 4, 5))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_p_counts_controls_at_least_as_large() -> None:
    effect = Effect(2.0, np.array([1.0, 2.0, 3.0, 0.0, -5.0]))
    assert effect.p == pytest.approx(3 / 6)
    assert effect.exceeded == pytest.approx(3 / 5)
    assert Effect(9.0, np.zeros(99)).p == pytest.approx(0.01)
    assert Effect(1.0, np.zeros(0)).p == 1 and math.isnan(Effect(1.0, np.zeros(0)).exceeded)
    nothing = Effect(float("nan"), np.zeros(3))
    assert math.isnan(nothing.p) and math.isnan(nothing.exceeded)


def test_the_difference_of_means_is_a_unit_direction() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(9, 5)) + 1, rng.normal(size=(4, 5))
    wanted = a.mean(0) - b.mean(0)
    found = difference_of_means(a, b)
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted), atol=1e-6)
    with pytest.raises(MmfeatError, match="rows on which the features fire"):
        difference_of_means(a, b[:0])
    with pytest.raises(MmfeatError, match="means of both sides are equal"):
        difference_of_means(a, a)


def test_a_direction_moves_each_row_as_far_as_the_edit_and_the_same_way() -> None:
    steps = torch.tensor([[3.0, 4.0], [-1.0, 0.0], [0.0, 0.0]])

    def edit(x: Tensor) -> Tensor:
        return x + steps

    x = torch.randn(3, 2)
    found = DirectionEdit(np.array([0.6, 0.8], np.float32), edit)(x) - x
    wanted = torch.tensor([[3.0, 4.0], [-0.6, -0.8], [0.0, 0.0]])
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
