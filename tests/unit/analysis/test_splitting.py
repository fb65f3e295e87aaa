from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp

from mmfeat.analysis.matching import Cosines, match
from mmfeat.analysis.splitting import Node, Step, containment, root, step, summary, tree

NAN = float("nan")


def a_step(*parents: int) -> Step:
    n = len(parents)
    return Step(np.array(parents), np.linspace(0.6, 0.9, n), np.linspace(0.7, 0.8, n))


def test_containment_is_the_share_of_the_childs_firings_that_the_parent_shares() -> None:
    rng = np.random.default_rng(0)
    child = np.where(rng.random((80, 6)) < 0.3, rng.random((80, 6)), 0)
    parent = np.where(rng.random((80, 4)) < 0.5, rng.random((80, 4)), 0)
    child[:, 5] = 0
    of = np.array([2, 0, -1, 3, 3, 1])
    found = containment(sp.csr_array(child), sp.csc_array(parent), of)
    for feature in (0, 1, 3, 4):
        on = child[:, feature] > 0
        assert found[feature] == pytest.approx((parent[on, of[feature]] > 0).mean())
    assert np.isnan(found[[2, 5]]).all()


def test_a_parent_is_near_and_fires_on_what_the_child_fires_on() -> None:
    parents = np.eye(3)
    children = np.array(
        [
            [0.9, np.sqrt(1 - 0.81), 0],  # near the first, within it
            [0.8, 0.6, 0],  # near the first, but fires elsewhere
            [0.6, 0.57, np.sqrt(1 - 0.36 - 0.57**2)],  # near none
            [0, 1.0, 0],
        ]
    )
    z_parent = np.zeros((8, 3))
    z_parent[:4, 0] = z_parent[4:7, 1] = 1
    z_child = np.zeros((8, 4))
    z_child[:3, 0], z_child[2:7, 1], z_child[:, 2], z_child[4:6, 3] = 1, 1, 1, 2
    nearest = match(Cosines(children, parents)).nearest_a
    found = step(
        nearest, sp.csr_array(z_child), sp.csr_array(z_parent), min_cosine=0.7, min_contained=0.5
    )
    assert found.parent.tolist() == [0, -1, -1, 1]
    np.testing.assert_allclose(found.contained[[0, 1, 3]], [1, 0.4, 1])
    np.testing.assert_allclose(found.cosine[[0, 1, 3]], [0.9, 0.8, 1], atol=1e-6)
    assert found.children(3).tolist() == [1, 1, 0]


def test_statistics_count_parents_and_their_children() -> None:
    found = summary(a_step(2, 2, -1, 0, 2, -1), alive=5, parents=4)
    assert found == {
        "with_parent": 4,
        "share_with_parent": 0.8,
        "parents": 2,
        "split": 1,
        "mean_children": 2.0,
        "most_children": 3,
    }
    none = summary(a_step(-1, -1), alive=0, parents=1)
    assert np.isnan(none["share_with_parent"])
    assert np.isnan(none["mean_children"])


def test_a_tree_nests_all_descendants_the_nearest_first() -> None:
    steps = [a_step(0, 0, -1, 1), a_step(1, 3, 1, -1)]
    assert root(steps, 2, 0) == (0, 0)
    assert root(steps, 2, 3) == (2, 3)
    assert root(steps, 1, 2) == (1, 2)
    leaf = lambda feature: Node(  # noqa: E731
        2, feature, steps[1].cosine[feature], steps[1].contained[feature], ()
    )
    found = tree(steps, 0, 0)
    assert (found.level, found.feature) == (0, 0)
    assert np.isnan([found.cosine, found.contained]).all()
    assert [child.feature for child in found.children] == [1, 0]  # by cosine
    assert found.children[0] == Node(
        1, 1, steps[0].cosine[1], steps[0].contained[1], (leaf(2), leaf(0))
    )
    assert found.children[1].children == ()
    # A feature without a parent is a root of a tree of its own.
    assert np.isnan(tree(steps, 1, 2).cosine)
    assert tree(steps, 0, 1).children[0].children == (leaf(1),)


def test_every_feature_is_in_exactly_one_tree() -> None:
    rng = np.random.default_rng(1)
    sizes = (5, 12, 30)
    steps = [
        Step(rng.integers(-1, old, new), rng.random(new), rng.random(new))
        for old, new in pairwise(sizes)
    ]
    seen: list[tuple[int, int]] = []

    def visit(node: Node) -> None:
        seen.append((node.level, node.feature))
        for child in node.children:
            visit(child)

    for level, size in enumerate(sizes):
        for feature in range(size):
            if root(steps, level, feature) == (level, feature):
                visit(tree(steps, level, feature))
    assert sorted(seen) == [(level, f) for level, size in enumerate(sizes) for f in range(size)]
