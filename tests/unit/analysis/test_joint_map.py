from __future__ import annotations

import numpy as np

from mmfeat.analysis.joint_map import joint_map
from mmfeat.analysis.maps import MapSettings, umap_of


def clusters(n: int, seed: int) -> np.ndarray:
    """Directions around three axes in turn."""
    rng = np.random.default_rng(seed)
    return (np.eye(8)[np.arange(n) % 3] + 0.1 * rng.normal(size=(n, 8))).astype(np.float32)


def test_features_of_all_saes_lie_beside_those_of_their_direction() -> None:
    small, large = clusters(30, 0), clusters(60, 1)
    settings = MapSettings(n_neighbors=8)
    places = joint_map([small, 5 * large], settings)
    assert [place.shape for place in places] == [(30, 2), (60, 2)]
    centres = np.array([places[1][i::3].mean(0) for i in range(3)])
    nearest = np.linalg.norm(places[0][:, None] - centres, axis=2).argmin(1)
    assert nearest.tolist() == (np.arange(30) % 3).tolist()

    # The same as the layout of all rows with neighbours found by brute force.
    rows = np.concatenate([small, 5 * large])
    unit = rows / np.linalg.norm(rows, axis=1)[:, None]
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -2)
    index = np.argsort(-cosine, axis=1)[:, :8]
    expected = umap_of(rows, index, np.take_along_axis(cosine, index, 1), settings)
    np.testing.assert_allclose(np.concatenate(places), expected, atol=1e-3)


def test_a_few_directions_lie_on_a_line() -> None:
    places = joint_map([np.eye(3)[:1], np.eye(3)[1:]], MapSettings())
    assert [place[:, 0].tolist() for place in places] == [[0], [1, 2]]
