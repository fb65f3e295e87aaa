"""What figures are made of, without Qt: shared by the viewer, the exports and the report.

`export` writes a figure, table or report to a file, `draw` gives a matplotlib figure, `again`
makes a file again from its manifest, and `recipe` makes all of a paper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmfeat.figures.exporting import again, draw, export, recipe

__all__ = ["again", "draw", "export", "recipe"]


def __getattr__(name: str) -> Any:
    """Load the public functions on first use: the viewer needs palettes and pages alone."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("mmfeat.figures.exporting"), name)
