from __future__ import annotations

import numpy as np

from mmfeat.analysis.retrieval import recall_at


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
