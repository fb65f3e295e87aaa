from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)


def lines() -> list[str]:
    """Every line of the tutorial that a reader types."""
    page = (ROOT / "docs" / "own-data.md").read_text("utf-8")
    return [line for block in BLOCK.findall(page) for line in block.splitlines() if line]


@pytest.mark.timeout(900)
def test_the_tutorial_works_line_by_line_in_an_empty_folder(tmp_path: Path) -> None:
    folder = tmp_path / "an empty folder"
    folder.mkdir()
    environment = {
        **os.environ,
        "MMFEAT": str(tmp_path / "mmfeat"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "QT_QPA_PLATFORM": "offscreen",
    }
    (tmp_path / "mmfeat").symlink_to(ROOT)
    typed = lines()
    assert len(typed) >= 14
    for line in typed:
        # Fewer pictures and steps, so that it is quick; each line is run as it stands otherwise.
        if "example_data.py" in line:
            line += " --items 260"
        if line.startswith("mmfeat train"):
            line += " --set optimiser.steps=150"
        done = subprocess.run(
            ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"

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
    assert (folder / "map.pdf").read_bytes().startswith(b"%PDF")
