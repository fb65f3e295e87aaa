#!/usr/bin/env python3
"""Build the wheel and the sdist, install the wheel in a fresh environment, and run it there.

    python scripts/check_package.py --out dist      before a release
    python scripts/check_package.py --borrow        what tests/integration/test_package.py does

Both are built from the files that git tracks, each in a folder of its own; the sdist must build the
same wheel, byte for byte, and the wheel must hold what an installation needs and nothing else. The
wheel is installed with its dependencies from the package index (several GB, as torch is large) in
a new virtual environment. There, away from the checkout, `mmfeat --version` and the quick demo are
run, and `mmfeat-gui` draws the atlas that the demo made.

--borrow finds the dependencies in the environment that runs this script, builds with the tools that
are there, and runs the demo on fewer concepts: about a minute, without the network.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parents[1]
# Where a wheel has the files of the checkout; files of other folders are not in it.
PACKAGES = {
    "mmfeat/": "mmfeat/",
    "gui/mmfeat_gui/": "mmfeat_gui/",
    "data/recipes/": "mmfeat/assets/recipes/",
    "data/probes/": "mmfeat/assets/probes/",
    "data/openmoji_groups.tsv": "mmfeat/assets/openmoji_groups.tsv",
}
# Where an installation has files for the desktop, from the environment's folder.
DESKTOP = {
    "gui/mmfeat_gui/resources/mmfeat.desktop": "share/applications/mmfeat.desktop",
    "gui/mmfeat_gui/resources/mmfeat.svg": "share/icons/hicolor/scalable/apps/mmfeat.svg",
}
METADATA = ("METADATA", "RECORD", "WHEEL", "entry_points.txt")
METADATA += ("licenses/LICENSE", "licenses/NOTICE")
# The demo's own code, with fewer concepts and steps.
SMALL_DEMO = """
import json, sys
from pathlib import Path
from mmfeat import demo

demo.QUICK_SHARE = 24
demo.QUICK = {"optimiser.steps": 60, "sae.d_sae": 64}
print(json.dumps(demo.run_demo(Path(sys.argv[1]), quick=True)))
"""
WHERE = "import json, mmfeat, mmfeat_gui; print(json.dumps([mmfeat.__file__, mmfeat_gui.__file__]))"


class Wrong(Exception):
    """What is wrong with a package, in a sentence."""


class Built(NamedTuple):
    """The two files of a release."""

    wheel: Path
    sdist: Path


def call(command: Iterable[object], cwd: Path) -> str:
    """Run a command as where nothing is known of the checkout, and return what it printed."""
    parts = [str(part) for part in command]
    environment = {
        # PYTHONPATH and the like could bring the checkout in.
        **{key: value for key, value in os.environ.items() if not key.startswith("PYTHON")},
        "PYTHONUTF8": "1",
        "QT_QPA_PLATFORM": "offscreen",
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run(
        parts, cwd=cwd, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        said = f"{done.stdout}{done.stderr}"[-4000:].strip()
        raise Wrong(f"{' '.join(parts)} ended with {done.returncode}:\n{said}")
    return done.stdout


def tracked() -> list[str]:
    """Return the paths of the files that git tracks and that are there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    if listed.returncode:
        raise Wrong(f"{ROOT} is no checkout of git; run this in one.")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def copy(names: Iterable[str], folder: Path) -> Path:
    """Copy files of the checkout and return the folder."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def build(source: Path, out: Path, kind: str, isolated: bool) -> Path:
    """Build the wheel or the sdist (`kind`) of a folder as PEP 517 says, and return it.

    Where it is not isolated, hatchling must be in the environment that runs this script.
    """
    command = [sys.executable, "-m", "build", f"--{kind}", "--outdir", out, source]
    call([*command, *([] if isolated else ["--no-isolation"])], source)
    (file,) = out.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return file


def build_both(names: Iterable[str], folder: Path, isolated: bool = True) -> Built:
    """Build wheel and sdist of a copy of the files."""
    source = copy(names, folder / "source")
    built = (build(source, folder / kind, kind, isolated) for kind in ("wheel", "sdist"))
    return Built(*built)


def build_again(sdist: Path, folder: Path, isolated: bool = True) -> Path:
    """Build the wheel of an unpacked sdist."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return build(folder / sdist.name.removesuffix(".tar.gz"), folder / "wheel", "wheel", isolated)


def expected(names: Iterable[str], stem: str) -> set[str]:
    """Return the names that a wheel of these files has; `stem` is NAME-VERSION."""
    found = {f"{stem}.dist-info/{name}" for name in METADATA}
    found |= {f"{stem}.data/data/{place}" for place in DESKTOP.values()}
    for name in names:
        for folder, place in PACKAGES.items():
            if name.startswith(folder):
                found.add(place + name.removeprefix(folder))
    return found


def complaints(wheel: Path, names: Iterable[str]) -> list[str]:
    """Return what a wheel lacks, and what it holds that is no part of it, a sentence each."""
    with ZipFile(wheel) as archive:
        held = set(archive.namelist())
    wanted = expected(names, "-".join(wheel.name.split("-")[:2]))
    lacking = [f"The wheel lacks {name}." for name in sorted(wanted - held)]
    return lacking + [f"The wheel holds {name}." for name in sorted(held - wanted)]


def place(environment: Path, what: str) -> Path:
    """Return the folder of an environment's programs (`scripts`) or packages (`purelib`)."""
    base = str(environment)
    return Path(sysconfig.get_path(what, "venv", {"base": base, "platbase": base}))


def program(environment: Path, name: str) -> str:
    """Return the path of a program of an environment."""
    found = shutil.which(name, path=str(place(environment, "scripts")))
    if found is None:
        raise Wrong(f"The installation has no program {name}.")
    return found


def install(wheel: Path, environment: Path, borrow: bool = False) -> None:
    """Make a virtual environment and install the wheel in it.

    Parameters
    ----------
    wheel : Path
    environment : Path
        Folder of the environment to make.
    borrow : bool
        Find the dependencies in the environment that runs this script, by a .pth file. Of the
        folder it names packages are imported, but .pth files in that folder are not read: through
        one of them an editable install brings in the checkout.
    """
    venv.create(environment, symlinks=os.name != "nt")
    python = program(environment, "python")
    command = [sys.executable, "-m", "pip", "--python", python, "install", wheel]
    call([*command, *(["--no-deps", "--no-index"] if borrow else [])], environment)
    if borrow:
        folders = dict.fromkeys(sysconfig.get_path(what) for what in ("purelib", "platlib"))
        file = place(environment, "purelib") / "borrowed.pth"
        file.write_text("".join(f"{folder}\n" for folder in folders), "utf-8")


def check_origin(environment: Path, folder: Path) -> None:
    """Make sure that both packages are those of the wheel, and the desktop finds the program."""
    files = json.loads(call([program(environment, "python"), "-c", WHERE], folder))
    home = place(environment, "purelib").resolve()
    for file in files:
        if not Path(file).resolve().is_relative_to(home):
            raise Wrong(f"{file} was imported, which is not in {home}.")
    for name in DESKTOP.values():
        if not (environment / name).is_file():
            raise Wrong(f"The installation lacks {name}.")


def versions(environment: Path, folder: Path) -> dict[str, Any]:
    """Return what `mmfeat --version --json` says."""
    said: dict[str, Any] = json.loads(
        call([program(environment, "mmfeat"), "--version", "--json"], folder)
    )
    return said


def run_demo(environment: Path, folder: Path, small: bool = False) -> dict[str, Any]:
    """Run the quick demo, or a smaller one, and return its results."""
    if small:
        command = [program(environment, "python"), "-c", SMALL_DEMO]
    else:
        command = [program(environment, "mmfeat"), "demo", "--quick", "--no-view", "--json"]
        command.append("--out")
    result: dict[str, Any] = json.loads(call([*command, folder / "demo"], folder).splitlines()[-1])
    return result


def take_picture(environment: Path, folder: Path, atlas: Path) -> Path:
    """Have the viewer draw its window, in Korean, and return the picture."""
    picture = folder / "window.png"
    viewer = program(environment, "mmfeat-gui")
    call([viewer, atlas, "--screenshot", picture, "--language", "ko"], folder)
    if not picture.is_file():
        raise Wrong("The viewer ended well and wrote no picture.")
    return picture


def check(folder: Path, borrow: bool) -> Built:
    """Do everything, say how far it is, and return what was built."""
    say("building the wheel and the sdist")
    names = tracked()
    built = build_both(names, folder, isolated=not borrow)
    if wrong := complaints(built.wheel, names):
        raise Wrong("\n".join(wrong))
    say("building the wheel again, from the sdist")
    again = build_again(built.sdist, folder / "unpacked", isolated=not borrow)
    if again.read_bytes() != built.wheel.read_bytes():
        raise Wrong("The sdist builds another wheel than the checkout does.")
    say(f"installing {built.wheel.name}")
    environment, work = folder / "environment", folder / "work"
    work.mkdir()
    install(built.wheel, environment, borrow)
    check_origin(environment, work)
    say(", ".join(f"{name} {number}" for name, number in versions(environment, work).items()))
    say("running the demo")
    result = run_demo(environment, work, small=borrow)
    say(f"{result['shared']} of {result['features']} features are shared; drawing them")
    take_picture(environment, work, Path(result["atlas"]))
    return built


def say(text: str) -> None:
    print(f"[mmfeat] {text}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the wheel and the sdist here")
    parser.add_argument(
        "--borrow", action="store_true", help="dependencies of this environment, a smaller demo"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        try:
            built = check(Path(name).resolve(), options.borrow)
        except Wrong as error:
            print(f"Error: {error}", file=sys.stderr)
            return 1
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            for file in built:
                print(shutil.copy2(file, options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
