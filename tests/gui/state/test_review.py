from __future__ import annotations

import numpy as np

from mmfeat_gui.state.review import next_unlabelled, progress
from mmfeat_gui.state.selection import NOTHING, Selection

ROWS = np.array([8, 3, 5, 1, 9])


def test_the_next_feature_is_that_of_the_table_without_a_label() -> None:
    done = Selection.of([3, 1])
    assert next_unlabelled(ROWS, done, 8) == 5
    assert next_unlabelled(ROWS, done, 5) == 9
    assert next_unlabelled(ROWS, done, 9) == 8  # after the last the first again
    assert next_unlabelled(ROWS, done, 8, backwards=True) == 9
    assert next_unlabelled(ROWS, done, 5, backwards=True) == 8


def test_from_a_feature_that_is_filtered_out_one_begins_anew() -> None:
    assert next_unlabelled(ROWS, NOTHING, 7) == 8
    assert next_unlabelled(ROWS, NOTHING, 7, backwards=True) == 9


def test_when_all_are_done_there_is_no_next() -> None:
    assert next_unlabelled(ROWS, Selection.of(ROWS), 8) is None
    assert next_unlabelled(ROWS, Selection.of([3, 5, 1, 9]), 8) is None  # but the one shown
    assert next_unlabelled(np.zeros(0, np.int64), NOTHING, 8) is None


def test_progress_counts_what_the_table_shows() -> None:
    assert progress(ROWS, Selection.of([3, 1, 2])) == (2, 5)
