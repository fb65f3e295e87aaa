"""The parts of an atlas that are made from its evidence, one a module with its own reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import h5py

from mmfeat.atlas import bridge, concepts, features, geometry, language_table, names
from mmfeat.atlas.evidence import Evidence
from mmfeat.progress import Progress

Write = Callable[[h5py.File, Evidence, Progress], None]

# In the order in which they are written.
PARTS: Sequence[Write] = (
    features.write,
    names.write,
    language_table.write,
    bridge.write,
    concepts.write,
    geometry.write,
)
