"""The codes of a stream as a sparse matrix that SciPy loads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from mmfeat.atlas.coordinates import COLUMNS, Coordinates
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import npz
from mmfeat.figures.kind import FileKind, Settings

_ROWS = 4096  # rows that are in memory at a time


class CodesSettings(Settings):
    """Options of a matrix of codes."""

    stream: str = Field(
        description="Which rows: image.pooled, image.patch, text.pooled or text.token."
    )


def write(
    source: Path, settings: CodesSettings, out: Path, extension: str, record: str
) -> dict[str, Any]:
    """Write the codes of a stream, float32 [rows, d_sae], as `scipy.sparse.save_npz` would.

    `scipy.sparse.load_npz` gives a ``csr_array``. Beside it stand, for every row, ``item``,
    ``caption``, ``language`` and ``position``, -1 where they do not apply; ``item_id`` and
    ``languages``, into which these point; and ``provenance`` and ``attribution``.

    Raises
    ------
    MmfeatError
        If the atlas has no such stream, or is damaged.
    """
    stream = settings.stream
    with Atlas(source) as atlas, npz.create(out) as archive:
        if stream not in atlas.streams:
            raise MmfeatError(
                f"{source} has no codes of the stream {stream!r}; give one of "
                f"{', '.join(atlas.streams)}."
            )
        rows = atlas.part(Coordinates)
        count, codes = rows.rows(stream), rows.entries(stream)
        # SciPy wants offsets and columns of one type.
        whole = np.dtype(np.int32 if codes < 1 << 31 else np.int64)
        archive.array("format", np.array(b"csr"))
        archive.array("shape", np.array([count, atlas.d_sae], np.int64))
        archive.array("_is_array", np.array(True))
        archive.blocks("indptr", whole, (count + 1,), _offsets(atlas, stream, count))
        archive.blocks(
            "indices", whole, (codes,), (own.indices for own in _blocks(atlas, stream, count))
        )
        archive.blocks(
            "data",
            np.dtype(np.float32),
            (codes,),
            (own.data for own in _blocks(atlas, stream, count)),
        )
        for name in COLUMNS:
            archive.blocks(
                name,
                np.dtype(np.int32),
                (count,),
                (rows.column(stream, name, *part) for part in _parts(count)),
            )
        archive.texts(
            "item_id",
            (rows.items,),
            lambda: (rows.item_ids(*part) for part in _parts(rows.items)),
        )
        archive.texts("languages", (len(atlas.languages),), lambda: [list(atlas.languages)])
        archive.array("provenance", np.array(record))
        archive.array("attribution", np.array(atlas.attribution))
    return {"stream": stream, "rows": count, "d_sae": atlas.d_sae, "codes": codes}


def _parts(count: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + _ROWS, count)) for start in range(0, count, _ROWS))


def _blocks(atlas: Atlas, stream: str, count: int) -> Iterator[Any]:
    return (atlas.codes_of_rows(stream, *part) for part in _parts(count))


def _offsets(atlas: Atlas, stream: str, count: int) -> Iterator[np.ndarray]:
    """Yield where rows begin, and where the last one ends."""
    end = np.zeros(1, np.int64)
    yield end
    for own in _blocks(atlas, stream, count):
        offsets = own.indptr[1:].astype(np.int64) + end
        yield offsets
        end = offsets[-1:]


KIND = FileKind("Write the codes of a stream as a sparse matrix.", CodesSettings, write, ("npz",))
