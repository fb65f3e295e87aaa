"""Shuffled batches of true pairs from a file on the disk, against a plain read of it.

Patches and tokens in the real layout. The file is put out of memory before each measurement; a
pool of items (batch.pool) is read in runs while batches are drawn from the one before.

    python scripts/bench/reading.py --out FOLDER
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

from disk import D_IN, write

STREAMS = ("image.patch", "text.token")


def forget(path: Path) -> None:
    """Put a file out of memory."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def plain(path: Path) -> float:
    """Return bytes a second of reading the file from its beginning to its end."""
    forget(path)
    buffer, done = bytearray(8 << 20), 0
    started = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            done += count
    return done / (time.perf_counter() - started)


def batches(path: Path, size: int, pool: int) -> dict[str, float]:
    """Return bytes a second of one pass over the train half in batches.

    `read` is what the pools bring in; `drawn` the rows that batches hold, standardised and in
    float32, in bytes of the file.
    """
    from mmfeat.sae.memory import keep_freed_memory
    from mmfeat.sae.settings import load_settings
    from mmfeat.store.activations import open_activations
    from mmfeat.training import Prepared

    settings = load_settings(
        None, {"streams": list(STREAMS), "batch.size": size, "batch.pool": pool}
    )
    keep_freed_memory()  # as a training does
    with open_activations(path) as acts:
        pairs = Prepared(acts, settings).pairs
        held = pairs.pool
        steps = held.passes * held.steps
        forget(path)
        started = time.perf_counter()
        for step in range(steps):
            pairs(step)
        seconds = time.perf_counter() - started
        rows = sum(stream.n for stream in pairs.streams)
    return {
        "read": rows * D_IN * 2 / seconds,
        "drawn": steps * size * len(STREAMS) * D_IN * 2 / seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the file")
    parser.add_argument("--gib", type=float, default=4, help="size of the file")
    parser.add_argument("--batch-size", type=int, default=4096)
    parser.add_argument("--pool", type=int, default=1024, help="items held at a time")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "pairs.h5"
    if not path.exists():
        print(f"writing {path}", file=sys.stderr)
        write(path, args.gib, STREAMS)
    found: dict[str, list[float]] = {"plain": [], "read": [], "drawn": []}
    for _ in range(args.repeats):
        found["plain"].append(plain(path))
        for name, value in batches(path, args.batch_size, args.pool).items():
            found[name].append(value)
    speed = {name: statistics.median(values) for name, values in found.items()}
    result = {
        "file_gib": path.stat().st_size / 2**30,
        **{f"{name}_mb_per_s": value / 1e6 for name, value in speed.items()},
        "ratio": speed["drawn"] / speed["plain"],
    }
    print(
        json.dumps(result) if args.json else "\n".join(f"{k}: {v:.4g}" for k, v in result.items())
    )


if __name__ == "__main__":
    main()
