"""Measure the viewer: start, opening, map, pages, filters, and how long it ever stands still.

    python scripts/bench/big_atlas.py --out big.h5
    python scripts/bench/viewer.py --atlas big.h5 --json

Everything runs offscreen, on two cores, each key in a process of its own; numbers are medians of
several runs, warm unless they say cold. `bar` is what is to be reached, `ratio` how much of it was
taken (1 or less is good). `--only` measures some keys alone; those of the map need no atlas.

start_s           start of `python -m mmfeat_gui` to the first window drawn, no file
open_s            opening the atlas to page, table and map drawn
open_rss_mb       the most memory until then
frame_ms_*        300 frames of a map of a million points, panned and zoomed, 1200 x 900
hover_ms          which of a million points is under the cursor
lasso_ms          which of a million points lie inside a lasso around half of them
page_ms_*         next feature page, asked for to drawn, with pictures and a column a language;
                  200 features at random; page_cold_ms_*: the file was put out of memory before
filter_ms         filters of three columns, one a text, set to the table and map drawn
gui_block_ms_*    how late a timer of 5 ms comes in a scripted tour of two minutes; the first use
                  of each font apart (font_block_ms); idle_block_ms_p99 is what it comes late where
                  nothing happens, gui_worked_ms what of a block the thread itself computed
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CORES = 2
BARS = {
    "start_s": 1.5,
    "open_s": 1.5,
    "open_rss_mb": 600,
    "frame_ms_median": 33,
    "frame_ms_p99": 60,
    "hover_ms": 16,
    "lasso_ms": 60,
    "page_ms_median": 150,
    "filter_ms": 50,
    "gui_block_ms_p99": 50,
}
_REPEATS = 5
_ROOT = Path(__file__).resolve().parents[2]
# Ends the viewer as soon as its first window has been drawn, and tells when that was.
_START = """
import runpy, sys, time
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QMainWindow

class Watch(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.UpdateRequest:
            QTimer.singleShot(0, self.end)
        return False
    def end(self):
        print(time.monotonic(), flush=True)
        import os
        os._exit(0)

run = QApplication.exec
def watched(*arguments):
    watch = Watch()
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, QMainWindow):
            widget.installEventFilter(watch)
            if widget.windowHandle() is not None:
                widget.windowHandle().installEventFilter(watch)
            widget.update()
    return run()
QApplication.exec = staticmethod(watched)
sys.argv = ["mmfeat-gui"]
runpy.run_module("mmfeat_gui", run_name="__main__")
"""


def environment(home: str) -> dict[str, str]:
    """Return the variables under which the viewer is measured: no screen, settings of its own."""
    return {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONPATH": os.pathsep.join([str(_ROOT), str(_ROOT / "gui")]),
        "OMP_NUM_THREADS": "1",
        "XDG_CONFIG_HOME": home,
        "XDG_STATE_HOME": home,
        "XDG_DATA_HOME": home,
    }


def measure_start(args: argparse.Namespace) -> dict[str, float]:
    """Return the time to the first window."""
    found = []
    with tempfile.TemporaryDirectory() as home:
        for _ in range(_REPEATS + 1):
            begun = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-c", _START],
                env=environment(home),
                capture_output=True,
                text=True,
                timeout=120,
                check=True,
            )
            found.append(float(done.stdout.split()[-1]) - begun)
    return {"start_s": statistics.median(found[1:])}  # the first finds cold files


# What runs in a process of its own ----------------------------------------------------------


def measure_map(args: argparse.Namespace) -> dict[str, float]:
    """Return what a map of many points costs a frame, a hover and a lasso."""
    import numpy as np
    from PySide6.QtCore import QPointF
    from PySide6.QtWidgets import QApplication

    from mmfeat.figures.grid import Grid
    from mmfeat_gui.views.map_canvas import MapCanvas

    application = QApplication([])
    rng = np.random.default_rng(0)
    centre = rng.normal(0, 6, (200, 2))
    xy = centre[rng.integers(0, 200, args.points)] + rng.normal(0, 0.8, (args.points, 2))
    table = rng.integers(0, 256, (64, 3)).astype(np.uint8)
    canvas = MapCanvas()
    canvas.resize(1200, 900)
    canvas.show_points(Grid(xy.astype(np.float32)))
    canvas.show_colours(rng.integers(0, 64, args.points).astype(np.uint16), table)
    canvas.show()
    _process(application, 0.3)

    def timed(act: Callable[[], object]) -> float:
        begun = time.perf_counter()
        act()
        return (time.perf_counter() - begun) * 1000

    def frame(act: Callable[[], object]) -> float:
        def draw() -> None:
            act()
            canvas.repaint()

        taken = timed(draw)
        application.processEvents()
        return taken

    middle = QPointF(600, 450)
    frames: list[float] = []
    hover: list[float] = []
    for factor in (1.0, 1.25, 0.85):
        for number in range(100):
            if factor == 1:
                step = 9 if number < 50 else -9
                frames.append(frame(lambda step=step: canvas.pan(step, step / 2)))
            else:
                own = factor if number < 50 else 1 / factor
                at = middle + QPointF(200 * np.cos(number), 150 * np.sin(number))
                frames.append(frame(lambda own=own, at=at: canvas.zoom(own, at)))
            if number % 4 == 0:
                at = QPointF(*rng.uniform((0, 0), (1200, 900)).tolist())
                hover.append(timed(lambda at=at: canvas.point_at(at)))
    canvas.fit()
    canvas.repaint()
    angles = np.linspace(0, 2 * np.pi, 200)
    ring = [QPointF(600 + 250 * np.cos(a), 450 + 170 * np.sin(a)) for a in angles.tolist()]
    lasso = [timed(lambda: canvas.within(ring)) for _ in range(9)]
    inside = len(canvas.within(ring)) / args.points
    canvas.close()
    return {
        "frame_ms_median": statistics.median(frames),
        "frame_ms_p99": _p99(frames),
        "frame_ms_max": max(frames),
        "hover_ms": statistics.median(hover),
        "hover_ms_max": max(hover),
        "lasso_ms": statistics.median(lasso),
        "lasso_share": inside,
        "points": args.points,
    }


def measure_open(args: argparse.Namespace) -> dict[str, float]:
    """Return the time and memory of opening the atlas to a usable window."""
    application, window = _window()
    begun = time.perf_counter()
    window.open_atlas(args.atlas)
    _until(application, lambda: _usable(window))
    application.processEvents()
    usable = time.perf_counter() - begun
    found = {"open_s": usable, "open_rss_mb": _peak_mb()}
    _until(application, lambda: not window.busy)
    found["open_settled_s"] = time.perf_counter() - begun
    found["open_settled_rss_mb"] = _peak_mb()
    _end(application, window)
    return found


def measure_pages(args: argparse.Namespace) -> dict[str, float]:
    """Return the time of the next feature page, warm and cold."""
    import numpy as np

    application, window = _opened(args)
    rng = np.random.default_rng(0)
    alive = np.flatnonzero(window.summary.table.scores["n_languages"] > 0)
    features = rng.choice(alive, 250, replace=len(alive) < 250).tolist()
    found: dict[str, list[float]] = {"warm": [], "cold": []}
    for number, feature in enumerate(features):
        cold = number >= 200
        if cold:
            forget(args.atlas)
        begun = time.perf_counter()
        window.open_feature(feature)
        _until(application, lambda own=feature: _page_shown(window) == own and not window.busy)
        application.processEvents()
        found["cold" if cold else "warm"].append((time.perf_counter() - begun) * 1000)
    _end(application, window)
    return {
        "page_ms_median": statistics.median(found["warm"]),
        "page_ms_p99": _p99(found["warm"]),
        "page_cold_ms_median": statistics.median(found["cold"]),
        "page_cold_ms_p99": _p99(found["cold"]),
    }


def measure_filters(args: argparse.Namespace) -> dict[str, float]:
    """Return the time of a filter of three columns, one a text."""
    from dataclasses import replace

    from mmfeat_gui.state.query import Limit

    application, window = _opened(args)
    store, table = window.context.store, window.summary.table
    found, kept = [], []
    for text in ("cat", "kat", "ca", "red", "고", "ball", "an", "flag", "s", "el"):
        store.change("undo.filter", query=store.state.query.cleared())
        _process(application, 0.2)
        query = replace(store.state.query, text=text)
        query = query.limited(Limit("energy_image", 1e-6, 100)).limited(Limit("n_languages", 3))
        begun = time.perf_counter()
        store.change("undo.filter", query=query)
        application.processEvents()
        found.append((time.perf_counter() - begun) * 1000)
        _process(application, 0.5)
        kept.append(len(table.rows))
    _end(application, window)
    return {
        "filter_ms": statistics.median(found),
        "filter_ms_max": max(found),
        "filter_kept_min": min(kept),
        "filter_kept_max": max(kept),
    }


def measure_blocks(args: argparse.Namespace) -> dict[str, Any]:
    """Return how late a timer comes while a tour is made, and what made it late."""
    from viewer_tour import tour

    return tour(args.atlas, args.seconds)


def forget(path: Path) -> None:
    """Put a file out of memory."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _window() -> tuple[Any, Any]:
    from mmfeat_gui.state.settings import Settings
    from mmfeat_gui.views.application import make_application
    from mmfeat_gui.views.main_window import MainWindow

    application = make_application()
    window = MainWindow(Settings())
    window.show()
    _process(application, 0.5)
    return application, window


def _opened(args: argparse.Namespace) -> tuple[Any, Any]:
    """Return a window with the atlas, once nothing more is to come."""
    application, window = _window()
    window.open_atlas(args.atlas)
    _until(application, lambda: _usable(window) and not window.busy)
    _process(application, 0.5)
    return application, window


def _end(application: Any, window: Any) -> None:
    window.close()
    application.processEvents()


def _process(application: Any, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        application.processEvents()
        time.sleep(0.002)


def _until(application: Any, reached: Callable[[], bool], limit: float = 300) -> None:
    end = time.perf_counter() + limit
    while not reached():
        application.processEvents()
        time.sleep(0.0005)
        if time.perf_counter() > end:
            raise TimeoutError(f"what was waited for did not come in {limit:g} s")


def _page_shown(window: Any) -> int:
    """Return the feature whose page is drawn with its pictures, -1 for none."""
    loaded = window.bench.panel("page").feature_page.loaded
    return -1 if loaded is None else int(loaded.page.feature)


def _usable(window: Any) -> bool:
    """Return whether page, table and map of the atlas are there."""
    summary = window.summary
    if summary is None:
        return False
    place = window.context.store.state.place
    return bool(
        place is not None
        and _page_shown(window) == place.index
        and len(summary.table.rows) > 0
        and window.bench.panel("map").canvas.position_of(place.index) is not None
    )


def _peak_mb() -> float:
    """Return the most memory that this process ever had."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _p99(values: list[float]) -> float:
    import numpy as np

    return float(np.percentile(values, 99))


MEASURES: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "start": measure_start,
    "map": measure_map,
    "open": measure_open,
    "page": measure_pages,
    "filter": measure_filters,
    "block": measure_blocks,
}
_ATLAS = ("open", "page", "filter", "block")
_AGAIN = ("open",)  # measured several times, each in a new process


def measure(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run one measurement in a process of its own, or several times, and return the medians."""
    command = [sys.executable, str(Path(__file__).resolve()), "--child", name]
    command += ["--points", str(args.points), "--seconds", str(args.seconds)]
    if args.atlas is not None:
        command += ["--atlas", str(args.atlas)]
    runs = []
    with tempfile.TemporaryDirectory() as home:
        for number in range(_REPEATS + 1 if name in _AGAIN else 1):
            done = subprocess.run(
                command, env=environment(home), stdout=subprocess.PIPE, text=True, check=False
            )
            if done.returncode:
                sys.exit(f"viewer.py: measuring {name} failed; its message stands above.")
            if number or name not in _AGAIN:
                runs.append(json.loads(done.stdout.splitlines()[-1]))
    if len(runs) == 1:
        return dict(runs[0])
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--atlas", type=Path, help="the atlas, such as big_atlas.py writes")
    parser.add_argument("--points", type=int, default=1_000_000, help="of the map [1000000]")
    parser.add_argument("--seconds", type=float, default=120, help="of the tour [120]")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", choices=MEASURES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(MEASURES[args.child](args)))
        return
    if args.atlas is None and set(args.only) & set(_ATLAS):
        parser.error("--atlas is needed for " + ", ".join(_ATLAS))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    found: dict[str, Any] = {}
    for name in args.only:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        found |= MEASURES[name](args) if name == "start" else measure(name, args)
    machine = {"platform": "offscreen", "cores": CORES, "machine": platform.machine()}
    if args.atlas is not None:
        machine["atlas_gb"] = round(args.atlas.stat().st_size / 1e9, 2)
    ratio = {key: found[key] / bar for key, bar in BARS.items() if key in found}
    if args.json:
        bars = {key: BARS[key] for key in ratio}
        print(json.dumps({**found, "bar": bars, "ratio": ratio, **machine}, ensure_ascii=False))
        return
    print("  ".join(f"{key}: {value}" for key, value in machine.items()))
    for key, value in found.items():
        shown = f"{value:10.4g}" if isinstance(value, float | int) else f"  {value}"
        bar = f"  bar {BARS[key]:g}  ratio {ratio[key]:.2f}" if key in BARS else ""
        print(f"{key:<22}{shown}{bar}")


if __name__ == "__main__":
    main()
