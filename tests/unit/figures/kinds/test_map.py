from __future__ import annotations

import json
import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import h5py
import numpy as np
import pymupdf
import pytest
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from PIL import Image

from mmfeat.errors import MmfeatError
from mmfeat.figures import draw, export, points, recipe
from mmfeat.figures.palettes import COLOURINGS
from tests.unit.figures.kinds.drawn import check_pages

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


@pytest.fixture(scope="module")
def seen(atlas_path: Path) -> list[int]:
    """Features with a name and a picture, those that fire most first."""
    with h5py.File(atlas_path) as file:
        pictures = file["examples/image.pooled/top"][:, 0] >= 0
        names = (file["names/text"][:] != b"").any(1)
        rate = np.where(pictures & names, file["features/firing_rate_image"][:], -1)
    return np.argsort(-rate)[:9].tolist()


def scatters(figure: Any) -> list[Any]:
    return [
        found
        for axes in figure.axes
        for found in axes.collections
        if isinstance(found, PathCollection)
    ]


def test_pdf_embeds_its_fonts_and_holds_its_text(named: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.pdf"
    result = export("map", named, out, colour="shared")
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
    assert record["kind"] == "map"
    assert record["inputs"]["source"]["sha256"] == "0123456789abcdef" * 4
    assert record["settings"]["colour"] == "shared"
    assert result["out"] == str(out)
    assert result["features"] + result["left_out"] == d_sae
    assert result["left_out"] >= 1  # the one without a place


def test_features_are_coloured_by_any_score_of_their_atlas(named: Path, tmp_path: Path) -> None:
    with h5py.File(named, "r+") as file:
        file["features/a_new_score"] = np.linspace(0, 1, int(file.attrs["d_sae"]))
    (tmp_path / "paper.toml").write_text(
        f'source = "{named.name}"\n'
        '[[export]]\nkind = "map"\nout = "m.pdf"\ncolour = "a_new_score"\n'
    )
    recipe(tmp_path / "paper.toml")
    with pymupdf.open(tmp_path / "m.pdf") as document:
        assert "a new score" in document[0].get_text()


def test_svg_holds_its_text_as_text_and_is_valid(named: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.svg"
    export("map", named, out, colour="shared", width="2")
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
    (tmp_path / "b").mkdir()
    here, there = tmp_path / f"map.{extension}", tmp_path / "b" / f"map.{extension}"
    export("map", atlas_path, here, dpi=80)
    code = (
        "import sys; from pathlib import Path; from mmfeat.figures import export; "
        "export('map', Path(sys.argv[1]), Path(sys.argv[2]), dpi=80)"
    )
    subprocess.run([sys.executable, "-c", code, str(atlas_path), str(there)], check=True)
    assert here.read_bytes() == there.read_bytes()


@pytest.mark.parametrize("colour", [*COLOURINGS, "shared_q", "energy_image", "testable"])
def test_png_has_the_size_and_provenance_asked_for(
    colour: str, atlas_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "map.png"
    export("map", atlas_path, out, colour=colour, width="1", dpi=100)
    with Image.open(out) as picture:
        assert picture.width == 330
        assert json.loads(picture.info["Description"])["settings"]["colour"] == colour
        pixels = np.asarray(picture.convert("RGB"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20


def test_only_shared_features_are_drawn_where_asked(named: Path, tmp_path: Path) -> None:
    with h5py.File(named, "r+") as file:
        file["features/shared"][:] = False
        file["features/shared"][1:4] = True
    result = export("map", named, tmp_path / "map.svg", only_shared=True)
    assert result["features"] == 3
    with pytest.raises(MmfeatError, match="Feature 5 is not on the map that is drawn"):
        export("map", named, tmp_path / "map.svg", only_shared=True, inset=(5,))
    with h5py.File(named, "r+") as file:
        file["features/shared"][:] = False
    with pytest.raises(MmfeatError, match="no shared feature on its map"):
        export("map", named, tmp_path / "map.svg", only_shared=True)


def test_many_points_become_pixels_in_vector_files(
    atlas_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(points, "RASTER_ABOVE", 10)
    out = tmp_path / "map.svg"
    export("map", atlas_path, out, colour="shared", dpi=60)
    root = ElementTree.parse(out).getroot()
    assert list(root.iter(f"{SVG}image"))
    assert list(root.iter(f"{SVG}text"))


def test_every_feature_stands_at_its_place_with_the_mark_of_its_modality(named: Path) -> None:
    with h5py.File(named, "r+") as file:
        file["features/modality_score"][1:4] = [0.0, 0.5, 1.0]
        places, score = file["maps/umap"][1:], file["features/modality_score"][1:]
    drawn = scatters(draw("map", named, labels=0))
    found = {len(own.get_paths()[0].vertices): np.asarray(own.get_offsets()) for own in drawn}
    groups = [places[score < 0.05], places[score > 0.95]]
    groups.append(places[~((score < 0.05) | (score > 0.95))])
    assert len(drawn) == len(found) == 3  # three shapes
    for own in groups:
        assert any(
            len(own) == len(other) and np.allclose(np.sort(own, 0), np.sort(other, 0))
            for other in found.values()
        )


def test_areas_are_as_large_as_energy(atlas_path: Path) -> None:
    with h5py.File(atlas_path) as file:
        energy = (file["features/energy_image"][:] + file["features/energy_text"][:]).astype(float)
        places = file["maps/umap"][:]
    figure = draw("map", atlas_path, size="energy", colour="n_languages", labels=0)
    (drawn,) = scatters(figure)
    at = [int(np.abs(places - place).sum(1).argmin()) for place in drawn.get_offsets()]
    areas = drawn.get_sizes()
    between = (areas > areas.min() * 1.01) & (areas < areas.max() * 0.99)
    assert between.sum() > 10
    ratio = areas[between] / energy[at][between]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)
    assert (np.diff(areas) <= 1e-9).all()  # the small stand in front of the large


def test_labels_callouts_and_insets_say_names_and_none_is_over_another(
    atlas_path: Path, tmp_path: Path, seen: list[int]
) -> None:
    options = {"callout": tuple(seen[:5]), "inset": tuple(seen[5:6]), "labels": 30}
    text = check_pages("map", atlas_path, tmp_path, size="energy", **options)
    with h5py.File(atlas_path) as file:
        english = file["languages"][:].tolist().index(b"en")
        names = [name.decode() for name in file["names/text"][:, english]]
        attribution = str(file.attrs["attribution"])
    for feature in seen[:5]:
        assert str(feature) in text.split()
        assert names[feature].split()[0] in text
    assert sum(name != "" and name in text for name in set(names)) >= 10
    assert attribution in text
    with pymupdf.open(tmp_path / "map-2.pdf") as document:
        assert len(document[0].get_image_info()) >= 5


def tie(artist: Any) -> bool:
    return isinstance(artist, Line2D) and len(artist.get_xdata()) == 2


def test_ties_of_callouts_do_not_cross(atlas_path: Path, seen: list[int]) -> None:
    figure = draw("map", atlas_path, width="2", callout=tuple(seen), labels=0)
    lines = [line.get_xydata() for line in figure.artists if tie(line)]
    assert len(lines) == len(seen)

    def turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> bool:
        return bool((b[0] - a[0]) * (c[1] - a[1]) > (b[1] - a[1]) * (c[0] - a[0]))

    for (a, b), (c, d) in combinations(lines, 2):
        crosses = turn(a, c, d) != turn(b, c, d) and turn(a, b, c) != turn(a, b, d)
        assert not crosses


def test_an_inset_shows_the_nearest_features_at_least(atlas_path: Path, seen: list[int]) -> None:
    figure = draw("map", atlas_path, colour="n_languages", inset=(seen[0],), labels=0)
    with h5py.File(atlas_path) as file:
        places = file["maps/umap"][:]
    distance = np.abs(places - places[seen[0]]).max(1)
    whole, inset = scatters(figure)
    shown = np.asarray(inset.get_offsets())
    assert len(places) == len(whole.get_offsets()) > len(shown) >= 13
    nearest = places[np.argsort(distance)[:13]]
    assert all(np.isclose(shown, place).all(1).any() for place in nearest)


def test_without_labels_nothing_is_named(atlas_path: Path) -> None:
    texts = [text.get_text() for text in draw("map", atlas_path, labels=0).texts]
    assert len(texts) < 8  # the key and the foot
    assert len(draw("map", atlas_path, labels=5).texts) == len(texts) + 5


@pytest.fixture(scope="module")
def comparison(atlas_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison of the atlas with its double, on a map that is made up."""
    from mmfeat.atlas.comparison import CompareSettings, compare

    folder = tmp_path_factory.mktemp("compared")
    shutil.copy(atlas_path, folder / "double.h5")
    with h5py.File(folder / "double.h5", "r+") as file:
        file.attrs["content-digest"] = "f" * 64
    out = folder / "comparison.h5"
    compare([atlas_path, folder / "double.h5"], out, CompareSettings(map=None))
    with h5py.File(out, "r+") as file:
        for at in range(2):
            count = int(file["atlases/d_sae"][at])
            places = np.random.default_rng(at).normal(size=(count, 2)).astype(np.float32)
            places[:4] = np.nan  # not alive
            group = file.require_group("maps")
            group[str(at)] = places
    return out


def test_the_map_of_a_comparison_tells_saes_apart_by_mark_and_colour(
    comparison: Path, tmp_path: Path
) -> None:
    text = check_pages("map", comparison, tmp_path)
    with h5py.File(comparison) as file:
        count = int(file["atlases/d_sae"][0]) - 4
        places = file["maps/1"][:]
    assert f"atlas.h5 ({count})" in text and f"double.h5 ({count})" in text  # of the same name
    first, second = scatters(draw("map", comparison))
    assert len(first.get_paths()[0].vertices) != len(second.get_paths()[0].vertices)
    assert (first.get_facecolor()[0] != second.get_facecolor()[0]).any()
    found = np.sort(np.asarray(second.get_offsets()), 0)
    np.testing.assert_allclose(found, np.sort(places[4:], 0), rtol=1e-6)


def test_a_comparison_is_refused_what_only_an_atlas_has(comparison: Path, tmp_path: Path) -> None:
    for option, value in (("colour", "shared"), ("callout", (1,)), ("labels", 3)):
        with pytest.raises(MmfeatError, match=f"is a comparison, whose map has no --{option}"):
            export("map", comparison, tmp_path / "map.pdf", **{option: value})
    bare = tmp_path / "bare.h5"
    shutil.copy(comparison, bare)
    with h5py.File(bare, "r+") as file:
        del file["maps"]
    with pytest.raises(MmfeatError, match="has no map; compare again without --no-map"):
        export("map", bare, tmp_path / "map.pdf")


def test_an_atlas_without_a_map_says_how_to_make_one(named: Path, tmp_path: Path) -> None:
    with h5py.File(named, "r+") as file:
        del file["maps/umap"]
    with pytest.raises(MmfeatError, match="no map yet; run mmfeat map"):
        export("map", named, tmp_path / "map.pdf")
    assert not (tmp_path / "map.pdf").exists()


def test_options_that_are_none_are_refused(atlas_path: Path, tmp_path: Path) -> None:
    with pytest.raises(MmfeatError, match=r"choose one of modality_score.*energy_image"):
        export("map", atlas_path, tmp_path / "map.pdf", colour="age")
    with pytest.raises(MmfeatError, match=r"must end in one of \.pdf, \.svg, \.png"):
        export("map", atlas_path, tmp_path / "map.jpg")
    with pytest.raises(MmfeatError, match="Feature 100000 is not on the map"):
        export("map", atlas_path, tmp_path / "map.pdf", callout=(100_000,))
    with pytest.raises(MmfeatError, match="13 callouts do not fit around a map; give up to 12"):
        export("map", atlas_path, tmp_path / "map.pdf", callout=tuple(range(13)))
    with pytest.raises(MmfeatError, match="3 insets do not fit below so narrow a map; give up to"):
        export("map", atlas_path, tmp_path / "map.pdf", inset=(1, 2, 3))
    for option, value in (("size", "weight"), ("labels", -1), ("dpi", 10_000), ("width", "3")):
        with pytest.raises(MmfeatError, match=option):
            export("map", atlas_path, tmp_path / "map.pdf", **{option: value})
    (tmp_path / "folder.pdf").mkdir()
    with pytest.raises(MmfeatError, match="is a folder"):
        export("map", atlas_path, tmp_path / "folder.pdf")
    (tmp_path / "file").write_text("")
    with pytest.raises(MmfeatError, match="cannot be written: (File exists|Not a directory)"):
        export("map", atlas_path, tmp_path / "file" / "map.pdf")


def test_nothing_of_matplotlib_is_loaded_or_left_behind(atlas_path: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from mmfeat.figures.kinds import feature, grid, heatmap, map; "
        "import mmfeat.cli.export; "
        "loaded = {'matplotlib', 'torch', 'umap', 'scipy'} & set(sys.modules); "
        "sys.exit(repr(loaded) if loaded else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    export("map", atlas_path, tmp_path / "map.png", dpi=50)
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"map.png", "map.png.manifest.json"}
