"""What the maps of features ask of files: top pictures, and the joint maps of comparisons."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Int, UInt8

from mmfeat.atlas.comparison_reader import Compared, Comparison
from mmfeat.errors import MmfeatError
from mmfeat.figures.grid import Grid
from mmfeat.figures.heatmap import decode_png
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.workers.atlases import Atlases

_AT_ONCE = 8  # pictures between two answers
_MOST_FILES = 256  # of a folder that are looked at


@dataclass(frozen=True)
class TopPictures:
    """Read the picture on which each of some features fires most, a few at a time."""

    channel: ClassVar[str] = "map_pictures"
    features: tuple[int, ...]

    def slices(self, atlases: Atlases) -> Iterator[Mapping[int, UInt8[np.ndarray, "h w 3"] | None]]:
        """Read them; None stands for a feature without a picture."""
        atlas = atlases.main
        for start in range(0, len(self.features), _AT_ONCE):
            found: dict[int, UInt8[np.ndarray, "h w 3"] | None] = {}
            for feature in self.features[start : start + _AT_ONCE]:
                best = atlas.image_examples(feature)[:1]
                png = atlas.thumbnail(best[0].item) if best else None
                found[feature] = decode_png(png) if png else None
                time.sleep(0)  # h5py holds the interpreter
            yield found


@dataclass(frozen=True)
class JointMap:
    """The map that several SAEs share.

    Attributes
    ----------
    path : Path
        The comparison that holds it.
    atlases : tuple of Compared
    points : Grid
        The features of all of them, one SAE after the other.
    source : array [n]
        The SAE of each.
    own : int
        Which of them is the open atlas, -1 if none is.
    """

    path: Path
    atlases: tuple[Compared, ...]
    points: Grid
    source: Int[np.ndarray, " n"]
    own: int

    def feature(self, point: int) -> int:
        """Return the number that a point has as a feature of its SAE."""
        source = int(self.source[point])
        return point - sum(atlas.d_sae for atlas in self.atlases[:source])

    def point(self, feature: int) -> int:
        """Return the point of a feature of the open atlas, -1 if that is not on the map."""
        if not (self.own >= 0 and 0 <= feature < self.atlases[self.own].d_sae):
            return -1
        return sum(atlas.d_sae for atlas in self.atlases[: self.own]) + feature

    def file_of(self, source: int) -> Path:
        """Return where the atlas of an SAE is to be found: beside the comparison, or as before."""
        named = Path(self.atlases[source].file)
        beside = self.path.parent / named.name
        return beside if beside.is_file() else named


@dataclass(frozen=True)
class FindJointMap:
    """Read the joint map of a comparison, or of the first beside the atlas that has this atlas."""

    channel: ClassVar[str] = "joint_map"
    path: Path | None = None

    def read(self, atlases: Atlases) -> JointMap | None:
        """Read it; None where there is none beside the atlas.

        Raises
        ------
        MmfeatError
            If the comparison that was asked for has no map, or is damaged.
        """
        digest = atlases.main.digest
        if self.path is not None:
            found = _joint_map(self.path, digest)
            if found is None:
                raise MmfeatError(tr("joint.no_map", file=self.path.name))
            return found
        for path in sorted(atlases.main.path.parent.glob("*.h5"))[:_MOST_FILES]:
            try:
                found = _joint_map(path, digest)
            except (MmfeatError, OSError):  # another kind of file, or a damaged one
                continue
            if found is not None and found.own >= 0:
                return found
        return None


def _joint_map(path: Path, digest: str) -> JointMap | None:
    with Comparison(path) as compared:
        places = [compared.map(at) for at in range(len(compared.atlases))]
        known = [place for place in places if place is not None]
        if not known:
            return None
        full = [
            np.full((atlas.d_sae, 2), np.nan, np.float32) if place is None else place
            for atlas, place in zip(compared.atlases, places, strict=True)
        ]
        digests = [atlas.digest for atlas in compared.atlases]
        return JointMap(
            path,
            compared.atlases,
            Grid(np.concatenate(full)),
            np.repeat(np.arange(len(full)), [len(place) for place in full]),
            digests.index(digest) if digest and digest in digests else -1,
        )
