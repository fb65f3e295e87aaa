"""Train from a file larger than memory, and from one that memory holds: speed and memory.

Both files have rows of patches in the real layout; the large one is read from the disk while it
is trained on. Prints the ratio of the speeds.

    python scripts/bench/disk.py --out FOLDER --gib 30
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import psutil

D_IN, PATCHES = 512, 196
SETTINGS = {
    "streams": ["image.patch"],
    "sae.d_sae": 16_384,
    "sae.k": 32,
    "batch.size": 2048,
    "optimiser.aux_k": 0,
}
WARM_UP = 5


def write(path: Path, gib: float, streams: tuple[str, ...] = ("image.patch",)) -> None:
    """Write activations of patches (and of as many tokens), so many GiB of them."""
    items = max(4, int(gib * 2**30 / (PATCHES * D_IN * 2 * len(streams))))
    rows = items * PATCHES
    rng = np.random.default_rng(0)
    text = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        file.attrs.update(
            {
                "encoding-type": "mmfeat-activations",
                "encoding-version": "1",
                "backbone": "random",
                "corpus_path": "corpus.h5",
                "corpus_digest": "",
                "provenance": "{}",
            }
        )
        names = np.array([str(i) for i in range(items)], object)
        for name in ("item_id", "concept", "picture"):
            file.create_dataset(f"items/{name}", data=names, dtype=text)
        split = np.array(["train"] * (items - 1) + ["test"], object)
        file.create_dataset("items/split", data=split, dtype=text)
        file.create_dataset("captions/item", data=np.arange(items, dtype=np.int32))
        file.create_dataset("captions/language", data=np.zeros(items, np.int16))
        file.create_dataset("languages", data=np.array(["en"], object), dtype=text)
        block = rng.standard_normal((1 << 16, D_IN)).astype(np.float16)
        of_item = np.repeat(np.arange(items, dtype=np.int32), PATCHES)
        for name in streams:
            words = name.startswith("text")
            group = file.create_group(f"hooks/joint/{name}")
            group["item"] = of_item
            group["caption"] = of_item if words else np.full(rows, -1, np.int32)
            group["language"] = np.full(rows, 0 if words else -1, np.int16)
            group["position"] = np.tile(np.arange(PATCHES, dtype=np.int16), items)
            group["mean"], group["scale"] = np.zeros((1, D_IN), np.float32), np.ones(1, np.float32)
            group["count"] = np.array([rows])
            x = group.create_dataset("x", (rows, D_IN), np.float16)
            for first in range(0, rows, len(block)):
                part = block[: min(len(block), rows - first)]
                x[first : first + len(part)] = part


def speed(path: Path, steps: int) -> dict[str, float]:
    """Return vectors a second and the growth of memory after the first steps."""
    from mmfeat.sae.settings import load_settings
    from mmfeat.sae.trainer import Plan, train_saes
    from mmfeat.store.activations import open_activations
    from mmfeat.training import Prepared

    settings = load_settings(None, {**SETTINGS, "optimiser.steps": steps})
    process, marks = psutil.Process(), []

    with open_activations(path) as acts:
        pairs = Prepared(acts, settings).pairs

        def noted(step: int):
            # What a file mapped into memory occupies may be taken back at any time.
            memory = process.memory_info()
            marks.append((time.perf_counter(), memory.rss - memory.shared))
            return pairs(step)

        train_saes([Plan(settings, noted, D_IN, path.with_suffix(".sae"))])
    (start, before), (end, after) = marks[WARM_UP], marks[-1]
    taken = (len(marks) - 1 - WARM_UP) * settings.batch.size
    return {
        "vectors_per_s": taken / (end - start),
        "grown_mib": (after - before) / 2**20,
        "mib": after / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the files")
    parser.add_argument("--gib", type=float, default=30, help="size of the large file")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    large, small = args.out / "large.h5", args.out / "small.h5"
    for path, gib in ((large, args.gib), (small, 0.25)):
        if not path.exists():
            print(f"writing {path}", file=sys.stderr)
            write(path, gib)
    with large.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    small.read_bytes()
    # Memory first, disk, and again, so that neither has the quieter machine.
    order = [("memory", small), ("disk", large), ("memory", small), ("disk", large)]
    found: dict[str, list[dict[str, float]]] = {"memory": [], "disk": []}
    for name, path in order:
        found[name].append(speed(path, args.steps))
    best = {name: max(r["vectors_per_s"] for r in runs) for name, runs in found.items()}
    result = {
        "file_gib": large.stat().st_size / 2**30,
        "memory_gib": psutil.virtual_memory().total / 2**30,
        "disk_vs_memory": best["disk"] / best["memory"],
        **found,
    }
    print(json.dumps(result) if args.json else "\n".join(f"{k}: {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
