"""Codes of a stream in an atlas: by row and by feature, with the coordinates of the rows."""

from __future__ import annotations

from collections.abc import Mapping

import h5py
import numpy as np

from mmfeat import hdf5
from mmfeat.analysis.codes import Codes
from mmfeat.store.activations import Stream


def write_codes(
    parent: h5py.Group, stream: Stream, codes: Codes, items: int, captions: int
) -> None:
    """Write ``/codes/STREAM``.

    Parameters
    ----------
    parent : h5py.Group
        ``/codes``.
    stream : Stream
        The rows.
    codes : Codes
        Their codes.
    items, captions : int
        How many the corpus has.
    """
    group = hdf5.encode_group(parent.create_group(stream.name), "stream-codes")
    by_row = hdf5.encode_group(group.create_group("by_row"), "csr")
    by_row["indptr"], by_row["indices"], by_row["data"] = codes.indptr, codes.indices, codes.data
    by_feature = hdf5.encode_group(group.create_group("by_feature"), "postings")
    by_feature["indptr"], by_feature["rows"] = codes.feature_indptr, codes.feature_rows
    by_feature["data"] = codes.feature_data
    rows = hdf5.encode_group(group.create_group("rows"), "coordinates")
    columns: Mapping[str, np.ndarray | None] = {
        "item": stream.item,
        "caption": stream.caption,
        "language": stream.language,
        "position": stream.position,
        "start": stream.start,
        "end": stream.end,
    }
    for name, values in columns.items():
        if values is not None:
            rows[name] = values
    if stream.is_text:
        rows["caption_start"] = np.searchsorted(stream.caption, np.arange(captions + 1))
    else:
        rows["item_start"] = np.searchsorted(stream.item, np.arange(items + 1))
    if stream.grid is not None:
        group.attrs["grid"] = stream.grid
    elif stream.name == "image.patch":
        found = [stream.grid_of(item) or (0, 0) for item in range(items)]
        group["grids"] = np.array(found, np.int16).reshape(-1, 2)
