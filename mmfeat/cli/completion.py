"""Values that a shell offers at Tab, once ``mmfeat --install-completion`` was run.

Each press of Tab is a process of its own, so nothing here may import torch. What depends on a
file is read from the file that stands before on the line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer


def formats() -> list[tuple[str, str]]:
    """Return the formats of corpora."""
    from mmfeat.corpus.importers import IMPORTERS

    return [(name, importer.summary) for name, importer in IMPORTERS.items()]


def backbones() -> list[str]:
    """Return the bundled backbone, and how the SPEC of another one begins."""
    from mmfeat.backbones.registry import BUNDLED, FAMILIES

    return [BUNDLED, *(f"{family}:" for family in FAMILIES)]


def streams() -> list[str]:
    """Return the streams."""
    from mmfeat.backbones.base import STREAMS

    return list(STREAMS)


def recipes() -> list[str]:
    """Return the bundled recipes of trainings."""
    from mmfeat.assets import path as asset

    return sorted(file.stem for file in asset("recipes").glob("*.toml"))


def devices() -> list[str]:
    """Return the devices that torch may have."""
    return ["auto", "cpu", "cuda", "mps"]


def dtypes() -> list[str]:
    """Return the types of numbers in which activations are stored."""
    return ["float16", "float32"]


def colourings() -> list[str]:
    """Return what features of a map are coloured by."""
    from mmfeat.atlas.layout import FEATURE_SCORES
    from mmfeat.figures.palettes import COLOURINGS

    return list(dict.fromkeys((*COLOURINGS, *FEATURE_SCORES)))


def widths() -> list[str]:
    """Return the widths of figures that have a name."""
    from mmfeat.figures.widths import VENUES

    return ["1", "2", *(name for venue in VENUES for name in (venue, f"{venue}-2"))]


def hooks(context: typer.Context) -> list[str]:
    """Return the hook points of the activations file on the line."""
    return _read(context, "activations", lambda file: list(file["hooks"]))


def languages(context: typer.Context) -> list[str]:
    """Return the languages of the atlas on the line."""
    return _read(context, "atlas", lambda file: list(file["languages"].asstr()[:]))


def _read(context: typer.Context, parameter: str, read: Callable[[Any], list[str]]) -> list[str]:
    """Return what is read of the HDF5 file a parameter names; nothing where it is none."""
    import h5py

    # An option that lacks its value yet ends the parsing: arguments are then left over.
    name = context.params.get(parameter) or next(iter(context.args), "")
    try:
        with h5py.File(name, "r") as file:
            return read(file)
    except (AttributeError, KeyError, OSError, TypeError, ValueError):
        return []
