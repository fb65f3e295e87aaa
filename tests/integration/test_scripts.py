"""Every script tells what it does and how it is called, at once and before it needs anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
FILES = sorted(
    file
    for file in SCRIPTS.rglob("*")
    if file.suffix == ".py" or (file.is_file() and not file.suffix)
)
RUN = [file for file in FILES if "__main__" in file.read_text("utf-8")]
# What takes seconds to import, and is not needed to tell how a script is called.
HEAVY = ("torch", "open_clip", "transformers", "umap", "matplotlib", "PySide6")
# Runs a script as its own process would be, and tells which of them it imported.
RUNNER = f"""
import runpy, sys
from pathlib import Path

sys.argv = sys.argv[1:]
sys.path[0] = str(Path(sys.argv[0]).parent)
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print(*({set(HEAVY)!r} & set(sys.modules)), file=sys.stderr)
"""


def named(file: Path) -> str:
    return file.relative_to(SCRIPTS).as_posix()


@pytest.mark.parametrize("script", RUN, ids=named)
def test_help_is_given_at_once(script: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "COLUMNS": "100", "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, str(script), "--help"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    words = script.read_text("utf-8").split('"""')[1].strip()
    assert words.split("\n")[0] in done.stdout  # what it does
    assert f"usage: {script.name}" in done.stdout or f"scripts/{script.name}" in done.stdout
    assert done.stderr.split() == [], "nothing heavy, and nothing said besides"
    assert list(tmp_path.iterdir()) == []


def test_every_other_file_belongs_to_a_script() -> None:
    texts = {file: file.read_text("utf-8") for file in FILES}
    for file in set(FILES) - set(RUN):
        users = [
            other
            for other, text in texts.items()
            if other != file and any(f"{word} {file.stem}" in text for word in ("import", "from"))
        ]
        assert users, f"{named(file)} is no script and no script imports it"
