from __future__ import annotations

import numpy as np
import torch

from mmfeat.analysis.naming.vocabulary import best, distinct, nearest, unit


def test_nearest_entries_are_those_of_largest_cosine_whatever_the_block() -> None:
    rng = np.random.default_rng(0)
    decoder, entries = rng.normal(size=(30, 6)) * 5, unit(rng.normal(size=(50, 6)))
    cosine = (decoder / np.linalg.norm(decoder, axis=1, keepdims=True)) @ entries.T.astype(float)
    found = nearest(decoder, entries, 4)
    assert found.index.tolist() == np.argsort(-cosine, axis=1)[:, :4].tolist()
    np.testing.assert_allclose(found.score, -np.sort(-cosine, axis=1)[:, :4], atol=1e-6)
    blocks = nearest(decoder, entries, 4, cells=70)
    assert blocks.index.tolist() == found.index.tolist()


def test_fewer_entries_than_wanted_are_padded() -> None:
    found = nearest(np.eye(2), unit(np.eye(2)[:1]), 3)
    assert found.index.tolist() == [[0, -1, -1], [0, -1, -1]]
    assert found.score[0, 0] == 1 and np.isnan(found.score[:, 1:]).all()
    assert nearest(np.eye(2), np.zeros((0, 2), np.float32), 2).index.tolist() == [[-1, -1]] * 2


def test_equal_scores_come_in_the_order_of_entries_and_minus_infinity_is_none() -> None:
    found = best(torch.tensor([[1.0, -torch.inf, 3.0, 1.0, 3.0]]), 4)
    assert found.index.tolist() == [[2, 4, 0, 3]]
    assert best(torch.tensor([[-torch.inf, 0.0]]), 2).index.tolist() == [[1, -1]]


def test_distinct_texts_are_found_where_they_stand_first() -> None:
    assert distinct(["b", "a", " ", "b", "", "c", "a"], 0).tolist() == [0, 1, 5]


def test_which_texts_are_drawn_of_too_many_does_not_depend_on_their_order() -> None:
    texts = [f"text {i}" for i in range(40)] * 2
    drawn = {texts[i] for i in distinct(texts, 3, most=10)}
    again = texts[::-1]
    assert len(drawn) == 10
    assert {again[i] for i in distinct(again, 3, most=10)} == drawn
    assert {texts[i] for i in distinct(texts, 4, most=10)} != drawn


def test_rows_of_zeros_stay_zeros() -> None:
    rows = unit(np.array([[3.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0]])
    assert rows.dtype == np.float32
