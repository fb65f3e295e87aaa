#!/usr/bin/env python3
"""Run tests with the lowest versions of the dependencies that pyproject.toml allows.

    python scripts/minimal_versions.py
    python scripts/minimal_versions.py tests/unit/sae tests/gui/test_app.py -k topk
    python scripts/minimal_versions.py --list

Makes a virtual environment, in a temporary folder or in DIR, in which each dependency has the
version of its lower bound and what these depend on is left to pip; that takes some 8 GB, as torch
is large. Where pip finds that bounds exclude each other, or that there is no such version, a bound
in pyproject.toml is untrue: pip names it. Arguments go to pytest; without any, the parts that use
the most of each dependency are run.

The lowest versions have packages for the lowest Python alone: run this with that one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import venv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
TESTS = ("tests/unit", "tests/gui/views", "tests/gui/test_app.py", "tests/integration/test_demo.py")
BOUNDS = {">=", "==", "~="}


def lowest(requirement: Requirement) -> Version:
    """Return the version of a requirement's lower bound."""
    bounds = [
        Version(bound.version.removesuffix(".*"))
        for bound in requirement.specifier
        if bound.operator in BOUNDS
    ]
    if not bounds:
        raise SystemExit(f"pyproject.toml has no lower bound for {requirement.name}; give it one.")
    return max(bounds)


def requirements(project: dict[str, Any], extras: Iterable[str]) -> Iterator[Requirement]:
    """Yield what a project needs here, with some of its extras."""
    optional = project["optional-dependencies"]
    for line in [*project["dependencies"], *(one for extra in extras for one in optional[extra])]:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate():
            yield requirement


def constraints(project: dict[str, Any], extras: Iterable[str]) -> list[str]:
    """Return a line a dependency that holds it to its lower bound."""
    held = {found.name: lowest(found) for found in requirements(project, extras)}
    return [f"{name}=={version}" for name, version in sorted(held.items())]


def install(environment: Path, lines: Iterable[str], extras: Iterable[str]) -> Path:
    """Make an environment with the checkout and the versions given, and return its Python."""
    venv.create(environment, symlinks=os.name != "nt", clear=True)
    base = str(environment)
    scripts = sysconfig.get_path("scripts", "venv", {"base": base, "platbase": base})
    python = Path(scripts) / ("python.exe" if os.name == "nt" else "python")
    file = environment / "constraints.txt"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    pip = [sys.executable, "-m", "pip", "--python", python, "install"]
    project = f".[{','.join(extras)}]"
    done = subprocess.run([*pip, "--constraint", file, "--editable", project], cwd=ROOT)
    if done.returncode:
        raise SystemExit("pip could not install the lowest versions; mend the bounds it names.")
    return python


def run_tests(python: Path, arguments: Iterable[str]) -> int:
    """Run pytest in the checkout and return its exit status."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HF_HUB_OFFLINE": "1"}
    command = [python, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment).returncode


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--list", action="store_true", help="print the versions and end")
    parser.add_argument(
        "--extra", action="append", metavar="NAME", help="besides test, this extra; repeatable"
    )
    parser.add_argument("--env", type=Path, metavar="DIR", help="keep the environment here")
    options, tests = parser.parse_known_args()

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = ["test", *(options.extra or [])]
    if unknown := set(extras) - set(project["optional-dependencies"]):
        parser.error(f"pyproject.toml has no extra {', '.join(sorted(unknown))}")
    lines = constraints(project, extras)
    print("\n".join(lines), flush=True)
    if options.list:
        return 0
    if not project["requires-python"].startswith(f">={sys.version_info[0]}.{sys.version_info[1]}"):
        print(f"This is Python {sys.version.split()[0]}, not the lowest one.", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        python = install((options.env or Path(folder) / "venv").resolve(), lines, extras)
        return run_tests(python, tests or TESTS)


if __name__ == "__main__":
    sys.exit(main())
