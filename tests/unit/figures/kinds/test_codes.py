from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.sparse

from mmfeat.errors import MmfeatError
from mmfeat.figures import export
from mmfeat.figures.kinds import codes


@pytest.mark.parametrize("stream", ["image.pooled", "text.pooled", "text.token"])
def test_scipy_loads_the_codes_with_their_coordinates(
    stream: str, atlas_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "_ROWS", 97)  # several blocks, the last one short
    out = tmp_path / "c.npz"
    result = export("codes", atlas_path, out, stream=stream)
    found = scipy.sparse.load_npz(out)
    with h5py.File(atlas_path) as file, np.load(out, allow_pickle=False) as arrays:
        own = file[f"codes/{stream}"]
        rows = len(own["rows/item"])
        assert result["rows"] == rows > 97
        parts = (own["by_row/data"][:], own["by_row/indices"][:], own["by_row/indptr"][:])
        expected = scipy.sparse.csr_array(
            (parts[0].astype(np.float32), *parts[1:]), (rows, int(file.attrs["d_sae"]))
        )
        assert isinstance(found, scipy.sparse.csr_array)
        assert found.dtype == np.float32
        assert found.shape == expected.shape
        assert result["codes"] == found.nnz == expected.nnz
        assert (found != expected).nnz == 0
        for name in ("item", "caption", "language", "position"):
            assert np.array_equal(arrays[name], own[f"rows/{name}"][:])
        assert arrays["item_id"].tolist() == file["items/item_id"].asstr()[:].tolist()
        assert arrays["languages"].tolist() == file["languages"].asstr()[:].tolist()
        assert str(arrays["attribution"]) == file.attrs["attribution"]
        assert json.loads(str(arrays["provenance"]))["settings"] == {"stream": stream}


def test_the_same_bytes_twice(atlas_path: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        export("codes", atlas_path, tmp_path / folder / "c.npz", stream="image.pooled")
    assert (tmp_path / "a/c.npz").read_bytes() == (tmp_path / "b/c.npz").read_bytes()


def test_a_stream_that_is_not_there_is_named(atlas_path: Path, tmp_path: Path) -> None:
    with pytest.raises(
        MmfeatError, match=r"has no codes of the stream 'audio'; give one of image\.pooled, "
    ):
        export("codes", atlas_path, tmp_path / "c.npz", stream="audio")
    with pytest.raises(MmfeatError, match="export codes: stream: "):
        export("codes", atlas_path, tmp_path / "c.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "rows/item",
            1 << 20,
            "damaged at /codes/image.pooled/rows/item: rows whose item does not",
        ),
        ("by_row/indptr", 5, "damaged at /codes/image.pooled/by_row/indptr"),
        ("by_row/indices", 1 << 20, "damaged at /codes/image.pooled/by_row/indices"),
    ],
)
def test_damaged_codes_are_refused(
    name: str, value: int, message: str, atlas_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        file[f"codes/image.pooled/{name}"][0] = value
    with pytest.raises(MmfeatError, match=message):
        export("codes", path, tmp_path / "c.npz", stream="image.pooled")
    assert not (tmp_path / "c.npz").exists()
