"""Peak memory of reading a source, in a process of its own; the writer has a test of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")

_MEASURE = """
import re, sys
from pathlib import Path
from mmfeat.corpus.importers import IMPORTERS
from mmfeat.corpus.model import ImportOptions, ItemRow
sources = [Path(path) for path in sys.argv[2:]]
items = 0
for row in IMPORTERS[sys.argv[1]].load().read(sources, ImportOptions()):
    assert isinstance(row, ItemRow), row
    items += 1
# Not getrusage: its peak is inherited from the process that started this one.
status = Path("/proc/self/status").read_text()
print(items, int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1024)
"""


def peak(code: str, *arguments: str | Path) -> tuple[int, int]:
    """Run Python that prints a number of items and its peak memory in MiB; return both."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    items, megabytes = done.stdout.split()
    return int(items), int(megabytes)


def check_growth(
    folder: Path,
    format_name: str,
    write: Callable[[Path, int], list[Path]],
    limit: int = 12,
    counts: tuple[int, int] = (10_000, 100_000),
) -> None:
    """Read few and many items; the peaks of memory, in MiB, must be alike.

    `write` makes the sources with so many items in a folder and returns them; what many of them
    hold should be larger than `limit` by far.
    """
    peaks = []
    for count in counts:
        inside = folder / str(count)
        inside.mkdir()
        sources = write(inside, count)
        items, megabytes = peak(_MEASURE, format_name, *sources)
        assert items == count
        peaks.append(megabytes)
    assert peaks[1] - peaks[0] < limit, peaks
