"""Features as the observations of an AnnData file, for the tools of single-cell biology.

Written by the on-disk format of AnnData 0.8 and later: every group and dataset says in
``encoding-type`` and ``encoding-version`` what it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mmfeat.atlas.decoder import Decoder
from mmfeat.atlas.reader import Atlas
from mmfeat.figures.columns import all_columns, native
from mmfeat.figures.kind import FileKind, Settings
from mmfeat.hdf5 import NewFile, write_strings

_VERSIONS = {
    "anndata": "0.1.0",
    "array": "0.2.0",
    "csr_matrix": "0.1.0",
    "dataframe": "0.2.0",
    "dict": "0.1.0",
    "string": "0.2.0",
    "string-array": "0.2.0",
}
_AXES = ("layers", "obsm", "obsp", "uns", "varm", "varp")


class AnnDataSettings(Settings):
    """Options of an AnnData file."""


def write(
    source: Path, settings: AnnDataSettings, out: Path, extension: str, record: str
) -> dict[str, Any]:
    """Write features as observations.

    ``X`` is the decoder [d_sae, d]; ``obs`` has the columns of `columns.all_columns`;
    ``obsm["X_umap"]`` is the map, where it was made; ``obsp["cosines"]`` the cosines with the
    features of the most similar decoder rows; ``uns`` says what it was made from and by.

    Raises
    ------
    MmfeatError
        If the atlas is damaged.
    """
    with Atlas(source) as atlas, NewFile(out, "w") as file:
        _encode(file, "anndata")
        groups = {name: _encode(file.create_group(name), "dict") for name in _AXES}
        decoder = atlas.part(Decoder)
        obs = all_columns(atlas, atlas.languages)
        obs.pop("_index", None)  # what the format calls the index itself
        _frame(file, "obs", [str(feature) for feature in obs.pop("feature")], obs)
        _frame(file, "var", _dimensions(decoder.width, atlas.d_in), {})
        _put(file, "X", decoder.rows())
        places = atlas.map()
        if places is not None:
            _put(groups["obsm"], "X_umap", native(places))
        _cosines(groups["obsp"], atlas)
        for name in ("name", "backbone", "hook", "attribution"):
            _put(groups["uns"], name, str(getattr(atlas, name)))
        _put(groups["uns"], "provenance", record)
        _put(groups["uns"], "languages", np.array(atlas.languages, object))
        file.flush()
    return {"features": atlas.d_sae, "columns": len(obs), "map": places is not None}


def _encode(node: Any, kind: str) -> Any:
    node.attrs["encoding-type"], node.attrs["encoding-version"] = kind, _VERSIONS[kind]
    return node


def _put(group: h5py.Group, name: str, value: np.ndarray | str) -> None:
    if isinstance(value, str):
        _encode(group.create_dataset(name, data=value, dtype=h5py.string_dtype()), "string")
    elif value.dtype == object:
        write_strings(group, name, value.tolist())
        _encode(group[name], "string-array")
    else:
        _encode(group.create_dataset(name, data=value), "array")


def _frame(file: h5py.File, name: str, index: list[str], columns: dict[str, np.ndarray]) -> None:
    """Write a table, its index as texts."""
    group = _encode(file.create_group(name), "dataframe")
    group.attrs["_index"] = "_index"
    group.attrs.create("column-order", list(columns), (len(columns),), h5py.string_dtype())
    _put(group, "_index", np.array(index, object))
    for column, values in columns.items():
        _put(group, column, values if values.dtype == object else native(values))


def _dimensions(width: int, d_in: int) -> list[str]:
    """Return what the dimensions of decoder rows are called."""
    if width == d_in:
        return [str(at) for at in range(width)]
    return [f"{side}.{at}" for side in ("image", "text") for at in range(width // 2)]


def _cosines(group: h5py.Group, atlas: Atlas) -> None:
    """Write the cosines of neighbours as a sparse matrix [d_sae, d_sae]."""
    near = [sorted(atlas.neighbours(feature)) for feature in range(atlas.d_sae)]
    node = _encode(group.create_group("cosines"), "csr_matrix")
    node.attrs["shape"] = np.array([atlas.d_sae, atlas.d_sae], np.int64)
    node["indptr"] = np.cumsum([0, *map(len, near)], dtype=np.int32)
    node["indices"] = np.array([one for own in near for one, _ in own], np.int32)
    node["data"] = np.array([cosine for own in near for _, cosine in own], np.float32)


KIND = FileKind(
    "Write features as the observations of an AnnData file.", AnnDataSettings, write, ("h5ad",)
)
