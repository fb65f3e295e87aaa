"""Small synthetic atlases with something in every part: the same file on every machine."""

from __future__ import annotations

import sys
from pathlib import Path

_SCRIPTS = Path(__file__).parents[2] / "scripts" / "bench"


def write_synthetic(
    path: Path, features: int = 64, items: int = 128, languages: tuple[str, ...] = ("ar", "en")
) -> Path:
    """Write an atlas by `scripts/bench/big_atlas.py` and return its path."""
    if str(_SCRIPTS) not in sys.path:
        sys.path.insert(0, str(_SCRIPTS))
    from big_atlas import write_atlas

    write_atlas(path, features, items, languages)
    return path
