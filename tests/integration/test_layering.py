"""What may import what, and what a bare import may load."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import mmfeat

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "umap", "numba", "matplotlib", "transformers", "open_clip", "scipy.stats")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a fresh interpreter has after a statement."""
    code = f"import sys\n{statement}\nprint(*sys.modules, sep='\\n')"
    paths = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'gui')!r}]\n"
    done = subprocess.run(
        [sys.executable, "-c", paths + code], capture_output=True, encoding="utf-8", check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "banned"),
    [
        ("import mmfeat", (*HEAVY, "h5py", "numpy", "pydantic", "typer", "PySide6")),
        ("import mmfeat_gui", (*HEAVY, "h5py", "PySide6")),
        ("import mmfeat.cli.app", (*HEAVY, "PySide6")),
        ("import mmfeat.atlas.reader", (*HEAVY, "PySide6")),
    ],
)
def test_import_loads_nothing_heavy(statement: str, banned: tuple[str, ...]) -> None:
    assert loaded_by(statement) & set(banned) == set()


def test_layers_hold() -> None:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.parametrize("name", mmfeat.__all__)
def test_public_names_lead_somewhere_and_have_a_docstring(name: str) -> None:
    value = getattr(mmfeat, name)
    assert isinstance(value, str) if name == "__version__" else value.__doc__


def test_unknown_public_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'open_sesame'"):
        _ = mmfeat.open_sesame


def imported_packages() -> dict[str, str]:
    """Return every top-level package that our code imports, with a file that does."""
    found = {}
    files = [*ROOT.glob("mmfeat/**/*.py"), *ROOT.glob("gui/**/*.py")]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                continue
            for name in names:
                found[name.partition(".")[0]] = str(path.relative_to(ROOT))
    return found


def test_every_imported_package_is_declared() -> None:
    project = PROJECT["project"]
    optional = [line for extra in project["optional-dependencies"].values() for line in extra]
    declared = {
        re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", line)[0]).lower()
        for line in [*project["dependencies"], *optional]
    }
    homes = importlib.metadata.packages_distributions()
    undeclared = {}
    for name, path in imported_packages().items():
        if name in sys.stdlib_module_names or name in ("mmfeat", "mmfeat_gui"):
            continue
        packages = {re.sub(r"[-_.]+", "-", home).lower() for home in homes.get(name, [name])}
        if not packages & declared:
            undeclared[name] = path
    assert undeclared == {}
