from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from mmfeat.analysis.retrieval import recall_at, wrong_before


def test_recall_equals_a_brute_force_ranking() -> None:
    rng = np.random.default_rng(0)
    q, g = rng.normal(size=(60, 5)), rng.normal(size=(80, 5))
    q_key, g_key = rng.integers(0, 30, 60), rng.integers(0, 30, 80)
    for k in (1, 5, 10):
        found = 0
        for row, key in zip(q, q_key, strict=True):
            cosine = g @ row / np.linalg.norm(g, axis=1) / np.linalg.norm(row)
            found += key in g_key[np.argsort(-cosine)[:k]]
        assert recall_at(q, g, q_key, g_key, k, chunk=7) == found / 60


def test_ties_are_pessimistic() -> None:
    same = np.ones((10, 3))
    key = np.arange(10)
    assert recall_at(same, same, key, key, 9) == 0
    assert recall_at(same, same, key, key, 10) == 1


def test_identical_pictures_are_equal_hits() -> None:
    x = np.eye(3)
    # The query's own row is last, but its twin is first.
    assert recall_at(x[:1], x, np.array([5]), np.array([5, 1, 5]), 1) == 1
    assert recall_at(x[1:2], x, np.array([5]), np.array([5, 1, 5]), 1) == 0


def test_silent_codes_find_nothing() -> None:
    assert recall_at(np.zeros((1, 3)), np.eye(3), np.array([0]), np.arange(3), 1) == 0


def test_sparse_codes_rank_as_dense_ones() -> None:
    rng = np.random.default_rng(1)
    q = np.where(rng.random((50, 12)) < 0.3, rng.random((50, 12)), 0)
    g = np.where(rng.random((40, 12)) < 0.3, rng.random((40, 12)), 0)
    q_key, g_key = rng.integers(0, 20, 50), rng.integers(0, 15, 40)
    dense = wrong_before(q, g, q_key, g_key, chunk=7)
    sparse = wrong_before(sp.csr_array(q), sp.csr_array(g), q_key, g_key, chunk=11)
    assert dense.tolist() == sparse.tolist()
    unit = [x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (q, g)]
    for row, key in enumerate(q_key):
        scores = unit[1] @ unit[0][row]
        own = scores[g_key == key]
        wrong = (scores[g_key != key] >= own.max() - 1e-6).sum() if len(own) else np.inf
        assert min(sparse[row], 1e9) == min(wrong, 1e9)
    assert (sparse < 40).any()
    assert (sparse > 40).any()


def test_codes_that_differ_in_strength_alone_tie() -> None:
    g = np.zeros((6, 3))
    g[:, 1] = [1, 0.1, 0.3, 7, 1e3, 1 / 3]
    q = np.array([[0, 0.7, 0]])
    assert wrong_before(q, g, np.array([2]), np.arange(6)).tolist() == [5]
    assert wrong_before(sp.csr_array(q), sp.csr_array(g), np.array([2]), np.arange(6)) == [5]
