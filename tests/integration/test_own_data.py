"""The tutorial, from a folder with pictures, captions and a model to figures."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.integration.code_blocks import ROOT, Otherwise, blocks, commands, run_page

PAGE = "docs/own-data.md"


@pytest.mark.timeout(900)
def test_the_tutorial_works_line_by_line_in_an_empty_folder(tmp_path: Path) -> None:
    typed = [
        line for block in blocks(PAGE) if block.language == "bash" for line in commands(block.text)
    ]
    assert len(typed) >= 20
    folder = tmp_path / "an empty folder"
    folder.mkdir()
    (tmp_path / "mmfeat").symlink_to(ROOT)
    run_page(
        PAGE,
        folder,
        [
            Otherwise("python $MMFEAT/scripts/example_data.py", "quicker", "--items 260"),
            Otherwise("mmfeat train", "quicker", "--set optimiser.steps=150"),
        ],
        MMFEAT=str(tmp_path / "mmfeat"),
    )

    shown = subprocess.run(
        [sys.executable, "-m", "mmfeat", "corpus", "info", "two.h5", "--json"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    info = json.loads(shown.stdout)
    assert (info["items"], info["captions"]) == (260, {"en": 260, "ko": 260})
    with (folder / "features.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 512
    with Image.open(folder / "viewer.png") as picture:
        assert picture.width >= 1000
        # A drawn window has many colours; an empty one hardly any.
        assert len(picture.convert("RGB").resize((200, 120)).getcolors(1 << 16) or []) > 200
    figures = folder / "figures"
    for name in (folder / "map.pdf", figures / "map.pdf", figures / "feature.pdf"):
        assert name.read_bytes().startswith(b"%PDF"), name
    assert (figures / "features.tex").read_text("utf-8").count(r"\\") >= 10
