"""How far two people's notes agree, tag by tag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmfeat_gui.state.notes import Note
from mmfeat_gui.state.selection import Selection


@dataclass(frozen=True)
class TagAgreement:
    """What two people did with a tag, on the features that both labelled.

    Attributes
    ----------
    tag : str
        Empty for the star.
    both, only_first, only_second, neither : int
        Features by who gave it.
    kappa : float or None
        Cohen's (1960): 1 for full agreement, 0 for as much as chance gives to two people who
        give it as often as these do; None where chance alone gives full agreement.
    differ : Selection
        The features on which they differ.
    """

    tag: str
    both: int
    only_first: int
    only_second: int
    neither: int
    kappa: float | None
    differ: Selection

    @property
    def share(self) -> float:
        """Share of the features on which they agree."""
        agree, differ = self.both + self.neither, self.only_first + self.only_second
        return agree / (agree + differ) if agree + differ else 0.0


@dataclass(frozen=True)
class Agreement:
    """How far two people's notes agree.

    Attributes
    ----------
    first, second : int
        Features that each labelled.
    common : Selection
        Those that both did.
    tags : tuple of TagAgreement
        Every tag that either gave to one of those, the star first.
    named : int
        Features that both gave a name.
    alike : int
        Those that have the same name from both, small and large letters alike.
    """

    first: int
    second: int
    common: Selection
    tags: tuple[TagAgreement, ...]
    named: int
    alike: int


def agreement(first: Mapping[int, Note], second: Mapping[int, Note]) -> Agreement:
    """Compare two people's notes on the same features.

    A feature that someone labelled without a tag counts as one to which he did not give it; one
    that he did not label counts for nothing.
    """
    labelled = [{f for f, note in own.items() if note.labelled} for own in (first, second)]
    common = sorted(labelled[0] & labelled[1])
    tags = sorted(
        {tag for f in common for tag in (*first[f].tags, *second[f].tags)},
        key=lambda tag: (tag.casefold(), tag),
    )
    rows = [_row(tag, common, first, second) for tag in ("", *tags)]
    named = [f for f in first if first[f].name and f in second and second[f].name]
    alike = [f for f in named if first[f].name.casefold() == second[f].name.casefold()]
    return Agreement(
        len(labelled[0]),
        len(labelled[1]),
        Selection.of(common),
        tuple(row for row in rows if row.tag or row.neither < len(common)),
        len(named),
        len(alike),
    )


def _row(
    tag: str, common: list[int], first: Mapping[int, Note], second: Mapping[int, Note]
) -> TagAgreement:
    def has(note: Note) -> bool:
        return tag in note.tags if tag else note.starred

    pairs = [(has(first[f]), has(second[f])) for f in common]
    both, only_first, only_second, neither = (
        pairs.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))
    )
    differ = Selection.of(f for f, (a, b) in zip(common, pairs, strict=True) if a != b)
    value = kappa(both, only_first, only_second, neither)
    return TagAgreement(tag, both, only_first, only_second, neither, value, differ)


def kappa(both: int, only_first: int, only_second: int, neither: int) -> float | None:
    """Return Cohen's kappa of two people's yes and no; None where it has no value."""
    total = both + only_first + only_second + neither
    if not total:
        return None
    first, second = both + only_first, both + only_second
    chance = (first * second + (total - first) * (total - second)) / total**2
    if chance == 1:
        return None
    return ((both + neither) / total - chance) / (1 - chance)
