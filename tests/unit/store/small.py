"""A tiny corpus and model, and extractions of them in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ITEMS = 60
LANGUAGES = ("en", "ko", "zh")
WORDS = ("red", "a heart", "two white dogs", "the old man and the sea", "하늘", "红心")


def save_model(folder: Path, seed: int = 0) -> str:
    """A model of open_clip's own classes with 4 x 4 patches; return its SPEC."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    config = {
        "embed_dim": 24,
        "vision_cfg": {
            "image_size": 32, "patch_size": 8, "width": 32, "layers": 2, "head_width": 16,
        },
        "text_cfg": {
            "context_length": 20, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2,
        },
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": config, "preprocess_cfg": {}})
    )
    save_file(
        {name: value.contiguous() for name, value in open_clip.CLIP(**config).state_dict().items()},
        folder / "open_clip_model.safetensors",
    )
    return f"open_clip:local-dir:{folder}"


def save_corpus(folder: Path, items: int = ITEMS, shift: int = 0) -> Path:
    """Items with a picture (but every seventh) and up to three captions, which differ in length."""
    from mmfeat.corpus.file import write_corpus
    from mmfeat.corpus.model import ItemRow

    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    rows = []
    for number in range(items):
        pixels = rng.integers(0, 255, (24 + number % 5, 30, 3), dtype=np.uint8)
        name = f"{number}.png" if number % 7 else ""
        if name:
            Image.fromarray(pixels).save(folder / name)
        captions = [
            (language, f"{WORDS[(number + 2 * i + shift) % len(WORDS)]} {number}")
            for i, language in enumerate(LANGUAGES[: 1 + number % 3])
        ]
        # No caption in zh is of a train concept.
        split = "test" if number % 3 == 2 or number % 5 == 0 else "train"
        rows.append(ItemRow(f"item {number}", name, tuple(captions), split=split))
    path = folder / "corpus.h5"
    write_corpus(path, rows, name="small", attribution="", image_root=folder, provenance="{}")
    return path


# Loads all that is heavy once; then each line of JSON on stdin is one extraction, by as many
# processes as it says, which are forked. {"kill_after": s} kills them all after so many seconds.
DRIVER = """
import json, os, signal, socket, sys, time
import torch, torch.distributed, open_clip
from mmfeat import blocks, extraction
from mmfeat.backbones import registry
from mmfeat.corpus import file
from mmfeat.errors import MmfeatError
from mmfeat.store import shards, writer
from mmfeat import forward
import mmfeat.backbones.open_clip
torch.set_num_threads(1)

def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]

def work(asked, rank, address):
    size = asked.get("processes", 1)
    if size > 1:
        os.environ.update(RANK=str(rank), WORLD_SIZE=str(size), LOCAL_RANK=str(rank),
                          MASTER_ADDR="127.0.0.1", MASTER_PORT=str(address))
    blocks.BLOCK = asked.get("block", 4)
    if asked.get("lost") == rank:
        def lose(*_):
            os.kill(os.getpid(), signal.SIGKILL)
        shards.write_shard = lose
    settings = extraction.ExtractSettings(**asked["settings"])
    try:
        result = extraction.extract(asked["corpus"], asked["out"], settings)
    except MmfeatError as error:
        result = {"error": str(error)}
    if rank == 0:
        with open(asked["out"] + ".result", "w") as told:
            json.dump(result, told)

for line in sys.stdin:
    asked = json.loads(line)
    address, children = port(), []
    for rank in range(asked.get("processes", 1)):
        child = os.fork()
        if child == 0:
            try:
                work(asked, rank, address)
            except BaseException:
                import traceback
                traceback.print_exc()
            finally:
                os._exit(0)
        children.append(child)
    if "kill_after" in asked:
        time.sleep(asked["kill_after"])
        for child in children:
            os.kill(child, signal.SIGKILL)
    killed = [os.waitpid(child, 0)[1] == signal.SIGKILL for child in children]
    print(json.dumps(killed), flush=True)
"""


class Driver:
    """Extracts in processes that are forked from one with everything loaded."""

    def __init__(self, corpus: Path, spec: str) -> None:
        self.corpus, self.spec = corpus, spec
        self._process = subprocess.Popen(
            [sys.executable, "-c", DRIVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def extract(self, out: Path, settings: dict[str, object] | None = None, **more: object) -> dict:
        """Extract, and return what rank 0 gave; ``killed`` says which processes were killed."""
        told = Path(f"{out}.result")
        told.unlink(missing_ok=True)
        asked = {
            "corpus": str(self.corpus),
            "out": str(out),
            "settings": {"backbone": self.spec, "device": "cpu", "batch_size": 4}
            | (settings or {}),
        } | more
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        killed = json.loads(self._process.stdout.readline())
        result = json.loads(told.read_text()) if told.exists() else {}
        told.unlink(missing_ok=True)
        return result | {"killed": killed}

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
