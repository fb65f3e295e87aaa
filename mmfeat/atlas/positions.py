"""Where in pictures and captions features fire: ``/positions`` of an atlas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from jaxtyping import Float

from mmfeat import hdf5
from mmfeat.analysis.positions import PARTS, positions, wholes
from mmfeat.atlas.checked import FLOAT, CheckedFile
from mmfeat.atlas.evidence import Evidence
from mmfeat.store.activations import Stream

if TYPE_CHECKING:
    from mmfeat.analysis.codes import Codes

MOST_CELLS = 1024  # of a grid that is written


def write_positions(
    file: h5py.File, evidence: Evidence, stream_name: str, stream: Stream, codes: Codes
) -> None:
    """Write ``/positions/STREAM`` of patches or tokens, while their codes are at hand."""
    parent = file.require_group("positions")
    group = hdf5.encode_group(
        hdf5.encode_group(parent, "positions").create_group(stream_name), "positions-stream"
    )
    groups = len(evidence.languages) if stream.is_text else 1
    cells = 0
    if stream.grid is not None and stream.grid[0] * stream.grid[1] <= MOST_CELLS:
        cells = stream.grid[0] * stream.grid[1]
    owner = stream.caption if stream.is_text else stream.item
    own = wholes(owner, stream.position, stream.group, groups, cells)
    d = codes.d_sae
    shapes: dict[str, tuple[int, ...]] = {
        "rate": (d, groups),
        "whole_rate": (d, groups),
        "concentration": (d,),
        "entropy": (d,),
        "parts": (d, PARTS),
    }
    if cells and stream.grid is not None:
        shapes["mass"] = (d, *stream.grid)
    for name, shape in shapes.items():
        group.create_dataset(name, shape, np.float16 if name == "mass" else np.float32)
    for part, scores in positions(codes, own):
        for name, shape in shapes.items():
            group[name][part] = getattr(scores, name).reshape(-1, *shape[1:])
    share = np.bincount(own.part, minlength=PARTS) / max(1, len(own.part))
    group["parts_base"] = share.astype(np.float32)


@dataclass(frozen=True)
class FeaturePositions:
    """One feature on patches or tokens; see `analysis.positions`.

    `rate` and `whole_rate` are by language for tokens and one number for patches; `mass` is
    [rows, columns], or None without one grid; `parts_base` is the share of all rows.
    """

    rate: Float[np.ndarray, "groups"]
    whole_rate: Float[np.ndarray, "groups"]
    concentration: float
    entropy: float
    parts: Float[np.ndarray, "parts"]
    parts_base: Float[np.ndarray, "parts"]
    mass: Float[np.ndarray, "rows columns"] | None


class Positions:
    """Reads ``/positions`` of an atlas.

    Attributes
    ----------
    streams : tuple of str
        Those it has, of ``image.patch`` and ``text.token``.
    """

    def __init__(self, data: CheckedFile, features: int, languages: tuple[str, ...]) -> None:
        self._data, self._features = data, features
        with data.guard("/positions"):
            self.streams = tuple(
                name for name in ("image.patch", "text.token") if f"positions/{name}" in data.file
            )
        for name in self.streams:
            groups = len(languages) if name.startswith("text") else 1
            for column, shape in (
                ("rate", (features, groups)),
                ("whole_rate", (features, groups)),
                ("concentration", (features,)),
                ("entropy", (features,)),
                ("parts", (features, PARTS)),
                ("parts_base", (PARTS,)),
            ):
                data.dataset(f"positions/{name}/{column}", FLOAT, shape)

    def columns(self, stream: str) -> dict[str, Float[np.ndarray, "features"]]:
        """Return ``concentration`` and ``entropy`` of all features."""
        return {
            name: self._data.whole(f"positions/{stream}/{name}", FLOAT, (self._features,))
            for name in ("concentration", "entropy")
        }

    def of(self, stream: str, feature: int) -> FeaturePositions:
        """Return one feature's statistics."""
        where = f"positions/{stream}"

        def row(name: str) -> Any:
            return self._data.rows(f"{where}/{name}", feature, feature + 1)[0]

        mass = None
        if f"{where}/mass" in self._data.file:
            self._data.dataset(f"{where}/mass", FLOAT, (self._features, None, None))
            mass = row("mass").astype(np.float32)
        return FeaturePositions(
            row("rate"),
            row("whole_rate"),
            float(row("concentration")),
            float(row("entropy")),
            row("parts"),
            self._data.rows(f"{where}/parts_base", 0, PARTS),
            mass,
        )
