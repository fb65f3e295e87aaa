from __future__ import annotations

import pytest

from mmfeat_gui.state.history import Place
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.state.store import Store
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.state.viewport import Viewport


@pytest.fixture
def told() -> list[tuple[ViewState, ViewState]]:
    return []


@pytest.fixture
def store(told: list[tuple[ViewState, ViewState]]) -> Store:
    made = Store()
    made.changed.connect(lambda now, before: told.append((now, before)), unique=False)
    return made


def test_a_change_is_told_once_with_what_was_before(
    store: Store, told: list[tuple[ViewState, ViewState]]
) -> None:
    first = store.state
    store.change("undo.colouring", colouring="shared")
    assert store.state.colouring == "shared"
    assert told == [(store.state, first)]
    store.change("undo.colouring", colouring="shared")
    assert len(told) == 1


def test_undo_and_redo_walk_through_all_states(store: Store) -> None:
    states = [store.state]
    for fields in (
        {"colouring": "shared"},
        {"place": Place("feature", 3)},
        {"features": Selection.of([1, 2])},
        {"hidden": frozenset({"shared"})},
    ):
        store.change("undo.test", **fields)
        states.append(store.state)
    for state in reversed(states[:-1]):
        store.undo()
        assert store.state == state
    assert not store.can_undo
    store.undo()
    assert store.state == states[0]
    for state in states[1:]:
        store.redo()
        assert store.state == state
    assert not store.can_redo


def test_a_new_change_forgets_what_was_undone(store: Store) -> None:
    store.change("undo.a", colouring="shared")
    store.undo()
    assert store.redo_label == "undo.a"
    store.change("undo.b", heat=False)
    assert not store.can_redo and store.undo_label == "undo.b"
    store.undo()
    assert store.state == ViewState()


def test_changes_of_one_kind_in_a_row_are_one_step(store: Store) -> None:
    store.change("undo.filter", heat=False)
    for x in range(5):
        store.change("undo.pan", merge="viewport", viewport=Viewport(x, 0, x + 1, 1))
    store.change("undo.pan", merge="viewport", samples_viewport=Viewport(9, 0, 10, 1))
    store.undo()
    assert store.state == ViewState(heat=False)
    store.redo()
    assert store.state.viewport == Viewport(4, 0, 5, 1)
    assert store.state.samples_viewport == Viewport(9, 0, 10, 1)
    # After an undo and a redo a change of the same kind is a step of its own again or joins it;
    # either way it goes back to where it came from.
    store.change("undo.filter", heat=True)
    store.change("undo.pan", merge="viewport", viewport=None)
    store.undo()
    assert store.state.viewport == Viewport(4, 0, 5, 1)


def test_what_is_no_step_survives_an_undo_of_what_came_before(store: Store) -> None:
    store.change("undo.colouring", colouring="shared")
    store.change("undo.panels", undoable=False, panels=("map",))
    store.undo()
    assert store.state == ViewState(panels=("map",))


def test_edits_outside_the_view_stand_in_the_same_line(store: Store) -> None:
    notes = ["old"]
    store.change("undo.colouring", colouring="shared")
    store.do("undo.note", lambda: notes.append("new"), lambda: notes.remove("new"))
    store.change("undo.heat", heat=False)
    assert notes == ["old", "new"]
    store.undo()
    store.undo()
    assert notes == ["old"] and store.state.colouring == "shared"
    assert (store.undo_label, store.redo_label) == ("undo.colouring", "undo.note")
    store.redo()
    assert notes == ["old", "new"]


def test_after_a_reset_nothing_leads_back(
    store: Store, told: list[tuple[ViewState, ViewState]]
) -> None:
    store.change("undo.heat", heat=False)
    told.clear()
    store.reset(ViewState(colouring="shared"))
    assert store.state == ViewState(colouring="shared")
    assert not store.can_undo and not store.can_redo and told == []


def test_a_view_is_cut_to_what_an_atlas_has() -> None:
    view = ViewState(
        place=Place("item", 7), features=Selection.of([2, 9]), items=Selection.of([0, 7])
    )
    cut = view.fitting(features=5, items=7)
    assert cut.place is None
    assert cut.features == Selection.of([2]) and cut.items == Selection.of([0])
    assert view.fitting(features=10, items=8) == view
