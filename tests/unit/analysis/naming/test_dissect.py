from __future__ import annotations

import numpy as np

from mmfeat.analysis.naming.dissect import MEMBERSHIP, TEMPERATURE, soft_wpmi, strongest
from mmfeat.analysis.naming.vocabulary import unit


def by_hand(entries: np.ndarray, probes: np.ndarray, top: np.ndarray) -> np.ndarray:
    """The formula of the module, one term at a time in float64; NaN without probes."""
    cosine = TEMPERATURE * probes.astype(float) @ entries.astype(float).T
    given = np.exp(cosine) / np.exp(cosine).sum(1, keepdims=True)
    step = {r: s for s, ranks in enumerate(np.array_split(range(top.shape[1]), 4)) for r in ranks}
    log = np.full((len(top), len(entries)), np.nan)
    for k, rows in enumerate(top):
        for m in range(len(entries)):
            terms = [
                np.log(1 + MEMBERSHIP[step[rank]] * (given[i, m] - 1) + 1e-7)
                for rank, i in enumerate(rows)
                if i >= 0
            ]
            log[k, m] = sum(terms) if terms else np.nan
    known = ~np.isnan(log[:, 0])
    return log - np.log(np.exp(log[known]).mean(0))


def test_scores_are_those_of_the_formula_whatever_the_block() -> None:
    rng = np.random.default_rng(1)
    entries, probes = unit(rng.normal(size=(23, 5))), unit(rng.normal(size=(40, 5)))
    top = np.stack([rng.permutation(40)[:10] for _ in range(12)])
    top[3, 4:] = -1
    top[5, ::2] = -1  # pictures and captions take turns: gaps may be anywhere
    top[7] = -1
    expected = by_hand(entries, probes, top)
    for cells in (1 << 20, 60):
        found = soft_wpmi(entries, probes, top, 5, cells)
        for k in range(12):
            if k == 7:
                assert (found.index[k] == -1).all() and np.isnan(found.score[k]).all()
                continue
            assert found.index[k].tolist() == np.argsort(-expected[k])[:5].tolist()
            np.testing.assert_allclose(found.score[k], -np.sort(-expected[k])[:5], atol=1e-3)


def test_features_of_known_classes_get_the_word_of_their_class() -> None:
    rng = np.random.default_rng(2)
    words = unit(rng.normal(size=(6, 16)))
    label = np.repeat(np.arange(6), 20)
    probes = unit(words[label] + 0.15 * rng.normal(size=(120, 16)))
    top = np.stack([rng.permutation(np.flatnonzero(label == k))[:8] for k in range(6)])
    found = soft_wpmi(words, probes, top, 1)
    assert found.index[:, 0].tolist() == list(range(6))


def test_what_is_likely_for_every_feature_does_not_win() -> None:
    # The first entry is near every probe; the others each near those of one feature.
    hub, own = np.array([1.0, 0, 0, 0]), np.eye(4)[1:]
    entries = unit(np.vstack([hub, 0.3 * hub + own]))
    probes = unit(np.repeat(1.5 * hub + own, 4, axis=0))
    top = np.arange(12).reshape(3, 4)
    assert (probes @ entries.T).argmax(1).tolist() == [0] * 12
    assert soft_wpmi(entries, probes, top, 1).index[:, 0].tolist() == [1, 2, 3]


def test_an_empty_vocabulary_has_no_candidates() -> None:
    found = soft_wpmi(np.zeros((0, 3), np.float32), unit(np.eye(3)), np.array([[0, 1]]), 2)
    assert found.index.tolist() == [[-1, -1]] and np.isnan(found.score).all()


def test_strongest_rows_come_first_and_ties_go_to_the_lower_row() -> None:
    feature = np.array([0, 2, 0, 2, 0, 2], np.int32)
    row = np.array([0, 0, 1, 2, 3, 4], np.int32)
    activation = np.array([1, 5, 3, 5, 3, 2], np.float16)
    assert strongest(feature, row, activation, 3, 3).tolist() == [[1, 3, 0], [-1] * 3, [0, 2, 4]]
    assert strongest(feature, row, activation, 3, 2).tolist() == [[1, 3], [-1] * 2, [0, 2]]
