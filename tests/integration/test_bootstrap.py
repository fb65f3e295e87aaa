"""scripts/demo and scripts/test on a machine that has nothing but Python."""

from __future__ import annotations

import ast
import importlib.util
import json
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("bootstrap.py", "demo", "test")


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    """scripts/bootstrap.py as a module."""
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "scripts" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_old_python_can_read_them_and_say_that_it_is_too_old(name: str) -> None:
    ast.parse((ROOT / "scripts" / name).read_text("utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize("name", SCRIPTS)
def test_they_import_only_the_standard_library(name: str) -> None:
    tree = ast.parse((ROOT / "scripts" / name).read_text("utf-8"))
    imports = {
        (node.module or "").partition(".")[0] if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert imports <= sys.stdlib_module_names | {"bootstrap", "mmfeat"}


def test_python_bound_is_that_of_pyproject(bootstrap: ModuleType) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == ">=" + bootstrap.dotted(bootstrap.PYTHON)


@pytest.fixture(scope="module")
def venv(bootstrap: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment in a path with spaces."""
    folder = tmp_path_factory.mktemp("a folder with spaces") / ".venv"
    bootstrap.make_environment(folder)
    return folder


def test_up_to_date_environment_is_not_installed_again(
    bootstrap: ModuleType, venv: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = venv.parent
    (root / "pyproject.toml").write_text("no project: pip would fail on this")
    version = bootstrap.version_of(bootstrap.python_of(venv))
    known = {"fingerprint": bootstrap.fingerprint(root, version), "extras": ["test"]}
    (venv / "mmfeat-stamp.json").write_text(json.dumps(known))
    bootstrap.install(root, venv, {"test"})
    bootstrap.install(root, venv, set())
    assert capfd.readouterr().err.count("is up to date") == 2
    with pytest.raises(SystemExit, match="pip could not install"):
        bootstrap.install(root, venv, {"hub"})


def test_environment_is_made_once_and_repaired(bootstrap: ModuleType, venv: Path) -> None:
    python = bootstrap.python_of(venv)
    assert bootstrap.version_of(python) == sys.version_info[:3]

    (venv / "mark").touch()
    bootstrap.make_environment(venv)
    assert (venv / "mark").exists(), "a working environment is left alone"

    python.unlink()
    bootstrap.make_environment(venv)
    assert bootstrap.version_of(python) == sys.version_info[:3]
    assert not (venv / "mark").exists()


def test_folder_that_is_no_environment_is_not_removed(
    bootstrap: ModuleType, tmp_path: Path
) -> None:
    venv = tmp_path / ".venv"
    venv.mkdir()
    (venv / "thesis.txt").write_text("years of work")
    with pytest.raises(SystemExit, match="in the way"):
        bootstrap.make_environment(venv)
    assert (venv / "thesis.txt").exists()


def test_stamp_tells_whether_anything_has_changed(bootstrap: ModuleType, tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text("[project]\n")
    first = bootstrap.fingerprint(tmp_path, (3, 11, 7))
    assert bootstrap.fingerprint(tmp_path, (3, 11, 7)) == first
    assert bootstrap.fingerprint(tmp_path, (3, 12, 0)) != first
    stamp = tmp_path / "stamp.json"
    assert bootstrap.stamped_extras(stamp, first) is None
    stamp.write_text(json.dumps({"fingerprint": first, "extras": ["test"]}))
    assert bootstrap.stamped_extras(stamp, first) == {"test"}
    project.write_text("[project]\nname = 'x'\n")
    assert bootstrap.stamped_extras(stamp, bootstrap.fingerprint(tmp_path, (3, 11, 7))) is None
    stamp.write_text("{")
    assert bootstrap.stamped_extras(stamp, first) is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to pass on")
def test_sigterm_ends_the_command_too(tmp_path: Path) -> None:
    mark = tmp_path / "ended"
    child = (
        "import pathlib, signal, sys, time\n"
        f"mark = pathlib.Path({str(mark)!r})\n"
        "signal.signal(signal.SIGTERM, lambda *_: (mark.touch(), sys.exit(3)))\n"
        "print('ready', file=sys.stderr, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = (
        f"import sys, bootstrap; sys.exit(bootstrap.call([sys.executable, '-c', {child!r}])[0])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent], cwd=ROOT / "scripts", stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 3
    assert mark.exists()


def test_help_is_given_before_anything_is_installed(tmp_path: Path) -> None:
    scripts = tmp_path / "a copy" / "scripts"
    shutil.copytree(ROOT / "scripts", scripts, ignore=shutil.ignore_patterns("bench"))
    for name in ("demo", "test"):
        done = subprocess.run(
            [sys.executable, str(scripts / name), "--help"],
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        assert ".venv" in done.stdout
    assert not (tmp_path / "a copy" / ".venv").exists()
