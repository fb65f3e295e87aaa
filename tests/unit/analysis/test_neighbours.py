from __future__ import annotations

import numpy as np
import pytest

from mmfeat.analysis.maps import MapSettings, umap_of
from mmfeat.analysis.neighbours import neighbours


def test_neighbours_are_the_largest_cosines_by_brute_force() -> None:
    rng = np.random.default_rng(0)
    decoder = rng.normal(size=(300, 12)) * rng.uniform(0.1, 9, (300, 1))
    index, cosine = neighbours(decoder, k=7, chunk=64)
    unit = decoder / np.linalg.norm(decoder, axis=1, keepdims=True)
    full = unit @ unit.T
    np.fill_diagonal(full, -2)
    np.testing.assert_array_equal(index, np.argsort(-full, axis=1)[:, :7])
    np.testing.assert_allclose(cosine, -np.sort(-full, axis=1)[:, :7], atol=1e-6)


@pytest.mark.parametrize("features", [1, 3])
def test_few_features_are_padded(features: int) -> None:
    index, cosine = neighbours(np.eye(4)[:features], k=5)
    assert index.shape == cosine.shape == (features, 5)
    assert (index[:, : features - 1] >= 0).all() and (index[:, features - 1 :] == -1).all()
    assert np.isnan(cosine[:, features - 1 :]).all()


def test_a_map_keeps_clusters_together_and_depends_on_the_seed_alone() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 16))
    label = np.repeat(np.arange(3), 40)
    decoder = centres[label] + 0.05 * rng.normal(size=(120, 16))
    index, cosine = neighbours(decoder)
    first, again = (umap_of(decoder, index, cosine, MapSettings()) for _ in range(2))
    assert first.shape == (120, 2)
    np.testing.assert_array_equal(first, again)
    distance = np.linalg.norm(first[:, None] - first[None], axis=2)
    nearest = np.argsort(distance, axis=1)[:, 1:11]
    assert (label[nearest] == label[:, None]).mean() > 0.99
    other = umap_of(decoder, index, cosine, MapSettings(seed=1))
    assert not np.array_equal(first, other)


def test_three_features_have_a_map() -> None:
    index, cosine = neighbours(np.eye(3))
    assert np.isfinite(umap_of(np.eye(3), index, cosine, MapSettings())).all()
