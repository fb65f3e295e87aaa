#!/usr/bin/env python3
"""Time the building of an atlas and the memory it takes, on files of any size.

    python scripts/bench/atlas.py --folder FOLDER --json

Writes a corpus, activations and a TopK SAE in the real formats (kept in FOLDER for the next run),
builds the atlas in a process of its own, and prints

encode_s
    seconds of encoding the rows, which any use of an SAE costs;
score_s
    of all else, the scoring: the bar is 15 minutes at the default sizes on two cores;
score_cpu_s
    the same of the processor, of all threads together: the measure on a machine that has other
    work;
parts
    both by what the building calls, with the largest memory meanwhile;
peak_mb
    largest memory of the process: the bar is 6 GiB.

An item is a few decoder rows, seldom or often drawn as words are; its picture and its captions
are noisy sums of them, so that the SAE finds many again and some features fire for an item in
every language. No item has a picture in a file, so the atlas has no thumbnails.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmfeat import hdf5, provenance
from mmfeat.corpus.file import open_corpus, write_corpus
from mmfeat.corpus.model import ItemRow
from mmfeat.files import exclusive
from mmfeat.progress import SILENT
from mmfeat.sae.standardisation import Standardisation
from mmfeat.store import writer
from mmfeat.store.activations import open_activations

if TYPE_CHECKING:
    from torch import Tensor

TAGS = ("en", "de", "fr", "es", "it", "pt", "ru", "tr", "ar", "fa", "ja", "ko", "zh", "id")
TEST_ITEMS = 14_000
GROUPS = 8
ITEMS = 1024  # made at a time
KEPT, NOISE = 0.8, 0.1  # share of an item's atoms in a row of it; norm of what is in no atom
HOOK, IMAGE, TEXT = "joint", "image.pooled", "text.pooled"
SCORING_S, PEAK_MB = 15 * 60, 6 * 1024
SIZES = ("features", "rows", "languages", "active", "d_in")


def decoder(args: argparse.Namespace) -> Tensor:
    import torch
    from torch.nn import functional as F

    generator = torch.Generator().manual_seed(0)
    return F.normalize(torch.randn(args.features, args.d_in, generator=generator), dim=1)


def draw(items: int, args: argparse.Namespace, rng: np.random.Generator) -> np.ndarray:
    """Draw the atoms of items [items, active]; the n-th is drawn about 1 / sqrt(n) as often."""
    return (args.features * rng.random((items, args.active)) ** 2).astype(np.int64)


def spans(items: int) -> Iterator[tuple[int, int]]:
    for start in range(0, items, ITEMS):
        yield start, min(start + ITEMS, items)


def make_corpus(path: Path, items: int, args: argparse.Namespace) -> None:
    test = max(1, items // min(items, max(2, items // TEST_ITEMS)))

    def rows() -> Iterator[ItemRow]:
        for start, stop in spans(items):
            atoms = draw(stop - start, args, np.random.default_rng(start))
            for item, own in enumerate(atoms, start):
                words = " ".join(f"w{atom}" for atom in own[:3])
                captions = tuple((tag, f"{tag} {words}") for tag in TAGS[: args.languages])
                yield ItemRow(
                    f"item {item}",
                    captions=captions,
                    split="test" if item * test // items != (item + 1) * test // items else "train",
                    attributes={"group": f"group {own[0] % GROUPS}"},
                )

    write_corpus(
        path, rows(), name="made", attribution="", image_root=None,
        provenance=provenance.record("bench", sizes(args)),
    )  # fmt: skip


def sizes(args: argparse.Namespace) -> dict[str, int]:
    return {name: getattr(args, name) for name in SIZES}


def made(atoms: np.ndarray, views: int, table: Tensor, rng: np.random.Generator) -> np.ndarray:
    """Return `views` rows of each item, float16 [items * views, d_in]."""
    import torch
    from torch.nn import functional as F

    chosen = torch.from_numpy(np.repeat(atoms, views, 0))
    weight = 1 + rng.exponential(1.0, chosen.shape)
    weight *= rng.random(chosen.shape) < KEPT
    x = F.embedding_bag(chosen, table, mode="sum",
                        per_sample_weights=torch.from_numpy(weight).float()).numpy()  # fmt: skip
    x += NOISE / np.sqrt(x.shape[1]) * rng.standard_normal(x.shape, np.float32)
    return x.astype(np.float16)


def make_activations(path: Path, corpus: Path, args: argparse.Namespace) -> None:
    table, languages = decoder(args), args.languages
    with open_corpus(corpus) as source, exclusive(path):
        items = len(source)
        tables = writer.Tables(
            source.item_id, source.concept, source.split, source.picture, source.captions.item,
            source.captions.language, source.languages, source.digest,
        )  # fmt: skip
        layout = writer.Layout(
            {(HOOK, IMAGE): args.d_in, (HOOK, TEXT): args.d_in}, "float16", tables.is_train,
            languages,
        )  # fmt: skip
        record = provenance.record("bench", sizes(args), {"corpus": corpus})
        parts, names = writer.Parts(path, record), []
        for start, stop in spans(items):
            n, m, names = stop - start, (stop - start) * languages, [*names, f"{start:09d}"]
            atoms = draw(n, args, np.random.default_rng(start))
            rng = np.random.default_rng([start, 1])
            item = np.arange(start, stop)
            arrays: dict[str, np.ndarray] = {}
            for stream, views in ((IMAGE, 1), (TEXT, languages)):
                caption = np.arange(start * languages, stop * languages)
                is_text = stream == TEXT
                arrays |= {
                    f"{HOOK}/{stream}/x": made(atoms, views, table, rng),
                    f"{HOOK}/{stream}/item": np.repeat(item, views),
                    f"{HOOK}/{stream}/caption": caption if is_text else np.full(n, -1),
                    f"{HOOK}/{stream}/language": source.captions.language[caption]
                    if is_text
                    else np.full(n, -1),
                    f"{HOOK}/{stream}/position": np.full(m if is_text else n, -1),
                }
            parts.commit(names[-1], arrays, [], layout)
        attributes = {"backbone": "made", "corpus_path": corpus.name}
        writer.assemble(
            path, tables, layout, parts, names,
            attributes=attributes, provenance=record, progress=SILENT,
        )  # fmt: skip
        parts.remove_all()


def make_sae(folder: Path, activations: Path, args: argparse.Namespace) -> None:
    import torch

    from mmfeat.sae.architectures.topk import TopKSAE
    from mmfeat.sae.interop import save_sae

    table = decoder(args)
    sae = TopKSAE(args.d_in, args.features, args.active)
    sae.restore(
        {"W_enc": table.T, "b_enc": torch.zeros(args.features), "W_dec": table,
         "b_dec": torch.zeros(args.d_in)}
    )  # fmt: skip
    with open_activations(activations) as acts:
        stats = {}
        for name in (IMAGE, TEXT):
            stream = acts.stream(HOOK, name)
            stats[name] = Standardisation(stream.mean, stream.scale)
        metadata = {
            "model_name": acts.backbone,
            "hook_name": HOOK,
            "streams": [IMAGE, TEXT],
            "languages": list(acts.languages),
            "provenance": json.loads(provenance.record("bench", sizes(args))),
        }
    save_sae(folder, {"image": sae, "text": sae}, stats, metadata)


def make(folder: Path, args: argparse.Namespace) -> None:
    """Write the inputs, unless they are there in the sizes asked for."""
    marker = folder / "sizes.json"
    if marker.exists() and json.loads(marker.read_text()) == sizes(args):
        return
    folder.mkdir(parents=True, exist_ok=True)
    marker.unlink(missing_ok=True)
    items = max(2, args.rows // (1 + args.languages))
    for what, path in (("corpus", folder / "corpus.h5"), ("activations", folder / "acts.h5")):
        begin = time.perf_counter()
        if what == "corpus":
            make_corpus(path, items, args)
        else:
            make_activations(path, folder / "corpus.h5", args)
        print(f"made {what} in {time.perf_counter() - begin:.0f} s", file=sys.stderr)
    make_sae(folder / "sae", folder / "acts.h5", args)
    marker.write_text(json.dumps(sizes(args)))


class Stopwatch:
    """Adds up the seconds, and those of the processor, that calls take, and their peak memory."""

    def __init__(self) -> None:
        self.took: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(2))
        self.peak: dict[str, float] = defaultdict(float)

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return the same call, which adds what it takes under a name."""

        def measured(*args: Any, **options: Any) -> Any:
            self.see("rest")
            begin = now()
            try:
                return call(*args, **options)
            finally:
                self.took[name] += now() - begin
                self.see(name)

        return measured

    def see(self, name: str) -> None:
        """Put down the peak since the last look under a name, and begin a new one."""
        status = Path("/proc/self/status").read_text("ascii").split()
        peak = int(status[status.index("VmHWM:") + 1]) / 2**10
        self.peak[name] = max(self.peak[name], peak)
        Path("/proc/self/clear_refs").write_text("5")


def now() -> np.ndarray:
    return np.array([time.perf_counter(), time.process_time()])


def build(folder: Path, threads: int) -> dict[str, object]:
    """Build the atlas in this process, and say what it took."""
    import torch

    from mmfeat import build_atlas
    from mmfeat.atlas import build as module

    torch.set_num_threads(threads)
    watch = Stopwatch()
    for place, names in (
        (module, ("encode_stream", "write_codes", "pooled_firing", "held_out")),
        (hdf5, ("content_digest",)),
    ):
        for name in names:
            setattr(place, name, watch.timed(name, getattr(place, name)))
    writer_of = module.writer
    module.writer = lambda part: watch.timed(part, writer_of(part))
    begin = now()
    result = build_atlas(folder / "acts.h5", folder / "sae", folder / "atlas.h5", thumbnails=False)
    total = now() - begin
    encode = watch.took.pop("encode_stream")
    scoring = total - encode
    watch.took["rest"] = scoring - sum(watch.took.values())
    order = sorted(watch.took.items(), key=lambda part: -part[1][0])
    watch.see("rest")
    return {
        "alive": result["alive"],
        "shared": result["shared"],
        "encode_s": encode[0],
        "encode_cpu_s": encode[1],
        "score_s": scoring[0],
        "score_cpu_s": scoring[1],
        "parts": {
            name: {"s": wall, "cpu_s": cpu, "peak_mb": watch.peak[name]}
            for name, (wall, cpu) in order
        },
        "peak_mb": max(watch.peak.values()),
        "atlas_mb": (folder / "atlas.h5").stat().st_size / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True, help="where the files go")
    parser.add_argument("--features", type=int, default=65_536)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--languages", type=int, default=14, choices=range(1, len(TAGS) + 1))
    parser.add_argument("--active", type=int, default=32)
    parser.add_argument("--d-in", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--build", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.build:
        print(json.dumps(build(args.folder, args.threads)))
        return
    make(args.folder, args)
    command = [sys.executable, __file__, "--build", "--folder", str(args.folder)]
    command += ["--threads", str(args.threads)]
    threads = {name: str(args.threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **threads}
    )
    result = {**sizes(args), **json.loads(done.stdout)}
    result["within_bars"] = result["score_s"] <= SCORING_S and result["peak_mb"] <= PEAK_MB
    if args.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        if name == "parts":
            for part, took in value.items():
                print(f"  {part:<22}{took['s']:>10.1f} s{took['cpu_s']:>10.1f} s of the processor")
        else:
            print(f"{name:<14}{value:,.2f}" if isinstance(value, float) else f"{name:<14}{value}")


if __name__ == "__main__":
    main()
