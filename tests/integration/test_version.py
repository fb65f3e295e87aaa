"""`mmfeat --version`: what is told, in both forms, and that it is told at once."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import pytest

from mmfeat.cli import version as told
from mmfeat.cli.app import app
from mmfeat.cli.common import run

HEAVY = "{'torch', 'transformers', 'open_clip', 'umap', 'matplotlib', 'PySide6', 'h5py'}"


def test_versions_are_those_that_are_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["--version"]) == 0
    lines = capsys.readouterr().out.splitlines()
    found = dict(line.split(maxsplit=1) for line in lines)
    assert lines[0].split() == ["mmfeat", version("mmfeat")]
    assert found["Python"] == platform.python_version()
    assert found["platform"] == platform.platform()
    for package in ("torch", "transformers", "open-clip-torch", "h5py", "PySide6-Essentials"):
        assert found[package] == version(package)


@pytest.mark.parametrize("arguments", [["--version", "--json"], ["--json", "--version"]])
def test_the_same_as_one_json_object(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run(app, arguments) == 0
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert found["mmfeat"] == version("mmfeat") and found["torch"] == version("torch")


def test_a_package_that_lacks_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(package: str) -> str:
        if package == "PySide6-Essentials":
            raise PackageNotFoundError(package)
        return "1.2.3"

    monkeypatch.setattr(told, "version", without)
    assert run(app, ["--version"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == [
        "PySide6-Essentials", "not", "installed",
    ]  # fmt: skip
    assert run(app, ["--version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["PySide6-Essentials"] is None


def test_nothing_is_imported_to_tell_its_version() -> None:
    code = (
        "import sys\nfrom mmfeat.cli.app import main\nsys.argv = ['mmfeat', '--version']\n"
        f"try:\n    main()\nfinally:\n    print({HEAVY} & set(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "set()\n"


def test_json_before_a_command_is_refused_with_where_it_stands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(app, ["--json", "info", "atlas.h5"]) == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())  # typer draws a box
    assert "it stands after the command, as in mmfeat info --json" in said
