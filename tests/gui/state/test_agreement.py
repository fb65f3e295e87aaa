from __future__ import annotations

import numpy as np
import pytest

from mmfeat_gui.state.agreement import agreement, kappa
from mmfeat_gui.state.notes import Note
from mmfeat_gui.state.selection import Selection


def test_kappa_is_cohens() -> None:
    # The example of Cohen's paper in two classes: po = 0.7, pe = 0.5.
    assert kappa(20, 5, 10, 15) == pytest.approx(0.4)
    assert kappa(10, 0, 0, 30) == 1.0
    assert kappa(0, 5, 5, 0) == pytest.approx(-1.0)
    assert kappa(0, 0, 0, 7) is None  # nobody gave it: agreement by chance alone
    assert kappa(7, 0, 0, 0) is None
    assert kappa(0, 0, 0, 0) is None


def test_kappa_against_its_definition() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        a, b = rng.random((2, 40)) < rng.random((2, 1))
        table = [int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum()), 0]
        table[3] = 40 - sum(table)
        chance = a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
        found = kappa(*table)
        if chance == 1:
            assert found is None
        else:
            assert found == pytest.approx(((a == b).mean() - chance) / (1 - chance))


def test_only_features_that_both_labelled_count() -> None:
    first = {
        0: Note(tags=("cat", "dog")),
        1: Note(tags=("cat",)),
        2: Note(reviewed=True),
        3: Note(tags=("cat",)),  # not labelled by the other
        4: Note("Lion", tags=("dog",)),
        5: Note("a"),  # a name is no label
    }
    second = {
        0: Note(tags=("cat",), starred=True),
        1: Note(reviewed=True),
        2: Note(tags=("cat",)),
        4: Note("lion", reviewed=True),
        5: Note("b", tags=("cat",)),
    }
    found = agreement(first, second)
    assert (found.first, found.second) == (5, 5)
    assert found.common == Selection.of([0, 1, 2, 4])
    assert [one.tag for one in found.tags] == ["", "cat", "dog"]
    star, cat, dog = found.tags
    assert (star.both, star.only_first, star.only_second, star.neither) == (0, 0, 1, 3)
    assert (cat.both, cat.only_first, cat.only_second, cat.neither) == (1, 1, 1, 1)
    assert (cat.kappa, cat.share) == (0.0, 0.5)
    assert cat.differ == Selection.of([1, 2])
    assert (dog.both, dog.only_first, dog.only_second, dog.neither) == (0, 2, 0, 2)
    assert (found.named, found.alike) == (2, 1)


def test_people_who_have_nothing_in_common() -> None:
    found = agreement({0: Note(tags=("a",))}, {1: Note(tags=("a",))})
    assert (len(found.common), found.tags) == (0, ())
