"""What this machine has and lacks of what pip cannot bring, with the mend.

Imports nothing but the standard library: `scripts/bootstrap.py` reads the tables
from a checkout in which nothing is installed yet.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PYTHON = (3, 11)
OUTPUT_BYTES = 2 << 30  # what the demo and a first study of one's own take, with room

# Shared library -> Debian package. The first table is what every window needs, also one that is
# drawn into a PNG file without a display; the second what windows on an X11 screen need besides.
QT_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
}
QT_X11_LIBRARIES = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
# Script -> fontconfig's names of the languages of the bundled corpus that it writes, and the
# Debian package with a font for them.
FONTS = {
    "Latin": (("en", "de", "es", "fr", "id", "it", "pt", "tr"), "fonts-noto-core"),
    "Cyrillic": (("ru",), "fonts-noto-core"),
    "Arabic": (("ar", "fa"), "fonts-noto-core"),
    "Chinese": (("zh-cn",), "fonts-noto-cjk"),
    "Japanese": (("ja",), "fonts-noto-cjk"),
    "Korean": (("ko",), "fonts-noto-cjk"),
}


@dataclass(frozen=True)
class Check:
    """One thing that was looked for.

    Attributes
    ----------
    name : str
        What it is.
    ok : bool
        Whether it is there.
    found : str
        What there is, or what lacks.
    mend : str
        What to do where it lacks; empty where nothing needs to be done.
    packages : tuple of str
        Debian packages that bring it.
    """

    name: str
    ok: bool
    found: str
    mend: str = ""
    packages: tuple[str, ...] = ()


def is_debian() -> bool:
    """Return whether packages come from apt-get here (Debian, Ubuntu and kin)."""
    return sys.platform == "linux" and shutil.which("apt-get") is not None


def mend_line(packages: Iterable[str], things: Iterable[str]) -> str:
    """Return the one line that brings what lacks.

    Parameters
    ----------
    packages : iterable of str
        Debian packages.
    things : iterable of str
        What they bring, for systems whose package names we do not know.
    """
    if is_debian():
        sudo = "" if os.geteuid() == 0 else "sudo "
        names = " ".join(sorted({*packages}))
        return f"{sudo}apt-get install -y --no-install-recommends {names}"
    return "install with your package manager: " + ", ".join(things)


def missing_libraries(libraries: Mapping[str, str]) -> list[str]:
    """Return those shared libraries that cannot be loaded."""
    missing = []
    for library in libraries:
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(library)
    return missing


def _libraries(name: str, libraries: Mapping[str, str]) -> Check:
    missing = missing_libraries(libraries)
    if not missing:
        return Check(name, True, f"all {len(libraries)} of them")
    packages = tuple(sorted({libraries[library] for library in missing}))
    return Check(
        name, False, f"without {', '.join(missing)}", mend_line(packages, missing), packages
    )


def font_languages() -> set[str]:
    """Return the languages that the installed fonts can write, as fontconfig names them.

    Raises
    ------
    FileNotFoundError
        If fontconfig's tools are not installed.
    """
    listed = subprocess.run(
        ["fc-list", "--format", "%{lang}\n"],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return {language for line in listed.stdout.splitlines() for language in line.split("|")}


def font_checks() -> list[Check]:
    """Look for a font for every script of the bundled corpus."""
    if sys.platform != "linux":
        system = "macOS" if sys.platform == "darwin" else "Windows"
        return [Check(f"font: {name}", True, f"comes with {system}") for name in FONTS]
    try:
        known = font_languages()
    except FileNotFoundError:
        packages = ("fontconfig", *sorted({package for _, package in FONTS.values()}))
        return [
            Check(
                "fonts",
                False,
                "unknown without fontconfig's fc-list",
                mend_line(packages, ("fontconfig", "Noto Sans", "Noto Sans Arabic", "Noto CJK")),
                packages,
            )
        ]
    checks = []
    for name, (languages, package) in FONTS.items():
        lacking = [language for language in languages if language not in known]
        if lacking:
            mend = mend_line((package,), (f"a font for {name}, e.g. Noto",))
            found = f"without a font for {', '.join(lacking)}"
            checks.append(Check(f"font: {name}", False, found, mend, (package,)))
        else:
            checks.append(Check(f"font: {name}", True, "present"))
    return checks


def system_checks() -> list[Check]:
    """Look for what pip cannot bring: Qt's system libraries and fonts."""
    checks = []
    if sys.platform == "linux":  # on macOS and Windows PySide6 brings all that it needs
        checks.append(_libraries("Qt libraries", QT_LIBRARIES))
        checks.append(_libraries("Qt libraries for X11", QT_X11_LIBRARIES))
    return checks + font_checks()


def has_display() -> bool:
    """Return whether windows can be shown on a screen."""
    if os.environ.get("QT_QPA_PLATFORM", "").startswith(("offscreen", "minimal")):
        return False
    if sys.platform != "linux":
        return True
    if os.environ.get("WAYLAND_DISPLAY"):
        return True
    return bool(os.environ.get("DISPLAY")) and not missing_libraries(QT_X11_LIBRARIES)


def _python() -> Check:
    found = f"{platform.python_version()} ({sys.executable})"
    needed = ".".join(map(str, PYTHON))
    return Check(
        "Python", sys.version_info[:2] >= PYTHON, found, f"install Python {needed} or newer"
    )


def _package(name: str) -> Check:
    try:
        return Check(name, True, version(name))
    except PackageNotFoundError:
        return Check(name, False, "not installed", f"{sys.executable} -m pip install {name}")


def _gpu() -> Check:
    try:
        import torch
    except (ImportError, OSError) as error:
        return Check("GPU", False, f"unknown, torch does not load: {error}", "install torch again")
    if torch.cuda.is_available():
        device = torch.cuda.get_device_properties(0)
        memory = f"{device.total_memory / 2**30:.0f} GiB"
        return Check("GPU", True, f"{torch.cuda.device_count()} x {device.name}, {memory}")
    if torch.backends.mps.is_available():
        return Check("GPU", True, "Apple (mps)")
    return Check("GPU", False, "none; everything runs on the processor, large backbones slowly")


def _display() -> Check:
    if has_display():
        return Check("display", True, "windows can be shown")
    return Check(
        "display",
        False,
        "none; windows are drawn into PNG files",
        "mmfeat view ATLAS --screenshot FILE.png",
    )


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    return Check(
        "disk",
        free >= OUTPUT_BYTES,
        f"{free / 2**30:.1f} GiB free in {folder}",
        f"free {OUTPUT_BYTES / 2**30:.0f} GiB, or work in a folder on another disk",
    )


def examine(folder: Path) -> list[Check]:
    """Look for everything that mmfeat uses.

    Parameters
    ----------
    folder : Path
        Where files will be written.

    Returns
    -------
    list of Check
        `mend` is empty in those that are in order.
    """
    checks = [
        _python(),
        _package("torch"),
        _gpu(),
        _package("PySide6-Essentials"),
        *system_checks(),
        _display(),
        _disk(folder),
    ]
    return [Check(c.name, True, c.found) if c.ok else c for c in checks]
