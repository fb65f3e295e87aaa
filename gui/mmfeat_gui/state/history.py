"""Where the user has been: back and forward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Place:
    """A page: a feature or an item by index, the comparison, the runs, or the first page."""

    kind: Literal["feature", "item", "comparison", "runs", "welcome"]
    index: int = 0

    @property
    def of_atlas(self) -> bool:
        """Whether the page is one of the open atlas."""
        return self.kind in ("feature", "item")


class History:
    """Pages visited, with the one shown now."""

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._now = -1

    @property
    def current(self) -> Place | None:
        """The page shown now, or None before the first."""
        return self._places[self._now] if self._now >= 0 else None

    @property
    def can_go_back(self) -> bool:
        """Whether there is a page before this one."""
        return self._now > 0

    @property
    def can_go_forward(self) -> bool:
        """Whether a page was left by going back."""
        return self._now < len(self._places) - 1

    def visit(self, place: Place) -> None:
        """Go to a page: pages ahead are forgotten; the same page again is no step."""
        if place == self.current:
            return
        del self._places[self._now + 1 :]
        self._places.append(place)
        self._now += 1

    def back(self) -> Place | None:
        """Go to the page before and return the one shown then."""
        self._now -= self.can_go_back
        return self.current

    def forward(self) -> Place | None:
        """Go to the page after and return the one shown then."""
        self._now += self.can_go_forward
        return self.current

    def last_of_atlas(self) -> Place | None:
        """Return the latest page of the open atlas up to now, or None."""
        seen = self._places[: self._now + 1]
        return next((place for place in reversed(seen) if place.of_atlas), None)

    def clear(self) -> None:
        """Forget everything: another atlas was opened."""
        self._places.clear()
        self._now = -1
