"""All that `mmfeat export` writes: a file in `mmfeat.figures.kinds` and a line here for each."""

from __future__ import annotations

from importlib import import_module

from mmfeat.errors import MmfeatError
from mmfeat.figures.kind import Kind

# What it is called in commands and recipes, and its module.
KINDS: dict[str, str] = {
    "map": "map",
    "feature": "feature",
    "grid": "grid",
    "heatmap": "heatmap",
    "scaling": "scaling",
    "languages": "languages",
    "steering": "steering",
    "splitting": "splitting",
    "safety": "safety",
    "histograms": "histograms",
    "frontier": "frontier",
    "completeness": "completeness",
    "table": "table",
    "features": "features",
    "arrays": "arrays",
    "anndata": "anndata",
    "codes": "codes",
    "report": "report",
}


def kind(name: str) -> Kind:
    """Return a kind of export.

    Raises
    ------
    MmfeatError
        If there is none of that name.
    """
    if name not in KINDS:
        raise MmfeatError(f"Nothing called {name!r} is exported; choose from {', '.join(KINDS)}.")
    found: Kind = import_module(f"mmfeat.figures.kinds.{KINDS[name]}").KIND
    return found
