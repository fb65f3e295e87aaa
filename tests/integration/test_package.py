"""The built wheel and sdist: what they hold, and that a fresh environment runs them.

The steps are those of scripts/check_package.py, which installs the dependencies too. Here they are
those of the environment that runs the tests, found by a .pth file: to download torch each time
would take gigabytes. mmfeat itself must come from the wheel.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
import tarfile
import tomllib
from email import message_from_string
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import ZipFile

import h5py
import pytest
import yaml
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]

USER = """
import mmfeat

with mmfeat.open_atlas("atlas.h5") as atlas:
    width: int = atlas.d_sae
    names: dict[str, tuple[str, float]] = atlas.names(0)
    items: list[int] = [example.item for example in atlas.image_examples(width - 1)]
"""
WRONG = """
    atlas.d_sae.upper()
    atlas.no_such_thing
"""
# What a user's script reaches of other packages takes a minute to read, and is not ours.
MYPY = """
[mypy]
strict = True

[mypy-torch.*,numpy.*,h5py.*,pydantic.*,PIL.*,jaxtyping.*,scipy.*,transformers.*,rich.*]
follow_imports = skip
"""


def load_script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


package = load_script("check_package")


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    try:
        return package.tracked()
    except package.Wrong:
        pytest.skip("needs a checkout of git")


@pytest.fixture(scope="module")
def built(tracked: list[str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("built files")
    return package.build_both(tracked, folder, isolated=False)


@pytest.fixture(scope="module")
def environment(built: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel, in a path with spaces."""
    folder = tmp_path_factory.mktemp("an environment") / "venv"
    package.install(built.wheel, folder, borrow=True)
    return folder


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder outside the checkout, in which programs are run."""
    folder = tmp_path_factory.mktemp("work")
    assert not folder.is_relative_to(ROOT)
    return folder


@pytest.fixture(scope="module")
def demo(environment: Path, work: Path) -> dict[str, Any]:
    return package.run_demo(environment, work, small=True)


def test_the_wheel_holds_both_packages_their_assets_and_nothing_else(
    built: Any, tracked: list[str]
) -> None:
    assert package.complaints(built.wheel, tracked) == []
    with ZipFile(built.wheel) as archive:
        names = set(archive.namelist())
    tops = {name.partition("/")[0] for name in names}
    stem = f"mmfeat-{VERSION}"
    assert tops == {"mmfeat", "mmfeat_gui", f"{stem}.dist-info", f"{stem}.data"}
    for name in (
        "mmfeat/py.typed",
        "mmfeat/assets/openmoji-clip/open_clip_model.safetensors",
        "mmfeat/assets/openmoji-clip/tokenizer.json",
        "mmfeat/assets/openmoji_groups.tsv",
        "mmfeat/assets/probes/weapons.yaml",
        "mmfeat/assets/recipes/shared-topk.toml",
        "mmfeat/figures/report/page.html",
        "mmfeat_gui/py.typed",
        "mmfeat_gui/resources/translations/window_ko.ts",
        "mmfeat_gui/resources/mmfeat.svg",
        f"{stem}.data/data/share/applications/mmfeat.desktop",
        f"{stem}.data/data/share/icons/hicolor/scalable/apps/mmfeat.svg",
        f"{stem}.dist-info/licenses/LICENSE",
        f"{stem}.dist-info/licenses/NOTICE",
    ):
        assert name in names, name
    for name in names:
        parts = set(Path(name).parts)
        assert not parts & {"tests", "docs", "scripts", "__pycache__", "studies"}, name
        assert not name.endswith((".pyc", ".h5", ".lock")), name


def test_a_wheel_with_a_file_too_few_and_one_too_many_is_noticed(
    built: Any, tracked: list[str], tmp_path: Path
) -> None:
    wrong = tmp_path / built.wheel.name
    with ZipFile(built.wheel) as good, ZipFile(wrong, "w") as archive:
        for name in good.namelist():
            if name != "mmfeat/assets/recipes/shared-topk.toml":
                archive.writestr(name, "")
        archive.writestr("tests/conftest.py", "")
    assert package.complaints(wrong, tracked) == [
        "The wheel lacks mmfeat/assets/recipes/shared-topk.toml.",
        "The wheel holds tests/conftest.py.",
    ]


def test_the_metadata_say_what_pyproject_says(built: Any) -> None:
    with ZipFile(built.wheel) as archive:
        stem = f"mmfeat-{VERSION}.dist-info"
        about = message_from_string(archive.read(f"{stem}/METADATA").decode())
        programs = archive.read(f"{stem}/entry_points.txt").decode()
    assert about["Name"] == "mmfeat" and about["Version"] == VERSION
    assert about["License-Expression"] == "MIT"
    assert about["Requires-Python"] == ">=3.11"
    assert set(about.get_all("License-File")) == {"LICENSE", "NOTICE"}
    assert "mmfeat = mmfeat.cli.app:main" in programs
    assert "mmfeat-gui = mmfeat_gui.app:main" in programs


def test_the_citation_has_the_version(built: Any) -> None:
    with tarfile.open(built.sdist) as archive:
        file = archive.extractfile(f"mmfeat-{VERSION}/CITATION.cff")
        assert file is not None
        citation = yaml.safe_load(file)
    assert citation["version"] == VERSION


def test_the_sdist_holds_the_licences_and_builds_the_same_wheel(built: Any, tmp_path: Path) -> None:
    with tarfile.open(built.sdist) as archive:
        names = set(archive.getnames())
    for name in ("LICENSE", "NOTICE", "CITATION.cff", "CHANGELOG.md", "pyproject.toml"):
        assert f"mmfeat-{VERSION}/{name}" in names
    again = package.build_again(built.sdist, tmp_path, isolated=False)
    assert again.name == built.wheel.name
    assert again.read_bytes() == built.wheel.read_bytes()


def test_what_is_imported_comes_from_the_wheel(environment: Path, work: Path) -> None:
    package.check_origin(environment, work)
    code = "import mmfeat, sys; print(mmfeat.__file__, *sys.path, sep='\\n')"
    file, *path = package.call(
        [package.program(environment, "python"), "-c", code], work
    ).splitlines()
    assert Path(file).is_relative_to(environment)
    assert str(ROOT) not in path and str(ROOT / "gui") not in path


def test_the_version_is_that_of_the_wheel(environment: Path, work: Path) -> None:
    versions = package.versions(environment, work)
    assert versions["mmfeat"] == VERSION
    assert versions["torch"] == importlib.metadata.version("torch")


def test_the_demo_runs_from_the_wheel(demo: dict[str, Any]) -> None:
    for found in (demo, demo["naive"]):
        with h5py.File(found["atlas"]) as atlas:
            assert atlas.attrs["encoding-type"] == "mmfeat-atlas"
            assert len(atlas["features/shared"]) == found["features"] == 64
    assert demo["alive"] > 0


def test_the_installed_viewer_draws_the_atlas(
    environment: Path, work: Path, demo: dict[str, Any]
) -> None:
    picture = package.take_picture(environment, work, Path(demo["atlas"]))
    with Image.open(picture) as image:
        assert image.size == (1440, 900)
        colours = image.convert("RGB").getcolors(1 << 20)
    assert colours is None or len(colours) > 100  # not an empty window


def test_types_of_the_installed_package_reach_a_users_script(
    environment: Path, work: Path, tmp_path: Path
) -> None:
    def checked(text: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "user.py").write_text(text, "utf-8")
        (tmp_path / "mypy.ini").write_text(MYPY, "utf-8")
        command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "user.py"]
        command += ["--python-executable", package.program(environment, "python")]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    good = checked(USER)
    assert good.returncode == 0, good.stdout + good.stderr
    bad = checked(USER + WRONG)
    assert bad.returncode == 1
    assert '"int" has no attribute "upper"' in bad.stdout
    assert '"Atlas" has no attribute "no_such_thing"' in bad.stdout


def test_the_script_says_in_a_sentence_what_is_wrong(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(folder: Path, borrow: bool) -> None:
        package.call([sys.executable, "-c", "exit('no disk')"], folder)

    monkeypatch.setattr(package, "check", fails)
    monkeypatch.setattr(sys, "argv", ["check_package.py"])
    assert package.main() == 1
    said = capsys.readouterr().err
    assert said.startswith("Error: ") and said.endswith("ended with 1:\nno disk\n")
