from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pymupdf
import pytest
from PIL import Image

from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import export, heatmap
from tests.unit.figures.kinds.drawn import check_pages

SIDE = 320  # pixels of the picture in a column of 3.3 inches, with 0.05 at each edge


@pytest.fixture(scope="module")
def strongest(atlas_path: Path) -> tuple[int, str]:
    """A feature, and the item of the patch on which it fires most."""
    with h5py.File(atlas_path) as file:
        indptr = file["codes/image.patch/by_feature/indptr"][:]
        feature = int(np.diff(indptr).argmax())
        low, high = indptr[feature : feature + 2]
        at = low + int(file["codes/image.patch/by_feature/data"][low:high].argmax())
        row = file["codes/image.patch/by_feature/rows"][at]
        item = file["codes/image.patch/rows/item"][row]
        return feature, file["items/item_id"][item].decode()


def test_picture_and_numbers_are_written(
    atlas_path: Path, tmp_path: Path, strongest: tuple[int, str]
) -> None:
    feature, item_id = strongest
    out = tmp_path / "heat.png"
    result = export("heatmap", atlas_path, out, feature=feature, item=item_id, dpi=100)
    array = np.load(tmp_path / "heat.npy", allow_pickle=False)
    with Atlas(atlas_path) as atlas:
        item = atlas.items().item_id.index(item_id)
        expected = atlas.patch_map(feature, item)
        thumbnail = heatmap.decode_png(atlas.thumbnail(item) or b"")
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, expected)
    assert (result["out"], result["npy"]) == (str(out), str(tmp_path / "heat.npy"))
    assert (result["rows"], result["columns"]) == array.shape
    assert result["maximum"] == array.max() > 0
    assert (result["feature"], result["item"]) == (feature, item_id)
    with Image.open(out) as picture:
        record = json.loads(picture.info["Description"])
        pixels = np.asarray(picture.convert("RGB"))
    assert (record["settings"]["feature"], record["settings"]["item"]) == (feature, item_id)
    assert pixels.shape[1] == 330
    large = Image.fromarray(thumbnail).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    drawn = heatmap.overlay(np.asarray(large), array, float(array.max()))
    np.testing.assert_array_equal(pixels[5 : 5 + SIDE, 5 : 5 + SIDE], drawn)
    caption = pixels[5 + SIDE :]
    assert 30 < len(caption) < 120
    assert (caption < 128).any()
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"heat.npy", "heat.png", "heat.png.manifest.json"}


def test_in_vector_files_the_picture_is_pixels_and_the_rest_is_text(
    atlas_path: Path, tmp_path: Path, strongest: tuple[int, str]
) -> None:
    feature, item_id = strongest
    text = check_pages("heatmap", atlas_path, tmp_path, feature=feature, item=item_id, dpi=100)
    assert f"feature {feature}" in text and f"item {item_id}" in text
    with h5py.File(atlas_path) as file:
        low, high = file["codes/image.patch/by_feature/indptr"][feature : feature + 2]
        largest = file["codes/image.patch/by_feature/data"][low:high].max()
        assert str(file.attrs["attribution"]) in text
    assert f"{largest:.3g}" in text.split()
    with pymupdf.open(tmp_path / "heatmap-1.pdf") as document:
        sizes = {(info["width"], info["height"]) for info in document[0].get_image_info()}
    assert (SIDE, SIDE) in sizes


def test_without_an_item_the_top_example_is_drawn(atlas_path: Path, tmp_path: Path) -> None:
    with h5py.File(atlas_path) as file:
        feature = int(file["features/firing_rate_image"][:].argmax())
        row = file["examples/image.pooled/top"][feature, 0]
        item = file["codes/image.pooled/rows/item"][row]
        expected = file["items/item_id"][item].decode()
    assert export("heatmap", atlas_path, tmp_path / "h.png", feature=feature)["item"] == expected


def test_the_same_atlas_gives_the_same_bytes(
    atlas_path: Path, tmp_path: Path, strongest: tuple[int, str]
) -> None:
    feature, item = strongest
    outs = [tmp_path / name / "h.png" for name in "ab"]
    for out in outs:
        export("heatmap", atlas_path, out, feature=feature, item=item, dpi=80)
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert outs[0].with_suffix(".npy").read_bytes() == outs[1].with_suffix(".npy").read_bytes()


def test_what_cannot_be_drawn_is_said(
    atlas_path: Path, tmp_path: Path, strongest: tuple[int, str]
) -> None:
    feature, item_id = strongest
    out = tmp_path / "h.png"
    with pytest.raises(MmfeatError, match="no feature 100000; give one from 0 to"):
        export("heatmap", atlas_path, out, feature=100_000)
    with pytest.raises(MmfeatError, match="no item 'nowhere'"):
        export("heatmap", atlas_path, out, feature=feature, item="nowhere")
    with pytest.raises(MmfeatError, match=r"must end in one of \.pdf, \.svg, \.png"):
        export("heatmap", atlas_path, tmp_path / "h.jpg", feature=feature)
    path = tmp_path / "less.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        file["examples/image.pooled/top"][feature] = -1
        del file["thumbnails"]
    with pytest.raises(MmfeatError, match="fires for no picture; name one with --item"):
        export("heatmap", path, out, feature=feature)
    with pytest.raises(MmfeatError, match="build the atlas with thumbnails"):
        export("heatmap", path, out, feature=feature, item=item_id)
    with h5py.File(path, "r+") as file:
        del file["codes/image.patch"]
    with pytest.raises(MmfeatError, match="extract the stream image.patch"):
        export("heatmap", path, out, feature=feature, item=item_id)
    assert not out.exists()


def test_a_thumbnail_that_is_no_picture_is_refused(
    atlas_path: Path, tmp_path: Path, strongest: tuple[int, str]
) -> None:
    path = tmp_path / "bad.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        for item in range(len(file["thumbnails/image"])):
            file["thumbnails/image"][item] = np.frombuffer(b"MZ no picture", np.uint8)
    with pytest.raises(MmfeatError, match="not a readable picture"):
        export("heatmap", path, tmp_path / "h.png", feature=strongest[0], item=strongest[1])
