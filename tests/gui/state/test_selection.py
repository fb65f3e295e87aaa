from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfeat_gui.state.selection import NOTHING, Selection

SIZE = 40
sets = st.sets(st.integers(0, SIZE - 1))


@given(sets, sets)
def test_selections_combine_as_sets_do(one: set[int], other: set[int]) -> None:
    a, b = Selection.of(one), Selection.of(other)
    assert a.add(b).indices.tolist() == sorted(one | other)
    assert a.subtract(b).indices.tolist() == sorted(one - other)
    assert a.intersect(b).indices.tolist() == sorted(one & other)
    assert a.invert(SIZE).indices.tolist() == sorted(set(range(SIZE)) - one)
    assert a.within(20).indices.tolist() == sorted(index for index in one if index < 20)
    assert (a == b) == (one == other)
    assert len(a) == len(one) and bool(a) == bool(one)


@given(sets, sets)
def test_a_brush_replaces_adds_or_takes_away(one: set[int], other: set[int]) -> None:
    a, b = Selection.of(one), Selection.of(other)
    assert a.brushed(b, "replace") == b
    assert a.brushed(b, "add") == a.add(b)
    assert a.brushed(b, "subtract") == a.subtract(b)


@given(sets)
def test_masks_and_selections_say_the_same(one: set[int]) -> None:
    mask = Selection.of(one).mask(SIZE)
    assert mask.nonzero()[0].tolist() == sorted(one)
    assert Selection.of_mask(mask) == Selection.of(one)
    assert [index in Selection.of(one) for index in range(SIZE)] == mask.tolist()


def test_order_and_repeats_do_not_matter() -> None:
    assert Selection.of([5, 1, 5]) == Selection.of(np.array([1, 5]))
    assert hash(Selection.of([5, 1])) == hash(Selection.of([1, 5, 1]))
    assert Selection.of([]) == NOTHING and not NOTHING


def test_a_selection_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Selection.of([1, 2]).indices[0] = 7


def test_what_lies_beyond_is_left_out_of_a_mask() -> None:
    assert Selection.of([1, 99]).mask(3).tolist() == [False, True, False]
