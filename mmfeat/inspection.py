"""What a file of ours is, and whether it is whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py

from mmfeat import hdf5
from mmfeat.store import checksums


def describe(path: Path) -> dict[str, Any]:
    """Return kind, sizes and provenance of a file or SAE folder of ours.

    Raises
    ------
    MmfeatError
        If it is none of ours, or cannot be read.
    """
    if path.is_dir():
        from mmfeat.sae.interop import load_sae

        trained = load_sae(path)
        return {
            "kind": "mmfeat-sae",
            "architecture": trained.architecture,
            "d_in": trained.d_in,
            "d_sae": trained.d_sae,
            "one_decoder": trained.one_decoder,
            "streams": list(trained.streams),
            "metadata": dict(trained.metadata),
        }
    kind = hdf5.kind_of(path)
    with hdf5.open_checked(path, kind) as file:
        shapes: dict[str, list[int]] = {}

        def visit(name: str, node: h5py.Group | h5py.Dataset) -> None:
            if isinstance(node, h5py.Dataset):
                shapes[name] = list(node.shape)

        file.visititems(visit)
        try:
            provenance = json.loads(str(file.attrs["provenance"]))
        except (KeyError, json.JSONDecodeError):
            provenance = None
        attributes = {key: str(value) for key, value in file.attrs.items() if key != "provenance"}
    return {"kind": kind, **attributes, "provenance": provenance, "datasets": shapes}


def check(path: Path) -> dict[str, Any]:
    """Compare what a file holds, and the files whose rows it joins, with what was written.

    Raises
    ------
    MmfeatError
        If it differs, naming what changed, or a file cannot be read.
    """
    if path.is_dir():
        from mmfeat.sae.interop import load_sae

        load_sae(path)
        return {"kind": "mmfeat-sae", "whole": True}
    kind = hdf5.kind_of(path)
    return {"kind": kind, "whole": True, "digest": checksums.check(path, kind)}
