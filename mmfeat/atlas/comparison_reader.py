"""Reads ``comparison.h5`` (see docs/file-format.md); nothing in it is believed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mmfeat.analysis import splitting
from mmfeat.analysis.matching import Matching, Nearest
from mmfeat.atlas.checked import FLOAT, INTEGER, NUMBER, TEXT, CheckedReader

KIND = "mmfeat-comparison"
BY = ("cosine", "correlation")
MAX_ATLASES = 256


@dataclass(frozen=True)
class Compared:
    """An atlas that was compared."""

    file: str
    name: str
    backbone: str
    hook: str
    digest: str
    d_sae: int


@dataclass(frozen=True)
class Partners:
    """A `Matching` in numbers of all features, with its bar and what is unique to either side."""

    matching: Matching
    bar: float
    unique_a: Bool[np.ndarray, "f"]
    unique_b: Bool[np.ndarray, "g"]


class Comparison(CheckedReader):
    """Reads ``comparison.h5``; a context manager for one thread.

    Parameters
    ----------
    path : Path
        The file. It stays open until `close`.

    Attributes
    ----------
    atlases : tuple of Compared
        In the order they were given.
    chains : tuple of tuples of int
        Atlases of one hook point in ascending size.

    Raises
    ------
    MmfeatError
        Here and from every method, where the file is damaged.
    """

    kind = KIND

    def _inspect(self) -> None:
        data = self._data
        count = len(data.dataset("atlases/d_sae", INTEGER, (None,)))
        if not 2 <= count <= MAX_ATLASES:
            raise data.damaged("/atlases", f"{count} atlases")
        sizes = data.whole("atlases/d_sae", INTEGER, (count,)).tolist()
        columns = []
        for name in ("file", "name", "backbone", "hook", "digest"):
            data.dataset(f"atlases/{name}", TEXT, (count,))
            columns.append(data.texts(f"atlases/{name}", 0, count))
        self.atlases = tuple(Compared(*row) for row in zip(*columns, sizes, strict=True))
        chains = []
        with data.guard("/chains"):
            names = sorted(data.file["chains"], key=int)
        for name in names:
            levels = len(data.dataset(f"chains/{name}/atlas", INTEGER, (None,)))
            chain = data.whole(f"chains/{name}/atlas", INTEGER, (levels,)).tolist()
            # Ascending sizes bound the depth of a tree.
            own = [sizes[i] for i in chain if 0 <= i < count]
            if len(own) < len(chain) or own != sorted(set(own)):
                raise data.damaged(f"/chains/{name}/atlas", "no atlases of ascending size")
            chains.append(tuple(chain))
        self.chains: tuple[tuple[int, ...], ...] = tuple(chains)

    def alive(self, atlas: int) -> Bool[np.ndarray, "f"]:
        """Return which features of an atlas took part."""
        where = f"atlases/alive/{atlas}"
        return self._data.whole(where, NUMBER, (self.atlases[atlas].d_sae,)).astype(bool)

    def common(self, a: int, b: int) -> tuple[int, int]:
        """Return how many rows, and items, two atlases have in common; a before b."""
        with self._data.guard(f"/pairs/{a}-{b}"):
            found = self._data.file[f"pairs/{a}-{b}"].attrs
            return int(found["rows"]), int(found["items"])

    def partners(self, a: int, b: int, by: str) -> Partners | None:
        """Return what matches in two atlases, by `BY`; None where it cannot be compared so."""
        where, data = f"pairs/{a}-{b}/{by}", self._data
        f, g = self.atlases[a].d_sae, self.atlases[b].d_sae
        self.common(a, b)
        if where not in data.file:
            return None
        with data.guard(f"/{where}"):
            attrs = data.file[where].attrs
            method, bar = str(attrs["method"]), float(attrs["bar"])
        pairs = len(data.dataset(f"{where}/a", INTEGER, (None,)))
        own, other = (self._features(f"{where}/{s}", (pairs,), n) for s, n in (("a", f), ("b", g)))
        value = data.whole(f"{where}/value", FLOAT, (pairs,))
        nearest, unique = [], []
        for side, size, partners in (("a", f, g), ("b", g, f)):
            node = f"{where}/nearest_{side}"
            k = data.dataset(f"{node}/index", INTEGER, (size, None)).shape[1]
            index = self._features(f"{node}/index", (size, k), partners, none=True)
            similarity = data.whole(f"{node}/value", FLOAT, (size, k))
            chance = data.whole(f"{node}/chance", FLOAT, (size,))
            nearest.append(Nearest(index, similarity, chance))
            unique.append(data.whole(f"{node}/unique", NUMBER, (size,)).astype(bool))
        matching = Matching(method, own, other, value, nearest[0], nearest[1])
        return Partners(matching, bar, unique[0], unique[1])

    def _features(
        self, where: str, shape: tuple[int, ...], total: int, none: bool = False
    ) -> Int[np.ndarray, "..."]:
        """Read numbers of features, which must exist; with `none`, -1 stands for no feature."""
        found = self._data.whole(where, INTEGER, shape).astype(np.int64)
        if found.size and not (found.min() >= -int(none) and found.max() < total):
            raise self._data.damaged(f"/{where}", f"features that are not among {total}")
        return found

    def steps(self, chain: int) -> list[splitting.Step]:
        """Return how features of each size of a chain come from those of the one before."""
        sizes = [self.atlases[i].d_sae for i in self.chains[chain]]
        found = []
        for level in range(1, len(sizes)):
            where, size = f"chains/{chain}/{level}", (sizes[level],)
            parent = self._features(f"{where}/parent", size, sizes[level - 1], none=True)
            cosine, contained = (
                self._data.whole(f"{where}/{name}", FLOAT, size) for name in ("cosine", "contained")
            )
            found.append(splitting.Step(parent, cosine, contained))
        return found

    def tree(self, chain: int, level: int, feature: int) -> splitting.Node:
        """Return the whole tree that a feature of a chain belongs to, from its root."""
        steps = self.steps(chain)
        return splitting.tree(steps, *splitting.root(steps, level, feature))

    def map(self, atlas: int) -> Float[np.ndarray, "f 2"] | None:
        """Return an atlas's places on the map it shares with others; None without a map."""
        if f"maps/{atlas}" not in self._data.file:
            return None
        return self._data.whole(f"maps/{atlas}", FLOAT, (self.atlases[atlas].d_sae, 2))
