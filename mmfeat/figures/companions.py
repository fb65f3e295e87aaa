"""Files beside an atlas that say something of it: comparisons with others, and probe reports.

They are known by the digest of the atlas that is written in them, whatever they are called.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from mmfeat.analysis.splitting import Node, Step, root, tree
from mmfeat.atlas.comparison_reader import Compared, Comparison
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures.pages import title_of

_MOST_FILES = 256  # of a folder that are looked at
_MOST_BYTES = 16 << 20  # of a report
_LARGEST = 1e300  # number of a report
MOST_NODES = 256  # of a tree that are named


@dataclass(frozen=True)
class Chain:
    """SAEs of one hook point in ascending size, this atlas among them.

    Attributes
    ----------
    path : Path
        The comparison.
    atlases : tuple of Compared
        From the smallest.
    level : int
        Which of them this atlas is.
    steps : sequence of Step
        How the features of each come from those of the one before.
    """

    path: Path
    atlases: tuple[Compared, ...]
    level: int
    steps: Sequence[Step]

    def tree(self, feature: int) -> Node:
        """Return the whole tree that a feature of this atlas belongs to, from its root."""
        return tree(self.steps, *root(self.steps, self.level, feature))


@dataclass(frozen=True)
class Probed:
    """What a probe of a category found of one feature; numbers are None where not to be had.

    `auroc` is by language, `image` that of pictures; `rank` counts from 1 within the category.
    """

    category: str
    description: str
    rank: int
    score: float | None
    auroc: dict[str, float | None]
    image: float | None
    p: float | None
    q: float | None
    above_controls: float | None


class Companions:
    """What lies beside an atlas; each folder is looked through once.

    Parameters
    ----------
    atlas : Atlas
    """

    def __init__(self, atlas: Atlas) -> None:
        self._atlas = atlas
        self._folder, self._digest = atlas.path.parent, atlas.digest

    def _files(self, pattern: str) -> Iterator[Path]:
        try:
            found = sorted(self._folder.glob(pattern))
        except OSError:
            return
        for path in found[:_MOST_FILES]:
            try:
                if path.is_file():
                    yield path
            except OSError:
                continue

    @cached_property
    def chains(self) -> list[Chain]:
        """The chains of comparisons in which this atlas takes part."""
        found: list[Chain] = []
        for path in self._files("*.h5"):
            try:
                with Comparison(path) as compared:
                    found += self._chains_of(path, compared)
            except MmfeatError:  # another kind of file, or a damaged one: not what is asked about
                continue
        return found

    def _chains_of(self, path: Path, compared: Comparison) -> Iterator[Chain]:
        for number, members in enumerate(compared.chains):
            atlases = tuple(compared.atlases[at] for at in members)
            digests = [one.digest for one in atlases]
            if self._digest and self._digest in digests and len(atlases) > 1:
                level = digests.index(self._digest)
                yield Chain(path, atlases, level, compared.steps(number))

    def titles(self, chain: Chain, node: Node) -> dict[tuple[int, int], str]:
        """Return the titles of a tree's features by level and feature, as far as they are known.

        They are those of atlases that lie where the comparison does, or where it found them.
        """
        wanted: dict[int, list[int]] = {}
        for own in islice(walk(node), MOST_NODES):
            wanted.setdefault(own.level, []).append(own.feature)
        found: dict[tuple[int, int], str] = {}
        for level, features in wanted.items():
            known = self._titles.setdefault(chain.atlases[level].digest, {})
            missing = [feature for feature in features if feature not in known]
            if level == chain.level:
                known |= _titles(self._atlas, missing)
            elif missing:
                known |= _read_titles(chain, level, missing)
            found |= {(level, f): known[f] for f in features if f in known}
        return found

    @cached_property
    def _titles(self) -> dict[str, dict[int, str]]:
        return {}

    @cached_property
    def _reports(self) -> list[dict[str, Any]]:
        found = []
        for path in self._files("*.json"):
            try:
                if path.stat().st_size > _MOST_BYTES:
                    continue
                report = json.loads(path.read_text("utf-8"))
            except (OSError, ValueError, RecursionError):
                continue
            known = isinstance(report, dict) and isinstance(report.get("categories"), list)
            if known and self._digest and report.get("digest") == self._digest:
                found.append(report)
        return found

    @property
    def probed(self) -> bool:
        """Whether there is a report of `mmfeat probe` on this atlas."""
        return bool(self._reports)

    def probes(self, feature: int) -> list[Probed]:
        """Return the categories among whose best features this one is."""
        found = []
        for report in self._reports:
            for category in report["categories"]:
                if not isinstance(category, dict) or not isinstance(category.get("features"), list):
                    continue
                for rank, one in enumerate(category["features"], 1):
                    if isinstance(one, dict) and one.get("feature") == feature:
                        found.append(_probed(category, rank, one))
        return found


def walk(node: Node) -> Iterator[Node]:
    """Iterate over a tree, each feature before those that come from it."""
    waiting = [node]
    while waiting:
        own = waiting.pop()
        yield own
        waiting.extend(reversed(own.children))


def _titles(atlas: Atlas, features: Sequence[int]) -> dict[int, str]:
    names = zip(features, atlas.names_of(features), strict=True)
    return {feature: title_of(own, feature) for feature, own in names}


def _read_titles(chain: Chain, level: int, features: Sequence[int]) -> dict[int, str]:
    compared = chain.atlases[level]
    for path in (chain.path.parent / Path(compared.file).name, Path(compared.file)):
        try:
            if not path.is_file():
                continue
            with Atlas(path) as atlas:
                if atlas.digest == compared.digest:
                    return _titles(atlas, features)
        except (MmfeatError, OSError, ValueError):
            continue
    return {}


def _probed(category: dict[str, Any], rank: int, one: dict[str, Any]) -> Probed:
    auroc, causal = one.get("auroc"), one.get("causal")
    return Probed(
        category=_text(category.get("category", "")),
        description=_text(category.get("description", "")),
        rank=rank,
        score=_number(one.get("score")),
        auroc={_text(tag): _number(value) for tag, value in auroc.items()}
        if isinstance(auroc, dict)
        else {},
        image=_number(one.get("auroc_image")),
        p=_number(one.get("p")),
        q=_number(one.get("q")),
        above_controls=_number(causal.get("above_controls")) if isinstance(causal, dict) else None,
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) >= _LARGEST:
        return None
    return float(value)


def _text(value: object) -> str:
    # JSON may spell halves of characters, which nothing can draw.
    return str(value).encode("utf-8", "replace").decode("utf-8")
