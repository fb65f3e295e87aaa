from __future__ import annotations

from itertools import combinations
from statistics import NormalDist

import numpy as np
import pytest
import scipy.sparse as sp

from mmfeat.analysis.probes import (
    ablation_drops,
    auroc,
    auroc_interval,
    between_languages,
    correlation,
    difference,
    permutation_p,
    probe_scores,
    same_frequency,
    share_below,
)


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    """Codes with many ties, and labels."""
    rng = np.random.default_rng(2)
    dense = rng.integers(0, 4, (11, 30)).astype(float)
    dense[:, 5] = 0
    dense[:, 6] = 2
    positive = np.zeros(11, bool)
    positive[[0, 2, 3, 7, 10]] = True
    dense[:, 7] = positive
    return dense, positive


def test_auroc_counts_pairs(rows: tuple[np.ndarray, np.ndarray]) -> None:
    dense, positive = rows
    expected = [
        np.mean([(a > b) + (a == b) / 2 for a in x[positive] for b in x[~positive]])
        for x in dense.T
    ]
    found = auroc(sp.csr_array(dense), positive)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert (found[5], found[6], found[7]) == (0.5, 0.5, 1.0)
    order = np.random.default_rng(0).permutation(11)
    np.testing.assert_array_equal(auroc(sp.csr_array(dense[order]), positive[order]), found)
    assert np.isnan(auroc(sp.csr_array(dense), np.ones(11, bool))).all()


def test_the_interval_of_auroc_is_delongs_with_things_as_units(
    rows: tuple[np.ndarray, np.ndarray],
) -> None:
    dense, positive = rows
    groups = dense.T[:3]
    wins = np.array(
        [
            [np.mean([(x[i] > x[j]) + (x[i] == x[j]) / 2 for x in groups])
             for j in np.flatnonzero(~positive)]
            for i in np.flatnonzero(positive)
        ]
    )  # fmt: skip
    share = wins.mean()
    variance = np.var(wins.mean(1), ddof=1) / 5 + np.var(wins.mean(0), ddof=1) / 6
    half = NormalDist().inv_cdf(0.975) * np.sqrt(variance) / (share * (1 - share))
    ends = [1 / (1 + np.exp(-(np.log(share / (1 - share)) + sign * half))) for sign in (-1, 1)]
    found = auroc_interval(groups, positive)
    np.testing.assert_allclose(found, ends, rtol=1e-9)
    assert found[0] < share < found[1]
    # The same language twice is no further evidence.
    np.testing.assert_allclose(auroc_interval(np.tile(groups, (2, 1)), positive), found)


@pytest.mark.parametrize(("units", "away"), [(8, 0.7), (8, 1.5), (30, 1.0)])
def test_the_interval_of_auroc_holds_its_level(units: int, away: float) -> None:
    rng = np.random.default_rng(units)
    positive = np.arange(2 * units) < units
    truth = _normal_share(away)
    held = 0
    for _ in range(1000):
        values = rng.standard_normal(2 * units) + away * positive
        low, high = auroc_interval(values[None], positive)
        held += low <= truth <= high
    assert held / 1000 >= 0.93


def _normal_share(away: float) -> float:
    """Return P(a > b) of two normal variables whose means are so far apart."""
    from math import erf

    return 0.5 * (1 + erf(away / 2))


def test_where_all_pairs_are_ordered_alike_the_interval_is_exact() -> None:
    positive = np.arange(16) < 8
    low, high = auroc_interval(positive[None].astype(float), positive)
    assert high == 1.0
    assert low**8 == pytest.approx(0.025)  # eight pairs without a unit in common
    assert auroc_interval(-positive[None].astype(float), positive) == (0.0, 1 - low)


def test_without_two_units_on_a_side_or_any_firing_there_is_no_interval() -> None:
    positive = np.arange(6) < 1
    assert np.isnan(auroc_interval(np.arange(6.0)[None], positive)).all()
    assert np.isnan(auroc_interval(np.zeros((2, 6)), np.arange(6) < 3)).all()


def test_permutation_p_goes_through_every_labelling(rows: tuple[np.ndarray, np.ndarray]) -> None:
    dense, positive = rows
    means = [
        [x[list(pick)].mean() - np.delete(x, list(pick)).mean() for x in dense.T]
        for pick in combinations(range(11), 5)
    ]
    own = [x[positive].mean() - x[~positive].mean() for x in dense.T]
    expected = np.mean(np.array(means) >= np.array(own) - 1e-12, axis=0)
    found = permutation_p(sp.csr_array(dense), positive)
    np.testing.assert_allclose(np.delete(found, 5), np.delete(expected, 5), rtol=1e-12)
    assert np.isnan(found[5])  # it fires on nothing
    assert found[7] == 1 / 462
    np.testing.assert_allclose(difference(sp.csr_array(dense), positive), own, atol=1e-12)


def test_drawn_permutations_are_seeded_near_the_truth_and_never_zero() -> None:
    from scipy.stats import hypergeom

    positive = np.arange(60) < 30
    dense = np.zeros((60, 2))
    dense[[*range(14), *range(30, 36)], 0] = 1  # 14 of the 20 it fires on are positive
    dense[:30, 1] = 1
    codes = sp.csr_array(dense)
    found = permutation_p(codes, positive, seed=3)
    assert found[0] == pytest.approx(hypergeom.sf(13, 60, 30, 20), abs=0.005)
    assert found[1] == 1 / 10_000
    np.testing.assert_array_equal(found, permutation_p(codes, positive, seed=3))


def test_p_holds_its_level_when_labels_mean_nothing() -> None:
    rng = np.random.default_rng(4)
    dense = rng.random((12, 2000)) * (rng.random((12, 2000)) < 0.6)
    p = permutation_p(sp.csr_array(dense), np.arange(12) < 6)
    p = p[~np.isnan(p)]
    for level in (0.05, 0.2):
        assert (p <= level).mean() <= level + 3 * np.sqrt(level * (1 - level) / len(p))


def known_probe() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Feature 0 tells the category in all languages, 1 in all but ko; 2 fires on all alike."""
    rng = np.random.default_rng(5)
    positive = np.arange(16) < 8
    texts = {}
    for tag in ("en", "ko", "zh", "es"):
        dense = rng.random((16, 40)) * (rng.random((16, 40)) < 0.2)
        dense[:, 0] = positive * (1 + rng.random(16))
        dense[:, 1] = 0 if tag == "ko" else positive * (1 + rng.random(16))
        dense[:, 2] = 1
        texts[tag] = dense
    return texts, positive


def test_known_features_come_first_with_their_gaps_and_survive_the_correction() -> None:
    texts, positive = known_probe()
    pictures = np.zeros((10, 40))
    pictures[:5, 0] = 2
    on = np.arange(10) < 5
    scores = probe_scores(
        {tag: sp.csr_array(x) for tag, x in texts.items()}, positive, sp.csr_array(pictures), on, 40
    )
    assert scores.best(2).tolist() == [0, 1]
    assert scores.score[0] == 1.0
    assert scores.auroc[:, 1].tolist() == [1, 0.5, 1, 1]
    assert scores.score[1] == pytest.approx((3.5 / 4 + 0.5) / 2)
    assert (scores.gaps(0), scores.gaps(1)) == ((), ("ko",))
    assert scores.p[0] == scores.p[1] == 1 / 12_870
    assert scores.q[[0, 1]].max() < 0.01 < scores.q[3:][~np.isnan(scores.q[3:])].min()
    assert scores.image_auroc[0] == 1
    assert scores.image_p[0] == scores.image_q[0] == 1 / 252
    assert scores.p[2] == 1.0


def test_things_are_permuted_not_rows_so_that_more_languages_are_no_more_evidence() -> None:
    rng = np.random.default_rng(6)
    dense = sp.csr_array(rng.random((16, 30)) * (rng.random((16, 30)) < 0.4))
    positive = np.arange(16) < 8
    one = probe_scores({"en": dense}, positive, None, None, 30)
    many = probe_scores({tag: dense for tag in ("en", "ko", "zh")}, positive, None, None, 30)
    np.testing.assert_array_equal(one.p, many.p)
    assert np.isnan(one.image_auroc).all()
    np.testing.assert_array_equal(one.score, one.auroc[0])


def test_without_texts_and_pictures_nothing_is_known() -> None:
    scores = probe_scores({}, np.arange(4) < 2, None, None, 3)
    assert np.isnan(scores.score).all()
    assert scores.best(3).tolist() == []


def test_agreement_is_a_correlation_over_features_that_differ_somewhere() -> None:
    x = np.array([0, 1.0, 0, 2, 0.5, 0])
    y = np.array([0, 0.5, 1, 2, 0.1, 0])
    assert correlation(x, y) == pytest.approx(np.corrcoef(x[1:5], y[1:5])[0, 1])
    assert np.isnan(correlation(x, np.full(6, np.nan)))
    assert np.isnan(between_languages(x[None]))
    assert between_languages(np.array([x, y, x])) == pytest.approx((2 * correlation(x, y) + 1) / 3)


def test_ablation_in_closed_form_equals_rows_without_the_feature() -> None:
    rng = np.random.default_rng(7)
    x, scale = rng.standard_normal((6, 9)) + 1, rng.random(6) + 0.5
    dense = rng.random((6, 5)) * (rng.random((6, 5)) < 0.5)
    directions, centroid = rng.standard_normal((5, 9)), rng.standard_normal(9)

    def cosine(v: np.ndarray) -> float:
        return float(v @ centroid / np.linalg.norm(v) / np.linalg.norm(centroid))

    expected = [
        np.mean(
            [cosine(x[r]) - cosine(x[r] - dense[r, k] * directions[k] / scale[r]) for r in range(6)]
        )
        for k in range(5)
    ]
    found = ablation_drops(x, sp.csr_array(dense), directions, scale, centroid)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_controls_are_of_like_frequency_and_never_the_feature_or_silent() -> None:
    rate = np.array([0.1, 0.11, 0.4, 0.0, 0.09, 0.1])
    assert same_frequency(rate, 0, 3).tolist() == [5, 1, 4]
    assert same_frequency(rate, 0, 99).tolist() == [5, 1, 4, 2]
    drops = np.array([0.5, 0.1, 0.5, 0.9])
    assert share_below(drops, 0, [1, 2, 3]) == pytest.approx(1 / 3)
    assert np.isnan(share_below(drops, 0, []))
