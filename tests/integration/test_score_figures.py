"""scripts/score_figures.py on a small atlas, and the figures that docs/scores show."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from mmfeat.atlas.comparison import CompareSettings, compare
from mmfeat.atlas.language_table import LanguageTable
from mmfeat.atlas.reader import Atlas

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "score_figures.py"
PAGES = sorted(path for path in (ROOT / "docs" / "scores").glob("*.md") if path.stem != "README")
IMAGE = re.compile(r"!\[[^\]]+\]\(([^)]+)\)")
WITHOUT = {"steering-generation"}  # the bundled backbone does not write
# Drawn by `mmfeat export`.
GALLERY = {
    page: f"../gallery/{figure}.png"
    for page, figure in {
        "completeness": "completeness",
        "interventions": "steering",
        "languages": "languages",
        "safety": "safety",
    }.items()
}


def run(*options: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *options], capture_output=True, text=True, check=False
    )


def test_every_figure_is_drawn_from_a_small_atlas(atlas_path: Path, tmp_path: Path) -> None:
    other = shutil.copy(atlas_path, tmp_path / "other.h5")
    with h5py.File(other, "r+") as file:
        file.attrs["content-digest"] = "another"  # the same atlas is not compared with itself
    both, out = tmp_path / "comparison.h5", tmp_path / "images"
    compare([atlas_path, other], both, CompareSettings(map=None))
    done = run("--atlas", atlas_path, "--naive", other, "--comparison", both, "--out", out)
    assert done.returncode == 0, done.stderr
    drawn = {path.stem: path for path in out.iterdir()}
    assert set(drawn) == {page.stem for page in PAGES} - WITHOUT - GALLERY.keys()
    for name, path in drawn.items():
        with Image.open(path) as image:
            assert image.width == 1200, name
            pixels = np.asarray(image.convert("RGB"), np.int16)
        assert (pixels[0] == 255).all(), f"{name} is not on white"
        # Above the line of provenance there is more than white.
        assert (pixels[:-40].min(axis=2) < 200).mean() > 0.005, f"{name} is empty"
    numbers = json.loads(done.stdout)
    assert set(numbers) == set(drawn)
    with Atlas(atlas_path) as atlas:
        means = atlas.part(LanguageTable).means()["jaccard"][0]
    shown = [numbers["cofiring"]["this SAE"][tag][0] for tag in atlas.languages]
    assert shown == pytest.approx(means.value.tolist(), abs=1e-3)
    same = numbers["comparison"]["atlas and other"]
    assert same["stability"] == pytest.approx(1, abs=1e-4)
    assert same["unique"] == [0, 0]


def test_a_file_that_is_no_atlas_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "atlas.h5").write_bytes(b"not HDF5")
    done = run("--atlas", tmp_path / "atlas.h5", "--out", tmp_path / "images")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ") and "atlas.h5" in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "images").exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_has_an_example_or_says_why_not(page: Path) -> None:
    text = page.read_text("utf-8")
    _, heading, example = text.partition("\n## Example\n")
    assert heading, f"{page.name} has no example"
    shown = IMAGE.findall(text)
    if page.stem in WITHOUT:
        assert not shown and "No figure" in example
    else:
        assert shown == [GALLERY.get(page.stem, f"images/{page.stem}.png")]
        assert (page.parent / shown[0]).is_file()
        # Its numbers are told.
        assert len(re.findall(r"\d", IMAGE.sub("", example.partition("\n## ")[0]))) >= 6


def test_images_of_the_pages_are_there_and_small() -> None:
    folder = ROOT / "docs" / "scores"
    named = {folder / name for page in PAGES for name in IMAGE.findall(page.read_text("utf-8"))}
    named -= {folder / name for name in GALLERY.values()}
    assert named == set((folder / "images").glob("*.png"))
    for path in named:
        with Image.open(path) as image:
            assert image.width == 1200
        assert path.stat().st_size <= 150_000, path.name


def test_the_index_links_every_page() -> None:
    index = (ROOT / "docs" / "scores" / "README.md").read_text("utf-8")
    linked = re.findall(r"\]\(([a-z-]+)\.md\)", index)
    assert sorted(linked) == [page.stem for page in PAGES]
    assert "scripts/score_figures.py" in index
