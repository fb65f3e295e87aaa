from __future__ import annotations

from mmfeat_gui.state.history import History, Place


def test_back_and_forward_walk_the_pages_visited() -> None:
    history = History()
    assert history.current is None
    assert history.back() is None
    places = [Place("feature", 1), Place("item", 7), Place("feature", 2)]
    for place in places:
        history.visit(place)
    assert (history.can_go_back, history.can_go_forward) == (True, False)
    assert history.back() == places[1]
    assert history.back() == places[0]
    assert history.back() == places[0]
    assert (history.can_go_back, history.can_go_forward) == (False, True)
    assert history.forward() == places[1]


def test_visiting_after_going_back_forgets_what_lay_ahead() -> None:
    history = History()
    for index in range(3):
        history.visit(Place("feature", index))
    history.back()
    history.back()
    history.visit(Place("item", 9))
    assert not history.can_go_forward
    assert history.back() == Place("feature", 0)


def test_the_same_page_again_is_no_step() -> None:
    history = History()
    history.visit(Place("feature", 1))
    history.visit(Place("feature", 1))
    assert not history.can_go_back


def test_the_comparison_is_one_place() -> None:
    history = History()
    history.visit(Place("feature", 1))
    history.visit(Place("comparison"))
    history.visit(Place("comparison"))
    assert history.back() == Place("feature", 1)
    assert not history.can_go_back


def test_another_atlas_begins_anew() -> None:
    history = History()
    history.visit(Place("feature", 1))
    history.clear()
    assert history.current is None
    assert not history.can_go_back
