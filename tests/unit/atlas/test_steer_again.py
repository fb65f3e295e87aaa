"""Steering again with another amount: what does not depend on it is not computed again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mmfeat.atlas.reader import Atlas
from mmfeat.atlas.steer import Steering
from mmfeat.progress import Advance


class Told:
    """Remembers stages and their steps."""

    def __init__(self) -> None:
        self.stages: dict[str, tuple[int | None, int]] = {}

    @contextmanager
    def stage(self, description: str, total: int | None) -> Iterator[Advance]:
        assert description not in self.stages
        self.stages[description] = (total, 0)

        def advance(steps: int, note: str = "") -> None:
            self.stages[description] = (total, self.stages[description][1] + steps)

        yield advance


@pytest.fixture
def atlas(atlas_path: Path) -> Iterator[Atlas]:
    with Atlas(atlas_path) as opened:
        yield opened


def test_galleries_are_encoded_once_and_told(atlas: Atlas) -> None:
    told = Told()
    steering = Steering(atlas, device="cpu", progress=told)
    query, text = steering.item(atlas.items().item_id[4]), steering.text("fire", "en")
    for amount in (2.0, 3.0):
        steering.steer(query, [0], steering.clamping(query, amount), languages=["ko"], controls=2)
        steering.steer(text, [0], steering.clamping(text, amount), controls=2)
    captions = sum(len(own) for own in steering.galleries.captions("ko").values())
    pictures = len(steering.galleries.items)
    assert told.stages == {
        "comparing pictures": (atlas.n_items, atlas.n_items),
        "encoding captions in ko": (captions, captions),
        "encoding pictures": (pictures, pictures),
    }


def test_the_difference_of_means_is_taken_once_for_the_same_features(
    atlas: Atlas, monkeypatch: pytest.MonkeyPatch
) -> None:
    steering, fresh = (Steering(atlas, device="cpu") for _ in range(2))
    calls = []
    known = steering.known
    sides = known.sides
    monkeypatch.setattr(known, "sides", lambda *given: calls.append(1) or sides(*given))
    ids = atlas.items().item_id
    asked = [(ids[4], (3,), 2.0), (ids[4], (3,), 5.0), (ids[4], (3, 8), 5.0), (ids[9], (3,), 5.0)]
    for item, features, amount in asked:
        query, other = steering.item(item), fresh.item(item)
        found = steering.steer(
            query, features, steering.clamping(query, amount), languages=["en"], controls=2
        )
        fresh._kept = None
        expected = fresh.steer(
            other, features, fresh.clamping(other, amount), languages=["en"], controls=2
        )
        assert found["results"] == expected["results"]
    assert len(calls) == 3
