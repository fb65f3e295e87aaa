from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np
import pymupdf
import pytest
from PIL import Image

from mmfeat.errors import MmfeatError
from mmfeat.figures import map_figure
from mmfeat.figures.map_figure import export_map
from mmfeat.figures.palettes import COLOURINGS

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def named(atlas_path: Path, tmp_path: Path) -> Path:
    """The atlas under a name in four scripts, with characters that are special somewhere."""
    path = tmp_path / "named.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        file.attrs["name"] = "Katze قطة 黑猫 고양이 $x_1$ <b>&\x01\n"
        file.attrs["content-digest"] = "0123456789abcdef" * 4
        file["maps/umap"][0] = np.nan
    return path


def test_pdf_embeds_its_fonts_and_holds_its_text(named: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.pdf"
    result = export_map(named, out, "shared")
    with pymupdf.open(out) as document:
        assert document.page_count == 1
        text = document[0].get_text()
        fonts = document[0].get_fonts(full=True)
        width = document[0].rect.width
        record = json.loads(document.metadata["subject"])
        assert not document.metadata["creationDate"]
    with h5py.File(named) as file:
        d_sae = int(file.attrs["d_sae"])
    assert "$x_1$ <b>&" in text
    assert "Katze" in text
    assert "黑猫" in text
    assert f"d_sae {d_sae:,} · 0123456789ab · mmfeat" in text
    assert "not shared" in text
    assert len(fonts) >= 1
    for _, extension, kind, *_ in fonts:
        assert extension == "ttf"  # "n/a" would not be embedded
        assert kind == "Type0"  # TrueType (42), not Type 3
    assert width == pytest.approx(3.3 * 72, abs=0.5)
    assert record["command"] == "mmfeat export map"
    assert record["inputs"]["atlas"]["sha256"] == "0123456789abcdef" * 4
    assert record["settings"]["colour"] == "shared"
    assert result["out"] == str(out)
    assert result["features"] + result["left_out"] == d_sae
    assert result["left_out"] >= 1  # the one without a place


def test_svg_holds_its_text_as_text_and_is_valid(named: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.svg"
    export_map(named, out, "shared", columns=2)
    root = ElementTree.parse(out).getroot()
    texts = ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]
    assert any(text.startswith("not shared (") for text in texts)
    assert any("قطة 黑猫 고양이 $x_1$ <b>&" in text for text in texts)
    assert float(root.attrib["width"].removesuffix("pt")) == pytest.approx(6.9 * 72, abs=0.5)
    assert not list(root.iter(f"{SVG}image"))  # points are shapes


@pytest.mark.parametrize("extension", ["pdf", "svg", "png"])
def test_the_same_atlas_gives_the_same_bytes_in_every_process(
    extension: str, atlas_path: Path, tmp_path: Path
) -> None:
    here, there = tmp_path / f"a.{extension}", tmp_path / f"b.{extension}"
    export_map(atlas_path, here, dpi=80)
    code = (
        "import sys; from pathlib import Path; from mmfeat.figures.map_figure import export_map; "
        "export_map(Path(sys.argv[1]), Path(sys.argv[2]), dpi=80)"
    )
    subprocess.run([sys.executable, "-c", code, str(atlas_path), str(there)], check=True)
    assert here.read_bytes() == there.read_bytes()


@pytest.mark.parametrize("colour", COLOURINGS)
def test_png_has_the_size_and_provenance_asked_for(
    colour: str, atlas_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "map.png"
    export_map(atlas_path, out, colour, columns=1, dpi=100)
    with Image.open(out) as picture:
        assert picture.width == 330
        assert json.loads(picture.info["Description"])["settings"]["colour"] == colour
        pixels = np.asarray(picture.convert("RGB"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20


def test_only_shared_features_are_drawn_where_asked(named: Path, tmp_path: Path) -> None:
    with h5py.File(named, "r+") as file:
        file["features/shared"][:] = False
        file["features/shared"][1:4] = True
    result = export_map(named, tmp_path / "map.svg", only_shared=True)
    assert result["features"] == 3
    with h5py.File(named, "r+") as file:
        file["features/shared"][:] = False
    with pytest.raises(MmfeatError, match="no shared feature on its map"):
        export_map(named, tmp_path / "map.svg", only_shared=True)


def test_many_points_become_pixels_in_vector_files(
    atlas_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_figure, "RASTER_ABOVE", 10)
    out = tmp_path / "map.svg"
    export_map(atlas_path, out, "shared", dpi=60)
    root = ElementTree.parse(out).getroot()
    assert list(root.iter(f"{SVG}image"))
    assert list(root.iter(f"{SVG}text"))


def test_an_atlas_without_a_map_says_how_to_make_one(named: Path, tmp_path: Path) -> None:
    with h5py.File(named, "r+") as file:
        del file["maps/umap"]
    with pytest.raises(MmfeatError, match="no map yet; run mmfeat map"):
        export_map(named, tmp_path / "map.pdf")
    assert not (tmp_path / "map.pdf").exists()


def test_options_that_are_none_are_refused(atlas_path: Path, tmp_path: Path) -> None:
    with pytest.raises(MmfeatError, match="choose one of modality_score"):
        export_map(atlas_path, tmp_path / "map.pdf", "age")
    with pytest.raises(MmfeatError, match=r"must end in one of \.pdf, \.svg, \.png"):
        export_map(atlas_path, tmp_path / "map.jpg")
    with pytest.raises(MmfeatError, match="choose 1 or 2"):
        export_map(atlas_path, tmp_path / "map.pdf", columns=3)
    with pytest.raises(MmfeatError, match="from 50 to 1200"):
        export_map(atlas_path, tmp_path / "map.pdf", dpi=10_000)
    (tmp_path / "folder.pdf").mkdir()
    with pytest.raises(MmfeatError, match="is a folder"):
        export_map(atlas_path, tmp_path / "folder.pdf")
    (tmp_path / "file").write_text("")
    with pytest.raises(MmfeatError, match="cannot be written: (File exists|Not a directory)"):
        export_map(atlas_path, tmp_path / "file" / "map.pdf")


def test_nothing_of_matplotlib_is_loaded_or_left_behind(atlas_path: Path, tmp_path: Path) -> None:
    code = (
        "import sys, mmfeat.figures.map_figure, mmfeat.figures.heatmap_figure, mmfeat.cli.export; "
        "loaded = {'matplotlib', 'torch', 'umap', 'scipy'} & set(sys.modules); "
        "sys.exit(repr(loaded) if loaded else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    export_map(atlas_path, tmp_path / "map.png", dpi=50)
    assert [path.name for path in tmp_path.iterdir()] == ["map.png"]
