"""A report of something that should not have happened, kept on this machine."""

from __future__ import annotations

import platform
import sys
import time
import traceback
from pathlib import Path
from types import TracebackType

import platformdirs

import mmfeat
from mmfeat.errors import MmfeatError
from mmfeat.files import whole_file

_KEPT = 20  # reports


def report_folder() -> Path:
    """Return where reports are kept (``XDG_STATE_HOME`` on Linux)."""
    return Path(platformdirs.user_state_path("mmfeat", appauthor=False)) / "reports"


def report_text(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> str:
    """Return what happened, where, and with which versions; nothing of any atlas."""
    lines = [
        f"mmfeat {mmfeat.__version__}",
        f"Python {platform.python_version()} on {platform.platform()}",
        *(
            f"{name} {getattr(sys.modules[name], '__version__', '')}"
            for name in ("PySide6", "numpy", "h5py")
            if name in sys.modules
        ),
        time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "",
        "".join(traceback.format_exception(kind, error, trace)),
    ]
    return "\n".join(lines)


def keep_report(text: str, folder: Path | None = None) -> Path | None:
    """Write a report, of which the latest are kept; None where no file can be written."""
    folder = folder or report_folder()
    # One reading of the clock, so that names sort as they were written; in universal
    # time, which no change to winter time sets back.
    seconds, rest = divmod(time.time_ns(), 10**9)
    path = folder / f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(seconds))}-{rest:09d}.txt"
    try:
        with whole_file(path) as temporary:
            temporary.write_text(text, "utf-8", "backslashreplace")
        for old in sorted(folder.glob("*.txt"))[:-_KEPT]:
            old.unlink(missing_ok=True)
    except (OSError, MmfeatError):
        return None
    return path
