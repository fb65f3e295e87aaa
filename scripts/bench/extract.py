#!/usr/bin/env python3
"""Time extraction against the bare forward pass, and measure its memory.

    python scripts/bench/extract.py --json
    python scripts/bench/extract.py --model openmoji-clip --items 0

One process does both sides of a ratio in turn, several times; each side's time is the median.
Models are the bundled backbone and a ViT-B/32 of open_clip with random weights. All streams of
the joint space are read, in float16, on the CPU.

image_ratio, text_ratio
    From preprocessed tensors to the finished file (forward pass, rows, parts, assembling), against
    `encode_image` and `encode_text` on the same inputs: the speed that is left. At least 0.90.
    An extraction runs the pictures of a batch in smaller ones on a CPU, which is faster;
    image_ratio_small is its speed against `encode_image` on batches of that size. No bar.
end_to_end
    From JPEG files of 640 x 480 pixels to the finished file, against decoding, preprocessing and
    `encode_image` one after another: how many times as fast. At least 1.0.
rss_growth
    Peak memory (Linux) of a process that extracts `--items` items under a tiny model, a picture
    and two captions each, over that for 1,000 items, less one. At most 0.05.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from mmfeat.backbones.base import JOINT, STREAMS, Backbone, Inputs
from mmfeat.backbones.registry import BUNDLED, load_backbone
from mmfeat.corpus.file import Corpus, open_corpus, write_corpus
from mmfeat.corpus.model import ItemRow
from mmfeat.corpus.openmoji import load_emoji
from mmfeat.extraction import ExtractSettings, extract
from mmfeat.forward import Batch, Block, Items, Ready, Request, blocks, wanted
from mmfeat.progress import SILENT
from mmfeat.store.writer import Layout, Parts, Tables, assemble

RANDOM = "ViT-B-32"
# Inputs of an item: a picture, and a caption in each of 14 languages; 256 items are committed
# together.
EACH = {"image": 1, "text": 14}
ITEMS = 256


class Sizes(NamedTuple):
    """How much a model is given."""

    pictures: int
    times: int  # that the tensors of each picture are run
    texts: int
    batch: int


# The bundled corpus has some 3,900 pictures and 54,000 different captions.
MODELS = {BUNDLED: Sizes(1_024, 4, 32_768, 128), RANDOM: Sizes(128, 1, 256, 32)}
FEW = 1_000
BARS = {"image_ratio": 0.9, "text_ratio": 0.9, "end_to_end": 1.0, "rss_growth": 0.05}
TINY = {
    "embed_dim": 16,
    "vision_cfg": {
        "image_size": 16,
        "patch_size": 8,
        "width": 16,
        "layers": 1,
        "head_width": 8,
    },
    "text_cfg": {
        "context_length": 12,
        "vocab_size": 49408,
        "width": 16,
        "heads": 2,
        "layers": 1,
    },
}

Part = tuple[dict[str, np.ndarray], list[str]]


def save_model(folder: Path, config: dict[str, object]) -> str:
    """Write a model with random weights and return its SPEC."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    folder.mkdir()
    description = {"model_cfg": config, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(description))
    weights = open_clip.CLIP(**config).state_dict()
    weights = {name: value.contiguous() for name, value in weights.items()}
    save_file(weights, folder / "open_clip_model.safetensors")
    return f"open_clip:local-dir:{folder}"


def photograph(rng: np.random.Generator) -> bytes:
    """Return a JPEG of 640 x 480 pixels about as hard to decode as a photograph."""
    coarse = Image.fromarray(rng.integers(0, 255, (60, 80, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    coarse.resize((640, 480), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def photographs(folder: Path, count: int) -> Path:
    """Write pictures and the corpus of them."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        (folder / f"{number}.jpg").write_bytes(photograph(rng))
    return corpus_of(folder, (ItemRow(f"{i}", f"{i}.jpg") for i in range(count)))


def corpus_of(folder: Path, rows: Iterable[ItemRow]) -> Path:
    path = folder / "corpus.h5"
    write_corpus(path, rows, name="bench", attribution="", image_root=folder, provenance="{}")
    return path


def to_file(
    out: Path, parts_of: Iterable[Part], request: Request, backbone: Backbone, items: int
) -> None:
    """Write an activations file as an extraction does: one part while the next is computed."""
    widths = {
        (hook, stream): backbone.point(hook).d
        for hook, own in wanted(backbone, request).items()
        for stream in own
    }
    names = [f"{number}" for number in range(items)]
    none = np.zeros(0, np.int32)
    tables = Tables(names, names, ["train"] * items, names, none, none, ["en"], "")
    layout = Layout(widths, request.dtype, tables.is_train, 1)
    parts = Parts(out, "{}")
    written = []
    with ThreadPoolExecutor(1) as writer:
        commit = None
        for number, (arrays, skipped) in enumerate(parts_of):
            written.append(f"{number:09d}")
            if commit is not None:
                commit.result()
            commit = writer.submit(parts.commit, written[-1], arrays, skipped, layout)
        if commit is not None:
            commit.result()
    assemble(out, tables, layout, parts, written, attributes={}, provenance="{}", progress=SILENT)
    parts.remove_all()


def request_of(streams: Sequence[str], batch_size: int) -> Request:
    return Request((JOINT,), tuple(streams), "float16", batch_size, None, 0)


def run_prepared(
    backbone: Backbone, request: Request, batches: Sequence[Inputs], each: int
) -> Iterator[Part]:
    """Run tensors as the extraction of blocks does; an item has so many inputs."""
    from mmfeat.backbones.runner import Runner

    ends = np.cumsum([inputs.count for inputs in batches])
    ready = [
        Batch(np.arange(end - inputs.count, end), inputs)
        for end, inputs in zip(ends, batches, strict=True)
    ]
    count = int(ends[-1])
    of = np.arange(count) // each, np.zeros(count, np.int64)  # item and language of captions
    items = Items((0, count), [], [], None, 0, *of, [])
    with Runner(backbone) as runner:
        for _, own in groupby(ready, key=lambda batch: batch.ids[0] // (ITEMS * each)):
            block = Block(runner, request)
            block.add(Ready(list(own)))
            yield block.arrays(items), block.skipped


def bare(backbone: Backbone, batches: Sequence[Inputs]) -> None:
    """Run the model's own forward pass and nothing else."""
    import torch

    with torch.inference_mode():
        for inputs in batches:
            backbone._call(inputs)


def in_series(backbone: Backbone, corpus: Corpus, batch_size: int) -> None:
    """Decode, preprocess and run, one after another."""
    for first in range(0, len(corpus), batch_size):
        own = range(first, min(first + batch_size, len(corpus)))
        pictures = [corpus.image(item, backbone.image_size) for item in own]
        bare(backbone, [backbone.prepare_images(pictures)])


def medians(calls: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the seconds that each takes, in turn with the others."""
    took: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            begin = time.perf_counter()
            call()
            if turn:  # the first warms up
                took[name].append(time.perf_counter() - begin)
    return {name: statistics.median(times) for name, times in took.items()}


def speeds(spec: str, sizes: Sizes, folder: Path, repeats: int) -> dict[str, object]:
    """Return the ratios of a model."""
    from mmfeat.backbones.device import pictures_at_once

    backbone, size = load_backbone(spec, "cpu"), sizes.batch
    out = folder / "acts.h5"
    names = sorted({name for emoji in load_emoji() for name in emoji.names.values()})
    chosen = sorted(names[:: len(names) // sizes.texts][: sizes.texts], key=len, reverse=True)
    texts = [backbone.prepare_texts(chosen[i : i + size]) for i in range(0, len(chosen), size)]
    found: dict[str, object] = {}
    with open_corpus(photographs(folder / "pictures", sizes.pictures)) as corpus:
        small = pictures_at_once(backbone.device, size)
        pictures = {
            each: sizes.times
            * [
                backbone.prepare_images([corpus.image(item) for item in range(i, min(i + each, n))])
                for n in [len(corpus)]
                for i in range(0, n, each)
            ]
            for each in {size, small}
        }
        for kind, streams, given, own in (
            ("image", STREAMS[:2], {"bare": pictures[size], "small": pictures[small]}, small),
            ("text", STREAMS[2:], {"bare": texts}, size),
        ):
            request, batches = request_of(streams, own), list(given.values())[-1]
            count = sum(inputs.count for inputs in batches)

            def prepared(
                request: Request = request,
                batches: Sequence[Inputs] = batches,
                each: int = EACH[kind],
                count: int = count,
            ) -> None:
                parts = run_prepared(backbone, request, batches, each)
                to_file(out, parts, request, backbone, -(-count // each))

            references = {name: partial(bare, backbone, own) for name, own in given.items()}
            times = medians({"ours": prepared, **references}, repeats)
            found |= {f"{kind}_ratio": times["bare"] / times["ours"], f"{kind}_seconds": times}
            if "small" in times:
                found[f"{kind}_ratio_small"] = times["small"] / times["ours"]

        def whole() -> None:
            count = len(corpus)
            spans = [(i, min(i + ITEMS, count)) for i in range(0, count, ITEMS)]
            request = request_of(STREAMS[:2], size)
            parts = ((own, left) for _, own, left in blocks(corpus, backbone, request, spans))
            to_file(out, parts, request, backbone, count)

        series = partial(in_series, backbone, corpus, size)
        times = medians({"ours": whole, "bare": series}, repeats)
    return found | {"end_to_end": times["bare"] / times["ours"], "end_to_end_seconds": times}


def peak_of(corpus: Path, spec: str) -> int:
    """Return the peak memory of a process that extracts, in bytes."""
    command = [sys.executable, __file__, "--extract", str(corpus), spec]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def extract_here(corpus: str, spec: str) -> int:
    extract(corpus, Path(corpus).with_name("acts.h5"), ExtractSettings(backbone=spec, device="cpu"))
    # Not getrusage's, which a process inherits from the one that starts it.
    status = Path("/proc/self/status").read_text("ascii").split()
    return 1024 * int(status[status.index("VmHWM:") + 1])


def memory(folder: Path, many: int) -> dict[str, object]:
    """Return how much more memory many items take than few."""
    spec = save_model(folder / "tiny", TINY)
    peaks = {}
    for count in (FEW, many):
        own = folder / f"{count} items"
        own.mkdir()
        Image.new("RGB", (16, 16), "red").save(own / "a.png")
        rows = (
            ItemRow(f"{i:09d}", "a.png", (("en", f"number {i}"), ("de", f"die Nummer {i}")))
            for i in range(count)
        )
        peaks[count] = peak_of(corpus_of(own, rows), spec)
    return {"rss_growth": peaks[many] / peaks[FEW] - 1, "peak_bytes": peaks}


def table(results: dict[str, dict[str, object]]) -> None:
    for model, result in results.items():
        print(model)
        for key, bar in BARS.items():
            if key in result:
                most = key == "rss_growth"
                met = result[key] <= bar if most else result[key] >= bar
                sign = "<=" if most else ">="
                print(f"  {key:<14}{result[key]:>8.3f}  {sign} {bar}{'' if met else '  MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=MODELS, action="append", help="repeatable; both")
    parser.add_argument("--items", type=int, default=100_000, help="0 measures no memory")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--extract", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()

    import open_clip  # not before: --help needs neither
    import torch

    torch.set_num_threads(args.threads)
    if args.extract:
        print(extract_here(*args.extract))
        return
    results = {}
    for model in args.model or MODELS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            spec = model
            if model == RANDOM:
                spec = save_model(folder / "model", open_clip.get_model_config(RANDOM))
            results[model] = speeds(spec, MODELS[model], folder, args.repeats)
    if args.items:
        with tempfile.TemporaryDirectory() as name:
            results["tiny"] = memory(Path(name), args.items)
    if args.json:
        how = {"threads": args.threads, "repeats": args.repeats, "items": args.items}
        print(json.dumps({**how, "torch": torch.__version__, **results}))
        return
    table(results)


if __name__ == "__main__":
    main()
