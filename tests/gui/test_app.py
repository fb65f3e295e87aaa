from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmfeat_gui import app
from mmfeat_gui.resources import strings
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.state.session import SUFFIX, Session, save_session
from mmfeat_gui.views.main_window import MainWindow

ROOT = Path(__file__).parents[2]


def _run(*arguments: str, module: str = "mmfeat_gui") -> subprocess.CompletedProcess[str]:
    """Run the viewer as users do, without a display and without hints for Qt."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "gui")])
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_a_screenshot_is_the_whole_window(atlas_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "window.png"
    done = _run(str(atlas_path), "--screenshot", str(path), "--size", "1200x800")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pixels = _pixels(path)
    assert pixels.shape == (800, 1200, 3)
    for name, part in (
        ("map", pixels[150:400, 50:400]),
        ("table", pixels[600:780, 20:400]),
        ("page", pixels[100:700, 520:1150]),
    ):
        assert part.std() > 5, name
        assert len(np.unique(part.reshape(-1, 3), axis=0)) > 20, name


def test_a_screenshot_shows_the_feature_or_item_asked_for(
    atlas_path: Path, tmp_path: Path, truth: Any
) -> None:
    shots = {}
    feature = str(truth.with_pictures_and_captions())
    for name, arguments in (
        ("feature", ["--feature", feature]),
        ("again", ["--feature", feature]),
        ("item", ["--item", truth.item_id[2]]),
    ):
        path = tmp_path / f"{name}.png"
        done = _run(str(atlas_path), "--screenshot", str(path), *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        shots[name] = _pixels(path)
        assert shots[name].shape == (900, 1440, 3)
    assert (shots["feature"] == shots["again"]).all()
    assert (shots["feature"] != shots["item"]).mean() > 0.01


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--feature", "9999999"], "no feature 9999999"),
        (["--feature=-1"], "no feature -1"),
        (["--item", "no such item"], "no item 'no such item'"),
    ],
)
def test_what_does_not_exist_is_one_sentence(
    atlas_path: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    path = tmp_path / "window.png"
    done = _run(str(atlas_path), "--screenshot", str(path), *arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not path.exists()


def test_a_missing_atlas_and_a_bad_place_are_one_sentence(atlas_path: Path, tmp_path: Path) -> None:
    done = _run(str(tmp_path / "none.h5"), "--screenshot", str(tmp_path / "a.png"))
    assert done.returncode == 1
    assert "none.h5" in done.stderr and len(done.stderr.strip().splitlines()) == 1
    (tmp_path / "file").write_text("in the way")
    done = _run(str(atlas_path), "--screenshot", str(tmp_path / "file" / "a.png"))
    assert done.returncode == 1
    assert "a.png" in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_a_screenshot_can_be_of_a_comparison(atlas_path: Path, tmp_path: Path) -> None:
    other = Path(shutil.copy(atlas_path, tmp_path / "other.h5"))
    path = tmp_path / "comparison.png"
    size = ["--size", "1200x800"]
    done = _run(str(atlas_path), "--beside", str(other), "--screenshot", str(path), *size)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pixels = _pixels(path)
    assert pixels.shape == (800, 1200, 3)
    # Two copies of one atlas look alike, but for their names.
    left, right = pixels[190:420, 40:560], pixels[190:420, 640:1160]
    assert left.std() > 20 and abs(left.mean() - right.mean()) < 1
    for arguments, words in (
        ([str(atlas_path), "--beside", str(atlas_path)], "is open already"),
        ([str(atlas_path), "--beside", str(tmp_path / "none.h5")], "none.h5 does not exist"),
        (["--beside", str(other)], "need an atlas"),
    ):
        done = _run(*arguments, "--screenshot", str(tmp_path / "not.png"))
        assert done.returncode == 1
        assert words in done.stderr and len(done.stderr.strip().splitlines()) == 1
        assert not (tmp_path / "not.png").exists()


def test_a_session_can_be_pictured_as_it_was_left(
    opened: MainWindow, settle: Callable[[MainWindow], None], tmp_path: Path, truth: Any
) -> None:
    atlas, feature = str(opened.context.path), truth.with_pictures_and_captions()
    opened.resize(700, 500)  # a picture has the size that is asked for
    opened.open_feature(feature)
    settle(opened)
    left = replace(opened.session(), splitters={})
    opened.context.store.change("undo.heat", heat=False, features=Selection.of([feature]))
    for panel in ("samples", "histograms"):
        opened.bring(panel)
    settle(opened)
    changed = replace(opened.session(), splitters={})
    shots = {}
    for name, session, arguments in (
        ("left", left, []),
        ("changed", changed, []),
        ("elsewhere", left, ["--feature", str((feature + 1) % truth.count)]),
    ):
        file = tmp_path / f"{name}{SUFFIX}"
        save_session(session, file)
        path = tmp_path / f"{name}.png"
        done = _run(str(file), "--screenshot", str(path), "--size", "1200x800", *arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        shots[name] = _pixels(path)
        assert shots[name].shape == (800, 1200, 3)
    path = tmp_path / "atlas.png"
    size = ["--size", "1200x800"]
    assert _run(atlas, "--feature", str(feature), "--screenshot", str(path), *size).returncode == 0
    assert (shots["left"] == _pixels(path)).all()
    for part in (np.s_[100:400, 40:460], np.s_[520:780, 40:460], np.s_[100:780, 500:1180]):
        assert (shots["left"][part] != shots["changed"][part]).mean() > 0.01
    assert (shots["left"] != shots["elsewhere"]).mean() > 0.01


def test_a_session_that_cannot_be_pictured_is_one_sentence(
    atlas_path: Path, tmp_path: Path
) -> None:
    broken, lost = tmp_path / f"broken{SUFFIX}", tmp_path / f"lost{SUFFIX}"
    broken.write_text("{")
    save_session(Session(atlas=str(tmp_path / "gone.h5")), lost)
    for file, words in (
        (broken, f"broken{SUFFIX}"),
        (lost, "gone.h5"),
        (tmp_path / f"none{SUFFIX}", f"none{SUFFIX}"),
    ):
        done = _run(str(file), "--screenshot", str(tmp_path / "not.png"))
        assert done.returncode == 1
        assert words in done.stderr and len(done.stderr.strip().splitlines()) == 1
        assert not (tmp_path / "not.png").exists()


def test_the_welcome_page_can_be_pictured(tmp_path: Path) -> None:
    path = tmp_path / "welcome.png"
    done = _run("--screenshot", str(path), "--size", "800x600", "--language", "ko")
    assert (done.returncode, done.stderr) == (0, "")
    pixels = _pixels(path)
    assert pixels.shape == (600, 800, 3)
    assert pixels.std() > 5


@pytest.mark.parametrize(
    "arguments",
    [
        ["--size", "big"],
        ["--feature", "1", "--item", "a"],
        ["--beside", "b.h5", "--item", "a"],
        ["--feature", "x"],
        ["--nonsense"],
    ],
)
def test_wrong_usage_is_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert app.main(["atlas.h5", *arguments]) == 2
    assert "usage" in capsys.readouterr().err


def test_a_feature_without_an_atlas_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["--feature", "3", "--language", "en"]) == 1
    assert "need an atlas" in capsys.readouterr().err


def test_without_a_display_a_sentence_says_so() -> None:
    strings.use("en")
    assert "--screenshot" in app.missing_display({}, "linux")
    assert app.missing_display({"QT_QPA_PLATFORM": "offscreen"}, "linux") == ""
    assert app.missing_display({"WAYLAND_DISPLAY": "wayland-0"}, "linux") == ""
    assert app.missing_display({}, "darwin") == ""


def test_libraries_that_x11_lacks_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    strings.use("en")
    monkeypatch.setattr(app, "missing_libraries", lambda libraries: ["libxcb-cursor.so.0"])
    sentence = app.missing_display({"DISPLAY": ":0"}, "linux")
    assert "libxcb-cursor.so.0" in sentence
    monkeypatch.setattr(app, "missing_libraries", lambda libraries: [])
    assert app.missing_display({"DISPLAY": ":0"}, "linux") == ""


def test_importing_the_viewer_loads_nothing_heavy() -> None:
    code = (
        "import sys, mmfeat_gui, mmfeat_gui.app\n"
        "heavy = {'torch', 'umap', 'matplotlib', 'numba', 'scipy', 'PySide6'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "import mmfeat_gui.views.main_window\n"
        "heavy = {'torch', 'umap', 'matplotlib', 'numba', 'transformers'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert not [name for name in sys.modules if name.startswith('PySide6.QtOpenGL')]\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "gui")]),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
