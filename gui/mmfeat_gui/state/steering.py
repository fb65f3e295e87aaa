"""What is steered and how, and what the answer says of each result."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mmfeat_gui.state.sources import Source, TextSource, option

Kind = Literal["clamp", "ablate", "add"]
KINDS: tuple[Kind, ...] = ("clamp", "ablate", "add")
MOST = 10.0  # multiples of a maximum that the slider reaches; past it models break
SEEN = 200  # results in which an item's rank before is looked for
SHOWN = 10
FEATURES = 64  # changed at a time


@dataclass(frozen=True)
class Steer:
    """A change of features of a query.

    Attributes
    ----------
    source : Source or None
        A picture, text or item; for a model that writes, None where a prompt stands alone.
    features : tuple of int
        What is changed, each once.
    kind : str
        ``clamp`` to `amount` times their maxima, ``ablate``, or ``add`` `amount`.
    amount : float
        As `kind` takes it.
    languages : tuple of str
        Captions that a picture is shown against.
    prompt : str
        What a model that writes is asked; empty for retrieval.
    """

    source: Source | None
    features: tuple[int, ...]
    kind: Kind = "clamp"
    amount: float = 5.0
    languages: tuple[str, ...] = ()
    prompt: str = ""


def steer_command(atlas: Path, backbone: str, steer: Steer) -> str:
    """Return the command line that does the same."""
    words = ["mmfeat", "steer", str(atlas)]
    for feature in steer.features:
        words += ["--feature", str(feature)]
    if steer.source is not None:
        words += option(steer.source)
    if steer.prompt:
        words += ["--prompt", steer.prompt]
    if steer.kind == "ablate":
        words.append("--ablate")
    else:
        words += [f"--{steer.kind}", f"{steer.amount:g}"]
    if isinstance(steer.source, TextSource):
        own = steer.source.language
        words += ["--language", own] if own is not None else []
    elif not steer.prompt:
        for language in steer.languages:
            words += ["--language", language]
    words += ["--backbone", backbone] if backbone else []
    return shlex.join(words)


@dataclass(frozen=True)
class Ranked:
    """A result, and where it stood in the other list.

    Attributes
    ----------
    rank, other : int or None
        From 1; `other` is None where it did not stand among the first `SEEN`.
    """

    item_id: str
    text: str
    cosine: float
    rank: int
    other: int | None

    @property
    def moved(self) -> int | None:
        """Ranks it has gained from `other` to `rank`; None where that is not known."""
        return None if self.other is None else self.other - self.rank


@dataclass(frozen=True)
class Controls:
    """How far the items of the features' concept moved, beside controls.

    Attributes
    ----------
    before, after : float
        Share of the other rows that stand behind a row of the concept.
    change, noop, difference_of_means : float or None
        How much that grew by the change; by none; by a step as long along the difference of means.
    random : tuple of float
        By the same change of other features that fire as often.
    exceeded, p : float
        Share of `random` with a smaller effect; its p-value.
    """

    before: float
    after: float
    change: float
    noop: float
    difference_of_means: float | None
    random: tuple[float, ...]
    exceeded: float
    p: float


@dataclass(frozen=True)
class Retrieval:
    """What is retrieved from captions of a language, or from pictures.

    Attributes
    ----------
    before, after : list of Ranked
        The first of each.
    controls : Controls
        Beside what.
    own : (int, int) or None
        Rank of the query's own concept before and after, where it has one.
    """

    before: list[Ranked]
    after: list[Ranked]
    controls: Controls
    own: tuple[int, int] | None


def retrieval(result: Mapping[str, Any], shown: int = SHOWN) -> Retrieval:
    """Return what a gallery of `mmfeat.atlas.steer.Steering.steer` says."""
    moved = result["towards"]
    own = None
    if "own_before" in result:
        own = (int(result["own_before"]["rank"]), int(result["own_after"]["rank"]))
    return Retrieval(
        _ranked(result["before"], result["after"], shown),
        _ranked(result["after"], result["before"], shown),
        Controls(
            moved["before"],
            moved["after"],
            moved["change"],
            moved["noop"],
            moved.get("difference_of_means"),
            tuple(moved["controls"]),
            moved["exceeded"],
            moved["p"],
        ),
        own,
    )


def _ranked(
    rows: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]], shown: int
) -> list[Ranked]:
    rank: dict[tuple[str, str, int], int] = {}
    for place, key in enumerate(_keys(others)):
        rank[key] = place + 1
    return [
        Ranked(row["item_id"], row["text"], row["cosine"], place + 1, rank.get(key))
        for place, (row, key) in enumerate(zip(rows[:shown], _keys(rows), strict=False))
    ]


def _keys(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, int]]:
    """Return what tells results apart; captions of an item may have the same text."""
    seen: dict[tuple[str, str], int] = {}
    found = []
    for row in rows:
        key = (row["item_id"], row["text"])
        seen[key] = seen.get(key, 0) + 1
        found.append((*key, seen[key]))
    return found
