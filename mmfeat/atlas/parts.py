"""The parts of an atlas that are made from its evidence: a module with its own reader for each.

A module's ``write`` writes its part; it is imported when an atlas is built.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

import h5py

from mmfeat.atlas.evidence import Evidence
from mmfeat.progress import Progress

Write = Callable[[h5py.File, Evidence, Progress], None]

# Modules of mmfeat.atlas, in the order in which they write.
PARTS: tuple[str, ...] = (
    "features",
    "names",
    "language_table",
    "bridge",
    "concepts",
    "geometry",
)


def writer(part: str) -> Write:
    """Return what writes a part."""
    return cast(Write, import_module(f"mmfeat.atlas.{part}").write)
