"""Compare atlases: which features are the same, which are new, and how features split.

``comparison.h5`` is described in docs/file-format.md; `mmfeat.atlas.comparison_reader` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.sparse as sp
from jaxtyping import Int
from pydantic import BaseModel, ConfigDict, Field

from mmfeat import hdf5, provenance
from mmfeat.analysis import splitting
from mmfeat.analysis.joint_map import joint_map
from mmfeat.analysis.maps import MapSettings
from mmfeat.analysis.matching import Correlations, Cosines, Matching, Nearest, match
from mmfeat.analysis.scoreboard import ALIVE
from mmfeat.atlas.checked import FLOAT, INTEGER, TEXT, CheckedFile
from mmfeat.atlas.comparison_reader import BY, KIND, MAX_ATLASES
from mmfeat.atlas.layout import KIND as ATLAS
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.progress import SILENT, Progress

POOLED = ("image.pooled", "text.pooled")
_TEXTS = 1 << 16  # captions read at a time


class CompareSettings(BaseModel):
    """What makes features partners, and how the joint map is laid out.

    A cosine of 0.7 is the bar of Leask et al. 2025 ("Sparse Autoencoders Do Not Find Canonical
    Units of Analysis") and of Paulo and Belrose 2025 between seeds.
    """

    model_config = ConfigDict(extra="forbid")

    min_cosine: float = Field(0.7, ge=0, le=1)
    min_correlation: float = Field(0.5, ge=0, le=1)
    parent_cosine: float = Field(splitting.MIN_COSINE, ge=0, le=1)
    parent_contained: float = Field(splitting.MIN_CONTAINED, ge=0, le=1)
    map: MapSettings | None = MapSettings()


class _Side:
    """An atlas that is compared: its directions, and what its pooled rows stand for.

    Attributes
    ----------
    row, item : int [rows]
        Of each pooled row, pictures first: a number that is the same in another atlas where the
        item's id and the caption's language and text are, and one that is where the id is.
    alive : int [alive]
        Features with at least `ALIVE` firings on pooled rows of train items.
    space : tuple
        Directions of atlases in which this is equal can be compared.
    """

    def __init__(self, path: Path, numbers: dict[str, int]) -> None:
        self.path = path
        with Atlas(path) as atlas:
            self.name, self.digest, self.d_sae = atlas.name, atlas.digest, atlas.d_sae
            self.backbone, self.hook = atlas.backbone, atlas.hook
            data = CheckedFile(path, ATLAS)
            try:
                width = data.dataset("sae/decoder", FLOAT, (self.d_sae, None)).shape[1]
                decoder = data.whole("sae/decoder", FLOAT, (self.d_sae, width))
                self.decoder = decoder.astype(np.float32)
                coordinates = {
                    stream: _coordinates(data, atlas, stream)
                    for stream in POOLED
                    if stream in atlas.streams
                }
                texts = _caption_numbers(data, atlas, numbers)
            finally:
                data.close()
            items = atlas.items()
        self.space = (self.backbone, self.hook, width)
        self._sizes = {stream: len(item) for stream, (item, _) in coordinates.items()}
        of_item = np.array([numbers.setdefault(i, len(numbers)) for i in items.item_id], np.int64)
        item = np.concatenate([np.zeros(0, np.int64), *(i for i, _ in coordinates.values())])
        self.item = of_item[item]
        self.row = np.concatenate(
            [
                np.zeros(0, np.int64),
                *(of_item[i] if c is None else texts[c] for i, c in coordinates.values()),
            ]
        )
        train = self.codes()[(np.array(items.split) == "train")[item]]
        firings = np.bincount(train.indices, minlength=self.d_sae)
        self.alive = np.flatnonzero(firings >= ALIVE)

    def codes(self) -> sp.csr_array:
        """Return the codes of all pooled rows, float32 [rows, d_sae]; they are not kept."""
        parts = [sp.csr_array((0, self.d_sae), dtype=np.float32)]
        with Atlas(self.path) as atlas:
            parts += [atlas.codes_of_rows(stream, 0, n) for stream, n in self._sizes.items()]
        return sp.csr_array(sp.vstack(parts, format="csr"))


def _coordinates(
    data: CheckedFile, atlas: Atlas, stream: str
) -> tuple[Int[np.ndarray, "rows"], Int[np.ndarray, "rows"] | None]:
    """Return item and, for texts, caption of each row of a stream."""
    found: list[Int[np.ndarray, "rows"]] = []
    for name, total in (("item", atlas.n_items), ("caption", atlas.n_captions)):
        where = f"codes/{stream}/rows/{name}"
        size = len(data.dataset(where, INTEGER, (None,)))
        values = data.whole(where, INTEGER, (size,)).astype(np.int64)
        if name == "caption" and stream.startswith("image"):
            return found[0], None
        if size and not (values.min() >= 0 and values.max() < total):
            raise data.damaged(f"/{where}", f"a number that is not one of {total}")
        found.append(values)
    return found[0], found[1]


def _caption_numbers(
    data: CheckedFile, atlas: Atlas, numbers: dict[str, int]
) -> Int[np.ndarray, "captions"]:
    """Return a number of each caption, by item, language and text."""
    m, ids = atlas.n_captions, atlas.items().item_id
    item = data.whole("captions/item", INTEGER, (m,)).astype(np.int64)
    language = data.whole("captions/language", INTEGER, (m,)).astype(np.int64)
    for name, values, total in (
        ("item", item, atlas.n_items),
        ("language", language, len(atlas.languages)),
    ):
        if m and not (values.min() >= 0 and values.max() < total):
            raise data.damaged(f"/captions/{name}", f"a number that is not one of {total}")
    data.dataset("captions/text", TEXT, (m,))
    found = np.empty(m, np.int64)
    for start in range(0, m, _TEXTS):
        texts = data.texts("captions/text", start, start + _TEXTS)
        for place, text in enumerate(texts, start):
            tag = atlas.languages[language[place]]
            key = f"{ids[item[place]]}\0{tag}\0{text}"
            found[place] = numbers.setdefault(key, len(numbers))
    return found


@dataclass(frozen=True)
class _Common:
    """Rows that two atlases have both: of the one, of the other; and how many items they are of."""

    a: Int[np.ndarray, "rows"]
    b: Int[np.ndarray, "rows"]
    items: int


def _common(a: _Side, b: _Side) -> _Common:
    _, own, other = np.intersect1d(a.row, b.row, return_indices=True)
    found = _Common(own, other, len(np.unique(a.item[own])))
    if found.items < 2 and a.space != b.space:
        raise MmfeatError(
            f"{a.path} and {b.path} cannot be compared: they have fewer than two items in common "
            "(by item_id and the text of captions), and their directions are of different "
            "backbones or hook points; build both from one corpus."
        )
    return found


def compare(
    atlases: Sequence[Path | str],
    out: Path | str,
    settings: CompareSettings | None = None,
    *,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Compare atlases pair by pair, chain those of ascending size, and map them together.

    Directions are compared where backbone, hook point and width are the same; codes where
    atlases have items in common. Only alive features take part.

    Parameters
    ----------
    atlases : sequence of path
        Two or more.
    out : path
        The comparison to write.
    settings : CompareSettings, optional
        What makes features partners.

    Returns
    -------
    dict
        ``out``, ``atlases``, ``pairs``, ``splitting`` (a step of a chain each) and ``maps``.

    Raises
    ------
    MmfeatError
        If there are fewer than two different atlases, or two that cannot be compared.
    """
    settings, target = settings or CompareSettings(), Path(out)
    paths = [Path(path) for path in atlases]
    hdf5.check_target(target, KIND)
    if not 2 <= len(paths) <= MAX_ATLASES:
        raise MmfeatError(f"{len(paths)} atlases were given; give 2 to {MAX_ATLASES}.")
    numbers: dict[str, int] = {}
    with progress.stage("reading atlases", len(paths)) as advance:
        sides = []
        for path in paths:
            sides.append(_Side(path, numbers))
            advance(1)
    for a, b in combinations(sides, 2):
        if a.digest == b.digest:
            raise MmfeatError(f"{a.path} and {b.path} are the same atlas; give different ones.")
    common = {(i, j): _common(sides[i], sides[j]) for i, j in combinations(range(len(sides)), 2)}
    chains = _chains(sides)
    record = provenance.record(
        "compare",
        settings.model_dump(mode="json"),
        {f"atlas {number}": path for number, path in enumerate(paths)},
    )
    with hdf5.create(target, KIND, record) as file:
        _write_atlases(file, sides)
        result: dict[str, Any] = {
            "out": str(target),
            "atlases": [
                {"file": side.path.name, "name": side.name, "d_sae": side.d_sae,
                 "alive": len(side.alive), "backbone": side.backbone, "hook": side.hook}
                for side in sides
            ],
        }  # fmt: skip
        steps: dict[tuple[int, int], splitting.Step] = {}
        result["pairs"] = _write_pairs(file, sides, common, chains, steps, settings, progress)
        result["splitting"] = _write_chains(file, sides, chains, steps)
        result["maps"] = _write_maps(file, sides, settings, progress)
    return result


def _chains(sides: Sequence[_Side]) -> list[list[int]]:
    """Return atlases of one space in ascending size, the first given of each size."""
    found: dict[Any, dict[int, int]] = {}
    for number, side in enumerate(sides):
        found.setdefault(side.space, {}).setdefault(side.d_sae, number)
    return [[own[size] for size in sorted(own)] for own in found.values() if len(own) > 1]


def _write_atlases(file: h5py.File, sides: Sequence[_Side]) -> None:
    group = hdf5.encode_group(file.create_group("atlases"), "atlases")
    columns = {
        "file": [side.path.name for side in sides],
        "name": [side.name for side in sides],
        "backbone": [side.backbone for side in sides],
        "hook": [side.hook for side in sides],
        "digest": [side.digest for side in sides],
    }
    for name, values in columns.items():
        hdf5.write_strings(group, name, values)
    group["d_sae"] = np.array([side.d_sae for side in sides], np.int64)
    alive = hdf5.encode_group(group.create_group("alive"), "alive")
    for number, side in enumerate(sides):
        alive[str(number)] = np.isin(np.arange(side.d_sae), side.alive)


def _write_pairs(
    file: h5py.File,
    sides: Sequence[_Side],
    common: Mapping[tuple[int, int], _Common],
    chains: Sequence[Sequence[int]],
    steps: dict[tuple[int, int], splitting.Step],
    settings: CompareSettings,
    progress: Progress,
) -> list[dict[str, Any]]:
    pairs = hdf5.encode_group(file.create_group("pairs"), "pairs")
    wanted = {pair for chain in chains for pair in pairwise(chain)}
    found: list[dict[str, Any]] = []
    held, codes = -1, sp.csr_array((0, 0))
    with progress.stage("comparing pairs", len(common)) as advance:
        for (i, j), rows in common.items():
            a, b = sides[i], sides[j]
            if held != i:
                held, codes = i, a.codes()
            za = codes[rows.a].tocsc()
            zb = b.codes()[rows.b].tocsc()
            group = hdf5.encode_group(pairs.create_group(f"{i}-{j}"), "pair")
            group.attrs["rows"], group.attrs["items"] = len(rows.a), rows.items
            told: dict[str, Any] = {
                "a": a.path.name, "b": b.path.name, "rows": len(rows.a), "items": rows.items,
            }  # fmt: skip
            if a.space == b.space:
                matching = match(Cosines(a.decoder[a.alive], b.decoder[b.alive]))
                told["cosine"] = _write_matching(group, "cosine", matching, a, b, settings)
                for child, parent, nearest in (
                    (i, j, matching.nearest_a),
                    (j, i, matching.nearest_b),
                ):
                    if (parent, child) in wanted:
                        z = (za, zb) if child == i else (zb, za)
                        steps[parent, child] = _step(
                            sides[child], sides[parent], nearest, z, settings
                        )
            if rows.items >= 2:
                matching = match(Correlations(za[:, a.alive], zb[:, b.alive], rows.items))
                told["correlation"] = _write_matching(
                    group, "correlation", matching, a, b, settings
                )
            found.append({**told, **{by: None for by in BY if by not in told}})
            advance(1)
    return found


def _step(
    child: _Side,
    parent: _Side,
    nearest: Nearest,
    codes: tuple[sp.csc_array, sp.csc_array],
    settings: CompareSettings,
) -> splitting.Step:
    return splitting.step(
        _spread(nearest, child, parent),
        *codes,
        min_cosine=settings.parent_cosine,
        min_contained=settings.parent_contained,
    )


def _spread(nearest: Nearest, own: _Side, other: _Side) -> Nearest:
    """Turn partners among alive features into partners among all."""
    shape = (own.d_sae, nearest.index.shape[1])
    index, value = np.full(shape, -1, np.int32), np.full(shape, np.nan, np.float32)
    known = nearest.index >= 0
    full = np.full(nearest.index.shape, -1, np.int32)
    full[known] = other.alive[nearest.index[known]]
    index[own.alive], value[own.alive] = full, nearest.value
    chance = np.full(own.d_sae, np.nan, np.float32)
    chance[own.alive] = nearest.chance
    return Nearest(index, value, chance)


def _write_matching(
    parent: h5py.Group, by: str, found: Matching, a: _Side, b: _Side, settings: CompareSettings
) -> dict[str, Any]:
    group = hdf5.encode_group(parent.create_group(by), "matching")
    bar = getattr(settings, f"min_{by}")
    told: dict[str, Any] = {"method": found.method, "stability": found.stability, "bar": bar}
    for name, value in told.items():
        group.attrs[name] = value
    group["a"], group["b"] = a.alive[found.a].astype(np.int32), b.alive[found.b].astype(np.int32)
    group["value"] = found.value
    told["matched"] = len(found.value)
    told["share_matched"] = float((found.value >= bar).mean()) if len(found.value) else np.nan
    for side, nearest, own, other in (
        ("a", found.nearest_a, a, b),
        ("b", found.nearest_b, b, a),
    ):
        node = hdf5.encode_group(group.create_group(f"nearest_{side}"), "nearest")
        spread = _spread(nearest, own, other)
        node["index"], node["value"], node["chance"] = spread.index, spread.value, spread.chance
        unique = np.zeros(own.d_sae, bool)
        unique[own.alive] = nearest.without_partner(bar)
        node["unique"] = unique
        told[f"unique_{side}"] = int(unique.sum())
        told[f"chance_{side}"] = float(np.median(nearest.chance)) if len(own.alive) else np.nan
    return told


def _write_chains(
    file: h5py.File,
    sides: Sequence[_Side],
    chains: Sequence[Sequence[int]],
    steps: Mapping[tuple[int, int], splitting.Step],
) -> list[dict[str, Any]]:
    parent = hdf5.encode_group(file.create_group("chains"), "chains")
    told = []
    for number, chain in enumerate(chains):
        group = hdf5.encode_group(parent.create_group(str(number)), "chain")
        group["atlas"] = np.array(chain, np.int32)
        for level, (old, young) in enumerate(pairwise(chain), 1):
            step = steps[old, young]
            node = hdf5.encode_group(group.create_group(str(level)), "step")
            node["parent"], node["cosine"] = step.parent, step.cosine
            node["contained"] = step.contained
            told.append(
                {
                    "parent": sides[old].path.name,
                    "child": sides[young].path.name,
                    **splitting.summary(step, len(sides[young].alive), sides[old].d_sae),
                }
            )
    return told


def _write_maps(
    file: h5py.File, sides: Sequence[_Side], settings: CompareSettings, progress: Progress
) -> int:
    """Write one map of each space that several atlases have."""
    maps = hdf5.encode_group(file.create_group("maps"), "maps")
    if settings.map is None:
        return 0
    for name, value in settings.map.model_dump().items():
        maps.attrs[name] = value
    spaces: dict[Any, list[int]] = {}
    for number, side in enumerate(sides):
        spaces.setdefault(side.space, []).append(number)
    several = [own for own in spaces.values() if len(own) > 1]
    with progress.stage("laying out the map", len(several)) as advance:
        for own in several:
            places = joint_map([sides[i].decoder[sides[i].alive] for i in own], settings.map)
            for i, xy in zip(own, places, strict=True):
                whole = np.full((sides[i].d_sae, 2), np.nan, np.float32)
                whole[sides[i].alive] = xy
                maps[str(i)] = whole
            advance(1)
    return len(several)
