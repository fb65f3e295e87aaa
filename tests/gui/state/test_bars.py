from __future__ import annotations

import math

import numpy as np
import pytest

from mmfeat_gui.state.bars import BARS, Bars


def test_integers_have_a_bar_each() -> None:
    values = np.array([0, 3, 3, 14, 5], np.int16)
    bars = Bars.of(values)
    assert bars.whole and len(bars) == 15
    assert bars.counts().tolist() == np.bincount(values, minlength=15).tolist()
    assert (
        bars.counts(values > 3).tolist() == np.bincount(values[values > 3], minlength=15).tolist()
    )


def test_counts_agree_with_numpy_where_bars_are_even() -> None:
    rng = np.random.default_rng(0)
    values = np.where(rng.random(5000) < 0.1, np.nan, rng.random(5000))
    bars = Bars.of(values)
    expected, _ = np.histogram(values[np.isfinite(values)], bins=bars.edges)
    assert len(bars) == BARS and bars.counts().tolist() == expected.tolist()
    assert (bars.place[np.isnan(values)] == -1).all()


def test_wide_positive_values_have_bars_of_one_ratio_over_one_for_the_least() -> None:
    values = np.concatenate([np.geomspace(1e-5, 1, 500), np.zeros(7)])
    bars = Bars.of(values)
    ratio = bars.edges[2:] / bars.edges[1:-1]
    assert np.allclose(ratio, ratio[0]) and bars.edges[0] == 0
    assert bars.counts().sum() == 507 and bars.counts()[0] >= 7


@pytest.mark.parametrize(
    "values",
    [np.zeros(0), np.full(5, np.nan), np.full(5, 3.0), np.array([np.inf, -np.inf, 1.0, 2.0])],
)
def test_strange_columns_have_bars_too(values: np.ndarray) -> None:
    bars = Bars.of(values)
    assert (np.diff(bars.edges) > 0).all()
    assert bars.counts().sum() == np.isfinite(values).sum()


def test_flags_have_two_bars() -> None:
    bars = Bars.of(np.array([True, False, True]))
    assert bars.counts().tolist() == [1, 2]


def test_places_and_values_go_both_ways() -> None:
    for values in (np.linspace(-3, 8, 50), np.geomspace(1e-4, 10, 50), np.arange(20)):
        bars = Bars.of(values)
        for position in (0.0, 0.2, 0.61, 1.0):
            assert bars.position(bars.value(position)) == pytest.approx(position)


def test_a_range_without_ends_cuts_nothing_off() -> None:
    bars = Bars.of(np.linspace(0.1234567, 0.987654, 100))
    assert bars.between(0, 1) == (-math.inf, math.inf)
    low, high = bars.between(0.75, 0.25)
    assert low < high and low == pytest.approx(bars.value(0.25), abs=0.003)
    assert len(f"{low}") <= 6  # in few digits


def test_a_range_of_integers_holds_those_whose_middle_is_in_it() -> None:
    bars = Bars.of(np.arange(10))  # a bar is a tenth wide
    assert bars.between(0.21, 0.79) == (2, 7)
    assert bars.between(0.26, 0.79) == (3, 7)
    assert bars.between(0.04, 0.79) == (-math.inf, 7)
    assert bars.between(0.28, 0.34) == (3, 3)
    assert bars.between(0.3, 1) == (3, math.inf)


def test_rounding_tells_places_in_a_narrow_range_apart() -> None:
    bars = Bars.of(np.linspace(1000, 1001, 50))
    assert bars.between(0.25, 0.75) == (1000.25, 1000.75)
