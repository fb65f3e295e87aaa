from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from scipy.sparse import csr_array

from mmfeat.analysis import item_map as module
from mmfeat.analysis.item_map import item_map
from mmfeat.analysis.maps import MapSettings

N, GROUPS = 240, 3


def codes_of_groups(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Sparse codes: items of a group share most of their features, at any magnitude."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, GROUPS, N)
    codes = np.zeros((N, 64), np.float32)
    for item in range(N):
        own = 20 * group[item] + rng.choice(20, 12, replace=False)
        codes[item, own] = rng.uniform(0.5, 1.5, 12) * rng.choice([0.1, 10.0])
    return codes, group


class Blocks:
    """Gives rows in blocks, in a mixed order, and counts how often that was begun."""

    def __init__(self, codes: np.ndarray, size: int = 50) -> None:
        self.codes, self.size, self.begun = codes, size, 0
        self.order = np.random.default_rng(1).permutation(len(codes))

    def __call__(self) -> Iterator[tuple[np.ndarray, csr_array]]:
        self.begun += 1
        for start in range(0, len(self.order), self.size):
            own = self.order[start : start + self.size]
            yield own, csr_array(self.codes[own])


def apart(places: np.ndarray, group: np.ndarray) -> float:
    """Return the least distance between centres of groups, in the largest radius of one."""
    centres = np.array([places[group == g].mean(0) for g in range(GROUPS)])
    radius = max(
        np.linalg.norm(places[group == g] - centres[g], axis=1).max() for g in range(GROUPS)
    )
    distance = np.linalg.norm(centres[:, None] - centres, axis=2)
    return float(distance[np.triu_indices(GROUPS, 1)].min() / radius)


def test_items_lie_beside_those_of_similar_codes() -> None:
    codes, group = codes_of_groups()
    places = item_map(Blocks(codes), N, MapSettings())
    assert places.shape == (N, 2) and places.dtype == np.float32
    assert np.isfinite(places).all()
    assert apart(places, group) > 2


def test_one_seed_gives_one_map_and_another_another() -> None:
    codes, _ = codes_of_groups()
    one, again = (item_map(Blocks(codes), N, MapSettings()) for _ in range(2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, item_map(Blocks(codes), N, MapSettings(seed=1)))


@pytest.mark.parametrize("searched", [False, True])
def test_of_too_many_items_a_sample_is_laid_out_and_the_others_join_their_groups(
    monkeypatch: pytest.MonkeyPatch, searched: bool
) -> None:
    import umap

    # From some thousand items on neighbours are searched for by a tree: here, too.
    monkeypatch.setattr(umap, "UMAP", partial(umap.UMAP, force_approximation_algorithm=searched))
    codes, group = codes_of_groups()
    monkeypatch.setattr(module, "LAID_OUT", 90)
    told: list[int] = []
    places = item_map(Blocks(codes), N, MapSettings(), told.append)
    assert np.isfinite(places).all()
    assert apart(places, group) > 2
    assert told[0] == 90 and sum(told) == N
    again = item_map(Blocks(codes, 50), N, MapSettings())
    assert np.array_equal(places, again)


def test_items_of_which_no_feature_fires_have_no_place() -> None:
    codes, _ = codes_of_groups()
    codes[[3, 17]] = 0
    places = item_map(Blocks(codes), N + 1, MapSettings())  # the last one is in no block
    assert np.flatnonzero(np.isnan(places).any(1)).tolist() == [3, 17, N]


def test_a_few_items_lie_on_a_line() -> None:
    codes = np.eye(4, 6, dtype=np.float32)
    codes[2] = 0
    places = item_map(Blocks(codes), 4, MapSettings())
    assert places[[0, 1, 3]].tolist() == [[0, 0], [1, 0], [2, 0]]
    assert np.isnan(places[2]).all()
    assert item_map(lambda: iter(()), 0, MapSettings()).shape == (0, 2)
