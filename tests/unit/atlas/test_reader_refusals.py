"""Atlases that lack a part, and files that lie."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures.pages import feature_page, item_page


def test_an_atlas_without_pictures_patches_and_tokens_is_read(
    atlas_path: Path, tmp_path: Path
) -> None:
    def less(file: h5py.File) -> None:
        for name in ("thumbnails", "codes/image.patch", "codes/text.token", "maps/umap"):
            del file[name]

    with Atlas(damage(atlas_path, tmp_path, less)) as atlas:
        assert atlas.streams == ("image.pooled", "text.pooled")
        assert atlas.thumbnail(0) is None
        assert atlas.patch_map(0, 0) is None
        assert atlas.token_activations(0, 0) == []
        assert atlas.map() is None
        assert feature_page(atlas, 0).max_patch == 0
        assert item_page(atlas, 0).thumbnail is None


# Files that lie -------------------------------------------------------------------------


def damage(atlas_path: Path, folder: Path, change: Callable[[h5py.File], object]) -> Path:
    path = folder / "damaged.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def replace(file: h5py.File, name: str, data: Any) -> None:
    del file[name]
    file[name] = data


def fill(name: str, value: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file[name][...] = value

    return change


def attribute(name: str, value: Any) -> Callable[[h5py.File], None]:
    return lambda file: file.attrs.__setitem__(name, value)


def descend(name: str) -> Callable[[h5py.File], None]:
    return lambda file: replace(file, name, file[name][:][::-1])


def declare_a_terabyte(file: h5py.File) -> None:
    size = 1 << 40
    for name, kind in (
        ("by_row/indices", "i4"),
        ("by_row/data", "f2"),
        ("by_feature/rows", "i4"),
        ("by_feature/data", "f2"),
    ):
        del file[f"codes/image.pooled/{name}"]
        file["codes/image.pooled"].create_dataset(name, (size,), kind, chunks=(1 << 20,))
    for name in ("by_row/indptr", "by_feature/indptr"):
        offsets = np.full(len(file[f"codes/image.pooled/{name}"]), size)
        offsets[0] = 0
        file[f"codes/image.pooled/{name}"][...] = offsets


def link_outside(file: h5py.File) -> None:
    with h5py.File(Path(file.filename).with_name("other.h5"), "w") as other:
        other["x"] = file["features/shared_p"][:]
    del file["features/shared_p"]
    file["features/shared_p"] = h5py.ExternalLink("other.h5", "x")


def raw_file_outside(file: h5py.File) -> None:
    secret = Path(file.filename).with_name("secret")
    secret.write_bytes(bytes(8 * len(file["features/shared_p"])))
    length = len(file["features/shared_p"])
    del file["features/shared_p"]
    file["features"].create_dataset(
        "shared_p", (length,), "f8", external=[(str(secret), 0, h5py.h5f.UNLIMITED)]
    )


DAMAGES = {
    "a score is missing": (lambda f: f.__delitem__("features/shared"), "/features/shared.*missing"),
    "a score is short": (
        lambda f: replace(f, "features/shared_p", np.zeros(3)),
        r"/features/shared_p: its shape is \(3,\)",
    ),
    "a score is text": (
        lambda f: replace(f, "features/energy_image", ["x"] * len(f["features/energy_image"])),
        "/features/energy_image: its type",
    ),
    "a group stands for a dataset": (
        lambda f: (f.__delitem__("names/score"), f.create_group("names/score")),
        "/names/score: it is missing",
    ),
    "one more feature is claimed": (
        lambda f: f.attrs.__setitem__("d_sae", f.attrs["d_sae"] + 1),
        "shape",
    ),
    "no feature is claimed": (attribute("d_sae", 0), "no such size"),
    "d_sae is no number": (attribute("d_sae", "many"), "attributes"),
    "provenance is no JSON": (attribute("provenance", "{"), "attribute provenance"),
    "provenance is a list": (attribute("provenance", "[]"), "a JSON object"),
    "a language comes twice": (
        lambda f: f["languages"].__setitem__(0, f["languages"][1]),
        "listed twice",
    ),
    "a language is no tag": (fill("languages", "=1+1"), "not languages"),
    "codes are missing": (lambda f: f.__delitem__("codes"), "/codes"),
    "offsets descend": (descend("codes/image.pooled/by_feature/indptr"), "by_feature/indptr"),
    "offsets of rows descend": (descend("codes/text.pooled/by_row/indptr"), "by_row/indptr"),
    "offsets of items are negative": (fill("codes/image.patch/rows/item_start", -5), "item_start"),
    "codes of features beyond d_sae": (
        fill("codes/text.token/by_row/indices", 1 << 30),
        "text.token/by_row/indices",
    ),
    "negative features": (fill("codes/image.pooled/by_row/indices", -1), "by_row/indices"),
    "rows beyond the stream": (
        lambda f: f["codes/image.pooled/by_feature/rows"].__setitem__(..., 1 << 30),
        "by_feature/rows",
    ),
    "examples beyond the stream": (fill("examples/text.pooled/top", 1 << 30), "/codes/text.pooled"),
    "examples of items that are not": (fill("codes/image.pooled/rows/item", 1 << 30), "item 1073"),
    "examples of captions that are not": (fill("codes/text.pooled/rows/caption", -1), "caption -1"),
    "captions of items that are not": (fill("captions/item", 1 << 30), "/captions"),
    "captions of languages that are not": (fill("captions/language", 99), "/captions"),
    "neighbours that are not": (fill("neighbours/index", 1 << 30), "/neighbours"),
    "tokens beyond the text": (fill("codes/text.token/rows/end", 1 << 30), "tokens outside"),
    "tokens before the text": (fill("codes/text.token/rows/start", -1), "tokens outside"),
    "a grid of one patch": (
        lambda f: f["codes/image.patch"].attrs.__setitem__("grid", (1, 1)),
        "patches in a grid of 1 by 1",
    ),
    "a grid of three axes": (
        lambda f: f["codes/image.patch"].attrs.__setitem__("grid", (7, 7, 7)),
        "/codes/image.patch",
    ),
    "patches outside the grid": (fill("codes/image.patch/rows/position", 20000), "a patch outside"),
    "a terabyte of codes": (declare_a_terabyte, "declared larger than the file"),
    "a link to another file": (link_outside, "points to another file"),
    "numbers in another file": (raw_file_outside, "points to another file"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_file_that_lies_is_refused_by_name(name: str, atlas_path: Path, tmp_path: Path) -> None:
    change, message = DAMAGES[name]
    path = damage(atlas_path, tmp_path, change)

    def use() -> None:
        with Atlas(path) as atlas:
            for feature in range(atlas.d_sae):
                feature_page(atlas, feature)
                for stream in atlas.streams:
                    atlas.codes_of_feature(stream, feature)
            for item in range(5):
                item_page(atlas, item)
                for stream in atlas.streams:
                    rows = atlas.rows_of_item(stream, item)
                    atlas.codes_of_rows(stream, rows.start, rows.stop)

    with pytest.raises(MmfeatError, match=message) as caught:
        use()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_truncated_atlas_is_refused(atlas_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.h5"
    path.write_bytes(atlas_path.read_bytes()[: atlas_path.stat().st_size // 2])
    with pytest.raises(MmfeatError, match="truncated"):
        Atlas(path)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "corpus.h5"
    with h5py.File(path, "w") as file:
        file.attrs["encoding-type"] = "mmfeat-corpus"
        file.attrs["encoding-version"] = "1.0"
    with pytest.raises(MmfeatError, match="mmfeat-atlas"):
        Atlas(path)


def test_the_file_is_free_after_a_refusal(atlas_path: Path, tmp_path: Path) -> None:
    path = damage(atlas_path, tmp_path, attribute("d_sae", 0))
    with pytest.raises(MmfeatError):
        Atlas(path)
    with h5py.File(path, "r+") as file:  # would fail while it is open for reading
        file.attrs["d_sae"] = 1
