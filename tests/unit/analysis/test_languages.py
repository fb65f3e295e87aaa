"""Where features fire: entropy, specificity, levels, reach, classes and similarity."""

from __future__ import annotations

from itertools import combinations, pairwise, permutations
from math import log

import numpy as np
import pytest

from mmfeat.analysis import languages
from mmfeat.analysis.codes import Codes
from mmfeat.analysis.languages import (
    Level,
    Reach,
    classes,
    consistency_by_column,
    language_entropy,
    language_specificity,
    levels,
    mean_activation,
    reach,
    similarity,
    weakest,
)

TAGS = ("en", "de", "ar", "fa", "ko")


def codes_of(dense: np.ndarray) -> Codes:
    rows, features = np.nonzero(dense)
    indptr = np.searchsorted(rows, np.arange(len(dense) + 1))
    data = dense[rows, features].astype(np.float16)
    return Codes(indptr.astype(np.int64), features.astype(np.int32), data, dense.shape[1])


def test_mean_activation_is_that_of_dense_codes_in_any_order_and_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    dense = rng.exponential(size=(40, 6)).astype(np.float16) * (rng.random((40, 6)) < 0.4)
    group = rng.integers(3, size=40)
    wanted = np.stack([dense[group == g].astype(np.float64).mean(0) for g in range(3)], 1)
    found = mean_activation(codes_of(dense), group, 4)
    np.testing.assert_allclose(found[:, :3], wanted, rtol=1e-12)
    assert np.isnan(found[:, 3]).all()
    order = rng.permutation(40)
    monkeypatch.setattr(languages, "_ENTRIES", 7)
    turned = mean_activation(codes_of(dense[order]), group[order], 4)
    np.testing.assert_allclose(turned, found, rtol=1e-12)


def test_entropy_is_that_of_a_plain_loop_and_known_at_its_ends() -> None:
    rate = np.array([[0.2, 0.2, 0.2], [0.5, 0, 0], [0.1, 0.3, 0.6], [0, 0, 0]], np.float32)
    entropy, relative = language_entropy(rate)
    np.testing.assert_allclose(entropy[:2], [log(3), 0], atol=1e-7)
    p = rate[2].astype(np.float64) / rate[2].astype(np.float64).sum()
    assert entropy[2] == pytest.approx(-sum(x * log(x) for x in p))
    np.testing.assert_allclose(relative[:3], entropy[:3] / log(3))
    assert np.isnan(entropy[3]) and np.isnan(relative[3])


def test_a_language_without_captions_is_not_one_of_the_n() -> None:
    rate = np.array([[0.2, np.nan, 0.2]])
    entropy, relative = language_entropy(rate)
    assert (entropy[0], relative[0]) == pytest.approx((log(2), 1))
    entropy, relative = language_entropy(np.array([[0.4]]))
    assert entropy[0] == 0 and np.isnan(relative[0])
    assert np.isnan(language_entropy(np.full((2, 3), np.nan))[0]).all()


def test_specificity_is_the_mean_less_that_of_the_others() -> None:
    mean = np.array([[3.0, 1.0, 2.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(language_specificity(mean), [[1.5, -1.5, 0], [0, 0, 0]])
    with_gap = language_specificity(np.array([[3.0, np.nan, 1.0]]))
    np.testing.assert_allclose(with_gap, [[2, np.nan, -2]])
    assert np.isnan(language_specificity(np.array([[3.0]]))).all()


def test_levels_need_firings_and_a_rate_near_the_largest() -> None:
    rows = np.array([100, 100, 100, 4, 0])
    count = np.array([[50, 5, 4, 4, 0], [0, 0, 0, 0, 0], [4, 4, 0, 0, 0], [5, 0, 0, 4, 0]])
    with np.errstate(invalid="ignore"):
        rate = count / rows
    found = levels(count, rate)
    assert found.dtype == np.int8
    # Where it fires on every row of a small language, the rate there sets no standard.
    assert found.tolist() == [
        [2, 2, 1, 1, -1],
        [0, 0, 0, 0, -1],
        [1, 1, 0, 0, -1],
        [2, 0, 0, 1, -1],
    ]
    assert levels(np.array([[60, 5]]), np.array([[0.6, 0.05]])).tolist() == [[2, 1]]


def test_reach_and_classes_of_features_that_are_known() -> None:
    level = np.array(
        [
            # pictures, then en, de, ar, fa, ko
            [2, 2, 2, 2, 2, 2],
            [0, 2, 2, 2, 2, 2],
            [1, 2, 2, 2, 2, 2],
            [2, 0, 1, 0, 0, 0],
            [2, 0, 0, 2, 2, 1],
            [0, 2, 2, 0, 0, 0],
            [0, 0, 0, 0, 0, 2],
            [2, 2, 0, 2, 0, 0],
            [0, 0, 0, 0, 0, 0],
        ],
        np.int8,
    )
    found = reach(level[:, 1:], TAGS)
    assert [Reach(value).name for value in found] == [
        "ALL",
        "ALL",
        "ALL",
        "NONE",
        "ONE_SCRIPT",
        "ONE_SCRIPT",
        "ONE_LANGUAGE",
        "SEVERAL",
        "NONE",
    ]
    of_class = {
        name: np.flatnonzero(on).tolist() for name, on in classes(level[:, 0], found).items()
    }
    assert of_class == {
        "languages_not_pictures": [1, 2],
        "pictures_only": [3],
        "one_script": [4, 5],
        "one_language": [6],
    }


def test_all_means_all_languages_with_captions_and_pictures_that_are_not_there_are_not_silent() -> (
    None
):
    level = np.array([[2, 2, -1], [2, 0, -1]], np.int8)
    assert reach(level, ("en", "ar", "ko")).tolist() == [Reach.ALL, Reach.ONE_LANGUAGE]
    assert reach(level[:, :1], ("en",)).tolist() == [Reach.ALL, Reach.ALL]
    nowhere = np.full(2, Level.NO_ROWS, np.int8)
    assert not classes(nowhere, reach(level, ("en", "ar", "ko")))["languages_not_pictures"].any()


def test_the_weakest_language_must_stand_out() -> None:
    rate = np.array(
        [[0.5, 0.5, 0.2], [0.5, 0.5, 0.3], [0.5, 0, 0], [0.4, 0.5, 0], [0, 0, 0]], np.float32
    )
    assert weakest(rate).tolist() == [2, -1, -1, 2, -1]
    gap = np.insert(rate, 1, np.nan, axis=1)
    assert weakest(gap).tolist() == [3, -1, -1, 3, -1]
    assert weakest(rate[:, :1]).tolist() == [-1] * 5


def test_consistency_by_column_is_a_plain_mean_with_the_captions_elsewhere() -> None:
    rng = np.random.default_rng(1)
    with_image, between = rng.random((4, 3)), rng.random((4, 3))
    with_image[0, 1] = between[1, 0] = np.nan
    between[2] = np.nan
    pairs = list(combinations(range(3), 2))
    found = consistency_by_column(with_image, between, pairs)
    for feature in range(4):
        assert found[feature, 0] == pytest.approx(np.nanmean(with_image[feature]))
        for language in range(3):
            own = [between[feature, i] for i, pair in enumerate(pairs) if language in pair]
            wanted = np.nan if np.isnan(own).all() else np.nanmean(own)
            assert found[feature, language + 1] == pytest.approx(wanted, nan_ok=True)


def test_similar_languages_are_put_beside_each_other_in_the_best_order() -> None:
    pairs = list(combinations(range(4), 2))
    alike = {(0, 2): 0.9, (1, 3): 0.8}
    between = np.array([alike.get(pair, 0.2 + 0.01 * sum(pair)) for pair in pairs])
    found = similarity(np.array([0.1, 0.15, 0.12, 0.11]), between, pairs)
    np.testing.assert_array_equal(found.matrix, found.matrix.T)
    assert found.matrix[1, 3] == 0.9 and found.matrix[0, 2] == 0.15 and found.matrix[2, 2] == 1
    place = {column: i for i, column in enumerate(found.order.tolist())}
    assert sorted(place) == list(range(5))
    assert abs(place[1] - place[3]) == 1 and abs(place[2] - place[4]) == 1
    assert place[0] in (0, 4)

    def length(order: tuple[int, ...]) -> float:
        return sum(1 - found.matrix[a, b] for a, b in pairwise(order))

    kept = [
        order
        for order in permutations(range(5))
        if abs(order.index(1) - order.index(3)) == 1
        and abs(order.index(2) - order.index(4)) == 1
        and order.index(0) in (0, 4)
    ]
    assert length(tuple(found.order)) == pytest.approx(min(map(length, kept)))


def test_what_cannot_be_compared_stays_nan_and_has_a_place() -> None:
    found = similarity(np.full(3, np.nan), np.array([0.9, np.nan, 0.1]), [(0, 1), (0, 2), (1, 2)])
    assert np.isnan(found.matrix[0, 1]) and np.isnan(found.matrix[1, 3])
    assert sorted(found.order.tolist()) == [0, 1, 2, 3]
    assert similarity(np.array([0.3]), np.zeros(0), []).order.tolist() == [0, 1]
