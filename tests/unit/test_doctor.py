"""`mmfeat doctor` and the tables that scripts/bootstrap.py reads."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from mmfeat import doctor

ROOT = Path(__file__).resolve().parents[2]
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="other systems bring these along")


def fake_fc_list(folder: Path, languages: str) -> None:
    """Put an fc-list on the path that knows one font for these languages."""
    script = folder / "fc-list"
    script.write_text(f"#!/bin/sh\necho '{languages}'\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)


def test_importing_it_needs_only_the_standard_library() -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import mmfeat.doctor"
    subprocess.run([sys.executable, "-I", "-S", "-c", code, str(ROOT)], check=True)


def test_python_bound_is_that_of_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == ">=" + ".".join(map(str, doctor.PYTHON))


@linux_only
def test_missing_library_is_named_and_present_one_is_not() -> None:
    libraries = {"libc.so.6": "libc6", "libmmfeat-nowhere.so.9": "libnowhere9"}
    assert doctor.missing_libraries(libraries) == ["libmmfeat-nowhere.so.9"]


@linux_only
def test_tables_hold_every_library_that_the_installed_qt_asks_for() -> None:
    pyside = pytest.importorskip("PySide6")
    if shutil.which("ldd") is None:
        pytest.skip("no ldd")
    qt = Path(pyside.__file__).parent / "Qt"
    known = {*doctor.QT_LIBRARIES, *doctor.QT_X11_LIBRARIES}
    # What glibc, the compiler's runtime and libxcb itself bring is on every system with X11.
    everywhere = ("libc.", "libm.", "libstdc++.", "libgcc_s.", "libz.", "ld-linux", "linux-vdso")
    everywhere += ("libdl.", "libpthread.", "librt.", "libQt6", "libicu", "libxcb.", "libzstd.")
    objects = [
        qt / "plugins/platforms/libqxcb.so",
        qt / "plugins/platforms/libqoffscreen.so",
        *(qt / "lib" / f"libQt6{part}.so.6" for part in ("Core", "Gui", "Widgets", "DBus")),
    ]
    for path in objects:
        needed = {name for name in _needed(path) if not name.startswith(everywhere)}
        # libxcb-render comes with libxcb-render-util.
        assert needed - known - {"libxcb-render.so.0"} == set(), path.name


def _needed(path: Path) -> list[str]:
    """Return the DT_NEEDED entries of a shared library, by ELF's own tables."""
    import struct

    data = path.read_bytes()
    assert data[:5] == b"\x7fELF\x02", "a 64-bit ELF file"
    (table,) = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + i * size) for i in range(count)]
    names = []
    for _, kind, _, _, offset, length, link, _, _, _ in sections:
        if kind != 6:  # SHT_DYNAMIC
            continue
        strings = sections[link][4]
        for entry in range(offset, offset + length, 16):
            tag, value = struct.unpack_from("<qQ", data, entry)
            if tag == 1:  # DT_NEEDED
                end = data.index(b"\0", strings + value)
                names.append(data[strings + value : end].decode())
    return names


@linux_only
def test_script_without_font_is_told_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_fc_list(tmp_path, "en|de|es|fr|id|it|pt|tr|ru|ar|zh-cn|ja")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    checks = {check.name: check for check in doctor.font_checks()}
    assert {name for name, check in checks.items() if not check.ok} == {
        "font: Arabic",
        "font: Korean",
    }
    assert checks["font: Arabic"].found == "without a font for fa"
    assert checks["font: Korean"].packages == ("fonts-noto-cjk",)


@linux_only
def test_without_fontconfig_fonts_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (check,) = doctor.font_checks()
    assert not check.ok
    assert set(check.packages) == {"fontconfig", "fonts-noto-core", "fonts-noto-cjk"}


@linux_only
def test_mend_is_one_apt_get_line_on_debian_and_names_things_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.mend_line(["libegl1"], ["libEGL.so.1"]) == (
        "install with your package manager: libEGL.so.1"
    )
    apt_get = tmp_path / "apt-get"
    apt_get.write_text("#!/bin/sh\n")
    apt_get.chmod(0o755)
    line = doctor.mend_line(["libgl1", "libegl1", "libgl1"], ["libEGL.so.1"])
    assert line.endswith("apt-get install -y --no-install-recommends libegl1 libgl1")


@linux_only
def test_display_is_seen_only_where_windows_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert not doctor.has_display()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert doctor.has_display()
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert not doctor.has_display()


def test_full_disk_is_told_with_the_mend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "OUTPUT_BYTES", 1 << 60)
    disk = next(check for check in doctor.examine(tmp_path) if check.name == "disk")
    assert not disk.ok
    assert str(tmp_path) in disk.found
    assert disk.mend


def test_command_prints_json_and_exits_0_also_where_things_lack(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mmfeat", "doctor", "--json"],
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        check=True,
    )
    checks = json.loads(done.stdout)["checks"]
    names = [check["name"] for check in checks]
    assert {"Python", "torch", "GPU", "display", "disk"} <= set(names)
    assert len(set(names)) == len(names)
    assert all(check["found"] for check in checks)
    assert all(not check["mend"] for check in checks if check["ok"])
