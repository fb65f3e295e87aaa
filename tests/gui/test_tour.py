"""The viewer in a real window of a real X server, by real key and mouse events."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmfeat.doctor import QT_X11_LIBRARIES, missing_libraries

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """An X server without a screen."""
    server = shutil.which("Xvfb")
    if server is None:
        pytest.skip("Xvfb is not installed (Debian package xvfb)")
    lacking = missing_libraries(QT_X11_LIBRARIES)
    if lacking:
        pytest.skip(f"windows of X11 need {', '.join(lacking)}")
    read, write = os.pipe()
    command = [server, "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    process = subprocess.Popen(
        command, pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    try:
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        process.terminate()
        process.wait()


def test_a_tour_by_keys_and_mouse(display: str, atlas_path: Path, tmp_path: Path) -> None:
    atlas = Path(shutil.copy(atlas_path, tmp_path / "atlas.h5"))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    environment = {
        **os.environ,
        "DISPLAY": display,
        "QT_QPA_PLATFORM": "xcb",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "gui")]),
        "QT_XCB_GL_INTEGRATION": "none",
        **{f"XDG_{name}_HOME": str(tmp_path / name) for name in ("CONFIG", "STATE", "DATA")},
    }
    environment.pop("WAYLAND_DISPLAY", None)
    done = subprocess.run(
        [sys.executable, "-m", "tests.gui.tour", str(atlas), str(pictures)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["platform"] == "xcb"
    steps = ["open", "filter", "page", "back", "clear", "lasso", "undo", "dark", "korean"]
    assert found["steps"] == steps
    shown = {
        name: np.asarray(Image.open(pictures / f"{number:02d}-{name}.png").convert("L"))
        for number, name in enumerate(steps)
    }
    assert all(picture.std() > 5 for picture in shown.values())
    assert shown["dark"].mean() < 128 < shown["undo"].mean()
    assert (shown["lasso"] != shown["undo"]).any()
