from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from mmfeat.analysis.search import Mean, Sides, balanced, cofiring, contrast, mean_of, strongest


def sparse(rng: np.random.Generator, rows: int, d_sae: int) -> np.ndarray:
    dense = rng.random((rows, d_sae))
    dense[rng.random(dense.shape) < 0.7] = 0
    return dense


def test_contrast_is_the_difference_of_means_over_the_maximum_languages_and_streams_alike() -> None:
    rng = np.random.default_rng(0)
    maximum = {"image.pooled": rng.random(12) + 1, "text.pooled": rng.random(12) + 1}
    rows = {
        ("image.pooled", "-"): (sparse(rng, 1, 12), sparse(rng, 7, 12)),
        ("text.pooled", "ko"): (sparse(rng, 5, 12), sparse(rng, 3, 12)),
        ("text.pooled", "en"): (sparse(rng, 2, 12), sparse(rng, 2, 12)),
    }
    sides = [
        Sides(stream, mean_of(sp.csr_array(p)), mean_of(sp.csr_array(n)), maximum[stream])
        for (stream, _), (p, n) in rows.items()
    ]
    one = {
        key: [
            (sum(p[:, f]) / len(p) - sum(n[:, f]) / len(n)) / maximum[key[0]][f] for f in range(12)
        ]
        for key, (p, n) in rows.items()
    }
    image, korean, english = one.values()
    expected = [(image[f] + (korean[f] + english[f]) / 2) / 2 for f in range(12)]
    np.testing.assert_allclose(contrast(sides), expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(contrast(sides[::-1]), expected, rtol=1e-12, atol=1e-15)


def test_a_feature_that_never_fires_has_no_contrast() -> None:
    nothing = Mean(np.zeros(2), np.zeros(2))
    some = Mean(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    found = contrast([Sides("image.pooled", some, nothing, np.array([0.0, 2.0]))])
    assert found.tolist() == [0.0, 0.5]


def test_means_count_silent_rows() -> None:
    codes = sp.csr_array(np.array([[0, 2.0, 0], [0, 0, 0], [4, 1, 0], [0, 0, 0]]))
    mean = mean_of(codes)
    assert mean.activation.tolist() == [1.0, 0.75, 0.0]
    assert mean.firing.tolist() == [0.25, 0.5, 0.0]
    assert balanced([("a", np.array([1.0])), ("b", np.array([0.0])), ("a", np.array([3.0]))]) == 1.0


@pytest.mark.parametrize("top", [1, 3, 4, 5, 99])
def test_strongest_orders_by_score_then_index_and_leaves_out_what_is_not_above_zero(
    top: int,
) -> None:
    score = np.array([0.5, -1, 0.9, 0.5, 0, 0.5, 0.1])
    assert strongest(score, top).tolist() == [2, 0, 3, 5, 6][:top]


def test_cofiring_is_jaccard_and_a_sample_of_rows_is_scaled_up() -> None:
    rng = np.random.default_rng(1)
    fires = rng.random((400, 6)) < [0.5, 0.4, 0.3, 0.2, 0.1, 0.0]
    fires[:, 3] = fires[:, 0] & fires[:, 1]
    own = np.flatnonzero(fires[:, 0])
    codes = sp.csr_array(fires.astype(float))
    count = fires.sum(axis=0)
    expected = [
        sum(fires[:, 0] & fires[:, f]) / max(1, sum(fires[:, 0] | fires[:, f])) for f in range(6)
    ]
    np.testing.assert_allclose(cofiring(codes[own], count, len(own)), expected, rtol=1e-12)
    sampled = cofiring(codes[own[::2]], count, len(own))
    np.testing.assert_allclose(sampled, expected, atol=0.1)
