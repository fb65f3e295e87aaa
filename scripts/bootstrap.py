"""Make the project's environment; shared by scripts/demo and scripts/test.

Standard library only, and no syntax newer than Python 3.6, so that an old Python
can say that it is too old. What pip cannot bring is listed in mmfeat/doctor.py.
"""

import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = (3, 11)  # as mmfeat.doctor and pyproject.toml, but readable by an older Python
NEWER_PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# What tests need of the system: commands, of which one suffices, packages, and what goes without.
FOR_TESTS = (
    (CHROMIUM, ("chromium", "chromium-sandbox"), "reports are not tested in a browser"),
    (("Xvfb",), ("xvfb", "libxcb-cursor0"), "the viewer is not tested in a window on a display"),
)
INSTALL_BYTES = 8 << 30  # torch with its CUDA libraries, and the room to unpack them


def say(text: str) -> None:
    """Tell what is going on, on standard error: standard output is for results."""
    print("[mmfeat] " + text, file=sys.stderr, flush=True)


def dotted(version: "tuple[int, ...]") -> str:
    """Write a version with its dots."""
    return ".".join(map(str, version))


def call(command: "list[str]", capture: bool = False, **options: object) -> "tuple[int, str]":
    """Run a command to its end and return its status and, if wanted, what it printed.

    Ctrl-C reaches the command too, which ends in its own way and time; SIGTERM is passed on.
    """
    options.setdefault("stdout", subprocess.PIPE if capture else None)
    process = subprocess.Popen([str(part) for part in command], encoding="utf-8", **options)
    before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        while True:
            try:
                output, _ = process.communicate()
                return process.returncode, output or ""
            except KeyboardInterrupt:
                continue
    finally:
        signal.signal(signal.SIGTERM, before)


def is_root() -> bool:
    """Return whether system packages may be installed."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def apt_install(packages: "list[str]") -> bool:
    """Install Debian packages as root and return whether it worked."""
    say("installing with apt-get: " + " ".join(packages))
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    quiet = {"env": env, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    call(["apt-get", "update", "-qq"], **quiet)
    wait = ["-o", "DPkg::Lock::Timeout=120"]  # where the system is updating itself
    command = ["apt-get", *wait, "install", "-y", "-qq", "--no-install-recommends", *packages]
    status, _ = call(command, **quiet)
    return status == 0


def can_apt() -> bool:
    """Return whether this script itself may install Debian packages."""
    return is_root() and shutil.which("apt-get") is not None


def find_newer_python() -> "str | None":
    """Return a Python on the path that is new enough and runs."""
    for path in filter(None, map(shutil.which, NEWER_PYTHONS)):
        # A version manager's stand-in may be there without its Python.
        if call([path, "-c", "import venv"], stderr=subprocess.DEVNULL)[0] == 0:
            return path
    return None


def require_python() -> None:
    """Go on under a newer Python where this one is too old, or say which is needed."""
    if sys.version_info[:2] >= PYTHON:
        return
    newer = find_newer_python()
    if newer is None and can_apt():
        call(["apt-get", "update", "-qq"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        for name in NEWER_PYTHONS:
            if call(["apt-cache", "show", name], capture=True, stderr=subprocess.DEVNULL)[0] == 0:
                apt_install([name, name + "-venv"])
                newer = find_newer_python()
                break
    here = dotted(sys.version_info[:2])
    if newer is None:
        needed = dotted(PYTHON)
        sys.exit(
            f"[mmfeat] Python {needed} or newer is needed, and this is Python {here} "
            f"({sys.executable}); install one and run: python{needed} {shlex.quote(sys.argv[0])}"
        )
    say(f"Python {here} is too old; going on with {newer}")
    sys.exit(call([newer, *sys.argv])[0])


def require_system() -> None:
    """Install Qt's system libraries and fonts where they lack, or print the line that does."""
    sys.path.insert(0, str(ROOT))
    from mmfeat import doctor

    lacking = [check for check in doctor.system_checks() if not check.ok]
    packages = sorted({package for check in lacking for package in check.packages})
    if packages and can_apt():
        apt_install(packages)
        lacking = [check for check in doctor.system_checks() if not check.ok]
        packages = sorted({package for check in lacking for package in check.packages})
    for check in lacking:
        say(f"{check.name}: {check.found}")
    if lacking:
        things = [f"{check.name} ({check.found})" for check in lacking]
        say("going on without; to mend it: " + doctor.mend_line(packages, things))


def require_for_tests() -> None:
    """Install a browser and a display without a screen, or say what is not tested without."""
    for commands, packages, without in FOR_TESTS:
        if any(map(shutil.which, commands)) or (can_apt() and apt_install(list(packages))):
            continue
        say(f"without {commands[0]} {without}; install " + " ".join(packages))


def python_of(venv: Path) -> Path:
    """Return where the interpreter of a virtual environment is."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def version_of(python: Path) -> "tuple[int, ...] | None":
    """Return the version of an environment's Python, or None where it or its pip does not run."""
    code = "import sys, pip; print(*sys.version_info[:3])"
    try:
        status, output = call([python, "-c", code], capture=True, stderr=subprocess.DEVNULL)
    except OSError:
        return None
    return tuple(int(part) for part in output.split()) if status == 0 else None


def make_environment(venv: Path) -> None:
    """Make the virtual environment, or leave it where there is one that works."""
    version = version_of(python_of(venv))
    if version is not None and version[:2] >= PYTHON:
        return
    if venv.exists():
        if not (venv / "pyvenv.cfg").exists():
            sys.exit(f"[mmfeat] {venv} is in the way and no virtual environment; move it away.")
        say(f"{venv} does not work with this Python; making it again")
        shutil.rmtree(venv)
    try:
        import ensurepip  # noqa: F401  (Debian keeps it in a package of its own)
    except ImportError:
        package = f"python{dotted(sys.version_info[:2])}-venv"
        if not (can_apt() and apt_install([package])):
            sys.exit(f"[mmfeat] Python lacks venv; run: sudo apt-get install -y {package}")
    free = shutil.disk_usage(venv.parent).free
    if free < INSTALL_BYTES:
        say(
            f"only {free / 2**30:.1f} GiB are free in {venv.parent}; "
            f"the packages take up to {INSTALL_BYTES / 2**30:.0f} GiB"
        )
    say(f"making the environment {venv}")
    status, _ = call([sys.executable, "-m", "venv", venv])
    if status:
        sys.exit(f"[mmfeat] {venv} could not be made with {sys.executable} -m venv.")


def fingerprint(root: Path, version: "tuple[int, ...]") -> str:
    """Return what decides whether the environment is up to date."""
    text = f"{dotted(version)}\n{root}\n".encode()
    return hashlib.sha256(text + (root / "pyproject.toml").read_bytes()).hexdigest()


def stamped_extras(stamp: Path, current: str) -> "set[str] | None":
    """Return the extras that are installed, or None where the environment is out of date."""
    try:
        known = json.loads(stamp.read_text("utf-8"))
        return set(known["extras"]) if known["fingerprint"] == current else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def install(root: Path, venv: Path, extras: "set[str]") -> None:
    """Install the project, editable, unless a stamp says that nothing has changed since."""
    python = python_of(venv)
    version = version_of(python)
    if version is None:
        sys.exit(f"[mmfeat] {python} does not run; remove {venv} and run this again.")
    stamp = venv / "mmfeat-stamp.json"
    current = fingerprint(root, version)
    installed = stamped_extras(stamp, current)
    if installed is not None and extras <= installed:
        say(f"environment {venv} is up to date")
        return
    extras = extras | (installed or set())
    project = "." + ("[" + ",".join(sorted(extras)) + "]" if extras else "")
    say(f"installing mmfeat and what it needs into {venv} (minutes, the first time)")
    status, _ = call(
        [python, "-m", "pip", "install", "--disable-pip-version-check", "--editable", project],
        cwd=str(root),
        stdout=sys.stderr,
        stdin=subprocess.DEVNULL,
    )
    if status:
        sys.exit("[mmfeat] pip could not install mmfeat; read its message above and run again.")
    stamp.write_text(json.dumps({"fingerprint": current, "extras": sorted(extras)}), "utf-8")


def prepare(*extras: str) -> Path:
    """Make everything ready and return the Python that runs mmfeat."""
    os.environ.setdefault("PYTHONUTF8", "1")  # what we read from our commands is UTF-8
    require_python()
    require_system()
    if "test" in extras:
        require_for_tests()
    venv = ROOT / ".venv"
    make_environment(venv)
    install(ROOT, venv, set(extras))
    return python_of(venv)
