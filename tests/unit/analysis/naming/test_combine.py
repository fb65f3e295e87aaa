from __future__ import annotations

import numpy as np
import pytest

from mmfeat.analysis.naming.combine import FLOOR, choose, combined, proposals
from mmfeat.analysis.naming.vocabulary import Candidates


def candidates(index: list[list[int]], score: list[list[float]]) -> Candidates:
    return Candidates(np.array(index, np.int32), np.array(score, np.float32))


NAN = float("nan")
NEAREST = candidates([[0, 2], [1, -1]], [[0.9, 0.5], [0.4, NAN]])
DISSECT = candidates([[2, 3], [-1, -1]], [[7.0, 6.0], [NAN, NAN]])
NGRAMS = candidates([[1, 0], [2, -1]], [[12.0, 3.0], [5.0, NAN]])
ENTRIES = ["Red Apple", "pear", "Fox", "hen"]
TERMS = ["a", "fox", "red", "unused"]


def test_a_text_that_several_methods_propose_is_one_proposal_with_their_scores() -> None:
    found = proposals(ENTRIES, TERMS, NEAREST, DISSECT, NGRAMS)
    assert found.text == [*ENTRIES, "a", "red"]  # 'fox' is the entry 'Fox'
    assert found.term.tolist() == [0, 2]
    assert found.name.tolist() == [[0, 2, -1, 3, -1, 4], [1, -1, -1, -1, 5, -1]]
    assert found.score[0, 1].tolist() == [0.5, 7.0, 12.0]
    assert found.rank[0, 1].tolist() == [2, 1, 1]
    assert found.rank[0, 0].tolist() == [1, 0, 0] and np.isnan(found.score[0, 0, 1:]).all()
    assert (found.rank[found.name < 0] == 0).all()


def test_the_score_is_what_a_name_predicts_raised_by_agreement() -> None:
    rank = np.array([[[1, 1, 1], [1, 0, 0], [2, 0, 3], [1, 1, 1]]])
    score = combined(np.array([[1.0, 0.9, 0.8, FLOOR - 0.01]]), rank)
    assert score[0, 0] == 1
    assert score[0, 1] == pytest.approx(0.8 * (3 + 1 / 3) / 4)
    assert score[0, 2] == pytest.approx(0.6 * (3 + (1 / 2 + 1 / 3) / 3) / 4)
    assert np.isnan(score[0, 3])


def test_the_best_proposals_are_kept_with_their_evidence() -> None:
    found = proposals(ENTRIES, TERMS, NEAREST, DISSECT, NGRAMS)
    auroc = np.array([[0.8, 0.9, NAN, 0.95, NAN, 0.6], [0.65, NAN, NAN, NAN, 0.5, NAN]], np.float32)
    names = choose(found, auroc, 3)
    # Predicted a little worse, but all methods agree.
    assert names.name[0].tolist() == [2, 3, 0]
    assert names.auroc[0].tolist() == pytest.approx([0.9, 0.95, 0.8])
    assert names.methods[0, 0].tolist() == [0.5, 7.0, 12.0]
    assert (np.diff(names.score[0]) < 0).all()


def test_a_feature_whose_proposals_predict_nothing_has_no_good_name() -> None:
    found = proposals(ENTRIES, TERMS, NEAREST, DISSECT, NGRAMS)
    names = choose(found, np.full(found.name.shape, FLOOR - 1e-3, np.float32), 2)
    assert (names.name == -1).all()
    assert np.isnan(names.score).all() and np.isnan(names.auroc).all()
    assert np.isnan(names.methods).all()


def test_scores_do_not_depend_on_the_order_of_features() -> None:
    swapped = [Candidates(c.index[::-1], c.score[::-1]) for c in (NEAREST, DISSECT, NGRAMS)]
    found, other = (
        proposals(ENTRIES, TERMS, *three) for three in ((NEAREST, DISSECT, NGRAMS), swapped)
    )
    assert other.name[::-1].tolist() == found.name.tolist()
    np.testing.assert_array_equal(other.score[::-1], found.score)
